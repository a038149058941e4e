package memstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"sync"
	"time"
	"unique"
	"unsafe"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// DefaultMaxBytes is the bound of a Store that states none.
const DefaultMaxBytes = 256 << 20

// Store is a store.Store and a store.Watcher in memory. The zero Store is ready for use. It must not be copied
// once it is in use, and it is safe for concurrent use by multiple goroutines.
//
// Records are written through a sessionctx.Resolver. While a single Resolver watches the Store, it is taken for the only writer
// and is told of nothing but records that had to give way; code that calls Save besides it makes its cache stale. Several
// Resolvers may share one Store: each is told of all writes.
type Store struct {
	_ [0]func()

	// MaxBytes bounds the memory of all records, estimated with what the Store itself needs for each: about 600
	// bytes for a session without attributes. 0 is DefaultMaxBytes, a negative number no bound.
	// It must not be changed once the Store is in use.
	MaxBytes int64

	// mu is held by whoever changes anything, and guards what follows. Of an item it guards all, together with the lock
	// of the item's shard: to change an item's record or its place in the shard takes both.
	mu      sync.Mutex
	bytes   int64
	evicted int64
	expiry  expiryHeap
	yields  yieldList
	watches []*watch

	// shards are the index. Load takes the lock of one shard only: with one lock for all, two cores load fewer
	// records in a second than one does (BenchmarkLoad).
	shards [numShards]shard
}

var (
	_ store.Store   = (*Store)(nil)
	_ store.Watcher = (*Store)(nil)
)

const numShards = 64

type shard struct {
	mu    sync.RWMutex
	items map[store.Key]*item
	_     [64]byte // a cache line of its own
}

// seed is one for all stores: it only spreads the keys.
var seed = maphash.MakeSeed()

func (s *Store) shard(key store.Key) *shard {
	return &s.shards[maphash.String(seed, key.ID)%numShards]
}

// item is a record in the store.
type item struct {
	key    store.Key
	rec    store.Record
	size   int64
	expiry int   // index in Store.expiry, -1: not there
	older  *item // in Store.yields, as newer; nil: not there, or at its end
	newer  *item
}

// sweepPerSave is how many expired records a Save removes: more than the one that it adds, so that they get
// fewer, and few, so that no Save takes long.
const sweepPerSave = 4

// Load implements store.Store.
func (s *Store) Load(ctx context.Context, key store.Key) (store.Record, error) {
	if err := ctx.Err(); err != nil {
		return store.Record{}, fmt.Errorf("memstore: load: %w", err)
	}
	var rec store.Record
	sh := s.shard(key)
	sh.mu.RLock()
	if it := sh.items[key]; it != nil {
		rec = it.rec
	}
	sh.mu.RUnlock()
	if expired(&rec, time.Now()) {
		return store.Record{}, nil
	}
	return rec, nil
}

// Save implements store.Store. The Store keeps copies, so that nothing else is kept alive by what it holds.
func (s *Store) Save(ctx context.Context, key store.Key, rec store.Record, base store.Revision) (store.Record, error) {
	if err := ctx.Err(); err != nil {
		return store.Record{}, fmt.Errorf("memstore: save: nothing was written: %w", err)
	}
	if rec.Incarnation == 0 {
		return store.Record{}, errors.New("memstore: save: nothing was written: the record has no incarnation")
	}
	next := &item{key: owned(key), expiry: -1}
	next.rec = ownedRecord(next.key, rec)
	next.size = sizeOf(next)

	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for range sweepPerSave {
		if !s.dropExpired(now) {
			break
		}
	}
	cur := s.shard(key).items[key]
	if cur != nil && expired(&cur.rec, now) {
		s.remove(cur, false)
		cur = nil
	}
	var current store.Record
	if cur != nil {
		current = cur.rec
	}
	switch {
	case current.Revision() != base:
		return current, fmt.Errorf("memstore: save: %w", store.ErrConflict)
	case cur != nil && rec.Revision() == base:
		s.touch(cur, rec.ExpiresAt)
		return cur.rec, nil
	}
	if err := s.makeRoom(next, cur, now); err != nil {
		return store.Record{}, err
	}
	s.replace(cur, next)
	return next.rec, nil
}

// touch changes the expiry alone.
func (s *Store) touch(it *item, expiresAt time.Time) {
	s.publish(it.key, s.shared(), func(*shard) { it.rec.ExpiresAt = expiresAt })
	s.expiry.place(it)
	if s.yields.remove(it) {
		s.yields.add(it)
	}
}

// replace puts next where cur was, if there was one.
func (s *Store) replace(cur, next *item) {
	if cur != nil {
		s.forget(cur)
	}
	s.publish(next.key, s.shared(), func(sh *shard) {
		if sh.items == nil {
			sh.items = make(map[store.Key]*item)
		}
		sh.items[next.key] = next
	})
	s.bytes += next.size
	s.expiry.place(next)
	if yielding(next) {
		s.yields.add(next)
	}
}

// remove takes it out of the store. tell says whether the watchers have to know: of what has expired they do by themselves.
func (s *Store) remove(it *item, tell bool) {
	s.publish(it.key, tell, func(sh *shard) { delete(sh.items, it.key) })
	s.forget(it)
}

// forget takes it out of everything but its shard.
func (s *Store) forget(it *item) {
	s.bytes -= it.size
	s.expiry.remove(it)
	s.yields.remove(it)
}

