// Package stamp says whether what was read a while ago may still be used: striped counters of
// changes and of the writers that are under way.
//
// Whoever may change something bumps the stripe of its key before and after: Begin and End. Whoever
// reads takes the stamp first, reads, and later asks whether the stamp is still current. Keys share
// stripes, so a write to one key can make the stamp of another one outdated. That costs a read and
// is never wrong.
package stamp

import (
	"hash/maphash"
	"math/bits"
	"sync/atomic"
)

// A counter holds the number of changes in its upper 48 bits, and the number of writers under way
// in its lower 16. Every operation moves it upwards, so that no counter ever returns to an earlier
// value.
const (
	change     = 1 << 16
	writers    = 1<<16 - 1     // mask
	maxWriters = 1<<16 - 1<<12 // the rest is room for those that are about to be refused
	slotBits   = 14            // of store.KeyHash.Slot
	seededBits = 6             // more stripes for each slot
	MaxStripes = 1 << (slotBits + seededBits)
	// StripeBits is how many bits a Stripe has. One stripe more than MaxStripes is that of no key.
	StripeBits = slotBits + seededBits + 1
	minStripes = 1 << 10
)

// Stripe names one counter of a Table.
type Stripe uint32

// Stamp is the state of one stripe at one moment. Only the Table that it is from can judge it.
type Stamp struct {
	stripe Stripe
	value  uint64
}

// Quiet reports whether no writer was under way when the stamp was taken. While one is, the stamp
// says nothing about the moment of the change: it was bumped before, and will be bumped after.
func (s Stamp) Quiet() bool { return s.value&writers == 0 }

// Stripe returns the stripe that the stamp is of.
func (s Stamp) Stripe() Stripe { return s.stripe }

// Table holds the counters. It is safe for concurrent use by multiple goroutines.
type Table struct {
	seed  maphash.Seed
	shift int
	// all is added to every counter when it is read, and counts in units of change. A sum of two
	// counters that only grow stays the same only if both do.
	all     atomic.Uint64
	stripes []atomic.Uint64
}

// NewTable returns a table of about n stripes: a power of two, 1024 to MaxStripes. Each takes eight
// bytes.
func NewTable(n int64) *Table {
	n = min(max(n, minStripes), MaxStripes)
	size := bits.Len64(uint64(n)) - 1
	return &Table{seed: maphash.MakeSeed(), shift: slotBits + seededBits - size, stripes: make([]atomic.Uint64, 1<<size+1)}
}

// Len returns the number of stripes.
func (t *Table) Len() int { return len(t.stripes) - 1 }

// StripeOf returns the stripe of a key: slot is 0 to 16383, and hash tells the keys of a slot
// apart. A large table has up to 64 stripes for each slot, which no other slot has. A small table
// has one stripe for several slots.
func (t *Table) StripeOf(slot int, hash []byte) Stripe {
	low := maphash.Bytes(t.seed, hash) & (1<<seededBits - 1)
	return Stripe((uint64(slot)<<seededBits | low) >> t.shift)
}

// Never returns the stripe of no key: only BumpAll makes its stamp outdated.
func (t *Table) Never() Stripe { return Stripe(len(t.stripes) - 1) }

// Read returns the stamp of a stripe.
func (t *Table) Read(s Stripe) Stamp { return Stamp{s, t.stripes[s].Load() + t.all.Load()} }

// Current reports whether nothing has changed since the stamp was taken.
func (t *Table) Current(s Stamp) bool { return t.stripes[s.stripe].Load()+t.all.Load() == s.value }

// Bump says that something under the stripe has changed.
func (t *Table) Bump(s Stripe) { t.stripes[s].Add(change) }

// Advance bumps the stripe of a stamp. If nothing has changed since the stamp was taken, Advance
// returns the new stamp: what was true under the old one is true under the new one. Otherwise it
// returns the old stamp, which is outdated.
func (t *Table) Advance(s Stamp) Stamp {
	was := s.value - t.all.Load()
	if t.stripes[s.stripe].CompareAndSwap(was, was+change) {
		return Stamp{s.stripe, s.value + change}
	}
	t.Bump(s.stripe)
	return s
}

// BumpAll says that anything may have changed.
func (t *Table) BumpAll() { t.all.Add(change) }

// Bumps returns how often BumpAll was called.
func (t *Table) Bumps() uint64 { return t.all.Load() / change }

// Write is a writer under way.
type Write struct {
	stripe     Stripe
	begun, all uint64
}

// Begin counts a writer in. It returns false if too many are under way.
func (t *Table) Begin(s Stripe) (Write, bool) {
	w := Write{stripe: s, all: t.all.Load()}
	w.begun = t.stripes[s].Add(change + 1)
	if w.begun&writers > maxWriters {
		t.End(w)
		return w, false
	}
	return w, true
}

// End counts a writer out.
func (t *Table) End(w Write) { t.stripes[w.stripe].Add(change - 1) }

// EndAlone counts a writer out. If the writer was alone, and nothing else has changed since Begin,
// it returns the stamp under which the result of this write may be kept.
func (t *Table) EndAlone(w Write) (Stamp, bool) {
	next := w.begun + change - 1
	if w.begun&writers == 1 && t.stripes[w.stripe].CompareAndSwap(w.begun, next) {
		return Stamp{w.stripe, next + w.all}, true
	}
	t.End(w)
	return Stamp{}, false
}
