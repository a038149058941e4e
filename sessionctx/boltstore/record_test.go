package boltstore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/boltstore"
)

var none sessionctx.Revision

func session(id string) sessionctx.Key {
	return sessionctx.Key{Tenant: "acme", Kind: sessionctx.KindSession, ID: id}
}

// written returns a record as first written; change makes it somebody's.
func written(change ...func(*sessionctx.Record)) sessionctx.Record {
	at := time.Now().UTC().Truncate(time.Millisecond)
	rec := sessionctx.Record{Tenant: "acme", Incarnation: 1, Version: 1, CreatedAt: at, ExpiresAt: at.Add(time.Hour)}
	for _, f := range change {
		f(&rec)
	}
	return rec
}

func neverExpiring(r *sessionctx.Record) { r.ExpiresAt = time.Time{} }

func expiring(d time.Duration) func(*sessionctx.Record) {
	return func(r *sessionctx.Record) { r.ExpiresAt = time.Now().Add(d).UTC().Truncate(time.Millisecond) }
}

func withCart(cart string) func(*sessionctx.Record) {
	return func(r *sessionctx.Record) { r.CartID = cart }
}

func save(t testing.TB, s *boltstore.Store, key sessionctx.Key, rec sessionctx.Record, base sessionctx.Revision) {
	t.Helper()
	got, err := s.Save(t.Context(), key, rec, base)
	require.NoError(t, err)
	if rec.Revision() != base {
		require.Equal(t, rec, got)
	}
}

func load(t testing.TB, s *boltstore.Store, key sessionctx.Key) sessionctx.Record {
	t.Helper()
	rec, err := s.Load(t.Context(), key)
	require.NoError(t, err)
	return rec
}
