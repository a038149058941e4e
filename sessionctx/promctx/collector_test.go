package promctx_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/promctx"
	"github.com/sessionctx/storefront/sessionctx/store"
)

var directory = sessionctx.Static{"demoshop": {
	Sites: []defaults.Site{{
		Code: "main", Default: true, Currency: "EUR", Currencies: []string{"EUR", "CHF"}, Country: "DE", Language: "de",
	}},
	Customers: map[string]defaults.Customer{"customer-7": {Currency: "USD"}},
}}

// flaky is a memory store that can fail.
type flaky struct {
	memstore.Store
	fails atomic.Bool
}

func (f *flaky) Load(ctx context.Context, key store.Key) (store.Record, error) {
	if f.fails.Load() {
		return store.Record{}, errors.New("broken")
	}
	return f.Store.Load(ctx, key)
}

// leased is a Store with a lease that its test extends.
type leased struct {
	memstore.Store
	sink store.Sink
}

func (l *leased) Watch(sink store.Sink) (stop func()) {
	l.sink = sink
	return func() {}
}

func newResolver(t testing.TB, backend store.Store) *sessionctx.Resolver {
	t.Helper()
	r, err := sessionctx.New(sessionctx.Config{Store: backend, Directory: directory, CacheBytes: 4 << 20, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

func request(id string, customerID ...string) sessionctx.Request {
	req := sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: id, Proof: sessionctx.Asserted}}
	for _, c := range customerID {
		req.CustomerID = c
	}
	return req
}

// values returns what a registry has gathered, by name and labels, as in name{label="value"}.
func values(t testing.TB, g prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := g.Gather()
	require.NoError(t, err)
	all := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			if len(labels) > 0 {
				name += "{" + strings.Join(labels, ",") + "}"
			}
			all[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return all
}

func TestCollector_PassesTheLinter(t *testing.T) {
	problems, err := testutil.CollectAndLint(promctx.New(newResolver(t, &memstore.Store{})))
	require.NoError(t, err)
	assert.Empty(t, problems)
}

func TestCollector_PassesThePedanticRegistry(t *testing.T) {
	registry := prometheus.NewPedanticRegistry() // what is collected must be what is described
	require.NoError(t, registry.Register(promctx.New(newResolver(t, &memstore.Store{}))))
	assert.NotEmpty(t, values(t, registry))
}

func TestCollector_ExportsTheStats(t *testing.T) {
	backend := &flaky{}
	r := newResolver(t, backend)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(promctx.New(r))
	require.Eventually(t, func() bool { // ristretto shows a value after a moment
		_, err := r.Resolve(t.Context(), request("session-1"))
		return assert.NoError(t, err) && r.Stats().Hits > 0
	}, 10*time.Second, time.Millisecond)
	_, err := r.Resolve(t.Context(), request("session-2", "customer-7"))
	require.NoError(t, err)
	_, err = r.Update(t.Context(), request("session-1"), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	require.NoError(t, err)
	backend.fails.Store(true)
	_, err = r.Resolve(t.Context(), request("session-3"))
	require.NoError(t, err)

	var s sessionctx.Stats
	var got map[string]float64
	require.Eventually(t, func() bool { // a load may still go on
		s, got = r.Stats(), values(t, registry)
		return assert.ObjectsAreEqual(s, r.Stats())
	}, 10*time.Second, time.Millisecond)
	for name, n := range map[string]int64{"hits": s.Hits, "loads": s.Loads, "writes": s.Writes, "degraded": s.Degraded, "directory loads": s.DirectoryLoads} {
		require.Positive(t, n, name)
	}
	want := map[string]float64{
		`session_context_cache_lookups_total{session_context_cache_result="hit"}`:  float64(s.Hits),
		`session_context_cache_lookups_total{session_context_cache_result="miss"}`: float64(s.Resolves - s.Hits),
		"session_context_cache_invalidations_total":                                float64(s.Invalidations),
		"session_context_cache_flushes_total":                                      float64(s.InvalidatedAll),
		"session_context_cache_dropped_fills_total":                                float64(s.DroppedFills),
		"session_context_store_loads_total":                                        float64(s.Loads),
		"session_context_store_joined_loads_total":                                 float64(s.Joined),
		"session_context_writes_total":                                             float64(s.Writes),
		"session_context_touches_total":                                            float64(s.Touches),
		"session_context_conflicts_total":                                          float64(s.Conflicts),
		"session_context_unknown_outcomes_total":                                   float64(s.Unknown),
		"session_context_degraded_total":                                           float64(s.Degraded),
		"session_context_directory_loads_total":                                    float64(s.DirectoryLoads),
		"session_context_directory_errors_total":                                   float64(s.DirectoryErrors),
		"session_context_site_mistakes_total":                                      float64(s.SiteMistakes),
		"session_context_store_hanging":                                            0,
	}
	for _, reason := range []string{"malformed", "unknownCode", "unknownSite", "inactiveSite", "notOffered", "overruled"} {
		var parsed defaults.Reason
		require.NoError(t, parsed.UnmarshalText([]byte(reason)))
		want[fmt.Sprintf("session_context_candidates_rejected_total{session_context_rejection_reason=%q}", reason)] = float64(s.Rejected[parsed])
	}
	require.Positive(t, s.Rejected[defaults.ReasonNotOffered])
	assert.Greater(t, got["session_context_lease_remaining_seconds"], 1e300, "that of the memory store never ends")
	delete(got, "session_context_lease_remaining_seconds")
	assert.Equal(t, want, got)
}

// TestCollector_ExportsEveryReason catches a reason that is new in package defaults.
func TestCollector_ExportsEveryReason(t *testing.T) {
	known := 0
	for reason := defaults.Reason(1); ; reason++ {
		if _, err := reason.MarshalText(); err != nil {
			break
		}
		known++
	}
	exported := 0
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(promctx.New(newResolver(t, &memstore.Store{})))
	for name := range values(t, registry) {
		if strings.HasPrefix(name, "session_context_candidates_rejected_total{") {
			exported++
		}
	}
	assert.Equal(t, known, exported)
}

func TestCollector_ExportsALeaseThatEnds(t *testing.T) {
	backend := &leased{}
	r := newResolver(t, backend)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(promctx.New(r))
	assert.Negative(t, values(t, registry)["session_context_lease_remaining_seconds"], "none was granted")
	backend.sink.ExtendLease(time.Now().Add(time.Hour))
	lease := values(t, registry)["session_context_lease_remaining_seconds"]
	assert.Greater(t, lease, 0.0)
	assert.LessOrEqual(t, lease, 3600.0)
}

func TestCollector_OfTwoResolversNeedALabel(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	register := func(shop string) error {
		return prometheus.WrapRegistererWith(prometheus.Labels{"shop": shop}, registry).Register(promctx.New(newResolver(t, &memstore.Store{})))
	}
	require.NoError(t, register("main"))
	require.NoError(t, register("outlet"))
	require.Error(t, register("outlet"))
	got := values(t, registry)
	assert.Contains(t, got, `session_context_writes_total{shop="main"}`)
	assert.Contains(t, got, `session_context_writes_total{shop="outlet"}`)
}

// namesIn are the names of metrics and labels of this library, wherever they stand in a text.
var namesIn = regexp.MustCompile(`session_context_\w+`)

// exported returns the names of all metrics and labels that are exported.
func exported(t *testing.T) []string {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(promctx.New(newResolver(t, &memstore.Store{})))
	var all []string
	for name := range values(t, registry) {
		all = append(all, namesIn.FindAllString(name, -1)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestAlerts_NameMetricsThatExist(t *testing.T) {
	text, err := os.ReadFile("alerts.yaml")
	require.NoError(t, err)
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(&file))
	known := exported(t)
	require.Len(t, file.Groups, 1)
	require.NotEmpty(t, file.Groups[0].Rules)
	for _, rule := range file.Groups[0].Rules {
		t.Run(rule.Alert, func(t *testing.T) {
			checkNames(t, rule.Expr, known)
			assert.NotEmpty(t, rule.Labels["severity"])
			assert.NotEmpty(t, rule.Annotations["summary"])
			if rule.For != "" {
				_, err := time.ParseDuration(rule.For)
				assert.NoError(t, err)
			}
		})
	}
}

func TestDashboard_NamesMetricsThatExist(t *testing.T) {
	text, err := os.ReadFile("dashboard.json")
	require.NoError(t, err)
	var file struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr, LegendFormat string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &file))
	known := exported(t)
	require.NotEmpty(t, file.Panels)
	var used []string
	for _, panel := range file.Panels {
		require.NotEmpty(t, panel.Targets, panel.Title)
		for _, target := range panel.Targets {
			checkNames(t, target.Expr, known)
			for _, name := range namesIn.FindAllString(target.LegendFormat, -1) {
				assert.Contains(t, target.Expr, "by ("+name+")", "the legend has a label that the sum keeps")
			}
			used = append(used, namesIn.FindAllString(target.Expr, -1)...)
		}
	}
	for _, name := range known {
		assert.Contains(t, used, name, "a metric that the dashboard does not show")
	}
}

// checkNames checks that an expression names something, and only what is exported. A counter is
// never shown as it is.
func checkNames(t *testing.T, expr string, known []string) {
	t.Helper()
	names := namesIn.FindAllString(expr, -1)
	require.NotEmpty(t, names, expr)
	for _, name := range names {
		assert.Contains(t, known, name, expr)
		if strings.HasSuffix(name, "_total") {
			assert.Regexp(t, `(rate|increase)\(`+name+`(\{[^}]*\})?\[`, expr)
		}
	}
}
