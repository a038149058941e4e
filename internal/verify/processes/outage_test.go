package processes

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/internal/verify/staleness"
	"github.com/sessionctx/storefront/internal/verify/tables"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/redisstore"
)

const (
	outageSessions = 5000
	outageReaders  = 8
	outageLength   = 1500 * time.Millisecond
	window         = 50 * time.Millisecond // over which the hit ratio is taken
)

// TestAfterAnOutageTheServiceComesBack kills the server under load, starts it again, and measures when reads, writes and the
// cache are back. The environment variable OUTAGES says how often (default 1).
func TestAfterAnOutageTheServiceComesBack(t *testing.T) {
	server := redisserver.Start(t, "--appendonly", "yes", "--appendfsync", "no")
	store, err := redisstore.New(redisstore.Config{
		Client: rueidis.ClientOption{InitAddress: []string{server.Addr()}}, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	r, err := sessionctx.New(sessionctx.Config{
		Store: store, Directory: staleness.Shop, Timeout: 900 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.Close()) })
	for i := range outageSessions {
		_, err := r.Update(t.Context(), staleness.Request(fmt.Sprint("o", i)), sessionctx.Patch{CartID: sessionctx.Set("cart")})
		require.NoError(t, err)
	}
	var reads, degraded, wrong atomic.Int64
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range outageReaders {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				s, err := r.Resolve(t.Context(), staleness.Request(fmt.Sprint("o", rand.IntN(outageSessions))))
				reads.Add(1)
				switch {
				case err != nil:
					wrong.Add(1)
				case s.Degraded:
					degraded.Add(1)
				case s.CartID != "cart":
					wrong.Add(1)
				}
			}
		})
	}
	defer readers.Wait()
	defer close(stop)

	hitRatio := func() float64 {
		before, n := r.Stats().Loads, reads.Load()
		pause(t, window)
		n = reads.Load() - n
		return 1 - float64(r.Stats().Loads-before)/float64(max(1, n))
	}
	await := func(what string, ok func() bool) {
		limit := time.Now().Add(recovery)
		for !ok() {
			require.True(t, time.Now().Before(limit), "not within %v: %s", recovery, what)
		}
	}
	warm := func() bool { return hitRatio() >= 0.9 }
	await("a warm cache", warm)

	var firstRead, firstWrite, cacheBack []time.Duration
	for range number(t, "OUTAGES", 1) {
		server.Kill()
		pause(t, outageLength)
		server.Restart(t)
		back := time.Now()
		await("a read", func() bool {
			s, err := r.Resolve(t.Context(), staleness.Request("o0"))
			require.NoError(t, err)
			return !s.Degraded
		})
		firstRead = append(firstRead, time.Since(back))
		await("a write", func() bool {
			_, err := r.Update(t.Context(), staleness.Request("writer"), sessionctx.Patch{CartID: sessionctx.Set("cart")})
			return err == nil
		})
		firstWrite = append(firstWrite, time.Since(back))
		await("a warm cache", warm)
		cacheBack = append(cacheBack, time.Since(back))
	}
	assert.Zero(t, wrong.Load(), "reads that failed, or were wrong")
	assert.NotZero(t, degraded.Load(), "there was no outage")
	longest := func(ds []time.Duration) string { return fmt.Sprintf("%d ms", slices.Max(ds).Milliseconds()) }
	tables.Write(t, "recovery", []string{"outages", "sessions", "reads", "degraded", "wrong", "first read after at most", "first write", "hit ratio at 90 %"},
		[]string{
			fmt.Sprint(len(firstRead)), fmt.Sprint(outageSessions), fmt.Sprint(reads.Load()), fmt.Sprint(degraded.Load()), fmt.Sprint(wrong.Load()),
			longest(firstRead), longest(firstWrite), longest(cacheBack),
		})
}

func pause(t *testing.T, d time.Duration) {
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}
