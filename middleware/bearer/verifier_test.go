package bearer_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/middleware/bearer"
	"github.com/sessionctx/storefront/sessionctx"
)

// issuer signs tokens as a shop's identity provider would.
var issuer = sync.OnceValue(func() *issuerKeys {
	var k issuerKeys
	var err error
	if k.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		panic(err)
	}
	if k.ecdsa, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		panic(err)
	}
	if k.public, k.ed25519, err = ed25519.GenerateKey(rand.Reader); err != nil {
		panic(err)
	}
	k.hmac = []byte("0123456789abcdef0123456789abcdef")
	return &k
})

type issuerKeys struct {
	rsa     *rsa.PrivateKey
	ecdsa   *ecdsa.PrivateKey
	ed25519 ed25519.PrivateKey
	public  ed25519.PublicKey
	hmac    []byte
}

func (k *issuerKeys) keys() []bearer.Key {
	return []bearer.Key{
		{ID: "rsa", Algorithm: "RS256", Key: &k.rsa.PublicKey},
		{ID: "pss", Algorithm: "PS256", Key: &k.rsa.PublicKey},
		{ID: "ec", Algorithm: "ES256", Key: &k.ecdsa.PublicKey},
		{ID: "ed", Algorithm: "EdDSA", Key: k.public},
		{ID: "hmac", Algorithm: "HS256", Key: k.hmac},
	}
}

func config() bearer.Config {
	return bearer.Config{Issuer: "https://id.example", Audience: "storefront", Keys: issuer().keys()}
}

func newVerifier(t testing.TB, edit func(*bearer.Config)) *bearer.Verifier {
	t.Helper()
	cfg := config()
	if edit != nil {
		edit(&cfg)
	}
	v, err := bearer.New(cfg)
	require.NoError(t, err)
	return v
}

// claims returns good claims with some changed; a nil removes one.
func claims(changed jwt.MapClaims) jwt.MapClaims {
	c := jwt.MapClaims{
		"iss": "https://id.example", "aud": "storefront", "exp": time.Now().Add(time.Hour).Unix(),
		"tenant": "demoshop", "sid": "session-1", "sub": "anna", "scope": "a sessioncontext.context_manage",
	}
	maps.Copy(c, changed)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func sign(t testing.TB, method jwt.SigningMethod, header map[string]any, key any, c jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, c)
	maps.Copy(token.Header, header)
	signed, err := token.SignedString(key)
	require.NoError(t, err)
	return signed
}

func signed(t testing.TB, changed jwt.MapClaims) string {
	t.Helper()
	return sign(t, jwt.SigningMethodHS256, map[string]any{"kid": "hmac"}, issuer().hmac, claims(changed))
}

