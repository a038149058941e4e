package tokens_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// FuzzTokens holds of the token parser that it never panics, and that what it accepts was issued here, for that one purpose.
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
	f.Fuzz(func(t *testing.T, token string) {
		s := s.in(t)
		_, asAccess := s.issuer.Bearer().VerifyToken(token)
		_, asSaas := s.issuer.CustomerOf("demoshop", token)
		a := s.get("/customer/demoshop/logout?accessToken="+strings.ReplaceAll(token, "%", "%25"), "")
		if asAccess != nil && a.StatusCode == http.StatusNoContent {
			t.Fatalf("logged out by a token that is refused: %v", asAccess)
		}
		for audience, refused := range map[string]error{"storefront": asAccess, "storefront/saas": asSaas} {
			if refused == nil && !issued(token, audience) {
				t.Fatalf("accepted for %q, and not issued for it", audience)
			}
		}
	})
}

// issued verifies a token independently of any library: RFC 7515, section 5.2, for HS256.
func issued(token, audience string) bool {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return false
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(parts[0] + "." + parts[1]))
	if parts[2] != base64.RawURLEncoding.EncodeToString(mac.Sum(nil)) {
		return false
	}
	var header struct{ Alg string }
	var claims struct {
		Iss string
		Aud any
	}
	if !decode(parts[0], &header) || !decode(parts[1], &claims) {
		return false
	}
	list, _ := claims.Aud.([]any)
	return header.Alg == "HS256" && claims.Iss == "storefront-example" && (slices.Contains(list, any(audience)) || claims.Aud == audience)
}

func decode(part string, v any) bool {
	b, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(b, v) == nil
}

// FuzzLoginBody holds of the login that it takes a body only if it is what package encoding/json, too, takes for one object with
// these two strings, and that it never fails.
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
