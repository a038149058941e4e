package sessionctx_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/store"
)

func TestErrors_SayNothingTwice(t *testing.T) {
	dial := fmt.Errorf("shopstore: load: %w: dial", store.ErrUnavailable)
	fails := func(err error) func(context.Context) error { return func(context.Context) error { return err } }
	fresh := cookie("s1")
	fresh.Fresh = true
	for _, tc := range []struct {
		desc string
		err  func(*heldStore, *failingSites, *sessionctx.Resolver) error
		says string
	}{
		{"a read of a store that cannot be reached", func(s *heldStore, _ *failingSites, r *sessionctx.Resolver) error {
			s.loading.holdBy(fails(dial))
			_, err := r.Resolve(t.Context(), fresh)
			return err
		}, "sessionctx: shopstore: load: unavailable: dial"},
		{"a read of a store that is broken", func(s *heldStore, _ *failingSites, r *sessionctx.Resolver) error {
			s.loading.holdBy(fails(errDown))
			_, err := r.Resolve(t.Context(), fresh)
			return err
		}, "sessionctx: unavailable: " + errDown.Error()},
		{"a read of a store that panics", func(s *heldStore, _ *failingSites, r *sessionctx.Resolver) error {
			s.loading.holdBy(func(context.Context) error { panic("lost") })
			_, err := r.Resolve(t.Context(), fresh)
			return err
		}, "sessionctx: unavailable: panic in Store.Load: lost"},
		{"a write over a record that cannot be read", func(s *heldStore, _ *failingSites, r *sessionctx.Resolver) error {
			s.loading.holdBy(fails(dial))
			_, err := r.Update(t.Context(), cookie("s1"), sessionctx.Patch{CartID: sessionctx.Set("x")})
			return err
		}, "sessionctx: nothing was written: shopstore: load: unavailable: dial"},
		{"a write over a record whose read ends by a timer of the store's own", func(s *heldStore, _ *failingSites, r *sessionctx.Resolver) error {
			s.loading.holdBy(fails(fmt.Errorf("pool: %w", context.DeadlineExceeded)))
			_, err := r.Update(t.Context(), cookie("s1"), sessionctx.Patch{CartID: sessionctx.Set("x")})
			return err
		}, "sessionctx: unavailable: nothing was written: pool: context deadline exceeded"},
		{"a write whose Save ends its goroutine", func(s *heldStore, _ *failingSites, r *sessionctx.Resolver) error {
			s.saving.holdBy(func(context.Context) error { runtime.Goexit(); return nil })
			_, err := r.Update(t.Context(), cookie(""), sessionctx.Patch{CartID: sessionctx.Set("x")})
			return err
		}, "sessionctx: the outcome of the write is unknown: Store.Save has ended its goroutine"},
		{"a write whose outcome nobody knows", func(s *heldStore, _ *failingSites, r *sessionctx.Resolver) error {
			s.saving.holdBy(func(context.Context) error { panic("lost") })
			_, err := r.Update(t.Context(), cookie(""), sessionctx.Patch{CartID: sessionctx.Set("x")})
			return err
		}, "sessionctx: the outcome of the write is unknown: panic in Store.Save: lost"},
		{"a directory that fails", func(_ *heldStore, d *failingSites, r *sessionctx.Resolver) error {
			d.holdBy(fails(errDown))
			_, err := r.Resolve(t.Context(), cookie(""))
			return err
		}, "sessionctx: unavailable: directory: " + errDown.Error()},
		{"a directory that names itself", func(_ *heldStore, d *failingSites, r *sessionctx.Resolver) error {
			d.holdBy(fails(errors.New("directory: no such file")))
			_, err := r.Resolve(t.Context(), cookie(""))
			return err
		}, "sessionctx: unavailable: directory: no such file"},
		{"a tenant that nobody knows", func(_ *heldStore, _ *failingSites, r *sessionctx.Resolver) error {
			_, err := r.Resolve(t.Context(), sessionctx.Request{Identity: sessionctx.Identity{Tenant: "elsewhere"}})
			return err
		}, "sessionctx: unknown tenant"},
		{"a tenant that is none", func(_ *heldStore, _ *failingSites, r *sessionctx.Resolver) error {
			_, err := r.Resolve(t.Context(), sessionctx.Request{Identity: sessionctx.Identity{Tenant: "A B"}})
			return err
		}, `sessionctx: unknown tenant: Tenant "A B": must match ^[a-z][a-z0-9]+$ and have 3 to 16 characters`},
		{"a proof that is none", func(_ *heldStore, _ *failingSites, r *sessionctx.Resolver) error {
			req := by("s1")
			req.Proof = 9
			return r.End(t.Context(), req)
		}, "sessionctx: session not found: Proof 9: must be Asserted, BySecret or Management"},
		{"an id that is too long", func(_ *heldStore, _ *failingSites, r *sessionctx.Resolver) error {
			return r.End(t.Context(), by(strings.Repeat("x", 257)))
		}, "sessionctx: session not found: SessionID has 257 bytes: it must have 256 or less"},
		{"a caller that gives up", func(_ *heldStore, _ *failingSites, r *sessionctx.Resolver) error {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return r.End(ctx, by("s1"))
		}, "sessionctx: nothing was written: context canceled"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			backend, directory := &heldStore{}, &failingSites{Static: demoshop()}
			r := newResolver(t, func(c *sessionctx.Config) { c.Store, c.Directory = backend, directory })
			assert.EqualError(t, tc.err(backend, directory, r), tc.says)
		})
	}
}

