package sessionctx_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/store"
)

const loadTime = 10 * time.Millisecond

// A fresh reader comes again and again, whatever has become of those before. Nothing is written.
func TestResolve_NobodyStarvesBesideFreshReads(t *testing.T) {
	for _, tc := range []struct {
		desc      string
		customer  string
		unwatched bool
		fresh     string // the session that is read fresh
		every     time.Duration
	}{
		{desc: "a guest's session", fresh: "s1", every: 900 * time.Microsecond},
		{desc: "a customer's session", customer: "C100", fresh: "s1", every: 900 * time.Microsecond},
		{desc: "another session of the customer", customer: "C100", fresh: "s2", every: 900 * time.Microsecond},
		{desc: "nothing is kept", customer: "C100", unwatched: true, fresh: "s1", every: 900 * time.Microsecond},
		{desc: "one after the other", customer: "C100", fresh: "s1", every: 9100 * time.Microsecond},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				backend := &stepped{}
				r := newResolver(t, func(c *sessionctx.Config) {
					if c.Store = backend; tc.unwatched {
						c.Store = struct{ store.Store }{backend}
					}
				})
				req, hot := by("s1", tc.customer), by(tc.fresh, tc.customer)
				update(t, r, req, sessionctx.Patch{CartID: sessionctx.Set("one")})
				update(t, r, hot, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
				resolve(t, r, by("", tc.customer))
				backend.afterLoad = func(store.Key) { time.Sleep(loadTime) }
				var stop atomic.Bool
				var all sync.WaitGroup
				all.Go(func() {
					for !stop.Load() {
						all.Go(func() {
							_, err := r.Resolve(t.Context(), fresh(hot))
							assert.NoError(t, err)
						})
						time.Sleep(tc.every)
					}
				})
				time.Sleep(100*time.Millisecond + 500*time.Microsecond)
				s, err := r.Resolve(t.Context(), req)
				require.NoError(t, err)
				assert.False(t, s.Degraded)
				_, err = r.Resolve(t.Context(), atLeast(req, sessionctx.Revision{Version: 1}))
				require.NoError(t, err)
				_, err = r.Preview(t.Context(), req, sessionctx.Patch{})
				require.NoError(t, err)
				stop.Store(true)
				all.Wait()
			})
		})
	}
}

// The cache has an old record, and a message to many readers names the newer one. Each reads the
// store.
func TestResolve_AtLeastReadersDoNotHinderEachOther(t *testing.T) {
	for _, readers := range []int{2, 3, 6, 50} {
		synctest.Test(t, func(t *testing.T) {
			backend := &stepped{}
			here, there := apart(t, backend)
			req := by("s1")
			update(t, there, req, sessionctx.Patch{CartID: sessionctx.Set("one")})
			resolve(t, here, req)
			rev := update(t, there, req, sessionctx.Patch{CartID: sessionctx.Set("two")}).Revision()
			backend.afterLoad = func(store.Key) { time.Sleep(loadTime) }
			var all sync.WaitGroup
			for i := range readers {
				all.Go(func() {
					time.Sleep(time.Duration(i) * loadTime / time.Duration(readers))
					begun := time.Now()
					s, err := here.Resolve(t.Context(), atLeast(req, rev))
					if assert.NoError(t, err) {
						assert.Equal(t, "two", s.CartID)
					}
					assert.LessOrEqual(t, time.Since(begun), 10*loadTime, "%d readers", readers)
				})
			}
			all.Wait()
		})
	}
}

func TestResolve_FreshReadIsKept(t *testing.T) {
	for desc, customer := range map[string]string{"a guest's session": "", "a customer's session": "C100"} {
		t.Run(desc, func(t *testing.T) {
			backend := &stepped{}
			r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
			req := by("s1", customer)
			update(t, r, req, sessionctx.Patch{CartID: sessionctx.Set("one")})
			resolve(t, r, req)
			var loads atomic.Int64
			backend.afterLoad = func(store.Key) { loads.Add(1) }
			resolve(t, r, fresh(req))
			resolve(t, r, req)
			assert.LessOrEqual(t, loads.Load(), int64(2), "the record and the customer's record, once")
		})
	}
}

func TestResolve_FreshReadHonoursAtLeast(t *testing.T) {
	r := newResolver(t)
	req := by("s1")
	rev := update(t, r, req, sessionctx.Patch{CartID: sessionctx.Set("one")}).Revision()
	resolve(t, r, fresh(atLeast(req, rev)))
	rev.Version++
	_, err := r.Resolve(t.Context(), fresh(atLeast(req, rev)))
	require.ErrorIs(t, err, sessionctx.ErrNotFound)
}
