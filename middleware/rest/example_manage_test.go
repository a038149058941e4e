package rest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/middleware/rest"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// A service creates a session and puts a cart into it. Two functions of the middleware's Bearer are all that it takes.
func Example_manage() {
	key := []byte("a key of at least thirty-two bytes")
	bearer, err := middleware.NewBearer(middleware.BearerConfig{
		Issuer: issuer, Audience: audience, Keys: []middleware.Key{{Algorithm: "HS256", Key: key}},
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
	mw, _ := middleware.New(middleware.Config{Resolver: resolver, Tenant: middleware.Tenant("acme"), Identify: bearer.Identify})
	api, _ := rest.New(rest.Config{
		Resolver: resolver, Middleware: mw,
		Claims: bearer.Verify, // wrong: bearer.Identify's token alone, which says nothing of scopes
		SaasToken: func(tenant, token string) (string, error) {
			c, err := bearer.VerifyToken(token)
			if err == nil && c.Identity.Tenant != tenant { // without this line another tenant's customer of the same id would do
				err = middleware.ErrWrongTenant
			}
			return c.Identity.CustomerID, err
		},
	})

	put := func(scope, body string) {
		r := httptest.NewRequest(http.MethodPut, "/session-context/acme/context/s1?upsert=true", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+signed(key, map[string]any{"tenant": "acme", "sub": "backoffice", "scope": scope}))
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
