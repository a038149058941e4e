package bearer_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/middleware/bearer"
	"github.com/sessionctx/storefront/sessionctx"
)

func TestCustomer_SaysWhoAndNothingElse(t *testing.T) {
	cases := []struct {
		desc    string
		edit    func(*bearer.Config)
		token   string
		want    string
		wantErr error
	}{
		{"sub alone", nil, signed(t, jwt.MapClaims{"sid": nil}), "anna", nil},
		{"with a session id", nil, signed(t, nil), "anna", nil},
		{"with a prefix", func(c *bearer.Config) { c.CustomerPrefix = "https://id.example|" },
			signed(t, jwt.MapClaims{"sid": nil}), "https://id.example|anna", nil},
		{"another claim", func(c *bearer.Config) { c.CustomerClaim = "uid" },
			signed(t, jwt.MapClaims{"uid": "4711"}), "4711", nil},
		{"anonymous", nil, signed(t, jwt.MapClaims{"sub": nil}), "", nil},
		{"anonymous, with a prefix", func(c *bearer.Config) { c.CustomerPrefix = "x:" },
			signed(t, jwt.MapClaims{"sub": nil}), "", nil},
		{"an empty sub", nil, signed(t, jwt.MapClaims{"sub": ""}), "", nil},
		{"a client's, by client_id", nil, signed(t, jwt.MapClaims{"sid": nil, "client_id": "anna"}), "", nil},
		{"a client's, by azp", nil, signed(t, jwt.MapClaims{"sid": nil, "azp": "anna"}), "", nil},
		{"a client's, by cid", nil, signed(t, jwt.MapClaims{"sid": nil, "cid": "anna"}), "", nil},
		{"a client's, by appid", nil, signed(t, jwt.MapClaims{"sid": nil, "appid": "anna"}), "", nil},
		{"a customer's, through a client", nil, signed(t, jwt.MapClaims{"client_id": "shop", "azp": "shop"}), "anna", nil},
		{"staff for a customer", nil, signed(t, jwt.MapClaims{"act": map[string]any{"sub": "agent"}}), "", nil},
		{"an act of another form", nil, signed(t, jwt.MapClaims{"act": "agent"}), "", nil},
		{"another tenant's", nil, signed(t, jwt.MapClaims{"tenant": "othershop"}), "", middleware.ErrWrongTenant},
		{"another tenant's staff", nil, signed(t, jwt.MapClaims{"tenant": "othershop", "act": map[string]any{}}), "", middleware.ErrWrongTenant},
		{"an issuer of another tenant", func(c *bearer.Config) { c.Tenant = "othershop" }, signed(t, nil), "", middleware.ErrWrongTenant},
		{"a bad token", nil, "nonsense", "", middleware.ErrUnauthenticated},
		{"a sub that is no text", nil, signed(t, jwt.MapClaims{"sub": 7}), "", middleware.ErrUnauthenticated},
		{"as long as an id may be", func(c *bearer.Config) { c.CustomerPrefix = "1234567:" },
			signed(t, jwt.MapClaims{"sub": strings.Repeat("s", 248)}), "1234567:" + strings.Repeat("s", 248), nil},
		{"too long with its prefix", func(c *bearer.Config) { c.CustomerPrefix = "1234567:" },
			signed(t, jwt.MapClaims{"sub": strings.Repeat("s", 249)}), "", middleware.ErrUnauthenticated},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			customer := newVerifier(t, tc.edit).Customer(middleware.Tenant("demoshop"))
			for _, again := range []string{"verified", "cached"} {
				got, err := customer(bearing(tc.token))
				if tc.wantErr == nil {
					require.NoError(t, err, again)
				} else {
					require.ErrorIs(t, err, tc.wantErr, again)
				}
				assert.Equal(t, tc.want, got, again)
			}
		})
	}
}

func TestCustomer_NobodyWithoutAToken(t *testing.T) {
	customer := newVerifier(t, nil).Customer(middleware.Tenant("demoshop"))
	for _, authorization := range []string{"", "Basic YTpi", "Digest a=b", "BearerToken x"} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", authorization)
		got, err := customer(r)
		require.NoError(t, err, authorization)
		assert.Empty(t, got, authorization)
	}
}

