// Package sinktest has a sink for the tests of stores.
package sinktest

import (
	"slices"
	"sync"
	"time"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// Sink counts the calls that it gets. The zero Sink is ready for use. It is safe for concurrent use
// by multiple goroutines.
type Sink struct {
	mu         sync.Mutex
	reports    map[store.KeyHash]int
	lost       int
	leases     []time.Time
	exclusives int
}

// Invalidate implements store.Sink.
func (s *Sink) Invalidate(h store.KeyHash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reports == nil {
		s.reports = make(map[store.KeyHash]int)
	}
	s.reports[h]++
}

// InvalidateAll implements store.Sink.
func (s *Sink) InvalidateAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost++
}

// ExtendLease implements store.Sink.
func (s *Sink) ExtendLease(until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leases = append(s.leases, until)
}

// Exclusive implements store.Sink.
func (s *Sink) Exclusive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.exclusives++
}

// Reports returns how often Invalidate was called for a key.
func (s *Sink) Reports(key store.Key) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reports[key.Hash()]
}

// All returns how often Invalidate was called.
func (s *Sink) All() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.reports {
		n += m
	}
	return n
}

// Losses returns how often InvalidateAll was called.
func (s *Sink) Losses() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// Exclusives returns how often Exclusive was called.
func (s *Sink) Exclusives() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.exclusives
}

// Leases returns the leases that ExtendLease granted.
func (s *Sink) Leases() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.leases)
}

// Leased reports whether the last lease has not ended yet. Exclusive is none.
func (s *Sink) Leased() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.leases) > 0 && time.Now().Before(s.leases[len(s.leases)-1])
}
