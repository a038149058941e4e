package directory

import (
	"slices"
	"sync"
	"weak"
)

const (
	numShards = 64
	minSweep  = 128 // entries of a shard
)

// shard is a part of the table of keys.
type shard[K comparable, V any] struct {
	mu      sync.RWMutex
	entries map[K]*entry[K, V]
	// unknown are keys that failed while they had no answer, the oldest first. Some have one by
	// now.
	unknown []K
	sweepAt int // the number of entries at which sweep runs
	_       [40]byte
}

// entry is what is known of a key. All fields are guarded by the shard's mu.
type entry[K comparable, V any] struct {
	key   K
	group *group

	strong *Answer[V]              // the answer in force, if answers are never evicted
	weak   weak.Pointer[Answer[V]] // the answer in force of the bounded form
	// number is that of the question that gave or last confirmed the answer. It stays when the
	// answer is evicted: an older question may be under way.
	number      uint64
	confirmed   int64  // when that question began
	freshUntil  int64  // then the answer has reached its age
	invalidated uint64 // number of the last Invalidate of the key

	questions []*question[V] // under way, the oldest first
	abandoned int            // questions that outlast Timeout
	fullUntil int64          // while abandoned is too high, no question sets out before; 0 after an answer in time
	dropped   bool           // the entry is not in the table any more: nothing that arrives counts

	err       error // of the last question, while nothing is known
	errNumber uint64
	errUntil  int64
	listed    bool // in shard.unknown
}

// due returns the number of the last invalidation: a question with a higher number was asked after
// it.
func (e *entry[K, V]) due() uint64 { return max(e.invalidated, e.group.invalidated.Load()) }

// answer returns the answer in force, nil if there is none.
func (e *entry[K, V]) answer(now int64) *Answer[V] {
	a := e.strong
	if a == nil {
		a = e.weak.Value()
	}
	if a == nil || now-e.confirmed >= int64(maxStale) {
		return nil
	}
	return a
}

// replace puts a in the place of the answer in force. a may be nil.
func (e *entry[K, V]) replace(a *Answer[V]) {
	old := e.strong
	if old == nil {
		old = e.weak.Value()
	}
	e.strong, e.weak = nil, weak.Pointer[Answer[V]]{}
	switch {
	case a == nil:
	case a.kept == nil:
		e.strong = a
	default:
		e.weak = weak.Make(a)
	}
	if old != nil {
		old.supersede()
	}
}

// extend says that nobody needs to ask again before until, or before the answer is too stale.
func (e *entry[K, V]) extend(a *Answer[V], until int64, number uint64) {
	a.extend(min(until, e.confirmed+int64(maxStale)), number)
}

// idle reports whether the entry may be forgotten once it has neither an answer nor an error.
func (e *entry[K, V]) idle() bool { return len(e.questions) == 0 && e.abandoned == 0 }

func (c *Cache[K, V]) shard(key K) *shard[K, V] {
	// The upper bits: a caller's Hash may use the lower ones for something else.
	return &c.shards[c.cfg.Hash(key)*0x9e3779b97f4a7c15>>58]
}

// entry returns the entry of the key, a new one if there is none. s is locked.
func (c *Cache[K, V]) entry(s *shard[K, V], key K) *entry[K, V] {
	if e := s.entries[key]; e != nil {
		return e
	}
	if len(s.entries) >= max(s.sweepAt, minSweep) {
		c.sweep(s)
	}
	name := ""
	if c.cfg.Group != nil {
		name = c.cfg.Group(key)
	}
	e := &entry[K, V]{key: key, group: c.groups.join(name)}
	s.entries[key] = e
	return e
}

// sweep forgets the keys whose answers are not in memory any more. It runs when the shard has
// doubled.
func (c *Cache[K, V]) sweep(s *shard[K, V]) {
	now := c.cfg.Now()
	for _, e := range s.entries {
		if e.answer(now) == nil && e.idle() && now >= e.errUntil {
			c.forget(s, e)
		}
	}
	s.sweepAt = 2 * len(s.entries)
}

// forget takes the entry out of the table.
func (c *Cache[K, V]) forget(s *shard[K, V], e *entry[K, V]) {
	e.replace(nil)
	e.dropped = true
	delete(s.entries, e.key)
	c.groups.leave(e.group)
}

// rememberError keeps the error of a key that has no answer. s is locked.
func (c *Cache[K, V]) rememberError(s *shard[K, V], e *entry[K, V], q *question[V], err error) {
	now := c.cfg.Now()
	e.err, e.errNumber, e.errUntil = err, q.number, now+int64(retry)
	if !e.listed {
		e.listed = true
		s.unknown = append(s.unknown, e.key)
	}
	tooMany := len(s.unknown) - maxUnknown/numShards
	s.unknown = slices.DeleteFunc(s.unknown, func(key K) bool {
		old := s.entries[key]
		if tooMany <= 0 || old != nil && !old.idle() {
			return false
		}
		tooMany--
		if old != nil {
			old.listed = false
			if old.answer(now) == nil {
				c.forget(s, old)
			}
		}
		return true
	})
}

// groups are the groups of the keys in the table.
type groups struct {
	mu     sync.Mutex
	byName map[string]*group
}

func (gs *groups) join(name string) *group {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	g := gs.byName[name]
	if g == nil {
		g = &group{name: name}
		gs.byName[name] = g
	}
	g.keys++
	return g
}

func (gs *groups) leave(g *group) {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	if g.keys--; g.keys == 0 {
		delete(gs.byName, g.name)
	}
}
