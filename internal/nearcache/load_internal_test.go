package nearcache

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/singleflight"
	"github.com/sessionctx/storefront/sessionctx/store"
)

func TestGet_JoinsTheLoadUnderWay(t *testing.T) {
	const lease = 40 * time.Second
	viewed := &Key{Tenant: tenant, ID: "s1", View: "c1"}
	withLease := func(w *world) { w.ExtendLease(time.Now().Add(lease)) }
	tests := []struct {
		desc      string
		configure []func(*Config[string])
		prepare   func(w *world)
		between   func(w *world, k *Key) // after the first load began
		want      func(w *world) Want
		first     *Key // of the first read; nil: a session without a view
		key       *Key // of the second read; nil: the same
		joins     bool
	}{
		{desc: "nothing happened", joins: true},
		{desc: "the record has changed", between: func(w *world, k *Key) { w.reports(k.Store()) }},
		{desc: "anything may have changed", between: func(w *world, _ *Key) { w.InvalidateAll() }},
		{desc: "a write has ended", between: func(w *world, k *Key) { w.begin(k).End() }},
		{desc: "a write is under way", between: func(w *world, k *Key) { w.begin(k) }},
		{desc: "a fresh read", want: func(w *world) Want { return Want{Since: w.Now()} }},
		{desc: "for another customer", key: viewed},
		{desc: "for the same customer", first: viewed, joins: true},
		{
			desc: "the customer's record has changed", first: viewed,
			between: func(w *world, _ *Key) { w.reports(customerKey("c1")) },
		},
		{
			desc: "another record has changed", joins: true,
			between: func(w *world, k *Key) { w.reports(w.otherStripe(k).Store()) },
		},
		{
			desc:    "a fresh read, though the load began later than asked for",
			between: func(w *world, _ *Key) { w.advance(time.Second) },
			want:    func(w *world) Want { return Want{Since: w.Now() - int64(time.Second)} },
		},
		{
			desc: "within a quarter of the lease", configure: []func(*Config[string]){leased}, prepare: withLease, joins: true,
			between: func(w *world, _ *Key) { w.advance(time.Second) },
		},
		{
			desc: "after a quarter of the lease", configure: []func(*Config[string]){leased},
			prepare: func(w *world) { w.ExtendLease(time.Now().Add(4 * time.Second)) },
			between: func(w *world, _ *Key) { w.advance(time.Second) },
		},
		{
			desc: "after a quarter of MaxStale", configure: []func(*Config[string]){unwatched(4 * time.Second)},
			between: func(w *world, _ *Key) { w.advance(time.Second) },
		},
	}
	for _, tc := range tests {
		t.Run(tc.desc, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, tc.configure...)
				if tc.prepare != nil {
					tc.prepare(w)
				}
				k := cmpOr(tc.first, sessionKey("s1"))
				w.write(k.Store(), version(1))
				release := w.hold(k.Store())
				first := w.start(k, Want{})
				w.write(k.Store(), version(2)) // of another process; a new load finds it
				if tc.between != nil {
					tc.between(w, k)
				}
				var want Want
				if tc.want != nil {
					want = tc.want(w)
				}
				second := w.start(cmpOr(tc.key, k), want)
				if tc.joins {
					assert.Empty(t, second, "it waits for the first one")
				} else {
					assert.EqualValues(t, 2, (<-second).version)
				}
				release()
				assert.Equal(t, result{version: 1}, <-first)
				if tc.joins {
					assert.Equal(t, result{version: 1}, <-second)
					assert.EqualValues(t, 1, w.Joined.Load())
					assert.EqualValues(t, 1, w.Loads.Load())
				} else {
					assert.Zero(t, w.Joined.Load())
					assert.EqualValues(t, 2, w.Loads.Load())
				}
			})
		})
	}
}

func cmpOr(k, otherwise *Key) *Key {
	if k == nil {
		return otherwise
	}
	return k
}

