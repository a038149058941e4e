package pace

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// recorder notes who ran.
type recorder struct{ ran []string }

func (r *recorder) way(name string) Way {
	return Way{name, func(int) func(int) int {
		r.ran = append(r.ran, name)
		return func(n int) int { return n }
	}}
}

func TestEachWayIsFirstAsOftenAsTheOther(t *testing.T) {
	var r recorder
	ways := []Way{r.way("A"), r.way("B")}
	compare(t, 4, time.Nanosecond, 1, ways)
	assert.Equal(t, []string{"A", "B", "B", "A", "A", "B", "B", "A"}, r.ran[len(r.ran)-8:])
}

func TestTheGoroutinesShareWhatThereIsToDo(t *testing.T) {
	for _, goroutines := range []int{1, 2, 7} {
		for _, n := range []int{7, 8, 1000, 1001} {
			var done atomic.Int64
			run(t, Way{"", func(int) func(int) int {
				return func(n int) int { done.Add(int64(n)); return n }
			}}, goroutines, n)
			assert.EqualValues(t, n, done.Load(), "%d goroutines", goroutines)
		}
	}
}

// failing keeps what a test would fail with.
type failing struct {
	testing.TB
	failed bool
}

func (f *failing) Helper()               {}
func (f *failing) Errorf(string, ...any) { f.failed = true }
func (f *failing) FailNow()              {}

func TestAWayThatDoesNotDoItsWorkFails(t *testing.T) {
	for _, goroutines := range []int{1, 3} {
		idle := Way{"idle", func(int) func(int) int { return func(n int) int { return n / 2 } }}
		f := &failing{TB: t}
		run(f, idle, goroutines, 1000)
		assert.True(t, f.failed)
	}
}

func TestRatiosAreTakenPairByPair(t *testing.T) {
	// The machine becomes ten times slower between the pairs, and the ratio stays.
	c := Comparison{names: []string{"ours", "theirs"}, time: [][]float64{{10, 100, 1000}, {20, 200, 2000}}}
	assert.Equal(t, Spread{0.5, 0.5, 0.5, 0.5, 0.5}, c.Ratio(1))
	assert.Equal(t, 100.0, c.Time(0).Median)
}

func TestAllocationsAreCounted(t *testing.T) {
	var kept atomic.Pointer[[100]byte]
	c := compare(t, 3, 100*time.Microsecond, 1, []Way{
		{"none", func(int) func(int) int {
			return func(n int) int {
				for range n {
					kept.Store(nil)
				}
				return n
			}
		}},
		{"one", func(int) func(int) int {
			return func(n int) int {
				for range n {
					kept.Store(new([100]byte))
				}
				return n
			}
		}},
	})
	assert.InDelta(t, 0, c.Mallocs(0), 0.1)
	assert.InDelta(t, 1, c.Mallocs(1), 0.1)
	assert.GreaterOrEqual(t, c.Bytes(1), 100.0)
}

func TestASpreadIsWhereTheValuesLie(t *testing.T) {
	for _, tc := range []struct {
		desc   string
		values []float64
		want   Spread
	}{
		{"one value", []float64{3}, Spread{3, 3, 3, 3, 3}},
		{"in any order", []float64{5, 1, 4, 2, 3}, Spread{1, 2, 3, 4, 5}},
		{"between two values", []float64{1, 2}, Spread{1, 1.25, 1.5, 1.75, 2}},
	} {
		given := slices.Clone(tc.values)
		assert.Equal(t, tc.want, SpreadOf(tc.values), tc.desc)
		assert.Equal(t, given, tc.values, "the values stay in their order")
	}
}

func TestAFigureHasThreeSignificantDigits(t *testing.T) {
	for in, want := range map[float64]string{0: "0", 0.01234: "0.0123", 1.25: "1.25", 12.34: "12.3", 1234: "1234"} {
		assert.Equal(t, want, Figure(in))
	}
	for in, want := range map[float64]string{12.3: "12.3 ns", 1234: "1.23 µs", 1.5e6: "1.50 ms", 2e9: "2.00 s"} {
		assert.Equal(t, want, Time(in))
	}
}

func TestAGoalIsMissedWhenEitherPartOfItIs(t *testing.T) {
	g := AtMost(1).Allocating(3)
	for _, tc := range []struct {
		desc           string
		ratio, mallocs float64
		want           string
	}{
		{"both parts hold", 1, 3.01, "met"},
		{"too slow", 1.01, 3, "**missed**"},
		{"too many allocations", 0.5, 4, "**missed**"},
	} {
		assert.Equal(t, tc.want, g.Verdict(tc.ratio, tc.mallocs), tc.desc)
	}
	assert.Equal(t, "met", TimesFaster(25).Verdict(0.039, 100))
	assert.Equal(t, "**missed**", TimesFaster(25).Verdict(0.041, 0))
	assert.Empty(t, Goal{}.Verdict(9, 9))
}
