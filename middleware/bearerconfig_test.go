package middleware_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware"
)

func TestNewBearerRefusesEachMistake(t *testing.T) {
	k := issuer()
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	keyfunc := func(*jwt.Token) (any, error) { return nil, nil }
	one := func(alg string, key any) func(*middleware.BearerConfig) {
		return func(c *middleware.BearerConfig) { c.Keys = []middleware.Key{{ID: "k", Algorithm: alg, Key: key}} }
	}
	wrongKey := middleware.ConfigError{Field: "BearerConfig.Keys", Value: "k", Reason: middleware.ReasonKey}
	cases := []struct {
		desc string
		edit func(*middleware.BearerConfig)
		want middleware.ConfigError
	}{
		{"no issuer", func(c *middleware.BearerConfig) { c.Issuer = "" }, middleware.ConfigError{Field: "BearerConfig.Issuer", Reason: middleware.ReasonMissing}},
		{"no audience", func(c *middleware.BearerConfig) { c.Audience = "" }, middleware.ConfigError{Field: "BearerConfig.Audience", Reason: middleware.ReasonMissing}},
		{"no keys", func(c *middleware.BearerConfig) { c.Keys = nil }, middleware.ConfigError{Field: "BearerConfig.Keys", Reason: middleware.ReasonMissing}},
		{"keys and Keyfunc", func(c *middleware.BearerConfig) { c.Keyfunc, c.Algorithms = keyfunc, []string{"RS256"} }, middleware.ConfigError{Field: "BearerConfig.Keys", Reason: middleware.ReasonExcluded}},
		{"keys and algorithms", func(c *middleware.BearerConfig) { c.Algorithms = []string{"RS256"} }, middleware.ConfigError{Field: "BearerConfig.Algorithms", Reason: middleware.ReasonExcluded}},
		{"Keyfunc without algorithms", func(c *middleware.BearerConfig) { c.Keys, c.Keyfunc = nil, keyfunc }, middleware.ConfigError{Field: "BearerConfig.Algorithms", Reason: middleware.ReasonMissing}},
		{"alg none", func(c *middleware.BearerConfig) { c.Keys, c.Keyfunc, c.Algorithms = nil, keyfunc, []string{"none"} }, middleware.ConfigError{Field: "BearerConfig.Algorithms", Value: "none", Reason: middleware.ReasonAlgorithm}},
		{"secret and public keys behind one Keyfunc", func(c *middleware.BearerConfig) {
			c.Keys, c.Keyfunc, c.Algorithms = nil, keyfunc, []string{"RS256", "HS256"}
		}, middleware.ConfigError{Field: "BearerConfig.Algorithms", Reason: middleware.ReasonMixed}},
		{"malformed tenant", func(c *middleware.BearerConfig) { c.Tenant = "Demo" }, middleware.ConfigError{Field: "BearerConfig.Tenant", Value: "Demo", Reason: middleware.ReasonMalformed}},
		{"tenant and its claim", func(c *middleware.BearerConfig) { c.Tenant, c.TenantClaim = "demoshop", "t" }, middleware.ConfigError{Field: "BearerConfig.TenantClaim", Value: "t", Reason: middleware.ReasonExcluded}},
		{"leeway too long", func(c *middleware.BearerConfig) { c.Leeway = 6 * time.Minute }, middleware.ConfigError{Field: "BearerConfig.Leeway", Value: "6m0s", Reason: middleware.ReasonRange}},
		{"leeway negative", func(c *middleware.BearerConfig) { c.Leeway = -time.Second }, middleware.ConfigError{Field: "BearerConfig.Leeway", Value: "-1s", Reason: middleware.ReasonRange}},
		{"memory too large", func(c *middleware.BearerConfig) { c.Remember = 1<<20 + 1 }, middleware.ConfigError{Field: "BearerConfig.Remember", Value: "1048577", Reason: middleware.ReasonRange}},
		{"memory negative", func(c *middleware.BearerConfig) { c.Remember = -2 }, middleware.ConfigError{Field: "BearerConfig.Remember", Value: "-2", Reason: middleware.ReasonRange}},
		{"one id twice", func(c *middleware.BearerConfig) { c.Keys = append(c.Keys, c.Keys[0]) }, middleware.ConfigError{Field: "BearerConfig.Keys", Value: "rsa", Reason: middleware.ReasonDuplicate}},
		{"unknown algorithm", one("RS257", &k.rsa.PublicKey), middleware.ConfigError{Field: "BearerConfig.Keys", Value: "RS257", Reason: middleware.ReasonAlgorithm}},
		{"no algorithm", one("", &k.rsa.PublicKey), middleware.ConfigError{Field: "BearerConfig.Keys", Reason: middleware.ReasonAlgorithm}},
		{"the algorithm none", one("none", jwt.UnsafeAllowNoneSignatureType), middleware.ConfigError{Field: "BearerConfig.Keys", Value: "none", Reason: middleware.ReasonAlgorithm}},
		{"RSA, private key", one("RS256", k.rsa), wrongKey},
		{"RSA, no key", one("RS256", (*rsa.PublicKey)(nil)), wrongKey},
		{"RSA, empty key", one("PS256", &rsa.PublicKey{}), wrongKey},
		{"RSA, 1024 bits", one("RS256", &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1023), E: 65537}), wrongKey},
		{"RSA, bytes", one("RS256", []byte(strings.Repeat("k", 64))), wrongKey},
		{"ECDSA, another curve", one("ES256", &p384.PublicKey), wrongKey},
		{"ECDSA, empty key", one("ES256", &ecdsa.PublicKey{}), wrongKey},
		{"Ed25519, short", one("EdDSA", k.public[:31]), wrongKey},
		{"HMAC, public key", one("HS256", &k.rsa.PublicKey), wrongKey},
		{"HMAC, short", one("HS256", k.hmac[:31]), wrongKey},
		{"HMAC, short for the algorithm", one("HS384", k.hmac), wrongKey},
		{"HMAC, a string", one("HS256", string(k.hmac)), wrongKey},
		{"HMAC, a PEM file", one("HS256", []byte("-----BEGIN PUBLIC KEY-----\nAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n")), wrongKey},
		{"no key at all", one("HS256", nil), wrongKey},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			cfg := bearerConfig()
			tc.edit(&cfg)
			b, err := middleware.NewBearer(cfg)
			assert.Nil(t, b)
			assert.Equal(t, []middleware.ConfigError{tc.want}, mistakes(t, err))
		})
	}
}

