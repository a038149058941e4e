package sessionctx_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// One reader sees the write, then the profile changes: no later reader may see the profile without
// the write, though the writer is still in flight and its word stands still.
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

// Another process writes, and then the profile changes: who has read the record before the one must
// not show it with the profile after the other. Nothing tells this process of the write.
func TestConsistency_WriteOfAnotherProcessComesBeforeALaterProfile(t *testing.T) {
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

// A session is ended, and then the profile changes: no read shows the one as it was with the other
// as it is.
func TestConsistency_EndComesBeforeALaterProfile(t *testing.T) {
	assert.Empty(t, endedMeanwhile(t, func(r *sessionctx.Resolver, id string) error { return r.End(t.Context(), cookie(id)) }).ID)
}

// All sessions of a customer are ended, and then the profile changes: no read shows the one without
// the other.
func TestConsistency_EndAllComesBeforeALaterProfile(t *testing.T) {
	s := endedMeanwhile(t, func(r *sessionctx.Resolver, _ string) error { return r.EndAll(t.Context(), "demoshop", "C100") })
	assert.Empty(t, s.CustomerID)
}

// All sessions of a customer are ended just after a read has looked whether they are: it keeps
// nothing that says they live.
func TestConsistency_SessionThatEndAllEndsDuringAReadIsNotCached(t *testing.T) {
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
