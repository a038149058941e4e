package middleware_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// directory knows two tenants and two customers.
var directory = sessionctx.Static{
	"demoshop": {
		Sites: []defaults.Site{
			{Code: "main", Default: true, Currency: "EUR", Currencies: []string{"EUR", "CHF"}, Country: "DE", Language: "de", Languages: []string{"de", "en", "fr"}},
			{Code: "at", Currency: "EUR", Country: "AT", Language: "de", Languages: []string{"de"}},
			{Code: "ch", Currency: "CHF", Currencies: []string{"CHF", "EUR"}, Country: "CH", Language: "fr", Languages: []string{"fr", "de"}},
			{Code: "trade", Currency: "EUR", Country: "AT", Language: "de"},
		},
		Customers: map[string]defaults.Customer{
			"anna": {Currency: "CHF", Language: "fr", Addresses: []defaults.Address{{Country: "CH", Tags: []string{"shipping"}}}},
			"bert": {Addresses: []defaults.Address{{Country: "AT", Tags: []string{"billing"}}}},
		},
	},
	"othershop": {
		Sites: []defaults.Site{{Code: "main", Default: true, Currency: "GBP", Currencies: []string{"GBP", "USD"}, Country: "GB", Language: "en"}},
	},
}

// shop is a resolver over a memory store, for one test.
type shop struct {
	t        testing.TB
	store    store.Store
	resolver *sessionctx.Resolver
}

func newShop(t testing.TB) *shop {
	t.Helper()
	return newShopOn(t, new(memstore.Store), directory)
}

func newShopOn(t testing.TB, backend store.Store, dir sessionctx.Directory, change ...func(*sessionctx.Config)) *shop {
	t.Helper()
	cfg := sessionctx.Config{
		Store: backend, Directory: dir, CacheBytes: 8 << 20, Logger: slog.New(slog.DiscardHandler),
		Timeout: time.Minute, // a busy machine is no store that hangs
	}
	for _, c := range change {
		c(&cfg)
	}
	resolver, err := sessionctx.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, resolver.Close()) })
	return &shop{t, backend, resolver}
}

// middleware returns a Middleware of demoshop, with its Config changed by edit.
func (s *shop) middleware(edit func(*middleware.Config)) *middleware.Middleware {
	s.t.Helper()
	cfg := middleware.Config{Resolver: s.resolver, Tenant: middleware.Tenant("demoshop")}
	if edit != nil {
		edit(&cfg)
	}
	mw, err := middleware.New(cfg)
	require.NoError(s.t, err)
	return mw
}

func get(target string) *http.Request {
	return httptest.NewRequest(http.MethodGet, target, nil)
}

func serve(h http.Handler, r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func prefixes(ss ...string) []netip.Prefix {
	ps := make([]netip.Prefix, len(ss))
	for i, s := range ss {
		ps[i] = netip.MustParsePrefix(s)
	}
	return ps
}

// browser keeps cookies by name, and may be made to receive its answers late and in any order.
// It is used by one goroutine at a time.
type browser struct {
	t   testing.TB
	mw  *middleware.Middleware
	jar map[string]string
}

func newBrowser(t testing.TB, mw *middleware.Middleware) *browser {
	return &browser{t, mw, make(map[string]string)}
}

// request returns a request with the cookies that the browser has now.
func (b *browser) request(target string) *http.Request {
	r := get(target)
	for name, value := range b.jar {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	return r
}

// receive takes an answer in.
func (b *browser) receive(w *httptest.ResponseRecorder) {
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(b.jar, c.Name)
		} else {
			b.jar[c.Name] = c.Value
		}
	}
}

// get returns the session that a page sees.
func (b *browser) get(target string) sessionctx.Session {
	b.t.Helper()
	var s sessionctx.Session
	w := httptest.NewRecorder()
	b.mw.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var ok bool
		s, ok = sessionctx.FromContext(r.Context())
		require.True(b.t, ok)
	})).ServeHTTP(w, b.request(target))
	require.Empty(b.t, w.Header()["Set-Cookie"], "a read sets no cookie")
	return s
}

func (b *browser) update(target string, p sessionctx.Patch) sessionctx.Session {
	b.t.Helper()
	w := httptest.NewRecorder()
	s, err := b.mw.Update(w, b.request(target), p)
	require.NoError(b.t, err)
	b.receive(w)
	return s
}

func (b *browser) login(customerID string) sessionctx.Session {
	b.t.Helper()
	w := httptest.NewRecorder()
	s, err := b.mw.Login(w, b.request("/"), customerID)
	require.NoError(b.t, err)
	b.receive(w)
	return s
}

func (b *browser) logout() sessionctx.Session {
	b.t.Helper()
	w := httptest.NewRecorder()
	s, err := b.mw.Logout(w, b.request("/"))
	require.NoError(b.t, err)
	b.receive(w)
	return s
}
