package sessionctx_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
)

func TestEndAll_EndsEverySessionOfTheCustomerAndNoOther(t *testing.T) {
	r := newResolver(t)
	a, err := r.Login(t.Context(), cookie(""), "C100")
	require.NoError(t, err)
	_, err = r.Login(t.Context(), by("s1"), "C100")
	require.NoError(t, err)
	other, err := r.Login(t.Context(), cookie(""), "C101")
	require.NoError(t, err)
	require.NotEmpty(t, resolve(t, r, cookie(a.ID)).ID)
	require.NotEmpty(t, resolve(t, r, by("s1", "C100")).ID)

	require.NoError(t, r.EndAll(t.Context(), "demoshop", "C100"))
	assert.Empty(t, resolve(t, r, cookie(a.ID)).ID)
	_, err = r.Resolve(t.Context(), by("s1", "C100"))
	assert.ErrorIs(t, err, sessionctx.ErrNotFound)
	_, err = r.Update(t.Context(), by("s1", "C100"), sessionctx.Patch{CartID: sessionctx.Set("x")})
	assert.ErrorIs(t, err, sessionctx.ErrNotFound)
	assert.Equal(t, other, resolve(t, r, cookie(other.ID)))

	again, err := r.Login(t.Context(), cookie(a.ID), "C100")
	require.NoError(t, err)
	assert.Equal(t, again, resolve(t, r, cookie(again.ID)))
	require.NoError(t, r.EndAll(t.Context(), "demoshop", "C100"))
	assert.Empty(t, resolve(t, r, cookie(again.ID)).ID)
}

func TestEndAll_EndedCookieShowsNothingOfItsCustomer(t *testing.T) {
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
