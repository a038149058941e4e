package sessionctx_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// behind is one of several processes' store, which has not heard yet of what the others do, and will not within its lease.
type behind struct{ store.Store }

func (behind) Watch(sink store.Sink) (stop func()) {
	sink.ExtendLease(time.Now().Add(time.Hour))
	return func() {}
}

// apart returns the Resolvers of two processes that share records and hear nothing of each other.
func apart(t *testing.T, records store.Store) (here, there *sessionctx.Resolver) {
	process := func() *sessionctx.Resolver {
		return newResolver(t, func(c *sessionctx.Config) { c.Store = behind{records} })
	}
	return process(), process()
}

// holdLoad has what the first load of a kind has found be held back until the channel that it returns is closed.
func (s *stepped) holdLoad(kind store.Kind) (let chan bool) {
	var first sync.Once
	let = make(chan bool)
	s.afterLoad = func(k store.Key) {
		if k.Kind != kind {
			return
		}
		hold := false
		if first.Do(func() { hold = true }); hold {
			<-let
		}
	}
	return let
}

func TestAWriteTakesNoLiveSessionForOneThatAnotherProcessHasEnded(t *testing.T) {
	a, b := apart(t, &memstore.Store{})
	login := func(r *sessionctx.Resolver, id string) {
		t.Helper()
		_, err := r.Login(t.Context(), by(id), "C100")
		require.NoError(t, err)
	}
	login(b, "before")
	resolve(t, b, by("before", "C100")) // b knows the generation of the customer
	require.NoError(t, a.EndAll(t.Context(), "demoshop", "C100"))
	for _, id := range []string{"ended", "written"} {
		login(a, id)
	}
	fresh := func(id string) error {
		req := by(id, "C100")
		req.Fresh = true
		_, err := a.Resolve(t.Context(), req)
		return err
	}
	require.NoError(t, b.End(t.Context(), by("ended", "C100")))
	assert.ErrorIs(t, fresh("ended"), sessionctx.ErrNotFound, "its End was answered")

	_, err := b.Update(t.Context(), by("written", "C100"), sessionctx.Patch{CartID: sessionctx.Set("cart")})
	assert.NoError(t, err)

	login(b, "later")
	assert.NoError(t, fresh("later"), "a login after the EndAll")
	_, err = b.Update(t.Context(), by("first", "C100"), sessionctx.Patch{CartID: sessionctx.Set("cart")})
	assert.NoError(t, err)
	assert.NoError(t, fresh("first"), "a first write after the EndAll")
	assert.ErrorIs(t, fresh("before"), sessionctx.ErrNotFound)
}

// Another process ends all sessions of a customer, and nothing tells this one of it yet. A write here knows the new generation; a load of the old
// one, which was under way, comes back after it.
func TestALoginIsNotTakenForEndedByAGenerationThatWasLoadedBefore(t *testing.T) {
	for desc, write := range map[string]func(*testing.T, *sessionctx.Resolver) sessionctx.Request{
		"a login by cookie": func(t *testing.T, r *sessionctx.Resolver) sessionctx.Request {
			s, err := r.Login(t.Context(), cookie(""), "C100")
			require.NoError(t, err)
			return cookie(s.ID)
		},
		"a login by token": func(t *testing.T, r *sessionctx.Resolver) sessionctx.Request {
			_, err := r.Login(t.Context(), by("token", ""), "C100")
			require.NoError(t, err)
			return by("token", "C100")
		},
		"a first write": func(t *testing.T, r *sessionctx.Resolver) sessionctx.Request {
			update(t, r, by("first", "C100"), sessionctx.Patch{CartID: sessionctx.Set("cart")})
			return by("first", "C100")
		},
	} {
		t.Run(desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				records := &stepped{}
				here, there := apart(t, records)
				before, err := there.Login(t.Context(), cookie(""), "C100")
				require.NoError(t, err)
				let := records.holdLoad(store.KindCustomer)
				var slow sync.WaitGroup
				slow.Go(func() { resolve(t, here, cookie(before.ID)) })
				synctest.Wait()
				require.NoError(t, there.EndAll(t.Context(), "demoshop", "C100"))
				after := write(t, here)
				synctest.Wait() // what is kept is not there at once
				close(let)
				slow.Wait()
				synctest.Wait()
				assert.Equal(t, "C100", resolve(t, here, after).CustomerID)
			})
		})
	}
}

