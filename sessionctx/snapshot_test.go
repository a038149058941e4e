package sessionctx_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

func TestAnEndedCookieShowsNothingOfItsCustomer(t *testing.T) {
	r := newResolver(t)
	a, err := r.Login(t.Context(), cookie(""), "C100")
	require.NoError(t, err)
	require.NoError(t, r.EndAll(t.Context(), "demoshop", "C100"))
	x, err := r.Preview(t.Context(), cookie(a.ID), sessionctx.Patch{})
	require.NoError(t, err)
	for _, s := range []sessionctx.Session{
		resolve(t, r, cookie(a.ID)), resolve(t, r, cookie(a.ID)), update(t, r, cookie(a.ID), sessionctx.Patch{}), x.Session,
	} {
		assert.Empty(t, s.ID+s.CustomerID)
		assert.Equal(t, "EUR DE", s.Currency+" "+s.Country)
	}
}

// stepped is a memory store whose calls stop where a test wants them to.
type stepped struct {
	memstore.Store
	beforeSave, afterSave, afterLoad func(store.Key)
}

func (s *stepped) Save(ctx context.Context, key store.Key, rec store.Record, base sessionctx.Revision) (store.Record, error) {
	if s.beforeSave != nil {
		s.beforeSave(key)
	}
	got, err := s.Store.Save(ctx, key, rec, base)
	if s.afterSave != nil {
		s.afterSave(key)
	}
	return got, err
}

func (s *stepped) Load(ctx context.Context, key store.Key) (store.Record, error) {
	got, err := s.Store.Load(ctx, key)
	if s.afterLoad != nil {
		s.afterLoad(key)
	}
	return got, err
}

// askedDesk is a Directory whose customers answer when a test says so.
type askedDesk struct {
	sessionctx.Static
	asked  chan bool
	answer chan defaults.Customer
}

func (d *askedDesk) Customer(context.Context, string, string) (defaults.Customer, error) {
	d.asked <- true
	return <-d.answer, nil
}

