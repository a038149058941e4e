package sessionctx_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
)

func TestPreview_WritesNothingAndMakesNoID(t *testing.T) {
	r := newResolver(t)
	for _, req := range []sessionctx.Request{by("s1"), by("s1", "C100"), cookie(""), cookie("stale"), by("")} {
		if req.SessionID == "" && req.Proof == sessionctx.Asserted {
			_, err := r.Preview(t.Context(), req, sessionctx.Patch{Site: sessionctx.Set("ch")})
			assert.ErrorIs(t, err, sessionctx.ErrNotFound, "there is no session to write to")
			continue
		}
		before := resolve(t, r, req)
		x, err := r.Preview(t.Context(), req, sessionctx.Patch{Site: sessionctx.Set("ch"), Currency: sessionctx.Set("chf")})
		require.NoError(t, err)
		assert.Equal(t, "ch CHF", x.Session.Site+" "+x.Session.Currency)
		assert.Equal(t, before.ID, x.Session.ID)
		assert.Equal(t, before, resolve(t, r, req))
	}
	assert.Zero(t, r.Stats().Writes)
}

func TestPreview_InputHasWhatDecides(t *testing.T) {
	r := newResolver(t)
	update(t, r, by("s1", "C100"), sessionctx.Patch{Currency: sessionctx.Set("gbp"), CartID: sessionctx.Set("cart-1")})
	req := by("s1", "C100")
	req.GeoCountry = "FR"
	x, err := r.Preview(t.Context(), req, sessionctx.Patch{Country: sessionctx.Set("at")})
	require.NoError(t, err)
	assert.Equal(t, defaults.Choices{Currency: "GBP", Country: "AT"}, x.Input.Choices, "with those of the patch")
	assert.Equal(t, "FR", x.Input.GeoCountry)
	assert.True(t, x.Input.HasCart)
	profile, err := demoshop().Customer(t.Context(), "demoshop", "C100")
	require.NoError(t, err)
	require.NotNil(t, x.Input.Customer)
	assert.Equal(t, profile, *x.Input.Customer)
}
