package directory

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/sessionctx/storefront/internal/boundedcache"
)

// question is one call of Ask.
type question[V any] struct {
	number uint64
	began  int64
	done   chan struct{} // closed when the question has ended, by an answer, an error or Timeout

	// Set before done is closed.
	answer *Answer[V]
	err    error
}

// ask returns a question about e with a number above after: one under way, or else a new one, whose
// context has the values of caller. It returns neither a question nor an error if maxPerKey are
// under way. The shard of e is locked.
func (c *Cache[K, V]) ask(caller context.Context, e *entry[K, V], after uint64) (*question[V], error) {
	// A question that began before what is known cannot change it.
	after = max(after, e.number)
	if n := len(e.questions); n > 0 && e.questions[n-1].number > after {
		return e.questions[n-1], nil
	}
	now := c.cfg.Now()
	full := c.abandoned.Load() >= maxAbandoned || c.hanging.Load() && c.underWay.Load() >= maxHanging
	switch {
	case len(e.questions) >= maxPerKey:
		return nil, nil
	case c.closed.Load():
		return nil, fmt.Errorf("%w: the cache is closed", ErrNoAnswer)
	case e.abandoned >= maxAbandonedPerKey && now < e.fullUntil:
		return nil, fmt.Errorf("%w: %d questions about the key hang", ErrNoAnswer, e.abandoned)
	case full && !c.oneMore(now):
		return nil, fmt.Errorf("%w: %d questions hang", ErrNoAnswer, c.underWay.Load())
	}
	e.fullUntil = now + int64(oneMoreAfter)
	q := &question[V]{number: c.numbers.Add(1), began: now, done: make(chan struct{})}
	e.questions = append(e.questions, q)
	c.underWay.Add(1)
	c.cfg.Go(func() { c.run(withValues{c.ctx, caller}, e, q) })
	return q, nil
}

// oneMore reports whether one question may set out although too many hang, and puts off the next.
func (c *Cache[K, V]) oneMore(now int64) bool {
	until := c.fullUntil.Load()
	return now >= until && c.fullUntil.CompareAndSwap(until, now+int64(oneMoreAfter))
}

// withValues is a context with the values of another one. The end of the other one does not end it.
type withValues struct {
	context.Context
	of context.Context
}

// Value asks the context itself first, because package context finds by Value what ends a context.
func (c withValues) Value(key any) any {
	if v := c.Context.Value(key); v != nil {
		return v
	}
	return c.of.Value(key)
}

// outcome is how Ask returned.
type outcome[V any] struct {
	value V
	err   error
}

// run asks the question, and waits for the answer until Timeout.
func (c *Cache[K, V]) run(of context.Context, e *entry[K, V], q *question[V]) {
	if c.cfg.Asked != nil {
		c.cfg.Asked()
	}
	ctx, cancel := context.WithTimeout(of, c.cfg.Timeout)
	defer cancel()
	returned := make(chan outcome[V]) // unbuffered: an outcome that nobody takes is late
	abandoned := make(chan struct{})
	go func() {
		o := c.call(ctx, e.key)
		select {
		case returned <- o:
			c.underWay.Add(-1)
		case <-abandoned:
			c.late(e, q, o)
		}
	}()

	timer := time.NewTimer(c.cfg.Timeout)
	defer timer.Stop()
	select {
	case o := <-returned:
		c.end(e, q, o, false)
		return
	case <-timer.C:
		c.end(e, q, outcome[V]{err: context.DeadlineExceeded}, true)
	case <-c.ctx.Done():
		timer.Reset(closeWait)
		select {
		case o := <-returned:
			c.end(e, q, o, false)
			return
		case <-timer.C:
			c.end(e, q, outcome[V]{err: c.ctx.Err()}, true)
		}
	}
	close(abandoned)
}

// call calls Ask. A panic, and the end of the goroutine by runtime.Goexit, are errors.
func (c *Cache[K, V]) call(ctx context.Context, key K) (o outcome[V]) {
	o.err = fmt.Errorf("%w: Ask ended its goroutine", ErrNoAnswer)
	defer func() {
		if p := recover(); p != nil {
			o.err = fmt.Errorf("directory: Ask panicked: %v", p)
		}
	}()
	o.value, o.err = c.cfg.Ask(ctx, key)
	return o
}

