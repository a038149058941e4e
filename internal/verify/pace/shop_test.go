package pace

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

const (
	tenant         = evidence.Tenant
	acceptLanguage = "en-US,en;q=0.9,de;q=0.8"
	cookieName     = "__Host-session-" + tenant
)

// newResolver returns a resolver whose cache has room for all sessions.
func newResolver(t testing.TB, changes ...func(*sessionctx.Config)) *sessionctx.Resolver {
	t.Helper()
	return evidence.Resolver(t, append([]func(*sessionctx.Config){func(c *sessionctx.Config) {
		c.CacheBytes, c.DirectoryMaxAge, c.AnonymousIdle = room(numSessions(t)), 24*time.Hour, 24*time.Hour
	}}, changes...)...)
}

// room returns how many bytes of cache are more than enough for so many customers' sessions.
func room(sessions int) int64 { return max(2200*int64(sessions), 2<<20) }

func newMiddleware(t testing.TB, r *sessionctx.Resolver, change ...func(*middleware.Config)) *middleware.Middleware {
	t.Helper()
	cfg := middleware.Config{Resolver: r, Tenant: middleware.Tenant(tenant), AcceptLanguage: true}
	for _, c := range change {
		c(&cfg)
	}
	mw, err := middleware.New(cfg)
	require.NoError(t, err)
	return mw
}

