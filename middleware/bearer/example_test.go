package bearer_test

import (
	"cmp"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/middleware/bearer"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// Tokens of an identity provider, and the cookie for everybody else.
func Example() {
	secret := []byte("0123456789abcdef0123456789abcdef") // better: the public key of the issuer
	tokens, err := bearer.New(bearer.Config{
		Issuer:   "https://id.example",
		Audience: "storefront",
		Keys:     []bearer.Key{{ID: "2026-01", Algorithm: "HS256", Key: secret}},
	})
	if err != nil {
		log.Fatal(err)
	}
	resolver, err := sessionctx.New(sessionctx.Config{Store: new(memstore.Store), Directory: sites})
	if err != nil {
		log.Fatal(err)
	}
	defer resolver.Close()
	mw, err := middleware.New(middleware.Config{
		Resolver: resolver,
		Tenant:   middleware.Tenant("demoshop"),
		Identify: tokens.Identify,
	})
	if err != nil {
		log.Fatal(err)
	}
	handler := mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, _ := sessionctx.FromContext(r.Context())
		fmt.Fprintf(w, "%s: %s %s %s %s", cmp.Or(s.CustomerID, "guest"), s.Site, s.Currency, s.Country, s.Language)
	}))
	show := func(r *http.Request) {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}

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

	show(httptest.NewRequest("GET", "/", nil))
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+signed)
	show(r)
	claims, err := tokens.Verify(r)
	fmt.Println(claims.HasScope("sessioncontext.context_manage"), err)

	// The attack: the same claims, not signed at all.
	forged, err := jwt.NewWithClaims(jwt.SigningMethodNone, anna).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		log.Fatal(err)
	}
	_, err = tokens.VerifyToken(forged)
	fmt.Println(err)
	// Output:
	// 200 guest: main EUR DE de
	// 200 anna: main EUR AT en
	// true <nil>
	// bearer: middleware: unauthenticated: the token's algorithm or signature is not valid
}

// sites are the shop of the example.
var sites = sessionctx.Static{"demoshop": {
	Sites: []defaults.Site{
		{Code: "main", Default: true, Currency: "EUR", Country: "DE", Language: "de", Languages: []string{"de", "en"}},
	},
	Customers: map[string]defaults.Customer{
		"anna": {Language: "en", Addresses: []defaults.Address{{Country: "AT", Tags: []string{"shipping"}}}},
	},
}}
