package boltstore

import (
	"slices"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// watch is a sink that is told of changes. Its address identifies it.
type watch struct{ sink store.Sink }

// Watch implements store.Watcher. The sink is granted Exclusive: no other process can write. The
// only sink is told of erased records. When a second sink comes both are told InvalidateAll, and
// from then on every sink is told of every applied Save before that returns, and before a Load
// returns it. stop may be called more than once, but not by the sink.
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

// tell tells the watchers of a commit. A Load that has seen the commit returns only after it.
// Otherwise one of two Resolvers could read the change from the Store while the other one still
// reads the old state from its cache.
func (s *Store) tell(c *pendingCommit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for h, tellAll := range c.keys {
		if len(s.watches) < 2 && !tellAll {
			continue
		}
		for _, w := range s.watches {
			w.sink.Invalidate(h)
		}
	}
}
