package middleware_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/sessionctx/storefront/middleware"
)

// placesOfShop is a shop with a host for each site and a path for each language.
var placesOfShop = map[string]middleware.SiteLanguage{
	"shop.example": {Site: "main"}, "shop.example/de": {Language: "de"}, "shop.example/en": {Language: "en"},
	"ch.shop.example": {Site: "ch"}, "ch.shop.example/fr": {Language: "fr"},
}

// The links of a page to itself in other languages.
func ExampleMiddleware_Alternates() {
	resolver := newResolver()
	defer resolver.Close()
	mw, err := middleware.New(middleware.Config{Resolver: resolver, Tenant: middleware.Tenant("demoshop"), Sites: placesOfShop})
	if err != nil {
		log.Fatal(err)
	}
	alternates, err := mw.Alternates(httptest.NewRequest("GET", "http://shop.example/en/shoes?page=2", nil))
	if err != nil {
		log.Fatal(err)
	}
	for _, a := range alternates {
		fmt.Printf("%-9s %s\n", a.Hreflang, a.URL)
	}
	// Output:
	// de        https://shop.example/de/shoes
	// en        https://shop.example/en/shoes
	// de-CH     https://ch.shop.example/shoes
	// fr        https://ch.shop.example/fr/shoes
	// x-default https://shop.example/shoes
}

// The form of a picker: it changes what was changed in it, and leads back to the page, in the
// language that was chosen.
func ExampleMiddleware_Switch() {
	resolver := newResolver()
	defer resolver.Close()
	mw, err := middleware.New(middleware.Config{Resolver: resolver, Tenant: middleware.Tenant("demoshop"), Sites: placesOfShop})
	if err != nil {
		log.Fatal(err)
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := mw.Switch(w, r); err != nil {
			fmt.Println(err)
			middleware.Fail(w, r, err, nil)
		}
	})
	send := func(form url.Values) {
		r := httptest.NewRequest("POST", "http://shop.example/switch", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Println(strings.TrimSpace(fmt.Sprint(w.Code, " ", w.Header().Get("Location"))))
	}
	send(url.Values{"currency": {"CHF"}, "country": {"DE"}, "language": {"de"}, "return": {"/de/shoes?page=2"}})
	send(url.Values{"currency": {"EUR"}, "country": {"DE"}, "language": {"en"}, "return": {"/de/shoes?page=2"}})
	send(url.Values{"currency": {"Euro"}, "return": {"/de/shoes"}})

	// The attack: a link to the shop that leads on to another server.
	send(url.Values{"currency": {"CHF"}, "return": {`/\evil.example`}})
	// Output:
	// 303 /de/shoes?page=2
	// 303 /en/shoes?page=2
	// defaults: currency "Euro": not a three-letter ISO 4217 code
	// 400
	// sessionctx: return "/\\evil.example": must be a path of this server
	// 400
}