// What a load finds is kept only if nothing has changed since it began.
func TestGet_KeepsWhatItFound(t *testing.T) {
	viewed := &Key{Tenant: tenant, ID: "s1", View: "c1"}
	customer := &Key{Tenant: tenant, ID: "c1", Kind: store.KindCustomer}
	tests := []struct {
		desc      string
		key       *Key
		configure []func(*Config[string])
		during    func(w *world, k *Key) // while the load is held
		kept      bool
	}{
		{desc: "nothing happened", kept: true},
		{desc: "nothing happened to a customer's record", key: customer, kept: true},
		{desc: "nothing happened to a view", key: viewed, kept: true},
		{desc: "another record has changed", during: func(w *world, k *Key) { w.reports(w.otherStripe(k).Store()) }, kept: true},
		{desc: "the record has changed", during: func(w *world, k *Key) { w.reports(k.Store()) }},
		{desc: "the customer of the view has changed", key: viewed, during: func(w *world, _ *Key) { w.reports(customerKey("c1")) }},
		{desc: "anything may have changed", during: func(w *world, _ *Key) { w.InvalidateAll() }},
		{desc: "a write has begun", during: func(w *world, k *Key) { w.begin(k) }},
		{desc: "a write with an unknown outcome", during: func(w *world, k *Key) { w.begin(k).End() }},
		{desc: "the store has no Watcher, and MaxStale is 0", configure: []func(*Config[string]){unwatched(0)}},
		{desc: "no lease was granted yet", configure: []func(*Config[string]){leased}},
	}
	for _, tc := range tests {
		t.Run(tc.desc, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, tc.configure...)
				k := cmpOr(tc.key, sessionKey("s1"))
				w.write(k.Store(), version(1))
				release := w.hold(k.Store())
				first := w.start(k, Want{})
				if tc.during != nil {
					tc.during(w, k)
				}
				release()
				assert.Equal(t, result{version: 1}, <-first)
				assert.Equal(t, tc.kept, w.Peek(*k) != nil)
				if tc.kept {
					assert.Zero(t, w.loadsOf(func() { w.version(k) }))
				} else {
					assert.Equal(t, 1, w.loadsOf(func() { w.version(k) }))
				}
			})
		})
	}
}

func TestGet_WhileAWriteIsUnderWay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		k := sessionKey("s1")
		w.write(k.Store(), version(1))
		write := w.begin(k)
		release := w.hold(k.Store())
		first := w.start(k, Want{})
		w.write(k.Store(), version(2))
		second := w.start(k, Want{})
		assert.EqualValues(t, 2, (<-second).version, "nobody joins: each read goes to the store")
		release()
		assert.EqualValues(t, 1, (<-first).version)
		assert.Nil(t, w.Peek(*k), "nothing is kept")
		write.End()
		assert.Nil(t, w.Peek(*k), "nor found later")
		assert.EqualValues(t, 2, w.version(k))
		assert.NotNil(t, w.Peek(*k))
	})
}

func TestGet_NothingIsReusedWithoutAWindow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, unwatched(0))
		k := sessionKey("s1")
		w.write(k.Store(), version(1))
		for range 3 {
			assert.Equal(t, 1, w.loadsOf(func() { w.fill(k) }))
			assert.Nil(t, w.Peek(*k))
		}
		w.store(k, version(2))
		assert.Nil(t, w.Peek(*k), "what a write stored is not kept either")
		assert.Zero(t, w.loadsOf(func() { w.Prefetch(t.Context(), k, w.Hash(k)); synctest.Wait() }), "there is nothing to prefetch")
		release := w.hold(k.Store())
		first := w.start(k, Want{})
		second := w.start(k, Want{})
		assert.EqualValues(t, 2, (<-second).version, "no load is shared")
		release()
		<-first
		assert.Zero(t, w.DroppedFills.Load(), "what need not be kept is not lost")
	})
}

