package jwks_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/middleware/bearer"
	"github.com/sessionctx/storefront/middleware/bearer/jwks"
)

// The keys of an identity provider, which names customers and no sessions.
func Example() {
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, set(jwk("rsa-1", nil)))
	}))
	keys, err := jwks.New(jwks.Config{URL: provider.URL})
	if err != nil {
		log.Fatal(err)
	}
	tokens, err := bearer.New(bearer.Config{
		Issuer: "https://id.example/", Audience: "https://shop.example/api", Tenant: "demoshop",
		Keyfunc: keys.Keyfunc, Algorithms: []string{"RS256"},
	})
	if err != nil {
		log.Fatal(err)
	}
	customer := tokens.Customer(middleware.Tenant("demoshop")) // a middleware.Config.Customer

	show := func(kid string) {
		token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
			"iss": "https://id.example/", "aud": "https://shop.example/api", "sub": "auth0|4711", "exp": time.Now().Add(time.Hour).Unix(),
		})
		token.Header["kid"] = kid
		signed, err := token.SignedString(ring()[kid])
		if err != nil {
			log.Fatal(err)
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+signed)
		id, err := customer(r)
		fmt.Println(id, err)
	}
	show("rsa-1")
	show("rsa-2") // the set, which is seconds old, has no such key
	provider.Close()
	show("rsa-1") // no question to the provider
	// Output:
	// auth0|4711 <nil>
	//  bearer: middleware: unauthenticated: the token names a key that is not known for its algorithm
	// auth0|4711 <nil>
}
