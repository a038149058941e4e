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

// Whoever owns nothing of a session is refused, or is a guest, whatever has become of the
// customer's generation: it is not even read.
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
