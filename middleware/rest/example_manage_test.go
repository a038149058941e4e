package rest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/middleware/bearer"
	"github.com/sessionctx/storefront/middleware/rest"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// A service creates a session and puts a cart into it. The Verifier says who is asking, and what
// the token of the service grants.
func Example_manage() {
	key := []byte("a key of at least thirty-two bytes")
	tokens, err := bearer.New(bearer.Config{
		Issuer: issuer, Audience: audience, Keys: []bearer.Key{{Algorithm: "HS256", Key: key}},
	})
	if err != nil {
		panic(err)
	}
	resolver, _ := sessionctx.New(sessionctx.Config{
		Store: &memstore.Store{},
		Directory: sessionctx.Static{"acme": {Sites: []defaults.Site{
			{Code: "main", Default: true, Currency: "EUR", Country: "DE", Language: "de"},
		}}},
	})
	defer resolver.Close()
	mw, _ := middleware.New(middleware.Config{
		Resolver: resolver, Tenant: middleware.Tenant("acme"), Identify: tokens.Identify,
	})
	api, _ := rest.New(rest.Config{
		Resolver: resolver, Middleware: mw,
		Scopes: tokens.Scopes, // without this line no service may do anything here
		SaasToken: func(tenant, token string) (string, error) {
			c, err := tokens.VerifyToken(token)
			if err == nil && c.Identity.Tenant != tenant { // else another tenant's customer of the same id would do
				err = middleware.ErrWrongTenant
			}
			return c.Identity.CustomerID, err
		},
	})

	put := func(scope, body string) {
		r := httptest.NewRequest(http.MethodPut, "/session-context/acme/context/s1?upsert=true", strings.NewReader(body))
		token := signed(key, map[string]any{"tenant": "acme", "sub": "backoffice", "scope": scope})
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	}
	put("order.order_read", `{"cartId": "cart-1"}`)
	put("sessioncontext.context_manage", `{"cartId": "cart-1"}`)
	// Output:
	// 403 Bearer realm="session-context", error="insufficient_scope", scope="sessioncontext.context_manage"
	// 204
}
