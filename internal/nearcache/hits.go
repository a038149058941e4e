package nearcache

import (
	"math"
	"sync/atomic"
)

// hits counts the reads that entries have answered. Every core adds to it: one number would be a
// line of memory that all of them write.
type hits [64]struct {
	atomic.Uint64
	_ [56]byte
}

// Answered says that the entry under this hash has answered a read. Ristretto is told of some of
// these reads: see readsPerGet. Which ones is as good as random for each entry, also where the same
// reads come again and again in one order.
func (c *Cache[R]) Answered(hash uint64) {
	n := c.hits[hash%uint64(len(c.hits))].Add(1)
	if n*0x9e3779b97f4a7c15 < math.MaxUint64/readsPerGet {
		c.sessions.Get(hash)
	}
}

// Hits returns how often Answered was called.
func (c *Cache[R]) Hits() (n int64) {
	for i := range c.hits {
		n += int64(c.hits[i].Load())
	}
	return n
}
