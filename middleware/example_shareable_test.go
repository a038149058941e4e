package middleware_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

// A product page that a CDN may keep for all guests, until somebody chooses something.
func ExampleMiddleware_Shareable() {
	resolver := newResolver()
	defer resolver.Close()
	mw, err := middleware.New(middleware.Config{
		Resolver: resolver, Tenant: middleware.Tenant("demoshop"), AcceptLanguage: true,
		Sites: map[string]middleware.SiteLanguage{"/en": {Language: "en"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	product := mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := mw.Shareable(w, r, 5*time.Minute); err != nil {
			fmt.Println(err) // no failure: the page stays private
		}
		page(w, r)
	}))
	visit := func(url string, cookies ...*http.Cookie) {
		r, w := httptest.NewRequest("GET", url, nil), httptest.NewRecorder()
		for _, c := range cookies {
			r.AddCookie(c)
		}
		product.ServeHTTP(w, r)
		fmt.Printf("%s | %s | %s\n", w.Body, w.Header().Get("Cache-Control"), w.Header().Get("Vary"))
	}
	visit("/shoes")
	visit("/en/shoes")

	w := httptest.NewRecorder()
	if _, err := mw.Update(w, httptest.NewRequest("POST", "/currency", nil), sessionctx.Patch{Currency: sessionctx.Set("USD")}); err != nil {
		log.Fatal(err)
	}
	visit("/shoes", w.Result().Cookies()...)
	// Output:
	// guest: main EUR DE de | public, max-age=0, s-maxage=300 | Cookie, Accept-Language
	// guest: main EUR DE en | public, max-age=0, s-maxage=300 | Cookie
	// middleware: the page is not shareable: the session has an id, the page is one shopper's
	// guest: main USD DE de | private | Cookie, Accept-Language
}
