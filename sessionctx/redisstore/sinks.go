package redisstore

import (
	"slices"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// sinks are the sinks that watch the Store. They are called with the lock held, so that no sink is
// called after its stop has returned.
type sinks struct {
	keys  keyspace
	mu    sync.Mutex
	all   []*watch
	lease time.Time // the latest that was granted

	invalidations  int64 // keys that the server has reported
	invalidatedAll int64
}

// watch is a sink that is told of changes. Its address identifies it.
type watch struct{ sink store.Sink }

// Watch implements store.Watcher. The Store extends the lease as long as the invalidation
// connection answers. stop may be called more than once, but not by the sink.
func (s *Store) Watch(sink store.Sink) (stop func()) { return s.sinks.add(sink) }

func (l *sinks) add(sink store.Sink) (stop func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := &watch{sink}
	l.all = append(l.all, w)
	if time.Now().Before(l.lease) {
		sink.ExtendLease(l.lease)
	}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.all = slices.DeleteFunc(l.all, func(x *watch) bool { return x == w })
	}
}

// invalidate reports an invalidation message of the server: names of keys, or nil if all keys are
// gone.
func (l *sinks) invalidate(names []rueidis.RedisMessage) {
	if names == nil {
		l.invalidateAll()
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.invalidations += int64(len(names))
	for i := range names {
		name, err := names[i].ToString()
		_, _, h, ok := l.keys.parse(name)
		for _, w := range l.all {
			switch {
			case err != nil: // not the name of a key, so a change may be unreported
				w.sink.InvalidateAll()
			case ok:
				w.sink.Invalidate(h)
			}
		}
	}
}

// invalidateKey reports a write of this process that no caller knows of.
func (l *sinks) invalidateKey(h store.KeyHash) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.all {
		w.sink.Invalidate(h)
	}
}

func (l *sinks) invalidateAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.invalidatedAll++
	for _, w := range l.all {
		w.sink.InvalidateAll()
	}
}

// extendLease extends the lease. It ignores a time that is not after the present lease.
func (l *sinks) extendLease(until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !until.After(l.lease) {
		return
	}
	l.lease = until
	for _, w := range l.all {
		w.sink.ExtendLease(until)
	}
}

// end removes all sinks, and the lease.
func (l *sinks) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all, l.lease = nil, time.Time{}
}
