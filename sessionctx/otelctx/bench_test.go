package otelctx_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/otelctx"
)

// discard is an exporter that takes spans and does nothing with them.
type discard struct{}

func (discard) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return nil }

func (discard) Shutdown(context.Context) error { return nil }

// BenchmarkResolveWarm is a Resolve that the near-cache answers. Each operation is 64 of them
// without anything, and then 64 with a Telemetry on a real SDK, so that both are measured in the
// same moments. ns/resolve is the median of the latter, and ratio compares it with the median of
// the former. "nothing" is the same Resolver twice, and "counters" has no Observe: neither adds
// anything.
func BenchmarkResolveWarm(b *testing.B) {
	const turn = 64
	for _, bc := range []struct {
		desc       string
		change     func(*otelctx.Config) // nil: no Telemetry
		unobserved bool
	}{
		{"nothing", nil, true},
		{"counters", func(*otelctx.Config) {}, true},
		{"default", func(*otelctx.Config) {}, false},
		{"Warm, metrics only", func(c *otelctx.Config) { c.Warm, c.TracerProvider = true, nil }, false},
		{"Warm, every span sampled", func(c *otelctx.Config) { c.Warm = true }, false},
	} {
		b.Run(bc.desc, func(b *testing.B) {
			cfg := sessionctx.Config{Store: &memstore.Store{}, Directory: directory}
			bare := newResolver(b, cfg)
			observed := bare
			if bc.change != nil {
				metering := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))
				tracing := sdktrace.NewTracerProvider(sdktrace.WithBatcher(discard{}))
				b.Cleanup(func() {
					_ = metering.Shutdown(context.Background())
					_ = tracing.Shutdown(context.Background())
				})
				c := otelctx.Config{MeterProvider: metering, TracerProvider: tracing}
				bc.change(&c)
				telemetry, err := otelctx.New(c)
				require.NoError(b, err)
				if !bc.unobserved {
					cfg.Observe = telemetry.Observe
				}
				observed = newResolver(b, cfg)
				registration, err := telemetry.Register(observed)
				require.NoError(b, err)
				b.Cleanup(func() { require.NoError(b, registration.Unregister()) })
			}
			requests := make([]sessionctx.Request, turn)
			for i := range requests {
				requests[i] = request(fmt.Sprint("session-", i))
				warm(b, bare, requests[i])
				warm(b, observed, requests[i])
			}
			run := func(r *sessionctx.Resolver) time.Duration {
				begin := time.Now()
				for i := range requests {
					_, _ = r.Resolve(context.Background(), requests[i])
				}
				return time.Since(begin)
			}
			before := observed.Stats()
			without, with := make([]time.Duration, 0, 1<<18), make([]time.Duration, 0, 1<<18)
			for b.Loop() {
				without, with = append(without, run(bare)), append(with, run(observed))
			}
			after := observed.Stats()
			b.ReportMetric(float64(after.Hits-before.Hits)/float64(after.Resolves-before.Resolves), "hits/resolve")
			slices.Sort(with)
			slices.Sort(without)
			median := func(d []time.Duration) float64 { return float64(d[len(d)/2].Nanoseconds()) / turn }
			b.ReportMetric(testing.AllocsPerRun(16, func() { run(observed) })/turn, "allocs/resolve")
			b.ReportMetric(median(with), "ns/resolve")
			b.ReportMetric(median(with)/median(without), "ratio")
		})
	}
}
