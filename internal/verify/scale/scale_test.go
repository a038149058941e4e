package scale

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/internal/verify/evidence"
)

// What the server does, in seconds of one core, as TestCost_OfTheServer found it on two cores of an
// AMD EPYC with Redis 7.0.15.
const (
	getCPU     = 4e-6
	writeCPU   = 8.5e-6
	messageCPU = 5.1e-6
)

// usual returns a fleet of usual visitors.
func usual(processes int, sessions, requests float64, edits ...func(*Fleet)) Fleet {
	f := Fleet{
		Processes: processes, Sessions: sessions, Requests: requests,
		Pages: 10, Think: 30 * time.Second, Visits: 2, Writes: 0.05, Customers: 0.2, Sticky: 1,
		Entries: 96 << 20 * 7 / 12 / 600, Stripes: 1 << 20, Idle: time.Hour, // CacheBytes of 96 MiB
	}
	for _, edit := range edits {
		edit(&f)
	}
	return f
}

func random(f *Fleet)     { f.Sticky = 0 }
func smallCache(f *Fleet) { f.Entries, f.Stripes = f.Entries/48, 1<<14 } // CacheBytes of 2 MiB

// budget is that of the gate, or with EVENTS a larger one. Of each session there are some 40
// requests: several visits.
func budget(t *testing.T) Budget {
	events := 200_000
	if evidence.UnderRace { // one goroutine computes: there are no races to find
		events = 40_000
	}
	events = evidence.Number(t, "EVENTS", events)
	return Budget{Seed: 1, Events: events, Places: events / 40}
}

// TestFleet_KeepsItsHits makes the table of docs/scale.md. What it promises is a row: with 10,000
// writes a second of the whole fleet, all of them told to all processes, 60 % of the hits are left
// that there would be if no session had neighbours.
func TestFleet_KeepsItsHits(t *testing.T) {
	number := func(x float64) string { return fmt.Sprintf("%.3g", x) }
	var rows [][]string
	for _, tc := range []struct {
		desc     string
		fleet    Fleet
		promised bool
	}{
		{"1 process", usual(1, 1e4, 20), false},
		{"2 processes, any gets any", usual(2, 1e5, 200, random), false},
		{"10 processes", usual(10, 1e6, 2e3), false},
		{"10 processes, any gets any", usual(10, 1e6, 2e3, random), false},
		{"10 processes, CacheBytes of 2 MiB", usual(10, 1e6, 2e3, smallCache), false},
		{"25 processes", usual(25, 5e6, 1e4), false},
		{"50 processes", usual(50, 1e7, 2e4), false},
		{"100 processes", usual(100, 2e7, 4e4), false},
		{"177 processes, 10,000 writes/s", usual(177, 3.54e7, 7.08e4), true},
		{"500 processes", usual(500, 1e8, 2e5), false},
		{"500 processes, any gets any", usual(500, 1e8, 2e5, random), false},
	} {
		s := Simulate(tc.fleet, budget(t))
		assert.InEpsilon(t, tc.fleet.Requests, s.Requests, 0.1, "%s: the simulation makes the requests that it is asked for", tc.desc)
		kept := ""
		if tc.promised {
			alone := tc.fleet
			alone.Stripes = 1 << 28 // a session in seven has a neighbour, instead of 34 each
			share := s.Hit / Simulate(alone, budget(t)).Hit
			assert.InEpsilon(t, 1e4, s.Writes, 0.1)
			assert.GreaterOrEqual(t, share, 0.6)
			kept = fmt.Sprintf("%.0f %%", 100*share)
		}
		rows = append(rows, []string{
			tc.desc, number(tc.fleet.Sessions), number(tc.fleet.Requests), number(s.Writes), fmt.Sprintf("%.3f", s.Hit), kept, number(s.Gets), number(s.Messages),
			fmt.Sprintf("%.2g + %.2g", s.Gets*getCPU+s.Writes*writeCPU, s.Messages*messageCPU),
		})
	}
	evidence.Table(t, "scale-fleets", []string{
		"fleet", "sessions", "requests/s", "writes/s", "hit ratio", "of that without neighbours", "GETs/s", "messages/s", "Redis cores: commands + messages alone",
	}, rows...)
}

// TestSimulation_FewStripesAreAsGoodAsAll holds the thinning against a simulation without it.
func TestSimulation_FewStripesAreAsGoodAsAll(t *testing.T) {
	for _, tc := range []struct {
		desc string
		edit func(*Fleet)
	}{
		{"sticky", func(f *Fleet) { f.Stripes = 1 << 10 }},
		{"any gets any", func(f *Fleet) { f.Stripes, f.Sticky = 1<<10, 0 }},
		{"with evictions", func(f *Fleet) { f.Stripes, f.Entries = 1<<12, 2000 }},
	} {
		f := usual(4, 4e4, 400, tc.edit)
		all := Simulate(f, Budget{Seed: 1, Events: 100_000, Places: 40_000})
		few := Simulate(f, Budget{Seed: 2, Events: 100_000, Places: 4_000})
		assert.InDelta(t, all.Hit, few.Hit, 0.02, tc.desc)
		for _, rates := range [][2]float64{{all.Gets, few.Gets}, {all.Writes, few.Writes}} {
			assert.Less(t, math.Abs(rates[0]-rates[1]), 0.06*rates[0], tc.desc)
		}
	}
}
