// Package soak lets everything happen at once, for long: shoppers log in and out, end all of their
// sessions, write, leave and come back late, over a Redis that is flushed and whose connections are
// killed, over a bolt file and over a memstore, while the directory changes and Resolvers come and
// go. What must never be is checked all the time: a foreign answer, a session that lives after its
// logout, a version that goes back in one Resolver. What the process takes is measured, and must
// not grow. Its sources are tests alone.
package soak

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/sessionctx/storefront/internal/verify/evidence"
)

// sample is what the process takes at a moment.
type sample struct{ heap, goroutines, files int64 }

func take() (s sample) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s = sample{heap: int64(m.HeapAlloc), goroutines: int64(runtime.NumGoroutine()), files: -1}
	if open, err := os.ReadDir("/proc/self/fd"); err == nil { // on Linux
		s.files = int64(len(open))
	}
	return s
}

// TestSoak_EverythingAtOnce goes on for SOAK, and until somebody has come late everywhere.
func TestSoak_EverythingAtOnce(t *testing.T) {
	length := evidence.Duration(t, "SOAK", 3*time.Second)
	all, closeAll := worlds(t)
	leaks := goleak.IgnoreCurrent() // before any connection is made; what worlds made is gone at the end, too
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, w := range all {
		for i := range numShoppers {
			c := &shopper{world: w, name: fmt.Sprint("shopper", i)}
			wg.Go(func() { c.live(ctx) })
		}
		wg.Go(func() { w.disturb(ctx, t) })
	}
	var samples []sample
	tick := time.NewTicker(max(length/120, 100*time.Millisecond))
	defer tick.Stop()
	begin := time.Now()
	early := func(w *world) bool { return w.tally.late.Load() == 0 }
	for end := begin.Add(length); time.Now().Before(end) || slices.ContainsFunc(all, early); <-tick.C {
		samples = append(samples, take())
	}
	cancel()
	wg.Wait()
	closeAll()
	goleak.VerifyNone(t, leaks)

	var rows [][]string
	for _, w := range all {
		c := &w.tally
		assert.Empty(t, w.violations)
		assert.NotZero(t, c.reads.Load(), "%s: nothing was read", w.name)
		assert.NotZero(t, c.late.Load(), "%s: nobody came late", w.name)
		cells := []string{w.name, length.String()}
		for _, n := range []int64{
			c.reads.Load(), c.degraded.Load(), c.fresh.Load(), c.writes.Load(), c.logins.Load(), c.logouts.Load(), c.endAlls.Load(), c.late.Load(), c.left.Load(), c.notEnded.Load(),
			c.failed.Load(), c.flushed.Load(), c.killed.Load(), c.opened.Load(), int64(len(w.violations)),
		} {
			cells = append(cells, fmt.Sprint(n))
		}
		rows = append(rows, cells)
	}
	evidence.Table(t, "soak", []string{
		"store", "for", "reads", "degraded", "fresh", "writes", "logins", "logouts", "ends of all", "came late", "left to expire", "old session not ended by a login",
		"failed", "FLUSHALL", "connections killed", "resolvers opened", "violations",
	}, rows...)
	bounded(t, samples)
}

// bounded compares the last quarter with the second: the first one warms up. Factors and slack are
// generous; a leak of one goroutine, connection or kilobyte for each operation is a thousand times
// as much.
func bounded(t *testing.T, samples []sample) {
	q := len(samples) / 4
	require.NotZero(t, q, "too short for four quarters")
	var rows [][]string
	for _, r := range []struct {
		name        string
		of          func(sample) int64
		unit, slack int64
	}{
		{"heap, KiB", func(s sample) int64 { return s.heap }, 1 << 10, 16 << 20},
		{"goroutines", func(s sample) int64 { return s.goroutines }, 1, 100},
		{"file descriptors", func(s sample) int64 { return s.files }, 1, 50},
	} {
		median := func(from, to int) int64 {
			var of []int64
			for _, s := range samples[from:to] {
				of = append(of, r.of(s))
			}
			slices.Sort(of)
			return of[len(of)/2]
		}
		second, last := median(q, 2*q), median(3*q, len(samples))
		assert.LessOrEqual(t, last, second*3/2+r.slack, "%s: more in the last quarter than in the second", r.name)
		rows = append(rows, []string{r.name, fmt.Sprint(second / r.unit), fmt.Sprint(last / r.unit)})
	}
	evidence.Table(t, "soak-resources", []string{"median of", "second quarter", "last quarter"}, rows...)
}
