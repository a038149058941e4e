package redisstore

import (
	"slices"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// sinks are those who are told. Each call of a sink is made with the lock held, so that none is made after its stop.
type sinks struct {
	mu    sync.Mutex
	all   []*watch
	lease time.Time // the latest one that was granted
}

// watch is a sink; its address is its name.
type watch struct{ sink store.Sink }

// Watch implements store.Watcher. The lease comes as soon as the server has been heard, and is renewed as long as it is. stop may
// be called more than once, but not by the sink.
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

// invalidate passes on what the server says: the names of keys that have changed, or nil when there are too many to name.
func (l *sinks) invalidate(keys []rueidis.RedisMessage) {
	if keys == nil {
		l.lost()
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range keys {
		key, err := keys[i].ToString()
		h, ok := hashOf(key)
		for _, w := range l.all {
			switch {
			case err != nil: // not the name of a key: whatever it means, something was not told
				w.sink.InvalidateAll()
			case ok:
				w.sink.Invalidate(h)
			}
		}
	}
}

func (l *sinks) lost() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.all {
		w.sink.InvalidateAll()
	}
}

// grant extends the lease; one that ends before one granted already is none.
func (l *sinks) grant(until time.Time) {
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

// end forgets them all, and the lease.
func (l *sinks) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all, l.lease = nil, time.Time{}
}
