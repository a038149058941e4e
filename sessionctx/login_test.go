package sessionctx_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/store"
)

func TestUpdate_AssignsTheAssertedCustomer(t *testing.T) {
	r := newResolver(t)
	update(t, r, by("s1"), sessionctx.Patch{Country: sessionctx.Set("FR")})
	s := update(t, r, by("s1", "C100"), sessionctx.Patch{Attributes: attributes("x", "true")})
	assert.Equal(t, "C100 FR", s.CustomerID+" "+s.Country)
	_, err := r.Resolve(t.Context(), by("s1"))
	assert.ErrorIs(t, err, sessionctx.ErrNotFound)
}

func TestLogin_PreferProfileRanksEarlierChoicesBelowTheProfile(t *testing.T) {
	r := newResolver(t, func(c *sessionctx.Config) { c.LoginPolicy = sessionctx.PreferProfile })
	before := update(t, r, by("s1"), sessionctx.Patch{
		Site: sessionctx.Set("ch"), Currency: sessionctx.Set("EUR"), Country: sessionctx.Set("LI"), Language: sessionctx.Set("it"),
	})
	assert.Equal(t, "ch EUR LI it", before.Site+" "+before.Currency+" "+before.Country+" "+before.Language)
	viewed := resolve(t, r, by("s1", "C101"))
	s, err := r.Login(t.Context(), by("s1"), "C101")
	require.NoError(t, err)
	assert.Equal(t, "us USD US en", s.Site+" "+s.Currency+" "+s.Country+" "+s.Language)
	assert.Equal(t, "us USD US en", viewed.Site+" "+viewed.Currency+" "+viewed.Country+" "+viewed.Language)
}

func TestLogin_BySecretReplacesTheID(t *testing.T) {
	r := newResolver(t)
	a := update(t, r, cookie(""), sessionctx.Patch{Currency: sessionctx.Set("CHF"), CartID: sessionctx.Set("cart-1"), Attributes: attributes("a", "1")})
	s, err := r.Login(t.Context(), cookie(a.ID), "C100")
	require.NoError(t, err)
	assert.NotEqual(t, a.ID, s.ID)
	assert.Equal(t, "C100 CHF AT cart-1", s.CustomerID+" "+s.Currency+" "+s.Country+" "+s.CartID)
	v, ok := s.Attribute("a")
	assert.True(t, ok)
	assert.JSONEq(t, "1", string(v))
	assert.Equal(t, s, resolve(t, r, cookie(s.ID)))

	// A late request with the old cookie.
	late := resolve(t, r, cookie(a.ID))
	assert.Empty(t, late.ID)
	assert.Equal(t, "EUR", late.Currency)
	assert.Empty(t, late.CartID)
	_, err = r.Update(t.Context(), cookie(a.ID), sessionctx.Patch{Currency: sessionctx.Set("GBP")})
	assert.ErrorIs(t, err, sessionctx.ErrNotFound)

	// The second click on "log in": a session that works too, with the same in it.
	s2, err := r.Login(t.Context(), cookie(a.ID), "C100")
	require.NoError(t, err)
	assert.NotEqual(t, s.ID, s2.ID)
	assert.Equal(t, "C100 CHF AT cart-1", s2.CustomerID+" "+s2.Currency+" "+s2.Country+" "+s2.CartID)
	assert.Equal(t, s, resolve(t, r, cookie(s.ID)))

	// Another customer on the same browser takes the choices along, and no cart.
	s3, err := r.Login(t.Context(), cookie(s.ID), "C101")
	require.NoError(t, err)
	assert.Equal(t, "C101 us USD ", s3.CustomerID+" "+s3.Site+" "+s3.Currency+" "+s3.CartID)
	s3 = update(t, r, cookie(s3.ID), sessionctx.Patch{Site: sessionctx.Set("ch")})
	assert.Equal(t, "CHF", s3.Currency, "the site that offers it brings the choice back to life")
	assert.Empty(t, resolve(t, r, cookie(s.ID)).ID)
}

func TestLogin_DoubleClickGivesOneSession(t *testing.T) {
	r := newResolver(t)
	for range 200 {
		a := update(t, r, cookie(""), sessionctx.Patch{Currency: sessionctx.Set("CHF"), CartID: sessionctx.Set("cart-1")})
		var got [2]sessionctx.Session
		var wg sync.WaitGroup
		for i := range got {
			wg.Go(func() {
				s, err := r.Login(context.Background(), cookie(a.ID), "C100")
				assert.NoError(t, err)
				got[i] = s
			})
		}
		wg.Wait()
		assert.NotEqual(t, got[0].ID, got[1].ID)
		for _, s := range got {
			s = resolve(t, r, cookie(s.ID))
			assert.Equal(t, "C100 CHF cart-1", s.CustomerID+" "+s.Currency+" "+s.CartID)
		}
	}
}

func TestLogin_ConcurrentWriteIsKeptOrRefused(t *testing.T) {
	r := newResolver(t)
	for range 300 {
		a := update(t, r, cookie(""), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
		var wg sync.WaitGroup
		var written error
		wg.Go(func() {
			_, written = r.Update(context.Background(), cookie(a.ID), sessionctx.Patch{CartID: sessionctx.Set("late")})
		})
		s, err := r.Login(context.Background(), cookie(a.ID), "C100")
		require.NoError(t, err)
		wg.Wait()
		if written == nil {
			assert.Equal(t, "late", resolve(t, r, cookie(s.ID)).CartID)
		} else {
			assert.ErrorIs(t, written, sessionctx.ErrNotFound)
		}
	}
}

// Between what a login reads of the old session and what it gives to the new one, an EndAll must not fall unseen.
func TestLogin_CopiesNothingThatAConcurrentEndAllHasEnded(t *testing.T) {
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

func TestLogin_DeadIDGivesItsHeirToItsCustomerAlone(t *testing.T) {
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
