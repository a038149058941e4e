package shop

import (
	"net/http"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/examples/storefront/catalogue"
	"github.com/sessionctx/storefront/examples/storefront/prices"
)

// indexPage is the shop's first page.
type indexPage struct {
	view
	Pickers  []picker
	Reasons  []reason
	Products []product
	Currency string
	Country  string
}

// product is one thing on a page, in the shopper's currency.
type product struct {
	ID, Name, Text string
	Price          string // as the shopper reads it
	Decimal        string // as machines read it
	InCart         int
}

func (s *Shop) index(w http.ResponseWriter, r *http.Request) {
	v := s.view(r)
	v.Title = v.Text("hero")
	v.Notice = v.noticeOf(r)
	page := indexPage{
		view: v, Reasons: s.reasons(r, &v), Currency: v.names.of(defaults.FieldCurrency, v.Session.Currency),
		Country: v.names.of(defaults.FieldCountry, v.Session.Country),
	}
	for f := range defaults.Field(defaults.NumFields) {
		page.Pickers = append(page.Pickers, v.picker(f))
	}
	cart := readCart(v.Session)
	for _, p := range catalogue.Products() {
		page.Products = append(page.Products, v.product(p, cart[p.ID]))
	}
	s.show(w, r, http.StatusOK, "page-index.html", page)
}

func (v *view) product(p catalogue.Product, inCart int) product {
	price := prices.FromEuro(p.Cents, v.Session.Currency)
	return product{
		ID: p.ID, Name: v.Text("product." + p.ID), Text: v.Text("product." + p.ID + ".text"),
		Price: price.Format(v.Session.Language), Decimal: price.Decimal(), InCart: inCart,
	}
}

// noticeOf says what the form before this page has done; the redirect after it names that in the
// query.
func (v *view) noticeOf(r *http.Request) *notice {
	query := r.URL.Query()
	done := query.Get("done")
	p, inCart := catalogue.Find(query.Get("at"))
	switch {
	case done == "":
		return nil
	case v.Session.ID == "" && done != "sign-out":
		return &notice{v.Text("no-cookie"), true, p.ID}
	case done == "added" && inCart:
		return &notice{Text: v.Text("done.added", "product", v.Text("product."+p.ID)), At: p.ID}
	case done == "cart":
		return &notice{Text: v.Text("done.cart"), At: p.ID}
	case done == "sign-in", done == "sign-out":
		return &notice{Text: v.Text("done." + done)}
	}
	var f defaults.Field
	if f.UnmarshalText([]byte(done)) != nil {
		return nil
	}
	return &notice{Text: v.Text("done.choice",
		"field", v.Text("field."+f.String()), "value", v.names.of(f, value(v.Session, f)), "source", v.source(f))}
}
