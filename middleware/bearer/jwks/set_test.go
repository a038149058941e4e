package jwks_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/middleware/bearer"
	"github.com/sessionctx/storefront/middleware/bearer/jwks"
	"github.com/sessionctx/storefront/sessionctx"
)

// ring has the private keys of an issuer by kid, made once for all tests.
var ring = sync.OnceValue(func() map[string]any {
	keys := map[string]any{}
	for _, kid := range []string{"rsa-1", "rsa-2"} {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		keys[kid] = k
	}
	for kid, curve := range map[string]elliptic.Curve{"ec-256": elliptic.P256(), "ec-384": elliptic.P384()} {
		k, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			panic(err)
		}
		keys[kid] = k
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	keys["ed"] = ed
	return keys
})

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// jwk returns the JSON Web Key of one of the ring's keys, with some members changed; a nil removes
// one.
func jwk(kid string, changed map[string]any) map[string]any {
	m := map[string]any{"kid": kid, "use": "sig"}
	switch k := ring()[kid].(type) {
	case *rsa.PrivateKey:
		m["kty"], m["n"], m["e"] = "RSA", b64(k.N.Bytes()), b64(big.NewInt(int64(k.E)).Bytes())
	case *ecdsa.PrivateKey:
		size := (k.Curve.Params().BitSize + 7) / 8
		m["kty"], m["crv"] = "EC", k.Curve.Params().Name
		m["x"], m["y"] = b64(k.X.FillBytes(make([]byte, size))), b64(k.Y.FillBytes(make([]byte, size)))
	case ed25519.PrivateKey:
		m["kty"], m["crv"], m["x"] = "OKP", "Ed25519", b64(k.Public().(ed25519.PublicKey))
	}
	for name, v := range changed {
		if v == nil {
			delete(m, name)
		} else {
			m[name] = v
		}
	}
	return m
}

func set(keys ...map[string]any) string {
	b, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		panic(err)
	}
	return string(b)
}

// keyServer publishes a key set.
type keyServer struct {
	url     string
	fetches atomic.Int64
	gate    atomic.Pointer[chan struct{}] // not nil: answers wait until it is closed

	mu     sync.Mutex
	status int
	body   string
}

func newKeyServer(t *testing.T, body string) *keyServer {
	s := &keyServer{status: http.StatusOK, body: body}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fetches.Add(1)
		if gate := s.gate.Load(); gate != nil {
			select {
			case <-*gate:
			case <-r.Context().Done():
				return
			}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		w.WriteHeader(s.status)
		_, _ = io.WriteString(w, s.body)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *keyServer) publish(status int, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status, s.body = status, body
}

// clock is a clock that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// rig is a Verifier that has the keys of a server, and caches no token.
type rig struct {
	t      *testing.T
	server *keyServer
	keys   *jwks.Set
	tokens *bearer.Verifier
	clock  *clock
	log    *bytes.Buffer // read it when no fetch is under way
}

func newRig(t *testing.T, body string) *rig {
	t.Helper()
	r := &rig{t: t, server: newKeyServer(t, body), clock: &clock{now: time.Now()}, log: new(bytes.Buffer)}
	var err error
	r.keys, err = jwks.New(jwks.Config{
		URL: r.server.url, Timeout: time.Minute, Logger: slog.New(slog.NewTextHandler(r.log, nil)),
	})
	require.NoError(t, err)
	r.keys.SetNow(r.clock.read)
	t.Cleanup(r.keys.Wait)
	r.tokens, err = bearer.New(bearer.Config{
		Issuer: "https://id.example", Audience: "storefront", Tenant: "demoshop", CachedTokens: -1, Keyfunc: r.keys.Keyfunc,
		Algorithms: []string{"RS256", "PS256", "ES256", "ES384", "EdDSA"},
	})
	require.NoError(t, err)
	return r
}

// token returns anna's token, signed with one of the ring's keys.
func token(t testing.TB, key string, alg string, header map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.GetSigningMethod(alg), jwt.MapClaims{
		"iss": "https://id.example", "aud": "storefront", "sub": "anna", "exp": time.Now().Add(time.Hour).Unix(),
	})
	token.Header["kid"] = key
	for name, v := range header {
		if v == nil {
			delete(token.Header, name)
		} else {
			token.Header[name] = v
		}
	}
	signed, err := token.SignedString(ring()[key])
	require.NoError(t, err)
	return signed
}

// outcome is what becomes of a token.
type outcome int

