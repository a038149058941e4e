package verify_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/verify/overlay"
	"github.com/sessionctx/storefront/internal/verify/tables"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// smallGoal is how many bytes a cached session should take, all that lives because of it counted, when there are many.
const (
	smallGoal = 640.0
	many      = 100_000
)

// shopperKinds are the kinds of sessions whose size is measured.
var shopperKinds = []struct {
	desc  string
	each  int   // sessions of each customer; 0: all are anonymous
	bytes int64 // of cache for each session: enough for all that belongs to it
	most  int   // sessions
	goal  bool  // it is the size of the sessions themselves
}{
	{"anonymous", 0, 760, 10_000_000, true},
	// With each customer live the entry of his generation and what the directory said of him: of a thousand sessions little is that.
	{"customers', a thousand of each", 1000, 760, 1_000_000, true},
	{"customers', ten of each", 10, 900, 1_000_000, false},
	{"customers', one of each", 1, 2200, 1_000_000, false},
}

// skipRace reports whether the test was run in a binary without the race detector instead, because this one has it: its
// allocations are larger, and what is shipped is what is to be measured.
func skipRace(t *testing.T) bool {
	t.Helper()
	if underRace {
		out, passed := overlay.Run(t, overlay.Build(t, "."), t.Name())
		fmt.Print(out)
		assert.True(t, passed, out)
	}
	return underRace
}

// numbers returns those in an environment variable, separated by commas.
func numbers(t *testing.T, variable, otherwise string) (ns []int) {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		text = otherwise
	}
	for _, s := range strings.Split(text, ",") {
		n, err := strconv.Atoi(s)
		require.NoError(t, err, variable)
		ns = append(ns, n)
	}
	return ns
}

// crowd is a resolver over a store that has a record for everybody.
type crowd struct {
	store    *endlessStore
	resolver *sessionctx.Resolver
}

func newCrowd(t *testing.T, each int, cacheBytes int64) crowd {
	now := time.Now().UTC().Truncate(time.Millisecond)
	backend := &endlessStore{each: each, template: store.Record{
		Tenant: "demoshop", Incarnation: 1, Version: 3, Choices: defaults.Choices{Currency: "CHF"},
		CreatedAt: now, ModifiedAt: now, ExpiresAt: now.Add(24 * time.Hour),
	}}
	return crowd{backend, newResolver(t, func(c *sessionctx.Config) {
		c.Store, c.CacheBytes = backend, cacheBytes
		c.CustomerIdle, c.AnonymousIdle = 20*time.Hour, 20*time.Hour
		c.DirectoryMaxAge = 24 * time.Hour
	})}
}

// walk visits so many sessions and returns how many of them were cached.
func (c crowd) walk(t *testing.T, sessions int) int {
	t.Helper()
	was := c.store.loads.Load()
	for i := range sessions {
		s, err := c.resolver.Resolve(t.Context(), asserted(sessionID(i), c.store.customer(i)))
		if err != nil || s.Version != 3 {
			t.Fatalf("%v, %v", s, err)
		}
	}
	return sessions - int(c.store.loads.Load()-was)
}

// TestACachedSessionIsSmall measures all that lives because sessions are cached: entries, ids, the cache's own tables and counters.
// HEAP says for how many sessions; few of them share what is there for any number.
func TestACachedSessionIsSmall(t *testing.T) {
	if skipRace(t) {
		return
	}
	var rows [][]string
	for _, kind := range shopperKinds {
		for _, sessions := range numbers(t, "HEAP", "100000") {
			if sessions > kind.most {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d", kind.desc, sessions), func(t *testing.T) {
				before := heap()
				c := newCrowd(t, kind.each, max(kind.bytes*int64(sessions)*3/2, 1<<20))
				defer c.resolver.Close()
				cached := c.walk(t, sessions)
				for range 20 { // what the cache does not take in at once it takes in later
					if cached = c.walk(t, sessions); cached > sessions*99/100 {
						break
					}
				}
				require.Greater(t, cached, sessions*9/10, "sessions are cached")
				each := float64(heap()-before) / float64(cached)
				runtime.KeepAlive(c)
				verdict := "" // of few sessions each carries much of what a cache of any size has
				if kind.goal && sessions >= many {
					verdict = "**missed**"
					if assert.LessOrEqual(t, each, smallGoal) {
						verdict = "met"
					}
				}
				rows = append(rows, []string{kind.desc, strconv.Itoa(sessions), strconv.Itoa(cached), fmt.Sprintf("%.0f", each), verdict})
			})
		}
	}
	tables.Write(t, "heap-session", []string{"sessions", "asked for", "cached", "bytes of live heap each", fmt.Sprintf("goal: ≤ %.0f", smallGoal)}, rows...)
}

// TestTheCacheKeepsItsBound asks for four times as many sessions as there is room for. BOUND says how large the room is, in MiB.
func TestTheCacheKeepsItsBound(t *testing.T) {
	if skipRace(t) {
		return
	}
	// Counters come to the bound, and entries that cost more than they were taken for; and what caches have of any size, their queues above all.
	const most, always = 1.15, 8 << 20
	var rows [][]string
	for _, kind := range shopperKinds {
		for _, mebibytes := range numbers(t, "BOUND", "8") {
			t.Run(fmt.Sprintf("%s/%d", kind.desc, mebibytes), func(t *testing.T) {
				bound := int64(mebibytes) << 20
				sessions := int(4 * bound / 500)
				before := heap()
				c := newCrowd(t, kind.each, bound)
				defer c.resolver.Close()
				c.walk(t, sessions)
				cached := c.walk(t, sessions)
				live := heap() - before
				runtime.KeepAlive(c)
				assert.Less(t, cached, sessions/2, "there is no room for them")
				assert.LessOrEqual(t, float64(live), most*float64(bound)+always)
				rows = append(rows, []string{
					kind.desc, fmt.Sprintf("%d MiB", mebibytes), strconv.Itoa(sessions), fmt.Sprintf("%.1f MiB", float64(live)/(1<<20)),
					fmt.Sprintf("%.2f", float64(live)/float64(bound)),
				})
			})
		}
	}
	tables.Write(t, "heap-bound", []string{"sessions", "CacheBytes", "asked for", "live heap", "of the bound"}, rows...)
}
