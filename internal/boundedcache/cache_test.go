package boundedcache_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/boundedcache"
)

const (
	maxBytes = 1 << 20
	typical  = 500
	// maxRecent is the largest cost of a value that Recent finds.
	maxRecent = 2 << 10
)

// inBubble runs test with a cache. In the bubble synctest.Wait returns when ristretto has worked
// off its queue.
func inBubble[V any](t *testing.T, maxBytes, typical int64, test func(*testing.T, *boundedcache.Cache[V])) {
	synctest.Test(t, func(t *testing.T) {
		c, err := boundedcache.New[V](maxBytes, typical, nil)
		require.NoError(t, err)
		defer c.Close()
		test(t, c)
	})
}

func TestGet_FindsWhatWasSet(t *testing.T) {
	inBubble(t, maxBytes, typical, func(t *testing.T, c *boundedcache.Cache[string]) {
		_, ok := c.Get(1)
		assert.False(t, ok)
		assert.True(t, c.Set(1, "one", typical))
		assert.True(t, c.Set(2, "two", typical))
		synctest.Wait()
		for hash, want := range map[uint64]string{1: "one", 2: "two"} {
			v, ok := c.Get(hash)
			assert.True(t, ok)
			assert.Equal(t, want, v)
		}
		c.Set(1, "uno", typical)
		v, _ := c.Get(1)
		assert.Equal(t, "uno", v, "the value of a known hash changes at once")
	})
}

func TestRecent_FindsWhatWasSetAMomentAgo(t *testing.T) {
	tests := []struct {
		desc string
		cost int64
		want bool
	}{
		{desc: "a usual value", cost: typical, want: true},
		{desc: "the largest cost", cost: maxRecent, want: true},
		{desc: "a larger cost: the ring counts places and not bytes", cost: maxRecent + 1},
		{desc: "a much larger cost", cost: maxBytes},
	}
	for _, tc := range tests {
		t.Run(tc.desc, func(t *testing.T) {
			sets := map[string]func(*boundedcache.Cache[string]){
				"Set":       func(c *boundedcache.Cache[string]) { c.Set(1, "one", tc.cost) },
				"SetRecent": func(c *boundedcache.Cache[string]) { c.SetRecent(1, "one", tc.cost) },
			}
			for name, set := range sets {
				t.Run(name, func(t *testing.T) {
					inBubble(t, maxBytes, typical, func(t *testing.T, c *boundedcache.Cache[string]) {
						_, ok := c.Recent(1)
						assert.False(t, ok)
						set(c)
						v, ok := c.Recent(1)
						assert.Equal(t, tc.want, ok)
						if ok {
							assert.Equal(t, "one", v)
						}
						_, ok = c.Recent(2)
						assert.False(t, ok, "another hash")
					})
				})
			}
		})
	}
}

func TestSetRecent_IsForRecentAlone(t *testing.T) {
	inBubble(t, maxBytes, typical, func(t *testing.T, c *boundedcache.Cache[string]) {
		c.SetRecent(1, "one", typical)
		synctest.Wait()
		_, ok := c.Get(1)
		assert.False(t, ok)
	})
}

func TestRecent_FindsTheNewerOfTwo(t *testing.T) {
	inBubble(t, maxBytes, typical, func(t *testing.T, c *boundedcache.Cache[string]) {
		c.SetRecent(1, "old", typical)
		c.Set(1, "new", typical)
		v, ok := c.Recent(1)
		assert.True(t, ok)
		assert.Equal(t, "new", v)
		c.Set(1, "large", maxRecent+1)
		_, ok = c.Recent(1)
		assert.False(t, ok, "a large value takes the older one away, so that nobody takes that one for the newest")
	})
}

func TestRecent_HoldsFewValues(t *testing.T) {
	inBubble(t, maxBytes, typical, func(t *testing.T, c *boundedcache.Cache[int]) {
		const set = 10_000
		for i := range set {
			c.SetRecent(uint64(i), i, typical)
		}
		var found int
		for i := range set {
			if v, ok := c.Recent(uint64(i)); ok {
				assert.Equal(t, i, v)
				found++
			}
		}
		assert.Positive(t, found)
		assert.LessOrEqual(t, found, maxBytes/8/maxRecent, "all of the largest cost would be an eighth of the cache")
	})
}

func TestNew_RefusesABoundThatIsNone(t *testing.T) {
	_, err := boundedcache.New[int](0, typical, nil)
	assert.ErrorContains(t, err, "boundedcache: ")
}

func TestNew_TellsWhatRistrettoHasLetGoOrRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		told := map[uint64]bool{}
		c, err := boundedcache.New[int](maxBytes, typical, func(hash uint64) {
			mu.Lock()
			defer mu.Unlock()
			told[hash] = true
		})
		require.NoError(t, err)
		var kept []uint64
		for i := range int64(3 * maxBytes / typical) {
			if c.Set(hashOf(i), int(i), typical) {
				kept = append(kept, hashOf(i))
			}
			if i%100 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		check := func() (shown int) {
			mu.Lock()
			defer mu.Unlock()
			for _, hash := range kept {
				_, ok := c.Get(hash)
				if ok {
					shown++
				}
				if ok == told[hash] {
					t.Fatalf("shown: %v, and told that it is gone: %v", ok, told[hash])
				}
			}
			return shown
		}
		assert.Positive(t, check())
		c.Close()
		assert.Zero(t, check(), "after Close all is gone")
	})
}