const (
	good    outcome = iota
	bad             // 401
	nobodys         // 503: nobody can say
)

// verify verifies a token, and says how many fetches that caused and waited for.
func (r *rig) verify(desc, token string, want outcome, wantFetches int64) {
	r.t.Helper()
	before := r.server.fetches.Load()
	_, err := r.tokens.VerifyToken(token)
	r.keys.Wait()
	switch want {
	case good:
		require.NoError(r.t, err, desc)
	case bad:
		require.ErrorIs(r.t, err, middleware.ErrUnauthenticated, desc)
	case nobodys:
		require.ErrorIs(r.t, err, sessionctx.ErrUnavailable, desc)
		require.NotErrorIs(r.t, err, middleware.ErrUnauthenticated, desc)
	}
	require.Equal(r.t, wantFetches, r.server.fetches.Load()-before, "fetches: "+desc)
}

func TestKeyfunc_FindsTheKeyOfEachKind(t *testing.T) {
	all := set(jwk("rsa-1", nil), jwk("rsa-2", map[string]any{"alg": "PS256"}), jwk("ec-256", nil), jwk("ec-384", map[string]any{"alg": "ES384"}), jwk("ed", nil))
	cases := []struct {
		desc, body, token string
		want              outcome
	}{
		{"RSA", all, token(t, "rsa-1", "RS256", nil), good},
		{"RSA, another padding", all, token(t, "rsa-1", "PS256", nil), good},
		{"RSA with its alg", all, token(t, "rsa-2", "PS256", nil), good},
		{"RSA with another alg", all, token(t, "rsa-2", "RS256", nil), bad},
		{"P-256", all, token(t, "ec-256", "ES256", nil), good},
		{"P-384", all, token(t, "ec-384", "ES384", nil), good},
		{"Ed25519", all, token(t, "ed", "EdDSA", nil), good},
		{"a key that has another one's kid", all, token(t, "rsa-1", "RS256", map[string]any{"kid": "rsa-2"}), bad},
		{"a kid of another kind of key", all, token(t, "rsa-1", "RS256", map[string]any{"kid": "ed"}), bad},
		{"no kid, several keys that fit", all, token(t, "rsa-1", "PS256", map[string]any{"kid": nil}), bad},
		{"no kid, one key that fits", all, token(t, "ed", "EdDSA", map[string]any{"kid": nil}), good},
		{"no kid, one curve that fits", set(jwk("ec-256", nil), jwk("ec-384", nil)), token(t, "ec-256", "ES256", map[string]any{"kid": nil}), good},
		{"no kid, the only key", set(jwk("rsa-1", map[string]any{"kid": nil})), token(t, "rsa-1", "RS256", map[string]any{"kid": nil}), good},
		{"an empty kid", all, token(t, "rsa-1", "RS256", map[string]any{"kid": ""}), bad},
		{"a kid that is no text", all, token(t, "rsa-1", "RS256", map[string]any{"kid": 1}), bad},
		{"one kid for two kinds", set(jwk("ec-256", map[string]any{"kid": "k"}), jwk("rsa-1", map[string]any{"kid": "k"})),
			token(t, "rsa-1", "RS256", map[string]any{"kid": "k"}), good},
		{"one kid for two keys", set(jwk("rsa-2", map[string]any{"kid": "k"}), jwk("rsa-1", map[string]any{"kid": "k"})),
			token(t, "rsa-1", "RS256", map[string]any{"kid": "k"}), good},
		{"for encryption", set(jwk("rsa-1", map[string]any{"use": "enc"}), jwk("ed", nil)), token(t, "rsa-1", "RS256", nil), bad},
		{"without use", set(jwk("rsa-1", map[string]any{"use": nil})), token(t, "rsa-1", "RS256", nil), good},
		{"for verifying", set(jwk("rsa-1", map[string]any{"key_ops": []string{"verify"}})), token(t, "rsa-1", "RS256", nil), good},
		{"for wrapping", set(jwk("rsa-1", map[string]any{"key_ops": []string{"wrapKey"}}), jwk("ed", nil)), token(t, "rsa-1", "RS256", nil), bad},
		{"with certificates that say nothing", set(jwk("rsa-1", map[string]any{"x5c": []string{"MIIC"}, "x5t": "a", "x5u": "https://evil.example"})),
			token(t, "rsa-1", "RS256", nil), good},
		{"beside keys that nobody can read", set(
			map[string]any{"kty": "AKP", "kid": "pq", "alg": "ML-DSA-44", "pub": "AAAA"}, map[string]any{"kty": "RSA"},
			map[string]any{"kty": 7}, map[string]any{}, jwk("ec-256", map[string]any{"x": "AAAA"}), jwk("rsa-2", map[string]any{"n": "!"}), jwk("rsa-1", nil),
		), token(t, "rsa-1", "RS256", nil), good},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			newRig(t, tc.body).verify(tc.desc, tc.token, tc.want, fetchesOf(tc.token))
		})
	}
}

