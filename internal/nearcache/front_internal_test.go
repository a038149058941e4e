package nearcache

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/stamp"
)

func frontOf(buckets int) *front[string] {
	return &front[string]{buckets: make([]bucket[string], buckets)}
}

// entryOf returns an entry whose stamps are of these stripes.
func entryOf(table *stamp.Table, session, customer stamp.Stripe) *Entry[string] {
	return &Entry[string]{session: table.Read(session), customer: table.Read(customer)}
}

// hold counts the entries.
func (f *front[R]) hold() (n int) {
	for i := range f.buckets {
		for j := range f.buckets[i] {
			if f.buckets[i][j].entry.Load() != nil {
				n++
			}
		}
	}
	return n
}

func TestFront_FindsWhatWasPut(t *testing.T) {
	table := stamp.NewTable(stamp.MaxStripes)
	old, e := entryOf(table, 0, 0), entryOf(table, stamp.MaxStripes-1, table.Never())
	const hash, free, full, alike = 7, 8, 6, 7 | 1<<40
	tests := []struct {
		desc string
		do   func(f *front[string])
		hash uint64
		want *Entry[string]
	}{
		{"nothing was put", func(*front[string]) {}, free, nil},
		{"an entry in a free place", func(f *front[string]) { f.put(free, e) }, free, e},
		{"the first stripes and the lowest hash", func(f *front[string]) { f.put(0, old) }, 0, old},
		{"an entry in the place of an older one", func(f *front[string]) { f.put(hash, e) }, hash, e},
		{"and in no other place", func(f *front[string]) { f.put(hash, e); f.remove(hash) }, hash, nil},
		{"replaced", func(f *front[string]) { f.replace(hash, e) }, hash, e},
		{"nothing to replace", func(f *front[string]) { f.replace(free, e) }, free, nil},
		{"taken away", func(f *front[string]) { f.remove(hash) }, hash, nil},
		{"put again", func(f *front[string]) { f.remove(hash); f.put(hash, e) }, hash, e},
		{"another one taken away", func(f *front[string]) { f.remove(free) }, hash, old},
		{"the bucket is full", func(f *front[string]) { f.put(9, old); f.put(10, old); f.put(11, old); f.put(full, e) }, full, nil},
		{"replaced in a full bucket", func(f *front[string]) { f.put(9, old); f.put(10, old); f.put(11, old); f.put(hash, e) }, hash, e},
		{"a hash with the same lowest bits: the reader looks at the key", func(*front[string]) {}, alike, old},
	}
	for _, tc := range tests {
		t.Run(tc.desc, func(t *testing.T) {
			f := frontOf(1)
			f.put(hash, old)
			tc.do(f)
			got, session, customer := f.get(tc.hash)
			assert.Same(t, tc.want, got)
			if got != nil {
				assert.Equal(t, got.session.Stripe(), session)
				assert.Equal(t, got.customer.Stripe(), customer)
			}
		})
	}
}

func TestFront_SpreadsHashes(t *testing.T) {
	f := frontOf(1000)
	for i := range uint64(2000) {
		f.put(i*0x9e3779b97f4a7c15, &Entry[string]{})
	}
	assert.Greater(t, f.hold(), 1900, "with two entries for each bucket few buckets are full")
}

// worldWithFront returns a world whose front has the entry of a key.
func worldWithFront(t *testing.T) (*world, *Key, *Entry[string]) {
	t.Helper()
	w, k := newWorld(t), sessionKey("s1")
	w.write(k.Store(), version(7))
	w.fill(k)
	e, _ := w.Lookup(k, w.Hash(k))
	require.NotNil(t, e)
	w.toFront(w.Hash(k), e)
	return w, k, e
}

