package middleware_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

func guest(*http.Request) (sessionctx.Identity, error) { return sessionctx.Identity{}, nil }

func TestWrap_NamesInVaryWhatItReads(t *testing.T) {
	country := func(cfg *middleware.Config) {
		cfg.CountryHeader, cfg.TrustedProxies = "cf-ipcountry", prefixes("192.0.2.0/24")
	}
	cases := []struct {
		desc string
		edit func(*middleware.Config)
		want []string
	}{
		{"the cookie", nil, []string{"Cookie"}},
		{"tokens", func(cfg *middleware.Config) { cfg.Identify = guest }, []string{"Cookie, Authorization"}},
		{"tokens without the cookie: the host may have one", func(cfg *middleware.Config) { cfg.NoCookie, cfg.Identify = true, guest }, []string{"Cookie, Authorization"}},
		{"the language", func(cfg *middleware.Config) { cfg.AcceptLanguage = true }, []string{"Cookie, Accept-Language"}},
		{"the country, its name in canonical spelling", country, []string{"Cookie, Cf-Ipcountry"}},
		{"all of them", func(cfg *middleware.Config) { country(cfg); cfg.Identify, cfg.AcceptLanguage = guest, true }, []string{"Cookie, Authorization, Cf-Ipcountry, Accept-Language"}},
		{"the language alone", func(cfg *middleware.Config) { cfg.NoCookie, cfg.AcceptLanguage = true, true }, []string{"Accept-Language"}},
		{"the host's own login", func(cfg *middleware.Config) {
			cfg.Customer = func(*http.Request) (string, error) { return "", nil }
		}, []string{"Cookie, Authorization"}},
		{"nothing", func(cfg *middleware.Config) { cfg.NoCookie = true }, nil},
		{"a site by host or path: the URL is the cache's key anyway", func(cfg *middleware.Config) { cfg.Sites = listed }, []string{"Cookie"}},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			mw := newShop(t).middleware(tc.edit)
			for range 2 { // no response changes what the next one gets
				seen := false
				res := serve(mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					seen = true
					assert.Equal(t, []string{"private"}, w.Header()["Cache-Control"], "before next")
					assert.Equal(t, tc.want, w.Header()["Vary"], "before next")
					w.Header().Add("Vary", "Accept-Encoding")
					w.Header().Add("Cache-Control", "no-transform")
				})), get("/"))
				assert.True(t, seen)
				assert.Equal(t, append(tc.want[:len(tc.want):len(tc.want)], "Accept-Encoding"), res.Header["Vary"])
				assert.Equal(t, []string{"private", "no-transform"}, res.Header["Cache-Control"])
			}
		})
	}
}

func TestWrap_LeavesWhatTheHostHasSaid(t *testing.T) {
	cases := []struct {
		desc                   string
		cacheControl, vary     []string
		wantControl, wantNames []string
	}{
		{"nothing", nil, nil, []string{"private"}, []string{"Cookie, Accept-Language"}},
		{"no-store", []string{"no-store"}, nil, []string{"no-store"}, []string{"Cookie, Accept-Language"}},
		{"public: the host's own doing", []string{"public, max-age=60"}, nil, []string{"public, max-age=60"}, []string{"Cookie, Accept-Language"}},
		{"another name", nil, []string{"Accept-Encoding"}, []string{"private"}, []string{"Accept-Encoding", "Cookie, Accept-Language"}},
		{"one of the names", nil, []string{"Origin, accept-language"}, []string{"private"}, []string{"Origin, accept-language", "Cookie"}},
		{"all of the names, in two lines", nil, []string{"Cookie", "Accept-Language , Origin"}, []string{"private"}, []string{"Cookie", "Accept-Language , Origin"}},
		{"a name that only begins alike", nil, []string{"Cookie2"}, []string{"private"}, []string{"Cookie2", "Cookie, Accept-Language"}},
		{"everything", nil, []string{"*"}, []string{"private"}, []string{"*"}},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			mw := newShop(t).middleware(func(cfg *middleware.Config) { cfg.AcceptLanguage = true })
			for _, wraps := range []int{1, 2} { // a second Wrap adds nothing
				h := http.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
				for range wraps {
					h = mw.Wrap(h)
				}
				w := httptest.NewRecorder()
				w.Header()["Cache-Control"], w.Header()["Vary"] = tc.cacheControl, tc.vary
				h.ServeHTTP(w, get("/"))
				assert.Equal(t, tc.wantControl, w.Header()["Cache-Control"])
				assert.Equal(t, tc.wantNames, w.Header()["Vary"])
			}
		})
	}
}

