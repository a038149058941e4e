package linear

import (
	"context"
	"sync"

	"github.com/sessionctx/storefront/sessionctx"
)

// store takes its time before and after it does something.
type store struct {
	sessionctx.Store
	pause func()
	ends  *sync.Map // the generations of customers, which are random, to how many there were: the model counts
}

// watchedStore is a store that tells of changes.
type watchedStore struct {
	store
	sessionctx.Watcher
}

// slowed returns s with pauses. Unwatched hides that it could tell of changes: nothing may be reused then.
func slowed(s sessionctx.Store, unwatched bool, pause func(), ends *sync.Map) sessionctx.Store {
	w, ok := s.(sessionctx.Watcher)
	if !ok || unwatched {
		return &store{s, pause, ends}
	}
	return &watchedStore{store{s, pause, ends}, w}
}

// footprint is what one call left in the store. The model needs it to know which of the permitted outcomes came
// about; whether they are permitted it judges itself.
type footprint struct {
	generation int64 // of the last session saved that has not ended
	ended      bool  // a tombstone was saved
}

type footprintKey struct{}

func withFootprint(ctx context.Context, f *footprint) context.Context {
	return context.WithValue(ctx, footprintKey{}, f)
}

func (s *store) Load(ctx context.Context, key sessionctx.Key) (sessionctx.Record, error) {
	s.pause()
	rec, err := s.Store.Load(ctx, key)
	s.pause()
	return rec, err
}

func (s *store) Save(ctx context.Context, key sessionctx.Key, rec sessionctx.Record, base sessionctx.Revision) (sessionctx.Record, error) {
	if key.Kind == sessionctx.KindCustomer {
		s.ends.Store(rec.Generation, rec.Version)
	}
	s.pause()
	got, err := s.Store.Save(ctx, key, rec, base)
	if f, ok := ctx.Value(footprintKey{}).(*footprint); ok && err == nil && key.Kind == sessionctx.KindSession && rec.Revision() != base {
		if rec.Ended {
			f.ended = true
		} else {
			f.generation = 0
			if n, ok := s.ends.Load(rec.Generation); ok {
				f.generation = n.(int64)
			}
		}
	}
	s.pause()
	return got, err
}