// publish makes a change visible to Load. Whom it concerns is told under the same lock: otherwise one of two Resolvers
// could see the change in the Store, and the other one after it still the old state in its cache.
func (s *Store) publish(key store.Key, tell bool, change func(*shard)) {
	var h store.KeyHash
	if tell = tell && len(s.watches) > 0; tell {
		h = key.Hash()
	}
	sh := s.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	change(sh)
	if tell {
		for _, w := range s.watches {
			w.sink.Invalidate(h)
		}
	}
}

func (s *Store) dropExpired(now time.Time) bool {
	it := s.expiry.first()
	if it == nil || !expired(&it.rec, now) {
		return false
	}
	s.remove(it, false)
	return true
}

// makeRoom makes room for next in the place of cur, or changes nothing and returns ErrFull.
func (s *Store) makeRoom(next, cur *item, now time.Time) error {
	limit := s.MaxBytes
	switch {
	case limit < 0:
		return nil
	case limit == 0:
		limit = DefaultMaxBytes
	}
	need := next.size
	if cur != nil {
		need -= cur.size
	}
	for s.bytes+need > limit && s.dropExpired(now) {
	}
	least := s.bytes - s.yields.bytes + need
	if cur != nil && yielding(cur) {
		least += cur.size // it does not give way to itself
	}
	if least > limit {
		return fmt.Errorf("memstore: save: %d of %d bytes are taken by sessions that must not give way: %w", least-need, limit, store.ErrFull)
	}
	for it := s.yields.oldest; s.bytes+need > limit; {
		victim := it
		it = it.newer
		if victim != cur {
			s.remove(victim, true)
			s.evicted++
		}
	}
	return nil
}

// Stats says how full a Store is.
type Stats struct {
	Records int   // expired ones that were not swept yet included
	Bytes   int64 // estimated, as MaxBytes
	Evicted int64 // records that gave way since the Store is in use
}

// Stats returns how full the Store is.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for i := range s.shards {
		n += len(s.shards[i].items)
	}
	return Stats{Records: n, Bytes: s.bytes, Evicted: s.evicted}
}

func expired(rec *store.Record, now time.Time) bool {
	return !rec.ExpiresAt.IsZero() && !now.Before(rec.ExpiresAt)
}

// owned returns the key with its texts copied: they may be parts of something much larger.
func owned(key store.Key) store.Key {
	return store.Key{Tenant: unique.Make(key.Tenant).Value(), Kind: key.Kind, ID: strings.Clone(key.ID)}
}

func ownedRecord(key store.Key, rec store.Record) store.Record {
	rec.Tenant = unique.Make(rec.Tenant).Value()
	for _, text := range [...]*string{
		&rec.CustomerID, &rec.Company, &rec.Choices.Site, &rec.Choices.Currency, &rec.Choices.Country, &rec.Choices.Language,
	} {
		*text = strings.Clone(*text)
	}
	rec.Heir, rec.Unknown = bytes.Clone(rec.Heir), bytes.Clone(rec.Unknown)
	if rec.Carts != nil {
		carts := make([]store.Cart, len(rec.Carts))
		for i, c := range rec.Carts {
			carts[i] = store.Cart{
				Site: strings.Clone(c.Site), ID: strings.Clone(c.ID),
				Country: strings.Clone(c.Country), Currency: strings.Clone(c.Currency), Changed: c.Changed,
			}
		}
		rec.Carts = carts
	}
	if rec.Dimensions != nil {
		dimensions := make([]store.Dimension, len(rec.Dimensions))
		for i, d := range rec.Dimensions {
			dimensions[i] = store.Dimension{Name: strings.Clone(d.Name), Value: strings.Clone(d.Value), Changed: d.Changed}
		}
		rec.Dimensions = dimensions
	}
	if rec.Attributes != nil {
		attrs := make([]store.Attribute, len(rec.Attributes))
		for i, a := range rec.Attributes {
			attrs[i] = store.Attribute{Name: strings.Clone(a.Name), Value: bytes.Clone(a.Value), Changed: a.Changed}
		}
		rec.Attributes = attrs
	}
	return rec
}

// overhead is what an item needs besides its texts: itself, its slots in index and heap, the rounding of allocations; measured.
const overhead = int64(unsafe.Sizeof(item{})) + 150

// sizeOf returns the bytes of memory that it takes, about.
func sizeOf(it *item) int64 {
	rec := &it.rec
	n := overhead
	for _, length := range [...]int{
		len(it.key.ID), len(rec.CustomerID), len(rec.Company), len(rec.Heir), len(rec.Unknown),
		len(rec.Choices.Site), len(rec.Choices.Currency), len(rec.Choices.Country), len(rec.Choices.Language),
	} {
		n += rounded(length)
	}
	for _, c := range rec.Carts {
		n += int64(unsafe.Sizeof(c)) + rounded(len(c.Site)) + rounded(len(c.ID)) + rounded(len(c.Country)) + rounded(len(c.Currency))
	}
	for _, d := range rec.Dimensions {
		n += int64(unsafe.Sizeof(d)) + rounded(len(d.Name)) + rounded(len(d.Value))
	}
	for _, a := range rec.Attributes {
		n += int64(unsafe.Sizeof(a)) + rounded(len(a.Name)) + rounded(len(a.Value))
	}
	return n
}

// rounded returns what an allocation of n bytes takes, about.
func rounded(n int) int64 {
	switch {
	case n < 16: // such share an allocation
		return int64(n)
	case n > 256:
		return int64(n) * 9 / 8
	}
	return int64(n+15) &^ 15
}
