package redisstore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/redisstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

func lazy(cfg *redisstore.Config) { cfg.LazyConnect = true }

func TestLazyConnect_StartsDegradedAndRecovers(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	_, err := resolver(t, open(t, server)).Update(t.Context(), request("s1"), currency("GBP"))
	require.NoError(t, err)
	server.Kill()
	_, err = redisstore.New(config(server))
	require.Error(t, err, "without LazyConnect")

	var log output
	backend := open(t, server, lazy, logTo(&log))
	r := resolver(t, backend)
	s, err := r.Resolve(t.Context(), request("s1"))
	require.NoError(t, err)
	assert.True(t, s.Degraded)
	_, err = r.Update(t.Context(), request("s1"), currency("CHF"))
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.ErrorContains(t, err, "has not been connected yet")
	_, err = backend.Erase(t.Context(), tenant, "C1", func(rec store.Record) store.Record { return rec })
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.ErrorIs(t, r.Check(t.Context()).Store, sessionctx.ErrUnavailable)
	assert.Negative(t, r.Check(t.Context()).Lease)
	assert.False(t, backend.Stats().Connected)
	require.ErrorContains(t, backend.Stats().Unusable, server.Addr())

	server.Restart(t)
	eventually(t, leased(r), "the lease")
	s, err = r.Resolve(t.Context(), request("s1"))
	require.NoError(t, err)
	assert.False(t, s.Degraded)
	assert.Equal(t, "GBP", s.Currency)
	_, err = r.Update(t.Context(), request("s1"), currency("CHF"))
	require.NoError(t, err)
	assert.NoError(t, r.Check(t.Context()).Store)
	assert.True(t, backend.Stats().Connected)
	assert.NoError(t, backend.Stats().Unusable)
	assert.Equal(t, 1, log.count("server cannot be connected"), "one line, however often it tries")
	assert.Equal(t, 1, log.count("the server is connected"))

	server.Kill()
	eventually(t, func() bool { return !backend.Stats().Connected }, "the end of the connection")
	server.Restart(t)
	eventually(t, func() bool { return backend.Stats().Reconnects > 0 }, "the next connection")
}

func TestLazyConnect_RefusesServerThatMustNotBeUsed(t *testing.T) {
	for _, tc := range []struct {
		desc string
		args []string
		down bool // when New is called
		want string
	}{
		{"evicts", []string{"--maxmemory-policy", "allkeys-lru"}, false, "its maxmemory-policy is allkeys-lru"},
		{"comes up later, and evicts", []string{"--maxmemory-policy", "volatile-ttl"}, true, "its maxmemory-policy is volatile-ttl"},
		{"cluster", []string{"--cluster-enabled", "yes"}, false, "it is a cluster"},
		{"comes up later, and is a cluster", []string{"--cluster-enabled", "yes"}, true, "it is a cluster"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			server := redisserver.Start(t, tc.args...)
			if tc.down {
				server.Kill()
			}
			var log output
			backend := open(t, server, lazy, logTo(&log))
			if tc.down {
				server.Restart(t)
			}
			const line = "level=ERROR msg=\"redisstore: server is not supported; all calls fail until it is\""
			eventually(t, func() bool { return log.count(line) > 0 }, "the error in the log")
			_, err := backend.Load(t.Context(), store.Key{Tenant: tenant, Kind: store.KindSession, ID: "s1"})
			require.ErrorIs(t, err, store.ErrUnavailable)
			require.ErrorContains(t, err, tc.want)
			assert.ErrorContains(t, backend.Stats().Unusable, tc.want)
			assert.False(t, backend.Stats().Connected)
			s, err := resolver(t, backend).Resolve(t.Context(), request("s1"))
			require.NoError(t, err)
			assert.True(t, s.Degraded)
			assert.Equal(t, 1, log.count(line))
		})
	}
}

func TestLazyConnect_AcceptsServerThatNoLongerEvicts(t *testing.T) {
	server := redisserver.Start(t, "--maxmemory-policy", "allkeys-lru")
	r := resolver(t, open(t, server, lazy))
	s, err := r.Resolve(t.Context(), request("s1"))
	require.NoError(t, err)
	require.True(t, s.Degraded)
	server.Do(t, "CONFIG", "SET", "maxmemory-policy", "noeviction")
	eventually(t, leased(r), "the lease")
	_, err = r.Update(t.Context(), request("s1"), currency("CHF"))
	assert.NoError(t, err)
}

func TestLazyConnect_IsClosedBeforeItIsConnected(t *testing.T) {
	server := redisserver.Start(t)
	server.Kill()
	s, err := redisstore.New(config(server, lazy))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	_, err = s.Load(t.Context(), store.Key{Tenant: tenant, Kind: store.KindSession, ID: "s1"})
	require.ErrorIs(t, err, store.ErrUnavailable)
	assert.ErrorContains(t, err, "closed")
}

func TestLazyConnect_LeavesMistakesInTheConfigErrors(t *testing.T) {
	server := redisserver.Start(t)
	_, err := redisstore.New(config(server, lazy, func(cfg *redisstore.Config) { cfg.Lease = time.Hour }))
	var mistake *store.ConfigError
	assert.ErrorAs(t, err, &mistake)
}

func TestStats_SayWhatAnOperatorAsks(t *testing.T) {
	server := redisserver.Start(t)
	begun := time.Now()
	s := open(t, server)
	r, other := resolver(t, s), resolver(t, open(t, server))
	eventually(t, leased(r), "the lease")
	st := s.Stats()
	assert.True(t, st.Connected)
	assert.NoError(t, st.Unusable)
	assert.False(t, st.LastHeartbeat.Before(begun))
	assert.False(t, st.LastHeartbeat.After(time.Now()))
	assert.Positive(t, st.DataConnections)

	_, err := other.Update(t.Context(), request("s1"), currency("CHF"))
	require.NoError(t, err)
	eventually(t, func() bool { return s.Stats().Invalidations > st.Invalidations }, "the write of another process")

	server.Do(t, "FLUSHALL")
	eventually(t, func() bool { return s.Stats().InvalidatedAll > st.InvalidatedAll }, "the flush")

	flushes, beat := s.Stats().InvalidatedAll, s.Stats().LastHeartbeat
	server.Do(t, "CLIENT", "KILL", "TYPE", "pubsub")
	server.Do(t, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
	eventually(t, func() bool { return s.Stats().Reconnects > 0 && s.Stats().LastHeartbeat.After(beat) }, "the next connection")
	assert.Greater(t, s.Stats().InvalidatedAll, flushes)

	server.Freeze(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = s.Load(t.Context(), store.Key{Tenant: tenant, Kind: store.KindSession, ID: "s1"})
	}()
	eventually(t, func() bool { return s.Stats().Loads == 1 }, "a load in flight")
	server.Thaw(t)
	<-done
	eventually(t, func() bool { return s.Stats().Loads == 0 }, "no load in flight")

	require.NoError(t, s.Close())
	st = s.Stats()
	assert.False(t, st.Connected)
	require.ErrorContains(t, st.Unusable, "closed")
	assert.Zero(t, st.LastHeartbeat)
}
