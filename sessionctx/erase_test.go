package sessionctx_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

func TestErase_LeavesNoPersonalData(t *testing.T) {
	backend := &ledger{}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
	fill := func(req sessionctx.Request) {
		t.Helper()
		update(t, r, req, sessionctx.Patch{
			Site: sessionctx.Set("ch"), Currency: sessionctx.Set("EUR"), Country: sessionctx.Set("LI"), Language: sessionctx.Set("it"),
			CartID: sessionctx.Set("annas-cart"), Attributes: attributes("note", `"of-anna"`),
		})
	}
	byCookie, err := r.Login(t.Context(), cookie(""), "C100")
	require.NoError(t, err)
	fill(cookie(byCookie.ID))
	_, err = r.Login(t.Context(), by("s1"), "C100")
	require.NoError(t, err)
	fill(by("s1", "C100"))
	other, err := r.Login(t.Context(), by("s2"), "C101")
	require.NoError(t, err)
	fill(by("s2", "C101"))
	fill(by("s3"))

	require.NoError(t, r.Erase(t.Context(), "demoshop", "C100"))
	for key, rec := range backend.records(t) {
		switch {
		case key.ID == "s2" || key.ID == "s3":
			assert.False(t, rec.Ended, "not this customer's")
			assert.Contains(t, encoded(t, rec), "annas-cart")
		case key.Kind == store.KindCustomer && key.ID == "C101":
		default:
			assert.True(t, rec.Ended, "%v", key)
			assertNoneOf(t, rec, "annas-cart", "of-anna", "note", "C100", "ch", "EUR", "LI", "it")
		}
	}
	assert.Empty(t, resolve(t, r, cookie(byCookie.ID)).ID)
	_, err = r.Resolve(t.Context(), by("s1", "C100"))
	assert.ErrorIs(t, err, sessionctx.ErrNotFound)
	assert.Equal(t, other.CustomerID, resolve(t, r, by("s2", "C101")).CustomerID)
	assert.NoError(t, r.Erase(t.Context(), "demoshop", "C100"), "again is no error")
	assert.NoError(t, r.Erase(t.Context(), "demoshop", "nobody-knows"))
}

func TestErase_AssertedIdentityBeginsNoSessionButByLogin(t *testing.T) {
	backend := &ledger{}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
	update(t, r, by("anonymous"), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	require.NoError(t, r.Erase(t.Context(), "demoshop", "C100"))
	for _, id := range []string{"new", "anonymous"} {
		_, err := r.Update(t.Context(), by(id, "C100"), sessionctx.Patch{Attributes: attributes("note", `"of-anna"`)})
		assert.ErrorIs(t, err, sessionctx.ErrNotFound, id)
		assert.ErrorContains(t, err, "erased", id)
	}
	assert.Equal(t, []string{"anonymous"}, backend.live(t))
	update(t, r, by("other", "C101"), sessionctx.Patch{Currency: sessionctx.Set("USD")}) // nobody else is concerned

	s, err := r.Login(t.Context(), by("back"), "C100")
	require.NoError(t, err)
	assert.Equal(t, "C100", s.CustomerID)
	update(t, r, by("back", "C100"), sessionctx.Patch{CartID: sessionctx.Set("cart")})
	_, err = r.Update(t.Context(), by("new", "C100"), sessionctx.Patch{CartID: sessionctx.Set("cart")})
	assert.ErrorIs(t, err, sessionctx.ErrNotFound, "a token from before may still be good")
	assert.Equal(t, "C100 cart", resolve(t, r, by("back", "C100")).CustomerID+" "+resolve(t, r, by("back", "C100")).CartID)
	again, err := r.Login(t.Context(), cookie(""), "C100")
	require.NoError(t, err)
	assert.Equal(t, "C100", resolve(t, r, cookie(again.ID)).CustomerID)
}

// Both processes have the profile in memory. After the erasure neither shows what it was.
func TestErase_EveryProcessDropsTheProfile(t *testing.T) {
	backend, d := &ledger{}, &desk{Static: demoshop()}
	config := func(c *sessionctx.Config) { c.Store, c.Directory = backend, d }
	here, there := newResolver(t, config), newResolver(t, config)
	for _, r := range []*sessionctx.Resolver{here, there} {
		assert.Equal(t, "GBP", resolve(t, r, by("s1", "C100")).Currency)
	}
	d.customer.Store(&defaults.Customer{}) // the shop has erased it, and tells nobody
	for _, r := range []*sessionctx.Resolver{here, there} {
		assert.Equal(t, "GBP", resolve(t, r, by("s1", "C100")).Currency, "from memory")
	}
	require.NoError(t, here.Erase(t.Context(), "demoshop", "C100"))
	for _, r := range []*sessionctx.Resolver{here, there} {
		assert.Equal(t, "EUR DE", resolve(t, r, by("s1", "C100")).Currency+" "+resolve(t, r, by("s1", "C100")).Country)
	}
}

func TestErase_DropsTheProfileAlsoIfTheStoreReportsNothing(t *testing.T) {
	backend, d := &memstore.Store{}, &desk{Static: demoshop()}
	r := newResolver(t, func(c *sessionctx.Config) {
		c.Store, c.Directory, c.MaxStale = struct {
			store.Store
			store.Eraser
		}{backend, backend}, d, time.Minute
	})
	assert.Equal(t, "GBP", currency(t, r, by("s1", "C100")))
	d.customer.Store(&defaults.Customer{})
	require.NoError(t, r.Erase(t.Context(), "demoshop", "C100"))
	assert.Equal(t, "EUR", currency(t, r, by("s1", "C100")))
}

func TestErase_StoreThatCannotFindRecordsIsUnsupportedAfterEndAll(t *testing.T) {
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = struct{ store.Store }{&memstore.Store{}} })
	s, err := r.Login(t.Context(), cookie(""), "C100")
	require.NoError(t, err)
	err = r.Erase(t.Context(), "demoshop", "C100")
	assert.ErrorIs(t, err, errors.ErrUnsupported)
	assert.NotErrorIs(t, err, sessionctx.ErrUnavailable, "it does not help to try again")
	assert.Empty(t, resolve(t, r, cookie(s.ID)).ID, "all sessions have ended")
}

