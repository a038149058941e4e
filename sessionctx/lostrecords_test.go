package sessionctx_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// A session and its customer's generation are two reads, and all may be lost between them.
func TestResolve_EndedSessionStaysEndedWhenItsGenerationIsLost(t *testing.T) {
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
			resolve(t, r, by("", "C100")) // with a profile that nobody has asked for, the resolution begins again in any case
			req.SessionID = s.ID
			s, err = read(r, req)
			require.NoError(t, err)
			assert.Negative(t, backend.loads, "both were asked for")
			assert.Empty(t, s.CustomerID)
		})
	}
}

func TestLogin_CopiesNothingOfAnEndedSessionWhenItsGenerationIsLost(t *testing.T) {
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

// A session that lived under a generation has not ended because that is lost: either both are
// there, or none.
func TestResolve_LiveSessionIsNotEndedWhenAllIsLost(t *testing.T) {
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

// EndAll has ended the session. Once the Store has lost the customer's record, the session looks
// live again. The Save of the tombstone would find that the session's record is gone, too, and it
// fails here.
func TestLogin_CopiesNothingOfALiveSessionWhenItsGenerationIsLost(t *testing.T) {
	records := &memstore.Store{}
	a := newResolver(t, func(c *sessionctx.Config) { c.Store = behind{records} })
	s, err := a.Login(t.Context(), cookie(""), "C100")
	require.NoError(t, err)
	update(t, a, cookie(s.ID), sessionctx.Patch{CartID: sessionctx.Set("cart")})
	require.NoError(t, a.EndAll(t.Context(), "demoshop", "C100"))
	backend := &flushed{Store: records, loads: 1}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = oneSave{backend, new(atomic.Bool)} })
	s, err = r.Login(t.Context(), cookie(s.ID), "C100")
	require.NoError(t, err)
	assert.Negative(t, backend.loads, "both were asked for")
	assert.Empty(t, s.CartID)
}

// oneSave is a flushed Store that takes one Save.
type oneSave struct {
	*flushed
	taken *atomic.Bool
}

func (s oneSave) Save(ctx context.Context, key store.Key, rec store.Record, base sessionctx.Revision) (store.Record, error) {
	if s.taken.Swap(true) {
		return store.Record{}, store.ErrUnavailable
	}
	return s.flushed.Save(ctx, key, rec, base)
}
