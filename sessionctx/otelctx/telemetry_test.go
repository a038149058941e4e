package otelctx_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/otelctx"
	"github.com/sessionctx/storefront/sessionctx/store"
)

func TestTelemetry_MetricsHaveTheDocumentedNamesUnitsAndAttributes(t *testing.T) {
	w := newWorld(t)
	resolve(t, w.Resolver, request("session-1"))
	warm(t, w.Resolver, request("session-1"))
	resolve(t, w.Resolver, request("session-2", "customer-7"))
	_, err := w.Update(t.Context(), request("session-1"), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	require.NoError(t, err)
	w.backend.fail(errBroken)
	assert.True(t, resolve(t, w.Resolver, request("session-3")).Degraded)

	var stats sessionctx.Stats
	var got map[string]point
	require.Eventually(t, func() bool { // a load may still go on
		stats, got = w.Stats(), w.collect(t)
		return assert.ObjectsAreEqual(stats, w.Stats())
	}, 10*time.Second, time.Millisecond)
	require.NotZero(t, stats.Hits)
	want := map[string]point{
		"session_context.cache.lookups{session_context.cache.result=hit}":  {"{lookup}", float64(stats.Hits)},
		"session_context.cache.lookups{session_context.cache.result=miss}": {"{lookup}", float64(stats.Resolves - stats.Hits)},
		"session_context.cache.invalidations":                              {"{invalidation}", float64(stats.Invalidations)},
		"session_context.cache.flushes":                                    {"{flush}", float64(stats.InvalidatedAll)},
		"session_context.cache.dropped_fills":                              {"{fill}", float64(stats.DroppedFills)},
		"session_context.store.loads":                                      {"{load}", float64(stats.Loads)},
		"session_context.store.joined_loads":                               {"{load}", float64(stats.Joined)},
		"session_context.store.hanging":                                    {"{state}", 0},
		"session_context.writes":                                           {"{write}", 1},
		"session_context.touches":                                          {"{touch}", float64(stats.Touches)},
		"session_context.conflicts":                                        {"{conflict}", float64(stats.Conflicts)},
		"session_context.unknown_outcomes":                                 {"{write}", 0},
		"session_context.degraded":                                         {"{resolution}", 1},
		"session_context.directory.loads":                                  {"{load}", float64(stats.DirectoryLoads)},
		"session_context.directory.errors":                                 {"{error}", 0},
		"session_context.site.mistakes":                                    {"{mistake}", 0},

		"session_context.store.operation.duration{session_context.operation.name=save}":                               {"s", 1},
		"session_context.directory.operation.duration{session_context.operation.name=sites}":                          {"s", 1},
		"session_context.directory.operation.duration{session_context.operation.name=customer}":                       {"s", 1},
		"session_context.resolve.duration{session_context.cache.result=miss,session_context.resolve.result=degraded}": {"s", 1},
	}
	for name, p := range want {
		assert.Equal(t, p, got[name], name)
		delete(got, name)
	}
	// How many of these there are depends on when ristretto shows a value, and on prefetches.
	for _, name := range []string{
		"session_context.store.operation.duration{error.type=_OTHER,session_context.operation.name=load}",
		"session_context.store.operation.duration{session_context.operation.name=load}",
		"session_context.resolve.duration{session_context.cache.result=miss,session_context.resolve.result=complete}",
	} {
		assert.Positive(t, got[name].value, name)
		assert.Equal(t, "s", got[name].unit, name)
		delete(got, name)
	}
	for reason, n := range stats.Rejected {
		name := "session_context.candidates.rejected{session_context.rejection.reason=" + reason.String() + "}"
		assert.Equal(t, point{"{candidate}", float64(n)}, got[name], name)
		delete(got, name)
	}
	assert.Empty(t, got, "the lease of the memory store never ends, and is not reported")
}

// leased is a Store whose lease ends: it never grants one.
type leased struct{ *memstore.Store }

func (leased) Watch(store.Sink) (stop func()) { return func() {} }

func TestRegister_ReportsALeaseThatEnds(t *testing.T) {
	w := newWorld(t)
	r := newResolver(t, sessionctx.Config{Store: leased{&memstore.Store{}}, Directory: directory})
	done, err := w.telemetry.Register(r, attribute.String("shop", "second"))
	require.NoError(t, err)
	const name = "session_context.lease.remaining{shop=second}"
	got := w.collect(t)
	require.Contains(t, got, name)
	assert.Equal(t, "s", got[name].unit)
	assert.Negative(t, got[name].value)
	assert.Contains(t, got, "session_context.cache.lookups{session_context.cache.result=hit,shop=second}")
	assert.Contains(t, got, "session_context.cache.lookups{session_context.cache.result=hit}", "the first Resolver is still there")

	_, err = w.telemetry.Register(r, attribute.String("shop", "second"))
	require.ErrorContains(t, err, `"shop=second"`)
	_, err = w.telemetry.Register(r)
	require.Error(t, err, "newWorld has registered one without attributes")
	require.NoError(t, done.Unregister())
	require.NoError(t, done.Unregister(), "a second time")
	first := done
	assert.NotContains(t, w.collect(t), name)
	done, err = w.telemetry.Register(r, attribute.String("shop", "second"))
	require.NoError(t, err)
	assert.Contains(t, w.collect(t), name)
	require.NoError(t, first.Unregister(), "late, when the attributes are another one's")
	_, err = w.telemetry.Register(r, attribute.String("shop", "second"))
	require.Error(t, err)
	require.NoError(t, done.Unregister())
}

func TestTelemetry_SpansOfAColdResolveAreItsChildren(t *testing.T) {
	w := newWorld(t)
	ctx, page := w.tracing.Tracer("host").Start(t.Context(), "page")
	_, err := w.Resolve(ctx, request("session-1", "customer-7"))
	require.NoError(t, err)
	page.End()

	ids, names := make(map[trace.SpanID]string), []string{}
	spans := w.spans.GetSpans()
	for _, s := range spans {
		ids[s.SpanContext.SpanID()] = s.Name
	}
	parents := make(map[string]string)
	for _, s := range spans {
		names = append(names, s.Name)
		parents[s.Name] = ids[s.Parent.SpanID()]
		assert.Equal(t, page.SpanContext().TraceID() == s.SpanContext.TraceID(), s.Parent.IsValid() || s.Name == "page", s.Name)
		assert.False(t, s.EndTime.Before(s.StartTime), s.Name)
	}
	assert.Equal(t, "page", parents["session_context.resolve"])
	assert.Equal(t, "session_context.resolve", parents["session_context.store.load"])
	assert.Equal(t, "session_context.resolve", parents["session_context.directory.sites"])
	assert.Equal(t, "session_context.resolve", parents["session_context.directory.customer"])
	assert.Len(t, names, len(parents)+countLoads(names)-1, "one span for each call: %v", names)
}

// countLoads returns the number of loads: a customer's session has two, with that of the
// generation.
func countLoads(names []string) (n int) {
	for _, name := range names {
		if name == "session_context.store.load" {
			n++
		}
	}
	return n
}

func TestTelemetry_SpansSayHowTheCallEnded(t *testing.T) {
	w := newWorld(t)
	resolve(t, w.Resolver, request("session-1"))
	assert.Equal(t, []string{
		"session_context.directory.sites: session_context.operation.name=sites,session_context.tenant=demoshop",
		"session_context.store.load: session_context.operation.name=load,session_context.tenant=demoshop",
		"session_context.resolve: session_context.cache.result=miss,session_context.resolve.result=complete,session_context.tenant=demoshop",
	}, w.ended())
	w.backend.fail(errBroken)
	resolve(t, w.Resolver, request("session-3"))
	assert.Equal(t, []string{
		"session_context.store.load: error.type=_OTHER,session_context.operation.name=load,session_context.tenant=demoshop (Error: _OTHER)",
		"session_context.resolve: session_context.cache.result=miss,session_context.resolve.result=degraded,session_context.tenant=demoshop",
	}, w.ended())
}

func TestTelemetry_WarmResolveHasASpanOnlyIfAskedFor(t *testing.T) {
	for _, tc := range []struct {
		desc string
		warm bool
		want []string
	}{
		{"by default", false, nil},
		{"Warm", true, []string{"session_context.resolve: session_context.cache.result=hit,session_context.resolve.result=complete,session_context.tenant=demoshop"}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			w := newWorld(t, func(c *otelctx.Config) { c.Warm = tc.warm })
			warm(t, w.Resolver, request("session-1"))
			w.ended()
			before := w.collect(t)
			resolve(t, w.Resolver, request("session-1"))
			assert.Equal(t, tc.want, w.ended())
			after := w.collect(t)
			const counter = "session_context.cache.lookups{session_context.cache.result=hit}"
			assert.Equal(t, before[counter].value+1, after[counter].value, "counted in any case")
			const duration = "session_context.resolve.duration{session_context.cache.result=hit,session_context.resolve.result=complete}"
			assert.EqualValues(t, len(tc.want), after[duration].value-before[duration].value)
		})
	}
}

