package inspect_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/inspect"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// BenchmarkResolveWarm is a Resolve that the near-cache answers, without and with an Inspector that
// nobody looks at. ratio is to the first one.
func BenchmarkResolveWarm(b *testing.B) {
	var bare float64
	for _, inspected := range []bool{false, true} {
		b.Run(map[bool]string{false: "without", true: "with an Inspector"}[inspected], func(b *testing.B) {
			r, requests := warmResolver(b)
			if inspected {
				page, err := inspect.New(inspect.Config{Resolver: r, Authorize: func(*http.Request) bool { return true }})
				require.NoError(b, err)
				defer page.Close()
			}
			before := r.Stats()
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				_, _ = r.Resolve(context.Background(), requests[i%len(requests)])
				i++
			}
			after := r.Stats()
			b.ReportMetric(float64(after.Hits-before.Hits)/float64(after.Resolves-before.Resolves), "hits/op")
			perOp := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
			if !inspected {
				bare = perOp
			}
			b.ReportMetric(perOp/bare, "ratio")
		})
	}
}

// BenchmarkPage is the page of a shop without trouble.
func BenchmarkPage(b *testing.B) {
	r, _ := warmResolver(b)
	page, err := inspect.New(inspect.Config{Resolver: r, Authorize: func(*http.Request) bool { return true }})
	require.NoError(b, err)
	defer page.Close()
	request, err := http.NewRequest(http.MethodGet, "/", nil)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		page.ServeHTTP(discard{http.Header{}}, request)
	}
}

// discard is a response that nobody reads.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

func warmResolver(tb testing.TB) (*sessionctx.Resolver, []sessionctx.Request) {
	tb.Helper()
	shop := sites()[:1]
	shop[0].Currencies = nil // New takes no withdrawn currency from a literal
	r, err := sessionctx.New(sessionctx.Config{Store: &memstore.Store{}, Directory: sessionctx.Static{"demoshop": {Sites: shop}}})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, r.Close()) })
	requests := make([]sessionctx.Request, 64)
	for i := range requests {
		requests[i] = sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: fmt.Sprint("session-", i), Proof: sessionctx.Asserted}}
		for hits := r.Stats().Hits; r.Stats().Hits == hits; { // the cache takes in what it is asked for in its own time
			_, err := r.Resolve(context.Background(), requests[i])
			require.NoError(tb, err)
		}
	}
	return r, requests
}
