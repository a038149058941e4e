package middleware_test

import (
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/middleware/bearer"
	"github.com/sessionctx/storefront/sessionctx"
)

var tokenKey = []byte("0123456789abcdef0123456789abcdef")

func newVerifier(t testing.TB) *bearer.Verifier {
	t.Helper()
	v, err := bearer.New(bearer.Config{
		Issuer: "https://id.example", Audience: "storefront", Keys: []bearer.Key{{Algorithm: "HS256", Key: tokenKey}},
	})
	require.NoError(t, err)
	return v
}

// signed returns anna's token with some of its claims changed; a nil removes one.
func signed(t testing.TB, changed jwt.MapClaims) string {
	t.Helper()
	claims := jwt.MapClaims{
		"iss": "https://id.example", "aud": "storefront", "exp": time.Now().Add(time.Hour).Unix(),
		"tenant": "demoshop", "sid": "session-1", "sub": "anna",
	}
	maps.Copy(claims, changed)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(tokenKey)
	require.NoError(t, err)
	return token
}

func bearing(token string) *http.Request {
	r := get("/")
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

func TestRequest_TokenDecidesOverCookie(t *testing.T) {
	guest := sessionctx.Identity{Tenant: "demoshop", Proof: sessionctx.BySecret}
	byCookie := sessionctx.Identity{Tenant: "demoshop", SessionID: secretA, Proof: sessionctx.BySecret}
	anna := sessionctx.Identity{
		Tenant: "demoshop", SessionID: "session-1", CustomerID: "anna", Proof: sessionctx.Asserted,
	}
	cases := []struct {
		desc, authorization string
		want                sessionctx.Identity
		wantErr             error
	}{
		{"a good token", "Bearer " + signed(t, nil), anna, nil},
		{"a service's token", "Bearer " + signed(t, jwt.MapClaims{"sid": nil}),
			sessionctx.Identity{Tenant: "demoshop", Proof: sessionctx.Asserted}, nil},
		{"a bad token", "Bearer nonsense", guest, middleware.ErrUnauthenticated},
		{"another tenant's token", "Bearer " + signed(t, jwt.MapClaims{"tenant": "othershop"}),
			guest, middleware.ErrWrongTenant},
		{"no token", "", byCookie, nil},
		{"another scheme", "Basic YTpi", byCookie, nil},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			mw := newShop(t).middleware(func(cfg *middleware.Config) { cfg.Identify = newVerifier(t).Identify })
			r := get("/")
			r.AddCookie(&http.Cookie{Name: cookieName, Value: secretA})
			r.Header.Set("Authorization", tc.authorization)
			req, err := mw.Request(r)
			if tc.wantErr == nil {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, tc.wantErr)
			}
			assert.Equal(t, tc.want, req.Identity)
		})
	}
}

func TestRequest_TokenOpensNoSecretSession(t *testing.T) {
	mw := newShop(t).middleware(func(cfg *middleware.Config) { cfg.Identify = newVerifier(t).Identify })
	b := newBrowser(t, mw)
	victim := b.login("anna").ID

	r := bearing(signed(t, jwt.MapClaims{"sid": victim}))
	req, err := mw.Request(r)
	require.NoError(t, err)
	assert.Equal(t, sessionctx.Asserted, req.Proof)
	assert.Equal(t, "anna", b.get("/").CustomerID)
	assert.Empty(t, seen(t, mw, r).ID)
}

func TestIdentify_WritesOfOneResponseBuildOnEachOther(t *testing.T) {
	secret := sessionctx.Identity{SessionID: secretA, Proof: sessionctx.BySecret}
	token := sessionctx.Identity{SessionID: "session-1"}
	cart := func(id string) sessionctx.Patch { return sessionctx.Patch{CartID: sessionctx.Set(id)} }
	type call = func(*middleware.Middleware, http.ResponseWriter, *http.Request) (sessionctx.Session, error)
	update := func(mw *middleware.Middleware, w http.ResponseWriter, r *http.Request) (sessionctx.Session, error) {
		return mw.Update(w, r, cart("c1"))
	}
	login := func(mw *middleware.Middleware, w http.ResponseWriter, r *http.Request) (sessionctx.Session, error) {
		return mw.Login(w, r, "anna")
	}
	start := (*middleware.Middleware).Start
	choose := func(mw *middleware.Middleware, w http.ResponseWriter, r *http.Request) (sessionctx.Session, error) {
		return mw.Update(w, r, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	}
	for _, tc := range []struct {
		desc     string
		identity sessionctx.Identity
		calls    []call
		customer string
	}{
		{"a first write by a secret that is not known", secret, []call{update}, ""},
		{"a start", secret, []call{start}, ""},
		{"a login", secret, []call{login}, "anna"},
		{"a write and a login", secret, []call{update, login}, "anna"},
		{"two logins", secret, []call{login, login}, "anna"},
		{"a logout that leaves the choices", secret, []call{choose, (*middleware.Middleware).Logout}, ""},
		{"a token's login", token, []call{login}, "anna"},
		{"a write and a login of a token", token, []call{update, login}, "anna"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			s := newShop(t)
			mw := s.middleware(func(cfg *middleware.Config) {
				cfg.Identify = func(*http.Request) (sessionctx.Identity, error) { return tc.identity, nil }
			})
			serve(mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var last sessionctx.Session
				for _, c := range tc.calls {
					var err error
					last, err = c(mw, w, r)
					require.NoError(t, err)
				}
				require.NotEmpty(t, last.ID)
				after, err := mw.Update(w, r, cart("c2"))
				require.NoError(t, err)
				assert.Equal(t, last.ID, after.ID, "the write is to the session of the calls before it")
				assert.Equal(t, tc.customer, after.CustomerID)
			})), get("/"))
		})
	}
}
