package sessionctx_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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
				ctx, about, err := r.Attach(t.Context(), req)
				if wantErr != nil {
					assert.EqualError(t, err, wantErr.Error())
					assert.Nil(t, ctx)
					continue
				}
				require.NoError(t, err)
				got, ok := sessionctx.FromContext(ctx)
				assert.True(t, ok)
				assert.Equal(t, want, got)
				assert.Equal(t, want.Degraded, about.Transient)
				if req.SessionID != "" {
					assert.NotContains(t, fmt.Sprint(ctx), req.SessionID)
				}
			}
		}
		for _, req := range []sessionctx.Request{
			cookie(secret.ID), cookie("stale"), cookie(""), by(""), by("", "C101"), by("s1"), by("s2"), by("s2", "C100"), by("s2", "C101"), hinted,
			by(strings.Repeat("s", 53)), by(strings.Repeat("s", 50), "C100"), by(strings.Repeat("s", 54)), by(strings.Repeat("s", 256), strings.Repeat("C", 256)),
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

func TestAttach_SaysHowLongAgoTheRecordWasWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend := &shaky{}
		r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
		cached := newResolver(t)
		idle := func(r *sessionctx.Resolver, req sessionctx.Request) time.Duration {
			_, about, err := r.Attach(t.Context(), req)
			require.NoError(t, err)
			return about.SinceWrite
		}
		for _, r := range []*sessionctx.Resolver{r, cached} {
			update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			assert.Zero(t, idle(r, by("s1")))
			for range 3 {
				time.Sleep(10 * time.Minute)
				assert.Zero(t, idle(r, by("s2")), "no record")
				assert.Zero(t, idle(r, cookie("")), "no session")
			}
			assert.Equal(t, 30*time.Minute, idle(r, by("s1")), "reads do not count")
			update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("EUR")})
			assert.Zero(t, idle(r, by("s1")))
		}
		time.Sleep(time.Minute)
		backend.down.Store(true)
		assert.Zero(t, idle(r, by("s1")), "the record is not known")
	})
}
