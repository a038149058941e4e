// Package shop serves the pages of the storefront: rendered on the server, and complete without
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
	"net/netip"
	"net/url"
	"strings"

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
	// with, passwords included. Default: none. Never set it for real customers.
	Samples func(tenant string) []Sample
	// InsecureCookie says that the Middleware's cookie is kept over plain HTTP too. Without it a
	// form that comes from a page over plain HTTP is refused, and nothing is written: the browser
	// would not keep the cookie of the new session.
	InsecureCookie bool
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
// one that the middleware names at /. A path of the pages answers 405 to other methods. Everything
// else on mux is answered with 404: with a page for clients that read HTML, and with JSON for
// others.
func (s *Shop) Register(mux *http.ServeMux) {
	for _, prefix := range []string{"", "/shop/{tenant}"} {
		for path, methods := range map[string]methods{
			"/{$}":      {get: s.index},
			"/preview":  {get: s.preview},
			"/choices":  {get: home, post: s.choose}, // a shopper who opens the address of a form gets the first page
			"/sign-in":  {get: s.signInForm, post: s.signIn},
			"/sign-out": {get: home, post: s.signOut},
			"/cart":     {get: s.showCart, post: s.changeCart},
			"/":         {any: s.nothing},
		} {
			mux.Handle(prefix+path, s.wrap(methods))
		}
	}
	mux.HandleFunc("/assets/{version}/{name}", func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", methods{get: serveAsset}.allow())
			plain(w, r, http.StatusMethodNotAllowed, "method")
			return
		}
		serveAsset(w, r)
	})
}

// methods are what answers at a path. any answers to every method.
type methods struct{ get, post, any http.HandlerFunc }

func (m methods) of(method string) http.HandlerFunc {
	switch {
	case m.any != nil:
		return m.any
	case method == http.MethodGet, method == http.MethodHead:
		return m.get
	case method == http.MethodPost:
		return m.post
	}
	return nil
}

func (m methods) allow() string {
	if m.post == nil {
		return "GET, HEAD"
	}
	return "GET, HEAD, POST"
}

// wrap puts around the pages of a path what all pages need.
func (s *Shop) wrap(m methods) http.Handler {
	guarded := s.protect.Handler(s.cfg.Middleware.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := m.of(r.Method)
		switch {
		case page == nil:
			w.Header().Set("Allow", m.allow())
			s.nope(w, r, http.StatusMethodNotAllowed, "method")
		case r.Method == http.MethodPost && !s.cfg.InsecureCookie && insecure(r):
			s.fail(w, r, http.StatusForbidden, "insecure")
		default:
			page(w, r)
		}
	})))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		guarded.ServeHTTP(w, r)
	})
}

// insecure reports whether a form comes from a page of which browsers keep no Secure cookie: one
// over plain HTTP, and not from this machine (Secure Contexts, section 3.1). The Origin is what the
// browser sees: a proxy that speaks HTTPS does not hide it.
func insecure(r *http.Request) bool {
	u, err := url.Parse(r.Header.Get("Origin"))
	if err != nil || u.Scheme != "http" {
		return false
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	ip, err := netip.ParseAddr(host)
	return !(err == nil && ip.IsLoopback()) && host != "localhost" && !strings.HasSuffix(host, ".localhost")
}

// maxForm bounds a form, in bytes: the longest has an e-mail address and a password.
const maxForm = 16 << 10

func home(w http.ResponseWriter, r *http.Request) { redirect(w, r, "") }

// redirect sends the browser to a path of the shop, after a form was handled.
func redirect(w http.ResponseWriter, r *http.Request, path string) {
	w.Header().Set("Cache-Control", "private, no-store")
	http.Redirect(w, r, base(r)+path, http.StatusSeeOther)
}

// base returns the path of the shop's first page, with which all its links begin. The tenant in it
// is the session's, which is one that exists: nothing that a client wrote becomes part of a link.
func base(r *http.Request) string {
	if r.PathValue("tenant") == "" {
		return "/"
	}
	session, ok := sessionctx.FromContext(r.Context())
	if !ok || session.Tenant == "" {
		return "/"
	}
	return "/shop/" + session.Tenant + "/"
}
