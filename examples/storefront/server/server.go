// Package server puts the storefront together: data, sessions, pages, health, log.
package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/sessionctx/storefront/defaults/sitefile"
	"github.com/sessionctx/storefront/examples/storefront/data"
	"github.com/sessionctx/storefront/examples/storefront/shop"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

// Server is the storefront. It is safe for concurrent use by multiple goroutines.
type Server struct {
	logger   *slog.Logger
	files    *sitefile.Files
	store    sessionctx.Store
	resolver *sessionctx.Resolver
	handler  http.Handler
	stopping atomic.Bool
}

// New returns a Server that is ready to serve. The error joins every mistake in cfg and in the data. Close it after use.
func New(cfg Config) (*Server, error) {
	s := &Server{logger: cfg.Logger}
	if s.logger == nil {
		s.logger = slog.Default()
	}
	var errs [3]error
	s.store, errs[0] = openStore(cfg.Store)
	_, errs[1] = readKey(cfg.KeyFile)
	s.files, errs[2] = openFiles(cfg.DataDir, s.logger)
	err := errors.Join(errs[:]...)
	if err == nil {
		err = s.assemble(&cfg)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func openFiles(dir string, logger *slog.Logger) (*sitefile.Files, error) {
	if dir == "" {
		return sitefile.FromFS(data.Shops())
	}
	return sitefile.Open(dir, sitefile.Config{Logger: logger})
}

func (s *Server) assemble(cfg *Config) (err error) {
	s.resolver, err = sessionctx.New(sessionctx.Config{Store: s.store, Directory: s.files, Logger: s.logger})
	if err != nil {
		return err
	}
	mw, err := middleware.New(middleware.Config{Resolver: s.resolver, Tenant: s.tenant, AcceptLanguage: true})
	if err != nil {
		return err
	}
	pages, err := shop.New(shop.Config{Resolver: s.resolver, Middleware: mw, Logger: s.logger})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", mw.Wrap(pages))
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	s.handler = logged(s.logger, mux)
	return nil
}

// Handler returns the handler of everything that the storefront serves.
func (s *Server) Handler() http.Handler { return s.handler }

// Close frees what the Server holds. Requests that come later fail.
func (s *Server) Close() error {
	var errs [2]error
	if s.resolver != nil {
		errs[0] = s.resolver.Close()
	}
	if s.files != nil {
		errs[1] = s.files.Close()
	}
	return errors.Join(errs[:]...)
}

// healthz says that the process answers.
func (s *Server) healthz(w http.ResponseWriter, r *http.Request) { answer(w, http.StatusOK, "ok") }

// readyz says whether requests should be sent here: not while it stops, and not while the store does not answer.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	if s.stopping.Load() {
		answer(w, http.StatusServiceUnavailable, "stopping")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), probeTimeout)
	defer cancel()
	if _, err := s.store.Load(ctx, sessionctx.Key{Tenant: "readyz", ID: "readyz"}); err != nil {
		s.logger.LogAttrs(ctx, slog.LevelWarn, "storefront: not ready", slog.Any("error", err))
		answer(w, http.StatusServiceUnavailable, "the store does not answer")
		return
	}
	answer(w, http.StatusOK, "ready")
}

func answer(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	w.Write([]byte(text + "\n"))
}
