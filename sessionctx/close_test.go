package sessionctx_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

func TestClose_RefusesLaterCalls(t *testing.T) {
	r := newResolver(t)
	s := update(t, r, cookie(""), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	warm(t, r, cookie(s.ID))
	require.NoError(t, r.Close())
	require.NoError(t, r.Close(), "a second Close does nothing")
	for desc, call := range map[string]func(ctx context.Context) error{
		"Resolve":         func(ctx context.Context) error { _, err := r.Resolve(ctx, cookie(s.ID)); return err },
		"Resolve a guest": func(ctx context.Context) error { _, err := r.Resolve(ctx, cookie("")); return err },
		"Attach":          func(ctx context.Context) error { _, _, err := r.Attach(ctx, cookie(s.ID)); return err },
		"Preview": func(ctx context.Context) error {
			_, err := r.Preview(ctx, cookie(s.ID), sessionctx.Patch{})
			return err
		},
		"Refresh": func(ctx context.Context) error { return r.Refresh(ctx, "demoshop", "") },
	} {
		assert.ErrorIs(t, call(t.Context()), sessionctx.ErrClosed, desc)
	}
	for _, write := range writes {
		assert.ErrorIs(t, write.do(t.Context(), r, s.ID), sessionctx.ErrClosed, write.desc)
	}
	r.Invalidate("demoshop", "")
	assert.Positive(t, r.Stats().Writes, "the counters stay")
}

// Two callers close a Resolver that eight goroutines use in every way. What it left running would
// end the bubble with a panic.
func TestClose_UnderLoadLeavesNothingBehind(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			r := newResolver(t)
			var made atomic.Int64
			busy := make(chan struct{})
			var workers, closers sync.WaitGroup
			for worker := range 8 {
				workers.Go(func() {
					for i := worker; ; i++ {
						_, err := r.Resolve(t.Context(), by(fmt.Sprint("s", i%64), "C100"))
						if err == nil {
							err = writes[i%len(writes)].do(t.Context(), r, "unknown")
						}
						r.Invalidate("demoshop", "C100")
						if errors.Is(err, sessionctx.ErrClosed) {
							return
						}
						if err != nil && !errors.Is(err, sessionctx.ErrNotFound) { // EndAll or Erase has ended it
							t.Error(err)
							return
						}
						if made.Add(1) == 50 {
							close(busy)
						}
					}
				})
			}
			<-busy
			for range 2 {
				closers.Go(func() { assert.NoError(t, r.Close()) })
			}
			closers.Wait()
			workers.Wait()
			_, err := r.Resolve(t.Context(), by("s1"))
			assert.ErrorIs(t, err, sessionctx.ErrClosed)
		})
	}
}

func TestClose_WaitsForCallsInside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := false
		r := newResolver(t, func(c *sessionctx.Config) {
			c.OnChange = func(_ context.Context, _, _ sessionctx.Session) {
				time.Sleep(500 * time.Millisecond)
				ended = true
			}
		})
		var call sync.WaitGroup
		call.Go(func() { update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("CHF")}) })
		synctest.Wait()
		assert.Equal(t, 500*time.Millisecond, takes(func() { assert.NoError(t, r.Close()) }))
		assert.True(t, ended)
		call.Wait()
	})
}

// The call of the hook is inside, so Close cannot wait for it. It gives up, and says so.
func TestClose_InsideOnChangeIsAnError(t *testing.T) {
	for _, tc := range []struct {
		desc string
		do   func(r *sessionctx.Resolver) error
	}{
		{"Update", func(r *sessionctx.Resolver) error {
			_, err := r.Update(context.Background(), by("s1"), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			return err
		}},
		{"Login", func(r *sessionctx.Resolver) error {
			_, err := r.Login(context.Background(), cookie(""), "C100")
			return err
		}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var r *sessionctx.Resolver
				var closed error
				r = newResolver(t, func(c *sessionctx.Config) {
					c.OnChange = func(_ context.Context, _, _ sessionctx.Session) { closed = r.Close() }
				})
				assert.Equal(t, 2*time.Second, takes(func() {
					assert.NoError(t, tc.do(r), "the write was committed before")
				}), "Config.Timeout")
				assert.ErrorContains(t, closed, "calls still inside after 2s: 1")
				assert.ErrorIs(t, resolveError(t, r, by("s1")), sessionctx.ErrClosed)
			})
		})
	}
}

