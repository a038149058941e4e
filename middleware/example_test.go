package middleware_test

import (
	"cmp"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// sites are the shop of the examples.
var sites = sessionctx.Static{"demoshop": {
	Sites: []defaults.Site{
		{Code: "main", Default: true, Currency: "EUR", Country: "DE", Language: "de", Languages: []string{"de", "en"}},
		{Code: "ch", Currency: "CHF", Currencies: []string{"CHF", "EUR"}, Country: "CH", Language: "de", Languages: []string{"de", "fr"}},
	},
	Customers: map[string]defaults.Customer{
		"anna": {Language: "en", Addresses: []defaults.Address{{Country: "AT", Tags: []string{"shipping"}}}},
	},
}}

// newResolver returns the resolver of the examples.
func newResolver() *sessionctx.Resolver {
	resolver, err := sessionctx.New(sessionctx.Config{Store: new(memstore.Store), Directory: sites})
	if err != nil {
		log.Fatal(err)
	}
	return resolver
}

// page shows what a template would get to see.
var page = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	s, _ := sessionctx.FromContext(r.Context())
	fmt.Fprintf(w, "%s: %s %s %s %s", cmp.Or(s.CustomerID, "guest"), s.Site, s.Currency, s.Country, s.Language)
})

// show serves a request and prints the answer.
func show(h http.Handler, r *http.Request) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
}

// The middleware around a mux: pages read the session, a form changes it.
func Example() {
	resolver := newResolver()
	defer resolver.Close()
	mw, err := middleware.New(middleware.Config{Resolver: resolver, Tenant: middleware.Tenant("demoshop")})
	if err != nil {
		log.Fatal(err)
	}

	mux := http.NewServeMux()
	mux.Handle("GET /", page)
	mux.HandleFunc("POST /currency", func(w http.ResponseWriter, r *http.Request) {
		s, err := mw.Update(w, r, sessionctx.Patch{Currency: sessionctx.Set(r.FormValue("code"))})
		if err != nil {
			middleware.Fail(w, r, err, nil)
			return
		}
		fmt.Fprintf(w, "prices in %s from now on", s.Currency)
	})
	// Writes that a cookie authorizes need protection against other sites' forms.
	handler := http.NewCrossOriginProtection().Handler(mw.Wrap(mux))

	show(handler, httptest.NewRequest("GET", "/", nil))

	choice := httptest.NewRecorder()
	handler.ServeHTTP(choice, httptest.NewRequest("POST", "/currency?code=USD", nil))
	cookie := choice.Result().Cookies()[0]
	fmt.Println(choice.Code, choice.Body)
	fmt.Println(cookie.Name, choice.Header().Get("Cache-Control"))

	again := httptest.NewRequest("GET", "/", nil)
	again.AddCookie(cookie)
	show(handler, again)
	show(handler, httptest.NewRequest("POST", "/currency?code=NOPE", nil))

	attack := httptest.NewRequest("POST", "/currency?code=GBP", nil)
	attack.AddCookie(cookie)
	attack.Header.Set("Sec-Fetch-Site", "cross-site")
	handler.ServeHTTP(choice, attack)
	show(handler, again)
	// Output:
	// 200 guest: main EUR DE de
	// 200 prices in USD from now on
	// __Host-session-demoshop private, no-store
	// 200 guest: main USD DE de
	// 400 Bad Request
	//
	// 200 guest: main USD DE de
}
