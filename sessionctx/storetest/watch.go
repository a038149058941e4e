package storetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// leasePatience is how long a sink waits for its lease, and for the renewal.
var leasePatience = 5 * time.Second

const (
	reportSlack = time.Second            // for renewals that were under way when Save returned
	quiet       = 100 * time.Millisecond // in which a stopped sink would hear from a store that is late
)

// sink records what it is told.
type sink struct {
	p    *probe
	name string
	stop func()

	mu      sync.Mutex
	changed chan struct{} // closed at the next call
	reports map[store.KeyHash]int
	lost    int
	leased  bool
	until   time.Time // zero: endless
	stopped bool
}

// watch starts to watch a store, and returns nil if it is no Watcher.
func (p *probe) watch(name string, backend store.Store) *sink {
	w, ok := backend.(store.Watcher)
	if !ok {
		return nil
	}
	s := &sink{p: p, name: name, changed: make(chan struct{}), reports: make(map[store.KeyHash]int)}
	s.stop = w.Watch(s)
	return s
}

// called counts a call in; the caller holds no lock, and gets it.
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

// Lost implements store.Sink.
func (s *sink) InvalidateAll() {
	s.called("Lost")
	defer s.mu.Unlock()
	s.lost++
}

// Exclusive implements store.Sink.
func (s *sink) Exclusive() { s.ExtendLease(time.Time{}) }

// Lease implements store.Sink.
func (s *sink) ExtendLease(until time.Time) {
	s.called("Lease")
	defer s.mu.Unlock()
	if s.leased && !until.IsZero() && (s.until.IsZero() || until.Before(s.until)) {
		s.p.failf("%s granted a lease until %v after one until %v", s.name, until, s.until)
	}
	s.leased, s.until = true, until
}

// wait waits until cond, which is asked with the lock held, holds, or the time is over; it reports which.
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
	end := time.Now().Add(leasePatience)
	if !s.wait(func() time.Time { return end }, func() bool { return s.leased }) {
		s.p.stopf("%s granted no lease within %v", s.name, leasePatience)
	}
}

// end stops the watch; no call may come after it.
func (s *sink) end() {
	s.stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
}

// heard is how often a sink was told that a record may have changed.
func (s *sink) heard(h store.KeyHash) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reports[h] + s.lost
}

// expect checks that the change of key is reported, which before it had been heard so often, and stops the check if it is not.
func (s *sink) expect(desc string, key store.Key, before int) {
	h := key.Hash()
	s.mu.Lock()
	limit := s.until.Add(reportSlack)
	s.mu.Unlock()
	leaseEnd := func() time.Time {
		switch {
		case s.until.IsZero():
			return time.Time{} // endless: the report was due when Save returned
		case s.until.After(limit):
			return limit // renewed again and again, by a store that knows nothing of the change
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
	until := s.until
	s.mu.Unlock()
	if until.IsZero() {
		return
	}
	end := time.Now().Add(leasePatience) // a longer lease is not waited for
	if until.Before(end) {
		end = until
	}
	renewed := func() bool { return s.until.IsZero() || s.until.After(until) }
	if !s.wait(func() time.Time { return end }, renewed) && end.Equal(until) {
		p.failf("the lease until %v was not renewed before its end", until)
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
