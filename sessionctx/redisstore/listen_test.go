package redisstore_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/internal/sinktest"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/redisstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

func TestSave_AppliedWriteIsOneMessageAndConflictIsNone(t *testing.T) {
	server := redisserver.Start(t)
	backend := open(t, server)
	var s sinktest.Sink
	defer backend.Watch(&s)()
	eventually(t, s.Leased, "the lease")
	key, rec := aRecord()
	_, err := backend.Save(t.Context(), key, rec, store.Revision{})
	require.NoError(t, err)
	next := rec
	next.Version++
	_, err = backend.Save(t.Context(), key, next, rec.Revision())
	require.NoError(t, err)
	for range 10 {
		_, err = backend.Save(t.Context(), key, next, rec.Revision())
		require.ErrorIs(t, err, store.ErrConflict)
	}
	touch := next
	touch.ExpiresAt = touch.ExpiresAt.Add(time.Hour)
	_, err = backend.Save(t.Context(), key, touch, touch.Revision())
	require.NoError(t, err)
	last, lastRec := aRecord() // messages come in order: after this one no other is missing
	_, err = backend.Save(t.Context(), last, lastRec, store.Revision{})
	require.NoError(t, err)
	eventually(t, func() bool { return s.Reports(last) == 1 }, "the last message")
	assert.Equal(t, 3, s.Reports(key))
	assert.Zero(t, s.Losses())
}

func TestWatch_InvalidatesAllWhenMessagesMayBeMissing(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t)
	backend := open(t, server)
	var s sinktest.Sink
	defer backend.Watch(&s)()
	eventually(t, s.Leased, "the lease")
	for _, tc := range []struct {
		desc string
		do   func()
	}{
		{"the connection is killed", func() { kill(t, server, "sessionctx-tracking") }},
		{"all connections are killed", func() { server.Do(t, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes") }},
		{"FLUSHALL", func() { server.Do(t, "FLUSHALL") }},
		{"FLUSHDB", func() { server.Do(t, "FLUSHDB") }},
		{"the server is restarted, and its connection ids start again", func() { server.Restart(t) }},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			before := s.Losses()
			tc.do()
			eventually(t, func() bool { return s.Losses() > before }, "InvalidateAll")
			eventually(t, s.Leased, "the lease")
			key, rec := aRecord()
			before = s.Losses()
			_, err := backend.Save(t.Context(), key, rec, store.Revision{})
			require.NoError(t, err)
			eventually(t, func() bool { return s.Reports(key) == 1 || s.Losses() > before }, "Invalidate or InvalidateAll")
		})
	}
}

// While a script runs for too long the server answers some commands. It has acknowledged writes
// that came just before the script, and reports them only after the script.
func TestLease_BusyServerExtendsNone(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t, "--busy-reply-threshold", "50")
	var s sinktest.Sink
	defer open(t, server).Watch(&s)()
	eventually(t, s.Leased, "the lease")
	over := busy(t, server)
	eventually(t, func() bool { return !s.Leased() }, "the end of the lease")
	over()
	eventually(t, s.Leased, "the lease")
}

// busy makes the server run a script until over is called.
func busy(t *testing.T, server *redisserver.Server) (over func()) {
	script := exec.Command("redis-cli", "-u", "redis://"+server.Addr(), "EVAL", "while true do end", "0")
	require.NoError(t, script.Start())
	t.Cleanup(func() {
		script.Process.Kill()
		script.Wait()
	})
	eventually(t, func() bool { return strings.HasPrefix(server.Do(t, "PING"), "BUSY") }, "the busy server")
	return func() { require.Equal(t, "OK", server.Do(t, "SCRIPT", "KILL")) }
}

// A new connection turns on tracking, which a server that runs a script refuses.
func TestSave_BusyServerIsUnavailableOnNewConnection(t *testing.T) {
	server := redisserver.Start(t, "--busy-reply-threshold", "1")
	backend := open(t, server, func(cfg *redisstore.Config) { cfg.Client.ClientName, cfg.Lease = "here", time.Minute })
	key, rec := aRecord()
	_, err := backend.Save(t.Context(), key, rec, store.Revision{})
	require.NoError(t, err)
	kill(t, server, "here")
	defer busy(t, server)()
	next := rec
	next.Version++
	_, err = backend.Save(t.Context(), key, next, rec.Revision())
	assert.ErrorIs(t, err, store.ErrUnavailable, "nothing was written")
	_, err = backend.Load(t.Context(), key)
	assert.ErrorIs(t, err, store.ErrUnavailable)
}

