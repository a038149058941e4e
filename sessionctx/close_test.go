package sessionctx_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
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
				assert.LessOrEqual(t, takes(func() { assert.NoError(t, r.Close()) }), 2*time.Second)
				calls.Wait()
				if !hang.ignoresTheEnd {
					assert.Zero(t, backend.inside.Load(), "no call goes on")
				}
			})
		})
	}
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