func TestCustomer_LeavesTheTenantToIdentifyWhereTheRequestHasNone(t *testing.T) {
	v := newVerifier(t, nil)
	got, err := v.Customer(func(*http.Request) string { return "" })(bearing(signed(t, nil)))
	require.NoError(t, err)
	assert.Equal(t, "anna", got)
}

func TestCustomer_NeedsTheTenant(t *testing.T) {
	assert.PanicsWithValue(t, "bearer: Verifier.Customer needs the tenant of a request, as middleware.Config.Tenant says it",
		func() { newVerifier(t, nil).Customer(nil) })
}

// A session that is named by its customer's id would be one for all the customer's devices, and
// would stay dead after the first logout.
func TestVerify_RefusesASessionThatIsTheCustomer(t *testing.T) {
	cases := []struct {
		desc    string
		edit    func(*bearer.Config)
		changed jwt.MapClaims
		refused bool
	}{
		{"the same text", nil, jwt.MapClaims{"sid": "anna"}, true},
		{"the same text under other names", func(c *bearer.Config) { c.SessionClaim, c.CustomerClaim = "s", "c" },
			jwt.MapClaims{"s": "4711", "c": "4711"}, true},
		{"the same text under a prefix", func(c *bearer.Config) { c.CustomerPrefix = "x:" }, jwt.MapClaims{"sid": "anna"}, true},
		{"the same text, written by Check", func(c *bearer.Config) {
			c.Check = func(claims map[string]any) error { claims["sid"] = claims["sub"]; return nil }
		}, nil, true},
		{"the same text of a client", nil, jwt.MapClaims{"sid": "anna", "client_id": "anna"}, true},
		{"the same text, where tokens name no session", func(c *bearer.Config) { c.SessionClaim = "-" }, jwt.MapClaims{"sid": "anna"}, false},
		{"neither", nil, jwt.MapClaims{"sid": nil, "sub": nil}, false},
		{"both empty", nil, jwt.MapClaims{"sid": "", "sub": ""}, false},
		{"one in the other", nil, jwt.MapClaims{"sid": "anna-1"}, false},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			c, err := newVerifier(t, tc.edit).VerifyToken(signed(t, tc.changed))
			if !tc.refused {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, middleware.ErrUnauthenticated)
			assert.ErrorContains(t, err, "session id is its customer id")
			assert.Zero(t, c)
		})
	}
}

func TestVerify_AcceptsTheTypesOfAccessTokens(t *testing.T) {
	cases := []struct {
		desc, wanted string
		typ          any
		ok           bool
	}{
		{"none", "", nil, true},
		{"JWT", "", "JWT", true},
		{"jwt", "", "jwt", true},
		{"at+jwt", "", "at+jwt", true},
		{"AT+JWT", "", "AT+JWT", true},
		{"application/at+jwt", "", "application/at+jwt", true},
		{"application/jwt", "", "application/jwt", true},
		{"a logout token", "", "logout+jwt", false},
		{"a proof of possession", "", "dpop+jwt", false},
		{"a security event", "", "secevent+jwt", false},
		{"an introspection response", "", "token-introspection+jwt", false},
		{"an encrypted token", "", "JWE", false},
		{"empty", "", "", false},
		{"a number", "", 1, false},
		{"a list", "", []string{"JWT"}, false},
		{"at+jwt, wanted", "at+jwt", "at+jwt", true},
		{"its long form, wanted", "application/at+jwt", "at+JWT", true},
		{"in the long form, wanted", "at+jwt", "application/AT+JWT", true},
		{"a type of the host's own", "saas+jwt", "saas+jwt", true},
		{"JWT, at+jwt wanted", "at+jwt", "JWT", false},
		{"none, at+jwt wanted", "at+jwt", nil, false},
		{"a number, at+jwt wanted", "at+jwt", 1, false},
		{"at+jwt, JWT wanted", "JWT", "at+jwt", false},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			token := jwt.NewWithClaims(jwt.SigningMethodHS256, claims(nil))
			token.Header["kid"] = "hmac"
			token.Header["typ"] = tc.typ
			if tc.typ == nil {
				delete(token.Header, "typ")
			}
			text, err := token.SignedString(issuer().hmac)
			require.NoError(t, err)
			_, err = newVerifier(t, func(c *bearer.Config) { c.Type = tc.wanted }).VerifyToken(text)
			if tc.ok {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, middleware.ErrUnauthenticated)
			assert.ErrorContains(t, err, "another type")
		})
	}
}

