package nearcache

import (
	"sync/atomic"
	"time"
)

// clock is the monotonic time of the cache, with an eye on the wall clock. Deadlines are monotonic,
// and records expire by the wall clock: if the two drift apart, a deadline is worth nothing. The
// wall clock moves without the monotonic one when an administrator sets it, and when a virtual
// machine was suspended.
//
// To read the wall clock costs as much as to read the monotonic one. So it is read at most once in
// checkEvery, by whoever comes first.
type clock struct {
	mono func() int64 // nanoseconds since the start, above 0
	wall func() time.Time
	next atomic.Int64 // when the two are compared again
	lead atomic.Int64 // wall - mono, when they were compared last
}

const (
	checkEvery = 100 * time.Millisecond
	maxDrift   = 50 * time.Millisecond // beyond it the wall clock has jumped
)

func newClock() *clock {
	started := time.Now().Add(-1) // so that no time is 0
	return newClockOf(func() int64 { return int64(time.Since(started)) }, time.Now)
}

func newClockOf(mono func() int64, wall func() time.Time) *clock {
	c := &clock{mono: mono, wall: wall}
	c.lead.Store(wall().UnixNano() - mono())
	c.next.Store(mono() + int64(checkEvery))
	return c
}

// now returns the monotonic time. jumped reports whether the wall clock has jumped since the last
// call: then no deadline that was computed before holds.
func (c *clock) now() (now int64, jumped bool) {
	now = c.mono()
	if now < c.next.Load() {
		return now, false
	}
	return now, c.compare(now)
}

func (c *clock) compare(now int64) (jumped bool) {
	c.next.Store(now + int64(checkEvery))
	lead := c.wall().UnixNano() - now
	drift := lead - c.lead.Swap(lead)
	return drift > int64(maxDrift) || drift < -int64(maxDrift)
}

// until returns the monotonic time of the wall time t. now and wallNow are the present on the two
// clocks. If t is too far in the future for the monotonic clock, until returns endless.
func until(now int64, wallNow, t time.Time) int64 {
	d := int64(t.Sub(wallNow))
	if d > endless-now {
		return endless
	}
	return now + d
}
