package middleware_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

const (
	variantHeader = "Session-Variant"
	variantCookie = "__Host-Session-Variant"
	guestVariant  = "1-demoshop:main:EUR:DE:de" // of a guest of demoshop
)

func withVariants(cfg *middleware.Config) { cfg.Variant = true }

// proxied is a request with the cookies that b has, after the proxy has copied the variant.
func proxied(b *browser, target string) *http.Request {
	r := b.request(target)
	if key, ok := b.jar[variantCookie]; ok {
		r.Header.Set(variantHeader, key)
	}
	return r
}

// visitPage is one page of b through the proxy. It returns the response, which b has received.
func visitPage(b *browser, target string, page http.HandlerFunc) *http.Response {
	w := httptest.NewRecorder()
	b.mw.Wrap(page).ServeHTTP(w, proxied(b, target))
	b.receive(w)
	return w.Result()
}

func blank(http.ResponseWriter, *http.Request) {}

func variantLine(res *http.Response) string {
	for _, c := range res.Cookies() {
		if c.Name == variantCookie {
			return c.Value
		}
	}
	return ""
}

func TestVariant_FollowsTheSessionInHeaderAndCookie(t *testing.T) {
	const chosen, annas = "1-demoshop:main:CHF:DE:de", "1-demoshop:main:CHF:CH:fr"
	mw := newShop(t).middleware(func(cfg *middleware.Config) {
		cfg.Variant, cfg.Sites = true, map[string]middleware.SiteLanguage{"/ch": {Site: "ch"}, "/fr": {Language: "fr"}}
	})
	b := newBrowser(t, mw)
	write := func(do func(http.ResponseWriter, *http.Request) error) func() *http.Response {
		return func() *http.Response {
			w := httptest.NewRecorder()
			require.NoError(t, do(w, b.request("/")))
			b.receive(w)
			return w.Result()
		}
	}
	read := func(target string) func() *http.Response {
		return func() *http.Response { return visitPage(b, target, blank) }
	}
	steps := []struct {
		desc string
		do   func() *http.Response
		want string
		set  bool
	}{
		{"the first page", read("/"), guestVariant, true},
		{"the second page", read("/"), guestVariant, false},
		{"a page of another site by URL", read("/ch/"), "1-demoshop:@ch:CHF:CH:fr", true},
		{"a page of another language by URL", read("/fr/"), "1-demoshop:main:EUR:DE:@fr", true},
		{"back", read("/"), guestVariant, true},
		{"a choice", write(func(w http.ResponseWriter, r *http.Request) error {
			_, err := mw.Update(w, r, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			return err
		}), chosen, true},
		{"a page after the choice", read("/"), chosen, false},
		{"a cart changes no variant", write(func(w http.ResponseWriter, r *http.Request) error {
			_, err := mw.Update(w, r, sessionctx.Patch{CartID: sessionctx.Set("cart-1")})
			return err
		}), chosen, false},
		{"a login", write(func(w http.ResponseWriter, r *http.Request) error {
			_, err := mw.Login(w, r, "anna")
			return err
		}), annas, true},
		{"a page of the customer", read("/"), annas, false},
		{"a logout keeps the choice", write(func(w http.ResponseWriter, r *http.Request) error {
			_, err := mw.Logout(w, r)
			return err
		}), chosen, true},
		{"the choice is taken back", write(func(w http.ResponseWriter, r *http.Request) error {
			_, err := mw.Update(w, r, sessionctx.Patch{Currency: sessionctx.Clear()})
			return err
		}), guestVariant, true},
		{"the last page", read("/"), guestVariant, false},
	}
	for _, s := range steps {
		res := s.do()
		assert.Equal(t, s.want, res.Header.Get(variantHeader), s.desc)
		assert.Equal(t, s.want, b.jar[variantCookie], s.desc)
		assert.Equal(t, s.set, variantLine(res) != "", s.desc)
		if len(res.Header["Set-Cookie"]) > 0 {
			assert.Equal(t, []string{"private, no-store"}, res.Header["Cache-Control"], s.desc)
		}
	}
}

func TestVariant_IsSetWhereTheBrowserHasAnotherOne(t *testing.T) {
	const other = "1-demoshop:main:CHF:DE:de"
	cases := []struct {
		desc    string
		method  string
		header  []string // Session-Variant of the request
		cookies []string // values of the variant cookie
		more    map[string]string
		edit    func(*middleware.Config)
		set     bool
	}{
		{desc: "nothing", set: true},
		{desc: "HEAD", method: "HEAD", set: true},
		{desc: "the right one, copied", header: []string{guestVariant}, cookies: []string{guestVariant}},
		{desc: "the right one, without a proxy", cookies: []string{guestVariant}},
		{desc: "the right one, and the proxy keeps the cookie to itself", header: []string{guestVariant}},
		{desc: "another one", header: []string{other}, cookies: []string{other}, set: true},
		{desc: "an older form", header: []string{"0-main"}, cookies: []string{"0-main"}, set: true},
		{desc: "an empty header", header: []string{""}, set: true},
		{desc: "two headers", header: []string{guestVariant, other}, set: true},
		{desc: "two cookies: nobody knows which of them the proxy takes", cookies: []string{guestVariant, other}, set: true},
		{desc: "the same cookie twice", cookies: []string{guestVariant, guestVariant}},
		{desc: "a POST: its answer is no page", method: "POST"},
		{desc: "a token", more: map[string]string{"Authorization": "Bearer x"}},
		{desc: "a password of the proxy's", more: map[string]string{"Authorization": "Basic eDp5"}, set: true},
		{desc: "an image on another site: the cookies are withheld", more: map[string]string{
			"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image",
		}},
		{desc: "a link on another site", more: map[string]string{
			"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document",
		}, set: true},
		{desc: "variants are off", edit: func(cfg *middleware.Config) { cfg.Variant = false }},
		{desc: "no session", edit: func(cfg *middleware.Config) { cfg.Skip = func(*http.Request) bool { return true } }},
		{desc: "an operator looks at a session", edit: func(cfg *middleware.Config) {
			cfg.Identify = func(*http.Request) (sessionctx.Identity, error) {
				return sessionctx.Identity{SessionID: "s", Proof: sessionctx.Management}, nil
			}
		}},
		{desc: "bad credentials, shown as a guest", edit: func(cfg *middleware.Config) {
			cfg.OnError, cfg.Identify = middleware.RenderDefaults, func(*http.Request) (sessionctx.Identity, error) {
				return sessionctx.Identity{}, middleware.ErrUnauthenticated
			}
		}},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			mw := newShop(t).middleware(func(cfg *middleware.Config) {
				cfg.Variant = true
				if tc.edit != nil {
					tc.edit(cfg)
				}
			})
			r := get("/")
			if tc.method != "" {
				r.Method = tc.method
			}
			if tc.header != nil {
				r.Header[variantHeader] = tc.header
			}
			for _, value := range tc.cookies {
				r.AddCookie(&http.Cookie{Name: variantCookie, Value: value})
			}
			for name, value := range tc.more {
				r.Header.Set(name, value)
			}
			res := serve(mw.Wrap(http.HandlerFunc(blank)), r)
			if !tc.set {
				assert.Empty(t, res.Header["Set-Cookie"])
				return
			}
			assert.Equal(t, []string{variantCookie + "=" + guestVariant + "; Path=/; Max-Age=1800; HttpOnly; Secure; SameSite=Lax"}, res.Header["Set-Cookie"])
			assert.Equal(t, []string{"private, no-store"}, res.Header["Cache-Control"])
		})
	}
}

