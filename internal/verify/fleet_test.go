package verify

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// TestFleet_KeepsItsHits is one process of a fleet, with VISITORS of its own: the router is sticky.
// Each visitor looks at a page every 30 s, and one in five is a customer. The server tells the
// process of every write of the whole fleet, and each write takes the hits of all sessions on its
// stripe away. Time is virtual; the Resolver, with CacheBytes for 2^20 stripes, is the product's.
//
// What is found is held to the rule of docs/scale.md: of a guest's hits the share 1 / (1 + W T / S)
// is left, and of a customer's, whose own record has a stripe too, 1 / (1 + 2 W T / S).
func TestFleet_KeepsItsHits(t *testing.T) {
	const (
		stripes  = 1 << 20
		think    = 30 * time.Second
		tick     = 100 * time.Millisecond
		customer = 5 // every so many visitors
	)
	visitors := evidence.Number(t, "VISITORS", 1000)
	short := os.Getenv("VISITORS") == ""
	var rows [][]string
	for _, tc := range []struct {
		writes int // a second
		least  float64
	}{
		{0, 0.99},
		{10_000, 0.6}, // the promise
		{35_000, 0},
	} {
		if short && tc.writes > 10_000 {
			continue // it takes its time
		}
		synctest.Test(t, func(t *testing.T) {
			c := newCrowd(t, func(i int) string {
				if i%customer != 0 {
					return ""
				}
				return fmt.Sprintf("C%08d", i)
			}, 96<<20)
			c.walk(t, visitors)
			rng := rand.New(rand.NewPCG(uint64(tc.writes), 1))
			requests, hits := 0, 0
			for now := time.Duration(0); now < 8*think; now += tick {
				time.Sleep(tick)
				if now == 4*think { // until then nobody can have stayed away for longer than this
					requests, hits = 0, 0
				}
				for range tc.writes * int(tick) / int(time.Second) {
					var h store.KeyHash                               // of a session of another process
					binary.NativeEndian.PutUint64(h[:], rng.Uint64()) // all of it that a stripe follows from
					binary.NativeEndian.PutUint64(h[8:], rng.Uint64())
					c.store.sink.Invalidate(h)
				}
				for i := range visitors {
					if rng.Float64() >= float64(tick)/float64(think) {
						continue
					}
					before := c.store.loads.Load()
					_, err := c.resolver.Resolve(t.Context(), c.store.request(i))
					assert.NoError(t, err)
					if requests++; c.store.loads.Load() == before {
						hits++
					}
				}
			}
			moved := float64(tc.writes) * think.Seconds() / stripes // how often a stripe moves between two pages
			rule := (1-1./customer)/(1+moved) + 1./customer/(1+2*moved)
			found := float64(hits) / float64(requests)
			assert.GreaterOrEqual(t, found, tc.least, "%d writes/s", tc.writes)
			assert.InDelta(t, rule, found, 0.05, "%d writes/s", tc.writes)
			rows = append(rows, []string{fmt.Sprint(tc.writes), fmt.Sprint(requests), fmt.Sprintf("%.3f", found), fmt.Sprintf("%.3f", rule)})
		})
	}
	evidence.Table(t, "scale-hits", []string{"writes/s of the fleet", "requests", "hits", "hits by the rule"}, rows...)
}