func TestClose_CallersFindNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := boundedcache.New[string](maxBytes, typical, nil)
		require.NoError(t, err)
		c.Set(1, "one", typical)
		synctest.Wait()
		c.Close()
		c.Close()
		check := func(when string) {
			_, ok := c.Get(1)
			assert.False(t, ok, when)
			_, ok = c.Recent(1)
			assert.False(t, ok, when)
		}
		check("what was set before Close")
		assert.False(t, c.Set(1, "late", typical))
		check("what was set after Close")
		c.SetRecent(1, "late", typical)
		check("what was set for Recent after Close")
	})
}

func TestClose_ForcesNoCollection(t *testing.T) {
	inBubble(t, 8<<20, typical, func(t *testing.T, c *boundedcache.Cache[[]byte]) {
		for i := range 10_000 {
			c.Set(uint64(i), make([]byte, typical), typical)
		}
		synctest.Wait()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		c.Close()
		runtime.ReadMemStats(&after)
		assert.Equal(t, before.NumForcedGC, after.NumForcedGC, "at 1 GiB of live heap that takes a second")
	})
}

func TestClose_WithCallersInside(t *testing.T) {
	for range 20 {
		c, err := boundedcache.New[int](maxBytes, typical, nil)
		require.NoError(t, err)
		var callers, started sync.WaitGroup
		var closed atomic.Bool
		call := func(f func(hash uint64)) {
			started.Add(1)
			callers.Go(func() {
				for round := 0; !closed.Load() || round < 5; round++ {
					for hash := range uint64(500) {
						f(hash)
						if hash%100 == 0 {
							runtime.Gosched()
						}
					}
					if round == 0 {
						started.Done()
					}
				}
			})
		}
		call(func(hash uint64) { c.Get(hash) })
		call(func(hash uint64) { c.Get(hash); c.Recent(hash) })
		call(func(hash uint64) { c.Set(hash, 1, typical) })
		started.Wait()
		var closers sync.WaitGroup
		closers.Go(c.Close)
		closers.Go(c.Close)
		closers.Wait()
		closed.Store(true)
		callers.Wait()
		for hash := range uint64(500) {
			if _, ok := c.Get(hash); ok {
				t.Fatal("Get finds something after Close")
			}
			if _, ok := c.Recent(hash); ok {
				t.Fatal("Recent finds something after Close")
			}
		}
	}
}

// heap returns the bytes of live objects.
func heap() int64 {
	runtime.GC()
	runtime.GC() // the second one frees what the first one has found in pools and finalizers
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

const (
	bound = 8 << 20
	// fixed is what a cache of any size has: the queue, the buffers and the shards of ristretto.
	fixed = 1 << 20
)

func hashOf(i int64) uint64 { return uint64(i) * 0x9e3779b97f4a7c15 }

// fill sets n values of size bytes, and lets ristretto work them off.
func fill(c *boundedcache.Cache[[]byte], n, size int64) {
	for i := range n {
		c.Set(hashOf(i), make([]byte, size), size+boundedcache.Overhead)
		if i%100 == 0 {
			synctest.Wait() // or else most values would be dropped
		}
	}
	synctest.Wait()
}

// held returns how many of n values are found.
func held(c *boundedcache.Cache[[]byte], n int64) (found int64) {
	for i := range n {
		if _, ok := c.Get(hashOf(i)); ok {
			found++
		}
	}
	return found
}

func TestCache_MemoryStaysInsideTheBound(t *testing.T) {
	for _, size := range []int64{64, 576, 2048, 14336} { // sizes that the allocator has
		for _, typical := range []int64{560, size + boundedcache.Overhead} {
			t.Run(fmt.Sprintf("values of %d bytes, typical is %d", size, typical), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					before := heap()
					c, err := boundedcache.New[[]byte](bound, typical, nil)
					require.NoError(t, err)
					cost := size + boundedcache.Overhead
					n := 2 * bound / cost // twice what fits
					fill(c, n, size)
					grown := heap() - before
					t.Logf("%d bytes, %.2f of the bound", grown, float64(grown)/bound)
					assert.Less(t, grown, int64(bound*3/2+fixed))
					assert.Greater(t, held(c, n)*cost, int64(bound/3), "the bound is used")

					c.Close()
					assert.Less(t, heap()-before, int64(bound/2), "Close frees the values while somebody still has the cache")
					runtime.KeepAlive(c)
				})
			})
		}
	}
}

func TestCache_MemoryStaysInsideTheBoundWhenValuesGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := heap()
		c, err := boundedcache.New[[]byte](bound, typical, nil)
		require.NoError(t, err)
		defer c.Close()
		const n = 6000
		fill(c, n, 576)
		require.Greater(t, held(c, n), int64(n*9/10), "they fit")
		for range 3 {
			fill(c, n, 14336)
			grown := heap() - before
			t.Logf("%d bytes, %.2f of the bound", grown, float64(grown)/bound)
			assert.Less(t, grown, int64(2*bound))
		}
		assert.Greater(t, held(c, n)*14336, int64(bound/3), "the bound is used")
		for range 3 {
			fill(c, n, 576)
		}
		assert.Greater(t, held(c, n), int64(n/2), "there is room again for small values")
	})
}
