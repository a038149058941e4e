package pagecache

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

const (
	header    = "Session-Variant"
	cookie    = "__Host-Session-Variant"
	serial    = "X-Serial" // of a response of the shop: a response that is seen twice came from a cache
	separator = " | "      // between what everybody of the variant sees, and what is one shopper's
)

// pages are shared; the last one is one of another site, and one before it of another language.
var pages = []string{"/", "/shoes", "/shirts", "/en/shoes", "/ch/shoes"}

var customers = map[string]defaults.Customer{
	"anna":  {Currency: "CHF", Language: "fr", Addresses: []defaults.Address{{Country: "CH", Tags: []string{"shipping"}}}},
	"bert":  {Addresses: []defaults.Address{{Country: "AT", Tags: []string{"shipping"}}}},
	"carla": {Site: "ch", Language: "it"},
}

// shop is the server behind the cache.
type shop struct {
	resolver *sessionctx.Resolver
	mw       *middleware.Middleware
	url      string
	served   atomic.Int64 // shared pages that it has answered
	serial   atomic.Int64
}

func newShop(t *testing.T) *shop {
	s := &shop{resolver: evidence.Resolver(t, func(c *sessionctx.Config) {
		c.Directory = sessionctx.Static{evidence.Tenant: {
			Sites: []defaults.Site{
				{Code: "main", Default: true, Currency: "EUR", Currencies: []string{"CHF", "USD"}, Country: "DE", Language: "de", Languages: []string{"en", "fr"}},
				{Code: "ch", Currency: "CHF", Currencies: []string{"EUR"}, Country: "CH", Language: "de", Languages: []string{"fr", "it"}},
			},
			Customers: customers,
		}}
	})}
	mw, err := middleware.New(middleware.Config{
		Resolver: s.resolver, Tenant: middleware.Tenant(evidence.Tenant), Variant: true, AcceptLanguage: true,
		CountryHeader: "X-Country", TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
		Sites: map[string]middleware.SiteLanguage{"/en": {Language: "en"}, "/ch": {Site: "ch"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.mw = mw
	server := httptest.NewServer(s.handler())
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *shop) handler() http.Handler {
	mux := http.NewServeMux()
	write := func(path string, do func(w http.ResponseWriter, r *http.Request) (sessionctx.Session, error)) {
		for _, prefix := range []string{"", "/en", "/ch"} { // a language and a site of the URL
			mux.HandleFunc("POST "+prefix+path, func(w http.ResponseWriter, r *http.Request) {
				if _, err := do(w, r); err != nil {
					middleware.Fail(w, r, err, nil)
				}
			})
		}
	}
	write("/choose", func(w http.ResponseWriter, r *http.Request) (sessionctx.Session, error) {
		value := sessionctx.Clear()
		if v := r.FormValue("value"); v != "" {
			value = sessionctx.Set(v)
		}
		var p sessionctx.Patch
		switch r.FormValue("field") {
		case "site":
			p.Site = value
		case "currency":
			p.Currency = value
		case "country":
			p.Country = value
		case "language":
			p.Language = value
		}
		return s.mw.Update(w, r, p)
	})
	write("/cart", func(w http.ResponseWriter, r *http.Request) (sessionctx.Session, error) {
		return s.mw.Update(w, r, sessionctx.Patch{CartID: sessionctx.Set(r.FormValue("cart"))})
	})
	write("/login", func(w http.ResponseWriter, r *http.Request) (sessionctx.Session, error) {
		return s.mw.Login(w, r, r.FormValue("customer"))
	})
	write("/logout", s.mw.Logout)
	mux.HandleFunc("GET /account", func(w http.ResponseWriter, r *http.Request) {
		session, _ := sessionctx.FromContext(r.Context())
		fmt.Fprint(w, shown(&session, r.URL.Path), separator, private(&session))
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		s.served.Add(1)
		session, _ := sessionctx.FromContext(r.Context())
		if err := s.mw.Shareable(w, r, time.Hour); err != nil {
			fmt.Fprint(w, shown(&session, r.URL.Path), separator, private(&session))
			return
		}
		fmt.Fprint(w, shown(&session, r.URL.Path))
	})
	wrapped := s.mw.Wrap(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(serial, fmt.Sprint(s.serial.Add(1)))
		wrapped.ServeHTTP(w, r)
	})
}

// shown is what a page shows everybody of the variant.
func shown(s *sessionctx.Session, path string) string {
	return strings.Join([]string{path, s.Site, s.Currency, s.Country, s.Language}, " ")
}

// private is what a page shows one shopper.
func private(s *sessionctx.Session) string {
	return fmt.Sprintf("customer %q, cart %q", s.CustomerID, s.CartID)
}