func TestWrap_NextMayReplaceBothHeaders(t *testing.T) {
	mw := newShop(t).middleware(nil)
	for range 2 {
		res := serve(mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			assert.Equal(t, "private", w.Header().Get("Cache-Control"))
			w.Header().Set("Cache-Control", "no-cache")
			w.Header().Del("Vary")
		})), get("/"))
		assert.Equal(t, http.Header{"Cache-Control": {"no-cache"}}, res.Header)
	}
}

// An answer in place of a session must not be stored for the URL.
func TestWrap_AnswerOfAPolicyIsNotToBeStored(t *testing.T) {
	down := errors.New("connection refused")
	cases := []struct {
		desc string
		edit func(*middleware.Config)
		code int
	}{
		{"bad credentials, shown as a guest", func(cfg *middleware.Config) {
			cfg.OnError = middleware.RenderDefaults
			cfg.Identify = func(*http.Request) (sessionctx.Identity, error) {
				return sessionctx.Identity{}, middleware.ErrUnauthenticated
			}
		}, 200},
		{"a session that has ended", func(cfg *middleware.Config) {
			cfg.Identify = func(*http.Request) (sessionctx.Identity, error) {
				return sessionctx.Identity{Tenant: "demoshop", SessionID: "s", Proof: sessionctx.Management}, nil
			}
		}, 200},
		{"hosts that cannot be looked up", func(cfg *middleware.Config) {
			cfg.OnError = middleware.RenderDefaults
			cfg.SiteOf = func(*http.Request, string) (middleware.SiteLanguage, error) { return middleware.SiteLanguage{}, down }
		}, 500},
		{"a policy of the host's own", func(cfg *middleware.Config) {
			cfg.Tenant = func(*http.Request) string { return "" }
			cfg.OnError = func(w http.ResponseWriter, _ *http.Request, _ error, _ http.Handler) { w.WriteHeader(418) }
		}, 418},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			res := serve(newShop(t).middleware(tc.edit).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, ok := sessionctx.FromContext(r.Context())
				assert.True(t, ok)
			})), get("/"))
			assert.Equal(t, tc.code, res.StatusCode)
			assert.Equal(t, "private, no-store", res.Header.Get("Cache-Control"))
			assert.NotEmpty(t, res.Header["Vary"])
		})
	}
}