// Another process logs a customer in, and this one, which ends all of the customer's sessions, has not heard of it yet.
func TestWhatAnEndAllHereHasEndedIsNotShownForWantOfNewsFromElsewhere(t *testing.T) {
	for desc, tc := range map[string]struct {
		before func(*testing.T, *sessionctx.Resolver) // the EndAll
		read   func(*testing.T, *sessionctx.Resolver, sessionctx.Request) error
	}{
		"Resolve, of which the guest was here": {
			func(t *testing.T, r *sessionctx.Resolver) { resolve(t, r, by("s1", "")) }, resolveError,
		},
		"Resolve, of which the customer was here": {
			func(t *testing.T, r *sessionctx.Resolver) { resolve(t, r, by("s1", "C100")) }, resolveError,
		},
		"Preview": {
			func(t *testing.T, r *sessionctx.Resolver) { resolve(t, r, by("s1", "C100")) },
			func(t *testing.T, r *sessionctx.Resolver, req sessionctx.Request) error {
				_, err := r.Preview(t.Context(), req, sessionctx.Patch{})
				return err
			},
		},
		"an Update of nothing": {
			func(t *testing.T, r *sessionctx.Resolver) { resolve(t, r, by("s1", "C100")) },
			func(t *testing.T, r *sessionctx.Resolver, req sessionctx.Request) error {
				_, err := r.Update(t.Context(), req, sessionctx.Patch{})
				return err
			},
		},
	} {
		for _, record := range []string{"anonymous", "none"} {
			t.Run(desc+", record "+record, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					here, there := apart(t, &memstore.Store{})
					if record == "anonymous" {
						update(t, there, by("s1", ""), sessionctx.Patch{CartID: sessionctx.Set("cart")})
					}
					tc.before(t, here)
					synctest.Wait() // what is kept is not there at once
					_, err := there.Login(t.Context(), by("s1", ""), "C100")
					require.NoError(t, err)
					require.NoError(t, resolveError(t, here, by("s1", "C100")), "it is behind, as it may be")
					require.NoError(t, here.EndAll(t.Context(), "demoshop", "C100"))
					synctest.Wait()
					for range 2 {
						assert.ErrorIs(t, tc.read(t, here, by("s1", "C100")), sessionctx.ErrNotFound)
						synctest.Wait()
					}
				})
			})
		}
	}
}

// The same, when the load of the session was under way before all that.
func TestALoadFromBeforeAnEndAllHereIsNotJoinedAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records := &stepped{}
		here, there := apart(t, records)
		update(t, there, by("s1", ""), sessionctx.Patch{CartID: sessionctx.Set("cart")})
		resolve(t, here, by("", "C100")) // with a profile that nobody has asked for, it is begun anew in any case
		let := records.holdLoad(store.KindSession)
		var readers sync.WaitGroup
		read := func() { assert.ErrorIs(t, resolveError(t, here, by("s1", "C100")), sessionctx.ErrNotFound) }
		readers.Go(read) // it looks again when what it found is no longer so
		synctest.Wait()
		_, err := there.Login(t.Context(), by("s1", ""), "C100")
		require.NoError(t, err)
		require.NoError(t, here.EndAll(t.Context(), "demoshop", "C100"))
		readers.Go(read)
		synctest.Wait()
		close(let)
		readers.Wait()
		synctest.Wait()
		read()
	})
}

// told is behind until a test tells it something.
type told struct {
	store.Store
	sink store.Sink
}

func (s *told) Watch(sink store.Sink) (stop func()) {
	s.sink = sink
	return behind{}.Watch(sink)
}