// A shopper who sees only pages of a cache uses the session within half of its idle time.
func TestVariant_CookieEndsBeforeTheSession(t *testing.T) {
	for idle, want := range map[struct{ anonymous, customer time.Duration }]int{
		{}: 1800, {anonymous: time.Hour}: 1800, {anonymous: 20 * time.Minute}: 600, {anonymous: 90 * time.Second}: 45,
		{anonymous: 30 * 24 * time.Hour}: 1800, {anonymous: -1}: 1800, {customer: 20 * time.Minute}: 600,
		{anonymous: 10 * time.Minute, customer: 20 * time.Minute}: 300,
	} {
		resolver, err := sessionctx.New(sessionctx.Config{
			Store: new(memstore.Store), Directory: directory, AnonymousIdle: idle.anonymous, CustomerIdle: idle.customer,
			Logger: slog.New(slog.DiscardHandler), Timeout: time.Minute,
		})
		require.NoError(t, err)
		defer resolver.Close()
		mw, err := middleware.New(middleware.Config{Resolver: resolver, Tenant: middleware.Tenant("demoshop"), Variant: true, InsecureCookie: true})
		require.NoError(t, err)
		res := serve(mw.Wrap(http.HandlerFunc(blank)), get("/"))
		require.Len(t, res.Cookies(), 1)
		assert.Equal(t, want, res.Cookies()[0].MaxAge, "%v", idle)
		assert.Equal(t, variantHeader, res.Cookies()[0].Name, "over plain HTTP")
		assert.False(t, res.Cookies()[0].Secure)
	}
}

