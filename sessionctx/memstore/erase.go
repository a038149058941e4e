package memstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// Erase implements store.Eraser. It looks at every record, one shard after the other, so that a
// Save waits while one shard is read at most. A tombstone that needs more room than the record that
// it replaces may be refused with ErrFull.
func (s *Store) Erase(
	ctx context.Context, tenant, customerID string, tombstone func(store.Record) store.Record,
) (n int, err error) {
	if customerID == "" {
		return 0, errors.New(`memstore: erase: customer id "": must not be empty`)
	}
	for i := range s.shards {
		for _, key := range s.shards[i].sessionsOf(tenant, customerID) {
			erased, err := s.eraseOne(ctx, key, customerID, tombstone)
			if err != nil {
				return n, fmt.Errorf("memstore: erase: %w", err)
			}
			if erased {
				n++
			}
		}
	}
	if err := ctx.Err(); err != nil { // also where there was nothing to erase
		return n, fmt.Errorf("memstore: erase: %w", err)
	}
	return n, nil
}

// sessionsOf returns the keys of the customer's live sessions.
func (sh *shard) sessionsOf(tenant, customerID string) (keys []store.Key) {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	for key, it := range sh.items {
		if key.Tenant == tenant && key.Kind == store.KindSession && it.rec.CustomerID == customerID && !it.rec.Ended {
			keys = append(keys, key)
		}
	}
	return keys
}

// eraseOne replaces one session by its tombstone, as often as another write comes first, and
// reports whether it did: the session may have become somebody else's.
func (s *Store) eraseOne(
	ctx context.Context, key store.Key, customerID string, tombstone func(store.Record) store.Record,
) (bool, error) {
	for {
		cur, err := s.Load(ctx, key)
		if err != nil {
			return false, err
		}
		if !cur.Exists() || cur.Ended || cur.CustomerID != customerID {
			return false, nil
		}
		rec := tombstone(cur)
		if !rec.Ended || !rec.Exists() || rec.Revision() == cur.Revision() {
			return false, errors.New("tombstone must return a record with Ended and another revision")
		}
		if err := ctx.Err(); err != nil {
			return false, err
		}
		next := newItem(key, rec)
		if _, err = s.compareAndSet(next, cur.Revision(), true); !errors.Is(err, store.ErrConflict) {
			return err == nil, err
		}
	}
}