func bearing(token string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

func TestVerify_SaysWhoIsAsking(t *testing.T) {
	k := issuer()
	const all = "a sessioncontext.context_manage"
	who := func(tenant, sessionID, customerID string) sessionctx.Identity {
		return sessionctx.Identity{
			Tenant: tenant, SessionID: sessionID, CustomerID: customerID, Proof: sessionctx.Asserted,
		}
	}
	anna := who("demoshop", "session-1", "anna")
	with := func(method jwt.SigningMethod, kid string, key any) string {
		return sign(t, method, map[string]any{"kid": kid}, key, claims(nil))
	}
	clientID := func(c *bearer.Config) { c.AudienceClaim = "client_id" }
	cases := []struct {
		desc   string
		edit   func(*bearer.Config)
		token  string
		want   sessionctx.Identity
		scopes string
	}{
		{"RSA", nil, with(jwt.SigningMethodRS256, "rsa", k.rsa), anna, all},
		{"ECDSA", nil, with(jwt.SigningMethodES256, "ec", k.ecdsa), anna, all},
		{"Ed25519", nil, with(jwt.SigningMethodEdDSA, "ed", k.ed25519), anna, all},
		{"HMAC", nil, signed(t, nil), anna, all},
		{"without a kid, for a key without id",
			func(c *bearer.Config) { c.Keys = []bearer.Key{{Algorithm: "HS256", Key: k.hmac}} },
			sign(t, jwt.SigningMethodHS256, nil, k.hmac, claims(nil)), anna, all},
		{"several audiences", nil, signed(t, jwt.MapClaims{"aud": []string{"other", "storefront"}}), anna, all},
		{"the audience in another claim", clientID,
			signed(t, jwt.MapClaims{"aud": nil, "client_id": "storefront"}), anna, all},
		{"the audience in another claim, beside an aud of another meaning", clientID,
			signed(t, jwt.MapClaims{"aud": "other", "client_id": "storefront"}), anna, all},
		{"anonymous", nil, signed(t, jwt.MapClaims{"sub": nil, "scope": nil}), who("demoshop", "session-1", ""), ""},
		{"scopes as a list", nil, signed(t, jwt.MapClaims{"scope": []string{"a", "b"}}), anna, "a b"},
		{"a service's", nil, signed(t, jwt.MapClaims{"sid": nil, "sub": "client-1"}), who("demoshop", "", "client-1"), all},
		{"an issuer of one tenant", func(c *bearer.Config) { c.Tenant = "demoshop" },
			signed(t, jwt.MapClaims{"tenant": "othershop"}), anna, all},
		{"an issuer of one tenant, whose customers have a claim that is the tenant's by default",
			func(c *bearer.Config) { c.Tenant, c.CustomerClaim = "demoshop", "tenant" },
			signed(t, jwt.MapClaims{"tenant": "anna"}), anna, all},
		{"other claim names", func(c *bearer.Config) {
			c.TenantClaim, c.SessionClaim, c.CustomerClaim, c.ScopesClaim = "t", "s", "c", "scp"
		}, signed(t, jwt.MapClaims{"t": "othershop", "s": "session-2", "c": "bert", "scp": "x"}),
			who("othershop", "session-2", "bert"), "x"},
		{"expired less than the leeway ago", nil,
			signed(t, jwt.MapClaims{"exp": time.Now().Add(-25 * time.Second).Unix()}), anna, all},
		{"valid from a moment on that is within the leeway", nil,
			signed(t, jwt.MapClaims{"nbf": time.Now().Add(25 * time.Second).Unix()}), anna, all},
		{"by Keyfunc", func(c *bearer.Config) {
			c.Keys, c.Algorithms = nil, []string{"ES256", "RS256"}
			c.Keyfunc = func(*jwt.Token) (any, error) { return &k.rsa.PublicKey, nil }
		}, with(jwt.SigningMethodRS256, "new", k.rsa), anna, all},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			v := newVerifier(t, tc.edit)
			for _, again := range []string{"verified", "cached"} {
				c, err := v.Verify(bearing(tc.token))
				require.NoError(t, err, again)
				assert.Equal(t, tc.want, c.Identity, again)
				assert.Equal(t, tc.scopes, c.Scopes, again)
				assert.WithinDuration(t, time.Now(), c.Expires, time.Hour)
			}
			tenant, scopes, err := v.Scopes(bearing(tc.token))
			require.NoError(t, err)
			assert.Equal(t, tc.want.Tenant, tenant)
			assert.Equal(t, tc.scopes, scopes)
			id, err := v.Identify(bearing(tc.token))
			require.NoError(t, err)
			if tc.want.SessionID == "" {
				tc.want.CustomerID = "" // a client is no customer
			}
			assert.Equal(t, tc.want, id)
		})
	}
}

