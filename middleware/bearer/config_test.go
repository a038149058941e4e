package bearer_test

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

	"github.com/sessionctx/storefront/middleware/bearer"
	"github.com/sessionctx/storefront/sessionctx"
)

// mistakes returns the errors that are joined in err, and fails for one that is no ConfigError.
func mistakes(t *testing.T, err error) []sessionctx.ConfigError {
	t.Helper()
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok, "%v", err)
	var found []sessionctx.ConfigError
	for _, err := range joined.Unwrap() {
		var mistake *sessionctx.ConfigError
		require.ErrorAs(t, err, &mistake)
		found = append(found, *mistake)
	}
	return found
}

func TestNew_RefusesEachMistake(t *testing.T) {
	k := issuer()
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	keyfunc := func(*jwt.Token) (any, error) { return nil, nil }
	one := func(alg string, key any) func(*bearer.Config) {
		return func(c *bearer.Config) { c.Keys = []bearer.Key{{ID: "k", Algorithm: alg, Key: key}} }
	}
	byFunc := func(algorithms ...string) func(*bearer.Config) {
		return func(c *bearer.Config) { c.Keys, c.Keyfunc, c.Algorithms = nil, keyfunc, algorithms }
	}
	const (
		algorithms = "must be one of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA"
		rsaKey     = "must be an *rsa.PublicKey of 2048 bits or more"
		p256Key    = "must be an *ecdsa.PublicKey on the curve P-256"
		secret256  = "must be a []byte of 32 bytes or more, and not a PEM file"
	)
	cases := []struct {
		desc               string
		edit               func(*bearer.Config)
		field, value, rule string
	}{
		{"no issuer", func(c *bearer.Config) { c.Issuer = "" }, "Issuer", "", "is required, unless Introspect is set"},
		{"no audience", func(c *bearer.Config) { c.Audience = "" }, "Audience", "", "is required, unless Introspect is set"},
		{"an alias that is the issuer", func(c *bearer.Config) { c.IssuerAliases = []string{"https://id.example"} },
			"IssuerAliases", "https://id.example", "must not be empty, and each must differ from the others and from Issuer"},
		{"an alias twice", func(c *bearer.Config) { c.IssuerAliases = []string{"a", "a"} },
			"IssuerAliases", "a", "must not be empty, and each must differ from the others and from Issuer"},
		{"an empty alias", func(c *bearer.Config) { c.IssuerAliases = []string{""} },
			"IssuerAliases", "", "must not be empty, and each must differ from the others and from Issuer"},
		{"a prefix that leaves no room", func(c *bearer.Config) { c.CustomerPrefix = strings.Repeat("x", 129) },
			"CustomerPrefix", strings.Repeat("x", 129), "must have 128 bytes or less"},
		{"malformed tenant", func(c *bearer.Config) { c.Tenant = "Demo" },
			"Tenant", "Demo", "must match ^[a-z][a-z0-9]+$ and have 3 to 16 characters"},
		{"tenant and its claim", func(c *bearer.Config) { c.Tenant, c.TenantClaim = "demoshop", "t" },
			"TenantClaim", "t", "cannot be set together with Tenant"},
		{"leeway too long", func(c *bearer.Config) { c.Leeway = 6 * time.Minute },
			"Leeway", "6m0s", "must be 1ns to 5m0s, or -1 for none"},
		{"leeway negative", func(c *bearer.Config) { c.Leeway = -time.Second },
			"Leeway", "-1s", "must be 1ns to 5m0s, or -1 for none"},
		{"cache too large", func(c *bearer.Config) { c.CachedTokens = 1<<20 + 1 },
			"CachedTokens", "1048577", "must be 2 to 1048576, or -1 for none"},
		{"cache of one", func(c *bearer.Config) { c.CachedTokens = 1 },
			"CachedTokens", "1", "must be 2 to 1048576, or -1 for none"},
		{"cache negative", func(c *bearer.Config) { c.CachedTokens = -2 },
			"CachedTokens", "-2", "must be 2 to 1048576, or -1 for none"},

		// claims
		{"the customer's claim for the session", func(c *bearer.Config) { c.SessionClaim = "sub" },
			"SessionClaim", "sub", "must not be the claim that CustomerClaim reads"},
		{"the session's claim for the customer", func(c *bearer.Config) { c.CustomerClaim = "sid" },
			"SessionClaim", "sid", "must not be the claim that CustomerClaim reads"},
		{"one claim of another name for both", func(c *bearer.Config) { c.SessionClaim, c.CustomerClaim = "u", "u" },
			"SessionClaim", "u", "must not be the claim that CustomerClaim reads"},
		{"the issuer for the session", func(c *bearer.Config) { c.SessionClaim = "iss" },
			"SessionClaim", "iss", "must not be the claim that Issuer reads"},
		{"the audience for the session", func(c *bearer.Config) { c.SessionClaim = "aud" },
			"AudienceClaim", "aud", "must not be the claim that SessionClaim reads"},
		{"the customer for the audience", func(c *bearer.Config) { c.AudienceClaim = "sub" },
			"AudienceClaim", "sub", "must not be the claim that CustomerClaim reads"},
		{"the customer for the scopes", func(c *bearer.Config) { c.ScopesClaim = "sub" },
			"ScopesClaim", "sub", "must not be the claim that CustomerClaim reads"},
		{"the customer for the tenant", func(c *bearer.Config) { c.TenantClaim = "sub" },
			"TenantClaim", "sub", "must not be the claim that CustomerClaim reads"},

		// keys
		{"no keys", func(c *bearer.Config) { c.Keys = nil }, "Keys", "", "is required, unless Keyfunc or Introspect is set"},
		{"keys and Keyfunc", func(c *bearer.Config) { c.Keyfunc, c.Algorithms = keyfunc, []string{"RS256"} },
			"Keys", "", "cannot be set together with Keyfunc"},
		{"keys and algorithms", func(c *bearer.Config) { c.Algorithms = []string{"RS256", "ES256"} },
			"Algorithms", "RS256, ES256", "cannot be set together with Keys, of which each has its own algorithm"},
		{"Keyfunc without algorithms", byFunc(), "Algorithms", "", "is required with Keyfunc"},
		{"alg none", byFunc("none"), "Algorithms", "none", algorithms},
		{"secret and public keys behind one Keyfunc", byFunc("RS256", "HS256"),
			"Algorithms", "RS256, HS256", "must not mix HS algorithms, whose keys are secret, with others"},
		{"one id twice", func(c *bearer.Config) { c.Keys = append(c.Keys, c.Keys[0]) },
			"Keys[5].ID", "rsa", "must not be the ID of another key"},
		{"unknown algorithm", one("RS257", &k.rsa.PublicKey), "Keys[0].Algorithm", "RS257", algorithms},
		{"no algorithm", one("", &k.rsa.PublicKey), "Keys[0].Algorithm", "", algorithms},
		{"the algorithm none", one("none", jwt.UnsafeAllowNoneSignatureType), "Keys[0].Algorithm", "none", algorithms},
		{"RSA, private key", one("RS256", k.rsa), "Keys[0].Key", "", rsaKey},
		{"RSA, no key", one("RS256", (*rsa.PublicKey)(nil)), "Keys[0].Key", "", rsaKey},
		{"RSA, empty key", one("PS256", &rsa.PublicKey{}), "Keys[0].Key", "", rsaKey},
		{"RSA, 1024 bits", one("RS256", &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1023), E: 65537}),
			"Keys[0].Key", "", rsaKey},
		{"RSA, bytes", one("RS256", []byte(strings.Repeat("k", 64))), "Keys[0].Key", "", rsaKey},
		{"ECDSA, another curve", one("ES256", &p384.PublicKey), "Keys[0].Key", "", p256Key},
		{"ECDSA, empty key", one("ES256", &ecdsa.PublicKey{}), "Keys[0].Key", "", p256Key},
		{"Ed25519, short", one("EdDSA", k.public[:31]), "Keys[0].Key", "", "must be an ed25519.PublicKey of 32 bytes"},
		{"HMAC, public key", one("HS256", &k.rsa.PublicKey), "Keys[0].Key", "", secret256},
		{"HMAC, short", one("HS256", k.hmac[:31]), "Keys[0].Key", "", secret256},
		{"HMAC, short for the algorithm", one("HS384", k.hmac),
			"Keys[0].Key", "", "must be a []byte of 48 bytes or more, and not a PEM file"},
		{"HMAC, a string", one("HS256", string(k.hmac)), "Keys[0].Key", "", secret256},
		{"HMAC, a PEM file", one("HS256", []byte("-----BEGIN PUBLIC KEY-----\nAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n")),
			"Keys[0].Key", "", secret256},
		{"no key at all", one("HS256", nil), "Keys[0].Key", "", secret256},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			cfg := config()
			tc.edit(&cfg)
			v, err := bearer.New(cfg)
			assert.Nil(t, v)
			want := sessionctx.ConfigError{Field: "bearer.Config." + tc.field, Value: tc.value, Rule: tc.rule}
			assert.Equal(t, []sessionctx.ConfigError{want}, mistakes(t, err))
		})
	}
}

