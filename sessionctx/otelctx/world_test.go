package otelctx_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/otelctx"
	"github.com/sessionctx/storefront/sessionctx/store"
)

const tenant = "demoshop"

var directory = sessionctx.Static{tenant: {
	Sites: []defaults.Site{{
		Code: "main", Default: true, Currency: "EUR", Currencies: []string{"EUR", "CHF", "GBP"}, Country: "DE", Language: "de",
	}},
	Customers: map[string]defaults.Customer{"customer-7": {Currency: "USD"}},
}}

// flaky is a memory store that can fail. It is a Watcher as the memory store is.
type flaky struct {
	memstore.Store
	fails atomic.Pointer[error]
}

func (f *flaky) fail(err error) {
	if f.fails.Store(&err); err == nil {
		f.fails.Store(nil)
	}
}

func (f *flaky) Load(ctx context.Context, key store.Key) (store.Record, error) {
	if err := f.fails.Load(); err != nil {
		return store.Record{}, *err
	}
	return f.Store.Load(ctx, key)
}

// world is a Resolver that reports to a real SDK.
type world struct {
	*sessionctx.Resolver
	telemetry *otelctx.Telemetry
	backend   *flaky
	reader    *sdkmetric.ManualReader
	spans     *tracetest.InMemoryExporter
	tracing   *sdktrace.TracerProvider
}

// newWorld makes one, with the Stats registered.
func newWorld(t testing.TB, change ...func(*otelctx.Config)) *world {
	t.Helper()
	w := &world{backend: &flaky{}, reader: sdkmetric.NewManualReader(), spans: tracetest.NewInMemoryExporter()}
	w.tracing = sdktrace.NewTracerProvider(sdktrace.WithSyncer(w.spans))
	metering := sdkmetric.NewMeterProvider(sdkmetric.WithReader(w.reader))
	t.Cleanup(func() {
		require.NoError(t, w.tracing.Shutdown(context.Background()))
		require.NoError(t, metering.Shutdown(context.Background()))
	})
	cfg := otelctx.Config{TracerProvider: w.tracing, MeterProvider: metering}
	for _, c := range change {
		c(&cfg)
	}
	var err error
	w.telemetry, err = otelctx.New(cfg)
	require.NoError(t, err)
	w.Resolver = newResolver(t, sessionctx.Config{Store: w.backend, Directory: directory, Observe: w.telemetry.Observe})
	registration, err := w.telemetry.Register(w.Resolver)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, registration.Unregister()) })
	return w
}

func newResolver(t testing.TB, cfg sessionctx.Config) *sessionctx.Resolver {
	t.Helper()
	cfg.CacheBytes, cfg.Logger = 4<<20, slog.New(slog.DiscardHandler)
	r, err := sessionctx.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

func request(id string, customerID ...string) sessionctx.Request {
	req := sessionctx.Request{Identity: sessionctx.Identity{Tenant: tenant, SessionID: id, Proof: sessionctx.Asserted}}
	for _, c := range customerID {
		req.CustomerID = c
	}
	return req
}

func resolve(t testing.TB, r *sessionctx.Resolver, req sessionctx.Request) sessionctx.Session {
	t.Helper()
	s, err := r.Resolve(t.Context(), req)
	require.NoError(t, err)
	return s
}

// warm resolves until the near-cache has the answer: ristretto shows a value after a moment.
func warm(t testing.TB, r *sessionctx.Resolver, req sessionctx.Request) {
	t.Helper()
	require.Eventually(t, func() bool {
		before := r.Stats().Hits
		resolve(t, r, req)
		return r.Stats().Hits > before
	}, 10*time.Second, time.Millisecond)
}

// point is a data point: the sum or the value, or how many durations there are.
type point struct {
	unit  string
	value float64
}

// collect returns all data points by name and attributes, as in name{key=value,key=value}.
func (w *world) collect(t testing.TB) map[string]point {
	t.Helper()
	var data metricdata.ResourceMetrics
	require.NoError(t, w.reader.Collect(context.Background(), &data))
	all := make(map[string]point)
	put := func(m metricdata.Metrics, attrs attribute.Set, value float64) {
		require.NotEmpty(t, m.Description, m.Name)
		name := m.Name
		if attrs.Len() > 0 {
			name += "{" + attrs.Encoded(attribute.DefaultEncoder()) + "}"
		}
		require.NotContains(t, all, name)
		all[name] = point{m.Unit, value}
	}
	for _, scope := range data.ScopeMetrics {
		require.Equal(t, otelctx.ScopeName, scope.Scope.Name)
		for _, m := range scope.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				require.True(t, d.IsMonotonic, m.Name)
				for _, p := range d.DataPoints {
					put(m, p.Attributes, float64(p.Value))
				}
			case metricdata.Gauge[int64]:
				for _, p := range d.DataPoints {
					put(m, p.Attributes, float64(p.Value))
				}
			case metricdata.Gauge[float64]:
				for _, p := range d.DataPoints {
					put(m, p.Attributes, p.Value)
				}
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					put(m, p.Attributes, float64(p.Count))
				}
			default:
				require.Fail(t, "unexpected kind", "%s: %T", m.Name, d)
			}
		}
	}
	return all
}

// ended returns the spans since the last call, as "name: attributes (status)", in the order in
// which they ended.
func (w *world) ended() (all []string) {
	for _, s := range w.spans.GetSpans() {
		set := attribute.NewSet(s.Attributes...)
		text := s.Name + ": " + set.Encoded(attribute.DefaultEncoder())
		if s.Status.Code != 0 || s.Status.Description != "" {
			text += fmt.Sprintf(" (%v: %s)", s.Status.Code, s.Status.Description)
		}
		all = append(all, text)
	}
	w.spans.Reset()
	return all
}

var errBroken = errors.New("broken: session-3 of customer-7 at lane 5")