// Nobody knows what the browser is to see next: its next request must come through.
func TestVariant_IsForgottenAfterAWriteThatFails(t *testing.T) {
	refuse := sessionctx.Patch{Currency: sessionctx.Set("CHF"), Require: func(sessionctx.Session) error { return sessionctx.ErrConflict }}
	cases := []struct {
		desc  string
		shop  func(*testing.T) *shop
		write func(*middleware.Middleware, http.ResponseWriter, *http.Request) error
	}{
		{"Update", newShopOf(new(memstore.Store), directory), func(mw *middleware.Middleware, w http.ResponseWriter, r *http.Request) error {
			_, err := mw.Update(w, r, refuse)
			return err
		}},
		{"Update, after a write of this response", newShopOf(new(memstore.Store), directory), func(mw *middleware.Middleware, w http.ResponseWriter, r *http.Request) error {
			_, err := mw.Update(w, r, sessionctx.Patch{Country: sessionctx.Set("AT")})
			assert.NoError(t, err)
			_, err = mw.Update(w, r, refuse)
			return err
		}},
		{"Login, the store is down", newShopOf(broken{}, directory), func(mw *middleware.Middleware, w http.ResponseWriter, r *http.Request) error {
			_, err := mw.Login(w, r, "anna")
			return err
		}},
		{"Logout, the store is down", newShopOf(broken{}, directory), func(mw *middleware.Middleware, w http.ResponseWriter, r *http.Request) error {
			_, err := mw.Logout(w, r)
			return err
		}},
		{"Login succeeds, and the profile is missing", newShopOf(new(memstore.Store), strangers{directory}), func(mw *middleware.Middleware, w http.ResponseWriter, r *http.Request) error {
			s, err := mw.Login(w, r, "anna")
			assert.True(t, s.ProfileMissing)
			assert.NoError(t, err)
			return sessionctx.ErrUnavailable
		}},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			mw := tc.shop(t).middleware(withVariants)
			r := get("/")
			r.AddCookie(&http.Cookie{Name: variantCookie, Value: guestVariant})
			r.AddCookie(&http.Cookie{Name: cookieName, Value: secretA})
			w := httptest.NewRecorder()
			require.Error(t, tc.write(mw, w, r))
			var ages []int
			for _, c := range w.Result().Cookies() {
				if c.Name == variantCookie {
					ages = append(ages, c.MaxAge)
				}
			}
			assert.Equal(t, []int{-1}, ages)
			assert.Empty(t, w.Header()[variantHeader])
			assert.Equal(t, "private, no-store", w.Header().Get("Cache-Control"))
		})
	}
}

