// Package shop serves the pages of the storefront: rendered on the server, whole without
// JavaScript.
//
// Every page depends on the session and says Cache-Control: private, no-store. Every form carries
// the revision of the session that it was rendered from, so that what was changed meanwhile in
// another tab is not overwritten unseen.
package shop

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/sessionctx/storefront/defaults/sitefile"
	"github.com/sessionctx/storefront/examples/storefront/tokens"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

// Config configures a Shop. New copies it and never writes to it.
type Config struct {
	_ [0]func()

	// Resolver resolves the sessions. Required.
	Resolver *sessionctx.Resolver
	// Middleware says who is asking, by the same Resolver; its Config.Tenant must answer for every
	// path that Register takes, its Config.OnError should be Failed. Required.
	Middleware *middleware.Middleware
	// Files are the tenants with their sites and accounts. Required.
	Files *sitefile.Files
	// Tokens checks passwords. Required.
	Tokens *tokens.Issuer
	// Samples returns the customers of a tenant that the sign-in form offers to fill itself in
	// with, passwords included. Default: none. Never set it for customers of flesh and blood.
	Samples func(tenant string) []Sample
	// Logger receives what an operator should know. Default: slog.Default().
	Logger *slog.Logger
}

// Sample is a customer who exists for demonstration.
type Sample struct {
	ID, Email, Password string
	About               string // what is special about the customer, in English
}

// Shop serves the pages. It is safe for concurrent use by multiple goroutines.
type Shop struct {
	cfg     Config
	protect *http.CrossOriginProtection
}

// New returns a Shop.
func New(cfg Config) (*Shop, error) {
	if cfg.Resolver == nil || cfg.Middleware == nil || cfg.Files == nil || cfg.Tokens == nil {
		return nil, errors.New("shop: Config.Resolver, Config.Middleware, Config.Files and Config.Tokens are required")
	}
	if cfg.Samples == nil {
		cfg.Samples = func(string) []Sample { return nil }
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	s := &Shop{cfg: cfg, protect: http.NewCrossOriginProtection()}
	s.protect.SetDenyHandler(http.HandlerFunc(denied))
	return s, nil
}

// Register mounts the pages on mux: for the tenant in the path below /shop/{tenant}/, and for the
// one that the middleware names at /. Everything else on mux is answered with a page that says that
// there is nothing.
func (s *Shop) Register(mux *http.ServeMux) {
	for _, prefix := range []string{"", "/shop/{tenant}"} {
		for pattern, handler := range map[string]http.HandlerFunc{
			"GET " + prefix + "/{$}":       s.index,
			"GET " + prefix + "/preview":   s.preview,
			"POST " + prefix + "/choices":  s.choose,
			"GET " + prefix + "/sign-in":   s.signInForm,
			"POST " + prefix + "/sign-in":  s.signIn,
			"POST " + prefix + "/sign-out": s.signOut,
			"GET " + prefix + "/cart":      s.showCart,
			"POST " + prefix + "/cart":     s.changeCart,
			"GET " + prefix + "/choices":   home, // where a reader ends who reloads the answer to a form by its address
			"GET " + prefix + "/sign-out":  home,
			prefix + "/":                   s.nothing,
		} {
			mux.Handle(pattern, s.wrap(handler))
		}
	}
	mux.HandleFunc("GET /assets/{version}/{name}", serveAsset)
}

// wrap puts around a page what all pages need.
func (s *Shop) wrap(page http.HandlerFunc) http.Handler {
	inner := s.protect.Handler(s.cfg.Middleware.Wrap(page))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		inner.ServeHTTP(w, r)
	})
}

// maxForm bounds a form, in bytes: the longest has an e-mail address and a password.
const maxForm = 16 << 10

func home(w http.ResponseWriter, r *http.Request) { redirect(w, r, "") }

// redirect sends the browser to a path below the shop's, after a form was done with.
func redirect(w http.ResponseWriter, r *http.Request, path string) {
	w.Header().Set("Cache-Control", "private, no-store")
	http.Redirect(w, r, base(r)+path, http.StatusSeeOther)
}

// base returns the path of the shop's first page, with which all its links begin.
func base(r *http.Request) string {
	if tenant := r.PathValue("tenant"); tenant != "" {
		return "/shop/" + tenant + "/"
	}
	return "/"
}
