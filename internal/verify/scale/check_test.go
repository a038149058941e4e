package scale_test

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/scale"
	"github.com/sessionctx/storefront/internal/verify/tables"
)

// What the model may differ from the simulation by.
const (
	shareApart = 0.02 // of all requests
	rateApart  = 0.05 // of the rate
)

// budget is that of the gate, or with EVENTS a larger one. Of each session there are some 40 requests: several visits.
func budget(t *testing.T) scale.Budget {
	b := scale.Budget{Seed: 1, Events: 300_000}
	if s := os.Getenv("EVENTS"); s != "" {
		var err error
		b.Events, err = strconv.Atoi(s)
		require.NoError(t, err, "EVENTS")
	}
	b.Places = b.Events / 40
	return b
}

// apart returns how the model differs from what was found, beyond what it may.
func apart(m scale.Figures, s scale.Found) (differences []string) {
	share := func(name string, model, found float64) {
		if math.Abs(model-found) > shareApart {
			differences = append(differences, fmt.Sprintf("%s: model %.4f, simulation %.4f", name, model, found))
		}
	}
	rate := func(name string, model, found float64) {
		if math.Abs(model-found) > rateApart*found {
			differences = append(differences, fmt.Sprintf("%s: model %.1f/s, simulation %.1f/s", name, model, found))
		}
	}
	share("hits", m.Hit, s.Hit)
	if s.Generation > 0 {
		share("generations", m.Generation, s.Generation)
	}
	rate("GETs", m.Gets, s.Gets)
	rate("writes", m.Writes, s.Writes)
	rate("messages", m.Messages, s.Messages)
	return differences
}

var checked = []struct {
	desc  string
	fleet scale.Fleet
}{
	{"1 process", shop(1, 1e4, 20, sticky)},
	{"1 process that writes half the time", shop(1, 1e5, 800, sticky, func(f *scale.Fleet) { f.Writes = 0.5 })},
	{"1 process with a small cache", shop(1, 1e5, 200, sticky, func(f *scale.Fleet) { f.CacheBytes = 2 << 20 })},
	{"2 processes, any gets any", shop(2, 1e5, 200, random)},
	{"10 processes", shop(10, 1e6, 2e3, sticky)},
	{"10 processes, 2^14 stripes", shop(10, 1e6, 2e3, sticky, stripes(1<<14))},
	{"10 processes, half sticky", shop(10, 1e6, 2e3, func(f *scale.Fleet) { f.Sticky = 0.5 })},
	{"10 processes, any gets any", shop(10, 1e6, 2e3, random)},
	{"10 processes, touched every minute", shop(10, 1e6, 2e3, sticky, func(f *scale.Fleet) { f.Idle = 4 * time.Minute })},
	{"10 processes that often lose their connection", shop(10, 1e6, 2e3, sticky, func(f *scale.Fleet) { f.Losses = 0.02 })},
	{"100 processes", shop(100, 1e7, 2e4, sticky)},
	{"177 processes, 10,000 writes/s", tenThousand()},
	{"100 processes, by key", shop(100, 1e7, 2e4, random, byKey)},
	{"500 processes", shop(500, 1e8, 2e5, sticky)},
	{"500 processes, any gets any", shop(500, 1e8, 2e5, random)},
	{"500 processes, by key", shop(500, 1e8, 2e5, sticky, byKey)},
}

// tenThousand is a fleet with 10,000 writes a second.
func tenThousand() scale.Fleet { return shop(177, 3.54e7, 7.08e4, sticky) }

// TestTenThousandWritesLeaveMostHits is a promise of docs/scale.md: 60 % of the hits are left.
func TestTenThousandWritesLeaveMostHits(t *testing.T) {
	if !shipped(t) {
		return
	}
	f := tenThousand()
	m, s := scale.Model(f, scale.Measured), scale.Simulate(f, scale.Measured, budget(t))
	fmt.Printf("%.0f writes/s: hits %.3f in the model, %.3f in the simulation\n", m.Writes, m.Hit, s.Hit)
	assert.InEpsilon(t, 1e4, m.Writes, 0.01)
	endless := f
	endless.Stripes = math.MaxInt64
	all := scale.Model(endless, scale.Measured).Hit
	fmt.Printf("of the hits of endless stripes, %.3f: %.0f %%\n", all, 100*s.Hit/all)
	assert.GreaterOrEqual(t, m.Hit, 0.6*all)
	assert.GreaterOrEqual(t, s.Hit, 0.6*all)
}

