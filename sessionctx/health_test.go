package sessionctx_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
)

func TestCheck_SaysHowTheStoreIs(t *testing.T) {
	cases := []struct {
		desc  string
		pause func(context.Context) error
		is    error
	}{
		{"it answers", nil, nil},
		{"it fails", func(context.Context) error { return errors.New("broken") }, sessionctx.ErrUnavailable},
		{"it hangs", untilContextEnds, sessionctx.ErrUnavailable},
		{"it panics", func(context.Context) error { panic("lost") }, sessionctx.ErrUnavailable},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				backend := &heldStore{}
				r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
				backend.loading.holdBy(tc.pause)
				var h sessionctx.Health
				assert.LessOrEqual(t, takes(func() { h = r.Check(t.Context()) }), 2*time.Second)
				assert.ErrorIs(t, h.Store, tc.is)
				assert.Equal(t, tc.is == nil, h.Store == nil)
				assert.NoError(t, h.Directory)
				assert.Positive(t, h.Lease)
			})
		})
	}
}

func TestCheck_TakesNoTimeWhileTheStoreHangs(t *testing.T) {
	withHeldStore(t, true, func(t *testing.T, backend *heldStore, r *sessionctx.Resolver, _ string, pause func(context.Context) error) {
		backend.loading.holdBy(pause)
		for _, id := range []string{"u1", "u2", "u3"} {
			resolve(t, r, by(id))
		}
		synctest.Wait() // the last timer has been told to the breaker
		assert.Zero(t, takes(func() { assert.ErrorIs(t, r.Check(t.Context()).Store, sessionctx.ErrUnavailable) }))
		backend.loading.holdBy(nil)
		time.Sleep(3 * time.Second) // a probe is answered
		assert.NoError(t, r.Check(t.Context()).Store)
	})
}

// failingSites is a Directory that can fail.
type failingSites struct {
	sessionctx.Static
	hold
}

func (d *failingSites) Sites(ctx context.Context, tenant string) ([]defaults.Site, error) {
	if err := d.pause(ctx); err != nil {
		return nil, err
	}
	return d.Static.Sites(ctx, tenant)
}

func TestCheck_SaysThatARefreshOfSitesHasFailed(t *testing.T) {
	directory := &failingSites{Static: demoshop()}
	r := newResolver(t, func(c *sessionctx.Config) { c.Directory = directory })
	require.NoError(t, r.Warm(t.Context(), "demoshop"))
	require.NoError(t, r.Check(t.Context()).Directory)
	directory.holdBy(func(context.Context) error { return errors.New("broken") })
	require.ErrorIs(t, r.Refresh(t.Context(), "demoshop", ""), sessionctx.ErrUnavailable)
	failed := r.Check(t.Context()).Directory
	assert.ErrorIs(t, failed, sessionctx.ErrUnavailable)
	assert.EqualError(t, failed, `sessionctx: unavailable: directory: the last refresh of the sites of "demoshop" has failed: broken`)
	assert.NoError(t, r.Check(t.Context()).Store)
	directory.holdBy(nil)
	require.NoError(t, r.Refresh(t.Context(), "demoshop", ""))
	assert.NoError(t, r.Check(t.Context()).Directory)
}

func TestCheck_AfterCloseIsErrClosed(t *testing.T) {
	r := newResolver(t)
	require.NoError(t, r.Close())
	assert.ErrorIs(t, r.Check(t.Context()).Store, sessionctx.ErrClosed)
	assert.ErrorIs(t, r.Warm(t.Context(), "demoshop"), sessionctx.ErrClosed)
}

func TestWarm_NamesEachTenantWithoutSites(t *testing.T) {
	directory := &failingSites{Static: demoshop()}
	r := newResolver(t, func(c *sessionctx.Config) { c.Directory = directory })
	require.NoError(t, r.Warm(t.Context(), "demoshop"))
	directory.holdBy(func(context.Context) error { return errors.New("broken") })
	err := r.Warm(t.Context(), "demoshop", "othershop", "Bad")
	require.ErrorIs(t, err, sessionctx.ErrUnavailable)
	require.ErrorIs(t, err, sessionctx.ErrUnknownTenant)
	assert.ErrorContains(t, err, `sessionctx: tenant "othershop": unavailable: directory: broken`)
	assert.ErrorContains(t, err, `sessionctx: tenant "Bad": unknown tenant: Tenant "Bad": must match`)
	assert.NotContains(t, err.Error(), `"demoshop"`, "its sites are known")
	assert.Equal(t, "EUR", currency(t, r, cookie("")), "and a request finds them")
}

func TestWarm_NamesATenantThatIsGone(t *testing.T) {
	directory := &failingSites{Static: demoshop()}
	r := newResolver(t, func(c *sessionctx.Config) { c.Directory = directory })
	require.NoError(t, r.Warm(t.Context(), "demoshop"))
	directory.holdBy(func(context.Context) error { return sessionctx.ErrUnknownTenant })
	require.NoError(t, r.Refresh(t.Context(), "demoshop", ""), "that it is gone is an answer")
	assert.ErrorIs(t, r.Warm(t.Context(), "demoshop"), sessionctx.ErrUnknownTenant)
}