func TestCheck_DecidesOnce(t *testing.T) {
	down := fmt.Errorf("%w: the list of withdrawn tokens", sessionctx.ErrUnavailable)
	cases := []struct {
		desc      string
		err       error
		wantErr   error
		wantCalls int64 // for two uses
	}{
		{"accepted", nil, nil, 1},
		{"refused", errors.New("scope has no orders"), middleware.ErrUnauthenticated, 2},
		{"another sentinel is still a refusal", middleware.ErrWrongTenant, middleware.ErrUnauthenticated, 2},
		{"not to be decided", down, sessionctx.ErrUnavailable, 2},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			var calls atomic.Int64
			v := newVerifier(t, func(c *bearer.Config) {
				c.Check = func(claims map[string]any) error {
					calls.Add(1)
					assert.Equal(t, "anna", claims["sub"])
					return tc.err
				}
			})
			for range 2 {
				_, err := v.VerifyToken(signed(t, jwt.MapClaims{"exp": int64(1 << 40)}))
				require.ErrorIs(t, err, tc.wantErr)
				assert.Equal(t, tc.wantErr == middleware.ErrUnauthenticated, errors.Is(err, middleware.ErrUnauthenticated))
				if tc.err != nil {
					assert.ErrorContains(t, err, tc.err.Error())
				}
			}
			assert.Equal(t, tc.wantCalls, calls.Load())
		})
	}
}

func TestCheck_SeesVerifiedTokensAlone(t *testing.T) {
	v := newVerifier(t, func(c *bearer.Config) {
		c.Check = func(claims map[string]any) error { t.Error("Check was called"); return nil }
	})
	for _, token := range []string{
		signed(t, jwt.MapClaims{"aud": "other"}),
		signed(t, jwt.MapClaims{"iss": "other"}),
		signed(t, jwt.MapClaims{"exp": time.Now().Add(-time.Hour).Unix()}),
		sign(t, jwt.SigningMethodHS256, map[string]any{"kid": "hmac"}, []byte(strings.Repeat("x", 32)), claims(nil)),
	} {
		_, err := v.VerifyToken(token)
		require.ErrorIs(t, err, middleware.ErrUnauthenticated)
	}
}

func TestCheck_CannotMoveTheExpiry(t *testing.T) {
	v := newVerifier(t, func(c *bearer.Config) {
		c.Check = func(claims map[string]any) error { claims["exp"] = 1e12; return nil }
	})
	exp := time.Now().Add(time.Hour).Unix()
	c, err := v.VerifyToken(signed(t, jwt.MapClaims{"exp": exp}))
	require.NoError(t, err)
	assert.Equal(t, exp, c.Expires.Unix())
}

