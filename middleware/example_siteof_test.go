package middleware_test

import (
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

// A marketplace: the site by a look-up of the host, the language by the path of any host.
func ExampleConfig_siteOf() {
	resolver := newResolver()
	defer resolver.Close()
	shops := map[string]string{"anna.market.example": "main", "bert.example": "ch"} // thousands, kept in memory
	mw, err := middleware.New(middleware.Config{
		Resolver: resolver,
		Tenant:   middleware.Tenant("demoshop"),
		Sites:    map[string]middleware.SiteLanguage{"/en": {Language: "en"}, "/fr": {Language: "fr"}},
		SiteOf: func(_ *http.Request, host string) (middleware.SiteLanguage, error) {
			code, ok := shops[host]
			if !ok {
				return middleware.SiteLanguage{}, sessionctx.ErrUnknownTenant
			}
			return middleware.SiteLanguage{Site: code}, nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	handler := mw.Wrap(page)
	for _, url := range []string{
		"http://anna.market.example/shoes", "http://anna.market.example/en/shoes", "http://Bert.Example:8080/fr/shoes", "http://carl.example/en/shoes",
	} {
		show(handler, httptest.NewRequest("GET", url, nil))
	}
	// Output:
	// 200 guest: main EUR DE de
	// 200 guest: main EUR DE en
	// 200 guest: ch CHF CH fr
	// 404 Not Found
}
