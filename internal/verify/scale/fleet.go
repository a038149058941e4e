package scale

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// The shares of sessionctx.Config.CacheBytes, in twelfths (sessionctx/resolver.go).
const (
	sessionShare = 7
	stampShare   = 1
	shares       = 12
)

// StripesOf returns how many stripes a near-cache has (stamp.NewTable): as many stamps of eight bytes as fit into their
// share, a power of two, 2^10 to 2^20.
func StripesOf(cacheBytes float64) float64 {
	n := min(max(stampShare*cacheBytes/shares/8, 1<<10), 1<<20)
	return math.Exp2(math.Floor(math.Log2(n)))
}

// Tracking is how the server tells processes of writes.
type Tracking uint8

const (
	// Broadcast: of every write, every process. It is what redisstore does.
	Broadcast Tracking = iota
	// ByKey: of a write, those processes that have read the key since the last one (CLIENT TRACKING without BCAST). redisstore does not do it.
	ByKey
)

// Fleet is what the model and the simulation are asked about: storefront processes that share one Redis primary, and their visitors.
//
// A session's life is a number of visits, a visit is a number of requests; both numbers are geometric, the times between
// are exponential. When a session is over a new one takes its place, so that there are always as many: the pause between
// visits follows from Sessions and Requests.
type Fleet struct {
	Sessions  float64 // records in Redis
	Processes int
	Requests  float64 // per second, of the whole fleet, that name a session

	Pages  float64       // requests of a visit, mean, more than 1
	Think  time.Duration // between two requests of a visit, mean
	Visits float64       // of a session's life, mean, 1 or more

	Writes    float64 // share of the requests that write, 0 to 1; a session's first request writes anyhow
	Sticky    float64 // share of the requests that are sent to the session's own process; the others go anywhere
	Customers float64 // share of the sessions that are a customer's, each customer with one

	CacheBytes float64       // of each process (sessionctx.Config)
	Lease      time.Duration // of redisstore
	Idle       time.Duration // a session in use is touched once in a quarter of it
	Losses     float64       // how often a process loses its tracking connection, per second
	Stripes    float64       // of each process's near-cache: StripesOf(CacheBytes), or what it might be
	Tracking   Tracking
	Allocated  float64 // bytes that the host allocates for a request, all in all: decides how often garbage is collected
}

// check returns what is wrong with f.
func (f Fleet) check() error {
	var errs []error
	must := func(ok bool, rule string) {
		if !ok {
			errs = append(errs, fmt.Errorf("scale: %s: %+v", rule, f))
		}
	}
	must(f.Sessions >= 1 && f.Processes >= 1 && f.Requests > 0, "there are sessions, processes and requests")
	must(f.Pages > 1 && f.Visits >= 1 && f.Think > 0, "a visit has more than one page, a session one visit or more")
	for _, share := range []float64{f.Writes, f.Sticky, f.Customers} {
		must(share >= 0 && share <= 1, "a share is 0 to 1")
	}
	must(f.CacheBytes > 0 && f.Lease > 0 && f.Idle > 0 && f.Stripes >= 1, "cache, lease, idle time and stripes are positive")
	must(f.pause() > 0, "so few sessions cannot make so many requests")
	return errors.Join(errs...)
}

// pause is the mean time in seconds from a session's last request of a visit to its next visit, or to its successor's first.
func (f Fleet) pause() float64 {
	return f.Sessions*f.Pages/f.Requests - (f.Pages-1)*f.Think.Seconds()
}

// again is the probability that a request is not its visit's last.
func (f Fleet) again() float64 { return 1 - 1/f.Pages }

// back is the probability that a visit is not its session's last.
func (f Fleet) back() float64 { return 1 - 1/f.Visits }

// shares returns which share of a session's requests its own process gets, and which each of the others.
func (f Fleet) shares() (own, other float64) {
	other = (1 - f.Sticky) / float64(f.Processes)
	return f.Sticky + other, other
}

// touchAfter is how old a record's last write or touch is, in seconds, when the next request touches it.
func (f Fleet) touchAfter() float64 { return f.Idle.Seconds() / 4 }

// entries is how many entries the near-cache of one process holds.
func (f Fleet) entries(c Constants) float64 {
	return math.Floor(sessionShare * f.CacheBytes / shares / c.CacheCost)
}
