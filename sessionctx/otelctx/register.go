package otelctx

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/sessionctx/storefront/sessionctx"
)

// counter is a metric of a field of Stats.
type counter struct {
	name, unit, description string
	attribute               attribute.KeyValue // none if it is not valid
	value                   func(*sessionctx.Stats) int64
}

// counters are the sums. Those of one name follow each other, and differ in their attribute.
var counters = []counter{
	{
		"cache.lookups", "{lookup}", "Calls of Resolve and Attach, by whether the near-cache answered them as it was.", cacheKey.String("hit"),
		func(s *sessionctx.Stats) int64 { return s.Hits },
	},
	{"cache.lookups", "", "", cacheKey.String("miss"), func(s *sessionctx.Stats) int64 { return s.Resolves - s.Hits }},
	{
		"cache.invalidations", "{invalidation}", "Reports of the Store that a single record may have changed.", attribute.KeyValue{},
		func(s *sessionctx.Stats) int64 { return s.Invalidations },
	},
	{
		"cache.flushes", "{flush}", "How often everything was invalidated, because reports may have been missing.", attribute.KeyValue{},
		func(s *sessionctx.Stats) int64 { return s.InvalidatedAll },
	},
	{
		"cache.dropped_fills", "{fill}", "Values that the near-cache did not take.", attribute.KeyValue{},
		func(s *sessionctx.Stats) int64 { return s.DroppedFills },
	},
	{
		"store.loads", "{load}", "Reads of the Store.", attribute.KeyValue{},
		func(s *sessionctx.Stats) int64 { return s.Loads },
	},
	{
		"store.joined_loads", "{load}", "Reads that shared the load of another one.", attribute.KeyValue{},
		func(s *sessionctx.Stats) int64 { return s.Joined },
	},
	{
		"writes", "{write}", "Writes that were applied.", attribute.KeyValue{},
		func(s *sessionctx.Stats) int64 { return s.Writes },
	},
	{
		"touches", "{touch}", "Expiries that were moved.", attribute.KeyValue{},
		func(s *sessionctx.Stats) int64 { return s.Touches },
	},
	{
		"conflicts", "{conflict}", "Compare-and-sets that found another revision; most are tried again.", attribute.KeyValue{},
		func(s *sessionctx.Stats) int64 { return s.Conflicts },
	},
	{
		"unknown_outcomes", "{write}", "Writes with an outcome that stayed unknown.", attribute.KeyValue{},
		func(s *sessionctx.Stats) int64 { return s.Unknown },
	},
	{
		"degraded", "{resolution}", "Sessions that were resolved without the Store.", attribute.KeyValue{},
		func(s *sessionctx.Stats) int64 { return s.Degraded },
	},
	{
		"directory.loads", "{load}", "Questions to the Directory.", attribute.KeyValue{},
		func(s *sessionctx.Stats) int64 { return s.DirectoryLoads },
	},
	{
		"directory.errors", "{error}", "Questions that the Directory did not answer.", attribute.KeyValue{},
		func(s *sessionctx.Stats) int64 { return s.DirectoryErrors },
	},
	{
		"site.mistakes", "{mistake}", "Mistakes in the data of sites, each counted when an answer first had it.", attribute.KeyValue{},
		func(s *sessionctx.Stats) int64 { return s.SiteMistakes },
	},
}

// Register reports the Stats of r whenever metrics are collected, with these attributes, until the
// Registration is unregistered. It is an error to register with the same attributes twice: two
// Resolvers of one process need an attribute that tells them apart, or else one hides the other.
// Without a MeterProvider nothing is reported.
func (t *Telemetry) Register(r *sessionctx.Resolver, attrs ...attribute.KeyValue) (metric.Registration, error) {
	if t.meter == nil {
		return &registration{}, nil
	}
	common := attribute.NewSet(attrs...)
	id := common.Equivalent()
	t.mu.Lock()
	defer t.mu.Unlock()
	if slices.Contains(t.registered, id) {
		return nil, fmt.Errorf("otelctx: a Resolver with the attributes %q is registered already: attributes must tell Resolvers apart",
			common.Encoded(attribute.DefaultEncoder()))
	}
	done, err := t.observeStats(r, &common)
	if err != nil {
		return nil, fmt.Errorf("otelctx: %w", err)
	}
	t.registered = append(t.registered, id)
	return &registration{Registration: done, forget: sync.OnceFunc(func() { // later the attributes may be another one's
		t.mu.Lock()
		defer t.mu.Unlock()
		t.registered = slices.DeleteFunc(t.registered, func(x attribute.Distinct) bool { return x == id })
	})}, nil
}

// registration is what Register returns.
type registration struct {
	metric.Registration
	forget func()
}

// Unregister ends the reports. It may be called more than once.
func (r *registration) Unregister() error {
	if r.Registration == nil {
		return nil
	}
	r.forget()
	return r.Registration.Unregister()
}

// observeStats registers the callback.
func (t *Telemetry) observeStats(r *sessionctx.Resolver, common *attribute.Set) (metric.Registration, error) {
	with := func(attrs ...attribute.KeyValue) metric.MeasurementOption {
		return metric.WithAttributeSet(attribute.NewSet(append(common.ToSlice(), attrs...)...))
	}
	var errs []error
	var all []metric.Observable
	sum := func(name, unit, description string) metric.Int64Observable {
		c, err := t.meter.Int64ObservableCounter("session_context."+name, metric.WithUnit(unit), metric.WithDescription(description))
		errs, all = append(errs, err), append(all, c)
		return c
	}
	type observed struct {
		instrument metric.Int64Observable
		option     metric.MeasurementOption
	}
	sums := make([]observed, len(counters))
	for i, c := range counters {
		if i > 0 && c.name == counters[i-1].name {
			sums[i].instrument = sums[i-1].instrument
		} else {
			sums[i].instrument = sum(c.name, c.unit, c.description)
		}
		if sums[i].option = with(); c.attribute.Valid() {
			sums[i].option = with(c.attribute)
		}
	}
	rejected := sum("candidates.rejected", "{candidate}", "Candidates for a value that were passed over when a session was computed.")
	lease, err := t.meter.Float64ObservableGauge("session_context.lease.remaining", metric.WithUnit("s"),
		metric.WithDescription("For how long the near-cache is valid if nothing more is heard; negative: it is not used. Not reported for a lease that never ends."))
	errs = append(errs, err)
	hanging, err := t.meter.Int64ObservableGauge("session_context.store.hanging", metric.WithUnit("{state}"), // to "1" Prometheus would add _ratio
		metric.WithDescription("1 while the Store does not answer in time and is only probed, else 0."))
	errs = append(errs, err)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	plain := with()
	return t.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		s := r.Stats()
		for i, c := range counters {
			o.ObserveInt64(sums[i].instrument, c.value(&s), sums[i].option)
		}
		for reason, n := range s.Rejected {
			o.ObserveInt64(rejected, n, with(reasonKey.String(reason.String())))
		}
		if s.Lease != math.MaxInt64 {
			o.ObserveFloat64(lease, s.Lease.Seconds(), plain)
		}
		var hangs int64
		if s.StoreHangs {
			hangs = 1
		}
		o.ObserveInt64(hanging, hangs, plain)
		return nil
	}, append(all, lease, hanging)...)
}
