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

// Two tabs of one shopper have both seen the same version. What they change apart from each other
// is merged; where both change the same, the second is told the version to look at.
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

	send := func(method, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "/session-context/acme/me/context", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		return w
	}
	send("PATCH", `{"currency": "EUR"}`)
	var seen struct{ Metadata struct{ Version int64 } } // any number below 2^30
	_ = json.Unmarshal(send("GET", "").Body.Bytes(), &seen)

	patch := func(members string) {
		w := send("PATCH", fmt.Sprintf(`{%s, "metadata": {"version": %d}}`, members, seen.Metadata.Version))
		fmt.Print(w.Code)
		if w.Code == http.StatusConflict {
			var problem struct{ CurrentVersion int64 }
			_ = json.Unmarshal(w.Body.Bytes(), &problem)
			fmt.Printf(", %d writes later", problem.CurrentVersion-seen.Metadata.Version)
		}
		fmt.Println()
	}
	patch(`"currency": "CHF"`)
	patch(`"language": "fr"`)
	patch(`"currency": "GBP"`)
	// Output:
	// 204
	// 204
	// 409, 2 writes later
}
