package sessionctx_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
)

func TestUnknownOutcome_WriteIDTellsWhetherTheWriteWasApplied(t *testing.T) {
	t.Run("it was", func(t *testing.T) {
		backend := &shaky{}
		r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
		backend.afterSave = func() error { return context.DeadlineExceeded }
		s := update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("USD")})
		first := s.Version
		s = update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("GBP"), Base: new(s.Revision())})
		assert.Equal(t, first+1, s.Version, "applied once, and never a false conflict")
		assert.Zero(t, r.Stats().Unknown)
	})
	t.Run("another one took its place, so it never can be", func(t *testing.T) {
		backend := &shaky{}
		r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
		before := update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("USD")})
		first := true
		backend.beforeSave = func() error {
			if !first {
				return nil
			}
			first = false
			_, err := r.Update(t.Context(), by("s1"), sessionctx.Patch{CartID: sessionctx.Set("other")})
			require.NoError(t, err)
			return context.DeadlineExceeded
		}
		s := update(t, r, by("s1"), sessionctx.Patch{Country: sessionctx.Set("AT")})
		assert.Equal(t, before.Version+2, s.Version)
		assert.Equal(t, "USD AT other", s.Currency+" "+s.Country+" "+s.CartID)
	})
	t.Run("nobody knows", func(t *testing.T) {
		backend := &shaky{}
		r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
		update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("USD")})
		backend.beforeSave = func() error { return context.DeadlineExceeded }
		_, err := r.Update(t.Context(), by("s1"), sessionctx.Patch{Country: sessionctx.Set("AT")})
		assert.ErrorIs(t, err, sessionctx.ErrUnknownOutcome)
		assert.NotErrorIs(t, err, sessionctx.ErrUnavailable, "that would say that nothing was written")
		assert.NotErrorIs(t, err, sessionctx.ErrConflict)
		assert.EqualValues(t, 1, r.Stats().Unknown)
	})
}

func TestUnknownOutcome_WriteThatIsAppliedLateIsSeenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend := &late{}
		r, err := sessionctx.New(sessionctx.Config{Store: backend, Directory: demoshop(), CacheBytes: 4 << 20})
		require.NoError(t, err)
		defer r.Close()
		update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("USD")})
		backend.apply = make(chan func(), 1)
		_, err = r.Update(t.Context(), by("s1"), sessionctx.Patch{Currency: sessionctx.Set("GBP")})
		require.ErrorIs(t, err, sessionctx.ErrUnknownOutcome)
		assert.Equal(t, "USD", resolve(t, r, by("s1")).Currency)
		assert.Equal(t, "USD", resolve(t, r, by("s1")).Currency)
		(<-backend.apply)()
		assert.Equal(t, "GBP", resolve(t, r, by("s1")).Currency, "nothing was reused meanwhile")
		time.Sleep(time.Minute)
		loads := r.Stats().Loads
		for range 10 {
			assert.Equal(t, "GBP", resolve(t, r, by("s1")).Currency)
		}
		assert.LessOrEqual(t, r.Stats().Loads, loads+1, "the quarantine is over")
	})
}
