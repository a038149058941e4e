package sessionctx_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// behind is one of several processes' store, which has not heard yet of what the others do, and will not within its lease.
type behind struct{ sessionctx.Store }

func (behind) Watch(sink sessionctx.Sink) (stop func()) {
	sink.Lease(time.Now().Add(time.Hour))
	return func() {}
}

func TestAWriteTakesNoLiveSessionForOneThatAnotherProcessHasEnded(t *testing.T) {
	records := &memstore.Store{}
	process := func() *sessionctx.Resolver {
		return newResolver(t, func(c *sessionctx.Config) { c.Store = behind{records} })
	}
	a, b := process(), process()
	login := func(r *sessionctx.Resolver, id string) {
		t.Helper()
		_, err := r.Login(t.Context(), by(id), "C100")
		require.NoError(t, err)
	}
	login(b, "before")
	resolve(t, b, by("before", "C100")) // b knows the generation of the customer
	require.NoError(t, a.EndAll(t.Context(), "demoshop", "C100"))
	for _, id := range []string{"ended", "written"} {
		login(a, id)
	}
	fresh := func(id string) error {
		req := by(id, "C100")
		req.Freshness = sessionctx.FreshRead
		_, err := a.Resolve(t.Context(), req)
		return err
	}
	require.NoError(t, b.End(t.Context(), by("ended", "C100")))
	assert.ErrorIs(t, fresh("ended"), sessionctx.ErrNotFound, "its End was answered")

	_, err := b.Update(t.Context(), by("written", "C100"), sessionctx.Patch{CartID: sessionctx.Set("cart")})
	assert.NoError(t, err)

	login(b, "later")
	assert.NoError(t, fresh("later"), "a login after the EndAll")
	_, err = b.Update(t.Context(), by("first", "C100"), sessionctx.Patch{CartID: sessionctx.Set("cart")})
	assert.NoError(t, err)
	assert.NoError(t, fresh("first"), "a first write after the EndAll")
	assert.ErrorIs(t, fresh("before"), sessionctx.ErrNotFound)
}
