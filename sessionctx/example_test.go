package sessionctx_test

import (
	"context"
	"fmt"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// shop is a small shop, written down.
var shop = sessionctx.Static{
	"demoshop": {
		Sites: []defaults.Site{{
			Code: "main", Default: true, Currency: "EUR", Currencies: []string{"EUR", "CHF"},
			Country: "DE", ShipTo: []string{"DE", "CH"}, Language: "de", Languages: []string{"de", "fr"},
		}},
		Customers: map[string]defaults.Customer{
			"C100": {Currency: "CHF", Addresses: []defaults.Address{{Country: "CH", Tags: []string{"shipping"}}}},
		},
	},
}

// The resolver needs no HTTP: a job, a gRPC method or a command asks it directly.
func Example() {
	r, err := sessionctx.New(sessionctx.Config{Store: &memstore.Store{}, Directory: shop})
	if err != nil {
		panic(err)
	}
	defer r.Close()
	ctx := context.Background()
	req := sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: "s1", Proof: sessionctx.Asserted}}

	show := func(s sessionctx.Session, err error) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(s.Site, s.Currency, s.Source(defaults.FieldCurrency), s.Country, s.Source(defaults.FieldCountry))
	}
	show(r.Resolve(ctx, req))
	show(r.Login(ctx, req, "C100"))
	req.CustomerID = "C100"
	show(r.Update(ctx, req, sessionctx.Patch{Currency: sessionctx.Set("eur")}))
	show(r.Update(ctx, req, sessionctx.Patch{Currency: sessionctx.Clear()}))
	show(r.Update(ctx, req, sessionctx.Patch{Currency: sessionctx.Set("JPY")}))
	// Output:
	// main EUR site.currency DE site.homeBase
	// main CHF customer.preferredCurrency CH customer.shippingAddress
	// main EUR choice CH customer.shippingAddress
	// main CHF customer.preferredCurrency CH customer.shippingAddress
	// defaults: currency "JPY": not offered by the site
}