// Some issuers write the claims that a token does not have as null.
func TestVerify_ClaimThatIsNullCountsAsAbsent(t *testing.T) {
	null := json.RawMessage("null")
	cases := []struct {
		desc, claim string
		want        sessionctx.Identity
	}{
		{"no session", "sid", sessionctx.Identity{Tenant: "demoshop", CustomerID: "anna", Proof: sessionctx.Asserted}},
		{"no customer", "sub", sessionctx.Identity{Tenant: "demoshop", SessionID: "session-1", Proof: sessionctx.Asserted}},
		{"no scopes", "scope", sessionctx.Identity{Tenant: "demoshop", SessionID: "session-1", CustomerID: "anna", Proof: sessionctx.Asserted}},
		{"no client", "azp", sessionctx.Identity{Tenant: "demoshop", SessionID: "session-1", CustomerID: "anna", Proof: sessionctx.Asserted}},
		{"no tenant", "tenant", sessionctx.Identity{}},
		{"no audience", "aud", sessionctx.Identity{}},
		{"no issuer", "iss", sessionctx.Identity{}},
		{"no expiry", "exp", sessionctx.Identity{}},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			c, err := newVerifier(t, nil).VerifyToken(signed(t, jwt.MapClaims{tc.claim: null}))
			assert.Equal(t, tc.want, c.Identity)
			if tc.want == (sessionctx.Identity{}) {
				assert.ErrorIs(t, err, middleware.ErrUnauthenticated)
			} else {
				assert.NoError(t, err)
			}
			if tc.claim == "aud" || tc.claim == "iss" || tc.claim == "exp" {
				return // an answer about an opaque token needs none of them
			}
			e := &endpoint{answer: func(context.Context, string) (map[string]any, error) {
				answer := answered(nil)
				answer[tc.claim] = nil
				return answer, nil
			}}
			c, err = introspecting(t, e, nil).VerifyToken(opaqueToken)
			assert.Equal(t, tc.want, c.Identity)
			assert.Equal(t, tc.want == sessionctx.Identity{}, errors.Is(err, middleware.ErrUnauthenticated), "%v", err)
		})
	}
}

func TestVerify_NothingForARequestWithoutAToken(t *testing.T) {
	v, r := newVerifier(t, nil), httptest.NewRequest(http.MethodGet, "/", nil)
	c, err := v.Verify(r)
	require.NoError(t, err)
	assert.Zero(t, c)
	id, err := v.Identify(r)
	require.NoError(t, err)
	assert.Equal(t, sessionctx.Identity{}, id, "the zero Identity leaves the decision to the cookie")
	tenant, scopes, err := v.Scopes(r)
	require.NoError(t, err)
	assert.Empty(t, tenant+scopes)
}

func TestVerify_RefusesAKidThatIsNoString(t *testing.T) {
	k := issuer()
	configs := map[string]func(*bearer.Config){
		"a key without id": func(c *bearer.Config) { c.Keys = []bearer.Key{{Algorithm: "HS256", Key: k.hmac}} },
		"Keyfunc": func(c *bearer.Config) {
			c.Keys, c.Algorithms = nil, []string{"HS256"}
			c.Keyfunc = func(*jwt.Token) (any, error) { return k.hmac, nil }
		},
	}
	for desc, edit := range configs {
		t.Run(desc, func(t *testing.T) {
			v := newVerifier(t, edit)
			for _, kid := range []any{nil, 0, true, []string{}, []string{"hmac"}, map[string]any{}} {
				token := sign(t, jwt.SigningMethodHS256, map[string]any{"kid": kid}, k.hmac, claims(nil))
				c, err := v.VerifyToken(token)
				assert.ErrorIs(t, err, middleware.ErrUnauthenticated, "kid %v", kid)
				assert.Zero(t, c)
			}
			_, err := v.VerifyToken(sign(t, jwt.SigningMethodHS256, nil, k.hmac, claims(nil)))
			assert.NoError(t, err, "a token without a kid is another matter")
		})
	}
}

func TestVerify_RefusesAnotherAudience(t *testing.T) {
	cases := []struct {
		desc, claim string
		changed     jwt.MapClaims
	}{
		{"aud alone, where client_id counts", "client_id", jwt.MapClaims{"aud": "storefront"}},
		{"another client_id", "client_id", jwt.MapClaims{"client_id": "backoffice"}},
		{"a client_id that is no text", "client_id", jwt.MapClaims{"client_id": map[string]any{"storefront": 1}}},
		{"client_id, where aud counts", "", jwt.MapClaims{"aud": nil, "client_id": "storefront"}},
		{"no text in the list", "", jwt.MapClaims{"aud": []any{1, nil, []any{"storefront"}}}},
		{"an empty list", "", jwt.MapClaims{"aud": []any{}}},
		{"the empty text", "", jwt.MapClaims{"aud": ""}},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			v := newVerifier(t, func(c *bearer.Config) { c.AudienceClaim = tc.claim })
			c, err := v.VerifyToken(signed(t, tc.changed))
			assert.ErrorIs(t, err, middleware.ErrUnauthenticated)
			assert.ErrorContains(t, err, "another audience")
			assert.Zero(t, c)
		})
	}
}