func TestNewBearerReportsEveryMistakeAtOnce(t *testing.T) {
	_, err := middleware.NewBearer(middleware.BearerConfig{
		Keys: []middleware.Key{{ID: "a", Algorithm: "HS256", Key: []byte("secret")}, {ID: "b", Algorithm: "RS1"}}, Leeway: time.Hour, Algorithms: []string{"RS256"},
	})
	var fields []string
	for _, m := range mistakes(t, err) {
		fields = append(fields, m.Field)
	}
	assert.ElementsMatch(t, []string{
		"BearerConfig.Issuer", "BearerConfig.Audience", "BearerConfig.Keys", "BearerConfig.Keys", "BearerConfig.Leeway", "BearerConfig.Algorithms",
	}, fields)
	assert.NotContains(t, err.Error(), "secret")
}

func TestASecretKeyIsCopied(t *testing.T) {
	secret := []byte(strings.Clone(string(issuer().hmac)))
	algorithms := []string{"HS256"}
	b := newBearer(t, func(cfg *middleware.BearerConfig) {
		cfg.Keys = []middleware.Key{{ID: "hmac", Algorithm: "HS256", Key: secret}}
	})
	byFunc := newBearer(t, func(cfg *middleware.BearerConfig) {
		cfg.Keys, cfg.Algorithms, cfg.Keyfunc = nil, algorithms, func(*jwt.Token) (any, error) { return issuer().hmac, nil }
	})
	clear(secret)
	algorithms[0] = "none"
	for _, b := range []*middleware.Bearer{b, byFunc} {
		_, err := b.VerifyToken(signed(t, nil))
		assert.NoError(t, err)
	}
}
