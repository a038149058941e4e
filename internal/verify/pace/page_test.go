package pace_test

import (
	"fmt"
	"html/template"
	"io"
	"net/http"
	"strconv"

	"github.com/sessionctx/storefront/sessionctx"
)

// shopPage is what a shop's first page shows: the four values, a picker for the currency, and products at a price in it.
type shopPage struct {
	Site, Currency, Country, Language string
	Currencies                        []string
	Products                          []shopProduct
}

type shopProduct struct {
	ID, Name, Text, Price string
	Cents                 int
}

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="{{.Language}}">
<head><meta charset="utf-8"><title>{{.Site}}</title><link rel="stylesheet" href="/assets/shop.css"></head>
<body>
<header><a href="/">{{.Site}}</a>
<form method="post" action="/choices"><select name="currency">
{{- range .Currencies}}<option value="{{.}}"{{if eq . $.Currency}} selected{{end}}>{{.}}</option>{{end -}}
</select><button>Apply</button></form>
<p>We deliver to {{.Country}}. All prices are in {{.Currency}}.</p></header>
<main><ul class="products">
{{- range .Products}}
<li id="{{.ID}}"><img src="/assets/{{.ID}}.svg" alt="" width="320" height="240">
<h2>{{.Name}}</h2><p>{{.Text}}</p><p class="price"><data value="{{.Price}}">{{.Price}} {{$.Currency}}</data></p>
<form method="post" action="/cart"><button name="add" value="{{.ID}}" aria-label="Add {{.Name}}">Add</button></form></li>
{{- end}}
</ul></main>
</body></html>
`))

// catalogue has the prices in euro cents.
var catalogue = func() (products []shopProduct) {
	for i, name := range []string{
		"Teapot", "Mug", "Lamp", "Notebook", "Candle", "Blanket", "Backpack", "Cooking pot", "Kettle", "Chair", "Clock", "Vase",
	} {
		products = append(products, shopProduct{
			ID: fmt.Sprintf("p%d", i), Name: name, Cents: 990 + 1250*i, Text: "Made to last, & repaired for free: the " + name + " of our own workshop.",
		})
	}
	return products
}()

var rates = map[string]int{"EUR": 1000, "CHF": 940, "GBP": 850, "USD": 1090} // of 1000 euro cents

// pages are what the servers under load answer with, from the four values, wherever these come from.
var pages = map[string]func(w http.ResponseWriter, site, currency, country, language string) error{
	"shop page": func(w http.ResponseWriter, site, currency, country, language string) error {
		p := shopPage{
			Site: site, Currency: currency, Country: country, Language: language,
			Currencies: []string{"EUR", "CHF", "GBP", "USD"}, Products: make([]shopProduct, len(catalogue)),
		}
		for i, product := range catalogue {
			cents := product.Cents * rates[currency] / 1000
			product.Price = strconv.FormatFloat(float64(cents)/100, 'f', 2, 64)
			p.Products[i] = product
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "private, no-store")
		return pageTemplate.Execute(w, p)
	},
	"one line of text": func(w http.ResponseWriter, site, currency, country, language string) error {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "private, no-store")
		_, err := io.WriteString(w, site+" "+currency+" "+country+" "+language+"\n")
		return err
	},
}

// bareHandler shows the page of constants.
func bareHandler(page string) http.Handler {
	render := pages[page]
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if err := render(w, "main", "CHF", "DE", "en"); err != nil {
			panic(http.ErrAbortHandler) // the connection is gone
		}
	})
}

// sessionHandler shows the page of the session.
func sessionHandler(page string) http.Handler {
	render := pages[page]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, ok := sessionctx.FromContext(r.Context())
		if !ok || s.ID == "" {
			http.Error(w, "no session", http.StatusInternalServerError)
			return
		}
		if err := render(w, s.Site, s.Currency, s.Country, s.Language); err != nil {
			panic(http.ErrAbortHandler)
		}
	})
}