// fetchesOf returns how many fetches a token causes in a new rig: none where its header is refused.
func fetchesOf(token string) int64 {
	header, _, _ := strings.Cut(token, ".")
	b, _ := base64.RawURLEncoding.DecodeString(header)
	var h map[string]any
	_ = json.Unmarshal(b, &h)
	if kid, exists := h["kid"]; exists {
		if _, isText := kid.(string); !isText {
			return 0
		}
	}
	return 1
}

func TestKeyfunc_PublishedSecretSignsNothing(t *testing.T) {
	secret := []byte("0123456789abcdef0123456789abcdef")
	server := newKeyServer(t, set(map[string]any{"kty": "oct", "kid": "s", "k": b64(secret)}, jwk("rsa-1", nil)))
	keys, err := jwks.New(jwks.Config{URL: server.url, Timeout: time.Minute})
	require.NoError(t, err)
	v, err := bearer.New(bearer.Config{
		Issuer: "https://id.example", Audience: "storefront", Tenant: "demoshop", Keyfunc: keys.Keyfunc, Algorithms: []string{"HS256"},
	})
	require.NoError(t, err)
	forged := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": "https://id.example", "aud": "storefront", "sub": "anna", "exp": time.Now().Add(time.Hour).Unix(),
	})
	forged.Header["kid"] = "s"
	text, err := forged.SignedString(secret)
	require.NoError(t, err)
	_, err = v.VerifyToken(text)
	require.ErrorIs(t, err, middleware.ErrUnauthenticated)
}

func TestKeyfunc_ServerThatFailsIsUnavailable(t *testing.T) {
	cases := []struct {
		desc   string
		status int
		body   string
	}{
		{"500", http.StatusInternalServerError, set(jwk("rsa-1", nil))},
		{"404", http.StatusNotFound, "not found"},
		{"401", http.StatusUnauthorized, ""},
		{"204", http.StatusNoContent, ""},
		{"a page", http.StatusOK, "<html>maintenance</html>"},
		{"nothing", http.StatusOK, ""},
		{"half of it", http.StatusOK, set(jwk("rsa-1", nil))[:40]},
		{"another document", http.StatusOK, `{"issuer":"https://id.example"}`},
		{"a list", http.StatusOK, `[]`},
		{"no key", http.StatusOK, `{"keys":[]}`},
		{"no key that verifies", http.StatusOK, set(jwk("rsa-1", map[string]any{"use": "enc"}))},
		{"a short key", http.StatusOK, set(jwk("rsa-1", map[string]any{"n": b64(bytes.Repeat([]byte{0xff}, 128))}))},
		{"too much", http.StatusOK, set(jwk("rsa-1", nil)) + strings.Repeat(" ", 1<<20)},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			r := newRig(t, set(jwk("rsa-1", nil)))
			known, unknown := token(t, "rsa-1", "RS256", nil), token(t, "rsa-2", "RS256", nil)

			r.server.publish(tc.status, tc.body)
			r.verify("at the start", known, nobodys, 1)
			r.verify("at once again", known, nobodys, 0)
			r.clock.move(time.Second)
			r.verify("a second later", known, nobodys, 1)

			r.server.publish(http.StatusOK, set(jwk("rsa-1", nil)))
			r.clock.move(time.Second)
			r.verify("when it is back", known, good, 1)

			r.server.publish(tc.status, tc.body)
			r.clock.move(10 * time.Second)
			r.verify("a known key", known, good, 0)
			r.verify("an unknown key", unknown, nobodys, 1)
			r.verify("an unknown key at once again", unknown, nobodys, 0)
			r.verify("a known key beside it", known, good, 0)
			assert.Equal(t, 2, strings.Count(r.log.String(), "keys not fetched"), "one line for each row of failures:\n%s", r.log)
			assert.Equal(t, 1, strings.Count(r.log.String(), "keys fetched again"), r.log)
		})
	}
}

