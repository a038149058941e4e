package sessionctx_test

import (
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// One reader sees the write, then the profile changes: no later reader may see the profile without
// the write, though the write is still under way and the stamp does not move.
func TestConsistency_RecordAndProfileWereInForceTogether(t *testing.T) {
	ctx := t.Context()
	backend := &stepped{}
	d := &askedDesk{demoshop(), make(chan bool), make(chan defaults.Customer)}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store, c.Directory = backend, d })
	update(t, r, by("s1"), sessionctx.Patch{CartID: sessionctx.Set("one")})
	begun, apply, applied, finish, done := make(chan bool), make(chan bool), make(chan bool), make(chan bool), make(chan bool)
	backend.beforeSave = func(store.Key) { begun <- true; <-apply }
	backend.afterSave = func(store.Key) { applied <- true; <-finish }
	go func() {
		_, err := r.Update(ctx, by("s1"), sessionctx.Patch{CartID: sessionctx.Set("two")})
		assert.NoError(t, err)
		done <- true
	}()
	<-begun
	var first sessionctx.Session
	go func() {
		s, err := r.Resolve(ctx, by("s1", "C100"))
		assert.NoError(t, err)
		first = s
		done <- true
	}()
	<-d.asked // it has read the record, and asks for the profile
	apply <- true
	<-applied
	assert.Equal(t, "two", resolve(t, r, by("s1")).CartID)
	d.answer <- defaults.Customer{Currency: "CHF"}
	<-done
	finish <- true
	<-done
	assert.Equal(t, "CHF two", first.Currency+" "+first.CartID)
}

// The same for a session by secret, whose customer is known only when the record has been read: the
// record is read again while a write is under way, because its stamp stands still.
func TestConsistency_RecordIsReadAgainWhileAWriteIsUnderWay(t *testing.T) {
	ctx := t.Context()
	backend := &stepped{}
	d := &desk{Static: demoshop()}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store, c.Directory = backend, d })
	login, err := r.Login(ctx, cookie(""), "C100")
	require.NoError(t, err)
	id := login.ID
	update(t, r, cookie(id), sessionctx.Patch{CartID: sessionctx.Set("one")})
	resolve(t, r, by("", "C100")) // the profile is known

	begun, apply, applied, finish, done := make(chan bool), make(chan bool), make(chan bool), make(chan bool), make(chan bool)
	backend.beforeSave = func(store.Key) { begun <- true; <-apply }
	backend.afterSave = func(store.Key) { applied <- true; <-finish }
	go func() {
		_, err := r.Update(ctx, cookie(id), sessionctx.Patch{CartID: sessionctx.Set("two")})
		assert.NoError(t, err)
		done <- true
	}()
	<-begun
	found, let := make(chan bool), make(chan bool)
	var held atomic.Bool
	backend.afterLoad = func(k store.Key) {
		if k.Kind == store.KindSession && held.CompareAndSwap(false, true) {
			found <- true
			<-let
		}
	}
	var first sessionctx.Session
	go func() {
		s, err := r.Resolve(ctx, cookie(id))
		assert.NoError(t, err)
		first = s
		done <- true
	}()
	<-found // it has read the record
	apply <- true
	<-applied
	assert.Equal(t, "two", resolve(t, r, cookie(id)).CartID)
	d.customer.Store(&defaults.Customer{Currency: "CHF"})
	require.NoError(t, r.Refresh(ctx, "demoshop", "C100"))
	let <- true
	<-done
	finish <- true
	<-done
	assert.Equal(t, "CHF two", first.Currency+" "+first.CartID)
}

