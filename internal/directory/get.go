package directory

import (
	"context"
	"fmt"
	"time"
)

// Get returns the answer in force. It waits only for the first answer about a key, at most for
// Timeout and until ctx ends, and after an Invalidate, at most 100 ms. Errors for which
// errors.Is(err, ErrNoAnswer) holds say that the source hangs.
func (c *Cache[K, V]) Get(ctx context.Context, key K) (*Answer[V], error) {
	s := c.shard(key)
	now := c.cfg.Now()
	s.mu.RLock()
	var a *Answer[V]
	if e := s.entries[key]; e != nil {
		a = e.answer(now)
	}
	s.mu.RUnlock()
	if a == nil || a.Until() <= now {
		var err error
		if a, err = c.get(ctx, s, key, now); err != nil {
			return nil, err
		}
	}
	c.keep(key, a)
	return a, nil
}

// get asks for what is not known or not young enough. began is when the caller came.
func (c *Cache[K, V]) get(ctx context.Context, s *shard[K, V], key K, began int64) (*Answer[V], error) {
	for {
		a, wait, err := c.look(ctx, s, key, began)
		if wait == nil {
			return a, err
		}
		ended := wait.wait(ctx)
		switch {
		case ended && wait.q == nil: // there is room for another question
		case ended && wait.q.err == nil:
			// The bounded form may evict the answer before the next look.
			if a := wait.q.answer; a != nil && a.Until() > 0 {
				return a, nil
			}
		case ended && a == nil:
			return nil, wait.q.err
		case ctx.Err() != nil:
			if a := c.Known(key); a != nil {
				return a, nil
			}
			return nil, ctx.Err()
		case a == nil && !ended:
			return nil, fmt.Errorf("%w within %v", ErrNoAnswer, c.cfg.Timeout)
		}
	}
}

// look returns what Get is to return, or what it has to wait for.
func (c *Cache[K, V]) look(ctx context.Context, s *shard[K, V], key K, began int64) (*Answer[V], *waiting[V], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := c.cfg.Now()
	e := s.entries[key]
	if e == nil {
		e = c.entry(s, key)
	}
	due := e.due()
	a := e.answer(now)
	if a == nil {
		return c.lookFirst(ctx, s, e, due, now, began)
	}
	if a.Until() > now {
		return a, nil, nil
	}
	q, err := c.ask(c.ctx, e, due)
	until := now + int64(retry)
	if q != nil {
		until = q.began + int64(c.cfg.Timeout)
	}
	if err == nil && a.Superseded() && c.failure.Load() == nil {
		// The key was invalidated, and nobody has waited for long enough yet.
		// A key that is invalidated again and again does not hold a caller for longer.
		end := began + int64(answerWait)
		if q != nil {
			end = min(end, q.began+int64(answerWait))
		}
		if now < end {
			return a, waitFor(e, q, end-now), nil
		}
	}
	e.extend(a, max(until, now+1), due)
	return a, nil, nil
}

// lookFirst looks for the first answer about a key.
func (c *Cache[K, V]) lookFirst(ctx context.Context, s *shard[K, V], e *entry[K, V], due uint64, now, began int64) (*Answer[V], *waiting[V], error) {
	if e.err != nil && now < e.errUntil && e.errNumber > due {
		return nil, nil, e.err
	}
	var q *question[V]
	err := ctx.Err()
	if err == nil {
		q, err = c.ask(ctx, e, due)
	}
	if err == nil && c.hanging.Load() {
		err = fmt.Errorf("%w: earlier questions had none within %v", ErrNoAnswer, c.cfg.Timeout)
	}
	if err != nil {
		if e.idle() && e.err == nil {
			c.forget(s, e)
		}
		return nil, nil, err
	}
	return nil, waitFor(e, q, began+int64(c.cfg.Timeout)-now), nil
}

// Known returns the answer in force, nil if there is none. It neither asks nor waits.
func (c *Cache[K, V]) Known(key K) *Answer[V] {
	s := c.shard(key)
	s.mu.RLock()
	defer s.mu.RUnlock()
	if e := s.entries[key]; e != nil {
		return e.answer(c.cfg.Now())
	}
	return nil
}

// Keys returns the keys that have an answer in force, in no order.
func (c *Cache[K, V]) Keys() (keys []K) {
	now := c.cfg.Now()
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.RLock()
		for key, e := range s.entries {
			if e.answer(now) != nil {
				keys = append(keys, key)
			}
		}
		s.mu.RUnlock()
	}
	return keys
}

// Refresh asks, by a question that begins after the call, and waits for the answer. Nil says that
// this answer, or a newer one, is in force.
func (c *Cache[K, V]) Refresh(ctx context.Context, key K) error {
	number := c.numbers.Add(1)
	s := c.shard(key)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.mu.Lock()
		e := c.entry(s, key)
		if e.number > number && e.answer(c.cfg.Now()) != nil {
			s.mu.Unlock()
			return nil
		}
		q, err := c.ask(ctx, e, number)
		// A question ends at Timeout by itself. The wait must not end at the same moment and begin
		// another one.
		wait := waitFor(e, q, 2*int64(c.cfg.Timeout))
		if err != nil && e.idle() && e.err == nil && e.answer(c.cfg.Now()) == nil {
			c.forget(s, e)
		}
		s.mu.Unlock()
		if err != nil {
			return err
		}
		if !wait.wait(ctx) || q == nil {
			continue
		}
		if q.err != nil {
			return q.err
		}
		s.mu.RLock()
		dropped := e.dropped
		s.mu.RUnlock()
		if !dropped {
			return nil
		}
	}
}

// waiting is what a caller waits for.
type waiting[V any] struct {
	q      *question[V]       // nil: any question about the key
	ended  [2]<-chan struct{} // either
	atMost time.Duration
}

// waitFor returns a wait for q, or where q is nil for any question about the key. The shard is
// locked.
func waitFor[K comparable, V any](e *entry[K, V], q *question[V], atMost int64) *waiting[V] {
	w := &waiting[V]{q: q, atMost: time.Duration(atMost)}
	switch {
	case q != nil:
		w.ended[0] = q.done
	default:
		for i, q := range e.questions {
			w.ended[i] = q.done
		}
	}
	return w
}

// wait reports whether a question has ended before ctx and the time did.
func (w *waiting[V]) wait(ctx context.Context) bool {
	timer := time.NewTimer(w.atMost)
	defer timer.Stop()
	select {
	case <-w.ended[0]:
		return true
	case <-w.ended[1]:
		return true
	case <-timer.C:
		return false
	case <-ctx.Done():
		return false
	}
}