func TestClose_TakesOneTimeoutWhileStoreAndDirectoryHang(t *testing.T) {
	for _, hang := range hangs {
		t.Run(hang.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				over := make(chan struct{})
				defer close(over)
				pause := untilContextEnds
				if hang.ignoresTheEnd {
					pause = until(over)
				}
				backend, d := &heldStore{}, &pacedDesk{desk: desk{Static: demoshop()}}
				r := newResolver(t, func(c *sessionctx.Config) { c.Store, c.Directory = backend, d })
				update(t, r, by("s1", "C100"), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
				time.Sleep(2 * time.Minute) // the Directory is asked again with the next read
				backend.loading.holdBy(pause)
				backend.saving.holdBy(pause)
				d.holdBy(pause)
				var calls sync.WaitGroup
				calls.Go(func() {
					_, err := r.Update(t.Context(), by("s1", "C100"), sessionctx.Patch{CartID: sessionctx.Set("cart")})
					assert.Error(t, err)
				})
				for i := range 20 {
					calls.Go(func() { assert.True(t, resolve(t, r, by(fmt.Sprint("unknown", i), "C100")).Degraded) })
				}
				time.Sleep(time.Millisecond)
				var closed error
				assert.LessOrEqual(t, takes(func() { closed = r.Close() }), 2*time.Second)
				calls.Wait()
				if hang.ignoresTheEnd {
					assert.ErrorContains(t, closed, "still goes on after 2s")
					return
				}
				assert.NoError(t, closed)
				assert.Zero(t, backend.inside.Load(), "no call goes on")
			})
		})
	}
}

// Two Resolvers share a Store. One of them closes while a write goes on whose caller has left. The
// write is reported to the other Resolver.
func TestClose_WaitsForWritesWhoseCallerHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend := &heldStore{}
		config := func(c *sessionctx.Config) { c.Store = backend }
		stays, closes := newResolver(t, config), newResolver(t, config)
		update(t, stays, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
		warm(t, stays, by("s1"))
		backend.saving.holdBy(func(context.Context) error {
			time.Sleep(100 * time.Millisecond)
			return nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_, err := closes.Update(ctx, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("USD")})
		require.ErrorIs(t, err, sessionctx.ErrUnknownOutcome)
		require.Equal(t, "CHF", currency(t, stays, by("s1")))
		assert.Equal(t, 90*time.Millisecond, takes(func() { assert.NoError(t, closes.Close()) }))
		assert.Equal(t, "USD", currency(t, stays, by("s1")))
	})
}

// If Close returns no error, no call of the Store is under way, so that the host may close the
// Store.
func TestClose_StoreCallWhoseCallerHasLeftIsAnError(t *testing.T) {
	for _, tc := range []struct {
		desc  string
		leave func(t *testing.T, over chan struct{}) *sessionctx.Resolver
	}{
		{"an Erase", func(t *testing.T, over chan struct{}) *sessionctx.Resolver {
			r := newUnclosed(t, &scriptedEraser{before: func() { <-over }})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			require.ErrorIs(t, r.Erase(ctx, "demoshop", "C100"), context.DeadlineExceeded)
			return r
		}},
		{"a write", func(t *testing.T, over chan struct{}) *sessionctx.Resolver {
			backend := &heldStore{}
			backend.saving.holdBy(until(over))
			r := newUnclosed(t, backend)
			_, err := r.Update(t.Context(), by("s1"), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			require.ErrorIs(t, err, sessionctx.ErrUnknownOutcome)
			return r
		}},
		{"a read", func(t *testing.T, over chan struct{}) *sessionctx.Resolver {
			backend := &heldStore{}
			backend.loading.holdBy(until(over))
			r := newUnclosed(t, backend)
			require.True(t, resolve(t, r, by("s1")).Degraded)
			return r
		}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				over := make(chan struct{})
				defer close(over)
				r := tc.leave(t, over)
				var err error
				assert.Equal(t, 2*time.Second, takes(func() { err = r.Close() }))
				assert.ErrorContains(t, err, "such as a call of the Store, still goes on after 2s")
			})
		})
	}
}

