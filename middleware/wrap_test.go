package middleware_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

func TestWrapPassesTheResponseWriterOnAsItIs(t *testing.T) {
	w := httptest.NewRecorder()
	called := false
	newShop(t).middleware(nil).Wrap(http.HandlerFunc(func(got http.ResponseWriter, _ *http.Request) {
		called = true
		assert.Same(t, w, got)
	})).ServeHTTP(w, get("/"))
	assert.True(t, called)
	assert.Empty(t, w.Header())
}

func TestTheSessionInTheContextStaysThatOfTheBeginning(t *testing.T) {
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

func TestSkippedRequestsPassUntouched(t *testing.T) {
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

func TestPanicsAreNotCaught(t *testing.T) {
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

func TestWhatTheIdentityLeavesOpenIsDecidedByTenantAndCookie(t *testing.T) {
	errOwn := errors.New("login service says no")
	cases := []struct {
		desc     string
		tenant   string
		identity sessionctx.Identity
		err      error
		want     sessionctx.Identity
		wantErr  error
	}{
		{"nothing to say: the cookie", "demoshop", sessionctx.Identity{}, nil,
			sessionctx.Identity{Tenant: "demoshop", SessionID: secretA, Proof: sessionctx.BySecret}, nil},
		{"a session, no tenant", "demoshop", sessionctx.Identity{SessionID: "s"}, nil,
			sessionctx.Identity{Tenant: "demoshop", SessionID: "s"}, nil},
		{"a tenant, no session: nobody, and the cookie is not read", "demoshop", sessionctx.Identity{Tenant: "demoshop"}, nil,
			sessionctx.Identity{Tenant: "demoshop"}, nil},
		{"the same tenant", "demoshop", sessionctx.Identity{Tenant: "demoshop", SessionID: "s"}, nil,
			sessionctx.Identity{Tenant: "demoshop", SessionID: "s"}, nil},
		{"the identity alone knows the tenant", "", sessionctx.Identity{Tenant: "othershop", SessionID: "s"}, nil,
			sessionctx.Identity{Tenant: "othershop", SessionID: "s"}, nil},

		{"another tenant", "demoshop", sessionctx.Identity{Tenant: "othershop", SessionID: "s"}, nil,
			sessionctx.Identity{Tenant: "demoshop", Proof: sessionctx.BySecret}, middleware.ErrWrongTenant},
		{"another tenant, no session", "demoshop", sessionctx.Identity{Tenant: "othershop"}, nil,
			sessionctx.Identity{Tenant: "demoshop", Proof: sessionctx.BySecret}, middleware.ErrWrongTenant},
		{"nobody knows the tenant", "", sessionctx.Identity{SessionID: "s"}, nil,
			sessionctx.Identity{}, sessionctx.ErrUnknownTenant},
		{"nobody knows anything", "", sessionctx.Identity{}, nil, sessionctx.Identity{}, sessionctx.ErrUnknownTenant},
		{"refused: the cookie is not read", "demoshop", sessionctx.Identity{Tenant: "demoshop", SessionID: "s"}, errOwn,
			sessionctx.Identity{Tenant: "demoshop", Proof: sessionctx.BySecret}, errOwn},
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

func TestWithoutTheCookieAGuestIsAsserted(t *testing.T) {
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

func (broken) Load(context.Context, sessionctx.Key) (sessionctx.Record, error) {
	return sessionctx.Record{}, errors.New("connection refused")
}

func (broken) Save(context.Context, sessionctx.Key, sessionctx.Record, sessionctx.Revision) (sessionctx.Record, error) {
	return sessionctx.Record{}, errors.New("connection refused")
}

func TestADegradedPageIsNotToBeStored(t *testing.T) {
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
	assert.Equal(t, http.Header{"Cache-Control": {"private, no-store"}}, res.Header)
}
