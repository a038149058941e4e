package evidence

import (
	"log/slog"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/redisstore"
)

// Tenant is the one of Shop.
const Tenant = "demoshop"

// Shop is the directory of most runs.
func Shop() sessionctx.Static {
	return sessionctx.Static{Tenant: {
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

// Asserted asks for a session of Shop by token.
func Asserted(id, customer string) sessionctx.Request {
	return sessionctx.Request{Identity: sessionctx.Identity{Tenant: Tenant, SessionID: id, CustomerID: customer, Proof: sessionctx.Asserted}}
}

// BySecret asks for a session of Shop by cookie.
func BySecret(id string) sessionctx.Request {
	return sessionctx.Request{Identity: sessionctx.Identity{Tenant: Tenant, SessionID: id, Proof: sessionctx.BySecret}}
}

// Quiet is a logger that keeps nothing.
var Quiet = slog.New(slog.DiscardHandler)

// Resolver returns a resolver of Shop over a memstore, unless changes say otherwise. It is closed
// at the end of the test.
func Resolver(t testing.TB, changes ...func(*sessionctx.Config)) *sessionctx.Resolver {
	t.Helper()
	cfg := sessionctx.Config{Store: &memstore.Store{MaxBytes: -1}, Directory: Shop(), CacheBytes: 1 << 20, Logger: Quiet}
	for _, change := range changes {
		change(&cfg)
	}
	r, err := sessionctx.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// Redis returns a store on the server at addr. It is closed at the end of the test.
func Redis(t testing.TB, addr string, lease time.Duration) *redisstore.Store {
	t.Helper()
	s, err := redisstore.New(RedisConfig(addr, lease))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// RedisConfig is that of the stores of this module; a lease of 0 is the default.
func RedisConfig(addr string, lease time.Duration) redisstore.Config {
	return redisstore.Config{Client: rueidis.ClientOption{InitAddress: []string{addr}}, Lease: lease, Logger: Quiet}
}