func TestTelemetry_ErrorTypes(t *testing.T) {
	wrapped := func(errs ...error) error { return fmt.Errorf("redisstore: load: %w", errors.Join(errs...)) }
	for _, tc := range []struct {
		desc   string
		err    error
		want   string
		failed bool
	}{
		{"not found", sessionctx.ErrNotFound, "not_found", false},
		{"conflict", wrapped(sessionctx.ErrConflict), "conflict", false},
		{"a typed conflict", &sessionctx.ConflictError{}, "conflict", false},
		{"unknown tenant", wrapped(sessionctx.ErrUnknownTenant), "unknown_tenant", false},
		{"unknown outcome after a time-out", wrapped(sessionctx.ErrUnknownOutcome, context.DeadlineExceeded), "unknown_outcome", true},
		{"full", wrapped(sessionctx.ErrFull), "full", true},
		{"closed", sessionctx.ErrClosed, "closed", true},
		{"time-out", wrapped(sessionctx.ErrUnavailable, context.DeadlineExceeded), "timeout", true},
		{"the caller went away", wrapped(sessionctx.ErrUnavailable, context.Canceled), "canceled", false},
		{"unavailable", wrapped(sessionctx.ErrUnavailable), "unavailable", true},
		{"what nobody knows", errors.New("duplicate entry"), "_OTHER", true},
	} {
		for _, call := range []string{"resolve", "load", "save", "sites", "customer"} {
			t.Run(tc.desc+"/"+call, func(t *testing.T) {
				w := newWorld(t)
				_, done := w.telemetry.Observe(t.Context(), call, tenant)
				done(sessionctx.Outcome{Err: tc.err})
				spans := w.spans.GetSpans()
				require.Len(t, spans, 1)
				assert.Contains(t, spans[0].Attributes, attribute.String("error.type", tc.want))
				assert.Equal(t, tc.failed, spans[0].Status.Code == codes.Error)
				found := false
				for name := range w.collect(t) {
					found = found || strings.Contains(name, ".duration{error.type="+tc.want+",")
				}
				assert.True(t, found, "a duration with the error.type")
			})
		}
	}
}

