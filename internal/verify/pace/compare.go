package pace

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/evidence"
)

// Way is one way to get something done.
type Way struct {
	Name string
	// Start returns what one goroutine does: the thing n times over. It returns how often that went
	// as it should. Start itself is not measured; it is called for each round.
	Start func(goroutine int) (do func(n int) (good int))
}

// Comparison is what came of the rounds of several ways, the first of which is ours.
type Comparison struct {
	names   []string
	time    [][]float64 // nanoseconds for each operation, by way and round
	mallocs [][]float64
	bytes   [][]float64
}

// Compare runs the ways in turn, on so many goroutines each: A B, then B A, then A B, so that
// neither a machine that grows slower nor what one way leaves behind favours one of them. Each
// starts from a collected heap, with what it needs warm.
func Compare(t testing.TB, goroutines int, ways ...Way) Comparison {
	t.Helper()
	return compare(t, pairs(t), evidence.Duration(t, "ROUND", time.Millisecond), goroutines, ways)
}

func compare(t testing.TB, pairs int, length time.Duration, goroutines int, ways []Way) Comparison {
	t.Helper()
	c := Comparison{
		time: make([][]float64, len(ways)), mallocs: make([][]float64, len(ways)), bytes: make([][]float64, len(ways)),
	}
	counts := make([]int, len(ways))
	order := make([]int, len(ways))
	for i, w := range ways {
		c.names = append(c.names, w.Name)
		counts[i] = calibrate(t, w, goroutines, length)
		order[i] = i
	}
	for range pairs {
		for _, i := range order {
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			took := run(t, ways[i], goroutines, counts[i])
			runtime.ReadMemStats(&after)
			n := float64(counts[i])
			c.time[i] = append(c.time[i], float64(took)/n)
			c.mallocs[i] = append(c.mallocs[i], float64(after.Mallocs-before.Mallocs)/n)
			c.bytes[i] = append(c.bytes[i], float64(after.TotalAlloc-before.TotalAlloc)/n)
		}
		slices.Reverse(order)
	}
	return c
}

// calibrate returns how many operations take about as long as a round should. What was slow once is
// tried again: a number that is too small would measure how a round begins.
func calibrate(t testing.TB, w Way, goroutines int, length time.Duration) int {
	t.Helper()
	const tries = 100
	n := goroutines
	for range tries {
		took := max(run(t, w, goroutines, n), 1)
		if took >= length/2 {
			if took = min(took, run(t, w, goroutines, n)); took >= length/2 {
				return n
			}
		}
		n = max(goroutines, min(8*n, int(float64(n)*float64(length)/float64(max(took, 1)))+1))
	}
	return n
}

// shares is in how many pieces each goroutine's part is cut: one that falls behind leaves the rest
// to the others.
const shares = 16

// run returns how long n operations took.
func run(t testing.TB, w Way, goroutines, n int) time.Duration {
	t.Helper()
	dos := make([]func(int) int, goroutines)
	for g := range dos {
		dos[g] = w.Start(g)
	}
	var begin time.Time
	var took time.Duration
	good := 0
	if goroutines == 1 {
		begin = time.Now()
		good = dos[0](n)
		took = time.Since(begin)
	} else {
		piece := max(n/(goroutines*shares), 1)
		var taken, done atomic.Int64
		var wg sync.WaitGroup
		gate := make(chan struct{})
		for _, do := range dos {
			wg.Go(func() {
				<-gate
				for {
					end := int(taken.Add(int64(piece)))
					m := min(piece, n-(end-piece))
					if m <= 0 {
						return
					}
					done.Add(int64(do(m)))
				}
			})
		}
		begin = time.Now()
		close(gate)
		wg.Wait()
		took = time.Since(begin)
		good = int(done.Load())
	}
	// A cache may have dropped what was put into it, and is measured with what it kept.
	require.GreaterOrEqual(t, good, n-n/50, "%s: of %d operations these many went as they should", w.Name, n)
	return took
}