func TestTheModelIsWhatTheSimulationFinds(t *testing.T) {
	if !shipped(t) {
		return
	}
	var rows [][]string
	for _, tc := range checked {
		t.Run(tc.desc, func(t *testing.T) {
			m, s := scale.Model(tc.fleet, scale.Measured), scale.Simulate(tc.fleet, scale.Measured, budget(t))
			assert.InEpsilon(t, tc.fleet.Requests, s.RequestRate, rateApart, "the simulation makes the requests that it is asked for")
			assert.Empty(t, apart(m, s))
			pair := func(model, found float64, format string) string {
				return fmt.Sprintf(format+" / "+format, model, found)
			}
			rows = append(rows, []string{
				tc.desc, number(tc.fleet.Sessions), fmt.Sprint(s.Stripes), pair(m.Hit, s.Hit, "%.3f"),
				pair(m.Generation, s.Generation, "%.3f"), number(m.Gets) + " / " + number(s.Gets),
				number(m.Writes) + " / " + number(s.Writes), number(m.Messages) + " / " + number(s.Messages),
			})
		})
	}
	tables.Write(t, "scale-check", []string{
		"fleet", "sessions", "stripes simulated", "hit ratio", "generation", "GETs/s", "writes/s", "messages/s",
	}, rows...)
}

// TestEachTermOfTheModelIsNeeded holds models that lack one against the simulation of the whole.
func TestEachTermOfTheModelIsNeeded(t *testing.T) {
	if !shipped(t) {
		return
	}
	for _, tc := range []struct {
		desc  string
		fleet scale.Fleet
		blind func(*scale.Fleet) // makes the model not see something
	}{
		{"a neighbour's write on the same stripe", shop(10, 1e6, 2e3, sticky, stripes(1<<14)), func(f *scale.Fleet) { f.Stripes = math.MaxInt64 }},
		{"the routing", shop(10, 1e6, 2e3, random), sticky},
		{"the session's own writes", shop(1, 1e5, 800, sticky, func(f *scale.Fleet) { f.Writes = 0.5 }), func(f *scale.Fleet) { f.Writes = 0 }},
		{"the room of the cache", shop(1, 1e5, 200, sticky, func(f *scale.Fleet) { f.CacheBytes = 2 << 20 }), func(f *scale.Fleet) { f.CacheBytes = 1 << 30 }},
		{"the touches", shop(10, 1e6, 2e3, sticky, func(f *scale.Fleet) { f.Idle = 4 * time.Minute }), func(f *scale.Fleet) { f.Idle = 1000 * time.Hour }},
		{"lost connections", shop(10, 1e6, 2e3, sticky, func(f *scale.Fleet) { f.Losses = 0.02 }), func(f *scale.Fleet) { f.Losses = 0 }},
		{"who is told", shop(500, 1e8, 2e5, sticky, byKey), func(f *scale.Fleet) { f.Tracking = scale.Broadcast }},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			s := scale.Simulate(tc.fleet, scale.Measured, budget(t))
			require.Empty(t, apart(scale.Model(tc.fleet, scale.Measured), s), "the whole model")
			tc.blind(&tc.fleet)
			assert.NotEmpty(t, apart(scale.Model(tc.fleet, scale.Measured), s), "the simulation refutes a model that does not see this")
		})
	}
}

// TestAFewStripesAreAsGoodAsAll holds the thinning against a simulation without it.
func TestAFewStripesAreAsGoodAsAll(t *testing.T) {
	if !shipped(t) {
		return
	}
	for _, tc := range []struct {
		desc  string
		fleet scale.Fleet
	}{
		{"sticky", shop(4, 4e4, 400, sticky, func(f *scale.Fleet) { f.Stripes = 1 << 10 })},
		{"any gets any", shop(4, 4e4, 400, random, func(f *scale.Fleet) { f.Stripes = 1 << 10 })},
		{"with evictions", shop(4, 4e4, 400, sticky, func(f *scale.Fleet) { f.Stripes, f.CacheBytes = 1<<12, 2<<20 })},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			b := budget(t)
			b.Places = 40_000
			all := scale.Simulate(tc.fleet, scale.Measured, b)
			b.Places, b.Seed = 4_000, 2
			few := scale.Simulate(tc.fleet, scale.Measured, b)
			require.Equal(t, tc.fleet.Stripes, float64(all.Stripes))
			require.Less(t, few.Stripes, all.Stripes/5)
			assert.InDelta(t, all.Hit, few.Hit, shareApart)
			assert.InDelta(t, all.Generation, few.Generation, shareApart)
			assert.InEpsilon(t, all.Gets, few.Gets, rateApart)
			assert.InEpsilon(t, all.Writes, few.Writes, rateApart)
			assert.InEpsilon(t, all.Messages, few.Messages, rateApart)
		})
	}
}