func TestGet_WhatWasLoadedWithoutALeaseIsNotFoundUnderOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, leased)
		loaded, kept := sessionKey("s1"), sessionKey("s2")
		w.version(loaded)
		w.fill(kept)
		w.ExtendLease(time.Now().Add(time.Minute))
		assert.Nil(t, w.Peek(*loaded), "nobody would have told of a change in between")
		assert.Nil(t, w.Peek(*kept))
		w.fill(kept)
		assert.NotNil(t, w.Peek(*kept))
	})
}

func TestGet_MaxStaleCountsFromTheBeginningOfTheLoad(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, unwatched(10*time.Second))
		k := sessionKey("s1")
		w.write(k.Store(), version(1))
		release := w.hold(k.Store())
		first := w.start(k, Want{})
		w.advance(time.Second)
		release()
		<-first
		w.advance(9*time.Second - 1)
		assert.NotNil(t, w.Peek(*k))
		w.advance(1)
		assert.Nil(t, w.Peek(*k))
	})
}

// A fresh read must find every write that has finished, and nobody may take back what it found.
func TestGet_FreshReadIsNotTakenBackByAnOlderLoad(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		k := sessionKey("s1")
		w.write(k.Store(), version(1))
		release := w.hold(k.Store())
		older := w.start(k, Want{})    // reads version 1, and its answer is late
		w.write(k.Store(), version(2)) // of another process, which has not told yet
		fresh := w.start(k, Want{Since: w.Now()})
		assert.EqualValues(t, 2, (<-fresh).version)
		assert.EqualValues(t, 2, w.version(k))
		release()
		assert.EqualValues(t, 1, (<-older).version, "it began before the fresh read")
		assert.EqualValues(t, 2, w.version(k), "what is kept is not taken back")
		w.fill(k)
		assert.EqualValues(t, 2, w.version(k))
		assert.EqualValues(t, 2, w.Loads.Load())
	})
}

func TestGet_FreshReadFindsWhatTheCacheDoesNotKnow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		k := sessionKey("s1")
		w.write(k.Store(), version(1))
		w.fill(k)
		w.write(k.Store(), version(2))
		assert.EqualValues(t, 1, w.version(k), "another process has not told yet")
		e, err := w.get(k, Want{Since: w.Now()})
		require.NoError(t, err)
		assert.Equal(t, version(2), e.Record())
		assert.EqualValues(t, 2, w.version(k))
	})
}

func TestGet_FreshReadsShareALoadThatBeganAfterThem(t *testing.T) {
	for _, tc := range []struct {
		desc  string
		since time.Duration // of the second read, after the first load began
		joins bool
	}{
		{desc: "before it began", since: -1, joins: true},
		{desc: "at the same instant, so that nobody knows which was first", since: 0},
		{desc: "after it began", since: 1},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				k := sessionKey("s1")
				w.write(k.Store(), version(1))
				release := w.hold(k.Store())
				w.advance(time.Second)
				begun := w.Now()
				first := w.start(k, Want{Since: begun})
				w.write(k.Store(), version(2)) // of another process, which has not told yet
				w.advance(time.Second)
				second := w.start(k, Want{Since: begun + int64(tc.since)})
				if tc.joins {
					release()
					assert.EqualValues(t, 1, (<-second).version)
					assert.EqualValues(t, 1, w.Joined.Load())
					assert.Equal(t, result{version: 1}, <-first)
					return
				}
				assert.EqualValues(t, 2, (<-second).version)
				release()
				<-first
				assert.EqualValues(t, 2, w.version(k), "what the first has found is older, and came later")
			})
		})
	}
}

func TestGet_FreshReadsAndOthersDoNotTakeThePlaceFromEachOther(t *testing.T) {
	const each = 50
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		k := sessionKey("s1")
		w.write(k.Store(), version(1))
		var releases []func()
		for range each {
			releases = append(releases, w.hold(k.Store()))
			w.start(k, Want{})
			releases = append(releases, w.hold(k.Store()))
			w.start(k, Want{Since: w.Now()})
		}
		for _, release := range releases {
			release()
		}
		assert.LessOrEqual(t, w.count(), each+1, "each fresh read asks, and the others share one load")
	})
}