func TestKeyfunc_ServerThatIsGoneIsUnavailable(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	keys, err := jwks.New(jwks.Config{URL: server.URL, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	_, err = keys.Keyfunc(&jwt.Token{Header: map[string]any{"kid": "rsa-1"}, Method: jwt.SigningMethodRS256})
	require.ErrorIs(t, err, sessionctx.ErrUnavailable)
	require.ErrorIs(t, keys.Refresh(t.Context()), sessionctx.ErrUnavailable)
}

func TestKeyfunc_ServerThatHangsIsUnavailableAfterTimeout(t *testing.T) {
	server := newKeyServer(t, set(jwk("rsa-1", nil)))
	gate := make(chan struct{})
	defer close(gate)
	server.gate.Store(&gate)
	keys, err := jwks.New(jwks.Config{URL: server.url, Timeout: time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	_, err = keys.Keyfunc(&jwt.Token{Header: map[string]any{"kid": "rsa-1"}, Method: jwt.SigningMethodRS256})
	require.ErrorIs(t, err, sessionctx.ErrUnavailable)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestKeyfunc_FollowsARotation(t *testing.T) {
	r := newRig(t, set(jwk("rsa-1", nil)))
	first, second := token(t, "rsa-1", "RS256", nil), token(t, "rsa-2", "RS256", nil)
	r.verify("the first key", first, good, 1)

	r.server.publish(http.StatusOK, set(jwk("rsa-1", nil), jwk("rsa-2", nil)))
	r.verify("the second key, right after a fetch", second, bad, 0)
	r.clock.move(10 * time.Second)
	r.verify("the second key", second, good, 1)
	r.verify("both are known", first, good, 0)

	r.server.publish(http.StatusOK, set(jwk("rsa-2", nil)))
	r.verify("the first key was withdrawn, which nobody knows yet", first, good, 0)
	r.clock.move(time.Hour)
	r.verify("it is used once more while the set is fetched", first, good, 1)
	r.verify("it is withdrawn", first, bad, 0)
	r.verify("the second key stays", second, good, 0)
}

func TestKeyfunc_UnknownKeyFetchesUnderARateLimit(t *testing.T) {
	r := newRig(t, set(jwk("rsa-1", nil)))
	r.verify("the first token", token(t, "rsa-1", "RS256", nil), good, 1)
	for minute := range 3 {
		r.clock.move(10 * time.Second)
		before := r.server.fetches.Load()
		for i := range 100 {
			_, err := r.tokens.VerifyToken(token(t, "ed", "EdDSA", map[string]any{"kid": fmt.Sprint(minute, i)}))
			require.ErrorIs(t, err, middleware.ErrUnauthenticated)
		}
		assert.EqualValues(t, 1, r.server.fetches.Load()-before, "100 tokens with made-up kids")
	}
	before := r.server.fetches.Load()
	for _, header := range []map[string]any{{"kid": nil}, {"kid": 7}, {"kid": "rsa-1"}} {
		_, err := r.tokens.VerifyToken(token(t, "ed", "EdDSA", header))
		require.ErrorIs(t, err, middleware.ErrUnauthenticated)
	}
	assert.Equal(t, before, r.server.fetches.Load())
}

func TestKeyfunc_AllWhoWaitShareOneFetch(t *testing.T) {
	r := newRig(t, set(jwk("rsa-1", nil)))
	gate := make(chan struct{})
	r.server.gate.Store(&gate)
	text := token(t, "rsa-1", "RS256", nil)
	var wg sync.WaitGroup
	var entered sync.WaitGroup
	errs := make([]error, 50)
	for i := range errs {
		entered.Add(1)
		wg.Go(func() {
			entered.Done()
			_, errs[i] = r.tokens.VerifyToken(text)
		})
	}
	entered.Wait()
	close(gate)
	wg.Wait()
	for _, err := range errs {
		assert.NoError(t, err)
	}
	assert.EqualValues(t, 1, r.server.fetches.Load(), "who came late found the keys")
}

func TestKeyfunc_NobodyWaitsForWhatIsKnown(t *testing.T) {
	r := newRig(t, set(jwk("rsa-1", nil)))
	text := token(t, "rsa-1", "RS256", nil)
	r.verify("the first token", text, good, 1)
	gate := make(chan struct{})
	r.server.gate.Store(&gate)
	r.clock.move(time.Hour)
	for range 10 { // the server does not answer before the gate opens
		_, err := r.tokens.VerifyToken(text)
		require.NoError(t, err)
	}
	close(gate)
	r.keys.Wait()
	assert.EqualValues(t, 2, r.server.fetches.Load())
}

func TestKeyfunc_KeepsKeysForADay(t *testing.T) {
	r := newRig(t, set(jwk("rsa-1", nil)))
	text := token(t, "rsa-1", "RS256", nil)
	r.verify("the first token", text, good, 1)
	r.server.publish(http.StatusBadGateway, "")
	r.clock.move(time.Hour)
	r.verify("an hour later", text, good, 1)
	r.clock.move(9 * time.Second)
	r.verify("the background does not try at once again", text, good, 0)
	r.clock.move(time.Second)
	r.verify("but later", text, good, 1)
	r.clock.move(23*time.Hour - 10*time.Second - 1)
	r.verify("at the end of the day", text, good, 1)
	r.clock.move(1)
	r.verify("after the end of the day, the failure still counts", text, nobodys, 0)
	r.clock.move(time.Second)
	r.verify("after the end of the day", text, nobodys, 1)
	r.server.publish(http.StatusOK, set(jwk("rsa-1", nil)))
	r.clock.move(time.Second)
	r.verify("when it is back", text, good, 1)
}

func TestRefresh_PutsTheKeysInUse(t *testing.T) {
	r := newRig(t, set(jwk("rsa-1", nil)))
	require.NoError(t, r.keys.Refresh(t.Context()))
	r.verify("fetched before the first token", token(t, "rsa-1", "RS256", nil), good, 0)
	r.server.publish(http.StatusOK, set(jwk("rsa-2", nil)))
	require.NoError(t, r.keys.Refresh(t.Context()))
	r.verify("withdrawn", token(t, "rsa-1", "RS256", nil), bad, 0)
	r.verify("new", token(t, "rsa-2", "RS256", nil), good, 0)
	r.server.publish(http.StatusBadGateway, "")
	require.ErrorIs(t, r.keys.Refresh(t.Context()), sessionctx.ErrUnavailable)
	r.verify("kept", token(t, "rsa-2", "RS256", nil), good, 0)
	r.server.publish(http.StatusOK, set(jwk("rsa-1", nil)))
	require.NoError(t, r.keys.Refresh(t.Context()), "a failure just before does not hinder it")
	r.verify("back", token(t, "rsa-1", "RS256", nil), good, 0)
}

func TestRefresh_EndsWithItsContext(t *testing.T) {
	r := newRig(t, set(jwk("rsa-1", nil)))
	gate := make(chan struct{})
	r.server.gate.Store(&gate)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := r.keys.Refresh(ctx)
	require.ErrorIs(t, err, sessionctx.ErrUnavailable)
	require.ErrorIs(t, err, context.Canceled)
	close(gate)
	require.NoError(t, r.keys.Refresh(t.Context()), "the fetch went on")
}

// The whole way: what a client is told.
func TestKeyfunc_ClientKeepsItsTokenWhileTheServerIsDown(t *testing.T) {
	cases := []struct {
		desc, token     string
		up              bool
		status          int
		challenge, wait string
	}{
		{"down", token(t, "rsa-1", "RS256", nil), false, http.StatusServiceUnavailable, "", "5"},
		{"up", token(t, "rsa-1", "RS256", nil), true, http.StatusOK, "", ""},
		{"up, a key that it does not have", token(t, "rsa-2", "RS256", nil), true, http.StatusUnauthorized, `error="invalid_token"`, ""},
		{"down, a token of another issuer's form", "nonsense", false, http.StatusUnauthorized, `error="invalid_token"`, ""},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			r := newRig(t, set(jwk("rsa-1", nil)))
			if !tc.up {
				r.server.publish(http.StatusBadGateway, "")
			}
			handler := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if _, err := r.tokens.Identify(req); err != nil {
					middleware.Fail(w, req, err, nil)
				}
			})
			req := httptest.NewRequest(http.MethodGet, "/", nil)
			req.Header.Set("Authorization", "Bearer "+tc.token)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, req)
			assert.Equal(t, tc.status, w.Code)
			if challenge := w.Header().Get("WWW-Authenticate"); tc.challenge == "" {
				assert.Empty(t, challenge)
			} else {
				assert.Regexp(t, "^Bearer .*"+tc.challenge, challenge)
			}
			assert.Equal(t, tc.wait, w.Header().Get("Retry-After"))
		})
	}
}

