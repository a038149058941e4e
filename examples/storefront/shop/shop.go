// Package shop serves the pages of the storefront.
package shop

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"log/slog"
	"net/http"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

// Config configures a Shop.
type Config struct {
	_ [0]func()

	Resolver   *sessionctx.Resolver   // required
	Middleware *middleware.Middleware // that wraps the Shop; required
	Logger     *slog.Logger           // default: slog.Default()
}

// Shop serves the pages. It is safe for concurrent use by multiple goroutines.
type Shop struct {
	cfg Config
	mux *http.ServeMux
}

//go:embed templates
var files embed.FS

var templates = template.Must(template.ParseFS(files, "templates/*.html"))

// New returns a Shop.
func New(cfg Config) (*Shop, error) {
	if cfg.Resolver == nil || cfg.Middleware == nil {
		return nil, errors.New("shop: Config.Resolver and Config.Middleware are required")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	s := &Shop{cfg: cfg, mux: http.NewServeMux()}
	s.mux.HandleFunc("GET /{$}", s.page)
	s.mux.HandleFunc("GET /shop/{tenant}/{$}", s.page)
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Shop) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

type row struct {
	Field    defaults.Field
	Value    string
	Source   defaults.Source
	Rejected []defaults.Rejection
}

func (s *Shop) page(w http.ResponseWriter, r *http.Request) {
	req, err := s.cfg.Middleware.Request(r)
	if err != nil {
		middleware.Fail(w, r, err, nil)
		return
	}
	e, err := s.cfg.Resolver.Preview(r.Context(), req, sessionctx.Patch{})
	if err != nil {
		middleware.Fail(w, r, err, nil)
		return
	}
	v := e.Session
	var rows []row
	for f, value := range [defaults.NumFields]string{v.Site, v.Currency, v.Country, v.Language} {
		line := row{Field: defaults.Field(f), Value: value, Source: v.Source(defaults.Field(f))}
		for _, rejected := range e.Rejected {
			if rejected.Field == line.Field {
				line.Rejected = append(line.Rejected, rejected)
			}
		}
		rows = append(rows, line)
	}
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, "page.html", map[string]any{"Tenant": req.Tenant, "Session": v, "Rows": rows}); err != nil {
		s.cfg.Logger.LogAttrs(r.Context(), slog.LevelError, "shop: page not rendered", slog.Any("error", err))
		middleware.Fail(w, r, err, nil)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "private, no-store")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	w.Write(b.Bytes())
}
