package nearcache

import "time"

// A lease says until when silence means that nothing has changed. A Watcher extends it, and an
// exclusive one never ends.

// Lease returns for how long entries are valid if nothing more is heard: negative if they are not
// valid now, 1<<63-1 if the lease never ends.
func (c *Cache[R]) Lease() time.Duration {
	until := c.lease.Load()
	if until == endless {
		return endless
	}
	return time.Duration(until - c.clock.mono())
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
