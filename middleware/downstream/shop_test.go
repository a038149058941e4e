package downstream_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/middleware/bearer"
	"github.com/sessionctx/storefront/middleware/downstream"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/sessiontest"
	"github.com/sessionctx/storefront/sessionctx/store"
)

var (
	secret  = []byte("0123456789abcdef0123456789abcdef")
	private = ed25519.NewKeyFromSeed([]byte("a seed for tests, with 32 bytes.")) // deterministic
	public  = private.Public().(ed25519.PublicKey)
)

// The services of the tests: the storefront sends with a secret, and "orders" with a private key.
var issuers = map[string][]bearer.Key{
	"storefront": {{ID: "1", Algorithm: "HS256", Key: secret}},
	"orders":     {{ID: "1", Algorithm: "EdDSA", Key: public}},
}

const prices = "https://prices.internal"

func newTransport(t testing.TB, edit func(*downstream.TransportConfig)) *downstream.Transport {
	t.Helper()
	cfg := downstream.TransportConfig{
		Issuer: "storefront", KeyID: "1", Key: secret, Audiences: map[string]string{prices: "prices"},
	}
	if edit != nil {
		edit(&cfg)
	}
	transport, err := downstream.NewTransport(cfg)
	require.NoError(t, err)
	return transport
}

func newVerifier(t testing.TB, edit func(*downstream.VerifierConfig)) *downstream.Verifier {
	t.Helper()
	cfg := downstream.VerifierConfig{Audience: "prices", Issuers: issuers}
	if edit != nil {
		edit(&cfg)
	}
	v, err := downstream.NewVerifier(cfg)
	require.NoError(t, err)
	return v
}

// unwatched hides that the store reports changes: two resolvers on it are two processes, and each
// keeps what it has read for MaxStale.
type unwatched struct{ store.Store }

func newResolver(t testing.TB, backend store.Store) *sessionctx.Resolver {
	t.Helper()
	r, err := sessionctx.New(sessionctx.Config{
		Store: unwatched{backend}, MaxStale: 1 << 40,
		Timeout: time.Minute, // a busy machine is no store that hangs
		Directory: sessionctx.Static{"myshop": {Sites: []defaults.Site{{
			Code: "main", Default: true, Country: "DE", Currency: "EUR", Currencies: []string{"CHF", "GBP"}, Language: "de",
		}}}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// anna is a customer with two attributes.
func anna(t testing.TB) sessionctx.Session {
	return sessiontest.New(t, sessiontest.Literal{
		Session: sessionctx.Session{
			Tenant: "myshop", ID: "s-1", CustomerID: "anna", Site: "main", Currency: "CHF", Country: "DE", Language: "de",
			CartID: "cart-1", Version: 7, CreatedAt: time.Unix(1, 0).UTC(), ModifiedAt: time.Unix(2, 0).UTC(),
		},
		Sources:    map[defaults.Field]defaults.Source{defaults.FieldCurrency: defaults.SourceChoice},
		Attributes: map[string]string{"coupon": `"SUMMER"`, "segment": `{"b2b":true}`},
		Proof:      sessionctx.Asserted,
	})
}

// claims are those of a good token, which sign may change.
func claims(t testing.TB) jwt.MapClaims {
	now := time.Now()
	return jwt.MapClaims{
		"iss": "storefront", "aud": "prices", "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
		"tenant": "myshop", "session_context": anna(t).Snapshot(),
	}
}

// sign returns a token as anybody can make it who has the key.
func sign(t testing.TB, method jwt.SigningMethod, key any, header map[string]any, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	token.Header["typ"], token.Header["kid"] = "session-context+jwt", "1"
	for name, value := range header {
		if token.Header[name] = value; value == nil {
			delete(token.Header, name)
		}
	}
	signed, err := token.SignedString(key)
	require.NoError(t, err)
	return signed
}

// answer is what a service said.
type answer struct {
	status  int
	header  http.Header
	body    string
	problem struct {
		Type, Title, Detail string
		Status              int
	}
}

// ask calls a service with these Session-Context headers.
func ask(t testing.TB, h http.Handler, tokens ...string) (a answer) {
	t.Helper()
	r := httptest.NewRequest("GET", "/", nil)
	for _, token := range tokens {
		r.Header.Add(downstream.Header, token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	a.status, a.header, a.body = w.Code, w.Header(), w.Body.String()
	if w.Header().Get("Content-Type") == "application/problem+json" {
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &a.problem))
		assert.Equal(t, a.status, a.problem.Status)
		assert.Contains(t, w.Header().Values("Cache-Control"), "private, no-store")
	}
	return a
}

// show is the handler of the service: it answers with the currency and the source of it.
func show(w http.ResponseWriter, r *http.Request) {
	s, ok := sessionctx.FromContext(r.Context())
	if !ok {
		http.Error(w, "no session", http.StatusTeapot)
		return
	}
	_, _ = w.Write([]byte(s.Currency + " (" + s.Source(defaults.FieldCurrency).String() + ") " + s.CustomerID))
}

// payload decodes what a token says, without a look at its signature.
func payload(t testing.TB, token string) (claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3)
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &claims))
	return claims
}
