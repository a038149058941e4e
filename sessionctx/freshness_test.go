package sessionctx_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// tardy is a shared Store whose news of changes never arrive: a process that watches it is as far behind as a lease permits.
type tardy struct {
	*memstore.Store
	loads atomic.Int64
	down  atomic.Bool
}

func (s *tardy) Load(ctx context.Context, key store.Key) (store.Record, error) {
	s.loads.Add(1)
	if s.down.Load() {
		return store.Record{}, errDown
	}
	return s.Store.Load(ctx, key)
}

func (s *tardy) Watch(sink store.Sink) (stop func()) {
	sink.ExtendLease(time.Now().Add(time.Hour))
	return func() {}
}

// processes returns two resolvers on one tardy store.
func processes(t *testing.T) (here, there *sessionctx.Resolver, backend *tardy) {
	mem := &memstore.Store{}
	backend = &tardy{Store: mem}
	here = newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
	there = newResolver(t, func(c *sessionctx.Config) { c.Store = &tardy{Store: mem} })
	return here, there, backend
}

func currency(t *testing.T, r *sessionctx.Resolver, req sessionctx.Request) string {
	t.Helper()
	s, err := r.Resolve(t.Context(), req)
	require.NoError(t, err)
	return s.Currency
}

func TestFreshReadSeesWhatAnotherProcessHasWritten(t *testing.T) {
	here, there, _ := processes(t)
	req := by("s1", "C100")
	update(t, there, req, sessionctx.Patch{Currency: sessionctx.Set("USD")})
	require.Equal(t, "USD", currency(t, here, req))
	update(t, there, req, sessionctx.Patch{Currency: sessionctx.Set("CHF")})

	require.Equal(t, "USD", currency(t, here, req), "the news has not arrived")
	assert.Equal(t, "CHF", currency(t, here, fresh(req)))
	ctx, _, err := here.Attach(t.Context(), fresh(req))
	require.NoError(t, err)
	s, _ := sessionctx.FromContext(ctx)
	assert.Equal(t, "CHF", s.Currency)
	e, err := here.Preview(t.Context(), fresh(req), sessionctx.Patch{})
	require.NoError(t, err)
	assert.Equal(t, "CHF", e.Session.Currency)
}

func TestFreshReadSeesThatAnotherProcessHasEndedAllSessions(t *testing.T) {
	here, there, _ := processes(t)
	req := by("s1", "C100")
	update(t, there, req, sessionctx.Patch{Currency: sessionctx.Set("USD")})
	require.Equal(t, "USD", currency(t, here, req))
	require.NoError(t, there.EndAll(t.Context(), "demoshop", "C100"))

	require.Equal(t, "USD", currency(t, here, req), "the news has not arrived")
	req.Fresh = true
	_, err := here.Resolve(t.Context(), req)
	assert.ErrorIs(t, err, sessionctx.ErrNotFound)
}

func fresh(req sessionctx.Request) sessionctx.Request {
	req.Fresh = true
	return req
}

func atLeast(req sessionctx.Request, rev sessionctx.Revision) sessionctx.Request {
	req.AtLeast = rev
	return req
}