func TestSeveralIssuers_EachHasItsKeysAndCustomers(t *testing.T) {
	keyA, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	keyB, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	of := func(issuer, prefix string, key *ecdsa.PrivateKey) bearer.Config {
		return bearer.Config{
			Issuer: issuer, Audience: "storefront", CustomerPrefix: prefix,
			Keys: []bearer.Key{{ID: "1", Algorithm: "ES256", Key: &key.PublicKey}},
		}
	}
	v, err := bearer.New(of("https://a.example", "", keyA), of("https://b.example", "b:", keyB))
	require.NoError(t, err)
	cases := []struct {
		desc, iss, sub string
		key            *ecdsa.PrivateKey
		want           string
	}{
		{"the first's", "https://a.example", "anna", keyA, "anna"},
		{"the second's", "https://b.example", "anna", keyB, "b:anna"},
		{"the second's, in the name of the first", "https://a.example", "anna", keyB, ""},
		{"the first's, in the name of the second", "https://b.example", "anna", keyA, ""},
		{"of neither", "https://c.example", "anna", keyA, ""},
		{"an id of the first like one of the second", "https://a.example", "b:anna", keyA, ""},
		{"an id that is the prefix of the second", "https://a.example", "b:", keyA, ""},
		{"an id that has the prefix inside", "https://a.example", "ab:", keyA, "ab:"},
		{"an id of the second that has its prefix, too", "https://b.example", "b:anna", keyB, "b:b:anna"},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			token := sign(t, jwt.SigningMethodES256, map[string]any{"kid": "1"}, tc.key, claims(jwt.MapClaims{"iss": tc.iss, "sub": tc.sub}))
			for range 2 {
				got, err := v.Customer(middleware.Tenant("demoshop"))(bearing(token))
				assert.Equal(t, tc.want, got)
				if tc.want == "" {
					assert.ErrorIs(t, err, middleware.ErrUnauthenticated)
				} else {
					assert.NoError(t, err)
				}
				id, _ := v.Identify(bearing(token))
				assert.Equal(t, tc.want, id.CustomerID, "the id is the same with a session")
			}
		})
	}
}

func TestSeveralIssuers_EachHasItsLeeway(t *testing.T) {
	strict, lax := config(), config()
	strict.Leeway, lax.Leeway = -1, 2*time.Minute
	lax.Issuer, lax.CustomerPrefix = "https://lax.example", "lax:"
	v, err := bearer.New(strict, lax)
	require.NoError(t, err)
	late := jwt.MapClaims{"exp": time.Now().Add(-time.Minute).Unix()}
	_, err = v.VerifyToken(signed(t, late))
	require.ErrorIs(t, err, middleware.ErrUnauthenticated)
	late["iss"] = lax.Issuer
	for range 2 {
		_, err = v.VerifyToken(signed(t, late))
		require.NoError(t, err)
	}
}

func TestSeveralIssuers_RefuseWhatCannotBeToldApart(t *testing.T) {
	const same = "must not be that of another Config: two issuers may have different customers of one subject"
	cases := []struct {
		desc               string
		edit               func(first, second *bearer.Config)
		field, value, rule string
	}{
		{"one issuer twice", func(a, b *bearer.Config) { b.Issuer = a.Issuer },
			"Issuer", "https://id.example", "must not be an Issuer or IssuerAlias of another Config"},
		{"an alias is the other's issuer", func(a, b *bearer.Config) { b.IssuerAliases = []string{a.Issuer} },
			"Issuer", "https://id.example", "must not be an Issuer or IssuerAlias of another Config"},
		{"no prefix", func(a, b *bearer.Config) { b.CustomerPrefix = "" }, "CustomerPrefix", "", same},
		{"one prefix", func(a, b *bearer.Config) { a.CustomerPrefix = "b:" }, "CustomerPrefix", "b:", same},
		{"one prefix, where one says its tenant", func(a, b *bearer.Config) { a.CustomerPrefix, a.Tenant = "b:", "demoshop" }, "CustomerPrefix", "b:", same},
		{"one prefix for one tenant", func(a, b *bearer.Config) { a.CustomerPrefix, a.Tenant, b.Tenant = "b:", "demoshop", "demoshop" }, "CustomerPrefix", "b:", same},
		{"one prefix for two tenants", func(a, b *bearer.Config) { a.CustomerPrefix, a.Tenant, b.Tenant = "b:", "demoshop", "othershop" }, "", "", ""},
		{"a mistake of the second", func(a, b *bearer.Config) { b.Audience = "" }, "Audience", "", "is required, unless Introspect is set"},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			first, second := config(), config()
			second.Issuer, second.CustomerPrefix = "https://b.example", "b:"
			tc.edit(&first, &second)
			_, err := bearer.New(first, second)
			if tc.field == "" {
				require.NoError(t, err)
				return
			}
			want := sessionctx.ConfigError{Field: "bearer.Config[1]." + tc.field, Value: tc.value, Rule: tc.rule}
			assert.Equal(t, []sessionctx.ConfigError{want}, mistakes(t, err))
		})
	}
}