// failingEraser is a ledger that cannot erase at the moment.
type failingEraser struct {
	ledger
	err error
}

func (s *failingEraser) Erase(context.Context, string, string, func(store.Record) store.Record) (int, error) {
	return 0, s.err
}

func TestErase_FailureIsUnavailable(t *testing.T) {
	backend := &failingEraser{err: errDown}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
	err := r.Erase(t.Context(), "demoshop", "C100")
	assert.ErrorIs(t, err, sessionctx.ErrUnavailable)
	assert.ErrorIs(t, err, errDown)
	backend.err = fmt.Errorf("replica 2 has not answered for C100: %w", errDown)
	err = r.Erase(t.Context(), "demoshop", "C100")
	assert.ErrorIs(t, err, errDown)
	assert.NotContains(t, err.Error(), "C100", "errors end up in logs")
	for _, tc := range []struct {
		desc, tenant, customer string
		want                   error
	}{
		{"no customer", "demoshop", "", sessionctx.ErrNotFound},
		{"a malformed tenant", "Demo Shop", "C100", sessionctx.ErrUnknownTenant},
	} {
		assert.ErrorIs(t, r.Erase(t.Context(), tc.tenant, tc.customer), tc.want, tc.desc)
	}
	require.NoError(t, r.Close())
	assert.ErrorIs(t, r.Erase(t.Context(), "demoshop", "C100"), sessionctx.ErrClosed)
}

// scriptedEraser is a ledger whose Erase does what a test says before it erases.
type scriptedEraser struct {
	ledger
	before func()
}

func (s *scriptedEraser) Erase(ctx context.Context, tenant, customerID string, tombstone func(store.Record) store.Record) (int, error) {
	s.before()
	return s.ledger.Erase(context.WithoutCancel(ctx), tenant, customerID, tombstone)
}

func TestErase_StoreThatFailsOtherwiseIsUnavailable(t *testing.T) {
	for _, tc := range []struct {
		desc   string
		before func()
		cause  string
	}{
		{"it panics", func() { panic("no page for C100") }, "panic in Store.Erase: no page for [redacted]"},
		{"it ends its goroutine", runtime.Goexit, "has ended its goroutine"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			r := newResolver(t, func(c *sessionctx.Config) { c.Store = &scriptedEraser{before: tc.before} })
			err := r.Erase(t.Context(), "demoshop", "C100")
			assert.ErrorIs(t, err, sessionctx.ErrUnavailable)
			assert.ErrorContains(t, err, "a part was written")
			assert.ErrorContains(t, err, tc.cause)
		})
	}
}

// The caller leaves when the context ends. Records that are replaced later are invalidated later.
func TestErase_StoreThatIgnoresTheContextHoldsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend := &scriptedEraser{before: func() { time.Sleep(time.Minute) }}
		r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
		_, err := r.Login(t.Context(), by("s1"), "C100")
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		assert.Equal(t, 5*time.Second, takes(func() { err = r.Erase(ctx, "demoshop", "C100") }))
		assert.ErrorIs(t, err, sessionctx.ErrUnavailable)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, "a part was written")
		management := by("s1")
		management.Proof = sessionctx.Management
		assert.ErrorIs(t, resolveError(t, r, management), sessionctx.ErrNotFound, "the sessions have ended")
		assert.Equal(t, []string{"s1"}, backend.live(t))
		before := r.Stats().InvalidatedAll
		time.Sleep(time.Minute)
		assert.Empty(t, backend.live(t))
		assert.Equal(t, before+1, r.Stats().InvalidatedAll, "when the call of the Store has ended")
	})
}
