package boltstore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx/boltstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

var none store.Revision

func session(id string) store.Key {
	return store.Key{Tenant: "acme", Kind: store.KindSession, ID: id}
}

// written returns a record as first written; change makes it somebody's.
func written(change ...func(*store.Record)) store.Record {
	at := time.Now().UTC().Truncate(time.Millisecond)
	rec := store.Record{Tenant: "acme", Incarnation: 1, Version: 1, CreatedAt: at, ExpiresAt: at.Add(time.Hour)}
	for _, f := range change {
		f(&rec)
	}
	return rec
}

func neverExpiring(r *store.Record) { r.ExpiresAt = time.Time{} }

func expiring(d time.Duration) func(*store.Record) {
	return func(r *store.Record) { r.ExpiresAt = time.Now().Add(d).UTC().Truncate(time.Millisecond) }
}

func withCart(cart string) func(*store.Record) {
	return func(r *store.Record) { r.Carts = []store.Cart{{ID: cart}} }
}

func save(t testing.TB, s *boltstore.Store, key store.Key, rec store.Record, base store.Revision) {
	t.Helper()
	got, err := s.Save(t.Context(), key, rec, base)
	require.NoError(t, err)
	if rec.Revision() != base {
		require.Equal(t, rec, got)
	}
}

func load(t testing.TB, s *boltstore.Store, key store.Key) store.Record {
	t.Helper()
	rec, err := s.Load(t.Context(), key)
	require.NoError(t, err)
	return rec
}
