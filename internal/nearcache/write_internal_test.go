package nearcache

import (
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx/store"
)

func TestEnd_KeepsWhatWasWrittenOnlyIfTheWriteWasAlone(t *testing.T) {
	tests := []struct {
		desc   string
		view   string
		during func(w *world, k *Key) // between Begin and End
		kept   bool
	}{
		{desc: "alone", kept: true},
		{desc: "alone, as a customer's", view: "c1", kept: true},
		{desc: "a read came by", during: func(w *world, k *Key) { w.version(k) }, kept: true},
		{desc: "another record has changed", during: func(w *world, k *Key) { w.reports(w.otherStripe(k).Store()) }, kept: true},
		{desc: "another write is under way", during: func(w *world, k *Key) { w.begin(k) }},
		{desc: "another write came and went", during: func(w *world, k *Key) { w.store(k, version(2)) }},
		{desc: "another process has written", during: func(w *world, k *Key) { w.reports(k.Store()) }},
		{desc: "a fresh read came by", during: func(w *world, k *Key) { _, _ = w.get(k, Want{Since: w.Now()}) }},
		{desc: "reports may be missing", during: func(w *world, _ *Key) { w.InvalidateAll() }},
		{desc: "the customer's record has changed", view: "c1", during: func(w *world, _ *Key) { w.reports(customerKey("c1")) }},
	}
	for _, tc := range tests {
		t.Run(tc.desc, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				k := &Key{Tenant: tenant, ID: "s1", View: tc.view}
				write := w.begin(k)
				start := w.Now()
				w.write(k.Store(), version(3))
				if tc.during != nil {
					tc.during(w, k)
				}
				write.Stored(new(version(3)), start)
				assert.Nil(t, w.Peek(*k), "not before the write has ended")
				write.End()
				e := w.Peek(*k)
				require.Equal(t, tc.kept, e != nil)
				if tc.kept {
					assert.Equal(t, version(3), e.Record())
					assert.Zero(t, w.loadsOf(func() { assert.EqualValues(t, 3, w.version(k)) }))
				}
			})
		})
	}
}

func TestEnd_OfTwoWritesNeitherIsKept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		k := sessionKey("s1")
		a, b := w.begin(k), w.begin(k)
		w.write(k.Store(), version(1))
		a.Stored(new(version(1)), w.Now())
		w.write(k.Store(), version(2))
		b.Stored(new(version(2)), w.Now())
		b.End()
		assert.Nil(t, w.Peek(*k))
		assert.Equal(t, 2, w.loadsOf(func() { w.version(k); w.version(k) }), "the first one is still under way")
		a.End()
		assert.Nil(t, w.Peek(*k), "the older of the two ends last")
		assert.EqualValues(t, 2, w.version(k))
		assert.NotNil(t, w.Peek(*k), "and now it is quiet")
	})
}

func TestEnd_WithoutAnOutcomeKeepsNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		k := sessionKey("s1")
		w.write(k.Store(), version(1))
		w.fill(k)
		w.begin(k).End()
		assert.Nil(t, w.Peek(*k), "a write that failed may have been applied")
		assert.Equal(t, 1, w.loadsOf(func() { w.version(k) }))
	})
}

func TestStored_DeadlineIsThatOfTheRecord(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, unwatched(10*time.Second))
		k := sessionKey("s1")
		rec := version(1)
		write := w.begin(k)
		w.advance(5 * time.Second) // the write reads first
		start := w.Now()
		w.advance(time.Second)
		write.Stored(&rec, start)
		write.End()
		w.advance(9*time.Second - 1)
		assert.NotNil(t, w.Peek(*k), "MaxStale counts from the beginning of the call that stored the record")
		w.advance(1)
		assert.Nil(t, w.Peek(*k))

		rec.ExpiresAt = time.Now().Add(5 * time.Second)
		w.store(k, rec)
		w.advance(5*time.Second - 1)
		assert.NotNil(t, w.Peek(*k))
		w.advance(1)
		assert.Nil(t, w.Peek(*k), "the record has expired")
	})
}

// A write with an unknown outcome may still take effect: until it cannot any more, nothing is kept.
func TestEndLater_CountsTheWriteOutAfterAWhile(t *testing.T) {
	const quarantine = 8 * time.Second
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		k := sessionKey("s1")
		w.write(k.Store(), version(1))
		w.fill(k)
		write := w.begin(k)
		write.EndLater(quarantine)
		for range 2 {
			assert.Equal(t, 2, w.loadsOf(func() { w.version(k); w.version(k) }))
			assert.Nil(t, w.Peek(*k))
			w.advance(quarantine/2 - 1)
		}
		w.write(k.Store(), version(2)) // now it takes effect
		assert.EqualValues(t, 2, w.version(k))
		w.advance(2)
		assert.Equal(t, 1, w.loadsOf(func() { w.version(k); w.version(k) }), "from now on reads are shared and kept")
		w.store(k, version(3))
		assert.NotNil(t, w.Peek(*k), "a write is alone again")
	})
}

func TestBegin_RefusesTooManyWrites(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		k := sessionKey("s1")
		var err error
		for range 1 << 16 {
			if _, err = w.BeginWrite(*k); err != nil {
				break
			}
		}
		assert.ErrorIs(t, err, ErrBusy)
		_, err = w.BeginWrite(*w.otherStripe(k))
		assert.NoError(t, err)
	})
}

