// Picker is a shop with a picker for site, currency, country and language, prices as readers of the
// language write them, and a URL for each language.
package main

import (
	_ "embed"
	"errors"
	"html/template"
	"log"
	"net/http"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/defaults/display"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

var sites = sessionctx.Static{"myshop": {Sites: []defaults.Site{
	{
		Code: "main", Name: "Shop Europe", Default: true,
		Currency: "EUR", Currencies: []string{"EUR", "CHF", "PTS"}, ExtraCurrencies: map[string]int{"PTS": 0},
		Country: "DE", ShipTo: []string{"AT", "BE", "CH", "DE", "EG", "FR"},
		Language: "de", Languages: []string{"de", "en", "fr", "ar"},
	},
	{Code: "us", Name: "Shop USA", Currency: "USD", Currencies: []string{"USD"}, Country: "US", Language: "en", Languages: []string{"en", "es"}},
}}}

var urls = map[string]middleware.SiteLanguage{
	"shop.example":    {Site: "main"},
	"shop.example/de": {Language: "de"},
	"shop.example/en": {Language: "en"},
	"shop.example/fr": {Language: "fr"},
	"us.shop.example": {Site: "us"},
}

func main() {
	resolver, err := sessionctx.New(sessionctx.Config{Store: &memstore.Store{}, Directory: sites})
	if err != nil {
		log.Fatal(err)
	}
	mw, err := middleware.New(middleware.Config{
		Resolver: resolver, Tenant: middleware.Tenant("myshop"), Sites: urls, AcceptLanguage: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Println("listening on http://localhost:8080")
	log.Fatal(http.ListenAndServe("localhost:8080", shop(resolver, mw)))
}

//go:embed page.html
var pageHTML string

var page = template.Must(template.New("page").Parse(pageHTML))

// picker is one select of the form.
type picker struct {
	Name    string
	Options []display.Option
}

func shop(resolver *sessionctx.Resolver, mw *middleware.Middleware) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /switch", func(w http.ResponseWriter, r *http.Request) {
		if err := mw.Switch(w, r); err != nil {
			middleware.Fail(w, r, err, nil)
		}
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		s, _ := sessionctx.FromContext(r.Context())
		table, tableErr := resolver.Sites(r.Context(), s.Tenant)
		alternates, err := mw.Alternates(r)
		if err := errors.Join(tableErr, err); err != nil {
			middleware.Fail(w, r, err, nil)
			return
		}
		in := display.For(s.Language)
		pickers := []picker{
			{"site", in.Options(table, defaults.FieldSite, s.Site, s.Site)},
			{"currency", in.Options(table, defaults.FieldCurrency, s.Site, s.Currency)},
			{"country", in.Options(table, defaults.FieldCountry, s.Site, s.Country)},
			{"language", in.Options(table, defaults.FieldLanguage, s.Site, s.Language)},
		}
		digits, _ := table.MinorUnits(s.Currency)
		price := in.Price(1850, s.Currency, digits)
		err = page.Execute(w, map[string]any{
			"Session": s, "In": in, "Pickers": pickers, "Price": price, "Alternates": alternates, "Path": r.URL.RequestURI(),
		})
		if err != nil {
			log.Print(err)
		}
	})
	return mw.Wrap(mux)
}
