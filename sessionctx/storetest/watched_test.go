package storetest_test

import (
	"context"
	"sync"
	"time"

	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// watched is a store whose Watch has faults. sinks are those that it tells.
type watched struct {
	*memstore.Store
	watch func(s *watched, sink store.Sink) (stop func())
	after func(s *watched, k key, rec record, base revision) // an applied Save

	mu    sync.Mutex
	sinks []store.Sink
}

func (s *watched) Watch(sink store.Sink) (stop func()) { return s.watch(s, sink) }

func (s *watched) Save(ctx context.Context, k key, rec record, base revision) (record, error) {
	rec, err := s.Store.Save(ctx, k, rec, base)
	if err == nil && s.after != nil {
		s.after(s, k, rec, base)
	}
	return rec, err
}

// Erase reports all as lost: memstore does not know the sinks.
func (s *watched) Erase(ctx context.Context, tenant, customerID string, tombstone func(record) record) (int, error) {
	n, err := s.Store.Erase(ctx, tenant, customerID, tombstone)
	s.each(func(sink store.Sink) { sink.InvalidateAll() })
	return n, err
}

func (s *watched) each(f func(store.Sink)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sink := range s.sinks {
		f(sink)
	}
}

// add is a Watch as it should be.
func (s *watched) add(sink store.Sink) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sinks = append(s.sinks, sink)
	sink.Exclusive()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for i, x := range s.sinks {
			if x == sink {
				s.sinks = append(s.sinks[:i:i], s.sinks[i+1:]...)
			}
		}
	}
}

func invalidated(s *watched, k key, _ record, _ revision) {
	s.each(func(sink store.Sink) { sink.Invalidate(k.Hash()) })
}

func watching(watch func(*watched, store.Sink) func(), after func(*watched, key, record, revision)) func() store.Store {
	return func() store.Store { return &watched{Store: new(memstore.Store), watch: watch, after: after} }
}

// leasing is a Watch that grants a lease after each interval: the first one for leases[0], the next
// one for leases[1], and so on.
func leasing(every time.Duration, leases ...time.Duration) func(*watched, store.Sink) func() {
	return func(s *watched, sink store.Sink) func() {
		stop := s.add(discardLease{sink})
		done := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := 0; ; i++ {
				sink.ExtendLease(time.Now().Add(leases[min(i, len(leases)-1)]))
				select {
				case <-time.After(every):
				case <-done:
					return
				}
			}
		})
		return func() { close(done); wg.Wait(); stop() }
	}
}

type discardLease struct{ store.Sink }

func (discardLease) ExtendLease(time.Time) {}
func (discardLease) Exclusive()            {}

// lateSink passes reports on when the Load that they precede is over.
type lateSink struct{ store.Sink }

func (s lateSink) Invalidate(h store.KeyHash) {
	time.AfterFunc(time.Second, func() { s.Sink.Invalidate(h) })
}
