package memstore_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/sinktest"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

func account(id string) store.Key {
	return store.Key{Tenant: "acme", Kind: store.KindCustomer, ID: id}
}

// generation is the record that EndAll writes.
func generation() store.Record {
	return written(func(r *store.Record) { r.Generation, r.ExpiresAt = 3, time.Time{} })
}

// following returns the record that a write makes of rec.
func following(rec store.Record, change ...func(*store.Record)) store.Record {
	rec.Version++
	for _, f := range change {
		f(&rec)
	}
	return rec
}

// tombstone returns what End makes of rec.
func tombstone(rec store.Record) store.Record {
	return store.Record{
		Tenant: rec.Tenant, Incarnation: rec.Incarnation, First: rec.First, Version: rec.Version + 1,
		Ended: true, ExpiresAt: rec.ExpiresAt,
	}
}

// fill saves records with the ids 0, 1 ... until one is refused, and returns how many are stored.
func fill(t *testing.T, s *memstore.Store, kind store.Kind, change ...func(*store.Record)) int {
	t.Helper()
	for n := 0; ; n++ {
		require.Less(t, n, 1000, "the bound is reached earlier")
		before := s.Stats()
		key := store.Key{Tenant: "acme", Kind: kind, ID: fmt.Sprint(n)}
		_, err := s.Save(t.Context(), key, written(change...), store.Revision{})
		if err == nil {
			continue
		}
		require.ErrorIs(t, err, store.ErrFull)
		require.ErrorContains(t, err, "memstore: save: ")
		require.Equal(t, before, s.Stats(), "ErrFull says that nothing was written")
		rec, err := s.Load(t.Context(), key)
		require.NoError(t, err)
		require.Zero(t, rec)
		return n
	}
}

const smallBound = 100_000

func TestSave_RefusesEachClassAtItsPartOfTheBound(t *testing.T) {
	cases := []struct {
		desc   string
		kind   store.Kind
		change func(*store.Record)
		parts  int64 // of 16
	}{
		{"guests with carts", store.KindSession, withCart, 14},
		{"customers", store.KindSession, customers, 15},
		{"tombstones", store.KindSession, ended, 16},
		{"tombstones with the customer", store.KindSession, func(r *store.Record) { ended(r); customers(r) }, 16},
		{"generations of customers", store.KindCustomer, func(r *store.Record) { *r = generation() }, 16},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			s := &memstore.Store{MaxBytes: smallBound}
			put(t, s, "evictable")
			n := fill(t, s, tc.kind, tc.change)
			stats := s.Stats()
			assert.LessOrEqual(t, stats.Bytes, int64(smallBound))
			one := stats.Bytes / int64(stats.Records)
			assert.InDelta(t, smallBound*tc.parts/16, one*int64(n), float64(one)+100)
			for i := range n {
				rec, err := s.Load(t.Context(), store.Key{Tenant: "acme", Kind: tc.kind, ID: fmt.Sprint(i)})
				require.NoError(t, err)
				require.NotZero(t, rec, "record %d of %d must stay", i, n)
			}
		})
	}
}

func TestSave_GuestsWithCartsCannotRefuseACustomer(t *testing.T) {
	s := &memstore.Store{MaxBytes: smallBound}
	fill(t, s, store.KindSession, withCart)
	cart := written(withCart)

	// Login: the session under a new id, and a tombstone with the heir under the old one.
	login := following(cart, customers)
	save(t, s, session("customer's"), login, store.Revision{})
	save(t, s, session("0"), following(tombstone(cart), func(r *store.Record) { r.Heir = make([]byte, 64) }), cart.Revision())
	update := following(login, sized(300))
	save(t, s, session("customer's"), update, login.Revision())
	// Logout: a tombstone, and a successor.
	save(t, s, session("customer's"), tombstone(update), update.Revision())
	put(t, s, "successor")
	// End, of a session with a record and of one without.
	save(t, s, session("1"), tombstone(cart), cart.Revision())
	save(t, s, session("asserted"), tombstone(store.Record{Tenant: "acme", Incarnation: 9}), store.Revision{})
	// EndAll.
	save(t, s, account("C1"), generation(), store.Revision{})
	// A guest goes on with a session that does not get larger.
	next := following(cart)
	save(t, s, session("2"), next, cart.Revision())
	_, err := s.Save(t.Context(), session("2"), following(next, sized(5000)), next.Revision())
	require.ErrorIs(t, err, store.ErrFull, "a guest's session does not grow into the reserved parts")
}

func TestSave_CustomersCannotRefuseAnEnd(t *testing.T) {
	s := &memstore.Store{MaxBytes: smallBound}
	n := fill(t, s, store.KindSession, customers)
	rec := written(customers)
	_, err := s.Save(t.Context(), session("0"), following(rec, sized(5000)), rec.Revision())
	require.ErrorIs(t, err, store.ErrFull, "an update does not grow into the part of the tombstones")
	_, err = s.Save(t.Context(), session("guest's"), written(withCart), store.Revision{})
	require.ErrorIs(t, err, store.ErrFull, "a guest's session neither")
	save(t, s, session("0"), following(rec), rec.Revision())

	save(t, s, account("C1"), generation(), store.Revision{})
	save(t, s, session("asserted"), tombstone(store.Record{Tenant: "acme", Incarnation: 9}), store.Revision{})
	for i := 1; i < n; i++ {
		save(t, s, session(fmt.Sprint(i)), tombstone(rec), rec.Revision())
	}
}