// secretIDs makes n sessions that have chosen a currency, and returns their ids in the order of the
// visits.
func secretIDs(t testing.TB, r *sessionctx.Resolver, n int) []string {
	t.Helper()
	ids := make([]string, n)
	inCrowd(n, func(i int) {
		s, err := r.Update(t.Context(), evidence.BySecret(""), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
		assert.NoError(t, err)
		ids[i] = s.ID
	})
	require.NotContains(t, ids, "")
	return shuffled(ids)
}

// crowd is on how many goroutines stores are filled, and measured besides one: writers that are
// many can share what a commit costs.
const crowd = 32

// inCrowd calls do with 0 to n-1.
func inCrowd(n int, do func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range crowd {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wg.Wait()
}

// shuffled returns texts in a random order, always the same, and lying in memory in that order: who
// comes back brings an id that was just read from a request.
func shuffled(texts []string) []string {
	visits := make([]string, len(texts))
	for i, p := range rand.New(rand.NewPCG(1, 2)).Perm(len(texts)) {
		visits[i] = strings.Clone(texts[p])
	}
	return visits
}

// elsewhere returns the places 0 to n-1 in the order in which their sessions came into being, which
// is not the order of the visits: a cache does not lie in memory as it is asked.
func elsewhere(n int) []int { return rand.New(rand.NewPCG(3, 4)).Perm(n) }

// warm asks for all sessions until the cache answers nearly all of them: it takes in what it is
// asked for in its own time. The function that it returns fails the test if what was measured since
// was not warm.
func warm(t testing.TB, r *sessionctx.Resolver, n int, request func(i int) sessionctx.Request) (check func()) {
	t.Helper()
	missed := func() int64 { s := r.Stats(); return s.Resolves - s.Hits } // the hits are an estimate, their difference is not
	const patience = 10 * time.Minute
	order := elsewhere(n)
	later := time.NewTicker(time.Millisecond)
	defer later.Stop()
	for begin := time.Now(); time.Since(begin) < patience; <-later.C {
		before := missed()
		for k, i := range order {
			_, err := r.Resolve(context.Background(), request(i))
			require.NoError(t, err)
			if k%64 == 0 {
				runtime.Gosched()
			}
		}
		if now := missed(); now-before <= int64(n/100) {
			return func() { require.LessOrEqual(t, missed()-now, int64(n/4), "resolutions that were not warm") }
		}
	}
	t.Fatalf("the cache does not take in %d sessions", n)
	return nil
}

// walk returns a way that goes through places 0 to n-1 over and over, each goroutine from another
// place on, and in the next round from where it was. The state of a goroutine is in what begin
// returns: it reports whether the visit went as it should.
func walk(name string, n int, begin func(goroutine int) (visit func(i int) bool)) Way {
	var at [64]struct { // a cache line for each goroutine
		i     int
		begun bool
		_     [48]byte
	}
	return Way{Name: name, Start: func(goroutine int) func(int) int {
		visit, place := begin(goroutine), &at[goroutine]
		if !place.begun {
			place.i, place.begun = int(float64(goroutine)*0.618*float64(n))%n, true
		}
		return func(times int) (good int) {
			i := place.i
			for range times {
				if visit(i) {
					good++
				}
				if i++; i == n {
					i = 0
				}
			}
			place.i = i
			return good
		}
	}}
}

// sink is a ResponseWriter that keeps nothing.
type sink struct {
	header http.Header
	status int
	size   int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(b []byte) (int, error) { s.size += len(b); return len(b), nil }
func (s *sink) WriteHeader(status int)      { s.status = status }

// visitor is one goroutine's browser: one request and one answer, used again and again, and new
// each time to whoever gets them.
type visitor struct {
	blank, r *http.Request
	w        sink
}

func newVisitor(method, target string, header http.Header) *visitor {
	v := &visitor{blank: httptest.NewRequest(method, target, nil), w: sink{header: http.Header{}}}
	for name, values := range header {
		v.blank.Header[name] = values
	}
	v.r = new(http.Request)
	return v
}

// visit has h answer the request with the header line in place of the last visit's.
func (v *visitor) visit(h http.Handler, name string, line []string) {
	*v.r = *v.blank // some middleware replaces what it is given, context included
	v.r.Header[name] = line
	clear(v.w.header)
	h.ServeHTTP(&v.w, v.r)
}

// page returns a handler that reads the four values and does nothing else, and a count of those
// requests in which all four were there.
func page(read func(*http.Request) (site, currency, country, language string)) (h http.Handler, count *int) {
	count = new(int)
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		site, currency, country, language := read(r)
		if site != "" && currency == "CHF" && country != "" && language != "" {
			*count++
		}
	}), count
}

// visiting returns a way that sends requests through wrap to a page, each with another session's
// header lines.
func visiting(name, header string, lines [][]string, wrap func(http.Handler) http.Handler,
	read func(*http.Request) (site, currency, country, language string),
) Way {
	return walk(name, len(lines), func(int) func(int) bool {
		p, count := page(read)
		h := wrap(p)
		v := newVisitor(http.MethodGet, "/", http.Header{"Accept-Language": {acceptLanguage}})
		return func(i int) bool {
			was := *count
			v.visit(h, header, lines[i])
			return *count != was
		}
	})
}

// headerLines returns a header line for each value.
func headerLines(prefix string, values []string) [][]string {
	lines := make([][]string, len(values))
	for i, v := range values {
		lines[i] = []string{prefix + v}
	}
	return lines
}

// readOurs reads the four values as a host of ours does.
func readOurs(r *http.Request) (site, currency, country, language string) {
	s, _ := sessionctx.FromContext(r.Context())
	return s.Site, s.Currency, s.Country, s.Language
}

// goroutines are on how many goroutines the short ways are measured: one, and one for each
// processor.
func goroutines() []int {
	if n := runtime.GOMAXPROCS(0); n > 1 {
		return []int{1, n}
	}
	return []int{1}
}

// amounts are how many sessions the middleware is measured with: so few that all stay in the
// processor's cache, and as many as SESSIONS says.
func amounts(t testing.TB) []int {
	const few = 1000
	if n := numSessions(t); n != few {
		return []int{few, n}
	}
	return []int{few}
}

func on(goroutines int) string {
	if goroutines == 1 {
		return "1 goroutine"
	}
	return fmt.Sprintf("%d goroutines", goroutines)
}
