package sessionctx_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
