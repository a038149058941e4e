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
)

// stuck is a shared Store whose first Load finds what there is and keeps it for itself until it is let go. It tells a sink of
// what the test says that another process has changed.
type stuck struct {
	sessionctx.Store
	loads      atomic.Int32
	found, let chan struct{}
	sink       sessionctx.Sink
}

func (s *stuck) Load(ctx context.Context, key sessionctx.Key) (sessionctx.Record, error) {
	rec, err := s.Store.Load(ctx, key)
	if s.loads.Add(1) == 1 {
		close(s.found)
		<-s.let
	}
	return rec, err
}

func (s *stuck) Watch(sink sessionctx.Sink) (stop func()) {
	s.sink = sink
	sink.Lease(time.Now().Add(time.Hour))
	return func() {}
}

func TestAReadAfterAChangeWaitsForNoLoadThatBeganBeforeIt(t *testing.T) {
	records := &memstore.Store{}
	store := &stuck{Store: records, found: make(chan struct{}), let: make(chan struct{})}
	there := newResolver(t, func(c *sessionctx.Config) { c.Store = records })
	here := newResolver(t, func(c *sessionctx.Config) { c.Store = store })
	req := by("s1", "")
	update(t, there, req, sessionctx.Patch{Currency: sessionctx.Set("USD")})

	var before sync.WaitGroup
	before.Go(func() {
		s, err := here.Resolve(t.Context(), req)
		assert.NoError(t, err)
		assert.Equal(t, "CHF", s.Currency, "what it had read is not in force any more, so it has read again")
	})
	<-store.found
	update(t, there, req, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	store.sink.Invalidate(sessionctx.Key{Tenant: req.Tenant, ID: req.SessionID}.Hash())

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
	assert.Equal(t, int32(2), store.loads.Load())
	close(store.let)
	before.Wait()
	require.False(t, t.Failed())
}

// slow is a Store whose loads wait until they are let, or given up.
type slow struct {
	*memstore.Store
	loads atomic.Int32
	let   chan struct{}
}

func (s *slow) Load(ctx context.Context, key sessionctx.Key) (sessionctx.Record, error) {
	s.loads.Add(1)
	select {
	case <-s.let:
		return s.Store.Load(ctx, key)
	case <-ctx.Done():
		return sessionctx.Record{}, ctx.Err()
	}
}

func TestWhoeverGivesUpFailsNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records := &memstore.Store{}
		req := by("s1", "")
		update(t, newResolver(t, func(c *sessionctx.Config) { c.Store = records }), req, sessionctx.Patch{Currency: sessionctx.Set("USD")})
		store := &slow{Store: records, let: make(chan struct{})}
		r := newResolver(t, func(c *sessionctx.Config) { c.Store, c.Timeout = store, time.Hour })

		const followers = 20
		ctx, giveUp := context.WithCancel(t.Context())
		first := make(chan error, 1)
		go func() {
			_, err := r.Resolve(ctx, req)
			first <- err
		}()
		synctest.Wait() // it asks the store
		var all sync.WaitGroup
		for range followers {
			all.Go(func() {
				s, err := r.Resolve(t.Context(), req)
				assert.NoError(t, err)
				assert.Equal(t, "USD", s.Currency)
			})
		}
		synctest.Wait() // and all others wait for what it will find
		assert.EqualValues(t, 1, store.loads.Load())

		giveUp()
		assert.ErrorIs(t, <-first, context.Canceled)
		synctest.Wait()
		assert.EqualValues(t, 2, store.loads.Load(), "one of the others asks in its place, and one is enough")
		close(store.let)
		all.Wait()
	})
}
