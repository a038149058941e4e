package sessionctx_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

func TestStoreOutage_ReadsAreDegradedAndWritesFail(t *testing.T) {
	backend := &shaky{}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
	update(t, r, by("s1", "C100"), sessionctx.Patch{Currency: sessionctx.Set("USD"), CartID: sessionctx.Set("cart"), Attributes: attributes("a", "1")})
	secret := update(t, r, cookie(""), sessionctx.Patch{Currency: sessionctx.Set("USD"), CartID: sessionctx.Set("cart")})
	backend.down.Store(true)

	s := resolve(t, r, by("s1", "C100"))
	assert.True(t, s.Degraded)
	assert.EqualValues(t, -1, s.Version)
	assert.Equal(t, "s1 C100 main GBP AT en", s.ID+" "+s.CustomerID+" "+s.Site+" "+s.Currency+" "+s.Country+" "+s.Language, "the profile is known")
	assert.Empty(t, s.CartID)
	assert.Empty(t, s.ETag())
	_, ok := s.Attribute("a")
	assert.False(t, ok)

	s = resolve(t, r, cookie(secret.ID))
	assert.True(t, s.Degraded)
	assert.Empty(t, s.ID+s.CustomerID+s.CartID)
	assert.Equal(t, "EUR", s.Currency)

	_, err := r.Update(t.Context(), by("s1", "C100"), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	assert.ErrorIs(t, err, sessionctx.ErrUnavailable)
	assert.ErrorIs(t, err, errDown)
	_, err = r.Login(t.Context(), cookie(secret.ID), "C100")
	assert.ErrorIs(t, err, sessionctx.ErrUnavailable)
	assert.ErrorIs(t, r.End(t.Context(), cookie(secret.ID)), sessionctx.ErrUnavailable)
	_, err = r.Resolve(t.Context(), sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: "s1", Proof: sessionctx.Management}})
	assert.ErrorIs(t, err, sessionctx.ErrUnavailable, "an operator wants the truth")

	backend.down.Store(false)
	assert.Equal(t, "USD cart", resolve(t, r, by("s1", "C100")).Currency+" "+resolve(t, r, by("s1", "C100")).CartID, "nothing was kept of the outage")
	assert.Equal(t, secret, resolve(t, r, cookie(secret.ID)))
	assert.Positive(t, r.Stats().Degraded)
}

func TestStoreOutage_ErrorOfAReadSaysNothingOfTheSession(t *testing.T) {
	for _, cause := range []error{
		sessionctx.ErrNotFound, sessionctx.ErrUnknownTenant, sessionctx.ErrConflict, sessionctx.ErrFull, sessionctx.ErrUnknownOutcome, sessionctx.ErrClosed,
	} {
		t.Run(cause.Error(), func(t *testing.T) {
			r := newResolver(t, func(c *sessionctx.Config) { c.Store = mistaken{&memstore.Store{}, cause} })
			assert.True(t, resolve(t, r, by("s1")).Degraded)
			assert.True(t, resolve(t, r, cookie("secret")).Degraded)
			fresh := by("s1")
			fresh.Fresh = true
			_, written := r.Update(t.Context(), by("s1"), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			for _, err := range []error{resolveError(t, r, fresh), written, r.End(t.Context(), by("s1"))} {
				require.ErrorIs(t, err, sessionctx.ErrUnavailable)
				require.NotErrorIs(t, err, cause)
				require.ErrorContains(t, err, strings.TrimPrefix(cause.Error(), "sessionctx: "), "for the operator")
			}
		})
	}
}

func TestStoreOutage_FailDegradedFailsInstead(t *testing.T) {
	backend := &shaky{}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store, c.FailDegraded = backend, true })
	backend.down.Store(true)
	_, err := r.Resolve(t.Context(), by("s1"))
	assert.ErrorIs(t, err, sessionctx.ErrUnavailable)
	s := resolve(t, r, by(""))
	assert.False(t, s.Degraded, "who has no session needs no store")
}

func TestStoreOutage_EndOfTheCallerIsNone(t *testing.T) {
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = &shaky{} })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := r.Update(ctx, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("USD")})
	assert.ErrorIs(t, err, context.Canceled)
	assert.NotErrorIs(t, err, sessionctx.ErrUnavailable)
	assert.Zero(t, resolve(t, r, by("s1")).Version)
}

func TestResolve_UnwatchedStoreIsReadEachTime(t *testing.T) {
	backend := &shaky{}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
	for range 10 {
		resolve(t, r, by("s1"))
	}
	assert.EqualValues(t, 10, backend.loads.Load())
	assert.Zero(t, r.Stats().Hits)
}

func TestResolve_MaxStaleBoundsTheReuseOfAnUnwatchedStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend := &shaky{}
		r, err := sessionctx.New(sessionctx.Config{Store: backend, Directory: demoshop(), CacheBytes: 4 << 20, MaxStale: 10 * time.Second})
		require.NoError(t, err)
		defer r.Close()
		for range 10 {
			resolve(t, r, by("s1"))
			synctest.Wait()
		}
		assert.EqualValues(t, 1, backend.loads.Load())
		time.Sleep(10 * time.Second)
		resolve(t, r, by("s1"))
		assert.EqualValues(t, 2, backend.loads.Load())
	})
}

// An answer depends on a session that was loaded late and on a generation that was loaded early. It
// is reused until MaxStale after the earlier load, and no longer.
func TestResolve_MaxStaleBoundsTheReuseOfAGeneration(t *testing.T) {
	const maxStale = 10 * time.Second
	for _, tc := range []struct {
		desc string
		by   func(id string) sessionctx.Request
	}{
		{"the token names the customer", func(id string) sessionctx.Request { return by(id, "C100") }},
		{"the record names the customer", func(id string) sessionctx.Request {
			req := by(id)
			req.Proof = sessionctx.Management
			return req
		}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mem := &memstore.Store{}
				process := func() *sessionctx.Resolver {
					return newResolver(t, func(c *sessionctx.Config) { c.Store, c.MaxStale = noWatcher{mem}, maxStale })
				}
				here, there := process(), process()
				for _, id := range []string{"s1", "s2"} {
					_, err := there.Login(t.Context(), by(id), "C100")
					require.NoError(t, err)
				}
				resolve(t, here, tc.by("s1")) // the generation is known here
				synctest.Wait()
				require.NoError(t, there.EndAll(t.Context(), "demoshop", "C100"))
				time.Sleep(maxStale - time.Millisecond)
				for range 3 {
					resolve(t, here, tc.by("s2")) // with that generation
					synctest.Wait()
				}
				time.Sleep(time.Millisecond)
				assert.ErrorIs(t, resolveError(t, here, tc.by("s2")), sessionctx.ErrNotFound)
			})
		})
	}
}