func TestThreat_JWTConfusion(t *testing.T) {
	k := issuer()
	der, err := x509.MarshalPKIXPublicKey(&k.rsa.PublicKey)
	require.NoError(t, err)
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	otherRSA, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	kid := func(id any) map[string]any { return map[string]any{"kid": id} }
	good := signed(t, nil)
	parts := strings.Split(good, ".")
	withPayload := func(c jwt.MapClaims) string {
		payload, err := json.Marshal(c)
		require.NoError(t, err)
		return parts[0] + "." + base64.RawURLEncoding.EncodeToString(payload) + "." + parts[2]
	}
	cases := []struct{ desc, token string }{
		// algorithms
		{"alg none", sign(t, jwt.SigningMethodNone, nil, jwt.UnsafeAllowNoneSignatureType, claims(nil))},
		{"alg none, naming a key", sign(t, jwt.SigningMethodNone, kid("hmac"), jwt.UnsafeAllowNoneSignatureType, claims(nil))},
		{"alg in other letter case", sign(t, jwt.SigningMethodHS256, map[string]any{"kid": "hmac", "alg": "hs256"}, k.hmac, claims(nil))},
		{"alg not a string", sign(t, jwt.SigningMethodHS256, map[string]any{"kid": "hmac", "alg": 1}, k.hmac, claims(nil))},
		{"alg that no key has", sign(t, jwt.SigningMethodHS512, kid("hmac"), k.hmac, claims(nil))},
		{"HMAC with the public key, as PEM, under its kid", sign(t, jwt.SigningMethodHS256, kid("rsa"), publicPEM, claims(nil))},
		{"HMAC with the public key, as DER, under its kid", sign(t, jwt.SigningMethodHS256, kid("rsa"), der, claims(nil))},
		{"HMAC with the public key, under the secret's kid", sign(t, jwt.SigningMethodHS256, kid("hmac"), publicPEM, claims(nil))},
		{"HMAC with the raw Ed25519 public key, under its kid", sign(t, jwt.SigningMethodHS256, kid("ed"), []byte(k.public), claims(nil))},
		{"the right key, under another kid", sign(t, jwt.SigningMethodRS256, kid("ec"), k.rsa, claims(nil))},
		{"the right key, another padding", sign(t, jwt.SigningMethodPS256, kid("rsa"), k.rsa, claims(nil))},
		{"the right key, with an algorithm that is another key's", sign(t, jwt.SigningMethodRS256, kid("pss"), k.rsa, claims(nil))},
		{"another key, under the right kid", sign(t, jwt.SigningMethodRS256, kid("rsa"), otherRSA, claims(nil))},
		{"an unknown kid", sign(t, jwt.SigningMethodHS256, kid("new"), k.hmac, claims(nil))},
		{"no kid", sign(t, jwt.SigningMethodHS256, nil, k.hmac, claims(nil))},
		{"an empty kid", sign(t, jwt.SigningMethodHS256, kid(""), k.hmac, claims(nil))},
		{"a kid that is no string", sign(t, jwt.SigningMethodHS256, kid([]string{"hmac"}), k.hmac, claims(nil))},
		{"a kid that is a path", sign(t, jwt.SigningMethodHS256, kid("../../dev/null"), k.hmac, claims(nil))},
		{"an embedded key", sign(t, jwt.SigningMethodRS256, map[string]any{"kid": "rsa", "jwk": map[string]any{"kty": "RSA"}, "jku": "https://evil.example"}, otherRSA, claims(nil))},
		{"a logout token", sign(t, jwt.SigningMethodHS256, map[string]any{"kid": "hmac", "typ": "logout+jwt"}, k.hmac, claims(nil))},
		{"a critical extension", sign(t, jwt.SigningMethodHS256, map[string]any{"kid": "hmac", "crit": []string{"b64"}, "b64": true}, k.hmac, claims(nil))},
		// claims
		{"no issuer", signed(t, jwt.MapClaims{"iss": nil})},
		{"another issuer", signed(t, jwt.MapClaims{"iss": "https://id.example.evil"})},
		{"another issuer's letter case", signed(t, jwt.MapClaims{"iss": "https://ID.example"})},
		{"no audience", signed(t, jwt.MapClaims{"aud": nil})},
		{"another audience", signed(t, jwt.MapClaims{"aud": "backoffice"})},
		{"other audiences", signed(t, jwt.MapClaims{"aud": []string{"backoffice", "store"}})},
		{"no expiry", signed(t, jwt.MapClaims{"exp": nil})},
		{"an expiry in words", signed(t, jwt.MapClaims{"exp": "never"})},
		{"expired", signed(t, jwt.MapClaims{"exp": time.Now().Add(-31 * time.Second).Unix()})},
		{"not valid yet", signed(t, jwt.MapClaims{"nbf": time.Now().Add(time.Minute).Unix()})},
		{"no tenant", signed(t, jwt.MapClaims{"tenant": nil})},
		{"a malformed tenant", signed(t, jwt.MapClaims{"tenant": "Demo Shop"})},
		{"a tenant that is no string", signed(t, jwt.MapClaims{"tenant": []string{"demoshop"}})},
		{"a session id that is no string", signed(t, jwt.MapClaims{"sid": 7})},
		{"a session id of 257 bytes", signed(t, jwt.MapClaims{"sid": strings.Repeat("s", 257)})},
		{"a customer id that is no string", signed(t, jwt.MapClaims{"sub": map[string]any{}})},
		{"a customer id of 257 bytes", signed(t, jwt.MapClaims{"sub": strings.Repeat("s", 257)})},
		{"a session id that is the customer id", signed(t, jwt.MapClaims{"sid": "anna"})},
		{"scopes that are no strings", signed(t, jwt.MapClaims{"scope": []any{"a", 1}})},
		{"a scope that hides another", signed(t, jwt.MapClaims{"scope": []string{"a sessioncontext.context_manage"}})},
		{"scopes that are a number", signed(t, jwt.MapClaims{"scope": 1})},
		// form
		{"nothing", ""},
		{"two parts", parts[0] + "." + parts[1]},
		{"four parts", good + "." + parts[2]},
		{"no signature", parts[0] + "." + parts[1] + "."},
		{"another payload", withPayload(claims(jwt.MapClaims{"sub": "bert"}))},
		{"padding", good + "="},
		{"another spelling of the same signature", otherSpelling(good)},
		{"not base64", "ü." + parts[1] + "." + parts[2]},
		{"a header that is no JSON", "AAAA." + parts[1] + "." + parts[2]},
		{"a header that is null", "bnVsbA." + parts[1] + "." + parts[2]},
		{"larger than 8 KiB", signed(t, jwt.MapClaims{"x": strings.Repeat("x", 8<<10)})},
		{"two tokens", good + " " + good},
		{"a comma", good + ", Bearer " + good},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			v := newVerifier(t, nil)
			for range 2 {
				c, err := v.Verify(bearing(tc.token))
				require.ErrorIs(t, err, middleware.ErrUnauthenticated)
				assert.Zero(t, c)
				assert.True(t, strings.HasPrefix(err.Error(), "bearer: middleware: unauthenticated: "), err.Error())
				for part := range strings.SplitSeq(tc.token, ".") {
					if len(part) > 4 {
						assert.NotContains(t, err.Error(), part)
					}
				}
				assert.NotContains(t, err.Error(), "anna")
				assert.NotContains(t, err.Error(), "evil")
			}
			id, err := v.Identify(bearing(tc.token))
			require.ErrorIs(t, err, middleware.ErrUnauthenticated)
			assert.Zero(t, id)
			id, err = v.Identify(bearing(good))
			require.NoError(t, err)
			assert.Equal(t, "anna", id.CustomerID, "the good token beside it counts")
		})
	}
}