func TestListener_PrimaryThatBecomesReplicaAnswersNothing(t *testing.T) {
	t.Parallel()
	other, server := redisserver.Start(t), redisserver.Start(t)
	backend := open(t, server)
	r := resolver(t, backend)
	eventually(t, leased(r), "the lease")
	_, err := r.Update(t.Context(), request("s1"), currency("GBP"))
	require.NoError(t, err)
	server.Do(t, append([]string{"REPLICAOF"}, strings.Split(other.Addr(), ":")...)...)
	key, rec := aRecord()
	eventually(t, func() bool {
		_, err := backend.Load(t.Context(), key)
		return err != nil
	}, "the refusal")
	_, err = backend.Load(t.Context(), key)
	require.ErrorIs(t, err, store.ErrUnavailable)
	assert.ErrorContains(t, err, "it is a replica")
	_, err = backend.Save(t.Context(), key, rec, store.Revision{})
	require.ErrorIs(t, err, store.ErrUnavailable)
	eventually(t, func() bool { return !leased(r)() }, "the end of the lease")
	s, err := r.Resolve(t.Context(), request("s1"))
	require.NoError(t, err)
	assert.True(t, s.Degraded)

	server.Do(t, "REPLICAOF", "NO", "ONE")
	eventually(t, leased(r), "the lease")
	_, err = backend.Load(t.Context(), key)
	assert.NoError(t, err)
}

func TestListener_ReplicaAnswersNothingThoughNoNewConnectionIsMade(t *testing.T) {
	other, server := redisserver.Start(t), redisserver.Start(t)
	var dials atomic.Int64
	backend := open(t, server, func(cfg *redisstore.Config) {
		cfg.Client.DialCtxFn = func(ctx context.Context, addr string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			if dials.Add(1) > 2 {
				return nil, errors.New("no third connection")
			}
			return d.DialContext(ctx, "tcp", addr)
		}
	})
	server.Do(t, append([]string{"REPLICAOF"}, strings.Split(other.Addr(), ":")...)...)
	key, _ := aRecord()
	var err error
	eventually(t, func() bool { _, err = backend.Load(t.Context(), key); return err != nil }, "the refusal")
	assert.ErrorContains(t, err, "it is a replica")
}

func TestWatch_SecondProcessReceivesEveryWrite(t *testing.T) {
	server := redisserver.Start(t)
	a, b := resolver(t, open(t, server)), resolver(t, open(t, server))
	eventually(t, leased(b), "the lease")
	for i := range 50 {
		want := fmt.Sprint("cart ", i)
		_, err := a.Update(t.Context(), request("s1"), sessionctx.Patch{CartID: sessionctx.Set(want)})
		require.NoError(t, err)
		eventually(t, func() bool {
			s, err := b.Resolve(t.Context(), request("s1"))
			require.NoError(t, err)
			return s.CartID == want
		}, want)
	}
	assert.GreaterOrEqual(t, b.Stats().Invalidations, int64(50))
}

func TestResolve_WarmReadsSendNothing(t *testing.T) {
	server := redisserver.Start(t)
	r := resolver(t, open(t, server))
	eventually(t, leased(r), "the lease")
	for i := range 10 {
		_, err := r.Update(t.Context(), request(fmt.Sprint("s", i)), currency("GBP"))
		require.NoError(t, err)
	}
	warm := func() {
		for i := range 10 {
			s, err := r.Resolve(t.Context(), request(fmt.Sprint("s", i)))
			require.NoError(t, err)
			require.Equal(t, "GBP", s.Currency)
		}
	}
	eventually(t, func() bool { // until the messages of its own writes have come
		before := calls(t, server, "get")
		warm()
		warm()
		return calls(t, server, "get") == before
	}, "a warm cache")
	gets, scripts := calls(t, server, "get"), calls(t, server, "evalsha")
	for range 1000 {
		warm()
	}
	assert.Equal(t, gets, calls(t, server, "get"))
	assert.Equal(t, scripts, calls(t, server, "evalsha"))
}

func TestResolve_VisitsThatWriteNothingLeaveNoKey(t *testing.T) {
	server := redisserver.Start(t)
	r := resolver(t, open(t, server))
	for i := range 100 {
		_, err := r.Resolve(t.Context(), request(fmt.Sprint("s", i)))
		require.NoError(t, err)
		_, err = r.Resolve(t.Context(), customer(fmt.Sprint("c", i)))
		require.NoError(t, err)
		_, err = r.Update(t.Context(), request(fmt.Sprint("s", i)), sessionctx.Patch{})
		require.NoError(t, err)
	}
	assert.Equal(t, "0", server.Do(t, "DBSIZE"))
}
