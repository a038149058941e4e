package memstore

import (
	"fmt"
	"time"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// DefaultMaxBytes is the bound of a Store that states none.
const DefaultMaxBytes = 256 << 20

// class says how much of MaxBytes a record may take, and so which records are refused first.
type class int

const (
	evictable class = iota // a guest's session without a cart: it takes free room, and may be evicted
	guest                  // a guest's session with a cart
	customer               // a customer's session
	lasting                // a tombstone, or a KindCustomer record
)

// reservedParts is into how many parts MaxBytes is divided. The last part is for lasting records
// alone, the part before it for these and for customers' sessions.
const reservedParts = 16

func (it *item) class() class {
	switch {
	case it.key.Kind != store.KindSession, it.rec.Ended:
		return lasting
	case it.rec.CustomerID != "":
		return customer
	case len(it.rec.Carts) > 0:
		return guest
	}
	return evictable
}

// pinned returns the bytes of an item that may not be evicted.
func (it *item) pinned() int64 {
	if it == nil || it.class() == evictable {
		return 0
	}
	return it.size
}

// limits returns two bounds: that of all bytes, and that of the bytes that may not be evicted.
// Above the second one no record of class c is added.
func (s *Store) limits(c class) (all, pinned int64) {
	all = s.MaxBytes
	if all == 0 {
		all = DefaultMaxBytes
	}
	switch part := all / reservedParts; c {
	case guest:
		return all, all - 2*part
	case customer:
		return all, all - part
	default:
		return all, all
	}
}

// makeRoom makes room for next in the place of cur, or changes nothing and returns ErrFull. cur may
// be nil. A write that pins no more bytes than cur is not refused for the sake of the reserved
// parts.
func (s *Store) makeRoom(next, cur *item, now time.Time) error {
	if s.MaxBytes < 0 {
		return nil
	}
	all, most := s.limits(next.class())
	need := next.size // more bytes in all
	if cur != nil {
		need -= cur.size
	}
	grown := next.pinned() - cur.pinned() // more bytes that may not be evicted
	// full reports whether there is no room even if everything else is evicted.
	full := func() bool {
		pinned := s.bytes - s.evictable.bytes + grown
		if next.class() == evictable {
			return pinned+next.size > all
		}
		return grown > 0 && pinned > most || pinned > all
	}
	for (full() || s.bytes+need > all) && s.dropExpired(now) {
	}
	if full() {
		return fmt.Errorf("memstore: save: %d of %d bytes are taken by records that must stay: %w",
			s.bytes-s.evictable.bytes, all, store.ErrFull)
	}
	for it := s.evictable.oldest; s.bytes+need > all; {
		victim := it
		it = it.newer
		if victim != cur {
			s.remove(victim, true)
			s.evicted++
		}
	}
	return nil
}

// dropExpired removes the record that has expired first, and reports whether there was one.
func (s *Store) dropExpired(now time.Time) bool {
	it := s.expiry.first()
	if it == nil || !it.rec.Expired(now) {
		return false
	}
	s.remove(it, false)
	return true
}