// Another process writes, and then the profile changes: a read that found the record before the
// write must not show it with the profile after the change. Nothing tells this process of the
// write.
func TestConsistency_WriteOfAnotherProcessComesBeforeALaterProfile(t *testing.T) {
	for _, tc := range []struct {
		desc          string
		secret, fresh bool
		watch         func(store.Store) store.Store
	}{
		{"nothing is cached", false, false, func(s store.Store) store.Store { return struct{ store.Store }{s} }},
		{"nothing is cached, by secret", true, false, func(s store.Store) store.Store { return struct{ store.Store }{s} }},
		{"a fresh read", false, true, func(s store.Store) store.Store {
			return &stuck{Store: s, found: make(chan struct{}), let: closed()}
		}},
		{"a fresh read by secret", true, true, func(s store.Store) store.Store {
			return &stuck{Store: s, found: make(chan struct{}), let: closed()}
		}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // readers wait for 100 ms, whatever else the machine does
				records := &memstore.Store{}
				there := newResolver(t, func(c *sessionctx.Config) { c.Store = records })
				req := by("s1", "C9")
				if tc.secret {
					s, err := there.Login(t.Context(), cookie(""), "C9")
					require.NoError(t, err)
					req = cookie(s.ID)
				}
				update(t, there, req, sessionctx.Patch{CartID: sessionctx.Set("one")})
				changed, currency := false, "CHF"
				here := newResolver(t, func(c *sessionctx.Config) {
					c.Store = tc.watch(records)
					c.Directory = desks{demoshop(), func() defaults.Customer {
						if !changed { // the record has been read
							changed = true
							update(t, there, req, sessionctx.Patch{CartID: sessionctx.Set("two")})
						}
						return defaults.Customer{Currency: currency}
					}}
				})
				fresh := req
				fresh.Fresh = tc.fresh
				s := resolve(t, here, fresh)
				assert.True(t, changed)
				assert.Equal(t, "CHF two", s.Currency+" "+s.CartID)

				changed, currency = false, "GBP"
				here.Invalidate("demoshop", "")
				update(t, there, req, sessionctx.Patch{CartID: sessionctx.Set("one")})
				x, err := here.Preview(t.Context(), fresh, sessionctx.Patch{})
				require.NoError(t, err)
				assert.True(t, changed)
				assert.Equal(t, "GBP two", x.Session.Currency+" "+x.Session.CartID)
			})
		})
	}
}

// The same while the record is on its way: the customer of a cookie is known only when the record
// has come, and then the profile has changed already.
func TestConsistency_ProfileThatChangesDuringALoadComesAfterTheRecord(t *testing.T) {
	for _, tc := range []struct {
		desc string
		read func(*sessionctx.Resolver, sessionctx.Request) (sessionctx.Session, error)
	}{
		{"Resolve", func(r *sessionctx.Resolver, req sessionctx.Request) (sessionctx.Session, error) {
			return r.Resolve(t.Context(), req)
		}},
		{"Preview", func(r *sessionctx.Resolver, req sessionctx.Request) (sessionctx.Session, error) {
			e, err := r.Preview(t.Context(), req, sessionctx.Patch{})
			return e.Session, err
		}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			records := &memstore.Store{}
			there := newResolver(t, func(c *sessionctx.Config) { c.Store = records })
			login, err := there.Login(t.Context(), cookie(""), "C100")
			require.NoError(t, err)
			req := cookie(login.ID)
			update(t, there, req, sessionctx.Patch{CartID: sessionctx.Set("one")})

			d := &desk{Static: demoshop()}
			backend := &stuck{Store: records, found: make(chan struct{}), let: make(chan struct{})}
			here := newResolver(t, func(c *sessionctx.Config) { c.Store, c.Directory = struct{ store.Store }{backend}, d })
			resolve(t, here, by("", "C100")) // the profile is known
			var s sessionctx.Session
			done := make(chan bool)
			go func() {
				s, err = tc.read(here, req)
				close(done)
			}()
			<-backend.found // it has read the record
			update(t, there, req, sessionctx.Patch{CartID: sessionctx.Set("two")})
			d.customer.Store(&defaults.Customer{Currency: "CHF"})
			require.NoError(t, here.Refresh(t.Context(), "demoshop", "C100"))
			close(backend.let)
			<-done
			require.NoError(t, err)
			assert.Equal(t, "CHF two", s.Currency+" "+s.CartID)
		})
	}
}

// Another process writes the session during each read of it: no try sees one state.
func TestConsistency_NoAnswerIsAMixtureHoweverOftenAllChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend := &stepped{}
		here := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
		there := newResolver(t, func(c *sessionctx.Config) { c.Store = &backend.Store })
		writes := 0
		write := func() {
			writes++
			update(t, there, by("s1"), sessionctx.Patch{CartID: sessionctx.Set(strconv.Itoa(writes))})
		}
		write()
		backend.afterLoad = func(store.Key) { write() }
		s, err := here.Resolve(t.Context(), by("s1"))
		require.NoError(t, err)
		assert.True(t, s.Degraded)
		assert.Equal(t, 1+2+2*98, writes, "the first two tries read once, the others twice")
		_, err = here.Resolve(t.Context(), fresh(by("s1")))
		require.ErrorIs(t, err, sessionctx.ErrUnavailable)
		_, err = here.Preview(t.Context(), fresh(by("s1")), sessionctx.Patch{})
		require.ErrorIs(t, err, sessionctx.ErrUnavailable)
		require.ErrorContains(t, err, "has changed during each try to read it")

		backend.afterLoad = nil
		assert.Equal(t, strconv.Itoa(writes), resolve(t, here, by("s1")).CartID)
	})
}

