// Package shop is what the programs for the routers have in common: one site with three currencies,
// and the line that says what a visitor has.
package shop

import (
	"context"
	"fmt"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// New returns the middleware of the shop. The resolver lives as long as the process.
func New() (*middleware.Middleware, error) {
	resolver, err := sessionctx.New(sessionctx.Config{
		Store: &memstore.Store{},
		Directory: sessionctx.Static{"myshop": {Sites: []defaults.Site{{
			Code: "main", Default: true, Country: "DE",
			Currency: "EUR", Currencies: []string{"EUR", "CHF", "GBP"},
			Language: "de", Languages: []string{"de", "en"},
		}}}},
	})
	if err != nil {
		return nil, err
	}
	return middleware.New(middleware.Config{Resolver: resolver, Tenant: middleware.Tenant("myshop")})
}

// Line says what the session in ctx shows. Without a session it says so.
func Line(ctx context.Context) string {
	s, ok := sessionctx.FromContext(ctx)
	if !ok {
		return "no session\n"
	}
	return fmt.Sprintf("site %s, currency %s (%s)\n", s.Site, s.Currency, s.Source(defaults.FieldCurrency))
}

// Choice is the patch that makes currency the shopper's choice.
func Choice(currency string) sessionctx.Patch {
	return sessionctx.Patch{Currency: sessionctx.Set(currency)}
}
