package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// leaseTimeout is how long a sink waits for its lease, and for the renewal.
var leaseTimeout = 5 * time.Second

const (
	reportSlack = time.Second            // for renewals that were in flight when Save returned
	quiet       = 100 * time.Millisecond // in which a late store would call a stopped sink
)

// sink records the calls that it gets.
type sink struct {
	p    *probe
	name string
	stop func()

	ending    sync.Once
	mu        sync.Mutex
	changed   chan struct{} // closed at the next call
	reports   map[store.KeyHash]int
	lost      int
	watching  bool // Watch has returned
	exclusive bool
	until     time.Time // zero: no lease yet
	stopped   bool
}

// watch starts to watch a store, and returns nil if it is no Watcher.
func (p *probe) watch(name string, backend store.Store) *sink {
	w, ok := backend.(store.Watcher)
	if !ok {
		return nil
	}
	s := &sink{p: p, name: name, changed: make(chan struct{}), reports: make(map[store.KeyHash]int)}
	s.stop = w.Watch(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watching = true
	return s
}

// called takes the lock for a call, and wakes those who wait for one.
func (s *sink) called(what string) {
	s.mu.Lock()
	if s.stopped {
		s.p.failf("%s was called on the sink of %s after its stop had returned", what, s.name)
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// Invalidate implements store.Sink.
func (s *sink) Invalidate(h store.KeyHash) {
	s.called("Invalidate")
	defer s.mu.Unlock()
	s.reports[h]++
}

// InvalidateAll implements store.Sink.
func (s *sink) InvalidateAll() {
	s.called("InvalidateAll")
	defer s.mu.Unlock()
	s.lost++
}

// Exclusive implements store.Sink.
func (s *sink) Exclusive() {
	s.called("Exclusive")
	defer s.mu.Unlock()
	switch {
	case s.exclusive:
		s.p.failf("%s called Exclusive twice", s.name)
	case s.watching:
		s.p.failf("%s called Exclusive after Watch had returned", s.name)
	}
	s.exclusive = true
}

// ExtendLease implements store.Sink.
func (s *sink) ExtendLease(until time.Time) {
	s.called("ExtendLease")
	defer s.mu.Unlock()
	switch {
	case until.IsZero():
		s.p.failf("%s granted a lease until the zero time", s.name)
	case s.exclusive:
		s.p.failf("%s called ExtendLease after Exclusive: until %v", s.name, until)
	case until.Before(s.until):
		s.p.failf("%s granted a lease until %v after one until %v: it ends earlier", s.name, until, s.until)
	}
	s.until = until
}

// leased reports whether a lease was granted. The caller holds the lock.
func (s *sink) leased() bool { return s.exclusive || !s.until.IsZero() }

// wait waits until cond holds or the deadline has passed, and reports whether cond holds. It calls
// both with the lock held.
func (s *sink) wait(deadline func() time.Time, cond func() bool) bool {
	for {
		s.mu.Lock()
		ok, changed, end := cond(), s.changed, deadline()
		s.mu.Unlock()
		if ok {
			return true
		}
		if !time.Now().Before(end) {
			return false
		}
		select {
		case <-changed:
		case <-time.After(time.Until(end)):
		}
	}
}

// awaitLease waits for the first lease.
func (s *sink) awaitLease() {
	end := time.Now().Add(leaseTimeout)
	if !s.wait(func() time.Time { return end }, s.leased) {
		s.p.stopf("%s granted no lease within %v", s.name, leaseTimeout)
	}
}

// end stops the watch, once. The store must not call the sink after that.
func (s *sink) end() {
	s.ending.Do(func() {
		s.stop()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.stopped = true
	})
}

// heard is how often a sink was told that a record may have changed.
func (s *sink) heard(h store.KeyHash) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reports[h] + s.lost
}

// expect checks that a change of key is reported while the lease holds, and stops the check if it
// is not. before is what heard returned before the change.
func (s *sink) expect(desc string, key store.Key, before int) {
	h := key.Hash()
	s.mu.Lock()
	limit := s.until.Add(reportSlack)
	s.mu.Unlock()
	leaseEnd := func() time.Time {
		switch {
		case s.exclusive:
			return time.Time{} // the report was due when Save returned
		case s.until.After(limit):
			return limit // the store goes on to renew the lease, but knows nothing of the change
		}
		return s.until
	}
	if !s.wait(leaseEnd, func() bool { return s.reports[h]+s.lost > before }) {
		s.p.stopf("%s was not reported to the sink of %s while its lease held", desc, s.name)
	}
}

func checkLease(p *probe) {
	s := p.watch("the store", p.a)
	if s == nil {
		return
	}
	defer s.end()
	s.awaitLease()
	s.mu.Lock()
	until, exclusive := s.until, s.exclusive
	s.mu.Unlock()
	if exclusive {
		return
	}
	end := time.Now().Add(leaseTimeout) // a longer lease is not waited for
	if until.Before(end) {
		end = until
	}
	renewed := func() bool { return s.until.After(until) }
	if !s.wait(func() time.Time { return end }, renewed) && end.Equal(until) {
		p.failf("the lease until %v was not renewed before its end", until)
	}
}

// checkExclusive calls what might make a store grant Exclusive again, or a lease after it. The
// sinks see it.
func checkExclusive(p *probe) {
	s := p.watch("the store", p.a)
	if s == nil {
		return
	}
	defer s.end()
	s.awaitLease()
	key := p.key("exclusive")
	rec := first(key)
	p.save(key, rec, none)
	second := p.watch("the second watch", p.a)
	second.awaitLease()
	p.save(key, next(rec), rec.Revision())
	second.end()
	end := time.Now().Add(quiet)
	s.wait(func() time.Time { return end }, func() bool { return false })
}

// checkVanished writes sessions that a store may evict, and more of them than a small store can
// hold.
func checkVanished(p *probe) {
	s := p.watch("the store", p.a)
	if s == nil {
		return
	}
	defer s.end()
	s.awaitLease()
	const sessions = 300
	type saved struct {
		rec   store.Record
		heard int
	}
	all := make(map[store.Key]saved)
	for i := range sessions {
		key := p.key(fmt.Sprintf("vanished %d", i))
		rec := first(key)
		rec.CustomerID, rec.Carts, rec.Heir = "", nil, nil
		rec.Attributes[0].Value = json.RawMessage(`"` + strings.Repeat("x", 2000) + `"`)
		_, err := p.a.Save(p.ctx, key, rec, none)
		switch {
		case errors.Is(err, store.ErrFull):
			continue
		case err != nil:
			p.stopf("Save of %s: unexpected error: %v", show(key), err)
		}
		all[key] = saved{rec, s.heard(key.Hash())}
	}
	for key, x := range all {
		got, err := p.a.Load(p.ctx, key)
		if err != nil {
			p.stopf("Load of %s: unexpected error: %v", show(key), err)
		}
		if got.Exists() {
			p.same(fmt.Sprintf("under %s there is", show(key)), got, x.rec)
		} else if s.heard(key.Hash()) == x.heard {
			p.stopf("%s has vanished, and the sink was not told before a Load missed it", show(key))
		}
	}
}

func checkStop(p *probe) {
	one, other := p.watch("the first watch", p.a), p.watch("the second watch", p.b)
	if one == nil || other == nil {
		return
	}
	one.awaitLease()
	other.awaitLease()
	key := p.key("stop")
	rec := first(key)
	p.save(key, rec, none)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() { // stop comes while somebody writes
		defer close(done)
		p.run(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				newer := next(rec)
				p.save(key, newer, rec.Revision())
				rec = newer
			}
		})
	}()
	for _, s := range []*sink{one, other} {
		s.end()
		end := time.Now().Add(quiet / 2)
		s.wait(func() time.Time { return end }, func() bool { return false })
	}
	close(stop)
	<-done
}