// The Store is slow, and the session is written during each reading of it: a reader does not wait
// for a hundred tries.
func TestConsistency_NobodyReadsAgainForLongerThanTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const load = 200 * time.Millisecond
		backend := &stepped{}
		here := newResolver(t, func(c *sessionctx.Config) { c.Store, c.Timeout = backend, time.Second })
		there := newResolver(t, func(c *sessionctx.Config) { c.Store = &backend.Store })
		write := func() { update(t, there, by("s1"), sessionctx.Patch{CartID: sessionctx.Set("one")}) }
		write()
		backend.afterLoad = func(store.Key) { write(); time.Sleep(load) }
		for desc, read := range map[string]func() error{
			"Resolve": func() error {
				s, err := here.Resolve(t.Context(), by("s1"))
				assert.True(t, s.Degraded)
				return err
			},
			"fresh": func() error {
				_, err := here.Resolve(t.Context(), fresh(by("s1")))
				assert.ErrorIs(t, err, sessionctx.ErrUnavailable)
				return nil
			},
			"Preview": func() error {
				_, err := here.Preview(t.Context(), by("s1"), sessionctx.Patch{})
				assert.ErrorIs(t, err, sessionctx.ErrUnavailable)
				return nil
			},
		} {
			start := time.Now()
			require.NoError(t, read(), desc)
			assert.Less(t, time.Since(start), time.Second+2*load, "%s: Timeout, and the two readings of the last try", desc)
		}
	})
}

// A session is ended, and then the profile changes: no read shows the session before its end with
// the profile after the change.
func TestConsistency_EndComesBeforeALaterProfile(t *testing.T) {
	assert.Empty(t, endedMeanwhile(t, func(r *sessionctx.Resolver, id string) error { return r.End(t.Context(), cookie(id)) }).ID)
}

// All sessions of a customer are ended, and then the profile changes: no read shows the new profile
// with a session that still lives.
func TestConsistency_EndAllComesBeforeALaterProfile(t *testing.T) {
	s := endedMeanwhile(t, func(r *sessionctx.Resolver, _ string) error { return r.EndAll(t.Context(), "demoshop", "C100") })
	assert.Empty(t, s.CustomerID)
}

// All sessions of a customer are ended just after a read has looked whether they are: it keeps
// nothing that says they live.
func TestConsistency_SessionThatEndAllEndsDuringAReadIsNotCached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend := &stepped{}
		r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
		login, err := r.Login(t.Context(), cookie(""), "C100") // the profile is known from now on
		require.NoError(t, err)
		id := login.ID
		ended := false
		backend.afterLoad = func(k store.Key) {
			if k.Kind == store.KindCustomer && !ended { // the generation has been read
				ended = true
				assert.NoError(t, r.EndAll(t.Context(), "demoshop", "C100"))
			}
		}
		resolve(t, r, fresh(cookie(id))) // which has begun before
		assert.True(t, ended)
		synctest.Wait() // what is kept is not there at once
		assert.Empty(t, resolve(t, r, cookie(id)).CustomerID)
	})
}

// endedMeanwhile resolves the session of a cookie. The session ends after record and generation
// were read, while the Directory is asked for the profile.
func endedMeanwhile(t *testing.T, end func(r *sessionctx.Resolver, id string) error) sessionctx.Session {
	t.Helper()
	backend, id := loggedIn(t)
	var r *sessionctx.Resolver
	asked := false
	r = newResolver(t, func(c *sessionctx.Config) {
		c.Store = backend
		c.Directory = desks{demoshop(), func() defaults.Customer {
			if !asked {
				asked = true
				assert.NoError(t, end(r, id))
			}
			return defaults.Customer{Currency: "CHF"}
		}}
	})
	s := resolve(t, r, cookie(id))
	assert.True(t, asked)
	return s
}