func TestResolve_AtLeastTakesWhatIsCachedIfItIsNewEnough(t *testing.T) {
	here, there, backend := processes(t)
	req := by("s1", "")
	var usd, chf sessionctx.Revision
	usd = update(t, there, req, sessionctx.Patch{Currency: sessionctx.Set("USD")}).Revision()
	chf = update(t, there, req, sessionctx.Patch{Currency: sessionctx.Set("CHF")}).Revision()
	require.Equal(t, "CHF", currency(t, here, fresh(req)))
	require.Eventually(t, func() bool { // ristretto shows what was read after a moment
		loads := backend.loads.Load()
		currency(t, here, atLeast(req, chf))
		return backend.loads.Load() == loads
	}, 10*time.Second, time.Millisecond)
	gbp := update(t, there, req, sessionctx.Patch{Currency: sessionctx.Set("GBP")}).Revision()

	loads := backend.loads.Load()
	assert.Equal(t, "CHF", currency(t, here, atLeast(req, chf)))
	assert.Equal(t, "CHF", currency(t, here, atLeast(req, usd)))
	assert.Equal(t, "CHF", currency(t, here, atLeast(req, sessionctx.Revision{Version: chf.Version})), "of whatever incarnation")
	assert.Equal(t, loads, backend.loads.Load(), "the store was not asked")
	assert.Equal(t, "GBP", currency(t, here, atLeast(req, gbp)))
	assert.Equal(t, "GBP", currency(t, here, req), "what was read is kept")

	for desc, rev := range map[string]sessionctx.Revision{
		"a version that never was": {Incarnation: gbp.Incarnation, Version: gbp.Version + 1},
		"of another incarnation":   {Incarnation: gbp.Incarnation + 1, Version: gbp.Version},
		"a later one of any":       {Version: gbp.Version + 1},
	} {
		_, err := here.Resolve(t.Context(), atLeast(req, rev))
		assert.ErrorIs(t, err, sessionctx.ErrNotFound, desc)
		_, err = here.Preview(t.Context(), atLeast(req, rev), sessionctx.Patch{})
		assert.ErrorIs(t, err, sessionctx.ErrNotFound, desc)
	}
}

func TestResolve_WhatMustBeFreshIsNeverDegraded(t *testing.T) {
	here, _, backend := processes(t)
	backend.down.Store(true)
	for _, req := range []sessionctx.Request{fresh(by("s1", "")), atLeast(by("s1", ""), sessionctx.Revision{Version: 1})} {
		_, err := here.Resolve(t.Context(), req)
		assert.ErrorIs(t, err, sessionctx.ErrUnavailable)
		assert.ErrorIs(t, err, errDown)
	}
}

// paired is a tardy store in which the first load of a session returns when that of a customer is under way, and not before.
type paired struct {
	tardy
	customer chan struct{}
	once     sync.Once
}

func (s *paired) Load(ctx context.Context, key store.Key) (store.Record, error) {
	if key.Kind == store.KindCustomer {
		s.once.Do(func() { close(s.customer) })
	} else {
		select {
		case <-s.customer:
		case <-ctx.Done():
			return store.Record{}, ctx.Err()
		}
	}
	return s.tardy.Load(ctx, key)
}

func TestTheTwoColdReadsOfACustomerGoOutTogether(t *testing.T) {
	_, there, backend := processes(t)
	update(t, there, by("s1", "C100"), sessionctx.Patch{Currency: sessionctx.Set("USD")})
	pair := &paired{tardy: tardy{Store: backend.Store}, customer: make(chan struct{})}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = pair; c.FailDegraded = true })
	assert.Equal(t, "USD", currency(t, r, by("s1", "C100")))
	assert.EqualValues(t, 2, pair.loads.Load())
}

func TestAStoreThatWasNotReachedLeavesNoDoubt(t *testing.T) {
	backend := &shaky{}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
	update(t, r, by("s1", ""), sessionctx.Patch{Currency: sessionctx.Set("USD")})
	backend.beforeSave = func() error { return fmt.Errorf("%w: %w", sessionctx.ErrUnavailable, errDown) }
	_, err := r.Update(t.Context(), by("s1", ""), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	assert.ErrorIs(t, err, sessionctx.ErrUnavailable)
	assert.NotContains(t, err.Error(), "outcome")
	assert.Zero(t, r.Stats().Unknown)
}

func TestHitRatioIsTheShareOfWarmAnswers(t *testing.T) {
	var none sessionctx.Stats
	assert.Zero(t, none.HitRatio())
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = &memstore.Store{} })
	for range 20_000 {
		resolve(t, r, by("s1", ""))
	}
	s := r.Stats()
	assert.InDelta(t, 1, s.HitRatio(), 0.2)
	assert.InDelta(t, 0.5, sessionctx.Stats{Resolves: 10, Hits: 5}.HitRatio(), 1e-9)
}
