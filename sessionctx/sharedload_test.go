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

// Whoever may not share what another one loads leads the next load, and does not load for himself alone.
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
				resolve(t, r, by("", "C100")) // with a profile that nobody has asked for, it is begun anew in any case
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
		assert.Equal(t, "CHF", s.Currency, "what it had read is not in force any more, so it has read again")
	})
	<-backend.found
	update(t, there, req, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	backend.sink.Invalidate(store.Key{Tenant: req.Tenant, ID: req.SessionID}.Hash())

	after := make(chan string, 1)
	go func() {
		s, err := here.Resolve(t.Context(), req)
		assert.NoError(t, err)
		after <- s.Currency
	}()
	select {
	case currency := <-after:
		assert.Equal(t, "CHF", currency)
	case <-time.After(10 * time.Second):
		assert.Fail(t, "it waits for a load that began before the change")
	}
	assert.Equal(t, int32(2), backend.loads.Load())
	close(backend.let)
	before.Wait()
	require.False(t, t.Failed())
}

func TestResolve_CallerThatGivesUpFailsNobodyElse(t *testing.T) {
	const timeout = time.Hour
	for _, tc := range []struct {
		desc   string
		ctx    func(context.Context) (context.Context, context.CancelFunc)
		want   error
		atOnce bool // it does not stay until the store has answered
	}{
		{"a deadline before the time-out", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		}, context.DeadlineExceeded, true},
		{"a cancelled request", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(time.Second, cancel)
			return ctx, cancel
		}, context.Canceled, false},
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
					if tc.atOnce || err != nil { // who stayed may as well have its answer
						assert.ErrorIs(t, err, tc.want)
					}
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
				time.Sleep(time.Minute) // all others wait for what it will find, and it has given up
				close(backend.let)
				first.Wait()
				all.Wait()
				assert.EqualValues(t, 1, backend.loads.Load())
				assert.Equal(t, tc.atOnce, left == time.Second, "it stayed for %s", left)
			})
		})
	}
}