func TestGet_FreshReadIsNotTakenBackByAWriteThatIsKeptLater(t *testing.T) {
	for _, tc := range []struct {
		desc   string
		before bool // the write begins before the fresh read does
	}{
		{desc: "the write began before the fresh read", before: true},
		{desc: "the write began during the fresh read"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				k := sessionKey("s1")
				var write *Write[string]
				stores := func() {
					write = w.begin(k)
					w.write(k.Store(), version(1))
					write.Stored(new(version(1)), w.Now())
				}
				if tc.before {
					stores()
					w.write(k.Store(), version(2)) // of another process, which has not told yet
				}
				w.write(k.Store(), version(2))
				release := w.hold(k.Store())
				fresh := w.start(k, Want{Since: w.Now()}) // finds version 2
				if !tc.before {
					stores()
				}
				release()
				assert.EqualValues(t, 2, (<-fresh).version)
				w.write(k.Store(), version(2))
				write.End()
				assert.EqualValues(t, 2, w.version(k))
			})
		})
	}
}

func TestGet_FreshReadIsValidThoughASessionSharesTheStripeOfItsCustomer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		customer := w.StripeOf(customerKey("c1"))
		k := &Key{Tenant: tenant, View: "c1"}
		for n := 0; k.ID == "" || w.StripeOf(k.Store()) != customer; n++ {
			k.ID = fmt.Sprint("s", n)
		}
		e, err := w.get(k, Want{Since: w.Now()})
		require.NoError(t, err)
		assert.True(t, w.Current(e.Stamp()))
		assert.True(t, w.Current(e.Customer()))
		assert.Zero(t, w.loadsOf(func() { w.version(k) }))
		w.reports(customerKey("c1"))
		assert.Equal(t, 1, w.loadsOf(func() { w.version(k) }))
	})
}

func TestGet_AcceptRefusesRecordsThatAreTooOld(t *testing.T) {
	atLeast := func(v int64) Want {
		return Want{Accept: func(rec *store.Record) bool { return rec.Version >= v }}
	}
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		k := sessionKey("s1")
		w.write(k.Store(), version(1))
		w.fill(k)
		w.write(k.Store(), version(2))
		tests := []struct {
			desc  string
			want  Want
			loads int
			found int64
		}{
			{desc: "the cached record is new enough", want: atLeast(1), found: 1},
			{desc: "it is too old", want: atLeast(2), loads: 1, found: 2},
			{desc: "the record that was loaded then stays", want: atLeast(2), found: 2},
			{desc: "the store has none so new: the caller judges that", want: atLeast(3), loads: 1, found: 2},
		}
		for _, tc := range tests {
			loads := w.loadsOf(func() {
				e, err := w.get(k, tc.want)
				require.NoError(t, err, tc.desc)
				rec := e.Record()
				assert.Equal(t, tc.found, rec.Version, tc.desc)
			})
			assert.Equal(t, tc.loads, loads, tc.desc)
		}
	})
}

func TestGet_AcceptDoesNotJoinAnOlderLoad(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		k := sessionKey("s1")
		w.write(k.Store(), version(1))
		w.fill(k)
		release := w.hold(k.Store())
		w.advance(time.Second)
		older := w.start(k, Want{Since: w.Now()}) // it reads version 1
		w.write(k.Store(), version(2))
		e, err := w.get(k, Want{Accept: func(rec *store.Record) bool { return rec.Version >= 2 }})
		require.NoError(t, err)
		assert.Equal(t, version(2), e.Record())
		release()
		<-older
		assert.EqualValues(t, 2, w.version(k))
	})
}

