package verify_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/internal/verify/tables"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/redisstore"
)

// TestAfterAFlushEachSessionIsLoadedAFewTimesWhateverIsRead flushes a Redis under load. The environment variable FLUSHES says how often (default
// 2). Each flush makes every cached record worthless at once; what is asked of the server then must follow from how many sessions
// there are, not from how often they are read.
func TestAfterAFlushEachSessionIsLoadedAFewTimesWhateverIsRead(t *testing.T) {
	flushes := 2
	if text := os.Getenv("FLUSHES"); text != "" {
		var err error
		flushes, err = strconv.Atoi(text)
		require.NoError(t, err, "the environment variable FLUSHES")
	}
	const sessions, readers = 5000, 32
	server := redisserver.Start(t)
	store, err := redisstore.New(redisstore.Config{
		Client: rueidis.ClientOption{InitAddress: []string{server.Addr()}}, Lease: 10 * time.Second, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	defer func() { assert.NoError(t, store.Close()) }()
	r := newResolver(t, func(c *sessionctx.Config) { c.Store, c.CacheBytes = store, 64<<20 })
	defer func() { assert.NoError(t, r.Close()) }()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var reads, wrong atomic.Int64
	var wg sync.WaitGroup
	for range readers {
		wg.Go(func() {
			for ctx.Err() == nil {
				s, err := r.Resolve(ctx, asserted(fmt.Sprint("s", rand.IntN(sessions)), ""))
				if ctx.Err() == nil && (err != nil || s.Degraded) {
					wrong.Add(1)
				}
				reads.Add(1)
			}
		})
	}
	// warm waits until all but a few reads are answered from the cache, and returns what was read and loaded since it was called.
	warm := func() (read, loaded int64) {
		firstRead, firstLoad := reads.Load(), r.Stats().Loads
		limit := time.After(time.Minute)
		for {
			was, before := r.Stats().Loads, reads.Load()
			select {
			case <-time.After(50 * time.Millisecond):
			case <-limit:
				t.Error("the cache is not warm within a minute")
				return 0, 0
			}
			if n := reads.Load() - before; n > sessions && r.Stats().Loads-was < n/100 {
				return reads.Load() - firstRead, r.Stats().Loads - firstLoad
			}
		}
	}
	warm()
	var rows [][]string
	for i := range flushes {
		before := r.Stats().InvalidatedAll
		server.Do(t, "FLUSHALL")
		for r.Stats().InvalidatedAll == before {
			select {
			case <-time.After(time.Millisecond):
			case <-t.Context().Done():
				return
			}
		}
		read, loaded := warm()
		assert.LessOrEqual(t, loaded, int64(4*sessions), "loads of %d sessions after a flush", sessions)
		rows = append(rows, []string{fmt.Sprint(i + 1), fmt.Sprint(sessions), fmt.Sprint(readers), fmt.Sprint(read), fmt.Sprint(loaded), fmt.Sprintf("%.2f", float64(loaded)/sessions)})
	}
	cancel()
	wg.Wait()
	assert.Zero(t, wrong.Load(), "reads that failed, or were degraded")
	tables.Write(t, "mass-flush", []string{"flush", "sessions", "readers", "reads until the cache was warm again", "loads", "loads of each session"}, rows...)
}
