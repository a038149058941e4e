package sessionctx_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// observed is what an observer was told of one call.
type observed struct {
	call, tenant string
	outcome      sessionctx.Outcome
}

// observer keeps what it is told. It marks the context of each call.
type observer struct {
	mu    sync.Mutex
	calls []observed
}

type markKey struct{}

func (o *observer) observe(ctx context.Context, call, tenant string) (context.Context, func(sessionctx.Outcome)) {
	return context.WithValue(ctx, markKey{}, call), func(outcome sessionctx.Outcome) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.calls = append(o.calls, observed{call, tenant, outcome})
	}
}

// take returns what was observed since the last take.
func (o *observer) take() []observed {
	o.mu.Lock()
	defer o.mu.Unlock()
	calls := o.calls
	o.calls = nil
	return calls
}

func (o *observer) names() (names []string) {
	for _, c := range o.take() {
		names = append(names, c.call)
	}
	return names
}

// markedStore keeps the mark of the context that it was called with.
type markedStore struct {
	heldStore
	mark string
}

func (s *markedStore) Save(ctx context.Context, key store.Key, rec store.Record, base store.Revision) (store.Record, error) {
	s.mark, _ = ctx.Value(markKey{}).(string)
	return s.heldStore.Save(ctx, key, rec, base)
}

func TestObserve_IsToldOfEveryCall(t *testing.T) {
	var o observer
	backend := &markedStore{}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store, c.Observe = backend, o.observe })

	resolve(t, r, by("s1"))
	assert.Equal(t, []string{"sites", "load", "resolve"}, o.names())
	warm := []observed{{"resolve", "demoshop", sessionctx.Outcome{Cached: true}}}
	require.Eventually(t, func() bool { // ristretto shows a new value after a moment
		resolve(t, r, by("s1"))
		return assert.ObjectsAreEqual(warm, o.take())
	}, 10*time.Second, time.Millisecond)
	_, _, err := r.Attach(t.Context(), by("s1"))
	require.NoError(t, err)
	assert.Equal(t, warm, o.take())
	resolve(t, r, by("s1", "C100"))
	assert.Contains(t, o.names(), "customer")
	update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	assert.Contains(t, o.names(), "save")
	assert.Equal(t, "save", backend.mark, "the call has the context that Observe returned")
}

func TestObserve_OutcomeSaysHowTheCallEnded(t *testing.T) {
	var o observer
	backend := &heldStore{}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store, c.Observe = backend, o.observe })
	resolve(t, r, cookie(""))
	o.take()

	backend.loading.holdBy(func(context.Context) error { return errors.New("broken: s-secret") })
	resolve(t, r, by("s-secret"))
	calls := o.take()
	require.Len(t, calls, 2)
	assert.Equal(t, "load", calls[0].call)
	require.ErrorContains(t, calls[0].outcome.Err, "broken")
	assert.NotContains(t, calls[0].outcome.Err.Error(), "s-secret")
	assert.Equal(t, observed{"resolve", "demoshop", sessionctx.Outcome{Degraded: true}}, calls[1])

	backend.loading.holdBy(func(context.Context) error { panic("lost") })
	resolve(t, r, by("s2"))
	require.ErrorContains(t, o.take()[0].outcome.Err, "panic in Store.Load")

	assert.ErrorIs(t, resolveError(t, r, sessionctx.Request{Identity: sessionctx.Identity{Tenant: "unknown", Proof: sessionctx.Asserted}}), sessionctx.ErrUnknownTenant)
	calls = o.take()
	assert.ErrorIs(t, calls[len(calls)-1].outcome.Err, sessionctx.ErrUnknownTenant)
}

// noWatcher is what a Store becomes that somebody has wrapped for a metric.
type noWatcher struct{ store.Store }

func TestNew_WarnsOfAStoreThatReportsNothing(t *testing.T) {
	cases := []struct {
		desc   string
		change func(*sessionctx.Config)
		warns  bool
	}{
		{"a wrapped Store hides its Watch", func(c *sessionctx.Config) { c.Store = noWatcher{&memstore.Store{}} }, true},
		{"so it does, but its records are reused for a while", func(c *sessionctx.Config) { c.Store, c.MaxStale = noWatcher{&memstore.Store{}}, 1e9 }, false},
		{"a Watcher", func(*sessionctx.Config) {}, false},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			var log strings.Builder
			newResolver(t, func(c *sessionctx.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) }, tc.change)
			assert.Equal(t, tc.warns, strings.Contains(log.String(), "nothing is cached"), log.String())
		})
	}
}
