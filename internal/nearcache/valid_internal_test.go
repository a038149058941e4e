package nearcache

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// Each question of validity has a row that fails if the question is not asked.
func TestLookup_AnswersOnlyWhatIsValid(t *testing.T) {
	const life = time.Minute
	viewed := &Key{Tenant: tenant, ID: "s1", View: "c1"}
	tests := []struct {
		desc      string
		key       *Key // nil: a session without a view
		configure []func(*Config[string])
		prepare   func(w *world) // before the entry is loaded
		then      func(w *world, k *Key)
		valid     bool
	}{
		{desc: "nothing happened", then: func(*world, *Key) {}, valid: true},

		{desc: "stamp: another process has changed the record", then: func(w *world, k *Key) { w.reports(k.Store()) }},
		{desc: "stamp: a record of another stripe has changed", then: func(w *world, k *Key) { w.reports(w.otherStripe(k).Store()) }, valid: true},
		{desc: "stamp: a write is under way", then: func(w *world, k *Key) { w.begin(k) }},
		{desc: "stamp: a write has ended, and nobody knows what is stored", then: func(w *world, k *Key) { w.begin(k).End() }},

		{desc: "all: reports may be missing", then: func(w *world, _ *Key) { w.InvalidateAll() }},

		{
			desc: "lease: its last nanosecond", configure: []func(*Config[string]){leased},
			prepare: func(w *world) { w.ExtendLease(time.Now().Add(life)) },
			then:    func(w *world, _ *Key) { w.advance(life - 1) }, valid: true,
		},
		{
			desc: "lease: it has ended", configure: []func(*Config[string]){leased},
			prepare: func(w *world) { w.ExtendLease(time.Now().Add(life)) },
			then:    func(w *world, _ *Key) { w.advance(life) },
		},
		{
			desc: "lease: it was extended", configure: []func(*Config[string]){leased},
			prepare: func(w *world) { w.ExtendLease(time.Now().Add(life)) },
			then:    func(w *world, _ *Key) { w.ExtendLease(time.Now().Add(2 * life)); w.advance(life) }, valid: true,
		},
		{desc: "lease: an exclusive one never ends", then: func(w *world, _ *Key) { w.advance(time.Hour) }, valid: true},

		{
			desc: "deadline: the last nanosecond of a record", prepare: func(w *world) { w.expiring(life) },
			then: func(w *world, _ *Key) { w.advance(life - 1) }, valid: true,
		},
		{
			desc: "deadline: the record has expired", prepare: func(w *world) { w.expiring(life) },
			then: func(w *world, _ *Key) { w.advance(life) },
		},
		{
			desc: "deadline: the last nanosecond of MaxStale", configure: []func(*Config[string]){unwatched(life)},
			then: func(w *world, _ *Key) { w.advance(life - 1) }, valid: true,
		},
		{
			desc: "deadline: older than MaxStale", configure: []func(*Config[string]){unwatched(life)},
			then: func(w *world, _ *Key) { w.advance(life) },
		},

		{
			desc: "wall clock: set forwards, past the expiry", prepare: func(w *world) { w.expiring(time.Hour) },
			then: func(w *world, _ *Key) { w.wall.Add(int64(time.Hour)); w.advance(checkEvery) },
		},
		{
			desc: "wall clock: set backwards", prepare: func(w *world) { w.expiring(time.Hour) },
			then: func(w *world, _ *Key) { w.wall.Add(-int64(time.Hour)); w.advance(checkEvery) },
		},
		{
			desc: "wall clock: it runs a little faster", prepare: func(w *world) { w.expiring(time.Hour) },
			then: func(w *world, _ *Key) { w.wall.Add(int64(maxDrift / 2)); w.advance(checkEvery) }, valid: true,
		},

		{desc: "key: another session", then: func(_ *world, k *Key) { k.ID = "s2" }},
		{desc: "key: another tenant", then: func(_ *world, k *Key) { k.Tenant = "acmf" }},
		{desc: "key: another view", then: func(_ *world, k *Key) { k.View = "c1" }},
		{desc: "key: another kind", then: func(_ *world, k *Key) { k.Kind = store.KindCustomer }},

		{desc: "view: nothing happened", key: viewed, then: func(*world, *Key) {}, valid: true},
		{desc: "view: the customer's record has changed", key: viewed, then: func(w *world, _ *Key) { w.reports(customerKey("c1")) }},
		{desc: "view: a write to the customer's record is under way", key: viewed, then: func(w *world, _ *Key) { w.begin(&Key{Tenant: tenant, ID: "c1", Kind: store.KindCustomer}) }},
		{desc: "view: the session has changed", key: viewed, then: func(w *world, k *Key) { w.reports(k.Store()) }},
		{desc: "view: without one the customer does not concern the entry", then: func(w *world, _ *Key) { w.reports(customerKey("c1")) }, valid: true},
		{desc: "view: another customer's", key: viewed, then: func(_ *world, k *Key) { k.View = "c2" }},
		{desc: "view: nobody's", key: viewed, then: func(_ *world, k *Key) { k.View = "" }},
	}
	for _, tc := range tests {
		t.Run(tc.desc, func(t *testing.T) {
			// A value is found in ristretto, or in the ring before ristretto shows it.
			finds := map[string]struct {
				fill func(*world, *Key)
				find func(*world, *Key) bool
			}{
				"in ristretto": {(*world).fill, (*world).found},
				"in the ring": {
					func(w *world, k *Key) { w.version(k) },
					func(w *world, k *Key) bool { return w.Peek(*k) != nil },
				},
			}
			for where, f := range finds {
				t.Run(where, func(t *testing.T) {
					bubble(t, func(t *testing.T) {
						w := newWorld(t, tc.configure...)
						w.mask = 0 // so that the hash tells no keys apart
						k := sessionKey("s1")
						if tc.key != nil {
							k = new(*tc.key)
						}
						w.write(k.Store(), version(1))
						if tc.prepare != nil {
							tc.prepare(w)
						}
						f.fill(w, k)
						require.True(t, f.find(w, k))
						tc.then(w, k)
						assert.Equal(t, tc.valid, f.find(w, k))
					})
				})
			}
		})
	}
}

