package pace

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/middleware/bearer"
)

const (
	issuer   = "https://issuer.example"
	audience = "storefront"
)

// signer makes tokens, and knows the key that verifies them.
type signer struct {
	method      jwt.SigningMethod
	sign, check any
}

func signers(t testing.TB) []signer {
	t.Helper()
	secret := []byte(strings.Repeat("k", 32))
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return []signer{
		{jwt.SigningMethodHS256, secret, secret},
		{jwt.SigningMethodRS256, rsaKey, &rsaKey.PublicKey},
		{jwt.SigningMethodES256, ecKey, &ecKey.PublicKey},
	}
}

// token returns a customer's token for a session.
func (s *signer) token(t testing.TB, sessionID, customerID string) string {
	t.Helper()
	now := time.Now()
	token, err := jwt.NewWithClaims(s.method, jwt.MapClaims{
		"iss": issuer, "aud": audience, "exp": now.Add(24 * time.Hour).Unix(), "iat": now.Unix(),
		"tenant": tenant, "sid": sessionID, "sub": customerID, "scope": "tenant=" + tenant,
	}).SignedString(s.sign)
	require.NoError(t, err)
	return token
}

// verifier returns a Verifier of the signer's tokens that caches that many of them.
func (s *signer) verifier(t testing.TB, cached int) *bearer.Verifier {
	t.Helper()
	v, err := bearer.New(bearer.Config{
		Issuer: issuer, Audience: audience, CachedTokens: cached,
		Keys: []bearer.Key{{Algorithm: s.method.Alg(), Key: s.check}},
	})
	require.NoError(t, err)
	return v
}

// parsing is golang-jwt by itself, with the options that a Verifier gives it, and the audience: the
// signature and the claims, no identity.
func (s *signer) parsing(tokens []string) Way {
	parser := jwt.NewParser(jwt.WithValidMethods([]string{s.method.Alg()}), jwt.WithIssuer(issuer), jwt.WithAudience(audience),
		jwt.WithExpirationRequired(), jwt.WithLeeway(30*time.Second), jwt.WithStrictDecoding())
	key := func(*jwt.Token) (any, error) { return s.check, nil }
	return walk("golang-jwt Parse", len(tokens), func(int) func(int) bool {
		return func(i int) bool {
			token, err := parser.ParseWithClaims(tokens[i], jwt.MapClaims{}, key)
			return err == nil && token.Valid
		}
	})
}

func verifying(v *bearer.Verifier, tokens []string) Way {
	return walk("VerifyToken", len(tokens), func(int) func(int) bool {
		return func(i int) bool {
			c, err := v.VerifyToken(tokens[i])
			return err == nil && c.Identity.SessionID != ""
		}
	})
}

// TestToken_VerifiedBesideParse has 64 tokens come again and again, with the memory for verified
// tokens on and off.
func TestToken_VerifiedBesideParse(t *testing.T) {
	const tokens = 64
	var rows [][]string
	for _, s := range signers(t) {
		sent := make([]string, tokens)
		for i := range sent {
			sent[i] = s.token(t, fmt.Sprintf("62528895-b561-4518-bfdc-%012d", i), fmt.Sprintf("C%08d", i))
		}
		cached := verifying(s.verifier(t, 0), sent)
		cached.Start(0)(tokens)
		again := Compare(t, 1, cached, s.parsing(sent))
		first := Compare(t, 1, verifying(s.verifier(t, -1), sent), s.parsing(sent))
		rows = append(rows,
			again.Row(s.method.Alg()+", seen before", 1, Goal{}),
			first.Row(s.method.Alg()+", never seen", 1, Goal{}),
		)
	}
	evidence.Table(t, "pace-bearer", Header, rows...)
}
