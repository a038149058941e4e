package scale_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/internal/verify/overlay"
	"github.com/sessionctx/storefront/internal/verify/scale"
)

// shop returns a fleet of usual visitors.
func shop(processes int, sessions, requests float64, edits ...func(*scale.Fleet)) scale.Fleet {
	f := scale.Fleet{
		Processes: processes, Sessions: sessions, Requests: requests,
		Pages: 10, Think: 30 * time.Second, Visits: 2, Writes: 0.05, Customers: 0.2, Sticky: 1,
		CacheBytes: 96 << 20, Lease: time.Second, Idle: time.Hour, Allocated: 64 << 10,
	}
	for _, edit := range edits {
		edit(&f)
	}
	if f.Stripes == 0 {
		f.Stripes = scale.StripesOf(f.CacheBytes)
	}
	return f
}

func sticky(f *scale.Fleet) { f.Sticky = 1 }
func random(f *scale.Fleet) { f.Sticky = 0 }
func byKey(f *scale.Fleet)  { f.Tracking = scale.ByKey }

// number writes a number for a reader: three digits, and what they count.
func number(x float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e9, " G"}, {1e6, " M"}, {1e3, " k"}} {
		if math.Abs(x) >= unit.size*0.9995 {
			return fmt.Sprintf("%.3g%s", x/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%.3g", x)
}

// shipped reports whether the test is to go on. What one goroutine computes has no races to find: under the race detector the test is run
// again in a binary without it, which is ten times as fast.
func shipped(t *testing.T) bool {
	t.Helper()
	if !underRace {
		return true
	}
	out, passed := overlay.Run(t, overlay.Build(t, "scale"), t.Name())
	fmt.Print(out)
	assert.True(t, passed, out)
	return false
}
