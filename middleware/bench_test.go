package middleware_test

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/dgraph-io/ristretto/v2"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

// The floor is the least that a host would write by itself to have a cached session in a request's
// context: net/http's cookie, a ristretto cache, a context value. It resolves nothing and notices
// no change. Run both at once: go test -run '^$' -bench Middleware -count 10 ./middleware
func BenchmarkMiddlewareFloor(b *testing.B) {
	ids := sessionIDs(b, newShop(b))
	cache, err := ristretto.NewCache(&ristretto.Config[string, *sessionctx.Session]{NumCounters: 1e5, MaxCost: 64 << 20, BufferItems: 64, IgnoreInternalCost: true})
	require.NoError(b, err)
	b.Cleanup(cache.Close)
	for _, id := range ids {
		cache.Set(id, &sessionctx.Session{ID: id, Currency: "CHF"}, 550)
		cache.Wait()
	}
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
	s := newShop(b)
	drive(b, sessionIDs(b, s), s.middleware(func(cfg *middleware.Config) { cfg.AcceptLanguage = true }).Wrap, func(r *http.Request) bool {
		s, ok := sessionctx.FromContext(r.Context())
		return ok && s.Currency == "CHF" && s.Language == "en"
	})
}

// sessionIDs returns the ids of 1,000 sessions that have chosen a currency.
func sessionIDs(b *testing.B, s *shop) []string {
	ids := make([]string, 1000)
	req := sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", Proof: sessionctx.BySecret}}
	for i := range ids {
		session, err := s.resolver.Update(b.Context(), req, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
		require.NoError(b, err)
		ids[i] = session.ID
	}
	return ids
}

// drive measures wrap around a handler that does nothing, one request per goroutine, each pass with
// the cookie of the next session. Before that it warms up, and has ok look at what arrives.
func drive(b *testing.B, ids []string, wrap func(http.Handler) http.Handler, ok func(*http.Request) bool) {
	lines := make([][]string, len(ids))
	for i, id := range ids {
		lines[i] = []string{cookieName + "=" + id}
	}
	language := []string{"en-US,en;q=0.9,de;q=0.8"}
	for range 20 {
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
		require.Zero(b, bad)
	}
	h := wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	var start atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
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