func TestLookup_ValidatesWhatTheFrontShows(t *testing.T) {
	tests := []struct {
		desc string
		do   func(w *world, k *Key, e *Entry[string])
		want bool
	}{
		{"the entry", func(*world, *Key, *Entry[string]) {}, true},
		{"an older entry: the one of ristretto is found", func(w *world, k *Key, e *Entry[string]) {
			old := *e
			old.customer = w.CustomerStamp(tenant, "c1")
			w.Bump(customerKey("c1"))
			w.front.put(w.Hash(k), &old)
		}, true},
		{"the entry of another key", func(w *world, k *Key, _ *Entry[string]) {
			w.front.put(w.Hash(k), w.Empty(*w.otherStripe(k)))
		}, true},
		{"the mark of another entry, whose stripe has not changed", func(w *world, k *Key, e *Entry[string]) {
			w.reports(k.Store())
			other := *e
			other.session = w.stamps.Read(w.StripeOf(w.otherStripe(k).Store()))
			p := w.front.buckets[w.front.of(w.Hash(k))].find(w.Hash(k))
			p.mark.Store(markOf(w.Hash(k), &other))
		}, false},
		{"a change of the record", func(w *world, k *Key, _ *Entry[string]) { w.reports(k.Store()) }, false},
		{"a change of anything", func(w *world, _ *Key, _ *Entry[string]) { w.InvalidateAll() }, false},
		{"Close", func(w *world, _ *Key, _ *Entry[string]) { w.Close() }, false},
	}
	for _, tc := range tests {
		t.Run(tc.desc, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w, k, e := worldWithFront(t)
				tc.do(w, k, e)
				got, _ := w.Lookup(k, w.Hash(k))
				if !tc.want {
					assert.Nil(t, got)
				} else {
					assert.Same(t, e, got)
				}
			})
		})
	}
}

func TestKeep_ReplacesWhatTheFrontHas(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, k, e := worldWithFront(t)
		w.Keep(w.Hash(k), e.With("resolved again"))
		got, _ := w.Lookup(k, w.Hash(k))
		require.NotNil(t, got)
		assert.Equal(t, "resolved again", got.Resolved)
	})
}

// allToFront puts every entry that ristretto shows into the front.
func (w *world) allToFront(keys []*Key) {
	for _, k := range keys {
		if e, _ := w.sessions.Get(w.Hash(k)); e != nil {
			w.toFront(w.Hash(k), e)
		}
	}
}

// assertBounded fails if the front holds an entry of a hash that ristretto has let go.
func (w *world) assertBounded(keys []*Key) {
	w.t.Helper()
	synctest.Wait()
	shown := 0
	for _, k := range keys {
		hash := w.Hash(k)
		e, _ := w.sessions.Get(hash)
		if e != nil {
			shown++
		}
		if front, _, _ := w.front.get(hash); front != nil && e == nil {
			w.t.Fatal("the front has an entry that ristretto has let go")
		}
	}
	assert.LessOrEqual(w.t, w.front.hold(), shown)
}

func keysOf(n int) (keys []*Key) {
	for i := range n {
		keys = append(keys, sessionKey(fmt.Sprintf("%043d", i)))
	}
	return keys
}

func TestFront_LetsGoWhatRistrettoLetsGo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, func(cfg *Config[string]) { cfg.SessionBytes = 1 << 20 })
		w.Exclusive()
		keys := keysOf(5000) // some three times what fits
		for i, k := range keys {
			w.write(k.Store(), version(1))
			w.fill(k)
			if e, _ := w.Lookup(k, w.Hash(k)); e != nil {
				w.toFront(w.Hash(k), e)
			}
			if i%1000 == 999 {
				w.assertBounded(keys[:i+1])
				assert.Greater(t, w.front.hold(), 500, "the front is used")
			}
		}
		w.Close()
		assert.Zero(t, w.front.hold(), "after Close")
		w.toFront(w.Hash(keys[0]), w.Empty(*keys[0]))
		assert.Zero(t, w.front.hold(), "what comes after Close")
	})
}

func TestToFront_KeepsNothingThatRistrettoHasLetGo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		k := sessionKey("s1")
		w.write(k.Store(), version(1))
		w.fill(k)
		e, _ := w.Lookup(k, w.Hash(k))
		w.Keep(w.Hash(k), e.With("newer"))
		w.toFront(w.Hash(k), e)
		assert.Zero(t, w.front.hold(), "ristretto shows a newer one")
		w.toFront(w.Hash(sessionKey("s2")), w.Empty(*sessionKey("s2")))
		assert.Zero(t, w.front.hold(), "ristretto shows none")
	})
}

