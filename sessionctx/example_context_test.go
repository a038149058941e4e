package sessionctx_test

import (
	"context"
	"fmt"

	"github.com/sessionctx/storefront/sessionctx"
)

// price is a function of your shop that goes by the session in the context.
func price(ctx context.Context) string {
	s, ok := sessionctx.FromContext(ctx)
	if !ok {
		return "no session"
	}
	return "9.90 " + s.Currency
}

// A unit test of your own code needs neither resolver nor server.
func ExampleNewContext() {
	for _, currency := range []string{"EUR", "CHF"} {
		ctx := sessionctx.NewContext(context.Background(), sessionctx.Session{Site: "main", Currency: currency})
		fmt.Println(price(ctx))
	}
	fmt.Println(price(context.Background()))
	// Output:
	// 9.90 EUR
	// 9.90 CHF
	// no session
}
