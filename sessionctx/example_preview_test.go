package sessionctx_test

import (
	"context"
	"fmt"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// Preview tells what a write would do before it is made, and why every value is what it is.
func ExampleResolver_Preview() {
	r, err := sessionctx.New(sessionctx.Config{Store: &memstore.Store{}, Directory: shop})
	if err != nil {
		panic(err)
	}
	defer r.Close()
	req := sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: "s1", CustomerID: "C100", Proof: sessionctx.Asserted}, Site: "closed"}
	x, err := r.Preview(context.Background(), req, sessionctx.Patch{Country: sessionctx.Set("de")})
	if err != nil {
		panic(err)
	}
	fmt.Println(x.Session.Currency, x.Session.Country)
	for _, rejected := range x.Rejected {
		fmt.Println("not", rejected.Field, rejected.Value, "of", rejected.Source, "because:", rejected.Reason)
	}
	// Output:
	// CHF DE
	// not site closed of request.site because: unknownSite
}