// A cookie's session is taken for ended by a generation of before another process' EndAll, and that answer is kept. It lasts for no longer than the
// generation is believed.
func TestALiveCookieIsNobodysForNoLongerThanTheOldGenerationIsBelieved(t *testing.T) {
	for desc, learn := range map[string]func(*testing.T, *sessionctx.Resolver, store.Sink){
		"the news comes": func(_ *testing.T, _ *sessionctx.Resolver, sink store.Sink) {
			sink.Invalidate(store.Key{Tenant: "demoshop", Kind: store.KindCustomer, ID: "C100"}.Hash())
		},
		"a login here goes by the new one": func(t *testing.T, here *sessionctx.Resolver, _ store.Sink) {
			_, err := here.Login(t.Context(), by("other", ""), "C100")
			require.NoError(t, err)
		},
	} {
		t.Run(desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				backend := &told{Store: &memstore.Store{}}
				here := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
				there := newResolver(t, func(c *sessionctx.Config) { c.Store = behind{backend.Store} })
				first, err := there.Login(t.Context(), cookie(""), "C100")
				require.NoError(t, err)
				assert.Equal(t, "C100", resolve(t, here, cookie(first.ID)).CustomerID)
				synctest.Wait() // what is kept is not there at once
				require.NoError(t, there.EndAll(t.Context(), "demoshop", "C100"))
				again, err := there.Login(t.Context(), cookie(""), "C100")
				require.NoError(t, err)
				assert.Empty(t, resolve(t, here, cookie(again.ID)).ID, "it is behind, as it may be")
				synctest.Wait()
				learn(t, here, backend.sink)
				assert.Equal(t, "C100", resolve(t, here, cookie(again.ID)).CustomerID)
			})
		})
	}
}

// Whoever may not share what another one loads leads the next load, and does not load for himself alone.
func TestAHerdIsFewLoadsThoughWhatIsUnderWayMayNotBeJoined(t *testing.T) {
	for desc, tc := range map[string]struct {
		first string // who begins
		then  func(*testing.T, *sessionctx.Resolver)
	}{
		"a guest's load is under way":    {"", func(*testing.T, *sessionctx.Resolver) {}},
		"a customer's load is under way": {"C100", func(*testing.T, *sessionctx.Resolver) {}},
		"the profile changes":            {"C100", func(_ *testing.T, r *sessionctx.Resolver) { r.Invalidate("demoshop", "C100") }},
		"all is ended": {"C100", func(t *testing.T, r *sessionctx.Resolver) {
			require.NoError(t, r.EndAll(t.Context(), "demoshop", "C100"))
		}},
	} {
		t.Run(desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				backend, let := &stepped{}, make(chan bool)
				var loads atomic.Int64
				r := newResolver(t, func(c *sessionctx.Config) { c.Store = behind{backend} })
				update(t, r, by("other", ""), sessionctx.Patch{CartID: sessionctx.Set("cart")})
				resolve(t, r, by("", "C100")) // with a profile that nobody has asked for, it is begun anew in any case
				backend.afterLoad = func(k store.Key) {
					if k.Kind == store.KindSession {
						loads.Add(1)
						<-let
					}
				}
				var readers sync.WaitGroup
				readers.Go(func() { resolve(t, r, by("s1", tc.first)) })
				synctest.Wait()
				tc.then(t, r)
				for range 50 {
					for _, customer := range []string{"C100", ""} {
						readers.Go(func() { resolve(t, r, by("s1", customer)) })
						synctest.Wait()
					}
				}
				close(let)
				readers.Wait()
				assert.LessOrEqual(t, loads.Load(), int64(3))
			})
		})
	}
}

func resolveError(t *testing.T, r *sessionctx.Resolver, req sessionctx.Request) error {
	_, err := r.Resolve(t.Context(), req)
	return err
}

// flushed is a shared store that loses everything after some loads, and says so whenever that is seen.
type flushed struct {
	store.Store
	sink  store.Sink
	loads int // until then
	after memstore.Store
}

func (s *flushed) Watch(sink store.Sink) (stop func()) {
	s.sink = sink
	return behind{}.Watch(sink)
}