func TestSave_AFullStoreEndsEverySessionThatItHas(t *testing.T) {
	kinds := []struct {
		desc   string
		change func(*store.Record)
	}{
		{"a guest's without anything", func(*store.Record) {}},
		{"a guest's with a cart", withCart},
		{"a customer's", customers},
	}
	for _, tc := range kinds {
		t.Run(tc.desc, func(t *testing.T) {
			s := &memstore.Store{MaxBytes: smallBound}
			rec := written(tc.change)
			for i := range 10 {
				save(t, s, session(fmt.Sprint("live", i)), rec, store.Revision{})
			}
			for n := 0; ; n++ { // tombstones of sessions without a record take what is left
				require.Less(t, n, 1000)
				key := session(fmt.Sprintf("%05d", n))
				if s.Stats().Evicted > 0 {
					t.Fatal("a live session was evicted: the test ends none then")
				}
				if smallBound-s.Stats().Bytes < 1000 {
					break
				}
				save(t, s, key, tombstone(store.Record{Tenant: "acme", Incarnation: 9}), store.Revision{})
			}
			for i := range 10 {
				save(t, s, session(fmt.Sprint("live", i)), tombstone(rec), rec.Revision())
			}
			assert.LessOrEqual(t, s.Stats().Bytes, int64(smallBound))
		})
	}
}

func TestSave_GuestsWithoutCartsUseTheReservedPartsUntilTheyAreNeeded(t *testing.T) {
	s := &memstore.Store{MaxBytes: smallBound}
	fill(t, s, store.KindSession, withCart)
	before := s.Stats().Evicted
	for n := 0; s.Stats().Evicted == before; n++ {
		require.Less(t, n, 1000)
		put(t, s, fmt.Sprint("guest", n))
	}
	assert.Greater(t, s.Stats().Bytes, int64(smallBound*15/16))
	evicted := s.Stats().Evicted
	put(t, s, "customer's", customers)
	put(t, s, "tombstone", ended)
	assert.Greater(t, s.Stats().Evicted, evicted)
	assert.Equal(t, []string{"customer's", "tombstone"}, there(t, s, "customer's", "tombstone"))
}

func TestSave_KeepsNoMonotonicReading(t *testing.T) {
	// With one, times are compared by a clock that stands still while the machine is suspended, and
	// a session that has expired meanwhile is returned afterwards.
	var s memstore.Store
	wall := func(desc string, got time.Time) {
		t.Helper()
		assert.True(t, got == got.Round(0), "%s: %v", desc, got) // == sees the monotonic reading
	}
	rec := written()
	rec.CreatedAt, rec.ModifiedAt = time.Now(), time.Now()
	require.False(t, rec.ExpiresAt == rec.ExpiresAt.Round(0), "the test saves one")
	check := func(desc string, got store.Record) {
		t.Helper()
		wall(desc+": CreatedAt", got.CreatedAt)
		wall(desc+": ModifiedAt", got.ModifiedAt)
		wall(desc+": ExpiresAt", got.ExpiresAt)
	}
	got, err := s.Save(t.Context(), session("a"), rec, store.Revision{})
	require.NoError(t, err)
	check("Save", got)
	touch := rec
	touch.ExpiresAt = time.Now().Add(2 * time.Hour)
	got, err = s.Save(t.Context(), session("a"), touch, rec.Revision())
	require.NoError(t, err)
	check("a touch", got)
	got, err = s.Load(t.Context(), session("a"))
	require.NoError(t, err)
	assert.True(t, touch.ExpiresAt.Equal(got.ExpiresAt))
	check("Load", got)
}

func TestErase_WorksInAFullStore(t *testing.T) {
	s := &memstore.Store{MaxBytes: smallBound}
	n := fill(t, s, store.KindSession, customers)
	var one sinktest.Sink
	defer s.Watch(&one)()
	erased, err := s.Erase(t.Context(), "acme", "C1", tombstone)
	require.NoError(t, err)
	assert.Equal(t, n, erased)
	assert.Equal(t, n, one.All(), "the only sink is told too: its process does not know the keys")
}

func TestErase_RefusesATombstoneThatIsNone(t *testing.T) {
	cases := []struct {
		desc      string
		tombstone func(store.Record) store.Record
	}{
		{"not ended", func(r store.Record) store.Record { return following(r) }},
		{"the same revision", func(r store.Record) store.Record { r.Ended = true; return r }},
		{"no record", func(store.Record) store.Record { return store.Record{Ended: true} }},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			var s memstore.Store
			put(t, &s, "a", customers)
			n, err := s.Erase(t.Context(), "acme", "C1", tc.tombstone)
			require.ErrorContains(t, err, "memstore: erase: tombstone must return a record with Ended and another revision")
			assert.Zero(t, n)
			rec, err := s.Load(t.Context(), session("a"))
			require.NoError(t, err)
			assert.Equal(t, int64(1), rec.Version)
		})
	}
}

func TestSave_RemovesExpiredRecordsBeforeItRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &memstore.Store{MaxBytes: smallBound}
		fill(t, s, store.KindSession, withCart, expiring(time.Minute))
		time.Sleep(time.Minute)
		put(t, s, "large", withCart, sized(20_000)) // more than what each Save removes anyway
		assert.Equal(t, []string{"large"}, there(t, s, "0", "large"))
	})
}
