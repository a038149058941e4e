package otelctx_test

import (
	"context"
	"fmt"
	"log"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/otelctx"
)

// The host makes the providers, and passes them.
func Example() {
	reader := sdkmetric.NewManualReader() // a shop takes a periodic reader with an exporter
	metering := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	tracing := sdktrace.NewTracerProvider()

	telemetry, err := otelctx.New(otelctx.Config{TracerProvider: tracing, MeterProvider: metering})
	if err != nil {
		log.Fatal(err)
	}
	r, err := sessionctx.New(sessionctx.Config{Store: &memstore.Store{}, Directory: directory, Observe: telemetry.Observe})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	registration, err := telemetry.Register(r)
	if err != nil {
		log.Fatal(err)
	}
	defer registration.Unregister()

	ctx := context.Background()
	if _, err := r.Resolve(ctx, sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop"}}); err != nil {
		log.Fatal(err)
	}
	var data metricdata.ResourceMetrics
	if err := reader.Collect(ctx, &data); err != nil {
		log.Fatal(err)
	}
	for _, m := range data.ScopeMetrics[0].Metrics {
		if durations, ok := m.Data.(metricdata.Histogram[float64]); ok {
			fmt.Println(m.Name, durations.DataPoints[0].Count)
		}
	}
	// Output:
	// session_context.resolve.duration 1
	// session_context.directory.operation.duration 1
}
