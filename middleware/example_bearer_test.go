package middleware_test

import (
	"fmt"
	"log"
	"net/http/httptest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sessionctx/storefront/middleware"
)

// Tokens of an identity provider, and the cookie for everybody else.
func ExampleBearer() {
	secret := []byte("0123456789abcdef0123456789abcdef") // better: the public key of the issuer
	bearer, err := middleware.NewBearer(middleware.BearerConfig{
		Issuer:   "https://id.example",
		Audience: "storefront",
		Keys:     []middleware.Key{{ID: "2026-01", Algorithm: "HS256", Key: secret}},
	})
	if err != nil {
		log.Fatal(err)
	}
	resolver := newResolver()
	defer resolver.Close()
	mw, err := middleware.New(middleware.Config{
		Resolver: resolver,
		Tenant:   middleware.Tenant("demoshop"),
		Identify: bearer.Identify,
	})
	if err != nil {
		log.Fatal(err)
	}
	handler := mw.Wrap(page)

	anna := jwt.MapClaims{
		"iss": "https://id.example", "aud": "storefront", "exp": time.Now().Add(time.Hour).Unix(),
		"tenant": "demoshop", "sid": "session-1", "sub": "anna", "scope": "orders sessioncontext.context_manage",
	}
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, anna)
	token.Header["kid"] = "2026-01"
	signed, err := token.SignedString(secret)
	if err != nil {
		log.Fatal(err)
	}

	show(handler, httptest.NewRequest("GET", "/", nil))
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+signed)
	show(handler, r)
	claims, err := bearer.Verify(r)
	fmt.Println(claims.HasScope("sessioncontext.context_manage"), err)

	// The attack: the same claims, not signed at all.
	forged, err := jwt.NewWithClaims(jwt.SigningMethodNone, anna).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		log.Fatal(err)
	}
	_, err = bearer.VerifyToken(forged)
	fmt.Println(err)
	// Output:
	// 200 guest: main EUR DE de
	// 200 anna: main EUR AT en
	// true <nil>
	// middleware: unauthenticated: the token's algorithm or signature is not valid
}
