// Package promctx exports the statistics of a [sessionctx.Resolver] to Prometheus.
//
// A Collector reads [sessionctx.Resolver.Stats] when Prometheus asks, so requests pay nothing for
// it. It registers nothing by itself and uses no global registry:
//
//	registry.MustRegister(promctx.New(resolver))
//
// Two Resolvers of one process, or a label for the shop, need a label that tells them apart:
//
//	prometheus.WrapRegistererWith(prometheus.Labels{"shop": "outlet"}, registry).
//		MustRegister(promctx.New(outlet))
//
// The names are those that package otelctx gives the same values after the usual translation of
// OpenTelemetry's names, so one set of alerts serves both. Package otelctx also has durations. No
// label has a value that a client chooses. The folder of this package has alerts.yaml and
// dashboard.json; docs/operating.md says what each metric means and when to act.
package promctx

import (
	"math"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
)

// Collector is a prometheus.Collector of one Resolver. It is safe for concurrent use by multiple
// goroutines, also after the Resolver was closed.
type Collector struct{ resolver *sessionctx.Resolver }

var _ prometheus.Collector = (*Collector)(nil)

// New returns a Collector of r.
func New(r *sessionctx.Resolver) *Collector { return &Collector{r} }

// metric is a metric without a label, or one value of its label.
type metric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*sessionctx.Stats) float64
	label []string
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("session_context_"+name, help, labels, nil)
}

func counter(name, help string, value func(*sessionctx.Stats) int64) metric {
	return metric{desc: describe(name+"_total", help), kind: prometheus.CounterValue, value: asFloat(value)}
}

func asFloat(value func(*sessionctx.Stats) int64) func(*sessionctx.Stats) float64 {
	return func(s *sessionctx.Stats) float64 { return float64(value(s)) }
}

var (
	lookups = describe("cache_lookups_total", "Calls of Resolve and Attach, by whether the near-cache answered them as it was.",
		"session_context_cache_result")
	rejected = describe("candidates_rejected_total", "Candidates for a value that were passed over when a session was computed.",
		"session_context_rejection_reason")
)

// reasons are the values of the label of rejected. All are exported from the start, so that the
// first rejection is an increase.
var reasons = []defaults.Reason{
	defaults.ReasonMalformed, defaults.ReasonUnknownCode, defaults.ReasonUnknownSite, defaults.ReasonInactiveSite,
	defaults.ReasonNotOffered, defaults.ReasonOverruled,
}

var metrics = []metric{
	{lookups, prometheus.CounterValue, asFloat(func(s *sessionctx.Stats) int64 { return s.Hits }), []string{"hit"}},
	{lookups, prometheus.CounterValue, asFloat(func(s *sessionctx.Stats) int64 { return s.Resolves - s.Hits }), []string{"miss"}},
	counter("cache_invalidations", "Reports of the Store that a single record may have changed.",
		func(s *sessionctx.Stats) int64 { return s.Invalidations }),
	counter("cache_flushes", "How often everything was invalidated, because reports may have been missing.",
		func(s *sessionctx.Stats) int64 { return s.InvalidatedAll }),
	counter("cache_dropped_fills", "Values that the near-cache did not take.",
		func(s *sessionctx.Stats) int64 { return s.DroppedFills }),
	counter("store_loads", "Reads of the Store.",
		func(s *sessionctx.Stats) int64 { return s.Loads }),
	counter("store_joined_loads", "Reads that shared the load of another one.",
		func(s *sessionctx.Stats) int64 { return s.Joined }),
	counter("writes", "Writes that were applied.",
		func(s *sessionctx.Stats) int64 { return s.Writes }),
	counter("touches", "Expiries that were moved.",
		func(s *sessionctx.Stats) int64 { return s.Touches }),
	counter("conflicts", "Compare-and-sets that found another revision; most are tried again.",
		func(s *sessionctx.Stats) int64 { return s.Conflicts }),
	counter("unknown_outcomes", "Writes with an outcome that stayed unknown.",
		func(s *sessionctx.Stats) int64 { return s.Unknown }),
	counter("degraded", "Sessions that were resolved without the Store.",
		func(s *sessionctx.Stats) int64 { return s.Degraded }),
	counter("directory_loads", "Questions to the Directory.",
		func(s *sessionctx.Stats) int64 { return s.DirectoryLoads }),
	counter("directory_errors", "Questions that the Directory did not answer.",
		func(s *sessionctx.Stats) int64 { return s.DirectoryErrors }),
	counter("site_mistakes", "Mistakes in the data of sites, each counted when an answer first had it.",
		func(s *sessionctx.Stats) int64 { return s.SiteMistakes }),
	{
		describe("lease_remaining_seconds", "For how long the near-cache is valid if nothing more is heard; negative: it is not used; +Inf: the lease never ends."),
		prometheus.GaugeValue, func(s *sessionctx.Stats) float64 {
			if s.Lease == math.MaxInt64 {
				return math.Inf(1)
			}
			return s.Lease.Seconds()
		}, nil,
	},
	{
		describe("store_hanging", "1 while the Store does not answer in time and is only probed, else 0."),
		prometheus.GaugeValue, func(s *sessionctx.Stats) float64 {
			if s.StoreHangs {
				return 1
			}
			return 0
		}, nil,
	},
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(descs chan<- *prometheus.Desc) {
	for i, m := range metrics {
		if i == 0 || m.desc != metrics[i-1].desc {
			descs <- m.desc
		}
	}
	descs <- rejected
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(out chan<- prometheus.Metric) {
	s := c.resolver.Stats()
	for _, m := range metrics {
		out <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(&s), m.label...)
	}
	for _, reason := range reasons {
		out <- prometheus.MustNewConstMetric(rejected, prometheus.CounterValue, float64(s.Rejected[reason]), reason.String())
	}
}
