package memstore

import (
	"context"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// Store is a store.Store, a store.Watcher and a store.Eraser in memory. The zero Store is ready for
// use. It must not be copied after first use, and it is safe for concurrent use by multiple
// goroutines.
//
// Records are written through a sessionctx.Resolver. A single Resolver that watches the Store is
// taken for the only writer: it is told of evicted and erased records only, and code that calls
// Save besides the Resolver makes its cache stale. Several Resolvers may share one Store: each is
// told of all writes.
type Store struct {
	_ [0]func()

	// MaxBytes bounds the memory of all records: an estimate that counts what the Store itself
	// needs for each, about 700 bytes for a session without attributes. 0 is DefaultMaxBytes, a
	// negative number is no bound. It must not be changed after first use.
	MaxBytes int64

	// mu guards the fields below. To change the record of an item, or its place in a shard, takes
	// mu and the lock of the shard; to read them takes one of the two. The other fields of an item
	// need mu.
	mu        sync.Mutex
	bytes     int64
	evicted   int64
	expiry    expiryHeap
	evictable evictableList
	watches   []*watch

	// shards are the index. Load takes the lock of one shard: with one lock for all of them, two
	// cores load fewer records in a second than one core does (BenchmarkLoad).
	shards [numShards]shard
}

var (
	_ store.Store   = (*Store)(nil)
	_ store.Watcher = (*Store)(nil)
	_ store.Eraser  = (*Store)(nil)
)

const numShards = 64

type shard struct {
	mu    sync.RWMutex
	items map[store.Key]*item
	_     [64]byte // a cache line of its own
}

// seed spreads the keys over the shards.
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
	older  *item // in Store.evictable, like newer; nil: not there, or at its end
	newer  *item
}

func newItem(key store.Key, rec store.Record) *item {
	it := &item{key: cloneKey(key), rec: cloneRecord(rec), expiry: -1}
	it.size = sizeOf(it)
	return it
}

// sweepPerSave is how many expired records a Save removes: more than the one that it adds, so that
// expired records do not accumulate, and few, so that no Save takes long.
const sweepPerSave = 4

// Load implements store.Store. It compares the expiry with the wall clock, so that an expired
// record is not returned after the machine was suspended or its clock was set.
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
	if rec.Expired(time.Now()) {
		return store.Record{}, nil
	}
	return rec, nil
}

// Save implements store.Store. The Store keeps copies of all texts, which may be parts of something
// larger.
func (s *Store) Save(ctx context.Context, key store.Key, rec store.Record, base store.Revision) (store.Record, error) {
	if err := ctx.Err(); err != nil {
		return store.Record{}, fmt.Errorf("memstore: save: nothing was written: %w: %w", store.ErrUnavailable, err)
	}
	if rec.Incarnation == 0 {
		return store.Record{}, fmt.Errorf("memstore: save: nothing was written: %w: the record has no incarnation", store.ErrUnavailable)
	}
	return s.compareAndSet(newItem(key, rec), base, false)
}

// compareAndSet is Save. With tellAll every watcher is told of it, a single one too.
func (s *Store) compareAndSet(next *item, base store.Revision, tellAll bool) (store.Record, error) {
	key := next.key
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for range sweepPerSave {
		if !s.dropExpired(now) {
			break
		}
	}
	cur := s.shard(key).items[key]
	if cur != nil && cur.rec.Expired(now) {
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
	case cur != nil && next.rec.Revision() == base:
		s.touch(cur, next.rec.ExpiresAt)
		return cur.rec, nil
	}
	if err := s.makeRoom(next, cur, now); err != nil {
		return store.Record{}, err
	}
	s.replace(cur, next, tellAll)
	return next.rec, nil
}

// touch changes the expiry alone.
func (s *Store) touch(it *item, expiresAt time.Time) {
	s.publish(it.key, s.shared(), func(*shard) { it.rec.ExpiresAt = expiresAt })
	s.expiry.place(it)
	if s.evictable.remove(it) {
		s.evictable.add(it)
	}
}

// replace puts next where cur was, if there was one.
func (s *Store) replace(cur, next *item, tellAll bool) {
	if cur != nil {
		s.forget(cur)
	}
	s.publish(next.key, tellAll || s.shared(), func(sh *shard) {
		if sh.items == nil {
			sh.items = make(map[store.Key]*item)
		}
		sh.items[next.key] = next
	})
	s.bytes += next.size
	s.expiry.place(next)
	if next.class() == evictable {
		s.evictable.add(next)
	}
}

// remove takes an item out of the Store. tell says whether the watchers are told: that a record has
// expired they see by themselves.
func (s *Store) remove(it *item, tell bool) {
	s.publish(it.key, tell, func(sh *shard) { delete(sh.items, it.key) })
	s.forget(it)
}

// forget takes an item out of everything but its shard.
func (s *Store) forget(it *item) {
	s.bytes -= it.size
	s.expiry.remove(it)
	s.evictable.remove(it)
}

// publish makes a change visible to Load, and tells the watchers under the same lock. Otherwise one
// of two Resolvers could read the change from the Store while the other one still reads the old
// state from its cache.
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

// Stats says how full a Store is.
type Stats struct {
	Records int   // with the expired ones that are not removed yet
	Bytes   int64 // an estimate, like MaxBytes
	Evicted int64 // records that were evicted before their expiry
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
