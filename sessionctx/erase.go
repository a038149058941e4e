package sessionctx

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// Erase removes what this library keeps of a customer. It ends all sessions, as EndAll does; every
// session record of the customer becomes a tombstone without personal data; and every process drops
// the customer's profile, as soon as its Store reports the erasure. From then on an asserted
// identity of the customer begins no session: a token from before the erasure may still be good,
// and its writes are ErrNotFound. Only Login begins one. A person who comes back should get a new
// id.
//
// Two things remain. One record, which is named by the customer's id, hashed or not, says that the
// customer was erased. Each session leaves a tombstone for Config.TombstoneLife, or for 1 h if its
// id is a secret. Copies that a Store does not overwrite are the host's to deal with: append-only
// files, replicas, free pages of a file, snapshots, backups.
//
// If the Store is no store.Eraser, Erase ends all sessions and returns errors.ErrUnsupported. The
// other errors are those of EndAll. If the Store fails after the sessions have ended, the error is
// ErrUnavailable with the text "a part was written": call Erase again. The Store may need longer
// than Config.Timeout. Erase returns when the Store is done or when ctx ends, even if the Store
// ignores ctx. The Store may then go on in the background, and Close waits for it.
func (r *Resolver) Erase(ctx context.Context, tenant, customerID string) error {
	if err := r.endAll(ctx, tenant, customerID, true); err != nil {
		return err
	}
	if !r.gate.enter() {
		return ErrClosed
	}
	defer r.gate.leave()
	r.profiles.Drop(profileKey{tenant, customerID})
	eraser, ok := r.cfg.Store.(store.Eraser)
	if !ok {
		return fmt.Errorf("sessionctx: the sessions have ended, but the Store cannot find their records: %w", errors.ErrUnsupported)
	}
	done := make(chan error, 1)
	r.spawn(func() {
		err := errors.New("sessionctx: Store.Erase has ended its goroutine")
		defer func() {
			r.near.InvalidateAll() // nobody knows here which records were replaced
			done <- err
		}()
		err = r.store.erase(ctx, eraser, tenant, customerID, r.erased)
	})
	var err error
	select {
	case err = <-done:
	case <-ctx.Done(): // a Store that ignores ctx must not hold the caller
		err = ctx.Err()
	}
	if err != nil {
		return chain(ErrUnavailable, errPartWritten, "the sessions have ended, and some records may be left", err)
	}
	return nil
}

// erased returns the tombstone of a session record.
func (r *Resolver) erased(rec store.Record) store.Record {
	tombstone, err := r.cfg.tombstone(rec, time.Now())
	if err != nil {
		return rec
	}
	tombstone.WriteID = randomNonZero()
	return tombstone
}
