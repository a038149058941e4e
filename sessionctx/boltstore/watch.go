package boltstore

import (
	"slices"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// watch is a sink that is told of changes. Its address identifies it.
type watch struct{ sink store.Sink }

// Watch implements store.Watcher. The sink is granted Exclusive: no other process can write. The
// only sink is told of erased records, and of a Save that began before the sink came or that
// returned before its commit. When a second sink comes both are told InvalidateAll, and from then
// on every sink is told of every applied Save before that returns, and before a Load returns it.
// stop may be called more than once, but not by the sink.
func (s *Store) Watch(sink store.Sink) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &watch{sink}
	s.setWatches(append(s.watches, w))
	if len(s.watches) == 2 {
		for _, w := range s.watches {
			w.sink.InvalidateAll()
		}
	}
	sink.Exclusive()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.setWatches(slices.DeleteFunc(s.watches, func(x *watch) bool { return x == w }))
	}
}

// setWatches changes the watches. The caller has locked mu.
func (s *Store) setWatches(all []*watch) {
	s.watches = all
	s.only.Store(nil)
	if len(all) == 1 {
		s.only.Store(all[0])
	}
}

// tell tells the watchers of a commit. A Load that has seen the commit returns only after it.
// Otherwise one of two Resolvers could read the change from the Store while the other one still
// reads the old state from its cache.
//
// The only watcher is not told of its own write while its process waits for the outcome. After that
// it is told: the commit may come when its process does not count the write as under way any more.
func (s *Store) tell(batch []*write) {
	s.mu.Lock()
	defer s.mu.Unlock()
	only := s.only.Load()
	for _, x := range batch {
		if !x.applied || only != nil && only == x.writer && !x.left.Load() {
			continue
		}
		for _, w := range s.watches {
			w.sink.Invalidate(x.hash)
		}
	}
}
