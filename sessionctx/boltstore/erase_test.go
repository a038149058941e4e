package boltstore_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/sessionctx/storefront/sessionctx/store"
)

func tombstone(rec store.Record) store.Record {
	return store.Record{
		Tenant: rec.Tenant, Incarnation: rec.Incarnation, First: rec.First, Version: rec.Version + 1,
		Ended: true, ExpiresAt: rec.ExpiresAt,
	}
}

func TestErase_FindsTheSessionsAmongManyRecords(t *testing.T) {
	t.Parallel()
	path, _ := shopFile(t, 2500) // more than two transactions look at
	s := open(t, path)
	customers := func(r *store.Record) { r.CustomerID = "C7" }
	for i := range 150 { // more than are replaced at the same time
		save(t, s, session(fmt.Sprint("C7's ", i)), written(customers), none)
	}
	var one sink
	defer s.Watch(&one)()
	n, err := s.Erase(t.Context(), "acme", "C7", tombstone)
	require.NoError(t, err)
	assert.Equal(t, 150, n)
	for i := range 150 {
		key := session(fmt.Sprint("C7's ", i))
		assert.True(t, load(t, s, key).Ended)
		assert.Equal(t, 1, one.Reports(key), "the only sink is told too: its process does not know the keys")
	}
	assert.Equal(t, 150, one.All())
	for i := range 2500 {
		require.False(t, load(t, s, session(fmt.Sprint(i))).Ended)
	}
	n, err = s.Erase(t.Context(), "acme", "C7", tombstone)
	require.NoError(t, err)
	assert.Zero(t, n)
}

func TestErase_ADamagedRecordIsAnErrorAfterAllOthersAreErased(t *testing.T) {
	t.Parallel()
	path, want := shopFile(t, 60)
	edit(t, path, func(b *bbolt.Bucket) error {
		key := session("7").Hash()
		v := []byte("spoiled")
		return b.Put(key[:], v)
	})
	s := open(t, path)
	n, err := s.Erase(t.Context(), "acme", want[0].CustomerID, tombstone)
	require.ErrorContains(t, err, "boltstore: erase: 1 records cannot be read, and may be the customer's: the file is damaged")
	assert.Equal(t, len(want)-1, n)
	for i := range want {
		if i != 7 {
			require.True(t, load(t, s, session(fmt.Sprint(i))).Ended)
		}
	}
}

func TestErase_RefusesATombstoneThatIsNone(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	save(t, s, session("a"), shopper(1), none)
	for _, tc := range []struct {
		desc      string
		tombstone func(store.Record) store.Record
	}{
		{"not ended", func(r store.Record) store.Record { r.Version++; return r }},
		{"the same revision", func(r store.Record) store.Record { r.Ended = true; return r }},
		{"no record", func(store.Record) store.Record { return store.Record{Ended: true} }},
	} {
		n, err := s.Erase(t.Context(), "acme", shopper(1).CustomerID, tc.tombstone)
		require.ErrorContains(t, err, "tombstone must return a record with Ended and another revision", tc.desc)
		assert.Zero(t, n)
		assert.Equal(t, int64(1), load(t, s, session("a")).Version, tc.desc)
	}
}
