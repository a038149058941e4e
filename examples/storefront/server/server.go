// Package server puts the storefront together: data, sessions, tokens, the HTTP interface, pages,
// health, log, and what operators see.
package server

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/sessionctx/storefront/defaults/sitefile"
	"github.com/sessionctx/storefront/examples/storefront/data"
	"github.com/sessionctx/storefront/examples/storefront/shop"
	"github.com/sessionctx/storefront/examples/storefront/tokens"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/middleware/rest"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/inspect"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// Server is the storefront. It is safe for concurrent use by multiple goroutines.
type Server struct {
	logger   *slog.Logger
	files    *sitefile.Files
	store    store.Store
	closer   io.Closer // of the store; nil: it has nothing to close
	resolver *sessionctx.Resolver
	handler  http.Handler
	drain    time.Duration
	stopping atomic.Bool

	inspector   *inspect.Inspector // nil without Config.Admin, as adminServer
	adminServer *http.Server
}

// New returns a Server that is ready to serve. The error joins every mistake in cfg and in the
// data. Close it after use.
func New(cfg Config) (*Server, error) {
	s := &Server{logger: cfg.Logger}
	if s.logger == nil {
		s.logger = slog.Default()
	}
	var errs [5]error
	var parts parts
	s.store, s.closer, errs[0] = openStore(cfg.Store, s.logger)
	parts.key, errs[1] = readKey(cfg.KeyFile)
	s.files, errs[2] = openFiles(cfg.DataDir, s.logger)
	parts.proxies, errs[3] = readProxies(cfg.TrustedProxies)
	s.drain, errs[4] = readDrain(cfg.Drain)
	err := errors.Join(errs[:]...)
	if err == nil {
		err = s.assemble(&cfg, &parts)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if cfg.KeyFile == "" {
		s.logger.Warn("tokens are signed with a random key: they end with this process; -key FILE gives it one that stays")
	} else if s.closer == nil {
		s.logger.Warn("tokens outlive this process and the memory store does not: logouts are forgotten at a restart")
	}
	return s, nil
}

func openFiles(dir string, logger *slog.Logger) (*sitefile.Files, error) {
	if dir == "" {
		return sitefile.FromFS(data.Shops())
	}
	return sitefile.Open(dir, sitefile.Config{Logger: logger})
}

// parts is what flags are read into.
type parts struct {
	key     []byte
	proxies []netip.Prefix
}

func (s *Server) assemble(cfg *Config, with *parts) (err error) {
	s.resolver, err = sessionctx.New(sessionctx.Config{
		Store: s.store, Directory: s.files, Logger: s.logger, TombstoneLife: tokens.CustomerRefreshLife,
	})
	if err != nil {
		return err
	}
	issuer, err := tokens.New(tokens.Config{Files: s.files, Resolver: s.resolver, Key: with.key, Logger: s.logger})
	if err != nil {
		return err
	}
	mw, err := middleware.New(middleware.Config{
		Resolver: s.resolver, Tenant: s.tenant, Identify: issuer.Verifier().Identify, AcceptLanguage: true, OnError: shop.Failed,
		InsecureCookie: cfg.InsecureCookie,
	})
	if err != nil {
		return err
	}
	api, err := rest.New(rest.Config{
		Resolver: s.resolver, Middleware: mw, Scopes: issuer.Verifier().Scopes, SaasToken: issuer.CustomerOf, Logger: s.logger,
		AllowedOrigins: readOrigins(cfg.Origins),
	})
	if err != nil {
		return fmt.Errorf("storefront: -cors: %w", err)
	}
	pages, err := shop.New(shop.Config{
		Resolver: s.resolver, Middleware: mw, Files: s.files, Tokens: issuer, Samples: samples(cfg.DataDir), Logger: s.logger,
		InsecureCookie: cfg.InsecureCookie,
	})
	if err != nil {
		return err
	}

	accounts := &accounts{files: s.files, resolver: s.resolver, verifier: issuer.Verifier(), logger: s.logger}
	mux := http.NewServeMux()
	mux.Handle("/customerlogin/", api.CORS(issuer.Handler()))
	mux.Handle("/customer/", api.CORS(issuer.Handler()))
	mux.Handle("/customer/{tenant}/me", api.CORS(accounts.endpoint(accounts.me)))
	mux.Handle("/site/{tenant}/sites", api.CORS(accounts.endpoint(accounts.sites)))
	mux.Handle("/site/{tenant}/sites/{code}", api.CORS(accounts.endpoint(accounts.site)))
	mux.Handle("/oauth/", issuer.Handler()) // a client with a secret is no script of a page
	mux.HandleFunc("/healthz", probe(s.healthz))
	mux.HandleFunc("/readyz", probe(s.readyz))
	pages.Register(mux)
	s.handler = throughProxies(with.proxies, logged(s.logger, before(mux, rest.Prefix, api)))
	if cfg.Admin {
		return s.admin(mw)
	}
	return nil
}

// samples returns the customers with whom the sign-in form can be filled in: those of the sample
// shop, and none for other data.
func samples(dir string) func(tenant string) []shop.Sample {
	if dir != "" {
		return nil
	}
	return func(tenant string) []shop.Sample {
		var all []shop.Sample
		for _, c := range data.Customers(tenant) {
			all = append(all, shop.Sample{ID: c.ID, Email: c.Email, Password: data.Password, About: c.About()})
		}
		return all
	}
}

// Handler returns the handler of everything that the storefront serves.
func (s *Server) Handler() http.Handler { return s.handler }

// Close frees what the Server holds. Requests that come later fail.
func (s *Server) Close() error {
	var errs [4]error
	if s.adminServer != nil {
		errs[3] = s.adminServer.Close()
	}
	if s.inspector != nil {
		s.inspector.Close()
	}
	if s.resolver != nil {
		errs[0] = s.resolver.Close()
	}
	if s.files != nil {
		errs[1] = s.files.Close()
	}
	if s.closer != nil {
		errs[2] = s.closer.Close()
	}
	return errors.Join(errs[:]...)
}
