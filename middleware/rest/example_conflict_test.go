package rest_test

import (
	"encoding/json"
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

// Two tabs of one shopper have both seen version 1. What they change apart from each other is
// merged; where both change the same, the second is told the version to look at.
func Example_conflict() {
	resolver, _ := sessionctx.New(sessionctx.Config{
		Store: &memstore.Store{},
		Directory: sessionctx.Static{"acme": {Sites: []defaults.Site{
			{Code: "main", Default: true, Currency: "EUR", Country: "DE", Language: "de"},
		}}},
	})
	defer resolver.Close()
	mw, _ := middleware.New(middleware.Config{
		Resolver: resolver,
		Tenant:   middleware.Tenant("acme"),
		Identify: func(*http.Request) (sessionctx.Identity, error) { // the host's own login; with tokens: bearer.Verifier.Identify
			return sessionctx.Identity{SessionID: "s1", CustomerID: "anna"}, nil
		},
	})
	api, _ := rest.New(rest.Config{Resolver: resolver, Middleware: mw})

	patch := func(body string) {
		r := httptest.NewRequest("PATCH", "/session-context/acme/me/context", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		var problem struct{ CurrentVersion int64 }
		_ = json.Unmarshal(w.Body.Bytes(), &problem)
		fmt.Println(w.Code, problem.CurrentVersion)
	}
	patch(`{"currency": "EUR"}`)
	patch(`{"currency": "CHF", "metadata": {"version": 1}}`)
	patch(`{"language": "fr", "metadata": {"version": 1}}`)
	patch(`{"currency": "GBP", "metadata": {"version": 1}}`)
	// Output:
	// 204 0
	// 204 0
	// 204 0
	// 409 3
}
