package sessionctx

import (
	"sync/atomic"
	"time"

	"github.com/sessionctx/storefront/defaults"
)

// Stats are counters since the Resolver was made, and its present state.
type Stats struct {
	Resolves int64 // calls of Resolve and Attach
	Hits     int64 // of these, answered from the near-cache as they were
	Loads    int64 // reads of the Store
	Joined   int64 // reads that shared another one's load

	Writes    int64 // applied
	Conflicts int64 // compare-and-sets that found another revision; most are retried
	Touches   int64 // expiries moved
	Unknown   int64 // writes with an outcome that stayed unknown

	Degraded        int64 // sessions resolved without the store
	DirectoryLoads  int64
	DirectoryErrors int64
	SiteMistakes    int64 // mistakes in the data of sites, each counted when an answer first had it
	DroppedFills    int64 // values that the cache did not take
	Invalidations   int64 // reports of a Watcher about one record
	// InvalidatedAll counts how often everything was invalidated, because reports may have been
	// missing.
	InvalidatedAll int64

	// Lease is for how long entries are valid if nothing more is heard; negative: they are not
	// valid now; 1<<63-1: the lease never ends.
	Lease time.Duration
	// StoreHangs says that the Store has not answered several calls in time: nothing is asked of it
	// but by a probe, until that is answered.
	StoreHangs bool

	// Rejected counts, by reason, the candidates that were passed over when a session was computed.
	Rejected map[defaults.Reason]int64
}

type counters struct {
	slow                                      atomic.Int64
	writes, conflicts, touches, unknown       atomic.Int64
	degraded, directoryLoads, directoryErrors atomic.Int64
	siteMistakes                              atomic.Int64
	rejected                                  [16]atomic.Int64
}

// reject counts rejections.
func (c *counters) reject(rs []defaults.Rejection) {
	for _, r := range rs {
		if int(r.Reason) < len(c.rejected) {
			c.rejected[r.Reason].Add(1)
		}
	}
}

// HitRatio returns the share of the resolutions that were answered from the near-cache as they
// were, 0 to 1; 0 before the first.
func (s Stats) HitRatio() float64 {
	if s.Resolves == 0 {
		return 0
	}
	return float64(s.Hits) / float64(s.Resolves)
}

// Stats returns the counters. It is safe for concurrent use by multiple goroutines, also after
// Close.
func (r *Resolver) Stats() Stats {
	c, near := &r.stats, r.near
	hits := near.Hits()
	s := Stats{
		Resolves: c.slow.Load() + hits, Hits: hits, Loads: near.Loads.Load(), Joined: near.Joined.Load(),
		Writes: c.writes.Load(), Conflicts: c.conflicts.Load(), Touches: c.touches.Load(), Unknown: c.unknown.Load(),
		Degraded: c.degraded.Load(), DirectoryLoads: c.directoryLoads.Load(), DirectoryErrors: c.directoryErrors.Load(), SiteMistakes: c.siteMistakes.Load(),
		DroppedFills: near.DroppedFills.Load(), Invalidations: near.Invalidations.Load(),
		InvalidatedAll: int64(near.Stamps().Bumps()), StoreHangs: r.store.breaker.Open(),
		Lease: near.Lease(), Rejected: make(map[defaults.Reason]int64),
	}
	for i := range c.rejected {
		if n := c.rejected[i].Load(); n != 0 {
			s.Rejected[defaults.Reason(i)] = n
		}
	}
	return s
}