func TestErrUnavailable_SaysWhetherAPartWasWritten(t *testing.T) {
	for _, tc := range []struct {
		desc   string
		failed int64 // the number of the Save that fails
		says   string
	}{
		{"the first write fails", 1, "nothing was written"},
		{"one guest's session has become the customer's, and the other cannot be merged", 3, "a part was written"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			backend := &heldStore{}
			r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
			one := update(t, r, cookie(""), sessionctx.Patch{CartID: sessionctx.Set("cart-1")})
			other := update(t, r, cookie(""), sessionctx.Patch{Language: sessionctx.Set("fr")})
			var saves atomic.Int64
			backend.saving.holdBy(func(context.Context) error {
				if saves.Add(1) == tc.failed {
					return fmt.Errorf("shopstore: save: %w", store.ErrUnavailable)
				}
				return nil
			})
			_, _, err := r.Bind(t.Context(), byLogin("C100", one.ID, other.ID))
			require.ErrorIs(t, err, sessionctx.ErrUnavailable)
			assert.ErrorContains(t, err, tc.says)
			s, _, err := r.Bind(t.Context(), byLogin("C100", one.ID, other.ID))
			require.NoError(t, err, "the second call goes on where the first one stopped")
			assert.Equal(t, "C100 cart-1 fr", s.CustomerID+" "+s.CartID+" "+s.Language)
		})
	}
	backend := &failingEraser{err: errDown}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
	assert.EqualError(t, r.Erase(t.Context(), "demoshop", "C100"),
		"sessionctx: unavailable: a part was written: the sessions have ended, and some records may be left: "+errDown.Error())
}

// What a shopper sends, and what a Directory says, may be of any length. A log line may not.
func TestErrors_OfGiantValuesAreShort(t *testing.T) {
	giant := strings.Repeat("ü", 1<<20)
	r := newResolver(t)
	_, err := r.Update(t.Context(), by("s1"), sessionctx.Patch{
		Site: sessionctx.Set(giant), Currency: sessionctx.Set(giant), Country: sessionctx.Set(giant), Language: sessionctx.Set(giant),
	})
	assert.Len(t, flatten(err), 4)
	assert.Less(t, len(err.Error()), 2<<10)
	_, err = r.Update(t.Context(), by("s1"), sessionctx.Patch{CartID: sessionctx.Set(giant), Attributes: attributes(giant, "1", "a", giant)})
	assert.Len(t, flatten(err), 3)
	assert.Less(t, len(err.Error()), 2<<10)

	sites := mainAnd(defaults.Site{Code: giant, Currency: giant, Country: giant, Language: giant, Languages: []string{giant}})
	d := &desk{Static: demoshop()}
	d.sites.Store(&sites)
	r = newResolver(t, func(c *sessionctx.Config) { c.Directory = d })
	require.NoError(t, r.Warm(t.Context(), "demoshop"))
	mistakes := r.SiteMistakes("demoshop")
	require.NotEmpty(t, mistakes)
	for _, m := range mistakes {
		assert.Less(t, len(m.Error()), 2<<10)
	}
}
