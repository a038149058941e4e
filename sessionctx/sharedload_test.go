package sessionctx_test

import (
	"context"
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

// A reader that may not join a load begins one that later readers join.
func TestResolve_HerdSharesAFewLoads(t *testing.T) {
	for desc, tc := range map[string]struct {
		first string // who begins
		then  func(*testing.T, *sessionctx.Resolver)
	}{
		"a guest's load is under way":    {"", func(*testing.T, *sessionctx.Resolver) {}},
		"a customer's load is under way": {"C100", func(*testing.T, *sessionctx.Resolver) {}},
		"the profile changes":            {"C100", func(_ *testing.T, r *sessionctx.Resolver) { r.Invalidate("demoshop", "C100") }},
		"all is ended": {"C100", func(t *testing.T, r *sessionctx.Resolver) {
			require.NoError(t, r.EndAll(t.Context(), "demoshop", "C100"))
		}},
	} {
		t.Run(desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				backend, let := &stepped{}, make(chan bool)
				var loads atomic.Int64
				r := newResolver(t, func(c *sessionctx.Config) { c.Store = behind{backend} })
				update(t, r, by("other", ""), sessionctx.Patch{CartID: sessionctx.Set("cart")})
				resolve(t, r, by("", "C100")) // with a profile that nobody has asked for, the resolution begins again in any case
				backend.afterLoad = func(k store.Key) {
					if k.Kind == store.KindSession {
						loads.Add(1)
						<-let
					}
				}
				var readers sync.WaitGroup
				readers.Go(func() { resolve(t, r, by("s1", tc.first)) })
				synctest.Wait()
				tc.then(t, r)
				for range 50 {
					for _, customer := range []string{"C100", ""} {
						readers.Go(func() { resolve(t, r, by("s1", customer)) })
						synctest.Wait()
					}
				}
				close(let)
				readers.Wait()
				assert.LessOrEqual(t, loads.Load(), int64(3))
			})
		})
	}
}

func TestResolve_LoadFromBeforeAChangeIsNotJoined(t *testing.T) {
	synctest.Test(t, loadFromBeforeAChange)
}

func loadFromBeforeAChange(t *testing.T) {
	records := &memstore.Store{}
	backend := &stuck{Store: records, found: make(chan struct{}), let: make(chan struct{})}
	there := newResolver(t, func(c *sessionctx.Config) { c.Store = records })
	here := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
	req := by("s1", "")
	update(t, there, req, sessionctx.Patch{Currency: sessionctx.Set("USD")})

	var before sync.WaitGroup
	before.Go(func() {
		s, err := here.Resolve(t.Context(), req)
		assert.NoError(t, err)
		assert.Equal(t, "CHF", s.Currency, "what it has read is outdated, so it reads again")
	})
	<-backend.found
	update(t, there, req, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	backend.sink.Invalidate(store.Key{Tenant: req.Tenant, ID: req.SessionID}.Hash())

	begun := time.Now()
	assert.Equal(t, "CHF", resolve(t, here, req).Currency)
	assert.Zero(t, time.Since(begun), "it does not wait for the load that began before the change")
	assert.Equal(t, int32(2), backend.loads.Load())
	close(backend.let)
	before.Wait()
}

func TestResolve_CallerThatGivesUpFailsNobodyElse(t *testing.T) {
	const timeout = time.Hour
	for _, tc := range []struct {
		desc string
		ctx  func(context.Context) (context.Context, context.CancelFunc)
		want error
	}{
		{"a deadline before the time-out", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		}, context.DeadlineExceeded},
		{"a cancelled request", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(time.Second, cancel)
			return ctx, cancel
		}, context.Canceled},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				records := &memstore.Store{}
				req := by("s1", "")
				update(t, newResolver(t, func(c *sessionctx.Config) { c.Store = records }), req, sessionctx.Patch{Currency: sessionctx.Set("USD")})
				backend := &slow{Store: records, let: make(chan struct{})}
				r := newResolver(t, func(c *sessionctx.Config) { c.Store, c.Timeout = backend, timeout })
				ctx, cancel := tc.ctx(t.Context())
				defer cancel()
				begin, left := time.Now(), time.Duration(0)
				var first, all sync.WaitGroup
				first.Go(func() {
					_, err := r.Resolve(ctx, req)
					assert.ErrorIs(t, err, tc.want)
					left = time.Since(begin)
				})
				synctest.Wait() // it asks the store
				for range 20 {
					all.Go(func() {
						s, err := r.Resolve(t.Context(), req)
						assert.NoError(t, err)
						assert.Equal(t, "USD", s.Currency)
					})
				}
				time.Sleep(time.Minute) // it has given up, and all others wait for what it began
				close(backend.let)
				first.Wait()
				all.Wait()
				assert.EqualValues(t, 1, backend.loads.Load())
				assert.Equal(t, time.Second, left, "a caller waits on its own context")
			})
		})
	}
}
