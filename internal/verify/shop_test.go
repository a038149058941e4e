package verify_test

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

func shop() sessionctx.Static {
	return sessionctx.Static{"demoshop": {
		Sites: []defaults.Site{
			{
				Code: "main", Default: true, Currency: "EUR", Currencies: []string{"GBP", "CHF", "USD"}, Country: "DE",
				ShipTo: []string{"DE", "AT", "FR", "CH", "GB"}, Language: "de", Languages: []string{"en", "fr"},
			},
			{Code: "us", Currency: "USD", Country: "US", ShipTo: []string{"US", "CA"}, Language: "en", Languages: []string{"es"}},
		},
		Customers: map[string]defaults.Customer{
			"C1": {Site: "us", Currency: "USD", Language: "es"},
			"C2": {Currency: "GBP", Addresses: []defaults.Address{{Country: "AT", Tags: []string{"shipping"}}}},
		},
	}}
}

func newResolver(t testing.TB, change ...func(*sessionctx.Config)) *sessionctx.Resolver {
	t.Helper()
	cfg := sessionctx.Config{Store: &memstore.Store{}, Directory: shop(), CacheBytes: 1 << 20, Logger: slog.New(slog.DiscardHandler)}
	for _, c := range change {
		c(&cfg)
	}
	r, err := sessionctx.New(cfg)
	require.NoError(t, err)
	return r
}

func asserted(id, customer string) sessionctx.Request {
	return sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: id, CustomerID: customer, Proof: sessionctx.Asserted}}
}

func cookie(id string) sessionctx.Request {
	return sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: id, Proof: sessionctx.BySecret}}
}
