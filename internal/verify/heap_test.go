package verify

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// smallGoal is how many bytes a cached session should take, all that lives because of it counted,
// when there are many. A test fails beyond it by a tenth, which is more than what a heap has more
// at one moment than at another.
const (
	smallGoal = 640.0
	many      = 100_000
)

// shopperKind is a kind of sessions customerOf size is measured.
type shopperKind struct {
	desc       string
	customerOf func(i int) string // the customer of a session; nil: all are anonymous
	bytes      int64              // of cache for each session: enough for all that belongs to it
	most       int                // sessions
	goal       bool               // it is the size of the sessions themselves; the others are for the long setting
}

var shopperKinds = []shopperKind{
	{"anonymous", nil, 760, 10_000_000, true},
	// With each customer live the generation and the profile: of a thousand sessions little is
	// that.
	{"customers', a thousand of each", func(i int) string { return fmt.Sprintf("C%08d", i/1000) }, 760, 1_000_000, true},
	{"customers', one of each", func(i int) string { return fmt.Sprintf("C%08d", i) }, 2200, 1_000_000, false},
}

// endlessStore has a record for every session, and keeps none. Tell it of a write by another
// process through its sink.
type endlessStore struct {
	customerOf func(i int) string // see shopperKind
	sink       store.Sink
	loads      atomic.Int64 // of sessions
}

// request asks for the session with a number.
func (s *endlessStore) request(i int) sessionctx.Request {
	return evidence.Asserted(fmt.Sprintf("62528895-b561-4518-bfdc-%012d", i), s.customer(i))
}

func (s *endlessStore) customer(i int) string {
	if s.customerOf == nil {
		return ""
	}
	return s.customerOf(i)
}

func (s *endlessStore) Load(_ context.Context, key store.Key) (store.Record, error) {
	if key.Kind != store.KindSession {
		return store.Record{}, nil
	}
	s.loads.Add(1)
	i, err := strconv.Atoi(key.ID[len(key.ID)-12:])
	now := time.Now().UTC().Truncate(time.Millisecond)
	rec := store.Record{
		Tenant: evidence.Tenant, Incarnation: 1, Version: 3, Choices: defaults.Choices{Currency: "CHF"}, CustomerID: s.customer(i),
		Carts: []store.Cart{{ID: fmt.Sprintf("%024x", i)}}, CreatedAt: now, ModifiedAt: now, ExpiresAt: now.Add(24 * time.Hour),
	}
	if i%2 == 0 {
		rec.Choices.Country = "AT"
	}
	return rec, err
}

func (*endlessStore) Save(context.Context, store.Key, store.Record, sessionctx.Revision) (store.Record, error) {
	panic("nobody writes")
}

func (s *endlessStore) Watch(sink store.Sink) func() {
	s.sink = sink
	sink.Exclusive()
	return func() {}
}

// crowd is a resolver over a store that has a record for everybody.
type crowd struct {
	store    *endlessStore
	resolver *sessionctx.Resolver
}

func newCrowd(t *testing.T, customerOf func(i int) string, cacheBytes int64) crowd {
	backend := &endlessStore{customerOf: customerOf}
	return crowd{backend, evidence.Resolver(t, func(c *sessionctx.Config) {
		c.Store, c.CacheBytes = backend, cacheBytes
		c.CustomerIdle, c.AnonymousIdle, c.DirectoryMaxAge = 20*time.Hour, 20*time.Hour, 24*time.Hour
	})}
}

// walk visits so many sessions and returns how many of them were cached.
func (c crowd) walk(t *testing.T, sessions int) int {
	t.Helper()
	was := c.store.loads.Load()
	for i := range sessions {
		s, err := c.resolver.Resolve(t.Context(), c.store.request(i))
		if err != nil || s.Version != 3 {
			t.Fatalf("%v, %v", s, err)
		}
	}
	return sessions - int(c.store.loads.Load()-was)
}