// Another process has changed the session, and this one does not know it yet. Its old variant would
// stay in the browser for much longer than it stays here.
func TestVariant_OfAStaleReadDoesNotReplaceANewerOne(t *testing.T) {
	backend := unwatched{new(memstore.Store)}
	process := func() *middleware.Middleware {
		resolver, err := sessionctx.New(sessionctx.Config{
			Store: backend, Directory: directory, MaxStale: time.Hour, Logger: slog.New(slog.DiscardHandler),
			Timeout: time.Minute, // a busy machine is no store that hangs
		})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, resolver.Close()) })
		mw, err := middleware.New(middleware.Config{Resolver: resolver, Tenant: middleware.Tenant("demoshop"), Variant: true})
		require.NoError(t, err)
		return mw
	}
	const chosen, later = "1-demoshop:main:CHF:DE:de", "1-demoshop:main:CHF:AT:de"
	here, there := process(), process()
	b := newBrowser(t, there)
	shown := ""
	page := func(w http.ResponseWriter, r *http.Request) {
		s, _ := sessionctx.FromContext(r.Context())
		shown = s.Variant()
		_ = b.mw.Shareable(w, r, time.Minute)
	}
	b.update("/", sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	b.mw = here
	visitPage(b, "/", page)
	require.Equal(t, chosen, shown, "this process has read the session")
	b.mw = there
	b.update("/", sessionctx.Patch{Country: sessionctx.Set("AT")})
	require.Equal(t, later, b.jar[variantCookie])

	b.mw = here
	res := visitPage(b, "/", page)
	require.Equal(t, chosen, shown, "the read is stale")
	assert.Equal(t, later, b.jar[variantCookie])
	assert.Empty(t, res.Header["Set-Cookie"])
	assert.Equal(t, chosen, res.Header.Get(variantHeader), "what the page shows")
	assert.Contains(t, res.Header.Get("Cache-Control"), "private")

	// An old cookie is renewed by what the store says.
	b.jar[variantCookie] = "1-demoshop:main:USD:DE:de"
	visitPage(b, "/", page)
	assert.Equal(t, later, b.jar[variantCookie])
}

// The host says who is logged in. The next page that comes through has the customer's variant.
func TestVariant_FollowsTheHostsOwnLogin(t *testing.T) {
	customer := ""
	mw := newShop(t).middleware(func(cfg *middleware.Config) {
		cfg.Variant, cfg.Customer = true, func(*http.Request) (string, error) { return customer, nil }
	})
	b := newBrowser(t, mw)
	for _, step := range []struct{ customer, want string }{
		{"", guestVariant}, {"", guestVariant},
		{"anna", "1-demoshop:main:CHF:CH:fr"}, {"anna", "1-demoshop:main:CHF:CH:fr"},
		{"bert", "1-demoshop:main:EUR:AT:de"}, {"", guestVariant},
	} {
		customer = step.customer
		var refused error
		visitPage(b, "/", func(w http.ResponseWriter, r *http.Request) { refused = mw.Shareable(w, r, time.Minute) })
		assert.Equal(t, step.want, b.jar[variantCookie], "%q", customer)
		if refused == nil {
			continue
		}
		visitPage(b, "/", func(w http.ResponseWriter, r *http.Request) { assert.NoError(t, mw.Shareable(w, r, time.Minute)) })
	}
}

// unwatched is a Store that tells nobody of changes.
type unwatched struct{ store.Store }

func newShopOf(backend store.Store, dir sessionctx.Directory) func(*testing.T) *shop {
	return func(t *testing.T) *shop { return newShopOn(t, backend, dir) }
}

