package redisstore_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/internal/sinktest"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/redisstore"
	"github.com/sessionctx/storefront/sessionctx/store"
	"github.com/sessionctx/storefront/sessionctx/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t)
	s := open(t, server)
	storetest.Run(t, func(*testing.T) store.Store { return s })
}

func TestSharedStore(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t)
	a, b := open(t, server), open(t, server)
	storetest.RunShared(t, func(*testing.T) (one, other store.Store) { return a, b })
}

func TestSave_ServerAtMaxmemoryIsFull(t *testing.T) {
	server := redisserver.Start(t)
	s := open(t, server)
	key, rec := aRecord()
	_, err := s.Save(t.Context(), key, rec, store.Revision{})
	require.NoError(t, err)
	server.Do(t, "CONFIG", "SET", "maxmemory", "1")
	next := rec
	next.Version++
	_, err = s.Save(t.Context(), key, next, rec.Revision())
	require.ErrorIs(t, err, store.ErrFull)
	got, err := s.Load(t.Context(), key)
	require.NoError(t, err)
	assert.Equal(t, rec, got)
}

// Redis before 7 wraps the error of a command in the error of the script.
func TestSave_OldServerAtMaxmemoryIsFull(t *testing.T) {
	server := redisserver.Start(t)
	p := cutter(t, server.Addr())
	p.replace("-OOM command", "-ERR Error running script (call to f_6b1bf486c81ceb7edf3c093f4c48582e38c0e791): @user_script:19: @user_script: 19: -OOM command")
	s := open(t, server, func(cfg *redisstore.Config) { cfg.Client.InitAddress[0] = p.Addr().String() })
	server.Do(t, "CONFIG", "SET", "maxmemory", "1")
	key, rec := aRecord()
	_, err := s.Save(t.Context(), key, rec, store.Revision{})
	assert.ErrorIs(t, err, store.ErrFull)
	assert.NotErrorIs(t, err, store.ErrUnavailable)
}

func TestSave_VersionsAboveDoublesOfLuaDiffer(t *testing.T) {
	s := open(t, redisserver.Start(t))
	key, rec := aRecord()
	rec.Version = math.MaxInt64 - 1
	_, err := s.Save(t.Context(), key, rec, store.Revision{})
	require.NoError(t, err)
	next := rec
	next.Version = math.MaxInt64
	for _, version := range []int64{math.MaxInt64 - 2, math.MaxInt64, 1 << 53, 0, -1} {
		_, err = s.Save(t.Context(), key, next, store.Revision{Incarnation: rec.Incarnation, Version: version})
		assert.ErrorIs(t, err, store.ErrConflict, "on version %d", version)
	}
	_, err = s.Save(t.Context(), key, next, rec.Revision())
	assert.NoError(t, err)
}

func TestKey_NoIdIsSeenOnServer(t *testing.T) {
	server := redisserver.Start(t)
	s := open(t, server)
	r := resolver(t, s)
	secret, err := r.Update(t.Context(), sessionctx.Request{Identity: sessionctx.Identity{Tenant: tenant, Proof: sessionctx.BySecret}}, currency("GBP"))
	require.NoError(t, err)
	_, err = r.Update(t.Context(), request("session-by-token"), currency("GBP"))
	require.NoError(t, err)
	keys := strings.Fields(server.Do(t, "KEYS", "*"))
	require.Len(t, keys, 2)
	for _, key := range keys {
		assert.Regexp(t, `^sessionctx:\{[A-Za-z0-9]{1,3}\}demoshop:s:[A-Za-z0-9_-]{43}$`, key)
		for _, id := range []string{secret.ID, "session-by-token"} {
			assert.NotContains(t, key, id)
			assert.NotContains(t, server.Do(t, "GET", key), id)
		}
	}
}

func TestLoad_InvalidValueIsErrorAndStays(t *testing.T) {
	server := redisserver.Start(t)
	s := open(t, server)
	for _, tc := range []struct{ desc, value string }{
		{"empty", ""},
		{"short", "x"},
		{"arbitrary bytes", strings.Repeat("x", 100)},
		{"an unknown schema", "12345678\x09" + strings.Repeat("x", 100)},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			key, rec := aRecord()
			_, err := s.Save(t.Context(), key, rec, store.Revision{})
			require.NoError(t, err)
			name := newest(t, server)
			server.Do(t, "SET", name, tc.value)
			_, err = s.Load(t.Context(), key)
			require.ErrorContains(t, err, "not a valid record")
			assert.NotContains(t, err.Error(), key.ID)
			next := rec
			next.Version++
			_, err = s.Save(t.Context(), key, next, rec.Revision())
			assert.ErrorIs(t, err, store.ErrUnavailable, "nothing was written, and that is known")
			assert.NotErrorIs(t, err, store.ErrConflict)
			assert.Equal(t, tc.value, server.Do(t, "GET", name))
			server.Do(t, "FLUSHALL")
		})
	}
}