// otherSpelling changes bits of the last character that stand for nothing: 32 bytes take 42 2/3
// characters.
func otherSpelling(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(token) - 1
	return token[:last] + string(alphabet[strings.IndexByte(alphabet, token[last])^1])
}

func TestVerify_ReadsTheHeaderAlone(t *testing.T) {
	good := signed(t, nil)
	cases := []struct {
		desc   string
		header []string
		want   string // session id
		bad    bool
	}{
		{"none", nil, "", false},
		{"another scheme", []string{"Basic YTpi"}, "", false},
		{"a scheme that begins alike", []string{"BearerToken " + good}, "", false},
		{"empty", []string{""}, "", false},
		{"a token", []string{"Bearer " + good}, "session-1", false},
		{"in other letter case", []string{"bEARER " + good}, "session-1", false},
		{"two spaces", []string{"Bearer  " + good}, "session-1", false},
		{"the scheme alone", []string{"Bearer"}, "", true},
		{"the scheme and a space", []string{"Bearer "}, "", true},
		{"twice", []string{"Bearer " + good, "Bearer " + good}, "", true},
		{"beside another scheme", []string{"Basic YTpi", "Bearer " + good}, "", true},
		{"before another scheme", []string{"Bearer " + good, "Basic YTpi"}, "", true},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/?access_token="+good, nil)
			r.Header["Authorization"] = tc.header
			c, err := newVerifier(t, nil).Verify(r)
			if tc.bad {
				require.ErrorIs(t, err, middleware.ErrUnauthenticated)
			} else {
				require.NoError(t, err)
			}
			assert.Equal(t, tc.want, c.Identity.SessionID)
		})
	}
}

