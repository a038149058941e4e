package pace

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/internal/verify/evidence"
)

func TestCompare_EachWayIsFirstAsOftenAsTheOther(t *testing.T) {
	var ran []string
	way := func(name string) Way {
		return Way{name, func(int) func(int) int {
			ran = append(ran, name)
			return func(n int) int { return n }
		}}
	}
	compare(t, 4, time.Nanosecond, 1, []Way{way("A"), way("B")})
	assert.Equal(t, []string{"A", "B", "B", "A", "A", "B", "B", "A"}, ran[len(ran)-8:])
}

func TestCompare_GoroutinesShareTheWork(t *testing.T) {
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

func TestCompare_WayThatDoesNotDoItsWorkFails(t *testing.T) {
	for _, goroutines := range []int{1, 3} {
		f := &failing{TB: t}
		run(f, Way{"idle", func(int) func(int) int { return func(n int) int { return n / 2 } }}, goroutines, 1000)
		assert.True(t, f.failed)
	}
}

func TestCompare_RatiosAreTakenPairByPair(t *testing.T) {
	// The machine becomes ten times slower between the pairs, and the ratio stays.
	c := Comparison{names: []string{"ours", "theirs"}, time: [][]float64{{10, 100, 1000}, {20, 200, 2000}}}
	assert.Equal(t, Spread{0.5, 0.5, 0.5, 0.5, 0.5}, c.Between(0, 1))
	assert.Equal(t, Spread{1, 1.25, 1.5, 1.75, 2}, SpreadOf([]float64{2, 1}))
	assert.Equal(t, "met", Goal{1, 3}.verdict(1, 3.01))
	assert.Equal(t, "**missed**", Goal{1, 3}.verdict(1.01, 3))
	assert.Equal(t, "**missed**", Goal{1, 3}.verdict(0.5, 4))
}

// TestMachine_IsNamed says what the figures are measured on.
func TestMachine_IsNamed(t *testing.T) {
	line := func(file, mark string) string {
		text, _ := os.ReadFile(file)
		_, after, _ := strings.Cut(string(text), mark)
		value, _, _ := strings.Cut(after, "\n")
		return strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(value), ":"))
	}
	release, _, _ := strings.Cut(line("/proc/version", "Linux version "), "-") // what comes after it names whose build it is
	evidence.Table(t, "pace-machine", []string{"processor", "processors for Go", "system", "Go", "pairs", "a round", "sessions"}, []string{
		line("/proc/cpuinfo", "model name"), fmt.Sprint(runtime.GOMAXPROCS(0)), runtime.GOOS + "/" + runtime.GOARCH + ", kernel " + release,
		runtime.Version(), fmt.Sprint(pairs(t)), os.Getenv("ROUND"), fmt.Sprint(numSessions(t)),
	})
}
