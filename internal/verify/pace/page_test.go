package pace

import (
	"fmt"
	"html/template"
	"net/http"
	"testing"

	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/sessionctx"
)

// pageTemplate is a shop's first page: the four values, a picker for the currency, and products at
// a price in it.
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

// TestPage_BesideOneOfConstants compares whole requests with the middleware with those to the same
// page of constants.
func TestPage_BesideOneOfConstants(t *testing.T) {
	render := func(w http.ResponseWriter, v values) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "private, no-store")
		if err := pageTemplate.Execute(w, v); err != nil {
			panic(err)
		}
	}
	r := newResolver(t)
	ids := secretIDs(t, r, numSessions(t))
	t.Cleanup(warm(t, r, len(ids), func(i int) sessionctx.Request {
		req := evidence.BySecret(ids[i])
		req.Hints.AcceptLanguage = acceptLanguage
		return req
	}))
	with := newMiddleware(t, r).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, _ := sessionctx.FromContext(r.Context())
		render(w, values{s.Site, s.Currency, s.Country, s.Language})
	}))
	bare := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { render(w, values{"main", "CHF", "DE", "en"}) })
	lines := headerLines(cookieName+"=", ids)
	way := func(name string, h http.Handler) Way {
		return walk(name, len(lines), func(int) func(int) bool {
			v := newVisitor(http.MethodGet, "/", http.Header{"Accept-Language": {acceptLanguage}})
			return func(i int) bool {
				v.w.size = 0
				v.visit(h, "Cookie", lines[i])
				return v.w.size > 1000
			}
		})
	}
	evidence.Table(t, "pace-page", Header, Compare(t, 1, way("with the middleware", with), way("of constants", bare)).Row("shop page", 1, Goal{Ratio: 1.03}))
}