// One reader sees the write, then the profile changes: no later reader may see the profile without the write, though the
// writer is still in flight and its word stands still.
func TestARecordAndAProfileThatWereNeverInForceTogetherAreNeverShownTogether(t *testing.T) {
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

// Between what a login reads of the old session and what it gives to the new one, an EndAll must not fall unseen.
func TestALoginCarriesNothingOnThatAnEndAllHasEnded(t *testing.T) {
	ctx := t.Context()
	backend := &stepped{}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
	a, err := r.Login(ctx, cookie(""), "C100")
	require.NoError(t, err)
	update(t, r, cookie(a.ID), sessionctx.Patch{CartID: sessionctx.Set("cart")})
	begun, apply, done := make(chan bool), make(chan bool), make(chan bool)
	backend.beforeSave = func(k store.Key) {
		if k.Kind == store.KindCustomer {
			begun <- true
			<-apply
		}
	}
	go func() {
		assert.NoError(t, r.EndAll(ctx, "demoshop", "C100"))
		done <- true
	}()
	<-begun
	loads := 0
	backend.afterLoad = func(k store.Key) {
		if k.Kind == store.KindCustomer {
			if loads++; loads == 1 { // the login has read the old generation
				apply <- true
				<-done
			}
		}
	}
	s, err := r.Login(ctx, cookie(a.ID), "C100")
	require.NoError(t, err)
	now := resolve(t, r, cookie(s.ID))
	assert.False(t, now.ID == s.ID && now.CartID == "cart", "before the EndAll it is ended, after it there is nothing to carry on")
}

func TestASecondClickTakesTheSameAlongAndAnotherCustomerDoesNot(t *testing.T) {
	r := newResolver(t)
	a, err := r.Login(t.Context(), cookie(""), "C100")
	require.NoError(t, err)
	update(t, r, cookie(a.ID), sessionctx.Patch{CartID: sessionctx.Set("cart")})
	for range 2 { // the second time the id is dead
		b, err := r.Login(t.Context(), cookie(a.ID), "C100")
		require.NoError(t, err)
		assert.Equal(t, "cart", b.CartID)
	}
	b, err := r.Login(t.Context(), cookie(a.ID), "C101")
	require.NoError(t, err)
	assert.Empty(t, b.CartID)
	require.NoError(t, r.EndAll(t.Context(), "demoshop", "C100"))
	b, err = r.Login(t.Context(), cookie(a.ID), "C100")
	require.NoError(t, err)
	assert.Empty(t, b.CartID, "what EndAll has ended is not carried on")
}

// desks is a Directory that looks customers up by a function.
type desks struct {
	sessionctx.Static
	customer func() defaults.Customer
}

func (d desks) Customer(context.Context, string, string) (defaults.Customer, error) {
	return d.customer(), nil
}

// Another process writes, and then the profile changes: who has read the record before the one must not show it with the profile after
// the other. Nothing tells this process of the write.
func TestWhatOthersWriteIsNeverShownWithAProfileThatCameLater(t *testing.T) {
	for _, tc := range []struct {
		desc  string
		fresh bool
		watch func(store.Store) store.Store
	}{
		{"nothing is cached", false, func(s store.Store) store.Store { return struct{ store.Store }{s} }},
		{"a fresh read", true, func(s store.Store) store.Store {
			return &stuck{Store: s, found: make(chan struct{}), let: closed()}
		}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			records := &memstore.Store{}
			there := newResolver(t, func(c *sessionctx.Config) { c.Store = records })
			req := by("s1", "C9")
			update(t, there, req, sessionctx.Patch{CartID: sessionctx.Set("one")})
			changed := false
			here := newResolver(t, func(c *sessionctx.Config) {
				c.Store = tc.watch(records)
				c.Directory = desks{demoshop(), func() defaults.Customer {
					if !changed { // the record has been read
						changed = true
						update(t, there, req, sessionctx.Patch{CartID: sessionctx.Set("two")})
					}
					return defaults.Customer{Currency: "CHF"}
				}}
			})
			fresh := req
			fresh.Fresh = tc.fresh
			s := resolve(t, here, fresh)
			assert.True(t, changed)
			assert.Equal(t, "CHF two", s.Currency+" "+s.CartID)

			changed = false
			here.Invalidate("demoshop", "")
			update(t, there, req, sessionctx.Patch{CartID: sessionctx.Set("one")})
			x, err := here.Preview(t.Context(), fresh, sessionctx.Patch{})
			require.NoError(t, err)
			assert.True(t, changed)
			assert.Equal(t, "CHF two", x.Session.Currency+" "+x.Session.CartID)
		})
	}
}

func closed() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// loggedIn returns a store that a test can stop, with a session of customer C100 in it.
func loggedIn(t *testing.T) (*stepped, string) {
	backend := &stepped{}
	s, err := newResolver(t, func(c *sessionctx.Config) { c.Store = backend }).Login(t.Context(), cookie(""), "C100")
	require.NoError(t, err)
	return backend, s.ID
}

// endedMeanwhile resolves the session of a cookie that ends after record and generation have been read, while the profile is asked for.
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

// A session is ended, and then the profile changes: no read shows the one as it was with the other as it is.
func TestARecordFromBeforeAWriteIsNotShownWithAProfileThatCameLater(t *testing.T) {
	assert.Empty(t, endedMeanwhile(t, func(r *sessionctx.Resolver, id string) error { return r.End(t.Context(), cookie(id)) }).ID)
}

// All sessions of a customer are ended, and then the profile changes: no read shows the one without the other.
func TestASessionThatWasEndedIsNotShownWithAProfileThatCameLater(t *testing.T) {
	s := endedMeanwhile(t, func(r *sessionctx.Resolver, _ string) error { return r.EndAll(t.Context(), "demoshop", "C100") })
	assert.Empty(t, s.CustomerID)
}

// All sessions of a customer are ended just after a read has looked whether they are: it keeps nothing that says they live.
func TestASessionThatWasEndedWhileItWasReadIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend, id := loggedIn(t)
		r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
		ended := false
		backend.afterLoad = func(k store.Key) {
			if k.Kind == store.KindCustomer && !ended { // the generation has been read
				ended = true
				assert.NoError(t, r.EndAll(t.Context(), "demoshop", "C100"))
			}
		}
		resolve(t, r, cookie(id)) // which has begun before
		assert.True(t, ended)
		synctest.Wait() // what is kept is not there at once
		assert.Empty(t, resolve(t, r, cookie(id)).CustomerID)
	})
}
