package storetest_test

import (
	"context"
	"sync"
	"time"

	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// watched is a store that is a Watcher with faults; sinks is what it tells.
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

// leasing is a Watch whose leases follow one another: each entry is granted when the one before has been for that long.
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
