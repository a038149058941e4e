package sessionctx_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// withoutGenerations is a Store that cannot read the records of customers.
type withoutGenerations struct{ store.Store }

func (s withoutGenerations) Load(ctx context.Context, key store.Key) (store.Record, error) {
	if key.Kind == store.KindCustomer {
		return store.Record{}, errDown
	}
	return s.Store.Load(ctx, key)
}

func (withoutGenerations) Watch(sink store.Sink) (stop func()) { return behind{}.Watch(sink) }

// An identity that does not own the session is refused, or is a guest, whatever the customer's
// generation is. So the generation is not read.
func TestOwnership_GenerationIsReadOnlyWhereItDecides(t *testing.T) {
	choice := sessionctx.Patch{Currency: sessionctx.Set("CHF")}
	for _, who := range []struct {
		desc     string
		req      func(secret, asserted string) sessionctx.Request
		absent   bool // to the identity there is no such session
		customer bool // who asks is one
	}{
		{"a guest's token", func(_, asserted string) sessionctx.Request { return by(asserted) }, false, false},
		{"another customer's token", func(_, asserted string) sessionctx.Request { return by(asserted, "C101") }, false, true},
		{"a cookie's id in a token", func(secret, _ string) sessionctx.Request { return by(secret, "C100") }, false, true},
		{"a token's id in a cookie", func(_, asserted string) sessionctx.Request { return cookie(asserted) }, true, false},
		{"nobody is logged in at the host", func(secret, _ string) sessionctx.Request { return byLogin("", secret, "") }, false, false},
		{"another customer is logged in at the host", func(secret, _ string) sessionctx.Request { return byLogin("C101", secret, "") }, false, true},
	} {
		t.Run(who.desc, func(t *testing.T) {
			backend := &heldStore{}
			there := newResolver(t, func(c *sessionctx.Config) { c.Store = behind{backend} })
			s, err := there.Login(t.Context(), cookie(""), "C100")
			require.NoError(t, err)
			_, err = there.Login(t.Context(), by("s1"), "C100")
			require.NoError(t, err)
			here := newResolver(t, func(c *sessionctx.Config) { c.Store = withoutGenerations{backend} })
			req := who.req(s.ID, "s1")

			secret := req.Proof == sessionctx.BySecret
			if !who.customer || secret { // the customer's own generation is read ahead
				fresh := req
				fresh.Fresh = true
				for _, req := range []sessionctx.Request{req, fresh} {
					got, err := here.Resolve(t.Context(), req)
					if secret {
						require.NoError(t, err)
						assert.Empty(t, got.ID)
						assert.False(t, got.Degraded)
					} else {
						assert.ErrorIs(t, err, sessionctx.ErrNotFound)
					}
				}
			}
			err = here.End(t.Context(), req)
			if who.absent {
				assert.NoError(t, err)
			} else {
				assert.EqualError(t, err, sessionctx.ErrNotFound.Error())
			}
			if _, err = here.Update(t.Context(), req, choice); !secret {
				assert.EqualError(t, err, sessionctx.ErrNotFound.Error())
			} else if !who.customer {
				assert.NoError(t, err, "a new session begins")
			}
		})
	}
}

// Each record is read once, and a generation a second time only before a session counts as ended.
func TestWrite_CallsOfTheStore(t *testing.T) {
	login := func(r *sessionctx.Resolver, req sessionctx.Request) error {
		_, err := r.Login(context.Background(), req, "C100")
		return err
	}
	write := func(r *sessionctx.Resolver, req sessionctx.Request) error {
		_, err := r.Update(context.Background(), req, sessionctx.Patch{CartID: sessionctx.Set("y")})
		return err
	}
	end := func(r *sessionctx.Resolver, req sessionctx.Request) error { return r.End(context.Background(), req) }
	as := func(customerID string) func(*testing.T, *sessionctx.Resolver) sessionctx.Request {
		return func(t *testing.T, r *sessionctx.Resolver) sessionctx.Request {
			s, err := r.Login(t.Context(), cookie(""), customerID)
			require.NoError(t, err)
			return cookie(s.ID)
		}
	}
	guest := func(t *testing.T, r *sessionctx.Resolver) sessionctx.Request {
		return cookie(update(t, r, cookie(""), sessionctx.Patch{CartID: sessionctx.Set("x")}).ID)
	}
	token := func(t *testing.T, r *sessionctx.Resolver) sessionctx.Request {
		require.NoError(t, login(r, by("s1")))
		return by("s1", "C100")
	}
	ended := func(t *testing.T, r *sessionctx.Resolver) sessionctx.Request {
		req := token(t, r)
		require.NoError(t, r.EndAll(t.Context(), "demoshop", "C100"))
		return req
	}
	others := func(t *testing.T, r *sessionctx.Resolver) sessionctx.Request {
		token(t, r)
		return by("s1", "C101")
	}
	for _, tc := range []struct {
		desc         string
		begin        func(*testing.T, *sessionctx.Resolver) sessionctx.Request
		call         func(*sessionctx.Resolver, sessionctx.Request) error
		loads, saves int64
	}{
		{"a guest's login: session, generation; new session, tombstone", guest, login, 2, 2},
		{"a customer's login again", as("C100"), login, 2, 2},
		{"a login in the place of another customer: the generations of both", as("C101"), login, 3, 2},
		{"a login by token", token, login, 2, 1},
		{"a login by token of an ended session leaves a tombstone", ended, login, 2, 1},
		{"a guest's write", guest, write, 1, 1},
		{"a customer's write", as("C100"), write, 2, 1},
		{"a write to an ended session: the generation twice; a tombstone", ended, write, 3, 1},
		{"a write to another customer's session", others, write, 1, 0},
		{"the end of a guest's session", guest, end, 1, 1},
		{"the end of a customer's session", as("C100"), end, 2, 1},
		{"the end of an ended session", ended, end, 3, 1},
		{"the end of another customer's session", others, end, 1, 0},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			backend := &heldStore{}
			there := newResolver(t, func(c *sessionctx.Config) { c.Store = behind{&backend.Store} })
			here := newResolver(t, func(c *sessionctx.Config) { c.Store = behind{backend} })
			if err := tc.call(here, tc.begin(t, there)); err != nil {
				assert.ErrorIs(t, err, sessionctx.ErrNotFound)
			}
			assert.Equal(t, tc.loads, backend.loads.Load(), "loads")
			assert.Equal(t, tc.saves, backend.saves.Load(), "saves")
		})
	}
}
