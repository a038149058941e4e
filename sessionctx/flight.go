package sessionctx

import (
	"context"
	"fmt"
	"sync"
)

// flightKey names a load by what it will find: loads that began under another word or epoch are not joined.
type flightKey struct {
	key         Key
	word, epoch uint64
}

// flight is one load, shared by everybody who asks for the same while it may be shared.
type flight[V any] struct {
	started int64 // monotonic
	done    chan struct{}
	value   V // this and err are set before done is closed
	err     error
}

const (
	flightShards = 64
	flightKept   = 64 // finished flights kept in each shard
)

// flights coalesces loads. A finished flight stays joinable for a while, because what it put into the bag is
// not readable at once: of the finished ones each shard keeps the last few.
type flights[V any] struct {
	shards [flightShards]flightShard[V]
	bg     *sync.WaitGroup
}

type flightShard[V any] struct {
	mu   sync.Mutex
	m    map[flightKey]*flight[V]
	kept [flightKept]flightKey
	next int
}

// keep notes a finished flight and drops the oldest one kept. s.mu is held.
func (s *flightShard[V]) keep(k flightKey, f *flight[V]) {
	if old := s.kept[s.next]; old != k {
		if o := s.m[old]; o != nil && finished(o.done) {
			delete(s.m, old)
		}
	}
	s.kept[s.next] = k
	s.next = (s.next + 1) % flightKept
	s.m[k] = f
}

func finished(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// start returns a flight under k that began less than window ago, or that has finished
// with a value that is usable; else it starts one. The load gets a context without the caller's end: a
// caller who gives up does not fail the others.
func (fs *flights[V]) start(ctx context.Context, hash uint64, k flightKey, now, window int64, usable func(V) bool,
	load func(context.Context) (V, error),
) (f *flight[V], joined bool) {
	s := &fs.shards[hash%flightShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	f = s.m[k]
	if f != nil {
		if finished(f.done) {
			if f.err != nil || !usable(f.value) {
				f = nil
			}
		} else if now-f.started >= window {
			f = nil
		}
	}
	joined = f != nil
	if f == nil {
		f = &flight[V]{started: now, done: make(chan struct{})}
		if s.m == nil {
			s.m = make(map[flightKey]*flight[V])
		}
		s.m[k] = f
		fs.bg.Add(1)
		go func() {
			defer fs.bg.Done()
			fs.run(context.WithoutCancel(ctx), s, k, f, load)
		}()
	}
	return f, joined
}

// wait returns what the flight has found, or ctx's error if that ends first.
func (f *flight[V]) wait(ctx context.Context) (v V, err error) {
	select {
	case <-f.done:
		return f.value, f.err
	case <-ctx.Done():
		return v, ctx.Err()
	}
}

func (fs *flights[V]) run(ctx context.Context, s *flightShard[V], k flightKey, f *flight[V], load func(context.Context) (V, error)) {
	defer func() {
		// A panic here would end the process, for no server recovers it on this goroutine.
		if p := recover(); p != nil {
			f.err = fmt.Errorf("sessionctx: panic while loading: %v", p)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		close(f.done)
		if s.m[k] != f {
			return // a younger flight took the place
		}
		if f.err != nil {
			delete(s.m, k)
			return
		}
		s.keep(k, f)
	}()
	f.value, f.err = load(ctx)
}

// put makes a value joinable as if a flight had found it.
func (fs *flights[V]) put(hash uint64, k flightKey, now int64, v V) {
	f := &flight[V]{started: now, done: make(chan struct{}), value: v}
	close(f.done)
	s := &fs.shards[hash%flightShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m == nil {
		s.m = make(map[flightKey]*flight[V])
	}
	s.keep(k, f)
}
