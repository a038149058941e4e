package sessionctx_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

func TestResolve_FreshSeesAWriteOfAnotherProcess(t *testing.T) {
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

// A load that began before a fresh read, and ends after it, must not bring back what the fresh read
// has found outdated.
func TestResolve_FreshIsNotUndoneByAnEarlierLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records := &memstore.Store{}
		backend := &stuck{Store: records, found: make(chan struct{}), let: make(chan struct{})}
		there := newResolver(t, func(c *sessionctx.Config) { c.Store = records })
		here := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
		req := by("s1", "")
		update(t, there, req, sessionctx.Patch{Currency: sessionctx.Set("USD")})

		var earlier sync.WaitGroup
		earlier.Go(func() { resolve(t, here, req) })
		<-backend.found
		update(t, there, req, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
		require.Equal(t, "CHF", currency(t, here, fresh(req)))
		synctest.Wait() // ristretto shows it now, and would take something older in its place
		close(backend.let)
		earlier.Wait()
		synctest.Wait()
		assert.Equal(t, "CHF", currency(t, here, req))
	})
}

func TestResolve_FreshSeesAnEndAllOfAnotherProcess(t *testing.T) {
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

func TestResolve_AtLeastTakesACachedRecordThatIsNewEnough(t *testing.T) {
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

func TestResolve_FreshIsNeverDegraded(t *testing.T) {
	here, _, backend := processes(t)
	backend.down.Store(true)
	for _, req := range []sessionctx.Request{fresh(by("s1", "")), atLeast(by("s1", ""), sessionctx.Revision{Version: 1})} {
		_, err := here.Resolve(t.Context(), req)
		assert.ErrorIs(t, err, sessionctx.ErrUnavailable)
		assert.ErrorIs(t, err, errDown)
	}
}

func TestResolve_RecordAndGenerationAreLoadedTogether(t *testing.T) {
	_, there, backend := processes(t)
	update(t, there, by("s1", "C100"), sessionctx.Patch{Currency: sessionctx.Set("USD")})
	pair := &paired{tardy: tardy{Store: backend.Store}, customer: make(chan struct{})}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = pair; c.FailDegraded = true })
	assert.Equal(t, "USD", currency(t, r, by("s1", "C100")))
	assert.EqualValues(t, 2, pair.loads.Load())
}

func TestUpdate_UnreachedStoreHasAKnownOutcome(t *testing.T) {
	backend := &shaky{}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
	update(t, r, by("s1", ""), sessionctx.Patch{Currency: sessionctx.Set("USD")})
	backend.beforeSave = func() error { return fmt.Errorf("%w: %w", sessionctx.ErrUnavailable, errDown) }
	_, err := r.Update(t.Context(), by("s1", ""), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	assert.ErrorIs(t, err, sessionctx.ErrUnavailable)
	assert.NotContains(t, err.Error(), "outcome")
	assert.Zero(t, r.Stats().Unknown)
}

func TestStats_HitRatioIsTheShareOfWarmAnswers(t *testing.T) {
	var none sessionctx.Stats
	assert.Zero(t, none.HitRatio())
	assert.InDelta(t, 0.5, sessionctx.Stats{Resolves: 10, Hits: 5}.HitRatio(), 1e-9)
	synctest.Test(t, func(t *testing.T) {
		r := newResolver(t)
		resolve(t, r, by("s1"))
		synctest.Wait() // ristretto shows it
		for range 3 {
			resolve(t, r, by("s1"))
		}
		s := r.Stats()
		assert.EqualValues(t, 4, s.Resolves)
		assert.EqualValues(t, 3, s.Hits)
		assert.InDelta(t, 0.75, s.HitRatio(), 1e-9)
	})
}
