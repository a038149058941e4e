package otelctx

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/sessionctx/storefront/sessionctx"
)

// ScopeName is the name of the instrumentation scope of all spans and metrics.
const ScopeName = "github.com/sessionctx/storefront/sessionctx/otelctx"

// Config configures a Telemetry. New copies it and never writes to it.
type Config struct {
	_ [0]func()

	// TracerProvider makes the spans. Default: no spans.
	TracerProvider trace.TracerProvider
	// MeterProvider makes the metrics. Default: no metrics.
	MeterProvider metric.MeterProvider
	// Tenants are the values that the attribute session_context.tenant of a histogram may have; any
	// other tenant is _OTHER. Each tenant has its own time series, about 30 histograms at most.
	// Default: histograms have no such attribute. Spans have it always.
	Tenants []string
	// Warm makes spans and durations of a warm Resolve, too: one that the near-cache answered as it
	// was. It is for a look at a single process. A warm Resolve then takes several times as long.
	Warm bool
}

// Telemetry reports to the providers of a Config. It is safe for concurrent use by multiple
// goroutines.
type Telemetry struct {
	tracer  trace.Tracer // nil: no spans
	meter   metric.Meter // nil: no metrics
	warm    bool
	tenants map[string]int // to the index in options; nil: no attribute
	calls   map[string]*operation
	pool    sync.Pool // of *call

	mu         sync.Mutex
	registered []attribute.Distinct
}

// operation is a call of the resolver, as it is reported.
type operation struct {
	span     string
	name     string // session_context.operation.name; empty: it is resolve
	duration metric.Float64Histogram
	options  [][numKinds]atomic.Pointer[[]metric.RecordOption] // by tenant
}

var (
	tenantKey    = attribute.Key("session_context.tenant")
	operationKey = attribute.Key("session_context.operation.name")
	cacheKey     = attribute.Key("session_context.cache.result")
	resultKey    = attribute.Key("session_context.resolve.result")
	reasonKey    = attribute.Key("session_context.rejection.reason")
	errorKey     = attribute.Key("error.type")
)

const other = "_OTHER"

// buckets are from a near-cache that has to compute to a Store that does not answer.
var buckets = []float64{.000001, .00001, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}

// New returns a Telemetry. The error is that of the MeterProvider.
func New(cfg Config) (*Telemetry, error) {
	t := &Telemetry{warm: cfg.Warm, calls: make(map[string]*operation)}
	if cfg.TracerProvider != nil {
		t.tracer = cfg.TracerProvider.Tracer(ScopeName)
	}
	if cfg.MeterProvider != nil {
		t.meter = cfg.MeterProvider.Meter(ScopeName)
	}
	tenants := slices.Compact(slices.Sorted(slices.Values(cfg.Tenants)))
	if len(tenants) > 0 {
		t.tenants = make(map[string]int)
		for i, tenant := range tenants {
			t.tenants[tenant] = i + 1
		}
	}
	var errs []error
	for _, group := range []struct {
		metric, span, description string
		calls                     []string
	}{
		{"resolve", "", "Duration of a Resolve or Attach that the near-cache could not answer as it was.", []string{"resolve"}},
		{"store.operation", "store.", "Duration of a call of the Store.", []string{"load", "save"}},
		{"directory.operation", "directory.", "Duration of a call of the Directory.", []string{"sites", "customer"}},
	} {
		var duration metric.Float64Histogram
		if t.meter != nil {
			var err error
			duration, err = t.meter.Float64Histogram("session_context."+group.metric+".duration", metric.WithUnit("s"),
				metric.WithDescription(group.description), metric.WithExplicitBucketBoundaries(buckets...))
			errs = append(errs, err)
		}
		for _, name := range group.calls {
			op := &operation{span: "session_context." + group.span + name, duration: duration}
			if op.options = make([][numKinds]atomic.Pointer[[]metric.RecordOption], 1+len(tenants)); name != "resolve" {
				op.name = name
			}
			t.calls[name] = op
		}
	}
	t.pool.New = func() any {
		c := &call{t: t}
		c.done = c.end
		return c
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("otelctx: %w", err)
	}
	return t, nil
}

