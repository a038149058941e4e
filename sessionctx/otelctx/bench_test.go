package otelctx_test

import (
	"context"
	"fmt"
	"testing"

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

// BenchmarkResolveWarm is a Resolve that the near-cache answers, without and with a Telemetry on a
// real SDK. ratio is to the first one.
func BenchmarkResolveWarm(b *testing.B) {
	var bare float64
	for _, bc := range []struct {
		desc   string
		change func(*otelctx.Config) // nil: no Telemetry
	}{
		{"without", nil},
		{"default", func(*otelctx.Config) {}},
		{"Warm, metrics only", func(c *otelctx.Config) { c.Warm, c.TracerProvider = true, nil }},
		{"Warm, every span sampled", func(c *otelctx.Config) { c.Warm = true }},
	} {
		b.Run(bc.desc, func(b *testing.B) {
			cfg := sessionctx.Config{Store: &memstore.Store{}, Directory: directory}
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
				cfg.Observe = telemetry.Observe
			}
			r := newResolver(b, cfg)
			requests := make([]sessionctx.Request, 64)
			for i := range requests {
				requests[i] = request(fmt.Sprint("session-", i))
				warm(b, r, requests[i])
			}
			before := r.Stats()
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				_, _ = r.Resolve(context.Background(), requests[i%len(requests)])
				i++
			}
			after := r.Stats()
			b.ReportMetric(float64(after.Hits-before.Hits)/float64(after.Resolves-before.Resolves), "hits/op")
			perOp := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
			if bc.change == nil {
				bare = perOp
			}
			if bare > 0 { // -bench may have left the first one out
				b.ReportMetric(perOp/bare, "ratio")
			}
		})
	}
}
