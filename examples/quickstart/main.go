// Quickstart is a shop that says which context a visitor has, and lets the visitor choose a
// currency.
package main

import (
	"fmt"
	"log"
	"net/http"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

func main() {
	resolver, err := sessionctx.New(sessionctx.Config{
		Store: &memstore.Store{},
		Directory: sessionctx.Static{"myshop": {Sites: []defaults.Site{{
			Code: "main", Default: true, Country: "DE",
			Currency: "EUR", Currencies: []string{"EUR", "CHF", "GBP"},
			Language: "de", Languages: []string{"de", "en"},
		}}}},
	})
	if err != nil {
		log.Fatal(err)
	}
	mw, err := middleware.New(middleware.Config{
		Resolver: resolver, Tenant: middleware.Tenant("myshop"), AcceptLanguage: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Println("listening on http://localhost:8080")
	log.Fatal(http.ListenAndServe("localhost:8080", shop(mw)))
}

func shop(mw *middleware.Middleware) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		s, _ := sessionctx.FromContext(r.Context())
		fmt.Fprintf(w, "site %s, currency %s (%s), country %s, language %s\n",
			s.Site, s.Currency, s.Source(defaults.FieldCurrency), s.Country, s.Language)
	})
	mux.HandleFunc("POST /currency", func(w http.ResponseWriter, r *http.Request) {
		choice := sessionctx.Set(r.PostFormValue("currency"))
		if _, err := mw.Update(w, r, sessionctx.Patch{Currency: choice}); err != nil {
			middleware.Fail(w, r, err, nil)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	return http.NewCrossOriginProtection().Handler(mw.Wrap(mux))
}