// expiring gives session s1 a record that lives for d.
func (w *world) expiring(d time.Duration) {
	rec := version(1)
	rec.ExpiresAt = time.Now().Add(d)
	w.write(sessionKey("s1").Store(), rec)
}

func TestDependsOn_AddsTheCustomerOfARecord(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		k := sessionKey("s1")
		w.write(k.Store(), version(1))
		e, err := w.get(k, Want{})
		require.NoError(t, err)
		dependent := e.DependsOn(w.CustomerStamp(tenant, "c1"))
		w.Keep(w.Hash(k), dependent)
		synctest.Wait()
		require.True(t, w.found(k))
		assert.Equal(t, w.StripeOf(customerKey("c1")), dependent.Customer().Stripe())
		assert.True(t, w.Current(dependent.Customer()))
		w.reports(customerKey("c1"))
		assert.False(t, w.found(k))
		assert.False(t, w.Current(dependent.Customer()))
		assert.True(t, w.Current(e.Customer()), "the entry that it is a copy of is not changed")
	})
}

func TestGet_AWallClockThatJumps(t *testing.T) {
	tests := []struct {
		desc          string
		jump          time.Duration
		before, after int64 // the version of a record that expires in 30 minutes
		at            time.Duration
	}{
		{desc: "forwards: the record has expired", jump: time.Hour, before: 1, after: 0},
		{desc: "backwards: the record that seemed to have expired lives", at: time.Hour, jump: -time.Hour, before: 0, after: 1},
	}
	for _, tc := range tests {
		t.Run(tc.desc, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				w.expiring(30 * time.Minute)
				k := sessionKey("s1")
				w.wall.Store(int64(tc.at))
				w.advance(checkEvery)
				w.Now() // it notices the first jump
				w.fill(k)
				assert.Equal(t, tc.before, w.version(k))
				w.wall.Add(int64(tc.jump))
				w.advance(checkEvery)
				assert.Equal(t, tc.after, w.version(k))
			})
		})
	}
}

