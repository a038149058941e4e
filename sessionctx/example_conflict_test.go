package sessionctx_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// Two tabs were rendered from one revision. A write that touches what the other has changed is a
// conflict; any other is rebased.
func ExampleResolver_Update_conflict() {
	r, err := sessionctx.New(sessionctx.Config{Store: &memstore.Store{}, Directory: shop})
	if err != nil {
		panic(err)
	}
	defer r.Close()
	ctx := context.Background()
	req := sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: "s1", Proof: sessionctx.Asserted}}
	s, _ := r.Update(ctx, req, sessionctx.Patch{Currency: sessionctx.Set("EUR")})
	tab := s.Revision()

	s, err = r.Update(ctx, req, sessionctx.Patch{Base: &tab, Currency: sessionctx.Set("CHF")})
	fmt.Println("first tab: ", s.Currency, s.Version-tab.Version, err)

	_, err = r.Update(ctx, req, sessionctx.Patch{Base: &tab, Currency: sessionctx.Set("EUR")})
	var conflict *sessionctx.ConflictError
	fmt.Println("second tab:", errors.As(err, &conflict), conflict.Revision.Version-tab.Version)

	s, err = r.Update(ctx, req, sessionctx.Patch{Base: &tab, Language: sessionctx.Set("fr")})
	fmt.Println("second tab:", s.Currency, s.Language, s.Version-tab.Version, err)
	// Output:
	// first tab:  CHF 1 <nil>
	// second tab: true 1
	// second tab: CHF fr 2 <nil>
}