// In an outage the browser keeps the variant that it has: its pages are in the caches.
func TestVariant_StaysInAnOutage(t *testing.T) {
	for desc, s := range map[string]*shop{
		"the store is down":    newShopOn(t, broken{}, directory),
		"profiles are missing": newShopOn(t, new(memstore.Store), strangers{directory}),
	} {
		t.Run(desc, func(t *testing.T) {
			mw := s.middleware(func(cfg *middleware.Config) {
				cfg.Variant = true
				if desc != "the store is down" {
					cfg.Identify = func(*http.Request) (sessionctx.Identity, error) { return sessionctx.Identity{CustomerID: "anna"}, nil }
				}
			})
			r := get("/")
			r.AddCookie(&http.Cookie{Name: cookieName, Value: secretA})
			r.AddCookie(&http.Cookie{Name: variantCookie, Value: "1-demoshop:main:CHF:DE:de"})
			for _, header := range []string{"", guestVariant, "1-demoshop:main:CHF:DE:de"} {
				r.Header.Set(variantHeader, header)
				res := serve(mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					assert.Error(t, mw.Shareable(w, r, time.Minute))
				})), r)
				assert.Empty(t, res.Header["Set-Cookie"])
				assert.Empty(t, res.Header[variantHeader])
				assert.Equal(t, "private, no-store", res.Header.Get("Cache-Control"))
			}
		})
	}
}

func TestShareable_WithVariantsIsForAllWhoHaveTheVariant(t *testing.T) {
	const chosen = "1-demoshop:main:CHF:DE:de"
	host := func(cfg *middleware.Config) {
		cfg.Customer = func(*http.Request) (string, error) { return "", nil }
	}
	hints := func(cfg *middleware.Config) {
		cfg.AcceptLanguage = true
		cfg.Country = func(*http.Request) string { return "AT" }
	}
	set := func(p sessionctx.Patch) func(*browser) { return func(b *browser) { b.update("/", p) } }
	cases := []struct {
		desc string
		edit func(*middleware.Config)
		be   func(*browser)
		vary []string // before next
		want []string
		key  string
	}{
		{"a guest", nil, nil, nil, []string{variantHeader}, guestVariant},
		{"a guest whose country no header names", hints, nil, nil, []string{variantHeader}, "1-demoshop:main:EUR:AT:de"},
		{"a shopper with a choice", nil, set(sessionctx.Patch{Currency: sessionctx.Set("CHF")}), nil, []string{variantHeader}, chosen},
		{"a shopper with a cart", nil, set(sessionctx.Patch{CartID: sessionctx.Set("cart-1")}), nil, []string{variantHeader}, guestVariant},
		{"a customer", nil, func(b *browser) { b.login("anna") }, nil, []string{variantHeader}, "1-demoshop:main:CHF:CH:fr"},
		{"a host with tokens", func(cfg *middleware.Config) { cfg.Identify = guest }, nil, nil, []string{variantHeader + ", Authorization"}, guestVariant},
		{"a host with a login of its own", host, nil, nil, []string{variantHeader + ", Authorization"}, guestVariant},
		{"what the host has added stays", nil, nil, []string{"Accept-Encoding"}, []string{"Accept-Encoding", variantHeader}, guestVariant},
		{"everything", nil, nil, []string{"*"}, []string{"*"}, guestVariant},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			mw := newShop(t).middleware(func(cfg *middleware.Config) {
				cfg.Variant = true
				if tc.edit != nil {
					tc.edit(cfg)
				}
			})
			b := newBrowser(t, mw)
			if tc.be != nil {
				tc.be(b)
			}
			delete(b.jar, variantCookie)
			var refused error
			page := func(w http.ResponseWriter, r *http.Request) { refused = mw.Shareable(w, r, time.Minute) }
			first := visitPage(b, "/", page)
			assert.ErrorContains(t, refused, "the response sets a cookie", "nobody may keep the page of a visitor without the cookie")
			assert.Equal(t, "private, no-store", first.Header.Get("Cache-Control"))
			w := httptest.NewRecorder()
			w.Header()["Vary"] = tc.vary
			mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				require.NoError(t, mw.Shareable(w, r, time.Minute))
				require.NoError(t, mw.Shareable(w, r, time.Minute), "once more")
			})).ServeHTTP(w, proxied(b, "/"))
			assert.Equal(t, []string{"public, max-age=0, s-maxage=60"}, w.Header()["Cache-Control"])
			assert.Equal(t, tc.want, w.Header()["Vary"])
			assert.Equal(t, []string{tc.key}, w.Header()[variantHeader])
			assert.Empty(t, w.Header()["Set-Cookie"])
		})
	}
}

