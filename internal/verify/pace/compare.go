package pace

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Way is one way to get something done.
type Way struct {
	Name string
	// Start returns what one goroutine does: the thing n times over. It returns how often that went as it should.
	// Start itself is not measured; it is called anew for each round.
	Start func(goroutine int) (do func(n int) (good int))
}

// Comparison is what came of the rounds of several ways, the first of which is ours.
type Comparison struct {
	names   []string
	time    [][]float64 // nanoseconds for each operation, by way and round
	mallocs [][]float64
	bytes   [][]float64
}

// Compare runs the ways in turn, on so many goroutines each: A B, then B A, then A B, so that neither a machine that grows slower nor
// what one way leaves behind favours one of them. Each starts from a collected heap, with what it needs warm.
func Compare(t testing.TB, goroutines int, ways ...Way) Comparison {
	t.Helper()
	return compare(t, Pairs(t), Round(t), goroutines, ways)
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

// calibrate returns how many operations take about as long as a round should. What was slow once is tried again: a number that is too
// small would measure how a round begins.
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

// shares is in how many pieces each goroutine's part is cut: one that falls behind leaves the rest to the others.
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

// Time returns what an operation of a way takes, in nanoseconds.
func (c Comparison) Time(way int) Spread { return SpreadOf(c.time[way]) }

// Mallocs and Bytes return what an operation of a way allocates.
func (c Comparison) Mallocs(way int) float64 { return SpreadOf(c.mallocs[way]).Median }
func (c Comparison) Bytes(way int) float64   { return SpreadOf(c.bytes[way]).Median }

// Ratio returns the time of the first way, which is ours, by that of another, pair by pair.
func (c Comparison) Ratio(way int) Spread { return c.Between(0, way) }

// Between returns the time of one way by that of another, pair by pair.
func (c Comparison) Between(way, other int) Spread {
	ratios := make([]float64, len(c.time[way]))
	for i := range ratios {
		ratios[i] = c.time[way][i] / c.time[other][i]
	}
	return SpreadOf(ratios)
}