// What a token's record says is worth nothing under another key, whatever the hash.
func TestGet_KeysWithOneHash(t *testing.T) {
	keys := []*Key{
		{Tenant: "acme", ID: "s1"},
		{Tenant: "acme", ID: "s2"},
		{Tenant: "acmf", ID: "s1"},
		{Tenant: "s1", ID: "acme"},
		{Tenant: "acme", ID: "s1", View: "c1"},
		{Tenant: "acme", ID: "s1", View: "c2"},
		{Tenant: "acme", ID: "s1", Kind: store.KindCustomer},
	}
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.mask = 0
		want := map[store.Key]int64{}
		for i, k := range keys {
			if want[k.Store()] != 0 {
				continue // a view is of the same record
			}
			rec := version(int64(i + 1))
			rec.Tenant = k.Tenant
			w.write(k.Store(), rec)
			want[k.Store()] = rec.Version
		}
		for range 3 {
			for _, k := range keys {
				assert.Equal(t, want[k.Store()], w.version(k), "%+v", *k)
				w.fill(k)
				assert.Equal(t, want[k.Store()], w.version(k), "%+v", *k)
			}
		}
		w.InvalidateAll()
		var release []func()
		results := make([]chan result, len(keys))
		for i, k := range keys {
			release = append(release, w.hold(k.Store()))
			results[i] = w.start(k, Want{})
		}
		for i, k := range keys {
			release[i]()
			assert.Equal(t, result{version: want[k.Store()]}, <-results[i], "%+v", *k)
		}
	})
}

// Tenants have names like shop001, shop011, shop021: all of the name must count.
func TestHash_TakesTheWholeName(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		var keys []*Key
		for _, a := range "0123456789" {
			for _, b := range "0123456789" {
				keys = append(keys, &Key{Tenant: "shop" + string(a) + string(b) + "1", ID: "s1"})
			}
		}
		seen := map[uint64]*Key{}
		for _, k := range keys {
			h := w.Hash(k)
			assert.Nil(t, seen[h], "%v has the hash of %v", k, seen[h])
			seen[h] = k
			w.fill(k)
		}
		assert.Zero(t, w.loadsOf(func() {
			for range 2 {
				for _, k := range keys {
					assert.True(t, w.found(k), "%v", k)
				}
			}
		}), "none takes the place of another")
	})
}

func TestHash_DiffersInTheKeyAndTheLengthOfItsView(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		seen := map[uint64]Key{}
		for _, k := range []Key{
			{Tenant: "acme", ID: "s1"}, {Tenant: "acme", ID: "s2"}, {Tenant: "acmf", ID: "s1"}, {Tenant: "s1", ID: "acme"},
			{Tenant: "acme", ID: "s1", View: "c1"}, {Tenant: "acme", ID: "s1", View: "c10"}, {Tenant: "acme", ID: "c1", View: "s1"},
			{Tenant: "acme", ID: "s1", Kind: store.KindCustomer}, {Tenant: "acme", ID: "acme"}, {Tenant: "s1", ID: "s1"},
		} {
			h := w.Hash(&k)
			assert.NotContains(t, seen, h, "%+v", k)
			seen[h] = k
			assert.Equal(t, h, w.Hash(&k))
			assert.Equal(t, h, w.HashMore(h), "with nothing more")
			more := w.HashMore(h, "de", "at")
			assert.NotEqual(t, h, more)
			assert.NotEqual(t, more, w.HashMore(h, "at", "de"))
			assert.NotEqual(t, more, w.HashMore(h, "de"))
		}
	})
}
