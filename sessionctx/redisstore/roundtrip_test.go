package redisstore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/sessionctx"
)

func TestResolve_ColdReadIsOneRoundTrip(t *testing.T) {
	server := redisserver.Start(t)
	r := resolver(t, open(t, server))
	eventually(t, leased(r), "the lease")
	_, err := r.Resolve(t.Context(), request("s1"))
	require.NoError(t, err)
	assert.Equal(t, 1, calls(t, server, "get"))
}

// The server is frozen, so both reads were sent before the first answer came.
func TestResolve_TwoColdReadsOfCustomerGoTogether(t *testing.T) {
	server := redisserver.Start(t)
	store := open(t, server)
	r := resolver(t, store, longTimeout)
	_, err := r.Login(t.Context(), request("s1"), "C1")
	require.NoError(t, err)
	cold := resolver(t, store, longTimeout)
	eventually(t, leased(cold), "the lease")
	before := calls(t, server, "get")
	server.Freeze(t)
	done := make(chan error)
	go func() {
		_, err := cold.Resolve(t.Context(), customer("s1"))
		done <- err
	}()
	eventually(t, func() bool { return store.Loading() == 2 }, "two reads in flight")
	server.Thaw(t)
	require.NoError(t, <-done)
	assert.Equal(t, 2, calls(t, server, "get")-before)
}

func TestUpdate_KnownSessionIsOneRoundTrip(t *testing.T) {
	server := redisserver.Start(t)
	r := resolver(t, open(t, server))
	eventually(t, leased(r), "the lease")
	_, err := r.Update(t.Context(), request("s1"), currency("CHF"))
	require.NoError(t, err)
	eventually(t, func() bool { // cached, and the message of its own write has come
		before := calls(t, server, "get")
		s, err := r.Resolve(t.Context(), request("s1"))
		require.NoError(t, err)
		return s.Currency == "CHF" && calls(t, server, "get") == before
	}, "a warm cache")
	scripts, gets := calls(t, server, "evalsha"), calls(t, server, "get")
	_, err = r.Update(t.Context(), request("s1"), currency("GBP"))
	require.NoError(t, err)
	assert.Equal(t, 1, calls(t, server, "evalsha")-scripts)
	assert.Equal(t, 1, calls(t, server, "get")-gets, "the GET of the script")
}

// longTimeout keeps a resolver waiting for a frozen server.
func longTimeout(cfg *sessionctx.Config) { cfg.Timeout = time.Minute }
