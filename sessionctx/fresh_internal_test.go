package sessionctx

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
)

// late is a shared store with one record, of whose changes nobody hears within the lease.
type late struct{ rec Record }

func (s *late) Load(_ context.Context, k Key) (Record, error) {
	if k.Kind != KindSession {
		return Record{}, nil
	}
	return s.rec, nil
}

func (s *late) Save(context.Context, Key, Record, Revision) (Record, error) { panic("nobody writes") }

func (s *late) Watch(sink Sink) func() {
	sink.ExtendLease(time.Now().Add(time.Hour))
	return func() {}
}

// TestWhatAFreshReadHasFoundIsNotTakenBackByAFlightOfBefore has a bag that takes in nothing, as it is free to: then the last flight answers.
func TestWhatAFreshReadHasFoundIsNotTakenBackByAFlightOfBefore(t *testing.T) {
	store := &late{Record{Tenant: "demoshop", Incarnation: 1, Version: 1, CreatedAt: time.Now(), ModifiedAt: time.Now()}}
	r, err := New(Config{Store: store, Directory: Static{"demoshop": {Sites: []defaults.Site{{
		Code: "main", Default: true, Currency: "EUR", Country: "DE", Language: "de",
	}}}}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.Close()) })
	r.near.bags[KindSession].Close()
	version := func(f Freshness) int64 {
		s, err := r.Resolve(t.Context(), Request{Identity: Identity{Tenant: "demoshop", SessionID: "s1"}, Freshness: f})
		require.NoError(t, err)
		return s.Version
	}
	require.EqualValues(t, 1, version(0))
	store.rec.Version = 2
	require.EqualValues(t, 1, version(0), "the flight is joined, and nothing has told of the change")
	require.EqualValues(t, 2, version(FreshRead))
	assert.EqualValues(t, 2, version(0))
}