func TestShareable_ReplacesBothHeadersOfAGuestsPage(t *testing.T) {
	names := func(cfg *middleware.Config) {
		cfg.AcceptLanguage, cfg.Identify = true, guest
		cfg.CountryHeader, cfg.TrustedProxies = "CF-IPCountry", prefixes("192.0.2.0/24")
		cfg.Sites = map[string]middleware.SiteLanguage{"/fr": {Language: "fr"}, "/ja": {Language: "ja"}}
	}
	const byURL, byHeader = "Cookie, Authorization, Cf-Ipcountry", "Cookie, Authorization, Cf-Ipcountry, Accept-Language"
	cases := []struct {
		desc, method, target, header string
		edit                         func(*middleware.Config)
		age                          time.Duration
		vary                         []string
		control                      string
	}{
		{"the least", "GET", "/", "", nil, time.Second, []string{"Cookie"}, "public, max-age=0, s-maxage=1"},
		{"HEAD", "HEAD", "/", "", nil, 5 * time.Minute, []string{"Cookie"}, "public, max-age=0, s-maxage=300"},
		{"parts of seconds", "GET", "/", "", nil, 1999 * time.Millisecond, []string{"Cookie"}, "public, max-age=0, s-maxage=1"},
		{"the URL says the language", "GET", "/fr/shoes", "en", names, time.Minute, []string{byURL}, "public, max-age=0, s-maxage=60"},
		{"the URL says a language that is not offered", "GET", "/ja/shoes", "en", names, time.Minute, []string{byHeader}, "public, max-age=0, s-maxage=60"},
		{"the browser says the language", "GET", "/", "fr", names, time.Minute, []string{byHeader}, "public, max-age=0, s-maxage=60"},
		{"the browser says nothing, another one might", "GET", "/", "", names, time.Minute, []string{byHeader}, "public, max-age=0, s-maxage=60"},
		{"the browser says a language that is not offered", "GET", "/", "ja", names, time.Minute, []string{byHeader}, "public, max-age=0, s-maxage=60"},
		{"a cookie that names no session", "GET", "/", "", nil, time.Minute, []string{"Cookie"}, "public, max-age=0, s-maxage=60"},
		{"nothing is read but the language, and the URL says it", "GET", "/fr", "en", func(cfg *middleware.Config) {
			cfg.NoCookie, cfg.AcceptLanguage, cfg.Sites = true, true, map[string]middleware.SiteLanguage{"/fr": {Language: "fr"}}
		}, time.Minute, nil, "public, max-age=0, s-maxage=60"},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			mw := newShop(t).middleware(tc.edit)
			r := httptest.NewRequest(tc.method, tc.target, nil)
			r.RemoteAddr = "192.0.2.1:1"
			r.Header.Set("CF-IPCountry", "AT")
			r.Header.Set("Cookie", cookieName+"="+secretA)
			if tc.header != "" {
				r.Header.Set("Accept-Language", tc.header)
			}
			res := serve(mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				require.NoError(t, mw.Shareable(w, r, tc.age))
				require.NoError(t, mw.Shareable(w, r, tc.age), "once more")
			})), r)
			assert.Equal(t, []string{tc.control}, res.Header["Cache-Control"])
			assert.Equal(t, tc.vary, res.Header["Vary"])
		})
	}
}

func TestShareable_KeepsTheHostsOwnNames(t *testing.T) {
	mw := newShop(t).middleware(func(cfg *middleware.Config) {
		cfg.AcceptLanguage, cfg.Sites = true, map[string]middleware.SiteLanguage{"/fr": {Language: "fr"}}
	})
	res := serve(mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "X-Theme")
		require.NoError(t, mw.Shareable(w, r, time.Minute))
	})), get("/fr/"))
	assert.Equal(t, []string{"Cookie, Accept-Language", "X-Theme"}, res.Header["Vary"])
}