// end ends a question in time, or at Timeout: then it is abandoned, and Ask still runs.
func (c *Cache[K, V]) end(e *entry[K, V], q *question[V], o outcome[V], abandon bool) {
	closed := c.ctx.Err() != nil
	timedOut := abandon || c.cfg.Now()-q.began >= int64(c.cfg.Timeout)
	switch {
	case o.err == nil:
		c.succeeded()
	case closed:
		q.err = fmt.Errorf("%w: the cache is closed", ErrNoAnswer)
	case timedOut:
		c.hanging.Store(true)
		c.fullUntil.Store(c.cfg.Now() + int64(oneMoreAfter))
		// The error is not wrapped: a caller must not take it for the end of its own context.
		q.err = fmt.Errorf("%w within %v: %v", ErrNoAnswer, c.cfg.Timeout, o.err)
	default:
		q.err = o.err
	}

	s := c.shard(e.key)
	s.mu.Lock()
	e.questions = slices.DeleteFunc(e.questions, func(o *question[V]) bool { return o == q })
	if abandon {
		e.abandoned++
		c.abandoned.Add(1)
	}
	known := false
	if q.err == nil {
		e.fullUntil = 0
		q.answer = c.install(e, q, o.value)
	} else {
		known = c.fail(s, e, q)
	}
	c.askAgain(e, q)
	s.mu.Unlock()

	if known && !closed {
		c.failure.Store(&Failure[K]{e.key, q.err})
	}
	close(q.done)
	if q.err != nil && !closed && c.cfg.Failed != nil {
		c.cfg.Failed(e.key, q.err, known)
	}
}

// late takes the outcome of a question that was abandoned. Its answer still counts, unless a
// question that began later has answered. An answer that is late does not end hanging: callers that
// waited would get nothing within Timeout.
func (c *Cache[K, V]) late(e *entry[K, V], q *question[V], o outcome[V]) {
	c.underWay.Add(-1)
	c.abandoned.Add(-1)
	if o.err == nil {
		c.failure.Store(nil)
	}
	s := c.shard(e.key)
	s.mu.Lock()
	defer s.mu.Unlock()
	e.abandoned--
	if o.err == nil && !c.closed.Load() {
		c.install(e, q, o.value)
	}
}

// succeeded says that the source answers in time.
func (c *Cache[K, V]) succeeded() {
	c.hanging.Store(false)
	c.fullUntil.Store(0)
	c.failure.Store(nil)
}

// install makes v the answer in force, unless a later question has answered. It returns the answer
// in force. The shard of e is locked.
func (c *Cache[K, V]) install(e *entry[K, V], q *question[V], v V) *Answer[V] {
	now := c.cfg.Now()
	a := e.answer(now)
	if e.dropped || q.number < e.number {
		return a
	}
	maxAge := int64(c.cfg.MaxAge)
	e.number, e.confirmed, e.freshUntil = q.number, q.began, q.began+maxAge-rand.Int64N(maxAge/8+1)
	e.err = nil
	if a == nil || !c.cfg.Equal(a.Value, v) {
		next := newAnswer(v, e.group, now)
		if c.kept != nil {
			key := e.key
			next.kept = &kept[V]{drop: func() { c.Drop(key) }}
			next.kept.answer.Store(next)
		}
		e.replace(next)
		c.changed(e.key)
		a = next
		c.keep(e.key, a)
	}
	// An answer from before an Invalidate is in force, but the next question is due at once.
	if due := e.due(); q.number > due {
		e.extend(a, e.freshUntil, due)
	}
	return a
}

// fail takes an error, and reports whether an answer is in force. s is the shard of e, locked.
func (c *Cache[K, V]) fail(s *shard[K, V], e *entry[K, V], q *question[V]) (known bool) {
	now := c.cfg.Now()
	a := e.answer(now)
	due := e.due()
	switch {
	case e.dropped:
		return false
	case a == nil:
		c.rememberError(s, e, q, q.err)
		return false
	case q.number <= due:
		return true // a later question is due
	}
	until := now + int64(retry)
	if e.number > due {
		until = max(until, e.freshUntil) // the answer is young: a Refresh has failed, or an earlier question
	}
	e.extend(a, until, due)
	return true
}

// askAgain starts the question that an Invalidate wanted while too many were under way: q has just
// ended.
func (c *Cache[K, V]) askAgain(e *entry[K, V], q *question[V]) {
	if !e.dropped && q.number < e.invalidated && e.number < e.invalidated {
		_, _ = c.ask(c.ctx, e, e.invalidated)
	}
}

// keep asks boundedcache to keep the answer in memory.
func (c *Cache[K, V]) keep(key K, a *Answer[V]) {
	if c.kept == nil {
		return
	}
	hash := c.cfg.Hash(key)
	if k, ok := c.kept.Get(hash); ok && k == a.kept {
		return
	}
	if k, ok := c.kept.Recent(hash); ok && k == a.kept {
		return
	}
	c.kept.Set(hash, a.kept, c.cfg.Cost(key, a.Value)+overhead+boundedcache.Overhead)
}
