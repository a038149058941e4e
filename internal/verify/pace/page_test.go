package pace

import (
	"fmt"
	"html/template"
	"io"
	"net/http"

	"github.com/sessionctx/storefront/sessionctx"
)

// pageTemplate is a shop's first page: the four values, a picker for the currency, and products at a
// price in it.
var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="{{.Language}}">
<head><meta charset="utf-8"><title>{{.Site}}</title><link rel="stylesheet" href="/assets/shop.css"></head>
<body>
<header><a href="/">{{.Site}}</a>
<form method="post" action="/choices"><select name="currency">
{{- range $currency, $_ := .Rates}}<option value="{{$currency}}"{{if eq $currency $.Currency}} selected{{end}}>{{$currency}}</option>{{end -}}
</select><button>Apply</button></form>
<p>We deliver to {{.Country}}. All prices are in {{.Currency}}.</p></header>
<main><ul class="products">
{{- range $i, $name := .Products}}
<li id="p{{$i}}"><img src="/assets/p{{$i}}.svg" alt="" width="320" height="240">
<h2>{{$name}}</h2><p>Made to last, &amp; repaired for free: the {{$name}} of our own workshop.</p><p class="price">{{$.Price $i}} {{$.Currency}}</p>
<form method="post" action="/cart"><button name="add" value="p{{$i}}" aria-label="Add {{$name}}">Add</button></form></li>
{{- end}}
</ul></main>
</body></html>
`))

// values are the four, wherever they come from.
type values struct{ Site, Currency, Country, Language string }

func (values) Rates() map[string]float64 {
	return map[string]float64{"EUR": 1, "CHF": 0.94, "GBP": 0.85, "USD": 1.09}
}

func (values) Products() []string {
	return []string{"Teapot", "Mug", "Lamp", "Notebook", "Candle", "Blanket", "Backpack", "Cooking pot", "Kettle", "Chair", "Clock", "Vase"}
}

func (v values) Price(i int) string {
	return fmt.Sprintf("%.2f", (9.90+12.50*float64(i))*v.Rates()[v.Currency])
}

// pages are what the servers under load answer with.
var pages = map[string]func(w io.Writer, v values) error{
	"shop page": func(w io.Writer, v values) error { return pageTemplate.Execute(w, v) },
	"one line of text": func(w io.Writer, v values) error {
		_, err := fmt.Fprintln(w, v.Site, v.Currency, v.Country, v.Language)
		return err
	},
}

// pageHandler shows the page of the session, or bare: of constants.
func pageHandler(page string, bare bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := values{"main", "CHF", "DE", "en"}
		if !bare {
			s, ok := sessionctx.FromContext(r.Context())
			if !ok || s.ID == "" {
				http.Error(w, "no session", http.StatusInternalServerError)
				return
			}
			v = values{s.Site, s.Currency, s.Country, s.Language}
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "private, no-store")
		if pages[page](w, v) != nil {
			panic(http.ErrAbortHandler) // the connection is gone
		}
	})
}
