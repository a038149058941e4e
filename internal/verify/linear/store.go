package linear

import (
	"context"

	"github.com/sessionctx/storefront/sessionctx"
)

// store takes its time before and after it does something.
type store struct {
	sessionctx.Store
	pause func()
}

// watchedStore is a store that tells of changes.
type watchedStore struct {
	store
	sessionctx.Watcher
}

// slowed returns s with pauses. Unwatched hides that it could tell of changes: nothing may be reused then.
func slowed(s sessionctx.Store, unwatched bool, pause func()) sessionctx.Store {
	w, ok := s.(sessionctx.Watcher)
	if !ok || unwatched {
		return &store{s, pause}
	}
	return &watchedStore{store{s, pause}, w}
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
	s.pause()
	got, err := s.Store.Save(ctx, key, rec, base)
	if f, ok := ctx.Value(footprintKey{}).(*footprint); ok && err == nil && key.Kind == sessionctx.KindSession && rec.Revision() != base {
		if rec.Ended {
			f.ended = true
		} else {
			f.generation = rec.Generation
		}
	}
	s.pause()
	return got, err
}
