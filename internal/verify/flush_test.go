package verify

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/sessionctx"
)

// TestFlush_EachSessionIsLoadedAFewTimes flushes a Redis under load, FLUSHES times. Each flush
// makes every cached record worthless at once; what is asked of the server then must follow from
// how many sessions there are, not from how often they are read.
func TestFlush_EachSessionIsLoadedAFewTimes(t *testing.T) {
	const sessions, readers = 5000, 32
	server := redisserver.Start(t)
	backend := evidence.Redis(t, server.Addr(), 10*time.Second)
	r := evidence.Resolver(t, func(c *sessionctx.Config) { c.Store, c.CacheBytes = backend, 64<<20 })
	ctx, cancel := context.WithCancel(t.Context())
	var reads, wrong atomic.Int64
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for range readers {
		wg.Go(func() {
			for ctx.Err() == nil {
				s, err := r.Resolve(ctx, evidence.Asserted(fmt.Sprint("s", rand.IntN(sessions)), ""))
				if ctx.Err() == nil && (err != nil || s.Degraded) {
					wrong.Add(1)
				}
				reads.Add(1)
			}
		})
	}
	// warm waits until all but a few reads are answered from the cache, and returns what was read
	// and loaded since it was called.
	warm := func() (read, loaded int64) {
		firstRead, firstLoad := reads.Load(), r.Stats().Loads
		for t.Context().Err() == nil {
			was, before := r.Stats().Loads, reads.Load()
			for reads.Load() <= before+sessions {
				evidence.Wait(t, time.Millisecond)
			}
			if r.Stats().Loads-was < (reads.Load()-before)/100 {
				break
			}
		}
		return reads.Load() - firstRead, r.Stats().Loads - firstLoad
	}
	warm()
	var rows [][]string
	for i := range evidence.Number(t, "FLUSHES", 2) {
		before := r.Stats().InvalidatedAll
		server.Do(t, "FLUSHALL")
		for r.Stats().InvalidatedAll == before {
			evidence.Wait(t, time.Millisecond)
		}
		read, loaded := warm()
		assert.LessOrEqual(t, loaded, int64(4*sessions), "loads of %d sessions after a flush", sessions)
		rows = append(rows, []string{fmt.Sprint(i + 1), fmt.Sprint(sessions), fmt.Sprint(readers), fmt.Sprint(read), fmt.Sprint(loaded), fmt.Sprintf("%.2f", float64(loaded)/sessions)})
	}
	assert.Zero(t, wrong.Load(), "reads that failed, or were degraded")
	evidence.Table(t, "mass-flush", []string{"flush", "sessions", "readers", "reads until the cache was warm again", "loads", "loads of each session"}, rows...)
}