// A cache would keep the page under the name that the request has.
func TestShareable_RefusesAPageOfAnotherVariantThanTheRequestNames(t *testing.T) {
	const other = "1-demoshop:main:CHF:DE:de"
	token := func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") } // of another service: there is no Identify
	choose := func(t *testing.T, mw *middleware.Middleware, w http.ResponseWriter, r *http.Request) {
		_, err := mw.Update(w, r, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
		require.NoError(t, err)
	}
	cases := []struct {
		desc   string
		header []string
		edit   func(*http.Request)
		before func(*testing.T, *middleware.Middleware, http.ResponseWriter, *http.Request)
		why    string
	}{
		{"nobody copies the cookie", nil, nil, nil, `has Session-Variant [] and the response ["` + guestVariant + `"]: the proxy must copy`},
		{"another variant", []string{other}, nil, nil, "sets a cookie"},
		{"another variant, where no cookie can be set", []string{other}, token, nil, "the proxy must copy"},
		{"two", []string{guestVariant, guestVariant}, nil, nil, "the proxy must copy"},
		{"the right one among others", []string{guestVariant + ", " + other}, token, nil, "the proxy must copy"},
		{"a choice of this request, and its cookie", []string{guestVariant}, nil, choose, "sets a cookie"},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			mw := newShop(t).middleware(withVariants)
			r := get("/")
			r.AddCookie(&http.Cookie{Name: variantCookie, Value: guestVariant})
			if r.Header[variantHeader] = tc.header; tc.header == nil {
				delete(r.Header, variantHeader)
			}
			if tc.edit != nil {
				tc.edit(r)
			}
			res := serve(mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if tc.before != nil {
					tc.before(t, mw, w, r)
				}
				want := w.Header().Clone()
				assert.ErrorContains(t, mw.Shareable(w, r, time.Minute), tc.why)
				assert.Equal(t, want, w.Header(), "a refusal changes nothing")
			})), r)
			assert.Contains(t, res.Header.Get("Cache-Control"), "private")
		})
	}
}

// A write whose response sets no cookie: the page is of the variant after it.
func TestShareable_RefusesAPageAfterAWriteWithAToken(t *testing.T) {
	mw := newShop(t).middleware(func(cfg *middleware.Config) {
		withVariants(cfg)
		cfg.Identify = guest
	})
	b := newBrowser(t, mw)
	b.update("/", sessionctx.Patch{Country: sessionctx.Set("DE")})
	r := proxied(b, "/")
	r.Header.Set("Authorization", "Bearer x")
	for _, order := range []string{"share, write", "write, share"} {
		t.Run(order, func(t *testing.T) {
			res := serve(mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if order == "share, write" {
					require.NoError(t, mw.Shareable(w, r, time.Minute))
				}
				_, err := mw.Update(w, r, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
				require.NoError(t, err)
				if order == "write, share" {
					require.Error(t, mw.Shareable(w, r, time.Minute))
				}
			})), r)
			assert.Empty(t, res.Header["Set-Cookie"])
			assert.Equal(t, "1-demoshop:main:CHF:DE:de", res.Header.Get(variantHeader))
			assert.Contains(t, res.Header.Get("Cache-Control"), "private")
		})
		b.update("/", sessionctx.Patch{Currency: sessionctx.Clear()})
	}
}
