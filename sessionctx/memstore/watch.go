package memstore

import (
	"slices"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// watch is a sink that is told of changes. Its address identifies it.
type watch struct{ sink store.Sink }

// Watch implements store.Watcher. The sink is granted Exclusive. The only sink is told of evicted
// and erased records. When a second sink comes both are told InvalidateAll, and from then on every
// sink is told of every applied Save before that returns, and before a Load sees it: sinks are
// called with the Store locked. stop may be called more than once, but not by the sink.
func (s *Store) Watch(sink store.Sink) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &watch{sink}
	s.watches = append(s.watches, w)
	if len(s.watches) == 2 {
		for _, w := range s.watches {
			w.sink.InvalidateAll()
		}
	}
	sink.Exclusive()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.watches = slices.DeleteFunc(s.watches, func(x *watch) bool { return x == w })
	}
}

// shared reports whether there is more than one watcher, so that each is told of every write.
func (s *Store) shared() bool { return len(s.watches) > 1 }