func TestNew_RefusesEachMistake(t *testing.T) {
	const url = "must be an https URL, or http on a loopback address"
	cases := []struct {
		desc               string
		cfg                jwks.Config
		field, value, rule string // empty: it is none
	}{
		{"https", jwks.Config{URL: "https://id.example/keys"}, "", "", ""},
		{"loopback", jwks.Config{URL: "http://127.0.0.1:8080/keys"}, "", "", ""},
		{"loopback, IPv6", jwks.Config{URL: "http://[::1]/keys"}, "", "", ""},
		{"loopback by name", jwks.Config{URL: "http://localhost/keys"}, "", "", ""},
		{"none", jwks.Config{}, "URL", "", url},
		{"http", jwks.Config{URL: "http://id.example/keys"}, "URL", "http://id.example/keys", url},
		{"a name like loopback", jwks.Config{URL: "http://localhost.evil.example/"}, "URL", "http://localhost.evil.example/", url},
		{"a file", jwks.Config{URL: "file:///keys"}, "URL", "file:///keys", url},
		{"no host", jwks.Config{URL: "https:///keys"}, "URL", "https:///keys", url},
		{"no URL", jwks.Config{URL: "://"}, "URL", "://", url},
		{"timeout too long", jwks.Config{URL: "https://a", Timeout: time.Hour}, "Timeout", "1h0m0s", "must be 1ms to 1m0s"},
		{"timeout negative", jwks.Config{URL: "https://a", Timeout: -1}, "Timeout", "-1ns", "must be 1ms to 1m0s"},
		{"age too short", jwks.Config{URL: "https://a", MaxAge: time.Second}, "MaxAge", "1s", "must be 10s to 24h0m0s"},
		{"age too long", jwks.Config{URL: "https://a", MaxAge: 25 * time.Hour}, "MaxAge", "25h0m0s", "must be 10s to 24h0m0s"},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			s, err := jwks.New(tc.cfg)
			if tc.field == "" {
				require.NoError(t, err)
				return
			}
			assert.Nil(t, s)
			var got *sessionctx.ConfigError
			require.ErrorAs(t, err, &got)
			assert.Equal(t, sessionctx.ConfigError{Field: "jwks.Config." + tc.field, Value: tc.value, Rule: tc.rule}, *got)
		})
	}
	_, err := jwks.New(jwks.Config{Timeout: -1, MaxAge: -1})
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok)
	assert.Len(t, joined.Unwrap(), 3, "every mistake at once")
}

