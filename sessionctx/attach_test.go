package sessionctx_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
)

func TestAttach_CarriesWhatResolveReturns(t *testing.T) {
	store := &shaky{}
	for _, cached := range []bool{true, false} {
		r := newResolver(t, func(c *sessionctx.Config) {
			if !cached {
				c.Store = store
			}
		})
		secret := update(t, r, cookie(""), sessionctx.Patch{Currency: sessionctx.Set("CHF"), CartID: sessionctx.Set("cart"), Attributes: attributes("a", "1")})
		_, err := r.Login(t.Context(), by("s2"), "C100")
		require.NoError(t, err)
		hinted := by("s3")
		hinted.GeoCountry, hinted.AcceptLanguage, hinted.Site = "AT", "fr", "ch"
		check := func(req sessionctx.Request) {
			for range 3 { // cold, and from the cache
				want, wantErr := r.Resolve(t.Context(), req)
				ctx, degraded, err := r.Attach(t.Context(), req)
				if wantErr != nil {
					assert.EqualError(t, err, wantErr.Error())
					assert.Nil(t, ctx)
					continue
				}
				require.NoError(t, err)
				got, ok := sessionctx.FromContext(ctx)
				assert.True(t, ok)
				assert.Equal(t, want, got)
				assert.Equal(t, want.Degraded, degraded)
				if req.SessionID != "" {
					assert.NotContains(t, fmt.Sprint(ctx), req.SessionID)
				}
			}
		}
		for _, req := range []sessionctx.Request{
			cookie(secret.ID), cookie("stale"), cookie(""), by(""), by("", "C101"), by("s1"), by("s2"), by("s2", "C100"), by("s2", "C101"), hinted,
		} {
			check(req)
		}
		store.down.Store(!cached)
		check(by("s1", "C100"))
		check(cookie(secret.ID))
		store.down.Store(false)
	}
}

func TestAttach_SessionStaysAsItWas(t *testing.T) {
	type other struct{}
	r := newResolver(t)
	update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	resolve(t, r, by("s1"))
	ctx, _, err := r.Attach(context.WithValue(t.Context(), other{}, 7), by("s1"))
	require.NoError(t, err)
	update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("GBP")})
	s, _ := sessionctx.FromContext(ctx)
	assert.Equal(t, "CHF", s.Currency)
	assert.Equal(t, 7, ctx.Value(other{}))
}
