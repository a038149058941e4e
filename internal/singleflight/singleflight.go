// Package singleflight shares one call among all who ask for the same at the same time.
//
// Each call runs on a goroutine of its own, under a timer of its own. So a caller who gives up does
// not fail the others, and a call that ignores its context is abandoned.
package singleflight

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrTimeout is the error of a call that has not returned in time.
var ErrTimeout = errors.New("no answer in time")

// Run calls f on a goroutine of its own, and returns what f returns: at the latest when ctx ends,
// with its error, or when the timeout has passed, with ErrTimeout. The context of f has the values
// of ctx and ends with the timeout alone. f must not panic.
func Run[V any](ctx context.Context, timeout time.Duration, spawn func(func()), f func(context.Context) (V, error)) (V, error) {
	c := &call[V]{done: make(chan struct{})}
	c.start(ctx, timeout, spawn, f, func() {})
	return c.wait(ctx)
}

// Group shares calls by key. A Group is safe for concurrent use by multiple goroutines.
type Group[K comparable, V any] struct {
	// Spawn starts a goroutine. Required.
	Spawn func(func())
	// Timeout bounds each call. Required.
	Timeout time.Duration

	shards [numShards]shard[K, V]
}

const numShards = 64

type shard[K comparable, V any] struct {
	mu    sync.Mutex
	calls map[uint64]*keyed[K, V] // the newest under way, by hash
}

type keyed[K comparable, V any] struct {
	call[V]
	key   K
	begun int64
}

// Do returns what f returns. It joins a call that is under way under the same key, and that has
// begun later than since. Otherwise it begins a call at now, which takes the place of an older call
// with the same hash: nobody joins that one any more. joined says which. Two keys with one hash
// take the place from each other, which costs a call.
func (g *Group[K, V]) Do(ctx context.Context, hash uint64, key K, now, since int64, f func(context.Context) (V, error)) (v V, joined bool, err error) {
	s := &g.shards[hash%numShards]
	s.mu.Lock()
	c := s.calls[hash]
	if joined = c != nil && c.key == key && c.begun > since; !joined {
		c = &keyed[K, V]{call: call[V]{done: make(chan struct{})}, key: key, begun: now}
		if s.calls == nil {
			s.calls = make(map[uint64]*keyed[K, V])
		}
		s.calls[hash] = c
	}
	s.mu.Unlock()
	if !joined {
		c.start(ctx, g.Timeout, g.Spawn, f, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.calls[hash] == c {
				delete(s.calls, hash)
			}
		})
	}
	v, err = c.wait(ctx)
	return v, joined, err
}

// call is one call. Whichever comes first ends it: f returns, or the timer fires.
type call[V any] struct {
	once  sync.Once
	done  chan struct{}
	value V // this and err are set before done is closed
	err   error
}

// end gives the call its result. The group forgets the call first, so a call that it knows has not
// ended.
func (c *call[V]) end(v V, err error, forget func()) {
	c.once.Do(func() {
		c.value, c.err = v, err
		forget()
		close(c.done)
	})
}

func (c *call[V]) start(ctx context.Context, timeout time.Duration, spawn func(func()), f func(context.Context) (V, error), forget func()) {
	inner, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	stop := context.AfterFunc(inner, func() {
		var none V
		c.end(none, fmt.Errorf("%w: it took longer than %v", ErrTimeout, timeout), forget)
	})
	spawn(func() {
		v, err := f(inner)
		stop() // or else the end of inner would start a goroutine for nothing
		c.end(v, err, forget)
		cancel()
	})
}

func (c *call[V]) wait(ctx context.Context) (v V, err error) {
	select {
	case <-c.done:
		return c.value, c.err
	default:
	}
	select {
	case <-c.done:
		return c.value, c.err
	case <-ctx.Done():
		return v, ctx.Err()
	}
}
