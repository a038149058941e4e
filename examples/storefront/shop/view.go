package shop

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"strconv"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/defaults/display"
	"github.com/sessionctx/storefront/examples/storefront/wording"
	"github.com/sessionctx/storefront/sessionctx"
)

//go:embed templates
var templateFiles embed.FS

// pages are the templates of all pages, each with the layout and the parts.
var pages = func() map[string]*template.Template {
	common := template.Must(template.New("").Funcs(template.FuncMap{"asset": assetPath, "dir": func(tag string) string { return display.For(tag).Dir() }}).
		ParseFS(templateFiles, "templates/layout.html", "templates/part-*.html"))
	all := map[string]*template.Template{}
	names, _ := fs.Glob(templateFiles, "templates/page-*.html")
	for _, name := range names {
		all[path.Base(name)] = template.Must(template.Must(common.Clone()).ParseFS(templateFiles, name))
	}
	return all
}()

// view is what every page shows.
type view struct {
	*wording.Language
	Title    string
	Brand    string // the site's name
	Base     string // the path with which the shop's links begin
	Session  sessionctx.Session
	Revision string
	Email    string // of the customer who is signed in
	Items    int    // in the cart
	Notice   *notice
	Tenants  []string // of this server, if there are several

	names    names
	rejected []defaults.Rejection
}

// notice is a short message that says what a form has done.
type notice struct {
	Text  string
	Alert bool   // something went wrong
	At    string // id of the product beside which it stands, where the shopper clicked; empty: above the page
}

// view returns what every page shows to the shopper who asks, in the session as it is now.
func (s *Shop) view(r *http.Request) view {
	e := s.explain(r)
	v := view{
		Language: wording.For(e.Session.Language),
		Base:     base(r),
		Session:  e.Session,
		Revision: e.Session.Revision().String(),
		Items:    readCart(e.Session).items(),
		rejected: e.Rejected,
	}
	sites, err := s.cfg.Resolver.Sites(r.Context(), e.Session.Tenant)
	if err != nil {
		s.cfg.Logger.LogAttrs(r.Context(), slog.LevelWarn, "shop: no sites for the pickers", slog.Any("error", err))
	}
	v.names = names{display.For(e.Session.Language), sites}
	site := v.names.site(e.Session.Site)
	v.Brand = cmp.Or(display.Isolate(site.Name), site.Code, e.Session.Tenant)
	if account, ok := s.cfg.Files.AccountOf(e.Session.Tenant, e.Session.CustomerID); ok && e.Session.CustomerID != "" {
		v.Email = display.Isolate(account.Email)
	} else if e.Session.CustomerID != "" {
		v.Email = e.Session.CustomerID
	}
	if tenants := s.cfg.Files.Tenants(); len(tenants) > 1 {
		v.Tenants = tenants
	}
	return v
}

// explain returns the session of the request as it is now, and why its values are what they are. If
// that cannot be had, it returns the session that the middleware has attached, without reasons.
func (s *Shop) explain(r *http.Request) sessionctx.Explanation {
	session, _ := sessionctx.FromContext(r.Context())
	if session.Degraded {
		return sessionctx.Explanation{Session: session}
	}
	req, err := s.cfg.Middleware.Request(r)
	if err == nil {
		var e sessionctx.Explanation
		if e, err = s.cfg.Resolver.Preview(r.Context(), req, sessionctx.Patch{}); err == nil {
			return e
		}
	}
	s.cfg.Logger.LogAttrs(r.Context(), slog.LevelWarn, "shop: session not explained", slog.Any("error", err))
	return sessionctx.Explanation{Session: session}
}

// previewOf returns what a write would do to the session of the request now.
func (s *Shop) previewOf(ctx context.Context, r *http.Request, p sessionctx.Patch) (sessionctx.Explanation, error) {
	req, err := s.cfg.Middleware.Request(r)
	if err != nil {
		return sessionctx.Explanation{}, err
	}
	return s.cfg.Resolver.Preview(ctx, req, p)
}

// render answers with a page. Nothing is written before the page is whole.
func render(w http.ResponseWriter, code int, page, block string, data any) error {
	var b bytes.Buffer
	if err := pages[page].ExecuteTemplate(&b, block, data); err != nil {
		return fmt.Errorf("shop: %s: %w", page, err)
	}
	secure(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(code)
	w.Write(b.Bytes())
	return nil
}

// show answers with a page, or says that it cannot.
func (s *Shop) show(w http.ResponseWriter, r *http.Request, code int, page string, data any) {
	s.showBlock(w, r, code, page, "layout.html", data)
}

func (s *Shop) showBlock(w http.ResponseWriter, r *http.Request, code int, page, block string, data any) {
	if err := render(w, code, page, block, data); err != nil {
		s.cfg.Logger.LogAttrs(r.Context(), slog.LevelError, "shop: page not rendered", slog.Any("error", err))
		denyCaching(w.Header())
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	}
}

// secure sets the headers of every page. Referrer-Policy is not no-referrer, because browsers then
// send "Origin: null" with forms, and the check against forged forms would refuse them.
func secure(h http.Header) {
	denyCaching(h)
	h.Set("Vary", "Cookie, Accept-Language")
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
}