func TestShareable_RefusesWhatIsNotEverybodys(t *testing.T) {
	static := func(s sessionctx.Session) func(*testing.T, *middleware.Middleware, *http.Request) *http.Request {
		return func(_ *testing.T, _ *middleware.Middleware, r *http.Request) *http.Request {
			return r.WithContext(sessionctx.NewContext(r.Context(), s))
		}
	}
	byCookie := func(p sessionctx.Patch) func(*testing.T, *middleware.Middleware, *http.Request) *http.Request {
		return func(t *testing.T, mw *middleware.Middleware, _ *http.Request) *http.Request {
			b := newBrowser(t, mw)
			b.update("/", p)
			return b.request("/")
		}
	}
	header := func(name, value string) func(http.ResponseWriter, *http.Request, *middleware.Middleware) {
		return func(w http.ResponseWriter, _ *http.Request, _ *middleware.Middleware) { w.Header().Add(name, value) }
	}
	authorized := func(value string) func(*testing.T, *middleware.Middleware, *http.Request) *http.Request {
		return func(_ *testing.T, _ *middleware.Middleware, r *http.Request) *http.Request {
			r.Header.Set("Authorization", value)
			return r
		}
	}
	type testCase struct {
		desc    string
		request func(*testing.T, *middleware.Middleware, *http.Request) *http.Request
		edit    func(*middleware.Config)
		before  func(http.ResponseWriter, *http.Request, *middleware.Middleware)
		unwrap  bool
		age     time.Duration
		why     string
	}
	cases := []testCase{
		{desc: "a choice", request: byCookie(sessionctx.Patch{Currency: sessionctx.Set("CHF")}), why: "the session has an id"},
		{desc: "a cart", request: byCookie(sessionctx.Patch{CartID: sessionctx.Set("cart-1")}), why: "the session has an id"},
		{desc: "an attribute", request: byCookie(sessionctx.Patch{Attributes: map[string]json.RawMessage{"a": json.RawMessage("1")}}), why: "the session has an id"},
		{desc: "a customer", request: func(t *testing.T, mw *middleware.Middleware, _ *http.Request) *http.Request {
			b := newBrowser(t, mw)
			b.login("anna")
			return b.request("/")
		}, why: "the session has an id"},
		{desc: "a token's session", edit: func(cfg *middleware.Config) {
			cfg.Identify = func(*http.Request) (sessionctx.Identity, error) { return sessionctx.Identity{SessionID: "s1"}, nil }
		}, why: "the session has an id"},
		{desc: "a token's customer without a session", edit: func(cfg *middleware.Config) {
			cfg.Identify = func(*http.Request) (sessionctx.Identity, error) { return sessionctx.Identity{CustomerID: "anna"}, nil }
		}, why: "the session has a customer"},
		{desc: "a host's session with a cart", unwrap: true, request: static(sessionctx.Session{CartID: "c"}), why: "the session has a cart"},
		{desc: "a host's session that is degraded", unwrap: true, request: static(sessionctx.Session{Degraded: true}), why: "degraded"},
		{desc: "a host's session without its profile", unwrap: true, request: static(sessionctx.Session{ProfileMissing: true}), why: "profile is missing"},
		{desc: "no session", unwrap: true, why: "Wrap has not seen it"},
		{desc: "a skipped request", edit: func(cfg *middleware.Config) { cfg.Skip = func(*http.Request) bool { return true } }, why: "Wrap has not seen it"},
		{desc: "a first choice on this very request", before: func(w http.ResponseWriter, r *http.Request, mw *middleware.Middleware) {
			_, _ = mw.Update(w, r, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
		}, why: "sets a cookie"},
		{desc: "a login on this very request", before: func(w http.ResponseWriter, r *http.Request, mw *middleware.Middleware) {
			_, _ = mw.Login(w, r, "anna")
		}, why: "sets a cookie"},
		{desc: "a cookie of the host's", before: header("Set-Cookie", "theme=dark"), why: "sets a cookie"},
		{desc: "no-store of the host's", before: header("Cache-Control", "max-age=0, No-Store"), why: "No-Store"},
		{desc: "a country from more than headers", edit: func(cfg *middleware.Config) { cfg.Country = func(*http.Request) string { return "" } }, why: "Config.Country"},
		{desc: "a password that the server asks for", request: authorized("Basic eDp5"), why: "Authorization"},
		{desc: "a password, in another spelling", request: authorized("DIGEST username=x"), why: "Authorization"},
		{desc: "a token of another service", request: authorized("Bearer x"), why: "Authorization"},
		{desc: "a login of the computer", request: authorized("Negotiate x"), why: "Authorization"},
		{desc: "a password, with variants", edit: withVariants, request: func(_ *testing.T, _ *middleware.Middleware, r *http.Request) *http.Request {
			r.Header.Set("Authorization", "Basic eDp5")
			r.Header.Set(variantHeader, guestVariant)
			return r
		}, why: "Authorization"},
		{desc: "half a second", age: time.Second / 2, why: "500ms"},
		{desc: "no time", age: -time.Minute, why: "-1m0s"},
	}
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		cases = append(cases, testCase{desc: method, request: func(*testing.T, *middleware.Middleware, *http.Request) *http.Request {
			return httptest.NewRequest(method, "/", nil)
		}, why: method})
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			mw := newShop(t).middleware(tc.edit)
			r := get("/")
			if tc.request != nil {
				r = tc.request(t, mw, r)
			}
			if tc.age == 0 {
				tc.age = time.Minute
			}
			called := false
			h := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				called = true
				if tc.before != nil {
					tc.before(w, r, mw)
				}
				want := w.Header().Clone()
				err := mw.Shareable(w, r, tc.age)
				assert.ErrorContains(t, err, "middleware: the page is not shareable: ")
				assert.ErrorContains(t, err, tc.why)
				assert.Equal(t, want, w.Header(), "a refusal changes nothing")
			}))
			if !tc.unwrap {
				h = mw.Wrap(h)
			}
			serve(h, r)
			assert.True(t, called)
		})
	}
}

