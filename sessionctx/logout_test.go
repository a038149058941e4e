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

func TestLogout_ConcurrentWritesReviveNothing(t *testing.T) {
	r := newResolver(t)
	for range 100 {
		id := update(t, r, cookie(""), sessionctx.Patch{Currency: sessionctx.Set("CHF")}).ID
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for {
					s, err := r.Update(context.Background(), cookie(id), sessionctx.Patch{CartID: sessionctx.Set("x")})
					if err != nil {
						assert.ErrorIs(t, err, sessionctx.ErrNotFound)
						return
					}
					assert.Equal(t, id, s.ID)
				}
			})
		}
		s, err := r.Logout(t.Context(), cookie(id))
		require.NoError(t, err)
		wg.Wait()
		assert.Empty(t, s.CartID)
		assert.NotEqual(t, id, s.ID)
		assert.Empty(t, resolve(t, r, cookie(id)).ID)
	}
}

func TestLogout_KeepsTheFourChoicesAndNothingElse(t *testing.T) {
	r := newResolver(t)
	a := update(t, r, cookie(""), sessionctx.Patch{Site: sessionctx.Set("ch"), Country: sessionctx.Set("LI"), Language: sessionctx.Set("it")})
	s, err := r.Login(t.Context(), cookie(a.ID), "C101")
	require.NoError(t, err)
	update(t, r, cookie(s.ID), sessionctx.Patch{CartID: sessionctx.Set("cart"), Attributes: attributes("secret", `"x"`)})
	after, err := r.Logout(t.Context(), cookie(s.ID))
	require.NoError(t, err)
	assert.Equal(t, "ch CHF LI it", after.Site+" "+after.Currency+" "+after.Country+" "+after.Language)
	assert.Empty(t, after.CustomerID+after.CartID)
	_, ok := after.Attribute("secret")
	assert.False(t, ok)
	assert.Len(t, after.ID, 43)
	assert.Equal(t, after, resolve(t, r, cookie(after.ID)))

	// Nothing to keep: no successor.
	b, err := r.Login(t.Context(), cookie(""), "C100")
	require.NoError(t, err)
	after, err = r.Logout(t.Context(), cookie(b.ID))
	require.NoError(t, err)
	assert.Empty(t, after.ID)
	assert.Equal(t, "EUR", after.Currency)
}

// Two tabs log out at the same time. The second logout finds that the first one has ended the
// session, and keeps nothing of it.
func TestLogout_OfASessionThatEndsMeanwhileKeepsNothing(t *testing.T) {
	backend := &stepped{}
	changes := 0
	here := newResolver(t, func(c *sessionctx.Config) {
		c.Store = backend
		c.OnChange = func(context.Context, sessionctx.Session, sessionctx.Session) { changes++ }
	})
	there := newResolver(t, func(c *sessionctx.Config) { c.Store = &backend.Store })
	a := update(t, here, cookie(""), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	changes = 0
	var once sync.Once
	backend.beforeSave = func(store.Key) {
		once.Do(func() { require.NoError(t, there.End(t.Context(), cookie(a.ID))) })
	}
	s, err := here.Logout(t.Context(), cookie(a.ID))
	require.NoError(t, err)
	assert.Empty(t, s.ID)
	assert.Zero(t, changes)
}