func TestNew_DefaultClientStaysOnPermittedURLs(t *testing.T) {
	real := newKeyServer(t, set(jwk("rsa-1", nil)))
	cases := []struct {
		desc, to string
		ok       bool
	}{
		{"to another loopback address", real.url, true},
		{"to plain http", "http://id.example/keys", false},
		{"to a file", "file:///etc/passwd", false},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			server := httptest.NewServer(http.RedirectHandler(tc.to, http.StatusFound))
			defer server.Close()
			keys, err := jwks.New(jwks.Config{URL: server.URL, Timeout: time.Minute, Logger: slog.New(slog.DiscardHandler)})
			require.NoError(t, err)
			err = keys.Refresh(t.Context())
			if tc.ok {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, sessionctx.ErrUnavailable)
			assert.ErrorContains(t, err, "leaves https")
		})
	}
	loop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) }))
	defer loop.Close()
	keys, err := jwks.New(jwks.Config{URL: loop.URL, Timeout: time.Minute, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	assert.ErrorContains(t, keys.Refresh(t.Context()), "more than 10 redirects")
}

func TestNew_ClientOfTheHostFetches(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Contains(t, r.Header.Get("Accept"), "application/jwk-set+json")
		_, _ = io.WriteString(w, set(jwk("rsa-1", nil)))
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // a handshake fails
	server.StartTLS()
	defer server.Close()
	keys, err := jwks.New(jwks.Config{URL: server.URL, Client: server.Client(), Timeout: time.Minute})
	require.NoError(t, err)
	require.NoError(t, keys.Refresh(t.Context()))
	own, err := jwks.New(jwks.Config{URL: server.URL, Timeout: time.Minute, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	err = own.Refresh(t.Context())
	require.ErrorIs(t, err, sessionctx.ErrUnavailable, "nobody knows the server's certificate")
	assert.False(t, errors.Is(err, context.DeadlineExceeded))
}
