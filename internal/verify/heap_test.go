package verify_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/verify/overlay"
	"github.com/sessionctx/storefront/sessionctx"
)

// TestACachedSessionIsSmall measures all that lives because sessions are cached: entries, ids, the cache's own tables and counters.
func TestACachedSessionIsSmall(t *testing.T) {
	if underRace {
		// Its allocations are larger: measure what is shipped.
		out, passed := overlay.Run(t, overlay.Build(t, "."), t.Name())
		fmt.Print(out)
		assert.True(t, passed, out)
		return
	}
	const sessions = 100_000
	now := time.Now().UTC().Truncate(time.Millisecond)
	for _, tc := range []struct {
		desc      string
		customers int   // of ten sessions
		bytes     int64 // of cache for each session: enough for all that belongs to it
		limit     int
	}{
		{"anonymous sessions", 0, 500, 650},
		// With each of these live the entry of the customer's generation and what the directory said of him.
		{"customers' sessions, a customer each", 10, 1100, 1000},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			template := sessionctx.Record{
				Tenant: "demoshop", Incarnation: 1, Version: 3, Choices: defaults.Choices{Currency: "CHF"},
				CreatedAt: now, ModifiedAt: now, ExpiresAt: now.Add(24 * time.Hour),
			}
			store := &endlessStore{template: template, customers: tc.customers}
			before := heap()
			r := newResolver(t, func(c *sessionctx.Config) {
				c.Store, c.CacheBytes = store, tc.bytes*sessions
				c.CustomerIdle, c.AnonymousIdle = 20*time.Hour, 20*time.Hour
				c.DirectoryMaxAge = time.Hour
			})
			defer r.Close()
			// walk visits all sessions and returns how many were cached.
			walk := func() int64 {
				was := store.loads.Load()
				for i := range sessions {
					s, err := r.Resolve(t.Context(), asserted(sessionID(i), store.customer(i)))
					if err != nil || s.Version != 3 {
						t.Fatalf("%v, %v", s, err)
					}
				}
				return sessions - (store.loads.Load() - was)
			}
			cached := walk()
			for range 20 { // what the cache does not take in at once it takes in later
				if cached = walk(); cached > sessions*99/100 {
					break
				}
			}
			require.Greater(t, cached, int64(sessions*9/10), "sessions are cached")
			live := heap() - before
			each := float64(live) / float64(cached)
			fmt.Printf("%s: %.0f bytes of live heap each (%d cached)\n", tc.desc, each, cached)
			assert.LessOrEqual(t, each, float64(tc.limit))
			runtime.KeepAlive(r)
		})
	}
}
