package nearcache

import (
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/sessionctx/storefront/internal/stamp"
)

// front is a table of entries in front of ristretto. A warm read that finds its entry here takes no
// lock, and knows the stripes of both stamps before it has fetched the entry: so the processor
// fetches entry and stamps at the same time.
//
// The front owns nothing. What ristretto lets go goes from here, too, so memory stays bounded by
// what ristretto counts. What is found here is a hint, as all that the cache holds: the reader
// validates it, so it may be of another key, and the stripes may be those of another entry.
type front[R any] struct {
	buckets []bucket[R]
	locks   [64]sync.Mutex // for those who change a bucket
}

// bucket is where an entry can be: one line of the processor's cache.
type bucket[R any] [4]place[R]

// place holds one entry, or nil. The mark tells the hashes of a bucket apart by their lowest bits,
// and has the stripes of the entry's stamps.
type place[R any] struct {
	mark  atomic.Uint64
	entry atomic.Pointer[Entry[R]]
}

const (
	tagBits    = 64 - 2*stamp.StripeBits
	tagMask    = 1<<tagBits - 1
	stripeMask = 1<<stamp.StripeBits - 1
)

func markOf[R any](hash uint64, e *Entry[R]) uint64 {
	return uint64(e.session.Stripe())<<(tagBits+stamp.StripeBits) | uint64(e.customer.Stripe())<<tagBits | hash&tagMask
}

// of returns the number of the bucket of a hash, by its highest bits.
func (f *front[R]) of(hash uint64) uint64 {
	n, _ := bits.Mul64(hash, uint64(len(f.buckets)))
	return n
}

// get returns the entry of a hash, and the stripes of its stamps; nil if it is not here.
func (f *front[R]) get(hash uint64) (e *Entry[R], session, customer stamp.Stripe) {
	b := &f.buckets[f.of(hash)]
	for i := range b {
		if m := b[i].mark.Load(); (m^hash)&tagMask == 0 {
			if e = b[i].entry.Load(); e != nil {
				return e, stamp.Stripe(m >> (tagBits + stamp.StripeBits)), stamp.Stripe(m >> tagBits & stripeMask)
			}
		}
	}
	return nil, 0, 0
}

// put puts an entry in the place of an older one of the hash, or in a free place. If the bucket is
// full it does nothing.
func (f *front[R]) put(hash uint64, e *Entry[R]) { f.change(hash, e, true) }

// replace puts an entry in the place of an older one of the hash, if there is one.
func (f *front[R]) replace(hash uint64, e *Entry[R]) { f.change(hash, e, false) }

// remove takes the entry of a hash away.
func (f *front[R]) remove(hash uint64) { f.change(hash, nil, false) }

func (f *front[R]) change(hash uint64, e *Entry[R], free bool) {
	n := f.of(hash)
	l := &f.locks[n%uint64(len(f.locks))]
	l.Lock()
	defer l.Unlock()
	p := f.buckets[n].find(hash)
	if p == nil || !free && p.entry.Load() == nil {
		return
	}
	if e != nil {
		p.mark.Store(markOf(hash, e))
	}
	p.entry.Store(e)
}

// find returns the place of an entry of the hash, a free one if there is none, nil if the bucket is
// full.
func (b *bucket[R]) find(hash uint64) (free *place[R]) {
	for i := range b {
		switch {
		case b[i].entry.Load() != nil:
			if (b[i].mark.Load()^hash)&tagMask == 0 {
				return &b[i]
			}
		case free == nil:
			free = &b[i] // the first one: a reader looks there first
		}
	}
	return free
}