func TestGet_RefusesTheRecordOfAnotherTenant(t *testing.T) {
	for _, kind := range []store.Kind{store.KindSession, store.KindCustomer} {
		bubble(t, func(t *testing.T) {
			w := newWorld(t)
			k := &Key{Tenant: tenant, ID: "x1", Kind: kind}
			rec := version(1)
			rec.Tenant = "other"
			w.write(k.Store(), rec)
			_, err := w.get(k, Want{})
			assert.ErrorIs(t, err, ErrForeign)
			assert.ErrorContains(t, err, `"acme"`)
			assert.NotContains(t, err.Error(), "x1", "an id is not for logs")
			_, err = w.Reload(t.Context(), *k)
			assert.ErrorIs(t, err, ErrForeign)
			assert.Nil(t, w.Peek(*k))
		})
	}
}

func TestGet_ErrorsAreNotKept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		k := sessionKey("s1")
		w.err = errStore
		_, err := w.get(k, Want{})
		assert.Equal(t, errStore, err)
		w.err = nil
		assert.Equal(t, 1, w.loadsOf(func() { assert.Zero(t, w.version(k)) }), "there is no record, and that is kept")
		assert.Zero(t, w.loadsOf(func() { assert.Zero(t, w.version(k)) }))
	})
}

func TestGet_AStoreThatIgnoresItsContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		k := sessionKey("s1")
		w.write(k.Store(), version(1))
		release := w.hold(k.Store())
		start := time.Now()
		_, err := w.get(k, Want{})
		assert.ErrorIs(t, err, singleflight.ErrTimeout)
		assert.Equal(t, timeout, time.Since(start))
		release()
	})
}

func TestGet_ACallerWhoLeavesFailsNobody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		k := sessionKey("s1")
		w.write(k.Store(), version(1))
		release := w.hold(k.Store())
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() { _, err := w.Get(ctx, k, w.Hash(k), Want{}); gone <- err }()
		synctest.Wait()
		other := w.start(k, Want{})
		cancel()
		assert.ErrorIs(t, <-gone, context.Canceled)
		release()
		assert.Equal(t, result{version: 1}, <-other)
		assert.NotNil(t, w.Peek(*k), "and what the load found is kept")
	})
}

func TestPrefetch_BeginsTheLoadThatGetJoins(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		k := &Key{Tenant: tenant, ID: "c1", Kind: store.KindCustomer}
		w.write(k.Store(), version(1))
		release := w.hold(k.Store())
		w.Prefetch(t.Context(), k, w.Hash(k)) // it does not wait
		synctest.Wait()
		assert.Equal(t, 1, w.count())
		read := w.start(k, Want{})
		release()
		assert.Equal(t, result{version: 1}, <-read)
		assert.EqualValues(t, 1, w.Joined.Load())
		w.Prefetch(t.Context(), k, w.Hash(k))
		synctest.Wait()
		assert.Equal(t, 1, w.count(), "what is cached is not loaded again")
	})
}

func TestReload_AsksTheStoreAndKeepsNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		k := sessionKey("s1")
		w.write(k.Store(), version(1))
		w.fill(k)
		w.write(k.Store(), version(2))
		rec, err := w.Reload(t.Context(), *k)
		require.NoError(t, err)
		assert.Equal(t, version(2), rec)
		assert.EqualValues(t, 1, w.version(k), "the cache does not know it")
		w.err = errStore
		rec, err = w.Reload(t.Context(), *k)
		assert.Equal(t, errStore, err)
		assert.Zero(t, rec)
	})
}

func TestClose_NothingIsFoundAndLoadsGoOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		k := sessionKey("s1")
		w.write(k.Store(), version(1))
		w.fill(k)
		w.Close()
		assert.Nil(t, w.Peek(*k))
		for range 2 {
			assert.Equal(t, 1, w.loadsOf(func() { assert.EqualValues(t, 1, w.version(k)) }))
		}
		w.store(k, version(2))
		assert.Nil(t, w.Peek(*k))
	})
}