// heap returns the bytes that live.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// measured has a crowd walk twice, and returns what then lives because of it, and how many sessions
// are cached. What the cache does not take in at once it takes in later: until enough are, the
// crowd walks again.
func measured(t *testing.T, customerOf func(i int) string, cacheBytes int64, sessions, enough int) (live int64, cached int) {
	before := heap()
	c := newCrowd(t, customerOf, cacheBytes)
	c.walk(t, sessions)
	for range 20 {
		if cached = c.walk(t, sessions); cached >= enough {
			break
		}
	}
	live = heap() - before
	runtime.KeepAlive(c)
	return live, cached
}

// each runs a test for every kind of shoppers, and for all the numbers in an environment variable,
// separated by commas. Without it there is one number, and the kinds for the long setting are left
// out.
func each(t *testing.T, variable, otherwise string, test func(t *testing.T, kind *shopperKind, n int)) {
	if !evidence.Shipped(t, "internal/verify") {
		return
	}
	text := os.Getenv(variable)
	for i := range shopperKinds {
		kind := &shopperKinds[i]
		if !kind.goal && text == "" {
			continue
		}
		for _, number := range strings.Split(cmp.Or(text, otherwise), ",") {
			n, err := strconv.Atoi(number)
			require.NoError(t, err, variable)
			t.Run(kind.desc+"/"+number, func(t *testing.T) { test(t, kind, n) })
		}
	}
}

// TestCache_SessionIsSmall measures all that lives because sessions are cached: entries, ids, the
// cache's own tables and counters. HEAP says for how many sessions; few of them share what is there
// for any number.
func TestCache_SessionIsSmall(t *testing.T) {
	var rows [][]string
	each(t, "HEAP", "100000", func(t *testing.T, kind *shopperKind, sessions int) {
		if sessions > kind.most {
			t.Skip("these take too much memory")
		}
		live, cached := measured(t, kind.customerOf, max(kind.bytes*int64(sessions)*3/2, 1<<20), sessions, sessions*99/100)
		require.Greater(t, cached, sessions*9/10, "sessions are cached")
		size, verdict := float64(live)/float64(cached), ""
		if kind.goal && sessions >= many { // of few sessions each carries much of what a cache of any size has
			assert.LessOrEqual(t, size, 1.1*smallGoal)
			if verdict = "met"; size > smallGoal {
				verdict = "**missed**"
			}
		}
		rows = append(rows, []string{kind.desc, strconv.Itoa(sessions), strconv.Itoa(cached), fmt.Sprintf("%.0f", size), verdict})
	})
	evidence.Table(t, "heap-session", []string{"sessions", "asked for", "cached", "bytes of live heap each", fmt.Sprintf("goal: ≤ %.0f", smallGoal)}, rows...)
}

// TestCache_KeepsItsBound asks for four times as many sessions as there is room for. BOUND says how
// large the room is, in MiB.
func TestCache_KeepsItsBound(t *testing.T) {
	// Counters come to the bound, and entries that cost more than they were taken for; and what
	// caches have of any size, their queues above all.
	const most, always = 1.15, 8 << 20
	var rows [][]string
	each(t, "BOUND", "8", func(t *testing.T, kind *shopperKind, mebibytes int) {
		bound := int64(mebibytes) << 20
		sessions := int(4 * bound / 500)
		live, cached := measured(t, kind.customerOf, bound, sessions, 0)
		assert.Less(t, cached, sessions/2, "there is no room for them")
		assert.LessOrEqual(t, float64(live), most*float64(bound)+always)
		rows = append(rows, []string{
			kind.desc, fmt.Sprintf("%d MiB", mebibytes), strconv.Itoa(sessions), fmt.Sprintf("%.1f MiB", float64(live)/(1<<20)),
			fmt.Sprintf("%.2f", float64(live)/float64(bound)),
		})
	})
	evidence.Table(t, "heap-bound", []string{"sessions", "CacheBytes", "asked for", "live heap", "of the bound"}, rows...)
}
