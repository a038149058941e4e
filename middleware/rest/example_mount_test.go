package rest_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/middleware/rest"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// The interface beside a shop's own pages, on one mux. The middleware leaves the interface out: it
// says by itself who is asking.
func Example_mount() {
	resolver, err := sessionctx.New(sessionctx.Config{
		Store: &memstore.Store{},
		Directory: sessionctx.Static{"acme": {Sites: []defaults.Site{
			{Code: "main", Default: true, Currency: "EUR", Currencies: []string{"CHF"}, Country: "DE", Language: "de"},
		}}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer resolver.Close()

	mw, err := middleware.New(middleware.Config{
		Resolver: resolver,
		Tenant:   middleware.Tenant("acme"),
		Skip:     func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, rest.Prefix) },
	})
	if err != nil {
		log.Fatal(err)
	}
	api, err := rest.New(rest.Config{Resolver: resolver, Middleware: mw})
	if err != nil {
		log.Fatal(err)
	}

	mux := http.NewServeMux()
	mux.Handle(rest.Prefix, api)
	mux.HandleFunc("POST /currency", func(w http.ResponseWriter, r *http.Request) {
		if _, err := mw.Update(w, r, sessionctx.Patch{Currency: sessionctx.Set("CHF")}); err != nil {
			middleware.Fail(w, r, err, nil)
		}
	})
	shop := mw.Wrap(mux)

	// A page's form makes the session, and its script then speaks to the interface with the cookie.
	page := httptest.NewRecorder()
	shop.ServeHTTP(page, httptest.NewRequest("POST", "/currency", nil))
	script := httptest.NewRequest("GET", "/session-context/acme/me/context", nil)
	script.AddCookie(page.Result().Cookies()[0])
	answer := httptest.NewRecorder()
	shop.ServeHTTP(answer, script)
	body := answer.Body.String()
	fmt.Println(answer.Code, body[:strings.Index(body, `,"metadata"`)]+" ...")

	nobody := httptest.NewRecorder()
	shop.ServeHTTP(nobody, httptest.NewRequest("GET", "/session-context/acme/me/context", nil))
	fmt.Println(nobody.Code, nobody.Body)
	// Output:
	// 200 {"siteCode":"main","currency":"CHF","targetLocation":"DE","language":"de","context":{} ...
	// 401 {"type":"about:blank","title":"Unauthorized","status":401,"detail":"The request has neither a bearer token nor a session cookie.","code":401,"message":"The request has neither a bearer token nor a session cookie."}
}