// Observe is a [sessionctx.Config.Observe]. Pass it as a method value.
func (t *Telemetry) Observe(ctx context.Context, name, tenant string) (context.Context, func(sessionctx.Outcome)) {
	op := t.calls[name]
	if op == nil || t.tracer == nil && t.meter == nil {
		return ctx, ignore
	}
	c := t.pool.Get().(*call)
	c.Context, c.op, c.tenant, c.start = ctx, op, tenant, time.Now()
	if op.name == "" { // the span of a resolve begins with its first child, or at the end
		return c, c.done
	}
	if t.tracer == nil {
		return ctx, c.done
	}
	if above, ok := ctx.Value(callKey{}).(*call); ok && above.t == t {
		ctx = trace.ContextWithSpan(ctx, above.begin())
	}
	c.Context = ctx
	return trace.ContextWithSpan(ctx, c.begin()), c.done
}

func ignore(sessionctx.Outcome) {}

// call is a call that has begun. That of a resolve is its context, too, so that it need not
// allocate one. It is used again only if nobody can have kept it: after a call that is no resolve,
// and after a warm resolve, which gives its context to nobody.
type call struct {
	context.Context
	t      *Telemetry
	op     *operation
	tenant string
	start  time.Time
	done   func(sessionctx.Outcome) // end, made once

	mu   sync.Mutex
	span trace.Span
}

type callKey struct{}

// Value implements context.Context.
func (c *call) Value(key any) any {
	if key == (callKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// begin returns the span of the call, and starts it if it has not begun.
func (c *call) begin() trace.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.span == nil {
		_, c.span = c.t.tracer.Start(c.Context, c.op.span, trace.WithTimestamp(c.start), trace.WithSpanKind(trace.SpanKindInternal))
	}
	return c.span
}

// end reports the call.
func (c *call) end(o sessionctx.Outcome) {
	t, resolve := c.t, c.op.name == ""
	if !resolve || !o.Cached || t.warm {
		k := kindOf(c.op, o)
		if t.meter != nil {
			// With the context of the span, so that a bucket's exemplar leads to it.
			ctx := c.Context
			if t.tracer != nil {
				ctx = trace.ContextWithSpan(ctx, c.begin())
			}
			c.op.duration.Record(ctx, time.Since(c.start).Seconds(), t.recordOptions(c.op, c.tenant, k)...)
		}
		if t.tracer != nil {
			c.endSpan(k)
		}
	}
	if !resolve || o.Cached {
		c.Context, c.op, c.tenant, c.span = nil, nil, "", nil
		t.pool.Put(c)
	}
}

// endSpan ends the span with what it is about. The text of the error is not told: see the package.
func (c *call) endSpan(k kind) {
	span := c.begin()
	if span.IsRecording() {
		attrs := k.attributes(c.op)
		if wellFormed(c.tenant) && k.errorType() != "unknown_tenant" {
			attrs = append(attrs, tenantKey.String(c.tenant))
		}
		span.SetAttributes(attrs...)
		if failure := k.errorType(); k.failed() {
			span.SetStatus(codes.Error, failure)
		}
	}
	span.End()
}

// wellFormed says whether a tenant is one by its form. Anything else is what a client sent.
func wellFormed(tenant string) bool {
	if len(tenant) < 3 || len(tenant) > 16 || tenant[0] < 'a' || tenant[0] > 'z' {
		return false
	}
	for _, b := range []byte(tenant) {
		if (b < 'a' || b > 'z') && (b < '0' || b > '9') {
			return false
		}
	}
	return true
}

// recordOptions returns the attributes of a duration. They are made once.
func (t *Telemetry) recordOptions(op *operation, tenant string, k kind) []metric.RecordOption {
	place := &op.options[t.tenants[tenant]][k]
	if made := place.Load(); made != nil {
		return *made
	}
	attrs := k.attributes(op)
	if t.tenants != nil {
		if t.tenants[tenant] == 0 {
			tenant = other
		}
		attrs = append(attrs, tenantKey.String(tenant))
	}
	made := []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(attrs...))}
	place.Store(&made)
	return made
}