func TestKeyfunc_UnavailableIsNotUnauthenticated(t *testing.T) {
	down := fmt.Errorf("%w: the key set could not be fetched", sessionctx.ErrUnavailable)
	for _, tc := range []struct {
		desc string
		err  error
		want error
	}{
		{"no such key", errors.New("kid not found"), middleware.ErrUnauthenticated},
		{"no such key, and no fetch for it now", errors.New("kid not found: rate limited"), middleware.ErrUnauthenticated},
		{"an answer that is no key set", &json.SyntaxError{}, middleware.ErrUnauthenticated},
		{"not to be asked", down, sessionctx.ErrUnavailable},
		{"not to be asked, wrapped by a library", fmt.Errorf("failed to read the JWK: %w", down), sessionctx.ErrUnavailable},
		{"nobody listens", &url.Error{Op: "Get", URL: "https://id.example/keys", Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}, sessionctx.ErrUnavailable},
		{"nobody listens, wrapped by a library", fmt.Errorf("failed to refresh: %w", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), sessionctx.ErrUnavailable},
		{"a host that has no address", errors.Join(errors.New("keys"), &net.DNSError{Name: "id.example", IsNotFound: true}), sessionctx.ErrUnavailable},
		{"a timeout", fmt.Errorf("keys: %w", context.DeadlineExceeded), sessionctx.ErrUnavailable},
		{"a fetch that was given up", &url.Error{Op: "Get", Err: context.Canceled}, sessionctx.ErrUnavailable},
		{"a certificate that has expired", &url.Error{Op: "Get", Err: x509.CertificateInvalidError{Reason: x509.Expired}}, sessionctx.ErrUnavailable},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			for name, edit := range map[string]func(cfg *bearer.Config){
				"Keyfunc": func(cfg *bearer.Config) {
					cfg.Keys, cfg.Algorithms = nil, []string{"HS256"}
					cfg.Keyfunc = func(*jwt.Token) (any, error) { return nil, tc.err }
				},
				"Check": func(cfg *bearer.Config) { cfg.Check = func(map[string]any) error { return tc.err } },
			} {
				_, err := newVerifier(t, edit).Verify(bearing(signed(t, nil)))
				require.ErrorIs(t, err, tc.want, name)
				assert.Equal(t, tc.want == middleware.ErrUnauthenticated, errors.Is(err, middleware.ErrUnauthenticated), name)
			}
		})
	}
}

func TestHasScope_ComparesWholeScopes(t *testing.T) {
	c := bearer.Claims{Scopes: "a sessioncontext.context_manage  b"}
	for scope, want := range map[string]bool{
		"sessioncontext.context_manage": true, "a": true, "b": true,
		"sessioncontext.context": false, "context_manage": false, "A": false, "": false, " ": false, "a sessioncontext.context_manage": false,
	} {
		assert.Equal(t, want, c.HasScope(scope), "%q", scope)
	}
	assert.False(t, bearer.Claims{}.HasScope(""))
}
