package middleware_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"time"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

// A product page that a cache keeps for each site, currency, country and language. The proxy copies
// the cookie to the header of the same name.
func ExampleMiddleware_Shareable_variants() {
	resolver := newResolver()
	defer resolver.Close()
	mw, err := middleware.New(middleware.Config{
		Resolver: resolver, Tenant: middleware.Tenant("demoshop"), AcceptLanguage: true,
		Variant: true, CountryHeader: "X-Country", // if the proxy finds the country
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
	})
	if err != nil {
		log.Fatal(err)
	}
	showProduct := func(w http.ResponseWriter, id, site, currency, country, language string) {
		fmt.Fprint(w, id, " ", site, " ", currency, " ", country, " ", language)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /products/{id}", func(w http.ResponseWriter, r *http.Request) {
		mw.Shareable(w, r, 5*time.Minute) // an error says why not: the page stays private
		s, _ := sessionctx.FromContext(r.Context())
		showProduct(w, r.PathValue("id"), s.Site, s.Currency, s.Country, s.Language)
	})
	mux.HandleFunc("POST /currency", func(w http.ResponseWriter, r *http.Request) {
		if _, err := mw.Update(w, r, sessionctx.Patch{Currency: sessionctx.Set(r.FormValue("currency"))}); err != nil {
			middleware.Fail(w, r, err, nil)
		}
	})
	shop := mw.Wrap(mux)

	jar := map[string]*http.Cookie{} // a browser, and the proxy in front of the shop
	visit := func(method, url string) {
		r, w := httptest.NewRequest(method, url, nil), httptest.NewRecorder()
		for _, c := range jar {
			r.AddCookie(c)
		}
		if c := jar["__Host-Session-Variant"]; c != nil {
			r.Header.Set("Session-Variant", c.Value)
		}
		shop.ServeHTTP(w, r)
		for _, c := range w.Result().Cookies() {
			jar[c.Name] = c
		}
		fmt.Printf("%s | %s | %s\n", w.Body, w.Header().Get("Session-Variant"), w.Header().Get("Cache-Control"))
	}
	visit("GET", "/products/7")
	visit("GET", "/products/7")
	visit("POST", "/currency?currency=USD")
	visit("GET", "/products/7")
	// Output:
	// 7 main EUR DE de | 1-demoshop:main:EUR:DE:de | private, no-store
	// 7 main EUR DE de | 1-demoshop:main:EUR:DE:de | public, max-age=0, s-maxage=300
	//  | 1-demoshop:main:USD:DE:de | private, no-store
	// 7 main USD DE de | 1-demoshop:main:USD:DE:de | public, max-age=0, s-maxage=300
}
