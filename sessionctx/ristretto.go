package sessionctx

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"weak"

	"github.com/dgraph-io/ristretto/v2"
)

// bag holds values that may be gone, late or outdated at any time: whoever takes one out validates it.
// It is bounded in bytes. It is safe for concurrent use by multiple goroutines, Close included: after it a bag is empty.
//
// Integer keys carry no conflict hash in ristretto, so that a collision returns another key's value: the
// values hold their full key, and are compared with it anyhow. Nothing is ever deleted, for a deleted value
// can be seen again and Del blocks when its queue is full; and no TTL is given, for values hold their own deadline.
type bag[V any] struct {
	held atomic.Pointer[held[V]]
}

// held is what a caller holds on to while it is in the cache.
type held[V any] struct {
	cache *ristretto.Cache[uint64, V]
}

// countersPerValue is how many frequency counters there are for each value that fits. Ristretto's advice is 10; Caffeine, whose
// algorithm this is, has about one. They cost 5 bytes each, of memory that is read at random.
const countersPerValue = 4

// newBag returns a bag of about maxBytes.
func newBag[V any](maxBytes, typicalCost int64) (*bag[V], error) {
	c, err := ristretto.NewCache(&ristretto.Config[uint64, V]{
		NumCounters:        max(countersPerValue*maxBytes/typicalCost, 1000),
		MaxCost:            maxBytes,
		BufferItems:        64,
		IgnoreInternalCost: true,
		KeyToHash:          func(hash uint64) (uint64, uint64) { return hash, 0 }, // the default asks for the key's type first
	})
	if err != nil {
		return nil, fmt.Errorf("sessionctx: ristretto: %w", err)
	}
	b := &bag[V]{}
	b.held.Store(&held[V]{c})
	return b, nil
}

// Get returns the value last seen under hash.
func (b *bag[V]) Get(hash uint64) (v V, ok bool) {
	h := b.held.Load()
	if h == nil {
		return v, false
	}
	v, ok = h.cache.Get(hash)
	runtime.KeepAlive(h)
	return v, ok
}

// Set reports whether the value was taken in; it may still be dropped later, and need not be readable at once.
func (b *bag[V]) Set(hash uint64, v V, cost int64) bool {
	h := b.held.Load()
	if h == nil {
		return false
	}
	ok := h.cache.Set(hash, v, cost)
	runtime.KeepAlive(h)
	return ok
}

// Close empties the bag and frees it.
//
// Ristretto's Close panics whoever is in its Get or Set, so it must come after the last of them. To count them in and out would be
// the dearest part of a warm read, paid for something that happens once; the garbage collector knows without being told: when
// nobody holds the cache any more, nobody is in it.
func (b *bag[V]) Close() {
	h := b.held.Swap(nil)
	if h == nil {
		return
	}
	cache, users := h.cache, weak.Make(h)
	for h = nil; users.Value() != nil; {
		runtime.GC()
	}
	cache.Close()
}