// newUnclosed returns a Resolver that the test closes.
func newUnclosed(t *testing.T, s store.Store) *sessionctx.Resolver {
	r, err := sessionctx.New(sessionctx.Config{Store: s, Directory: demoshop(), CacheBytes: 4 << 20, Logger: slog.New(slog.DiscardHandler), Timeout: timeout()})
	require.NoError(t, err)
	return r
}

// watchedBy gives a Directory or a Store a Watch method that returns this stop.
type watchedBy struct {
	sessionctx.Static
	memstore.Store
	stop func()
}

type (
	watchedDesk  struct{ *watchedBy }
	watchedStore struct{ *watchedBy }
)

func (w watchedDesk) Watch(func(string, string)) func() { return w.stop }

func (w watchedStore) Watch(store.Sink) func() { return w.stop }

func TestClose_WatcherThatDoesNotStopIsAnError(t *testing.T) {
	for _, tc := range []struct {
		desc string
		use  func(c *sessionctx.Config, w *watchedBy)
	}{
		{"of the Directory", func(c *sessionctx.Config, w *watchedBy) { c.Directory = watchedDesk{w} }},
		{"of the Store", func(c *sessionctx.Config, w *watchedBy) { c.Store = watchedStore{w} }},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			closing := func(stop func(), meanwhile func(*sessionctx.Resolver)) (took time.Duration, err error) {
				cfg := sessionctx.Config{Store: &memstore.Store{}, Directory: demoshop(), CacheBytes: 4 << 20, Logger: slog.New(slog.DiscardHandler), Timeout: timeout()}
				tc.use(&cfg, &watchedBy{Static: demoshop(), stop: stop})
				r, newErr := sessionctx.New(cfg)
				require.NoError(t, newErr)
				meanwhile(r)
				took = takes(func() { err = r.Close() })
				assert.ErrorIs(t, resolveError(t, r, by("s1")), sessionctx.ErrClosed)
				return took, err
			}
			idle := func(*sessionctx.Resolver) {}
			synctest.Test(t, func(t *testing.T) {
				took, err := closing(func() { panic("no connection") }, idle)
				assert.Zero(t, took)
				assert.ErrorContains(t, err, "no connection")
				over := make(chan struct{})
				defer close(over)
				took, err = closing(func() { <-over }, idle)
				assert.Equal(t, 2*time.Second, took, "Config.Timeout")
				assert.ErrorContains(t, err, "a Watcher has not stopped")
				took, err = closing(func() { time.Sleep(time.Second) }, idle)
				assert.Equal(t, time.Second, took)
				assert.NoError(t, err)
			})
		})
	}
}

// The calls inside use up Config.Timeout, and Close still stops the Watcher.
func TestClose_StopsTheWatcherAfterCallsThatHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stopped := false
		r, err := sessionctx.New(sessionctx.Config{
			Store: watchedStore{&watchedBy{stop: func() { stopped = true }}}, Directory: demoshop(), CacheBytes: 4 << 20,
			OnChange: func(context.Context, sessionctx.Session, sessionctx.Session) { time.Sleep(time.Minute) },
		})
		require.NoError(t, err)
		var call sync.WaitGroup
		call.Go(func() { update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("CHF")}) })
		synctest.Wait()
		assert.EqualError(t, r.Close(), "sessionctx: Close: calls still inside after 2s: 1")
		assert.True(t, stopped)
		call.Wait()
	})
}

// A forced collection takes as long as the heap of the host is large.
func TestClose_ForcesNoCollection(t *testing.T) {
	r := newResolver(t)
	for i := range 1000 {
		resolve(t, r, readsOf(i)[0])
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	require.NoError(t, r.Close())
	runtime.ReadMemStats(&after)
	assert.Equal(t, before.NumForcedGC, after.NumForcedGC)
}