func TestTelemetry_NamesNoPersonAndNoErrorText(t *testing.T) {
	w := newWorld(t, func(c *otelctx.Config) { c.Warm, c.Tenants = true, []string{tenant} })
	for range 3 {
		resolve(t, w.Resolver, request("session-3", "customer-7"))
	}
	_, err := w.Update(t.Context(), request("session-3", "customer-7"), sessionctx.Patch{CartID: sessionctx.Set("cart-9")})
	require.NoError(t, err)
	w.backend.fail(errBroken)
	resolve(t, w.Resolver, request("session-4", "customer-7"))
	_, err = w.Resolve(t.Context(), sessionctx.Request{Identity: sessionctx.Identity{Tenant: "anna@example.com", Proof: sessionctx.Asserted}})
	require.ErrorIs(t, err, sessionctx.ErrUnknownTenant)
	_, err = w.Resolve(t.Context(), sessionctx.Request{Identity: sessionctx.Identity{Tenant: "annamueller", Proof: sessionctx.Asserted}})
	require.ErrorIs(t, err, sessionctx.ErrUnknownTenant)

	text := fmt.Sprintf("%+v\n%+v", w.spans.GetSpans(), w.collect(t))
	require.Contains(t, text, "session_context.store.save")
	require.Contains(t, text, "session_context.tenant")
	for _, secret := range []string{"session-3", "session-4", "customer-7", "cart-9", "lane 5", "broken", "anna"} {
		assert.NotContains(t, text, secret)
	}
}

func TestTelemetry_TenantsBoundTheTimeSeries(t *testing.T) {
	for _, tc := range []struct {
		desc    string
		tenants []string
		series  int
	}{
		{"no attribute by default", nil, 1},
		{"a tenant that is named, and all others", []string{"demoshop"}, 2},
		{"a name twice", []string{"demoshop", "othershop", "demoshop"}, 3},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			w := newWorld(t, func(c *otelctx.Config) { c.Tenants = tc.tenants })
			for _, tenant := range []string{"demoshop", "othershop"} {
				_, done := w.telemetry.Observe(t.Context(), "load", tenant)
				done(sessionctx.Outcome{})
			}
			for i := range 1000 { // whatever a client writes where a tenant is expected
				_, done := w.telemetry.Observe(t.Context(), "load", fmt.Sprint("shop", i))
				done(sessionctx.Outcome{})
			}
			series, total := 0, 0.0
			for name, p := range w.collect(t) {
				if strings.HasPrefix(name, "session_context.store.operation.duration") {
					series, total = series+1, total+p.value
					assert.Equal(t, tc.tenants != nil, strings.Contains(name, "session_context.tenant="), name)
				}
			}
			assert.Equal(t, tc.series, series)
			assert.EqualValues(t, 1002, total)
		})
	}
}

