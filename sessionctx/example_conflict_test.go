package sessionctx_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// Two tabs were rendered from version 1. A write that touches what the other has changed is a conflict; any other is
// rebased.
func ExampleResolver_Update_conflict() {
	r, err := sessionctx.New(sessionctx.Config{Store: &memstore.Store{}, Directory: shop})
	if err != nil {
		panic(err)
	}
	defer r.Close()
	ctx := context.Background()
	req := sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: "s1"}}
	s, _ := r.Update(ctx, req, sessionctx.Patch{Currency: sessionctx.Set("EUR")})
	tab := s.Version

	s, err = r.Update(ctx, req, sessionctx.Patch{Version: tab, Currency: sessionctx.Set("CHF")})
	fmt.Println("first tab: ", s.Currency, s.Version, err)

	_, err = r.Update(ctx, req, sessionctx.Patch{Version: tab, Currency: sessionctx.Set("EUR")})
	var conflict *sessionctx.ConflictError
	fmt.Println("second tab:", errors.As(err, &conflict), conflict.Version)

	s, err = r.Update(ctx, req, sessionctx.Patch{Version: tab, Language: sessionctx.Set("fr")})
	fmt.Println("second tab:", s.Currency, s.Language, s.Version, err)
	// Output:
	// first tab:  CHF 2 <nil>
	// second tab: true 2
	// second tab: CHF fr 3 <nil>
}
