package middleware_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

func TestWrap_PassesTheResponseWriterOnAsItIs(t *testing.T) {
	w := httptest.NewRecorder()
	called := false
	newShop(t).middleware(nil).Wrap(http.HandlerFunc(func(got http.ResponseWriter, _ *http.Request) {
		called = true
		assert.Same(t, w, got)
	})).ServeHTTP(w, get("/"))
	assert.True(t, called)
	assert.Equal(t, http.Header{"Cache-Control": {"private"}, "Vary": {"Cookie"}}, w.Header())
}

func TestWrap_WarmAllocatesContextAndRequestAlone(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates too")
	}
	mw := newShop(t).middleware(func(cfg *middleware.Config) { cfg.AcceptLanguage = true })
	b := newBrowser(t, mw)
	b.update("/", sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	r := b.request("/")
	r.Header.Set("Accept-Language", "en-US,en;q=0.9,de;q=0.8")
	h := mw.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	allocs, w := 0.0, newDiscard()
	for range 10_000 { // until what the first requests left in the cache can be read
		if allocs = testing.AllocsPerRun(10, func() { w.read(t, h, r) }); allocs <= 2 {
			return
		}
		runtime.Gosched()
	}
	assert.LessOrEqual(t, allocs, 2.0)
}

func TestUpdate_BrowserKeepsTheCookieOverARealConnection(t *testing.T) {
	mw := newShop(t).middleware(nil)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /currency", func(w http.ResponseWriter, r *http.Request) {
		if _, err := mw.Update(w, r, sessionctx.Patch{Currency: sessionctx.Set("CHF")}); err != nil {
			middleware.Fail(w, r, err, nil)
		}
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		s, _ := sessionctx.FromContext(r.Context())
		_, _ = io.WriteString(w, s.Currency)
	})
	server := httptest.NewTLSServer(mw.Wrap(mux))
	defer server.Close()
	client := server.Client()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	client.Jar = jar
	page := func() string {
		res, err := client.Get(server.URL)
		require.NoError(t, err)
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		assert.Empty(t, res.Header["Set-Cookie"])
		return string(body)
	}
	assert.Equal(t, "EUR", page())
	res, err := client.Post(server.URL+"/currency", "", nil)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusOK, res.StatusCode)
	assert.Equal(t, "CHF", page())
}

func TestWrap_SessionInTheContextStays(t *testing.T) {
	mw := newShop(t).middleware(nil)
	called := false
	serve(mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		called = true
		after, err := mw.Update(w, r, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
		assert.NoError(t, err)
		assert.Equal(t, "CHF", after.Currency)
		s, ok := sessionctx.FromContext(r.Context())
		assert.True(t, ok)
		assert.Equal(t, "EUR", s.Currency)
		assert.Empty(t, s.ID)
	})), get("/"))
	assert.True(t, called)
}

func TestWrap_SkippedRequestsPassUntouched(t *testing.T) {
	mw := newShop(t).middleware(func(cfg *middleware.Config) {
		cfg.Skip = func(r *http.Request) bool { return r.URL.Path == "/healthz" }
		cfg.Identify = func(*http.Request) (sessionctx.Identity, error) { return sessionctx.Identity{}, errors.New("asked") }
	})
	var seen []*http.Request
	h := mw.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = append(seen, r) }))
	r := get("/healthz")
	assert.Equal(t, http.StatusOK, serve(h, r).StatusCode)
	require.Len(t, seen, 1)
	assert.Same(t, r, seen[0])
	assert.Equal(t, http.StatusInternalServerError, serve(h, get("/")).StatusCode)
	assert.Len(t, seen, 1)
}

func TestWrap_CatchesNoPanic(t *testing.T) {
	s := newShop(t)
	boom := func() { panic("boom") }
	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { boom() })
	assert.PanicsWithValue(t, "boom", func() { serve(s.middleware(nil).Wrap(next), get("/")) })
	for desc, edit := range map[string]func(*middleware.Config){
		"Tenant": func(cfg *middleware.Config) { cfg.Tenant = func(*http.Request) string { boom(); return "" } },
		"Skip":   func(cfg *middleware.Config) { cfg.Skip = func(*http.Request) bool { boom(); return false } },
		"Identify": func(cfg *middleware.Config) {
			cfg.Identify = func(*http.Request) (sessionctx.Identity, error) { boom(); return sessionctx.Identity{}, nil }
		},
		"OnError": func(cfg *middleware.Config) {
			cfg.Tenant = func(*http.Request) string { return "" }
			cfg.OnError = func(http.ResponseWriter, *http.Request, error, http.Handler) { boom() }
		},
	} {
		t.Run(desc, func(t *testing.T) {
			h := s.middleware(edit).Wrap(http.NotFoundHandler())
			assert.PanicsWithValue(t, "boom", func() { serve(h, get("/")) })
		})
	}
	// The resolver is none the worse for it.
	assert.Equal(t, "EUR", newBrowser(t, s.middleware(nil)).get("/").Currency)
}