func TestSink_Counts(t *testing.T) {
	var reported []store.KeyHash
	bubble(t, func(t *testing.T) {
		w := newWorld(t, func(cfg *Config[string]) {
			cfg.OnInvalidate = func(h store.KeyHash) { reported = append(reported, h) }
		})
		k := sessionKey("s1")
		w.reports(k.Store())
		w.reports(customerKey("c1"))
		assert.EqualValues(t, 2, w.Invalidations.Load())
		assert.Equal(t, []store.KeyHash{k.Store().Hash(), customerKey("c1").Hash()}, reported)
		w.InvalidateAll()
		assert.EqualValues(t, 1, w.Stamps().Bumps())
	})
}

func TestLease_IsTheLongestThatWasGranted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, leased)
		assert.Negative(t, w.Lease(), "none was granted")
		w.ExtendLease(time.Now().Add(time.Minute))
		assert.Equal(t, time.Minute, w.Lease())
		w.advance(20 * time.Second)
		assert.Equal(t, 40*time.Second, w.Lease())
		w.ExtendLease(time.Now().Add(30 * time.Second))
		assert.Equal(t, 40*time.Second, w.Lease(), "it never ends earlier than one from before")
		w.ExtendLease(time.Now().Add(-time.Second))
		assert.Equal(t, 40*time.Second, w.Lease())
		w.ExtendLease(time.Now().Add(50 * time.Second))
		assert.Equal(t, 50*time.Second, w.Lease())
		w.advance(time.Minute)
		assert.Equal(t, -10*time.Second, w.Lease())
		w.Exclusive()
		assert.Equal(t, time.Duration(1<<63-1), w.Lease())
	})
}

func TestUntil_IsTheMonotonicTimeOfAWallTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.wall.Store(int64(time.Hour))
		assert.Equal(t, w.clock.mono()+int64(time.Minute), w.Until(w.clock.wall().Add(time.Minute)))
	})
}

func TestKeep_ARecordWithoutABinaryForm(t *testing.T) {
	bad := version(1)
	bad.Attributes = []store.Attribute{{Name: "b", Value: []byte("1")}, {Name: "a", Value: []byte("1")}}
	_, err := bad.MarshalBinary()
	require.Error(t, err)
	for _, kind := range []store.Kind{store.KindSession, store.KindCustomer} {
		bubble(t, func(t *testing.T) {
			w := newWorld(t)
			k := &Key{Tenant: tenant, ID: "x1", Kind: kind}
			w.write(k.Store(), bad)
			e, err := w.get(k, Want{})
			require.NoError(t, err)
			assert.Equal(t, bad, e.Record(), "it is served as the store has given it")
			w.DroppedFills.Store(0)
			w.Keep(w.Hash(k), e)
			synctest.Wait()
			assert.False(t, w.found(k), "and not kept")
			assert.EqualValues(t, 1, w.DroppedFills.Load())
		})
	}
}

func TestEntry_RecordSurvivesTheCache(t *testing.T) {
	full := store.Record{
		Tenant: tenant, Incarnation: 3, First: 4, Version: 9, WriteID: 11, Secret: true, CustomerID: "c1", Generation: 5, Login: 6,
		Carts:      []store.Cart{{Site: "at", ID: "cart1", Changed: 7}, {Site: "de", ID: "cart2", Changed: 8}},
		Attributes: []store.Attribute{{Name: "a", Value: []byte(`{"b":1}`), Changed: 9}},
		CreatedAt:  time.UnixMilli(1_700_000_000_000).UTC(), ModifiedAt: time.UnixMilli(1_700_000_000_001).UTC(),
		ExpiresAt: time.UnixMilli(4_000_000_000_000).UTC(),
	}
	tests := []struct {
		desc string
		rec  store.Record
	}{
		{desc: "no record", rec: store.Record{}},
		{desc: "a record with nothing optional", rec: version(1)},
		{desc: "a full record", rec: full},
		{desc: "a tombstone", rec: store.Record{Tenant: tenant, Incarnation: 1, First: 1, Version: 2, Ended: true, Heir: []byte("sealed")}},
	}
	for _, tc := range tests {
		t.Run(tc.desc, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				k := sessionKey("s1")
				if tc.rec.Exists() {
					w.write(k.Store(), tc.rec)
				}
				loaded, err := w.get(k, Want{})
				require.NoError(t, err)
				assert.Equal(t, tc.rec, loaded.Record())
				resolved := loaded.With("resolved")
				assert.Empty(t, loaded.Resolved, "With returns a copy")
				w.Keep(w.Hash(k), resolved)
				synctest.Wait()
				e, _ := w.Lookup(k, w.Hash(k))
				require.NotNil(t, e)
				assert.Equal(t, tc.rec, e.Record())
				assert.Equal(t, "resolved", e.Resolved)
				assert.Equal(t, loaded.Deadline(), e.Deadline())
				assert.Equal(t, loaded.Stamp(), e.Stamp())
			})
		})
	}
}

// A key that is a part of a request must not keep the whole request alive.
func TestNew_CopiesTheTextsOfTheKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		request := "GET /?session=s1&customer=c1&tenant=acme"
		k := &Key{Tenant: request[36:40], ID: request[14:16], View: request[26:28]}
		require.Equal(t, Key{Tenant: "acme", ID: "s1", View: "c1"}, *k)
		e, err := w.get(k, Want{})
		require.NoError(t, err)
		got := e.Key()
		assert.Equal(t, *k, got)
		for _, texts := range [][2]string{{k.Tenant, got.Tenant}, {k.ID, got.ID}, {k.View, got.View}} {
			assert.NotSame(t, unsafe.StringData(texts[0]), unsafe.StringData(texts[1]), texts[0])
		}
	})
}
