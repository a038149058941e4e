package sessionctx_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/dgraph-io/ristretto/v2"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

const benchSessions = 100_000

var benchHints = defaults.Hints{Country: "AT", AcceptLanguage: "de-AT,de;q=0.9,en;q=0.8"}

// benchRequests returns requests of customers' sessions, in one random permutation.
func benchRequests() []sessionctx.Request {
	requests := make([]sessionctx.Request, benchSessions)
	for i, p := range rand.New(rand.NewPCG(1, 2)).Perm(benchSessions) {
		requests[i] = sessionctx.Request{
			Identity: sessionctx.Identity{
				Tenant: "demoshop", SessionID: fmt.Sprintf("62528895-b561-4518-bfdc-%012d", p), CustomerID: fmt.Sprintf("C%08d", p),
			},
			Hints: benchHints,
		}
	}
	return requests
}

func benchResolver(b *testing.B) *sessionctx.Resolver {
	r, err := sessionctx.New(sessionctx.Config{Store: &memstore.Store{MaxBytes: 1 << 30}, Directory: demoshop(), CacheBytes: 512 << 20})
	require.NoError(b, err)
	b.Cleanup(func() { _ = r.Close() })
	return r
}

// walk spreads goroutines over the permutation, each in its order.
func walk(b *testing.B, requests []sessionctx.Request, visit func(i int)) {
	var starts atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		i := int(starts.Add(1)) * len(requests) / 7 % len(requests)
		for pb.Next() {
			visit(i)
			if i++; i == len(requests) {
				i = 0
			}
		}
	})
}

// BenchmarkRistrettoGet is what a team would pay at the least: a lookup in bare ristretto and a copy of what was found.
func BenchmarkRistrettoGet(b *testing.B) {
	r := benchResolver(b)
	requests := benchRequests()
	cache, err := ristretto.NewCache(&ristretto.Config[string, *sessionctx.Session]{
		NumCounters: 10 * benchSessions, MaxCost: 10 * benchSessions, BufferItems: 64, IgnoreInternalCost: true,
	})
	require.NoError(b, err)
	b.Cleanup(cache.Close)
	keys := make([]string, len(requests))
	for i, req := range requests {
		s, err := r.Resolve(context.Background(), req)
		require.NoError(b, err)
		keys[i] = req.Tenant + "/" + req.SessionID
		cache.Set(keys[i], &s, 1)
		if i%1000 == 0 {
			cache.Wait()
		}
	}
	cache.Wait()
	var missed atomic.Int64
	walk(b, requests, func(i int) {
		p, ok := cache.Get(keys[i])
		if !ok {
			missed.Add(1)
			return
		}
		s := *p
		if s.Currency == "" {
			b.Error("an empty session")
		}
	})
	require.Zero(b, missed.Load())
}

// BenchmarkResolveWarm is the public Resolve on the same sessions.
func BenchmarkResolveWarm(b *testing.B) {
	r := benchResolver(b)
	requests := benchRequests()
	ctx := context.Background()
	for range 3 { // the cache takes in what it is asked for, in its own time
		for _, req := range requests {
			_, err := r.Resolve(ctx, req)
			require.NoError(b, err)
		}
	}
	before := r.Stats()
	walk(b, requests, func(i int) {
		s, err := r.Resolve(ctx, requests[i])
		if err != nil || s.Currency == "" {
			b.Error("not resolved")
		}
	})
	b.StopTimer()
	after := r.Stats()
	b.ReportMetric(float64(after.Hits-before.Hits)/float64(after.Resolves-before.Resolves), "hits/op")
}