func TestNew_ReportsEveryMistakeAtOnce(t *testing.T) {
	_, err := bearer.New(bearer.Config{
		Keys: []bearer.Key{
			{ID: "a", Algorithm: "HS256", Key: []byte("secret")}, {ID: "b", Algorithm: "RS1", Key: "secret"},
		},
		SessionClaim: "sub", Leeway: time.Hour, CachedTokens: -7, Algorithms: []string{"RS256"},
	})
	var fields []string
	for _, m := range mistakes(t, err) {
		fields = append(fields, strings.TrimPrefix(m.Field, "bearer.Config."))
	}
	assert.ElementsMatch(t, []string{
		"Issuer", "Audience", "SessionClaim", "Keys[0].Key", "Keys[1].Algorithm", "Leeway", "CachedTokens", "Algorithms",
	}, fields)
	assert.NotContains(t, err.Error(), "secret", "no error shows a key")
}

func TestNew_CopiesKeysAndAlgorithms(t *testing.T) {
	secret := []byte(strings.Clone(string(issuer().hmac)))
	algorithms := []string{"HS256"}
	byKeys := newVerifier(t, func(cfg *bearer.Config) {
		cfg.Keys = []bearer.Key{{ID: "hmac", Algorithm: "HS256", Key: secret}}
	})
	byFunc := newVerifier(t, func(cfg *bearer.Config) {
		cfg.Keys, cfg.Algorithms = nil, algorithms
		cfg.Keyfunc = func(*jwt.Token) (any, error) { return issuer().hmac, nil }
	})
	clear(secret)
	algorithms[0] = "none"
	for _, v := range []*bearer.Verifier{byKeys, byFunc} {
		_, err := v.VerifyToken(signed(t, nil))
		assert.NoError(t, err)
	}
}
