package sessionctx_test

import (
	"encoding/json"
	"maps"
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

func TestPreview_ShowsWhatUpdateReturns(t *testing.T) {
	patch := sessionctx.Patch{
		Site: sessionctx.Set("ch"), CartID: sessionctx.Set("cart-1"), Attributes: map[string]json.RawMessage{"note": []byte(`"gift"`)},
	}
	for _, tc := range []struct {
		desc string
		req  sessionctx.Request
		p    sessionctx.Patch
	}{
		{"a token's first write", by("s1"), patch},
		{"a guest's first write", cookie(""), patch},
		{"a first write with a cookie of an unknown session", cookie("stale"), patch},
		{"a customer's first write by the host's login", byLogin("C100", "", ""), patch},
		{"a start", cookie(""), sessionctx.Patch{Upsert: true}},
		{"nothing", cookie(""), sessionctx.Patch{}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			r := newResolver(t)
			x, err := r.Preview(t.Context(), tc.req, tc.p)
			require.NoError(t, err)
			s, err := r.Update(t.Context(), tc.req, tc.p)
			require.NoError(t, err)
			for f := range defaults.Field(defaults.NumFields) {
				assert.Equal(t, s.Source(f), x.Session.Source(f))
			}
			shown := func(s sessionctx.Session) []string {
				return []string{s.Site, s.Currency, s.Country, s.Language, s.CartID, s.CustomerID}
			}
			assert.Equal(t, shown(s), shown(x.Session))
			assert.Equal(t, maps.Collect(s.Attributes()), maps.Collect(x.Session.Attributes()))
		})
	}
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
