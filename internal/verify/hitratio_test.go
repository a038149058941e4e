package verify

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/dgraph-io/ristretto/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/evidence"
)

// visitors says whose session is read next.
type visitors struct {
	desc string
	next func(rng *rand.Rand) func() int
}

var crowds = []visitors{
	{"few come often, many seldom (Zipf)", func(rng *rand.Rand) func() int { return zipf(rng) }},
	{"so, and every other one comes once", func(rng *rand.Rand) func() int {
		again, n, once := zipf(rng), 0, 1_000_000
		return func() int {
			if n++; n%2 == 0 {
				return again()
			}
			once++
			return once
		}
	}},
	{"shoppers of some 20 pages each", func(rng *rand.Rand) func() int {
		type shopper struct{ id, pages int }
		var inside []shopper
		came := 0
		return func() int {
			for len(inside) < shoppersInside {
				came++
				inside = append(inside, shopper{came, 1 + int(20*rng.ExpFloat64())})
			}
			i := rng.IntN(len(inside))
			s := inside[i]
			if inside[i].pages--; inside[i].pages == 0 {
				inside[i] = inside[len(inside)-1]
				inside = inside[:len(inside)-1]
			}
			return s.id
		}
	}},
}

const shoppersInside = 2500

func zipf(rng *rand.Rand) func() int {
	z := rand.NewZipf(rng, 1.01, 1, 25_000)
	return func() int { return int(z.Uint64()) }
}

// hitRatio reads for a crowd, and returns the share of the second half of the reads that get finds.
func hitRatio(v *visitors, get func(id int) (found bool)) float64 {
	const reads = 100_000
	next, hits := v.next(rand.New(rand.NewPCG(1, 2))), 0
	for i := range reads {
		if get(next()) && i >= reads/2 {
			hits++
		}
		if i%16 == 0 {
			runtime.Gosched() // the queue of ristretto
		}
	}
	return float64(hits) / (reads / 2)
}

// TestCache_HitRatio compares the near-cache with bare ristretto that has room for as many sessions
// and hears of every read. There are more sessions than fit.
func TestCache_HitRatio(t *testing.T) {
	if !evidence.Shipped(t, "internal/verify") {
		return
	}
	const cacheBytes = 3 << 20
	room := newCrowd(t, nil, cacheBytes)
	room.walk(t, 10_000)
	capacity := room.walk(t, 10_000)
	var rows [][]string
	for i := range crowds {
		v := &crowds[i]
		c := newCrowd(t, nil, cacheBytes)
		ours := hitRatio(v, func(id int) bool {
			was := c.store.loads.Load()
			_, err := c.resolver.Resolve(t.Context(), c.store.request(id))
			require.NoError(t, err)
			return c.store.loads.Load() == was
		})
		bare, err := ristretto.NewCache(&ristretto.Config[string, int]{
			NumCounters: int64(10 * capacity), MaxCost: int64(capacity), BufferItems: 64, IgnoreInternalCost: true,
		})
		require.NoError(t, err)
		theirs := hitRatio(v, func(id int) bool {
			key := fmt.Sprintf("62528895-b561-4518-bfdc-%012d", id)
			if _, ok := bare.Get(key); ok {
				return true
			}
			bare.Set(key, id, 1)
			return false
		})
		bare.Close()
		rows = append(rows, []string{v.desc, fmt.Sprintf("%.3f", ours), fmt.Sprintf("%.3f", theirs), fmt.Sprintf("%.2f", ours/theirs)})
		assert.Greater(t, ours, 0.8*theirs, v.desc)
	}
	evidence.Table(t, "hit-ratio", []string{"visitors", "hits of the near-cache", "of ristretto", "ratio"}, rows...)
	t.Logf("%d sessions fit", capacity)
}
