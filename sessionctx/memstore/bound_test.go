package memstore_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

func session(id string) store.Key {
	return store.Key{Tenant: "acme", Kind: store.KindSession, ID: id}
}

// written returns a record as first written; change makes it somebody's.
func written(change ...func(*store.Record)) store.Record {
	rec := store.Record{Tenant: "acme", Incarnation: 1, Version: 1, ExpiresAt: time.Now().Add(time.Hour)}
	for _, f := range change {
		f(&rec)
	}
	return rec
}

func customers(r *store.Record) { r.CustomerID = "C1" }
func withCart(r *store.Record)  { r.Carts = []store.Cart{{ID: "cart"}} }
func ended(r *store.Record)     { r.Ended = true }
func expiring(d time.Duration) func(*store.Record) {
	return func(r *store.Record) { r.ExpiresAt = time.Now().Add(d) }
}

func sized(n int) func(*store.Record) {
	return func(r *store.Record) {
		r.Attributes = []store.Attribute{{Name: "a", Value: json.RawMessage(`"` + strings.Repeat("x", n) + `"`)}}
	}
}

func save(t testing.TB, s *memstore.Store, key store.Key, rec store.Record, base store.Revision) {
	t.Helper()
	_, err := s.Save(t.Context(), key, rec, base)
	require.NoError(t, err)
}

func put(t testing.TB, s *memstore.Store, id string, change ...func(*store.Record)) {
	t.Helper()
	save(t, s, session(id), written(change...), store.Revision{})
}

// there returns which of the sessions exist.
func there(t testing.TB, s *memstore.Store, ids ...string) (found []string) {
	t.Helper()
	for _, id := range ids {
		rec, err := s.Load(t.Context(), session(id))
		require.NoError(t, err)
		if rec.Incarnation != 0 {
			found = append(found, id)
		}
	}
	return found
}

// roomFor returns a store with room for n records like those that put makes, and not for n+1.
func roomFor(t testing.TB, n int, change ...func(*store.Record)) *memstore.Store {
	t.Helper()
	var probe memstore.Store
	put(t, &probe, "a", change...)
	one := probe.Stats().Bytes
	return &memstore.Store{MaxBytes: one*int64(n) + one/2}
}

func TestSave_AtTheBoundEvictsTheOldestGuestWithoutCart(t *testing.T) {
	s := roomFor(t, 4, withCart)
	put(t, s, "a")
	put(t, s, "b", customers)
	put(t, s, "c", withCart)
	put(t, s, "d")
	put(t, s, "e")
	assert.Equal(t, []string{"b", "c", "d", "e"}, there(t, s, "a", "b", "c", "d", "e"))
	put(t, s, "f", customers)
	assert.Equal(t, []string{"b", "c", "e", "f"}, there(t, s, "a", "b", "c", "d", "e", "f"))
	assert.Equal(t, int64(2), s.Stats().Evicted)
}

func TestSave_EvictsWhatWasNotWrittenOrTouchedForLongest(t *testing.T) {
	s := roomFor(t, 3)
	put(t, s, "a")
	put(t, s, "b")
	put(t, s, "c")
	again := written()
	again.Version = 2
	save(t, s, session("a"), again, store.Revision{Incarnation: 1, Version: 1})                          // written
	save(t, s, session("b"), written(expiring(2*time.Hour)), store.Revision{Incarnation: 1, Version: 1}) // touched
	put(t, s, "d")
	assert.Equal(t, []string{"a", "b", "d"}, there(t, s, "a", "b", "c", "d"))
	put(t, s, "e")
	assert.Equal(t, []string{"b", "d", "e"}, there(t, s, "a", "b", "c", "d", "e"))
}

func TestSave_RemovesExpiredRecordsBeforeItEvicts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := roomFor(t, 3, customers)
		put(t, s, "a") // the oldest that may give way
		put(t, s, "b", customers, expiring(time.Minute))
		put(t, s, "c")
		time.Sleep(time.Minute)
		put(t, s, "d")
		assert.Equal(t, []string{"a", "c", "d"}, there(t, s, "a", "b", "c", "d"))
		assert.Zero(t, s.Stats().Evicted)
	})
}

func TestSave_RemovesManyExpiredRecordsBeforeItEvicts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := roomFor(t, 30)
		put(t, s, "a")
		for i := range 27 { // with more of them the part for tombstones would be touched
			put(t, s, fmt.Sprint(i), customers, expiring(time.Minute))
		}
		time.Sleep(time.Minute)
		put(t, s, "large", sized(10_000))
		assert.Equal(t, []string{"a", "large"}, there(t, s, "a", "large"))
		assert.Zero(t, s.Stats().Evicted)
	})
}

func TestSave_IgnoresExpiredRecordsThatAreStillThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s memstore.Store
		for i := range 50 {
			put(t, &s, fmt.Sprint(i), expiring(time.Minute+time.Duration(i)))
		}
		time.Sleep(time.Hour)
		got, err := s.Save(t.Context(), session("49"), written(), store.Revision{Incarnation: 1, Version: 1})
		require.ErrorIs(t, err, store.ErrConflict)
		assert.Zero(t, got, "with the conflict comes what is stored: nothing")
		require.Greater(t, s.Stats().Records, 40, "the sweep did not do the work of the test")
		put(t, &s, "48")
		assert.Equal(t, []string{"48"}, there(t, &s, "47", "48", "49"))
	})
}

