// Package boundedcache is a cache that is bounded in bytes. It is the only package that names
// ristretto.
package boundedcache

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/ristretto/v2"
)

// Cache holds values that may be missing, late or outdated at any time: the caller validates each
// value that it gets. It is safe for concurrent use by multiple goroutines, Close included.
//
// Ristretto v2.4.2 shows a new value only after a moment, and of two new values under one hash it
// may keep the older one. So a ring holds the values that were set last, for the callers that ask
// before ristretto shows them: Recent. A change deletes nothing, because ristretto can show a
// deleted value again and because its Del blocks while its queue is full.
type Cache[V any] struct {
	cache *ristretto.Cache[uint64, V]
	// locks keep Close away while callers are inside ristretto: it would panic. One lock for all
	// callers would be a cache line that every core writes.
	locks  [numLocks]lock
	closed bool // guarded by all locks
	recent []atomic.Pointer[recent[V]]
}

type lock struct {
	sync.RWMutex
	_ [40]byte // a cache line of its own
}

// recent is a value that was set a moment ago.
type recent[V any] struct {
	hash  uint64
	value V
}

const (
	numLocks = 64
	// countersPerValue is how many frequency counters there are for each value that fits. Ristretto
	// advises 10; Caffeine, which invented the algorithm, has about one. A counter takes 5 bytes.
	countersPerValue = 4
	minCounters      = 1000
	bytesPerCounter  = 5
	// Overhead is what ristretto and the ring need for one value, in bytes: map slots, cost and
	// frequency counters. Measured.
	Overhead = 180

	// maxRecentCost keeps a value of a large cost out of the ring, which counts places and not
	// bytes.
	maxRecentCost = 2 << 10
	minRing       = 16
	maxRing       = 4096
)

// New returns a cache that takes about maxBytes with all that it needs. typical is the cost of a
// usual value: it sizes the counters. gone, if it is not nil, is called with the hash of each value
// that ristretto has let go or has refused, at the latest in Close. It is not called for a value
// that Set has replaced, or for which Set has returned false.
func New[V any](maxBytes, typical int64, gone func(hash uint64)) (*Cache[V], error) {
	counters := max(countersPerValue*maxBytes/typical, minCounters)
	ring := minRing
	for ring < maxRing && int64(2*ring)*maxRecentCost <= maxBytes/8 {
		ring *= 2
	}
	c := &Cache[V]{recent: make([]atomic.Pointer[recent[V]], ring)}
	var isGone func(*ristretto.Item[V])
	if gone != nil {
		isGone = func(i *ristretto.Item[V]) { gone(i.Key) }
	}
	var err error
	c.cache, err = ristretto.NewCache(&ristretto.Config[uint64, V]{
		NumCounters:        counters,
		MaxCost:            max(maxBytes-counters*bytesPerCounter-int64(ring)*maxRecentCost, maxBytes/2),
		BufferItems:        64,
		IgnoreInternalCost: true,
		OnEvict:            isGone,
		OnReject:           isGone,
		KeyToHash:          func(hash uint64) (uint64, uint64) { return hash, 0 }, // the default looks at the key's type first
	})
	if err != nil {
		return nil, fmt.Errorf("boundedcache: ristretto: %w", err)
	}
	return c, nil
}

// Get returns the value that ristretto shows under hash.
func (c *Cache[V]) Get(hash uint64) (v V, ok bool) {
	l := &c.locks[hash%numLocks]
	l.RLock()
	if !c.closed {
		v, ok = c.cache.Get(hash)
	}
	l.RUnlock()
	return v, ok
}

// Recent returns the value that was last set under hash, if it was set a moment ago.
func (c *Cache[V]) Recent(hash uint64) (v V, ok bool) {
	if r := c.recent[c.place(hash)].Load(); r != nil && r.hash == hash {
		return r.value, true
	}
	return v, false
}

// Set keeps a value that takes cost bytes. It reports whether ristretto took the value; ristretto
// may still drop it later.
func (c *Cache[V]) Set(hash uint64, v V, cost int64) (kept bool) {
	c.SetRecent(hash, v, cost)
	l := &c.locks[hash%numLocks]
	l.RLock()
	defer l.RUnlock()
	if c.closed || !c.cache.Set(hash, v, cost) {
		return false
	}
	// Ristretto makes room for new values only. A known value that has grown could fill the memory.
	if c.cache.RemainingCost() < 0 {
		c.cache.Del(hash)
		return false
	}
	return true
}

// SetRecent keeps a value for Recent alone: a better one will be set in a moment.
func (c *Cache[V]) SetRecent(hash uint64, v V, cost int64) {
	r := &recent[V]{hash: hash, value: v}
	if cost > maxRecentCost {
		r = nil
	}
	l := &c.locks[hash%numLocks]
	l.RLock()
	defer l.RUnlock()
	if !c.closed {
		c.recent[c.place(hash)].Store(r)
	}
}

func (c *Cache[V]) place(hash uint64) uint64 {
	return (hash * 0x9e3779b97f4a7c15 >> 32) & uint64(len(c.recent)-1)
}

// Close empties the cache and frees it. Callers find nothing after it. A second Close does nothing.
func (c *Cache[V]) Close() {
	for i := range c.locks {
		c.locks[i].Lock()
	}
	first := !c.closed
	c.closed = true
	for i := range c.locks {
		c.locks[i].Unlock()
	}
	if !first {
		return
	}
	c.cache.Close()
	for i := range c.recent {
		c.recent[i].Store(nil)
	}
}