func TestRequest_TenantAndCookieDecideWhatTheIdentityLeavesOpen(t *testing.T) {
	errOwn := errors.New("login service says no")
	guest := sessionctx.Identity{Tenant: "demoshop", Proof: sessionctx.BySecret}
	byCookie := sessionctx.Identity{Tenant: "demoshop", SessionID: secretA, Proof: sessionctx.BySecret}
	asserted := sessionctx.Identity{Tenant: "demoshop", SessionID: "s", Proof: sessionctx.Asserted}
	managed := sessionctx.Identity{Tenant: "demoshop", SessionID: "s", Proof: sessionctx.Management}
	cases := []struct {
		desc     string
		tenant   string
		identity sessionctx.Identity
		err      error
		want     sessionctx.Identity
		wantErr  error
	}{
		{"the zero Identity: the cookie decides", "demoshop", sessionctx.Identity{}, nil, byCookie, nil},
		{"a session, no tenant", "demoshop", sessionctx.Identity{SessionID: "s"}, nil, asserted, nil},
		{"a tenant, no session: a guest, and the cookie is not read", "demoshop", sessionctx.Identity{Tenant: "demoshop"}, nil,
			sessionctx.Identity{Tenant: "demoshop", Proof: sessionctx.Asserted}, nil},
		{"the same tenant", "demoshop", sessionctx.Identity{Tenant: "demoshop", SessionID: "s"}, nil, asserted, nil},
		{"the identity alone has a tenant", "", sessionctx.Identity{Tenant: "demoshop", SessionID: "s"}, nil, asserted, nil},
		{"asserted, and says so", "demoshop", asserted, nil, asserted, nil},
		{"another proof", "demoshop", managed, nil, managed, nil},
		{"a secret that did not come in the cookie", "demoshop", byCookie, nil, byCookie, nil},

		{"another tenant", "demoshop", sessionctx.Identity{Tenant: "othershop", SessionID: "s"}, nil,
			guest, middleware.ErrWrongTenant},
		{"another tenant, no session", "demoshop", sessionctx.Identity{Tenant: "othershop"}, nil,
			guest, middleware.ErrWrongTenant},
		{"no tenant at all", "", sessionctx.Identity{SessionID: "s"}, nil,
			sessionctx.Identity{}, sessionctx.ErrUnknownTenant},
		{"neither tenant nor identity", "", sessionctx.Identity{}, nil, sessionctx.Identity{}, sessionctx.ErrUnknownTenant},
		{"refused: the cookie is not read", "demoshop", asserted, errOwn, guest, errOwn},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			mw := newShop(t).middleware(func(cfg *middleware.Config) {
				cfg.Tenant = func(*http.Request) string { return tc.tenant }
				cfg.Identify = func(*http.Request) (sessionctx.Identity, error) { return tc.identity, tc.err }
			})
			r := get("/")
			r.AddCookie(&http.Cookie{Name: cookieName, Value: secretA})
			req, err := mw.Request(r)
			assert.Equal(t, tc.want, req.Identity)
			if tc.wantErr == nil {
				assert.NoError(t, err)
			} else {
				assert.ErrorIs(t, err, tc.wantErr)
			}
		})
	}
}

func TestRequest_WithoutTheCookieAGuestProvesNothing(t *testing.T) {
	errOwn := errors.New("login service says no")
	for desc, want := range map[string]error{"refused": errOwn, "nothing to say": nil} {
		t.Run(desc, func(t *testing.T) {
			mw := newShop(t).middleware(func(cfg *middleware.Config) {
				cfg.NoCookie = true
				cfg.Identify = func(*http.Request) (sessionctx.Identity, error) { return sessionctx.Identity{}, want }
			})
			r := get("/")
			r.AddCookie(&http.Cookie{Name: cookieName, Value: secretA})
			req, err := mw.Request(r)
			assert.ErrorIs(t, err, want)
			assert.Equal(t, sessionctx.Identity{Tenant: "demoshop"}, req.Identity)
		})
	}
}

// broken is a store that is down.
type broken struct{}

func (broken) Load(context.Context, store.Key) (store.Record, error) {
	return store.Record{}, errors.New("connection refused")
}

func (broken) Save(context.Context, store.Key, store.Record, sessionctx.Revision) (store.Record, error) {
	return store.Record{}, errors.New("connection refused")
}

// strangers is a directory that cannot be asked about customers.
type strangers struct{ sessionctx.Static }

func (strangers) Customer(context.Context, string, string) (defaults.Customer, error) {
	return defaults.Customer{}, errors.New("connection refused")
}

func TestWrap_PageWithoutTheProfileIsNotToBeStored(t *testing.T) {
	mw := newShopOn(t, new(memstore.Store), strangers{directory}).middleware(nil)
	b := newBrowser(t, mw)
	b.update("/", sessionctx.Patch{Currency: sessionctx.Set("CHF"), CartID: sessionctx.Set("cart-1")})
	id := b.login("anna").ID
	for range 2 { // it is never cached
		h := mw.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			s, ok := sessionctx.FromContext(r.Context())
			assert.True(t, ok)
			assert.True(t, s.ProfileMissing)
			assert.False(t, s.Degraded)
			assert.Equal(t, []string{id, "anna", "CHF", "cart-1"}, []string{s.ID, s.CustomerID, s.Currency, s.CartID})
		}))
		res := serve(h, b.request("/"))
		assert.Equal(t, http.StatusOK, res.StatusCode)
		assert.Equal(t, http.Header{"Cache-Control": {"private, no-store"}, "Vary": {"Cookie"}}, res.Header)
	}
}

func TestWrap_DegradedPageIsNotToBeStored(t *testing.T) {
	mw := newShopOn(t, broken{}, directory).middleware(nil)
	h := mw.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s, ok := sessionctx.FromContext(r.Context())
		assert.True(t, ok)
		assert.True(t, s.Degraded)
		assert.Equal(t, "EUR", s.Currency)
	}))
	r := get("/")
	r.AddCookie(&http.Cookie{Name: cookieName, Value: secretA})
	res := serve(h, r)
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Equal(t, http.Header{"Cache-Control": {"private, no-store"}, "Vary": {"Cookie"}}, res.Header)
}
