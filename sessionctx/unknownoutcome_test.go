package sessionctx_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/store"
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

// Half of the time of a call is kept for finding out what became of a Save that has not answered.
func TestUnknownOutcome_IsFoundOutWithinTheBound(t *testing.T) {
	for _, tc := range []struct {
		desc      string
		saving    func(context.Context) error // before the Save takes effect
		answering func(context.Context) error // after
		takes     time.Duration
		want      error
		currency  string // in the end
	}{
		{"applied, and never answered", nil, untilContextEnds, time.Second, nil, "CHF"},
		{"answered late", lasting(1500 * time.Millisecond), nil, 1500 * time.Millisecond, nil, "CHF"},
		{"failed late, with nothing written", func(context.Context) error {
			time.Sleep(1500 * time.Millisecond)
			return sessionctx.ErrFull
		}, nil, 1500 * time.Millisecond, sessionctx.ErrFull, "USD"},
		{"never answered, and not applied", untilContextEnds, nil, 2 * time.Second, sessionctx.ErrUnknownOutcome, "USD"},
		{"applied after the call has ended", func(context.Context) error {
			time.Sleep(10*time.Second + 50*time.Millisecond) // not at the moment of a read
			return nil
		}, nil, 2 * time.Second, sessionctx.ErrUnknownOutcome, "CHF"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				backend := &heldStore{}
				r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
				update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("USD")})
				backend.saving.holdBy(tc.saving)
				backend.answering.holdBy(tc.answering)
				assert.Equal(t, tc.takes, takes(func() {
					_, err := r.Update(t.Context(), by("s1"), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
					assert.ErrorIs(t, err, tc.want)
				}))
				for range 200 { // a reader sees what is stored at each moment
					want := "USD"
					if rec, err := backend.Store.Load(t.Context(), store.Key{Tenant: "demoshop", ID: "s1"}); assert.NoError(t, err) {
						want = rec.Choices.Currency
					}
					assert.Equal(t, want, currency(t, r, by("s1")))
					time.Sleep(100 * time.Millisecond)
				}
				assert.Equal(t, tc.currency, currency(t, r, by("s1")))
			})
		})
	}
}