func checkReported(p *probe) {
	sinks := p.watchBoth()
	for _, s := range sinks {
		defer s.end()
	}
	if sinks == nil {
		return
	}
	for i, writer := range []store.Store{p.a, p.b} {
		key := p.key(fmt.Sprintf("reported %d", i))
		one := first(key)
		two := next(one)
		later := touched(two, two.ExpiresAt.Add(time.Hour))
		ended := next(later)
		ended.Ended = true
		for _, write := range []struct {
			desc string
			rec  store.Record
			base store.Revision
		}{
			{"the first write", one, none},
			{"a write", two, one.Revision()},
			{"a touch", later, two.Revision()},
			{"an end", ended, two.Revision()},
		} {
			var before []int
			for _, s := range sinks {
				before = append(before, s.heard(key.Hash()))
			}
			if _, err := writer.Save(p.ctx, key, write.rec, write.base); err != nil {
				p.stopf("Save of %s: unexpected error: %v", show(key), err)
			}
			for j, s := range sinks {
				s.expect(fmt.Sprintf("%s by handle %d", write.desc, i+1), key, before[j])
			}
		}
	}
}

// watchBoth watches both handles and waits for the leases; nil if they are no Watchers.
func (p *probe) watchBoth() []*sink {
	a, b := p.watch("the first handle", p.a), p.watch("the second handle", p.b)
	if a == nil || b == nil {
		return nil
	}
	a.awaitLease()
	b.awaitLease()
	return []*sink{a, b}
}

func checkJoined(p *probe) {
	gone := p.watch("a handle that is gone", p.a)
	if gone == nil {
		return
	}
	gone.awaitLease()
	gone.end()
	early := p.watch("the first handle", p.a)
	early.awaitLease()
	defer early.end()

	key := p.key("joined")
	rec := first(key)
	p.save(key, rec, none)
	joined := make(chan *sink, 1)
	go func() {
		defer close(joined)
		p.run(func() {
			if late := p.watch("the second handle", p.b); late != nil {
				late.awaitLease()
				joined <- late
			}
		})
	}()
	var late *sink
	for after := 0; after < 20; {
		if late == nil {
			select {
			case s, ok := <-joined:
				if !ok {
					return
				}
				late = s
				defer late.end()
			default:
			}
		}
		beforeEarly, beforeLate := early.heard(key.Hash()), 0
		if late != nil {
			beforeLate = late.heard(key.Hash())
		}
		newer := next(rec)
		if _, err := p.a.Save(p.ctx, key, newer, rec.Revision()); err != nil {
			p.stopf("Save of %s: unexpected error: %v", show(key), err)
		}
		rec = newer
		if late != nil {
			early.expect("a write after another sink had come", key, beforeEarly)
			late.expect("a write after it had come", key, beforeLate)
			after++
		}
	}
}