func (s *flushed) Load(ctx context.Context, key store.Key) (store.Record, error) {
	if s.loads--; s.loads >= 0 {
		return s.Store.Load(ctx, key)
	}
	if s.loads == -1 {
		s.sink.InvalidateAll()
	}
	return s.after.Load(ctx, key)
}

func (s *flushed) Save(ctx context.Context, key store.Key, rec store.Record, base sessionctx.Revision) (store.Record, error) {
	return s.after.Save(ctx, key, rec, base)
}

// A session and its customer's generation are two reads, and all may be lost between them.
func TestASessionThatHadEndedIsNotShownWithoutTheGenerationThatIsLost(t *testing.T) {
	for desc, read := range map[string]func(*sessionctx.Resolver, sessionctx.Request) (sessionctx.Session, error){
		"Resolve": func(r *sessionctx.Resolver, req sessionctx.Request) (sessionctx.Session, error) {
			return r.Resolve(t.Context(), req)
		},
		"Preview": func(r *sessionctx.Resolver, req sessionctx.Request) (sessionctx.Session, error) {
			e, err := r.Preview(t.Context(), req, sessionctx.Patch{})
			return e.Session, err
		},
		"an Update of nothing": func(r *sessionctx.Resolver, req sessionctx.Request) (sessionctx.Session, error) {
			return r.Update(t.Context(), req, sessionctx.Patch{})
		},
	} {
		t.Run(desc, func(t *testing.T) {
			records := &memstore.Store{}
			a := newResolver(t, func(c *sessionctx.Config) { c.Store = behind{records} })
			req := sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", Proof: sessionctx.BySecret}, Fresh: true}
			s, err := a.Login(t.Context(), req, "C100")
			require.NoError(t, err)
			require.NoError(t, a.EndAll(t.Context(), "demoshop", "C100"))
			backend := &flushed{Store: records, loads: 1}
			r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
			resolve(t, r, by("", "C100")) // with a profile that nobody has asked for, it is begun anew in any case
			req.SessionID = s.ID
			s, err = read(r, req)
			require.NoError(t, err)
			assert.Negative(t, backend.loads, "both were asked for")
			assert.Empty(t, s.CustomerID)
		})
	}
}

func TestALoginTakesNothingAlongThatAnEndAllHadEndedAndIsLost(t *testing.T) {
	records := &memstore.Store{}
	a := newResolver(t, func(c *sessionctx.Config) { c.Store = behind{records} })
	req := sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", Proof: sessionctx.BySecret}}
	s, err := a.Login(t.Context(), req, "C100")
	require.NoError(t, err)
	req.SessionID = s.ID
	update(t, a, req, sessionctx.Patch{CartID: sessionctx.Set("cart")})
	_, err = a.Login(t.Context(), req, "C100") // of which the second click would take the cart along
	require.NoError(t, err)
	require.NoError(t, a.EndAll(t.Context(), "demoshop", "C100"))
	backend := &flushed{Store: records, loads: 1}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
	s, err = r.Login(t.Context(), req, "C100")
	require.NoError(t, err)
	assert.Negative(t, backend.loads, "both were asked for")
	assert.Empty(t, s.CartID)
}

// A session that lived under a generation has not ended because that is lost: either both are there, or none.
func TestALiveSessionIsNotTakenForOneThatHasEndedWhenAllIsLost(t *testing.T) {
	records := &memstore.Store{}
	a := newResolver(t, func(c *sessionctx.Config) { c.Store = behind{records} })
	require.NoError(t, a.EndAll(t.Context(), "demoshop", "C100"))
	_, err := a.Login(t.Context(), by("s1", ""), "C100")
	require.NoError(t, err)
	backend := &flushed{Store: records, loads: 1}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
	req := by("s1", "C100")
	req.Fresh = true
	s, err := r.Resolve(t.Context(), req)
	require.NoError(t, err)
	assert.Negative(t, backend.loads, "both were asked for")
	assert.Zero(t, s.Version)
}
