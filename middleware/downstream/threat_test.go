package downstream_test

import (
	"crypto/ed25519"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/middleware/downstream"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/sessiontest"
)

func TestThreat_ForgedSessionContext(t *testing.T) {
	edited := func(edit func(jwt.MapClaims)) jwt.MapClaims {
		c := claims(t)
		edit(c)
		return c
	}
	hs, ed := jwt.SigningMethodHS256, jwt.SigningMethodEdDSA
	good := sign(t, hs, secret, nil, claims(t))
	parts := strings.Split(good, ".")
	other := strings.Split(sign(t, hs, secret, nil, edited(func(c jwt.MapClaims) { c["iat"] = 1 })), ".")
	_, stranger, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	orders := edited(func(c jwt.MapClaims) { c["iss"] = "orders" })
	now := time.Now()
	tests := []struct {
		desc, token string
	}{
		{"for another audience", sign(t, hs, secret, nil, edited(func(c jwt.MapClaims) { c["aud"] = "search" }))},
		{"for no audience", sign(t, hs, secret, nil, edited(func(c jwt.MapClaims) { delete(c, "aud") }))},
		{"for an audience that begins the same", sign(t, hs, secret, nil, edited(func(c jwt.MapClaims) { c["aud"] = "prices2" }))},
		{"for an audience in another letter case", sign(t, hs, secret, nil, edited(func(c jwt.MapClaims) { c["aud"] = "Prices" }))},
		{"for another audience, too", sign(t, hs, secret, nil, edited(func(c jwt.MapClaims) { c["aud"] = []string{"prices", "search"} }))},
		{"for a list of audiences", sign(t, hs, secret, nil, edited(func(c jwt.MapClaims) { c["aud"] = []string{"prices"} }))},
		{"unsigned", sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, claims(t))},
		{"unsigned, without a kid", sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, map[string]any{"kid": nil}, claims(t))},
		{"the signature is cut off", parts[0] + "." + parts[1] + "."},
		{"the payload of another token", parts[0] + "." + other[1] + "." + parts[2]},
		{"signed with the public key as a secret", sign(t, hs, []byte(public), nil, orders)},
		{"signed with a longer HMAC, which the key is not for", sign(t, jwt.SigningMethodHS512, secret, nil, claims(t))},
		{"signed with another private key", sign(t, ed, stranger, nil, orders)},
		{"signed with the key of another issuer", sign(t, ed, private, nil, claims(t))},
		{"in the name of an unknown issuer", sign(t, hs, secret, nil, edited(func(c jwt.MapClaims) { c["iss"] = "search" }))},
		{"in nobody's name", sign(t, hs, secret, nil, edited(func(c jwt.MapClaims) { delete(c, "iss") }))},
		{"an unknown kid", sign(t, hs, secret, map[string]any{"kid": "2"}, claims(t))},
		{"no kid", sign(t, hs, secret, map[string]any{"kid": nil}, claims(t))},
		{"a kid that is a number", sign(t, hs, secret, map[string]any{"kid": 1}, claims(t))},
		{"an extension that nobody knows", sign(t, hs, secret, map[string]any{"crit": []string{"b64"}}, claims(t))},
		{"a token for another purpose, of the same key", sign(t, hs, secret, map[string]any{"typ": "JWT"}, claims(t))},
		{"an access token of the same key", sign(t, hs, secret, map[string]any{"typ": "at+jwt"}, claims(t))},
		{"no typ", sign(t, hs, secret, map[string]any{"typ": nil}, claims(t))},
		{"valid for a day", sign(t, hs, secret, nil, edited(func(c jwt.MapClaims) { c["exp"] = now.Add(24 * time.Hour).Unix() }))},
		{"valid for 61 s", sign(t, hs, secret, nil, edited(func(c jwt.MapClaims) { c["exp"] = c["iat"].(int64) + 61 }))},
		{"valid for ever", sign(t, hs, secret, nil, edited(func(c jwt.MapClaims) { delete(c, "exp") }))},
		{"it does not say when it was issued", sign(t, hs, secret, nil, edited(func(c jwt.MapClaims) { delete(c, "iat") }))},
		{"issued in an hour", sign(t, hs, secret, nil, edited(func(c jwt.MapClaims) {
			c["iat"], c["exp"] = now.Add(time.Hour).Unix(), now.Add(time.Hour+time.Minute).Unix()
		}))},
	}
	v := newVerifier(t, nil)
	_, err = v.VerifyToken(good)
	require.NoError(t, err)
	_, err = v.VerifyToken(sign(t, ed, private, nil, orders))
	require.NoError(t, err)
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			_, err := v.VerifyToken(tt.token)
			require.ErrorIs(t, err, middleware.ErrUnauthenticated)
			assert.Equal(t, 401, ask(t, v.Wrap(http.HandlerFunc(show)), tt.token).status)
			assert.NotContains(t, err.Error(), tt.token)
		})
	}
}