func TestFront_StaysBoundedWhileAllAtOnceChangeIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, func(cfg *Config[string]) { cfg.SessionBytes = 1 << 20 })
		w.Exclusive()
		keys := keysOf(3000)
		for _, k := range keys {
			w.write(k.Store(), version(1))
		}
		var all sync.WaitGroup
		for g := range 8 {
			all.Go(func() {
				for i := range keys {
					k := keys[(i*7+g*311)%len(keys)]
					if e, _ := w.Lookup(k, w.Hash(k)); e != nil {
						w.toFront(w.Hash(k), e)
						continue
					}
					if e, err := w.get(k, Want{}); assert.NoError(t, err) {
						w.Keep(w.Hash(k), e.With("resolved"))
					}
				}
			})
		}
		all.Wait()
		w.assertBounded(keys)
		w.allToFront(keys)
		w.assertBounded(keys)
		assert.Positive(t, w.front.hold())
	})
}

func TestFront_ChangesComeOneAfterAnother(t *testing.T) {
	f := frontOf(1)
	var all sync.WaitGroup
	for g := range uint64(8) {
		all.Go(func() {
			for i := range uint64(20_000) {
				f.put(8*i+g, &Entry[string]{})
				f.remove(8*i + g)
			}
		})
	}
	all.Wait()
	assert.Zero(t, f.hold(), "an entry under the mark of another one would never be taken away")
}

func TestKeep_TakesWhatHasGrownTooLargeFromTheFront(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, func(cfg *Config[string]) { cfg.SessionBytes = 1 << 20 })
		w.Exclusive()
		keys := keysOf(1000)
		for _, k := range keys {
			w.write(k.Store(), version(1))
			w.fill(k)
		}
		w.allToFront(keys)
		before := w.front.hold()
		for _, k := range keys {
			if e, _ := w.sessions.Get(w.Hash(k)); e != nil {
				w.Keep(w.Hash(k), e.With(string(make([]byte, 14<<10))))
			}
			w.assertBounded(keys)
		}
		assert.Less(t, w.front.hold(), before/4)
	})
}

func TestLookup_PutsNoCustomersIntoTheFront(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		c := customerKey("c1")
		k := &Key{Tenant: c.Tenant, Kind: c.Kind, ID: c.ID}
		w.write(c, version(1))
		w.fill(k)
		for range 100 * getsToFront {
			require.True(t, w.found(k))
		}
		assert.Zero(t, w.front.hold(), "the cache of customers does not tell the front what it lets go")
		s := sessionKey("s1")
		w.write(s.Store(), version(1))
		w.fill(s)
		for range 100 * getsToFront {
			require.True(t, w.found(s))
		}
		assert.Equal(t, 1, w.front.hold())
	})
}

func TestAnswered_TellsRistrettoWhatIsReadOften(t *testing.T) {
	if raceEnabled {
		t.Skip("with the race detector sync.Pool drops at random what ristretto has in it, and that is what ristretto hears")
	}
	bubble(t, func(t *testing.T) {
		w := newWorld(t, func(cfg *Config[string]) { cfg.SessionBytes = 1 << 20 })
		w.Exclusive()
		loads := 0
		read := func(k *Key) {
			if w.found(k) {
				w.Answered(w.Hash(k))
				return
			}
			loads++
			w.write(k.Store(), version(1))
			w.fill(k)
			delete(w.records, k.Store())
		}
		often, once := sessionKey("often"), keysOf(60_000)
		for _, k := range once {
			for range 2 * readsPerGet {
				read(often)
			}
			read(k)
		}
		assert.LessOrEqual(t, loads-len(once), 2, "it stays, though many more sessions than fit are read once")
	})
}

func TestAnswered_Counts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		var all sync.WaitGroup
		for g := range uint64(4) {
			all.Go(func() {
				for i := range uint64(1000) {
					w.Answered(g * i)
				}
			})
		}
		all.Wait()
		assert.EqualValues(t, 4000, w.Hits())
	})
}

func TestHash_TellsTenantsApart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		seen := map[uint64]string{}
		for _, name := range []string{
			"abc", "abd", "cba", "abcd", "abcdefg", "abcdefgh", "abcdefgi", "hgfedcba", "abcdefghi", "abcdefghj", "bbcdefghi",
			"abcdefghijklmnop", "abcdefghijklmnoq", "abcdefgzijklmnop", "abcdefghzjklmnop", "ijklmnopabcdefgh", "demoshop", "demoshop1", "demoshop2",
		} {
			h := w.Hash(&Key{Tenant: name, ID: "s1"})
			assert.Empty(t, seen[h], name)
			seen[h] = name
		}
	})
}
