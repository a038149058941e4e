package sessionctx

import (
	"sync/atomic"
	"time"

	"github.com/sessionctx/storefront/defaults"
)

// Stats are counters since the Resolver was made, and its present state.
type Stats struct {
	Resolves int64 // calls of Resolve
	Hits     int64 // of these, answered from the near-cache as they stood: estimated, from one in 64
	Loads    int64 // reads of the Store
	Joined   int64 // reads that shared another one's load

	Writes    int64 // applied
	Conflicts int64 // compare-and-sets that found another revision; most are retried
	Touches   int64 // expiries moved
	Unknown   int64 // writes whose outcome stayed unknown

	Degraded        int64 // sessions resolved without the store
	DirectoryLoads  int64
	DirectoryErrors int64
	DroppedFills    int64         // values that the cache did not take in
	Invalidations   int64         // messages of a Watcher
	Epoch           uint32        // moved whenever messages may have been lost
	Lease           time.Duration // for how long entries count if nothing more is heard; negative: not now; 1<<63-1: endless

	// Rejected counts, by reason, the candidates that were passed over when a session was computed anew.
	Rejected map[defaults.Reason]int64
}

type counters struct {
	hits, slow, loads, joined                 atomic.Int64
	writes, conflicts, touches, unknown       atomic.Int64
	degraded, directoryLoads, directoryErrors atomic.Int64
	droppedFills, invalidations               atomic.Int64
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

// HitRatio returns the share of the resolutions that were answered from the near-cache as they stood, 0 to 1; 0 before the first.
func (s Stats) HitRatio() float64 {
	if s.Resolves == 0 {
		return 0
	}
	return float64(s.Hits) / float64(s.Resolves)
}

// Stats returns the counters. It is safe for concurrent use by multiple goroutines, also after Close.
func (r *Resolver) Stats() Stats {
	c := &r.stats
	s := Stats{
		Resolves: c.slow.Load() + c.hits.Load(), Hits: c.hits.Load(), Loads: c.loads.Load(), Joined: c.joined.Load(),
		Writes: c.writes.Load(), Conflicts: c.conflicts.Load(), Touches: c.touches.Load(), Unknown: c.unknown.Load(),
		Degraded: c.degraded.Load(), DirectoryLoads: c.directoryLoads.Load(), DirectoryErrors: c.directoryErrors.Load(),
		DroppedFills: c.droppedFills.Load(), Invalidations: c.invalidations.Load(),
		Epoch: r.near.epoch.Load(), Lease: endless,
		Rejected: make(map[defaults.Reason]int64),
	}
	if lease := r.near.lease.Load(); lease != endless {
		s.Lease = time.Duration(lease - r.near.now())
	}
	for i := range c.rejected {
		if n := c.rejected[i].Load(); n != 0 {
			s.Rejected[defaults.Reason(i)] = n
		}
	}
	return s
}
