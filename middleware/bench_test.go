package middleware_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/dgraph-io/ristretto/v2"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// The floor is the least that a host would write by itself to have a cached session in a request's
// context: net/http's cookie, a ristretto cache, a context value. It resolves nothing and notices
// no change. Run both at once: go test -run '^$' -bench Middleware -count 10 ./middleware
func BenchmarkMiddlewareFloor(b *testing.B) { sized(b, floor) }

func floor(b *testing.B, s *shop, ids []string) {
	cache, err := ristretto.NewCache(&ristretto.Config[string, *sessionctx.Session]{
		NumCounters: 10 * int64(len(ids)), MaxCost: 10 * int64(len(ids)), BufferItems: 64, IgnoreInternalCost: true,
	})
	require.NoError(b, err)
	b.Cleanup(cache.Close)
	for i, id := range ids {
		cache.Set(id, &sessionctx.Session{ID: id, Currency: "CHF"}, 1)
		if i%1000 == 0 {
			cache.Wait()
		}
	}
	cache.Wait()
	type floorKey struct{}
	drive(b, ids, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, _ := r.Cookie(cookieName)
			v, _ := cache.Get(c.Value)
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), floorKey{}, v)))
		})
	}, func(r *http.Request) bool {
		s, _ := r.Context().Value(floorKey{}).(*sessionctx.Session)
		return s != nil && s.Currency == "CHF"
	})
}

func BenchmarkMiddlewareWarm(b *testing.B) {
	sized(b, func(b *testing.B, s *shop, ids []string) {
		drive(b, ids, s.middleware(func(cfg *middleware.Config) { cfg.AcceptLanguage = true }).Wrap, func(r *http.Request) bool {
			s, ok := sessionctx.FromContext(r.Context())
			return ok && s.Currency == "CHF" && s.Language == "en"
		})
	})
}

// sized runs a benchmark with as many sessions as stay in a processor's caches, and with many. They
// have chosen a currency.
func sized(b *testing.B, run func(b *testing.B, s *shop, ids []string)) {
	for _, sessions := range []int{1000, 100_000} {
		s := newShopOn(b, &memstore.Store{MaxBytes: -1}, directory, func(cfg *sessionctx.Config) { cfg.CacheBytes = 192 << 20 })
		ids := make([]string, sessions)
		req := sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", Proof: sessionctx.BySecret}}
		for i := range ids {
			session, err := s.resolver.Update(b.Context(), req, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			require.NoError(b, err)
			ids[i] = session.ID
		}
		// Who comes back brings an id that was just read from a request, in no order.
		for i, p := range rand.New(rand.NewPCG(1, 2)).Perm(sessions) {
			ids[i], ids[p] = ids[p], ids[i]
		}
		run(b, s, ids)
	}
}

// drive measures wrap around a handler that does nothing, one request per goroutine, each pass with
// the cookie of the next session. Before that it warms up, and at last has ok look at what arrives.
func drive(b *testing.B, ids []string, wrap func(http.Handler) http.Handler, ok func(*http.Request) bool) {
	lines := make([][]string, len(ids))
	for i, id := range ids {
		lines[i] = []string{cookieName + "=" + id}
	}
	language := []string{"en-US,en;q=0.9,de;q=0.8"}
	for pass := range 12 {
		bad := 0
		warm := wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if !ok(r) {
				bad++
			}
		}))
		for i := range lines {
			r := get("/")
			r.Header["Cookie"], r.Header["Accept-Language"] = lines[i], language
			warm.ServeHTTP(newDiscard(), r)
		}
		require.LessOrEqual(b, bad, len(ids)/100, "pass %d", pass) // ristretto may drop what it is given
	}
	// A page has a Content-Type. So a header map is filled and cleared with the floor, too.
	html := []string{"text/html; charset=utf-8"}
	h := wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header()["Content-Type"] = html }))
	b.Run(fmt.Sprint(len(ids)), func(b *testing.B) {
		var start atomic.Int64
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			r := get("/")
			r.Header["Accept-Language"] = language
			w := newDiscard()
			for i := int(start.Add(337)); pb.Next(); i++ {
				r.Header["Cookie"] = lines[i%len(lines)]
				h.ServeHTTP(w, r)
				clear(w.header)
			}
		})
	})
}

// discard is a ResponseWriter for what must not be written to. Its headers are for Cache-Control
// and Vary.
type discard struct{ header http.Header }

func newDiscard() discard { return discard{make(http.Header, 8)} }

func (d discard) Header() http.Header { return d.header }

// read serves r and fails if the response has a header that is not for caches.
func (d discard) read(t testing.TB, h http.Handler, r *http.Request) {
	clear(d.header)
	h.ServeHTTP(d, r)
	if len(d.header) != 2 || len(d.header["Cache-Control"]) != 1 || len(d.header["Vary"]) != 1 {
		t.Errorf("a read that changes nothing wrote the headers %q", d.header)
	}
}

func (discard) Write(b []byte) (int, error) { return 0, fmt.Errorf("%d bytes were written", len(b)) }

func (discard) WriteHeader(int) { panic("a read that changes nothing wrote a status") }
