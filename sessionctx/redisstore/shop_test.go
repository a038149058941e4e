package redisstore_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/redisstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

const tenant = "demoshop"

// open returns a Store that is closed with the test.
func open(t testing.TB, server *redisserver.Server, change ...func(*redisstore.Config)) *redisstore.Store {
	t.Helper()
	s, err := redisstore.New(config(server, change...))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

func config(server *redisserver.Server, change ...func(*redisstore.Config)) redisstore.Config {
	cfg := redisstore.Config{
		Client: rueidis.ClientOption{InitAddress: []string{server.Addr()}},
		Logger: slog.New(slog.DiscardHandler),
	}
	for _, c := range change {
		c(&cfg)
	}
	return cfg
}

var directory = sessionctx.Static{tenant: {
	Sites: []defaults.Site{{
		Code: "main", Default: true, Currency: "EUR", Currencies: []string{"EUR", "CHF", "GBP"}, Country: "DE", Language: "de",
	}},
	Customers: map[string]defaults.Customer{"C1": {Currency: "CHF"}},
}}

// resolver returns a Resolver that is closed with the test.
func resolver(t testing.TB, backend store.Store, change ...func(*sessionctx.Config)) *sessionctx.Resolver {
	t.Helper()
	cfg := sessionctx.Config{Store: backend, Directory: directory, Logger: slog.New(slog.DiscardHandler), Timeout: 900 * time.Millisecond}
	for _, c := range change {
		c(&cfg)
	}
	r, err := sessionctx.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.Close()) })
	return r
}

func request(id string) sessionctx.Request {
	return sessionctx.Request{Identity: sessionctx.Identity{Tenant: tenant, SessionID: id, Proof: sessionctx.Asserted}}
}

func customer(id string) sessionctx.Request {
	req := request(id)
	req.CustomerID = "C1"
	return req
}

// currency is a patch.
func currency(code string) sessionctx.Patch { return sessionctx.Patch{Currency: sessionctx.Set(code)} }

// calls returns how often the server has run a command.
func calls(t testing.TB, server *redisserver.Server, command string) int {
	t.Helper()
	found := regexp.MustCompile(`cmdstat_` + command + `:calls=(\d+)`).FindStringSubmatch(server.Do(t, "INFO", "commandstats"))
	if found == nil {
		return 0
	}
	n, err := strconv.Atoi(found[1])
	require.NoError(t, err)
	return n
}

// kill ends the one connection that has this name.
func kill(t testing.TB, server *redisserver.Server, name string) {
	t.Helper()
	id := regexp.MustCompile(`id=(\d+) .* name=` + name + ` `).FindStringSubmatch(server.Do(t, "CLIENT", "LIST"))
	require.NotNil(t, id)
	require.Equal(t, "1", server.Do(t, "CLIENT", "KILL", "ID", id[1]))
}

// eventually polls until ok, much longer than it should take.
func eventually(t testing.TB, ok func() bool, what string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

func leased(r *sessionctx.Resolver) func() bool {
	return func() bool { return r.Stats().Lease > 0 }
}

// aRecord is the first record under a new key.
func aRecord() (store.Key, store.Record) {
	key := store.Key{Tenant: tenant, ID: fmt.Sprint("s", rand.Uint64())}
	now := time.Now().UTC().Truncate(time.Millisecond)
	return key, store.Record{
		Tenant: tenant, Incarnation: rand.Uint64() | 1, Version: 1, WriteID: 7, Choices: defaults.Choices{Currency: "CHF"},
		CreatedAt: now, ModifiedAt: now, ExpiresAt: now.Add(2 * time.Hour),
	}
}