func TestTelemetry_WithoutProvidersObservesNothing(t *testing.T) {
	telemetry, err := otelctx.New(otelctx.Config{})
	require.NoError(t, err)
	ctx, done := telemetry.Observe(t.Context(), "resolve", tenant)
	assert.Equal(t, t.Context(), ctx)
	done(sessionctx.Outcome{})
	registration, err := telemetry.Register(newResolver(t, sessionctx.Config{Store: &memstore.Store{}, Directory: directory}))
	require.NoError(t, err)
	assert.NoError(t, registration.Unregister())
}

func TestTelemetry_OneProviderIsEnough(t *testing.T) {
	for _, tc := range []struct {
		desc   string
		change func(*otelctx.Config)
		spans  bool
	}{
		{"no spans", func(c *otelctx.Config) { c.TracerProvider = nil }, false},
		{"no metrics", func(c *otelctx.Config) { c.MeterProvider = nil }, true},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			w := newWorld(t, tc.change)
			resolve(t, w.Resolver, request("session-1"))
			assert.Equal(t, tc.spans, len(w.ended()) > 0)
			assert.Equal(t, !tc.spans, len(w.collect(t)) > 0)
		})
	}
}

func TestTelemetry_IgnoresACallThatItDoesNotKnow(t *testing.T) {
	w := newWorld(t)
	ctx, done := w.telemetry.Observe(t.Context(), "of a later version", tenant)
	assert.Equal(t, t.Context(), ctx)
	done(sessionctx.Outcome{})
	assert.Empty(t, w.ended())
}

// refusing is a provider whose meter makes no histogram.
type refusing struct{ noop.MeterProvider }

type refusingMeter struct{ noop.Meter }

var errRefused = errors.New("refused")

func (refusing) Meter(string, ...metric.MeterOption) metric.Meter { return refusingMeter{} }

func (refusingMeter) Float64Histogram(string, ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	return nil, errRefused
}

func TestNew_ReturnsTheErrorOfTheProvider(t *testing.T) {
	_, err := otelctx.New(otelctx.Config{MeterProvider: refusing{}})
	assert.ErrorIs(t, err, errRefused)
}

func TestTelemetry_IsSafeForConcurrentUse(t *testing.T) {
	w := newWorld(t, func(c *otelctx.Config) { c.Tenants = []string{tenant} })
	const goroutines, each = 8, 200
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range each {
				ctx, cancel := context.WithCancel(t.Context())
				if i%5 == 0 { // the load goes on without its caller
					cancel()
				}
				req := request(fmt.Sprint("session-", (g+i)%20), "customer-7")
				req.Fresh = i%3 == 0
				_, _ = w.Resolve(ctx, req)
				cancel()
			}
		})
	}
	wg.Wait()
	got := w.collect(t)
	assert.EqualValues(t, goroutines*each, got["session_context.cache.lookups{session_context.cache.result=hit}"].value+
		got["session_context.cache.lookups{session_context.cache.result=miss}"].value)
}

func TestTelemetry_WarmResolveAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector drops what a sync.Pool keeps")
	}
	w := newWorld(t, func(c *otelctx.Config) { c.Tenants = []string{tenant} })
	warm(t, w.Resolver, request("session-1"))
	req := request("session-1")
	allocs := testing.AllocsPerRun(1000, func() { _, _ = w.Resolve(context.Background(), req) })
	assert.Zero(t, allocs)
}

func TestTelemetry_DurationsAllocateNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector drops what a sync.Pool keeps")
	}
	w := newWorld(t, func(c *otelctx.Config) { c.TracerProvider, c.Warm, c.Tenants = nil, true, []string{tenant} })
	warm(t, w.Resolver, request("session-1"))
	req := request("session-1")
	allocs := testing.AllocsPerRun(1000, func() { _, _ = w.Resolve(context.Background(), req) })
	assert.Zero(t, allocs, "also with a duration of every Resolve")
}

func TestTelemetry_WarmSessionThatIsNotItsCustomersYetIsDegraded(t *testing.T) {
	w := newWorld(t, func(c *otelctx.Config) { c.Warm = true })
	guest := sessionctx.Request{Identity: sessionctx.Identity{Tenant: tenant, Proof: sessionctx.BySecret}}
	s, err := w.Update(t.Context(), guest, sessionctx.Patch{Upsert: true})
	require.NoError(t, err)
	customers := guest
	customers.SessionID, customers.CustomerID, customers.HostLogin = s.ID, "C100", true
	require.True(t, resolve(t, w.Resolver, customers).Degraded)
	warm(t, w.Resolver, customers)
	got := w.collect(t)
	assert.Contains(t, got, "session_context.resolve.duration{session_context.cache.result=hit,session_context.resolve.result=degraded}")
	assert.NotContains(t, got, "session_context.resolve.duration{session_context.cache.result=hit,session_context.resolve.result=complete}")
}
