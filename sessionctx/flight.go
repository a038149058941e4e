package sessionctx

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// flightKey names a load by what it will find: loads that began under another word or epoch are not joined, nor, while they
// are under way, those that began before what who asks knows of.
type flightKey struct {
	key         Key
	word, epoch uint64
	since       uint64 // what it began after; 0: who asks does not mind
}

// finds reports whether what a load by k finds is what one by other would.
func (k flightKey) finds(other flightKey) bool {
	return k.key == other.key && k.word == other.word && k.epoch == other.epoch
}

// flight is one load, shared by everybody who asks for the same while it may be shared.
type flight[V any] struct {
	hash    uint64
	of      flightKey
	started int64         // monotonic
	done    chan struct{} // closed when the flight has landed; made by the first who waits
	value   V             // this and err are set before the flight has landed
	err     error
}

// errAbandoned is what those who wait for a flight are told when its load did not return, because of a panic: one of them leads the next.
var errAbandoned = errors.New("sessionctx: the load was given up by the request that began it")

const (
	flightShards = 64
	flightPlaces = 64 // of each shard, for flights that have landed
)

// flights coalesces loads. A flight that has landed stays joinable for a while, because what it put into the bag is
// not readable at once: until another one takes its place.
//
// They are found by the hash of the key. Two that share one, or a place, take it from each other, which costs a load that nobody joins.
type flights[V any] struct {
	shards [flightShards]flightShard[V]
	bg     *sync.WaitGroup
}

type flightShard[V any] struct {
	mu     sync.Mutex
	under  map[uint64]*flight[V] // under way, by hash
	landed [flightPlaces]*flight[V]
}

func (fs *flights[V]) shard(hash uint64) *flightShard[V] { return &fs.shards[hash%flightShards] }

// place is where a flight of that hash is kept when it has landed. s.mu is held.
func (s *flightShard[V]) place(hash uint64) **flight[V] {
	return &s.landed[hash/flightShards%flightPlaces]
}

// join returns a flight under k that began less than window ago, and after what k says, or that has landed with a value that is usable. Else it returns a
// new one that the caller leads: it sets value and err, and lands it.
func (fs *flights[V]) join(hash uint64, k flightKey, now, window int64, usable func(V) bool) (f *flight[V], lead bool) {
	s := fs.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if f = *s.place(hash); f != nil && f.of.finds(k) && usable(f.value) {
		return f, false
	}
	if f = s.under[hash]; f != nil && f.of.finds(k) && (k.since == 0 || f.of.since == k.since) && now-f.started < window {
		if f.done == nil {
			f.done = make(chan struct{})
		}
		return f, false
	}
	f = &flight[V]{hash: hash, of: k, started: now}
	if s.under == nil {
		s.under = make(map[uint64]*flight[V])
	}
	s.under[hash] = f
	return f, true
}

// wait returns what the flight has found, or ctx's error if that ends first. It is for those who joined.
func (f *flight[V]) wait(ctx context.Context) (v V, err error) {
	if f.done == nil { // it had landed
		return f.value, f.err
	}
	select {
	case <-f.done:
		return f.value, f.err
	case <-ctx.Done():
		return v, ctx.Err()
	}
}

// land ends a flight. It is forgotten if it has an error, or if a younger one of its hash has begun.
func (fs *flights[V]) land(f *flight[V]) {
	s := fs.shard(f.hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.done != nil {
		close(f.done)
	}
	if s.under[f.hash] != f {
		return
	}
	delete(s.under, f.hash)
	if f.err == nil {
		*s.place(f.hash) = f
	}
}

// detach leads a flight on a goroutine of its own, and lets the caller wait for it as if joined. The load gets ctx without its end: a
// caller who gives up does not fail it.
func (fs *flights[V]) detach(ctx context.Context, f *flight[V], load func(context.Context) (V, error)) {
	s := fs.shard(f.hash)
	s.mu.Lock()
	if f.done == nil {
		f.done = make(chan struct{})
	}
	s.mu.Unlock()
	ctx = context.WithoutCancel(ctx)
	fs.bg.Go(func() {
		defer fs.land(f)
		defer func() {
			// A panic here would end the process, for no server recovers it on this goroutine.
			if p := recover(); p != nil {
				f.err = fmt.Errorf("sessionctx: panic while loading: %v", p)
			}
		}()
		f.err = errAbandoned // should the load not return
		f.value, f.err = load(ctx)
	})
}

// put makes a value joinable as if a flight had found it that began after all that are under way.
func (fs *flights[V]) put(hash uint64, k flightKey, v V) {
	s := fs.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.under, hash)
	*s.place(hash) = &flight[V]{hash: hash, of: k, value: v}
}