// Between returns the time of one way by that of another, pair by pair.
func (c Comparison) Between(way, other int) Spread {
	ratios := make([]float64, len(c.time[way]))
	for i := range ratios {
		ratios[i] = c.time[way][i] / c.time[other][i]
	}
	return SpreadOf(ratios)
}

// Spread is where measured values lie.
type Spread struct{ Min, Q1, Median, Q3, Max float64 }

// SpreadOf returns the spread of the values, of which there must be one at least. What lies between
// two values is on the line between them.
func SpreadOf(values []float64) Spread {
	sorted := slices.Sorted(slices.Values(values))
	at := func(share float64) float64 {
		place := share * float64(len(sorted)-1)
		i := int(place)
		return sorted[i] + (place-float64(i))*(sorted[min(i+1, len(sorted)-1)]-sorted[i])
	}
	return Spread{at(0), at(0.25), at(0.5), at(0.75), at(1)}
}

func (s Spread) quartiles() string { return Figure(s.Q1) + " to " + Figure(s.Q3) }

// Figure returns a number with three significant digits.
func Figure(x float64) string {
	if x == 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return fmt.Sprint(x)
	}
	return fmt.Sprintf("%.*f", max(2-int(math.Floor(math.Log10(math.Abs(x)))), 0), x)
}

// Time returns nanoseconds as text, with three significant digits.
func Time(nanoseconds float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e9, " s"}, {1e6, " ms"}, {1e3, " µs"}} {
		if nanoseconds >= unit.size {
			return Figure(nanoseconds/unit.size) + unit.name
		}
	}
	return Figure(nanoseconds) + " ns"
}

// count returns a number of things for each operation: what is next to a whole number is one.
func count(x float64) string {
	if whole := math.Round(x); math.Abs(x-whole) < 0.05 || x >= 100 {
		return fmt.Sprintf("%.0f", math.Abs(whole))
	}
	return fmt.Sprintf("%.1f", x)
}

// Goal is what a comparison should show: that ours takes at most so much of what the other takes,
// and allocates at most so often. A zero field asks for nothing.
type Goal struct{ Ratio, Mallocs float64 }

func (g Goal) text() string {
	switch {
	case g.Ratio == 0:
		return ""
	case g.Mallocs > 0:
		return fmt.Sprintf("ratio ≤ %s, ≤ %v allocations", Figure(g.Ratio), g.Mallocs)
	}
	return "ratio ≤ " + Figure(g.Ratio)
}

func (g Goal) verdict(ratio, mallocs float64) string {
	switch {
	case g.Ratio == 0:
		return ""
	case ratio > g.Ratio || g.Mallocs > 0 && mallocs > g.Mallocs+0.05:
		return "**missed**"
	}
	return "met"
}

// Header is that of the tables whose rows are made by Row.
var Header = []string{
	"what", "ours", "beside", "", "ratio: median", "quartiles", "all pairs", "allocations: ours, theirs", "bytes: ours, theirs", "goal", "",
}

// Row says in a table how ours, the first way, compares with another.
func (c Comparison) Row(what string, way int, g Goal) []string {
	median := func(of [][]float64, way int) float64 { return SpreadOf(of[way]).Median }
	ratio := c.Between(0, way)
	return []string{
		what, Time(median(c.time, 0)), c.names[way], Time(median(c.time, way)),
		Figure(ratio.Median), ratio.quartiles(), Figure(ratio.Min) + " to " + Figure(ratio.Max),
		count(median(c.mallocs, 0)) + ", " + count(median(c.mallocs, way)), count(median(c.bytes, 0)) + ", " + count(median(c.bytes, way)),
		g.text(), g.verdict(ratio.Median, median(c.mallocs, 0)),
	}
}

func pairs(t testing.TB) int       { return evidence.Number(t, "PAIRS", 1) }
func numSessions(t testing.TB) int { return evidence.Number(t, "SESSIONS", 1000) }
