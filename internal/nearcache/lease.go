package nearcache

import "time"

// Lease returns until when entries are valid if nothing more is heard. exclusive: for ever.
func (c *Cache[R]) Lease() (until int64, exclusive bool) {
	until = c.lease.Load()
	return until, until == endless && c.cfg.MaxStale < 0
}

// Exclusive implements store.Sink.
func (c *Cache[R]) Exclusive() {
	c.window.Store(endless)
	c.lease.Store(endless)
}

// ExtendLease implements store.Sink.
func (c *Cache[R]) ExtendLease(until time.Time) {
	d := int64(time.Until(until))
	c.window.Store(max(d/4, 1))
	lease := c.clock.mono() + d
	for old := c.lease.Load(); old < lease && !c.lease.CompareAndSwap(old, lease); old = c.lease.Load() {
	}
}