// newest returns the only key there is.
func newest(t *testing.T, server *redisserver.Server) string {
	keys := strings.Fields(server.Do(t, "KEYS", "*"))
	require.Len(t, keys, 1)
	return keys[0]
}

func TestLoad_RecordOfAnotherTenantIsError(t *testing.T) {
	server := redisserver.Start(t)
	s := open(t, server)
	key, rec := aRecord()
	_, err := s.Save(t.Context(), key, rec, store.Revision{})
	require.NoError(t, err)
	name := newest(t, server)
	other := key
	other.Tenant = "othershop"
	rec.Tenant = "othershop"
	_, err = s.Save(t.Context(), other, rec, store.Revision{})
	require.NoError(t, err)
	for _, n := range strings.Fields(server.Do(t, "KEYS", "sessionctx:{*}othershop:*")) {
		server.Do(t, "COPY", name, n, "REPLACE")
	}
	_, err = s.Load(t.Context(), other)
	assert.ErrorContains(t, err, "another tenant")
}

func TestPrefix_ShopsAreSeparate(t *testing.T) {
	server := redisserver.Start(t)
	a := open(t, server)
	b := open(t, server, func(cfg *redisstore.Config) { cfg.Prefix = "other:" })
	key, rec := aRecord()
	_, err := a.Save(t.Context(), key, rec, store.Revision{})
	require.NoError(t, err)
	got, err := b.Load(t.Context(), key)
	require.NoError(t, err)
	assert.Zero(t, got)
}

func TestSave_ScriptIsSentAgainAfterScriptFlush(t *testing.T) {
	server := redisserver.Start(t)
	s := open(t, server)
	key, rec := aRecord()
	_, err := s.Save(t.Context(), key, rec, store.Revision{})
	require.NoError(t, err)
	server.Do(t, "SCRIPT", "FLUSH")
	next := rec
	next.Version++
	_, err = s.Save(t.Context(), key, next, rec.Revision())
	assert.NoError(t, err)
}

func TestClose_LaterCallsFail(t *testing.T) {
	s, err := redisstore.New(config(redisserver.Start(t)))
	require.NoError(t, err)
	var early sinktest.Sink
	s.Watch(&early)
	eventually(t, early.Leased, "the lease")
	require.NoError(t, s.Close())
	key, rec := aRecord()
	_, err = s.Load(t.Context(), key)
	assert.ErrorIs(t, err, store.ErrUnavailable)
	_, err = s.Save(t.Context(), key, rec, store.Revision{})
	assert.ErrorIs(t, err, store.ErrUnavailable)
	var late sinktest.Sink
	defer s.Watch(&late)()
	assert.False(t, late.Leased(), "nobody renews it")
	assert.NoError(t, s.Close())
}

func TestSave_EndedContextSendsNothing(t *testing.T) {
	server := redisserver.Start(t)
	s := open(t, server)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	key, rec := aRecord()
	_, err := s.Save(ctx, key, rec, store.Revision{})
	require.True(t, errors.Is(err, context.Canceled))
	assert.Empty(t, server.Do(t, "KEYS", "*"))
}

func TestEndAll_HoldsAfterServerLostEarlierOne(t *testing.T) {
	server := redisserver.Start(t)
	r := resolver(t, open(t, server))
	require.NoError(t, r.EndAll(t.Context(), tenant, "C1"))
	lost := newest(t, server)
	_, err := r.Login(t.Context(), request("s1"), "C1")
	require.NoError(t, err)
	require.Equal(t, "1", server.Do(t, "DEL", lost))
	require.NoError(t, r.EndAll(t.Context(), tenant, "C1"))
	req := customer("s1")
	req.Fresh = true
	_, err = r.Resolve(t.Context(), req)
	assert.ErrorIs(t, err, sessionctx.ErrNotFound)
}