func TestThreat_ReplayedSessionContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		token, err := newTransport(t, nil).Token("prices", anna(t))
		require.NoError(t, err)
		strict := newVerifier(t, func(cfg *downstream.VerifierConfig) { cfg.Leeway = -1 })
		lenient := newVerifier(t, nil) // 5 s
		check := func(v *downstream.Verifier) int { return ask(t, v.Wrap(http.HandlerFunc(show)), token).status }
		time.Sleep(59 * time.Second)
		assert.Equal(t, 200, check(strict))
		time.Sleep(time.Second)
		assert.Equal(t, 401, check(strict), "after 60 s")
		assert.Equal(t, 200, check(lenient))
		time.Sleep(5 * time.Second)
		assert.Equal(t, 401, check(lenient), "after 60 s and the leeway")
	})
}

// A redirect, a misspelt host and a path that looks like a host take the header nowhere.
func TestThreat_LeakedSessionContext(t *testing.T) {
	t.Run("a redirect to another host", func(t *testing.T) {
		got := map[string]int{}
		foreign := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			got["foreign"] += len(r.Header.Values(downstream.Header))
			got["foreign calls"]++
		}))
		defer foreign.Close()
		service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got["service"] += len(r.Header.Values(downstream.Header))
			http.Redirect(w, r, foreign.URL+"/", http.StatusTemporaryRedirect)
		}))
		defer service.Close()
		client := http.Client{Transport: newTransport(t, func(cfg *downstream.TransportConfig) {
			cfg.Audiences = map[string]string{service.URL: "prices"}
		})}
		r, err := http.NewRequestWithContext(sessionctx.NewContext(t.Context(), anna(t)), "GET", service.URL, nil)
		require.NoError(t, err)
		resp, err := client.Do(r)
		require.NoError(t, err)
		resp.Body.Close()
		assert.Equal(t, map[string]int{"service": 1, "foreign": 0, "foreign calls": 1}, got)
	})
	tests := []struct {
		desc, url string
		want      bool
	}{
		{"the origin", "https://prices.internal/42?q=1", true},
		{"in another spelling", "https://PRICES.internal:443/", true},
		{"without TLS", "http://prices.internal/", false},
		{"another port", "https://prices.internal:8443/", false},
		{"a name below", "https://a.prices.internal/", false},
		{"a name that begins the same", "https://prices.internal.evil.example/", false},
		{"a name that ends the same", "https://evil-prices.internal/", false},
		{"the host as a user", "https://prices.internal@evil.example/", false},
		{"the host as a path", "https://evil.example/https://prices.internal/", false},
		{"a last dot", "https://prices.internal./", false},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			var b wire
			r, err := http.NewRequestWithContext(sessionctx.NewContext(t.Context(), anna(t)), "GET", tt.url, nil)
			require.NoError(t, err)
			r.Host = "prices.internal" // what the request says is not where it goes
			_, err = newTransport(t, onWire(&b)).RoundTrip(r)
			require.NoError(t, err)
			assert.Equal(t, tt.want, b.sent[0].Header.Get(downstream.Header) != "")
		})
	}
}

// The storefront passes requests on to a service. A client that has a token of somebody else's, or
// has made one up, sends it to the storefront.
func TestThreat_SessionContextOfAClient(t *testing.T) {
	resolver := newResolver(t, new(sessiontest.Store))
	mw, err := middleware.New(middleware.Config{Resolver: resolver, Tenant: middleware.Tenant("myshop")})
	require.NoError(t, err)
	var got http.Header
	service := newVerifier(t, nil).Wrap(http.HandlerFunc(show))
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		service.ServeHTTP(w, r)
	}))
	defer backend.Close()
	to, err := url.Parse(backend.URL)
	require.NoError(t, err)
	edge := func(audiences map[string]string) http.Handler {
		return mw.Wrap(&httputil.ReverseProxy{
			Rewrite:   func(pr *httputil.ProxyRequest) { pr.SetURL(to) },
			Transport: newTransport(t, func(cfg *downstream.TransportConfig) { cfg.Audiences = audiences }),
		})
	}
	stolen, err := newTransport(t, nil).Token("prices", anna(t))
	require.NoError(t, err)
	require.Equal(t, "CHF (choice) anna", ask(t, service, stolen).body, "the token is good where it is for")

	listed, unlisted := edge(map[string]string{backend.URL: "prices"}), edge(map[string]string{prices: "prices"})
	for _, headers := range [][]string{{stolen}, {stolen, stolen}, {"made up"}} {
		a := ask(t, listed, headers...)
		assert.Equal(t, 200, a.status)
		assert.Equal(t, "EUR (site.currency) ", a.body, "the session of the client, who is a guest")
		assert.Equal(t, 401, ask(t, unlisted, headers...).status)
		assert.NotContains(t, got, downstream.Header)
	}

	for _, name := range []string{"session-context", "SESSION-CONTEXT", "Session-Context"} {
		var b wire
		r, err := http.NewRequestWithContext(t.Context(), "GET", prices, nil)
		require.NoError(t, err)
		r.Header[name] = []string{stolen}
		_, err = newTransport(t, onWire(&b)).RoundTrip(r)
		require.NoError(t, err)
		assert.Empty(t, b.sent[0].Header, "%s, and no session in the context", name)
		assert.Len(t, r.Header, 1, "the request is as it was")
	}
}