func TestSave_ErrFullEvictsNothing(t *testing.T) {
	s := &memstore.Store{MaxBytes: 10_000}
	put(t, s, "a")
	put(t, s, "b")
	put(t, s, "c", customers)
	_, err := s.Save(t.Context(), session("huge"), written(sized(10_000)), store.Revision{})
	require.ErrorIs(t, err, store.ErrFull)
	assert.Equal(t, []string{"a", "b", "c"}, there(t, s, "a", "b", "c"))
}

func TestSave_DoesNotCountTheRecordItselfAsEvictable(t *testing.T) {
	s := &memstore.Store{MaxBytes: 10_000}
	put(t, s, "a")
	one := s.Stats().Bytes
	grown := written(sized(8_700))
	grown.Version = 2
	var elsewhere memstore.Store
	save(t, &elsewhere, session("a"), grown, store.Revision{})
	require.Greater(t, elsewhere.Stats().Bytes, s.MaxBytes)
	require.LessOrEqual(t, elsewhere.Stats().Bytes-one, s.MaxBytes)
	put(t, s, "b")
	_, err := s.Save(t.Context(), session("a"), grown, store.Revision{Incarnation: 1, Version: 1})
	require.ErrorIs(t, err, store.ErrFull, "there is no room, not even without b")
	assert.Equal(t, []string{"a", "b"}, there(t, s, "a", "b"))

	grown = written(sized(8_000))
	grown.Version = 2
	save(t, s, session("a"), grown, store.Revision{Incarnation: 1, Version: 1})
	assert.Equal(t, []string{"a"}, there(t, s, "a", "b"), "the other one gives way, though it is newer")
}

func TestSave_FullStoreStillEndsAndTouchesSessions(t *testing.T) {
	s := roomFor(t, 2, customers)
	put(t, s, "a", customers)
	put(t, s, "b", customers)
	_, err := s.Save(t.Context(), session("c"), written(customers), store.Revision{})
	require.ErrorIs(t, err, store.ErrFull)
	base := store.Revision{Incarnation: 1, Version: 1}
	save(t, s, session("a"), written(customers, expiring(2*time.Hour)), base)
	tombstone := written(ended)
	tombstone.Version = 2
	save(t, s, session("a"), tombstone, base)
	rec, err := s.Load(t.Context(), session("a"))
	require.NoError(t, err)
	assert.True(t, rec.Ended)
}

func TestStats_BytesComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s memstore.Store
		for i := range 1000 {
			rec := written(sized(i%500), expiring(time.Minute))
			put(t, &s, fmt.Sprint(i), sized(i%500), expiring(time.Minute))
			if i%3 == 0 {
				rec.Version, rec.Carts, rec.Attributes = 2, []store.Cart{{ID: "cart"}}, nil
				save(t, &s, session(fmt.Sprint(i)), rec, store.Revision{Incarnation: 1, Version: 1})
			}
		}
		time.Sleep(time.Minute)
		put(t, &s, "new")
		var fresh memstore.Store
		put(t, &fresh, "new")
		for range 1000 { // enough to sweep them all
			_, err := s.Save(t.Context(), session("new"), written(), store.Revision{})
			require.ErrorIs(t, err, store.ErrConflict)
		}
		assert.Equal(t, fresh.Stats(), s.Stats())
	})
}

func TestSave_RemovesExpiredRecordsFasterThanTheyAccumulate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s memstore.Store
		most := 0
		for i := range 3_000 { // each expires after 100 others
			put(t, &s, fmt.Sprint(i), customers, expiring(100*time.Millisecond))
			time.Sleep(time.Millisecond)
			most = max(most, s.Stats().Records)
		}
		assert.LessOrEqual(t, most, 110)
	})
}

func TestSave_RemovesTouchedRecordsInTheirNewOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s memstore.Store
		base := store.Revision{Incarnation: 1, Version: 1}
		for i := range 30 {
			put(t, &s, fmt.Sprint(i), expiring(time.Hour+time.Duration(i)*time.Minute))
		}
		save(t, &s, session("25"), written(expiring(time.Minute)), base)
		save(t, &s, session("0"), written(expiring(24*time.Hour)), base)
		time.Sleep(time.Minute)
		put(t, &s, "new")
		assert.Equal(t, 30, s.Stats().Records, "the one that was touched down is swept")
		time.Sleep(2 * time.Hour)
		for i := range 10 {
			put(t, &s, fmt.Sprint("new", i), expiring(24*time.Hour))
		}
		assert.Equal(t, 11, s.Stats().Records, "the one that was touched up is in nobody's way")
		assert.Equal(t, []string{"0"}, there(t, &s, "0", "1", "25"))
	})
}

func TestSave_RemovesFewExpiredRecordsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s memstore.Store
		for i := range 1000 {
			put(t, &s, fmt.Sprint(i), expiring(time.Minute))
		}
		time.Sleep(time.Minute)
		put(t, &s, "new")
		assert.GreaterOrEqual(t, s.Stats().Records, 1000-10, "one write removes a few")
		assert.Empty(t, there(t, &s, "0", "500", "999"), "none of them is seen any more")
	})
}

func TestStore_IsEmptyAfterARestart(t *testing.T) {
	s := new(memstore.Store)
	put(t, s, "a", ended)
	s = new(memstore.Store)
	assert.Empty(t, there(t, s, "a"), "as its documentation says, it forgets even that a session ended")
	assert.Zero(t, s.Stats())
}

func TestMaxBytes_HoldsInRealMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("fills some megabytes")
	}
	const bound = 4 << 20
	fillings := []struct {
		desc   string
		change func(i int) func(*store.Record)
	}{
		{"bare sessions", func(int) func(*store.Record) { return func(*store.Record) {} }},
		{"customers with choices and carts", func(i int) func(*store.Record) {
			return func(r *store.Record) {
				r.CustomerID, r.Carts = fmt.Sprintf("C%09d", i), []store.Cart{{ID: fmt.Sprintf("61079711ce0eb908%08d", i)}}
				r.Choices = defaults.Choices{Site: fmt.Sprint("ma", "in"), Currency: "EUR", Country: "DE", Language: "de"}
			}
		}},
		{"parts of large requests", func(i int) func(*store.Record) {
			return func(r *store.Record) {
				body := []byte(strings.Repeat(fmt.Sprintf("%08d", i), 128))
				r.Attributes = []store.Attribute{{Name: string(body[:5]), Value: body[8:16]}}
				r.Carts, r.Tenant = []store.Cart{{ID: string(body)[16:32]}}, (string(body) + "acme")[len(body):]
			}
		}},
		{"many attributes", func(i int) func(*store.Record) {
			return func(r *store.Record) {
				for a := range 10 {
					r.Attributes = append(r.Attributes, store.Attribute{Name: fmt.Sprintf("name-%02d", a), Value: fmt.Appendf(nil, `{"value":%d}`, i)})
				}
			}
		}},
	}
	for _, tc := range fillings {
		t.Run(tc.desc, func(t *testing.T) {
			before := heap()
			s := &memstore.Store{MaxBytes: bound}
			for i, err := 0, error(nil); err == nil && (i%100 != 0 || s.Stats().Evicted == 0); i++ {
				_, err = s.Save(t.Context(), session(fmt.Sprintf("62528895-b561-4518-bfdc-%012d", i)), written(tc.change(i)), store.Revision{})
			}
			used, stats := heap()-before, s.Stats()
			runtime.KeepAlive(s)
			t.Logf("%d records: %d bytes estimated, %d bytes of heap", stats.Records, stats.Bytes, used)
			assert.Greater(t, stats.Bytes, int64(bound*86/100), "up to the reserved parts")
			below := 0.25 // by so much of the bound the heap may be smaller than the estimate
			if strconv.IntSize == 32 {
				below = 0.5 // the estimate is that of a 64-bit system
			}
			assert.LessOrEqual(t, float64(used), float64(stats.Bytes)+bound*0.25)
			assert.GreaterOrEqual(t, float64(used), float64(stats.Bytes)-bound*below)
		})
	}
}

// heap returns the bytes of the live heap: it collects garbage until no more is freed. What an
// earlier test has left must not be freed between two measurements.
func heap() int64 {
	for least := int64(math.MaxInt64); ; runtime.Gosched() {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		if int64(m.HeapAlloc) >= least {
			return least
		}
		least = int64(m.HeapAlloc)
	}
}

func TestSave_RefusesARecordWithoutIncarnation(t *testing.T) {
	var s memstore.Store
	_, err := s.Save(t.Context(), session("a"), store.Record{Tenant: "acme"}, store.Revision{})
	assert.ErrorContains(t, err, "memstore: save: nothing was written")
	assert.ErrorIs(t, err, store.ErrUnavailable)
	assert.Zero(t, s.Stats())
}

func TestSave_EndedContextSaysThatNothingWasWritten(t *testing.T) {
	var s memstore.Store
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Save(ctx, session("a"), store.Record{Tenant: "acme", Incarnation: 1, Version: 1}, store.Revision{})
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, err, store.ErrUnavailable, "after any other error the outcome is unknown")
	assert.Zero(t, s.Stats())
}

func TestStore_LoadsAndSavesOfManyGoroutines(t *testing.T) {
	s := &memstore.Store{MaxBytes: 30_000}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 300 {
				key := session(fmt.Sprint((g*7 + i) % 60))
				rec, err := s.Load(context.Background(), key)
				if !assert.NoError(t, err) {
					return
				}
				base := rec.Revision()
				if rec.Incarnation == 0 {
					rec = written(sized(i))
				} else if i%2 == 0 {
					rec.Version++
				}
				rec.ExpiresAt = time.Now().Add(time.Duration(i%5-1) * time.Millisecond)
				_, _ = s.Save(context.Background(), key, rec, base)
				assert.LessOrEqual(t, s.Stats().Bytes, int64(30_000))
			}
		})
	}
	wg.Wait()
}
