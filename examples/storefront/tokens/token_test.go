package tokens_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware"
)

// forge signs the claims of a genuine token again, some of them changed; nil removes one.
func forge(t testing.TB, token string, method jwt.SigningMethod, key any, changes jwt.MapClaims) string {
	t.Helper()
	claims := jwt.MapClaims{}
	_, _, err := jwt.NewParser().ParseUnverified(token, claims)
	require.NoError(t, err)
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	forged, err := jwt.NewWithClaims(method, claims).SignedString(key)
	require.NoError(t, err)
	return forged
}

// expiry is when a token says that it ends.
func expiry(t testing.TB, token string) time.Time {
	t.Helper()
	claims := jwt.RegisteredClaims{}
	_, _, err := jwt.NewParser().ParseUnverified(token, &claims)
	require.NoError(t, err)
	return claims.ExpiresAt.Time
}

func TestToken_ForgedOnesOpenNothing(t *testing.T) {
	s := newShop(t)
	anna := s.anna(s.visit("").text("access_token"))
	otherKey := []byte(strings.Repeat("x", 32))
	past, future := time.Now().Add(-time.Second).Unix(), time.Now().Add(time.Minute).Unix()
	hs256 := jwt.SigningMethodHS256
	for _, tc := range []struct {
		desc  string
		forge func(token string) string
	}{
		{"alg none", func(tok string) string {
			return forge(t, tok, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil)
		}},
		{"alg none with the signature kept", func(tok string) string {
			none := forge(t, tok, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil)
			return none + tok[strings.LastIndexByte(tok, '.')+1:]
		}},
		{"no signature", func(tok string) string { return tok[:strings.LastIndexByte(tok, '.')+1] }},
		{"another key", func(tok string) string { return forge(t, tok, hs256, otherKey, nil) }},
		{"an empty key", func(tok string) string { return forge(t, tok, hs256, []byte{}, nil) }},
		{"the key with another algorithm", func(tok string) string { return forge(t, tok, jwt.SigningMethodHS512, key, nil) }},
		{"another customer's id in the payload", func(tok string) string {
			parts := strings.Split(tok, ".")
			payload, err := base64.RawURLEncoding.DecodeString(parts[1])
			require.NoError(t, err)
			tampered := strings.Replace(string(payload), "C100", "C101", 1)
			require.NotEqual(t, string(payload), tampered)
			return parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(tampered)) + "." + parts[2]
		}},
		{"expired", func(tok string) string { return forge(t, tok, hs256, key, jwt.MapClaims{"exp": past}) }},
		{"without an end", func(tok string) string { return forge(t, tok, hs256, key, jwt.MapClaims{"exp": nil}) }},
		{"not valid yet", func(tok string) string { return forge(t, tok, hs256, key, jwt.MapClaims{"nbf": future}) }},
		{"another issuer", func(tok string) string {
			return forge(t, tok, hs256, key, jwt.MapClaims{"iss": "https://id.example"})
		}},
		{"no issuer", func(tok string) string { return forge(t, tok, hs256, key, jwt.MapClaims{"iss": nil}) }},
		{"another audience", func(tok string) string { return forge(t, tok, hs256, key, jwt.MapClaims{"aud": "store"}) }},
		{"no audience", func(tok string) string { return forge(t, tok, hs256, key, jwt.MapClaims{"aud": nil}) }},
		{"no tenant", func(tok string) string { return forge(t, tok, hs256, key, jwt.MapClaims{"tenant": nil}) }},
		{"larger than 8 KiB", func(tok string) string {
			return forge(t, tok, hs256, key, jwt.MapClaims{"x": strings.Repeat("x", 8<<10)})
		}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			access, refresh, saas := tc.forge(anna.text("access_token")), tc.forge(anna.text("refresh_token")), tc.forge(anna.text("saas_token"))
			_, err := s.issuer.Verifier().VerifyToken(access)
			require.ErrorIs(t, err, middleware.ErrUnauthenticated)
			_, err = s.issuer.CustomerOf("demoshop", saas)
			require.ErrorIs(t, err, middleware.ErrUnauthenticated)
			for desc, a := range map[string]answer{
				"validate": s.get("/customer/demoshop/validateauthtoken", access),
				"logout":   s.get("/customer/demoshop/logout?accessToken="+access, ""),
				"header":   s.get("/customer/demoshop/logout", access),
				"login":    s.login(annasEmail, password, access),
				"refresh":  s.get("/customer/demoshop/refreshauthtoken?refreshToken="+refresh, ""),
				"renew":    s.renew(refresh),
			} {
				assert.Equal(t, http.StatusUnauthorized, a.StatusCode, desc)
				assert.NotContains(t, a.body, access)
				assert.NotContains(t, a.body, refresh)
			}
		})
	}
	s.ok(s.get("/customer/demoshop/validateauthtoken", anna.text("access_token")))
	s.ok(s.get("/customer/demoshop/validateauthtoken", forge(t, anna.text("access_token"), hs256, key, nil)))
}

func TestToken_OfACustomerWhoIsGoneIsGoodForNothing(t *testing.T) {
	s := newShop(t)
	anna := s.anna("")
	gone := jwt.MapClaims{"sub": "C999", "sid": "not written yet"}
	still := forge(t, anna.text("access_token"), jwt.SigningMethodHS256, key, jwt.MapClaims{"sid": "not written yet"})
	s.ok(s.get("/customer/demoshop/validateauthtoken", still))
	access := forge(t, anna.text("access_token"), jwt.SigningMethodHS256, key, gone)
	refresh := forge(t, anna.text("refresh_token"), jwt.SigningMethodHS256, key, gone)
	assert.Equal(t, http.StatusUnauthorized, s.get("/customer/demoshop/validateauthtoken", access).StatusCode)
	assert.Equal(t, http.StatusUnauthorized, s.get("/customer/demoshop/refreshauthtoken?refreshToken="+refresh, "").StatusCode)
}

func TestToken_SaysWhatOthersNeedToVerifyIt(t *testing.T) {
	s := newShop(t)
	anna := s.anna("")
	for name, want := range map[string]map[string]any{
		"access_token":  {"aud": []any{"storefront"}, "sid": anna.text("session_id"), "scope": "tenant=demoshop"},
		"refresh_token": {"aud": []any{"storefront/refresh"}, "sid": anna.text("session_id")},
		"saas_token":    {"aud": []any{"storefront/saas"}},
	} {
		parts := strings.Split(anna.text(name), ".")
		header, err := base64.RawURLEncoding.DecodeString(parts[0])
		require.NoError(t, err)
		assert.JSONEq(t, `{"alg": "HS256", "typ": "JWT"}`, string(header))
		payload, err := base64.RawURLEncoding.DecodeString(parts[1])
		require.NoError(t, err)
		var got map[string]any
		require.NoError(t, json.Unmarshal(payload, &got))
		for _, varies := range []string{"jti", "iat", "exp"} {
			assert.NotEmpty(t, got[varies])
			delete(got, varies)
		}
		want["iss"], want["sub"], want["tenant"] = "storefront-example", "C100", "demoshop"
		assert.Equal(t, want, got, name)
	}
}
