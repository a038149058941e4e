package verify

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// slowStore counts loads, and answers them when open is closed.
type slowStore struct {
	*memstore.Store
	loads atomic.Int64
	open  chan struct{}
}

func (s *slowStore) Load(ctx context.Context, key store.Key) (store.Record, error) {
	s.loads.Add(1)
	<-s.open
	return s.Store.Load(ctx, key)
}

func TestThreatStampede(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const readers = 10_000
		backend := &slowStore{Store: &memstore.Store{}, open: make(chan struct{})}
		writer := evidence.Resolver(t, func(c *sessionctx.Config) { c.Store = backend.Store })
		_, err := writer.Update(t.Context(), evidence.Asserted("s1", ""), sessionctx.Patch{CartID: sessionctx.Set("cart")})
		require.NoError(t, err)

		r := evidence.Resolver(t, func(c *sessionctx.Config) { c.Store = backend })
		var wg sync.WaitGroup
		read := func(n int) {
			for range n {
				wg.Go(func() {
					s, err := r.Resolve(t.Context(), evidence.Asserted("s1", ""))
					if err != nil || s.CartID != "cart" {
						t.Errorf("%v, %v", s, err)
					}
				})
			}
		}
		read(readers)
		synctest.Wait() // now all of them wait, one of them for the store
		assert.EqualValues(t, 1, backend.loads.Load())
		assert.EqualValues(t, readers, r.Stats().Resolves)
		close(backend.open)
		read(readers) // those that come while it answers
		wg.Wait()
		assert.EqualValues(t, 1, backend.loads.Load())
		assert.GreaterOrEqual(t, r.Stats().Joined, int64(readers-1))
	})
}

// heap returns the bytes that live.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestVisitors_WithoutCookiesLeaveNothing sends a million of them. What a visitor left would be its
// id of 43 bytes at least, so that the bound on the heap is far from it, and from the few MiB that
// a process has more at one moment than at another.
func TestVisitors_WithoutCookiesLeaveNothing(t *testing.T) {
	visitors := 1_000_000
	if evidence.UnderRace {
		visitors /= 10
	}
	backend := &memstore.Store{}
	r := evidence.Resolver(t, func(c *sessionctx.Config) { c.Store = backend })
	visit := func(n int) {
		for i := range n {
			req := evidence.BySecret("")
			switch i % 4 {
			case 1: // a cookie that nobody gave them
				req.SessionID = fmt.Sprintf("%043d", rand.Int64())
			case 2: // a header of their own
				req.Hints.AcceptLanguage = fmt.Sprintf("fr;q=0.%d,en", rand.Int64())
			case 3:
				req.Hints = defaults.Hints{Country: "AT", AcceptLanguage: "de-AT,de;q=0.9"}
			}
			s, err := r.Resolve(t.Context(), req)
			if err != nil || s.ID != "" || s.Version != 0 || s.Currency != "EUR" || s.CustomerID != "" {
				t.Fatalf("%v, %v", s, err)
			}
		}
	}
	visit(visitors / 10) // until the cache is full
	before := heap()
	visit(visitors)
	grown := heap() - before
	assert.Zero(t, backend.Stats().Records)
	assert.Less(t, grown, int64(10*visitors+8<<20), "bytes that %d visitors left", visitors)
	t.Logf("%d visitors without a cookie: %d records, %+d bytes live", visitors, backend.Stats().Records, grown)
}

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

// calls are all the ways into a Resolver that Close refuses.
var calls = []struct {
	desc string
	call func(context.Context, *sessionctx.Resolver, int) error
}{
	{"Resolve", func(ctx context.Context, r *sessionctx.Resolver, n int) error {
		_, err := r.Resolve(ctx, evidence.Asserted(fmt.Sprint("s", n), "C1"))
		return err
	}},
	{"Resolve without a session", func(ctx context.Context, r *sessionctx.Resolver, _ int) error {
		_, err := r.Resolve(ctx, evidence.BySecret(""))
		return err
	}},
	{"Update", func(ctx context.Context, r *sessionctx.Resolver, n int) error {
		_, err := r.Update(ctx, evidence.Asserted(fmt.Sprint("s", n), "C1"), sessionctx.Patch{CartID: sessionctx.Set("cart")})
		return err
	}},
	{"Preview", func(ctx context.Context, r *sessionctx.Resolver, n int) error {
		_, err := r.Preview(ctx, evidence.Asserted(fmt.Sprint("s", n), "C1"), sessionctx.Patch{})
		return err
	}},
	{"Login", func(ctx context.Context, r *sessionctx.Resolver, _ int) error {
		_, err := r.Login(ctx, evidence.BySecret(""), "C2")
		return err
	}},
	{"Logout", func(ctx context.Context, r *sessionctx.Resolver, _ int) error {
		_, err := r.Logout(ctx, evidence.BySecret("unknown"))
		return err
	}},
	{"End", func(ctx context.Context, r *sessionctx.Resolver, n int) error {
		return r.End(ctx, evidence.Asserted(fmt.Sprint("gone", n), ""))
	}},
	{"EndAll", func(ctx context.Context, r *sessionctx.Resolver, _ int) error {
		return r.EndAll(ctx, evidence.Tenant, "C2")
	}},
}

func TestClose_UnderLoadLeavesNothingBehind(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	for range 200 {
		r := evidence.Resolver(t)
		var made atomic.Int64
		warm := make(chan struct{})
		var wg sync.WaitGroup
		for worker := range 8 {
			wg.Go(func() {
				for i := 0; ; i++ {
					c := calls[(worker+i)%len(calls)]
					err := c.call(t.Context(), r, rand.IntN(64))
					if errors.Is(err, sessionctx.ErrClosed) {
						return
					}
					if errors.Is(err, sessionctx.ErrNotFound) { // ended by EndAll
						err = nil
					}
					if !assert.NoError(t, err, c.desc) {
						return
					}
					r.Invalidate(evidence.Tenant, "C1")
					if made.Add(1) == 100 {
						close(warm)
					}
				}
			})
		}
		<-warm
		closers := make(chan error, 2)
		for range cap(closers) {
			go func() { closers <- r.Close() }()
		}
		for range cap(closers) {
			require.NoError(t, <-closers)
		}
		wg.Wait()
		for _, c := range calls {
			assert.ErrorIs(t, c.call(t.Context(), r, 1), sessionctx.ErrClosed, c.desc)
		}
		require.NoError(t, r.Close(), "a second Close does nothing")
		r.Invalidate(evidence.Tenant, "")
		assert.NotZero(t, r.Stats().Resolves)
	}
}