func TestShareable_RefusesAPageOfAnOutage(t *testing.T) {
	for desc, s := range map[string]*shop{
		"the store is down":    newShopOn(t, broken{}, directory),
		"profiles are missing": newShopOn(t, new(memstore.Store), strangers{directory}),
	} {
		t.Run(desc, func(t *testing.T) {
			mw := s.middleware(func(cfg *middleware.Config) {
				if desc != "the store is down" {
					cfg.Identify = func(*http.Request) (sessionctx.Identity, error) { return sessionctx.Identity{CustomerID: "anna"}, nil }
				}
			})
			r := get("/")
			r.AddCookie(&http.Cookie{Name: cookieName, Value: secretA})
			res := serve(mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				assert.Error(t, mw.Shareable(w, r, time.Minute))
			})), r)
			assert.Equal(t, "private, no-store", res.Header.Get("Cache-Control"))
		})
	}
}

// The page was said to be everybody's, and then this visitor chose something.
func TestShareable_LaterWriteMakesTheResponsePrivateAgain(t *testing.T) {
	for desc, write := range map[string]func(*middleware.Middleware, http.ResponseWriter, *http.Request) error{
		"Update": func(mw *middleware.Middleware, w http.ResponseWriter, r *http.Request) error {
			_, err := mw.Update(w, r, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			return err
		},
		"Login": func(mw *middleware.Middleware, w http.ResponseWriter, r *http.Request) error {
			_, err := mw.Login(w, r, "anna")
			return err
		},
		"Logout, of a dead cookie": func(mw *middleware.Middleware, w http.ResponseWriter, r *http.Request) error {
			_, err := mw.Logout(w, r)
			return err
		},
	} {
		t.Run(desc, func(t *testing.T) {
			mw := newShop(t).middleware(nil)
			r := get("/")
			r.AddCookie(&http.Cookie{Name: cookieName, Value: secretA})
			res := serve(mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				require.NoError(t, mw.Shareable(w, r, time.Minute))
				require.NoError(t, write(mw, w, r))
			})), r)
			assert.NotEmpty(t, res.Cookies())
			assert.Equal(t, []string{"private, no-store"}, res.Header["Cache-Control"])
		})
	}
}

// With variants there may be no cookie to set: neither the id nor the variant has changed.
func TestShareable_LaterWriteMakesAPageOfAVariantPrivateAgain(t *testing.T) {
	for _, tc := range []struct {
		desc     string
		identify func(*http.Request) (sessionctx.Identity, error)
		write    sessionctx.Patch
		wantErr  bool
	}{
		{"a write by cookie", nil, cart("cart-2"), false},
		{"a write that fails", nil, sessionctx.Patch{Currency: sessionctx.Set("XXX")}, true},
		{"a write with a token", func(*http.Request) (sessionctx.Identity, error) {
			return sessionctx.Identity{SessionID: "s1", Proof: sessionctx.Asserted}, nil
		}, cart("cart-2"), false},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			mw := newShop(t).middleware(func(cfg *middleware.Config) { cfg.Variant, cfg.Identify = true, tc.identify })
			b := newBrowser(t, mw)
			b.update("/", cart("cart-1"))
			visitPage(b, "/", blank)
			res := visitPage(b, "/", func(w http.ResponseWriter, r *http.Request) {
				require.NoError(t, mw.Shareable(w, r, time.Minute))
				_, err := mw.Update(w, r, tc.write)
				assert.Equal(t, tc.wantErr, err != nil, err)
			})
			assert.Equal(t, "private, no-store", res.Header.Get("Cache-Control"))
		})
	}
}
