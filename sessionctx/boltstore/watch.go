package boltstore

import (
	"slices"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// watch is a sink that is told of changes; its address is its name.
type watch struct{ sink store.Sink }

// Watch implements store.Watcher. The sink has an endless lease at once: no other process can write. As long as it is the only
// one it is told of nothing. When a second one comes everything is lost to both, and from then on each of them is told of
// every applied Save before that returns, and before any Load returns it. stop may be called more than once, but not by the sink.
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

// tell tells the watchers of a commit. A Load that has seen the commit returns only after it: otherwise one of two
// Resolvers could see the change in the Store, and the other one after it still the old state in its cache.
func (s *Store) tell(f *flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.watches) < 2 {
		return
	}
	for h := range f.keys {
		for _, w := range s.watches {
			w.sink.Invalidate(h)
		}
	}
}
