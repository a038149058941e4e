package tokens_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sessionctx/storefront/internal/tenants"
)

// FuzzTokens holds of the token parser that it never panics, and that what it accepts was issued
// here, for that one purpose.
func FuzzTokens(f *testing.F) {
	s := newShop(f)
	anna := s.anna(s.visit("").text("access_token"))
	for _, name := range []string{"access_token", "refresh_token", "saas_token"} {
		token := anna.text(name)
		f.Add(token)
		f.Add(token + "=")
		f.Add(token[:len(token)-1])
		f.Add(forge(f, token, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil))
		f.Add(forge(f, token, jwt.SigningMethodHS384, key, nil))
		f.Add(forge(f, token, jwt.SigningMethodHS256, key, jwt.MapClaims{"aud": []string{"storefront", "storefront/saas"}}))
		f.Add(forge(f, token, jwt.SigningMethodHS256, key, jwt.MapClaims{"sid": 1, "tenant": []string{"demoshop"}}))
		f.Add(forge(f, token, jwt.SigningMethodHS256, key, jwt.MapClaims{"exp": 1e300}))
	}
	for _, token := range []string{"", "..", "a.b.c", "e30.e30.", "bnVsbA.bnVsbA.bnVsbA", strings.Repeat(".", 9000)} {
		f.Add(token)
	}
	for _, payload := range []string{"null", "[]", "{}", `{"iss":"storefront-example","aud":"storefront","tenant":"demoshop","sid":"s","exp":1e11}`, `{"exp":9e99,"exp":0}`} {
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := s.in(t)
		// As it is, and as a payload under a good signature, which chance would never find.
		for _, token := range []string{text, sign(text)} {
			_, asAccess := s.issuer.Verifier().VerifyToken(token)
			_, asSaas := s.issuer.CustomerOf("demoshop", token)
			a := s.get("/customer/demoshop/logout?accessToken="+url.QueryEscape(token), "")
			if asAccess != nil && a.StatusCode == http.StatusNoContent {
				t.Fatalf("logged out by a token that is refused: %v", asAccess)
			}
			for audience, refused := range map[string]error{"storefront": asAccess, "storefront/saas": asSaas} {
				if refused == nil && !issued(token, audience) {
					t.Fatalf("accepted for %q, and not issued for it", audience)
				}
			}
		}
	})
}

// sign is RFC 7515, section 5.1, for HS256.
func sign(payload string) string {
	input := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	return input + "." + mac(input)
}

func mac(input string) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(input))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// issued verifies a token independently of any library: RFC 7515, section 5.2, for HS256, and what
// is in each of our tokens.
func issued(token, audience string) bool {
	input, signature := token, ""
	if i := strings.LastIndexByte(token, '.'); i >= 0 {
		input, signature = token[:i], token[i+1:]
	}
	parts := strings.Split(input, ".")
	if len(parts) != 2 || signature != mac(input) {
		return false
	}
	var header struct{ Alg string }
	var claims map[string]any
	if !decode(parts[0], &header) || !decode(parts[1], &claims) {
		return false
	}
	list, _ := claims["aud"].([]any)
	exp, _ := claims["exp"].(float64)
	tenant, _ := claims["tenant"].(string)
	return header.Alg == "HS256" && claims["iss"] == "storefront-example" &&
		(slices.Contains(list, any(audience)) || claims["aud"] == audience) &&
		exp > float64(time.Now().Add(-time.Minute).Unix()) && tenants.Valid(tenant)
}

func decode(part string, v any) bool {
	b, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(b, v) == nil
}

// FuzzLoginBody holds of the login that it takes a body only if it is what package encoding/json,
// too, takes for one object with these two strings, and that it never fails.
func FuzzLoginBody(f *testing.F) {
	s := newShop(f)
	s.issuer.OnCompare(quick)
	for _, body := range []string{
		loginBody(annasEmail, password), `{}`, `null`, `[]`, `"x"`, `{"email":1}`, `{"email":"a","email":"b","password":"c"}`,
		`{"email":"a","password":"b"}{}`, `{"x":{"x":[1,{}]},"email":"a","password":"b"}`, "\xef\xbb\xbf{}", `{"email":"\ud800","password":"\u0000"}`, `{"email":"a","password":"b",}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		s := s.in(t)
		a := s.do(loginRequest("othershop", body, ""))
		switch a.StatusCode {
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
		case http.StatusOK, http.StatusUnauthorized, http.StatusTooManyRequests:
			var v map[string]any
			if err := json.Unmarshal([]byte(body), &v); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"email", "password"} {
				if text, ok := v[name].(string); !ok || text == "" {
					t.Fatalf("%s: %v", name, v[name])
				}
			}
		default:
			t.Fatal(a.StatusCode)
		}
	})
}
