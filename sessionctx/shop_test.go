package sessionctx_test

import (
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

func resolveError(t *testing.T, r *sessionctx.Resolver, req sessionctx.Request) error {
	_, err := r.Resolve(t.Context(), req)
	return err
}

func currency(t *testing.T, r *sessionctx.Resolver, req sessionctx.Request) string {
	t.Helper()
	s, err := r.Resolve(t.Context(), req)
	require.NoError(t, err)
	return s.Currency
}

func fresh(req sessionctx.Request) sessionctx.Request {
	req.Fresh = true
	return req
}

func atLeast(req sessionctx.Request, rev sessionctx.Revision) sessionctx.Request {
	req.AtLeast = rev
	return req
}

func resolve(t testing.TB, r *sessionctx.Resolver, req sessionctx.Request) sessionctx.Session {
	t.Helper()
	s, err := r.Resolve(t.Context(), req)
	require.NoError(t, err)
	return s
}

func update(t testing.TB, r *sessionctx.Resolver, req sessionctx.Request, p sessionctx.Patch) sessionctx.Session {
	t.Helper()
	s, err := r.Update(t.Context(), req, p)
	require.NoError(t, err)
	return s
}

func attributes(pairs ...string) map[string]json.RawMessage {
	m := make(map[string]json.RawMessage)
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = json.RawMessage(pairs[i+1])
	}
	return m
}

func flatten(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, flatten(e)...)
		}
		return all
	}
	return []error{err}
}

// version returns a base that states a version alone.
func version(v int64) *sessionctx.Revision { return &sessionctx.Revision{Version: v} }

// demoshop is a small shop, awkward where real ones are.
func demoshop() sessionctx.Static {
	shipping, billing := []string{"SHIPPING"}, []string{"billing"}
	return sessionctx.Static{
		"demoshop": {
			Sites: []defaults.Site{
				{
					Code: "main", Default: true, Currency: "EUR", Currencies: []string{"EUR", "GBP", "CHF", "USD"}, Country: "DE",
					ShipTo: []string{"DE", "AT", "FR", "CH", "GB"}, Language: "de", Languages: []string{"de", "en", "fr"},
				},
				{Code: "us", Currency: "USD", Currencies: []string{"USD"}, Country: "US", ShipTo: []string{"US", "CA"}, Language: "en", Languages: []string{"en", "es"}},
				{Code: "ch", Currency: "CHF", Currencies: []string{"CHF", "EUR"}, Country: "CH", ShipTo: []string{"CH", "LI"}, Language: "de", Languages: []string{"de", "fr", "it"}},
				{Code: "closed", Inactive: true, Currency: "GBP", Country: "GB", Language: "en"},
			},
			Customers: map[string]defaults.Customer{
				"C100": {Site: "main", Currency: "GBP", Language: "en_GB", Addresses: []defaults.Address{{Country: "AT", Tags: shipping}, {Country: "DE", Tags: billing, Default: true}}},
				"C101": {Site: "us", Currency: "USD", Language: "en_US", Addresses: []defaults.Address{{Country: "US", Tags: billing}}},
			},
		},
		"othershop": {
			Sites: []defaults.Site{{Code: "main", Default: true, Currency: "SEK", Country: "SE", Language: "sv"}},
		},
	}
}

func newResolver(t testing.TB, change ...func(*sessionctx.Config)) *sessionctx.Resolver {
	t.Helper()
	cfg := sessionctx.Config{Store: &memstore.Store{}, Directory: demoshop(), CacheBytes: 4 << 20, Logger: slog.New(slog.DiscardHandler), Timeout: timeout()}
	for _, c := range change {
		c(&cfg)
	}
	r, err := sessionctx.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// timeout is the Config.Timeout of tests that do not set it. In real time it is long: a busy
// machine is no store that hangs. In a bubble of synctest, whose clock begins in the year 2000 and
// stands still while anything runs, it is the default.
func timeout() time.Duration {
	if time.Now().Year() == 2000 {
		return 0
	}
	return time.Minute
}

// by returns a request of the session with this id: asserted, for a customer if one is named.
func by(sessionID string, customerID ...string) sessionctx.Request {
	req := sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: sessionID, Proof: sessionctx.Asserted}}
	for _, c := range customerID {
		req.CustomerID = c
	}
	return req
}

// cookie returns a request by the secret id.
func cookie(id string) sessionctx.Request {
	return sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: id, Proof: sessionctx.BySecret}}
}
