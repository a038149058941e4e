package sessionctx

import (
	"context"
	"errors"
	"time"

	"github.com/sessionctx/storefront/internal/nearcache"
	"github.com/sessionctx/storefront/sessionctx/store"
)

const (
	maxTouches = 64 // under way at once; a touch beyond is left to the next read
	touchRetry = 10 * time.Second
)

// touch moves the expiry of the session of an entry, in the background. It loses against any write,
// and its failure is ignored: a session that is used is touched again.
func (r *Resolver) touch(ctx context.Context, e *entry) {
	key := e.Key()
	if _, underWay := r.touching.LoadOrStore(key.Store(), nil); underWay {
		return
	}
	select {
	case r.touches <- struct{}{}:
	default:
		r.touching.Delete(key.Store())
		return
	}
	rec := e.Record()
	r.cfg.setExpiry(&rec, time.Now())
	ctx = context.WithoutCancel(ctx)
	r.spawn(func() {
		defer func() { <-r.touches }()
		if r.saveTouch(ctx, key, rec) != nil {
			time.AfterFunc(touchRetry, func() { r.touching.Delete(key.Store()) })
			return
		}
		r.touching.Delete(key.Store())
	})
}

func (r *Resolver) saveTouch(ctx context.Context, key nearcache.Key, rec store.Record) error {
	b, cancel := r.newBudget(ctx)
	defer cancel()
	w, err := r.beginSave(&b, key)
	if err != nil {
		return err
	}
	defer w.end()
	start := r.near.Now()
	w.pending = r.startSave(&b, key.Store(), rec, rec.Revision())
	select {
	case got := <-w.pending:
		w.pending = nil
		switch {
		case got.err == nil:
			r.stats.touches.Add(1)
			w.near.Stored(&rec, start)
		case errors.Is(got.err, ErrConflict):
			return nil // a write was quicker, and set the expiry, too
		}
		return got.err
	case <-b.Done():
		return b.Err()
	}
}
