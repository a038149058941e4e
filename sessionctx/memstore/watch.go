package memstore

import (
	"slices"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// watch is a sink that is told of changes; its address is its name.
type watch struct{ sink store.Sink }

// Watch implements store.Watcher. The sink has an endless lease at once. As long as it is the only one it is told of
// the records that give way and of nothing else. When a second one comes everything is lost to both, and from then on
// each of them is told of every applied Save before that returns, and before any Load sees it: sinks are called with the Store
// locked. stop may be called more than once, but not by the sink.
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

// shared reports whether there is more than one watcher, so that each has to be told of every write.
func (s *Store) shared() bool { return len(s.watches) > 1 }