// What Keys refuses must not come in by a key set that a server publishes.
func TestKeyfunc_KeyMustBeOneThatKeysCouldHave(t *testing.T) {
	k := issuer()
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	set := func(keys ...jwt.VerificationKey) jwt.VerificationKeySet { return jwt.VerificationKeySet{Keys: keys} }
	cases := []struct {
		desc string
		key  any
		ok   bool
	}{
		{"the key", &k.rsa.PublicKey, true},
		{"a set with the key", set(&p384.PublicKey, &k.rsa.PublicKey), true},
		{"a set with another key first", set(&k.ecdsa.PublicKey, k.hmac, &k.rsa.PublicKey), true},
		{"an empty set", set(), false},
		{"a set of keys of other kinds", set(&k.ecdsa.PublicKey, k.public), false},
		{"nothing", nil, false},
		{"a secret", k.hmac, false},
		{"an elliptic curve", &k.ecdsa.PublicKey, false},
		{"the private key", k.rsa, false},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			v := newVerifier(t, func(c *bearer.Config) {
				c.Keys, c.Algorithms = nil, []string{"RS256"}
				c.Keyfunc = func(*jwt.Token) (any, error) { return tc.key, nil }
			})
			_, err := v.VerifyToken(sign(t, jwt.SigningMethodRS256, nil, k.rsa, claims(nil)))
			if tc.ok {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, middleware.ErrUnauthenticated)
			}
		})
	}
}

func TestKeyfunc_WeakKeyVerifiesNothing(t *testing.T) {
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	secret := issuer().hmac[:31]
	pem := []byte("-----BEGIN PUBLIC KEY-----\nAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n")
	cases := []struct {
		desc      string
		method    jwt.SigningMethod
		sign, key any
	}{
		{"RSA of 1024 bits", jwt.SigningMethodRS256, short, &short.PublicKey},
		{"RSA of 1024 bits, another padding", jwt.SigningMethodPS256, short, &short.PublicKey},
		{"RSA of 1024 bits, in a set", jwt.SigningMethodRS256, short, jwt.VerificationKeySet{Keys: []jwt.VerificationKey{&short.PublicKey}}},
		{"a secret of 31 bytes", jwt.SigningMethodHS256, secret, secret},
		{"a PEM file as a secret", jwt.SigningMethodHS256, pem, pem},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			v := newVerifier(t, func(c *bearer.Config) {
				c.Keys, c.Algorithms = nil, []string{tc.method.Alg()}
				c.Keyfunc = func(*jwt.Token) (any, error) { return tc.key, nil }
			})
			_, err := v.VerifyToken(sign(t, tc.method, nil, tc.sign, claims(nil)))
			require.ErrorIs(t, err, middleware.ErrUnauthenticated)
			assert.ErrorContains(t, err, "not known for its algorithm")
		})
	}
}

func TestKeyfunc_IsNotAskedForTokensOfOthers(t *testing.T) {
	v := newVerifier(t, func(c *bearer.Config) {
		c.Keys, c.Algorithms = nil, []string{"RS256"}
		c.Keyfunc = func(*jwt.Token) (any, error) { t.Error("Keyfunc was called"); return nil, nil }
	})
	for desc, token := range map[string]string{
		"another issuer":    sign(t, jwt.SigningMethodRS256, nil, issuer().rsa, claims(jwt.MapClaims{"iss": "https://other.example"})),
		"another algorithm": sign(t, jwt.SigningMethodES256, nil, issuer().ecdsa, claims(nil)),
		"another type":      sign(t, jwt.SigningMethodRS256, map[string]any{"typ": "logout+jwt"}, issuer().rsa, claims(nil)),
		"a kid of no text":  sign(t, jwt.SigningMethodRS256, map[string]any{"kid": 1}, issuer().rsa, claims(nil)),
	} {
		_, err := v.VerifyToken(token)
		assert.ErrorIs(t, err, middleware.ErrUnauthenticated, desc)
	}
}
