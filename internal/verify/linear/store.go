package linear

import (
	"context"
	"sync"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// slowStore takes its time before and after it does something.
type slowStore struct {
	store.Store
	pause func()
	ends  *sync.Map // the generations of customers, which are random, to how many there were: the model counts
}

// watchedStore is a store that tells of changes.
type watchedStore struct {
	slowStore
	store.Watcher
}

// slowed returns s with pauses. unwatched hides that s is a Watcher: then nothing may be reused.
func slowed(s store.Store, unwatched bool, pause func(), ends *sync.Map) store.Store {
	w, ok := s.(store.Watcher)
	if !ok || unwatched {
		return &slowStore{s, pause, ends}
	}
	return &watchedStore{slowStore{s, pause, ends}, w}
}

// footprint is what one call left in the store. The model needs it to know which of the permitted
// outcomes happened. The model itself judges whether they are permitted.
type footprint struct {
	generation int64 // of the last session saved that has not ended
	heir       bool  // a tombstone with an heir was saved
}

type footprintKey struct{}

func withFootprint(ctx context.Context, f *footprint) context.Context {
	return context.WithValue(ctx, footprintKey{}, f)
}

func (s *slowStore) Load(ctx context.Context, key store.Key) (store.Record, error) {
	s.pause()
	rec, err := s.Store.Load(ctx, key)
	s.pause()
	return rec, err
}

func (s *slowStore) Save(ctx context.Context, key store.Key, rec store.Record, base sessionctx.Revision) (store.Record, error) {
	if key.Kind == store.KindCustomer {
		s.ends.Store(rec.Generation, 1+rec.Version-rec.First)
	}
	s.pause()
	got, err := s.Store.Save(ctx, key, rec, base)
	applied := err == nil && key.Kind == store.KindSession && rec.Revision() != base
	if f, ok := ctx.Value(footprintKey{}).(*footprint); ok && applied {
		f.heir = f.heir || len(rec.Heir) > 0
		if !rec.Ended {
			f.generation = 0
			if n, ok := s.ends.Load(rec.Generation); ok {
				f.generation = n.(int64)
			}
		}
	}
	s.pause()
	return got, err
}
