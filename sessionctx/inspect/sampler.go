package inspect

import (
	"sync"
	"time"

	"github.com/sessionctx/storefront/sessionctx"
)

const (
	every     = 5 * time.Second
	intervals = 120 // that are kept: ten minutes
)

// sample is the Stats at a time.
type sample struct {
	at    time.Time
	stats sessionctx.Stats
}

// sampler reads the Stats of a Resolver every five seconds.
type sampler struct {
	resolver *sessionctx.Resolver
	stop     chan struct{}
	stopOnce sync.Once
	stopped  chan struct{}

	mu   sync.Mutex
	ring [intervals + 1]sample
	n    int // samples ever taken
}

func newSampler(r *sessionctx.Resolver) *sampler {
	s := &sampler{resolver: r, stop: make(chan struct{}), stopped: make(chan struct{})}
	s.take()
	go s.run()
	return s
}

func (s *sampler) run() {
	defer close(s.stopped)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			s.take()
		case <-s.stop:
			return
		}
	}
}

// take takes one sample.
func (s *sampler) take() {
	stats := s.resolver.Stats()
	stats.Rejected = nil
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ring[s.n%len(s.ring)] = sample{time.Now(), stats}
	s.n++
}

// close ends the goroutine and waits for its end.
func (s *sampler) close() {
	s.stopOnce.Do(func() { close(s.stop) })
	<-s.stopped
}

// intervals returns what happened between samples, the oldest first, as far as it ended after
// begin.
func (s *sampler) intervals(begin time.Time) []interval {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []interval
	for i := max(1, s.n-intervals); i < s.n; i++ {
		before, after := &s.ring[(i-1)%len(s.ring)], &s.ring[i%len(s.ring)]
		if after.at.After(begin) {
			all = append(all, between(before, after))
		}
	}
	return all
}

// interval is what happened in the time between two samples, and the state at its end.
type interval struct {
	At      time.Time `json:"at"`      // the end
	Seconds float64   `json:"seconds"` // its length

	Resolves        int64 `json:"resolves"`
	Hits            int64 `json:"hits"`
	Loads           int64 `json:"loads"`
	Joined          int64 `json:"joined"`
	Writes          int64 `json:"writes"`
	Touches         int64 `json:"touches"`
	Conflicts       int64 `json:"conflicts"`
	Unknown         int64 `json:"unknown"`
	Degraded        int64 `json:"degraded"`
	DirectoryLoads  int64 `json:"directoryLoads"`
	DirectoryErrors int64 `json:"directoryErrors"`
	Invalidations   int64 `json:"invalidations"`
	InvalidatedAll  int64 `json:"invalidatedAll"`

	Lease      lease `json:"leaseSeconds"`
	StoreHangs bool  `json:"storeHangs"`
}

func between(before, after *sample) interval {
	a, b := &before.stats, &after.stats
	return interval{
		At: after.at.UTC(), Seconds: after.at.Sub(before.at).Seconds(),
		Resolves: b.Resolves - a.Resolves, Hits: b.Hits - a.Hits, Loads: b.Loads - a.Loads, Joined: b.Joined - a.Joined,
		Writes: b.Writes - a.Writes, Touches: b.Touches - a.Touches, Conflicts: b.Conflicts - a.Conflicts, Unknown: b.Unknown - a.Unknown,
		Degraded: b.Degraded - a.Degraded, DirectoryLoads: b.DirectoryLoads - a.DirectoryLoads, DirectoryErrors: b.DirectoryErrors - a.DirectoryErrors,
		Invalidations: b.Invalidations - a.Invalidations, InvalidatedAll: b.InvalidatedAll - a.InvalidatedAll,
		Lease: lease(b.Lease), StoreHangs: b.StoreHangs,
	}
}
