package sessionctx_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dgraph-io/ristretto/v2"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

const benchSessions = 100_000

// shopper is who asks; the rest of a request is the same for all.
type shopper struct{ sessionID, customerID string }

func (s *shopper) request() sessionctx.Request {
	return sessionctx.Request{
		Identity:   sessionctx.Identity{Tenant: "demoshop", SessionID: s.sessionID, CustomerID: s.customerID, Proof: sessionctx.Asserted},
		GeoCountry: "AT", AcceptLanguage: "de-AT,de;q=0.9,en;q=0.8",
	}
}

// bench is a resolver with every shopper's session in its cache, made once, for warming it takes
// longer than measuring; the shoppers in the order in which their sessions were made; and in the
// random order in which they come back.
var bench = sync.OnceValues(func() (*sessionctx.Resolver, [2][]shopper) {
	r, err := sessionctx.New(sessionctx.Config{
		Store: &memstore.Store{MaxBytes: 1 << 30}, Directory: demoshop(), CacheBytes: 192 << 20, DirectoryMaxAge: 24 * time.Hour,
	})
	if err != nil {
		panic(err)
	}
	made := make([]shopper, benchSessions)
	for i := range made {
		made[i] = shopper{fmt.Sprintf("62528895-b561-4518-bfdc-%012d", i), fmt.Sprintf("C%08d", i)}
	}
	for range 12 { // the cache takes in what it is asked for, in its own time
		for i := range made {
			if _, err := r.Resolve(context.Background(), made[i].request()); err != nil {
				panic(err)
			}
			if i%64 == 0 {
				runtime.Gosched()
			}
		}
	}
	// A request of a known shopper has an id that was just read: so the ids are allocated in the
	// order of the visits.
	visits := make([]shopper, benchSessions)
	for i, p := range rand.New(rand.NewPCG(1, 2)).Perm(benchSessions) {
		visits[i] = shopper{strings.Clone(made[p].sessionID), strings.Clone(made[p].customerID)}
	}
	return r, [2][]shopper{made, visits}
})

// BenchmarkRistrettoGet is what a team would pay at the least: a lookup in bare ristretto and a
// copy of what was found.
func BenchmarkRistrettoGet(b *testing.B) {
	r, shoppers := bench()
	made, visits := shoppers[0], shoppers[1]
	cache, err := ristretto.NewCache(&ristretto.Config[string, *sessionctx.Session]{
		NumCounters: 10 * benchSessions, MaxCost: 10 * benchSessions, BufferItems: 64, IgnoreInternalCost: true,
	})
	require.NoError(b, err)
	defer cache.Close()
	for i := range made {
		s, err := r.Resolve(context.Background(), made[i].request())
		require.NoError(b, err)
		cache.Set(s.Tenant+"/"+s.ID, &s, 1)
		if i%1000 == 0 {
			cache.Wait()
		}
	}
	cache.Wait()
	keys := make([]string, len(visits))
	for i := range visits {
		keys[i] = "demoshop/" + visits[i].sessionID
	}
	var found atomic.Int64
	walk(b, func(i int) (s sessionctx.Session, err error) {
		if p, ok := cache.Get(keys[i]); ok {
			s = *p
		}
		return s, nil
	}, &found)
	b.ReportMetric(float64(found.Load())/float64(b.N), "hits/op")
}

// BenchmarkResolveWarm is the public Resolve of the same sessions.
func BenchmarkResolveWarm(b *testing.B) {
	r, shoppers := bench()
	visits := shoppers[1]
	before := r.Stats()
	var found atomic.Int64
	walk(b, func(i int) (sessionctx.Session, error) {
		return r.Resolve(context.Background(), visits[i].request())
	}, &found)
	require.EqualValues(b, b.N, found.Load())
	after := r.Stats()
	b.ReportMetric(float64(after.Hits-before.Hits)/float64(after.Resolves-before.Resolves), "hits/op")
}

// walk makes the visits in their order, on every goroutine from another place on, and counts those
// that found something.
func walk(b *testing.B, visit func(i int) (sessionctx.Session, error), found *atomic.Int64) {
	var starts atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		i, n := int(starts.Add(1))*benchSessions/7%benchSessions, int64(0)
		for pb.Next() {
			if s, err := visit(i); err == nil && s.Currency != "" {
				n++
			}
			if i++; i == benchSessions {
				i = 0
			}
		}
		found.Add(n)
	})
	b.StopTimer()
}

// BenchmarkResolveCold reads the record from the store and keeps what it resolves to.
func BenchmarkResolveCold(b *testing.B) {
	r, shoppers := bench()
	visits := shoppers[1]
	var found atomic.Int64
	walk(b, func(i int) (sessionctx.Session, error) {
		req := visits[i].request()
		req.Fresh = true
		return r.Resolve(context.Background(), req)
	}, &found)
	require.EqualValues(b, b.N, found.Load())
}

// BenchmarkResolveHang has the Directory hang, with all that is known past its age, or the Store,
// after its first timeouts and with every tenth session not in the cache. It says how long the
// slowest reads take.
func BenchmarkResolveHang(b *testing.B) {
	const sessions = 1000
	directory, backend := &pacedDesk{desk: desk{Static: demoshop()}}, &heldStore{}
	asked := newResolver(b, func(c *sessionctx.Config) {
		c.Directory, c.DirectoryMaxAge, c.CacheBytes = directory, time.Second, 96<<20
	})
	stored := newResolver(b, func(c *sessionctx.Config) { c.Store, c.Timeout = backend, 100*time.Millisecond })
	known := func(i int) sessionctx.Request { return by(fmt.Sprint("s", i%sessions), fmt.Sprint("C", i%sessions)) }
	for i := range 2 * sessions {
		resolve(b, asked, known(i))
		resolve(b, stored, known(i))
	}
	directory.holdBy(untilContextEnds)
	backend.loading.holdBy(untilContextEnds)
	<-time.After(1100 * time.Millisecond)
	for i := 0; i < 100 && !stored.Stats().StoreHangs; i++ {
		resolve(b, stored, by(fmt.Sprint("unknown", i)))
	}
	for _, tc := range []struct {
		desc     string
		r        *sessionctx.Resolver
		uncached int // every so many
	}{
		{"Directory", asked, 0},
		{"Store", stored, 10},
	} {
		b.Run(tc.desc, func(b *testing.B) {
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				req := known(i)
				if tc.uncached > 0 && i%tc.uncached == 0 {
					req = by(fmt.Sprint("unknown", i))
				}
				begun := time.Now()
				s, err := tc.r.Resolve(b.Context(), req)
				took = append(took, time.Since(begun))
				if err != nil || tc.uncached == 0 && s.Degraded {
					b.Fatal(s, err)
				}
			}
			slices.Sort(took)
			for _, share := range []struct {
				name string
				of   float64
			}{{"p50-ns", 0.5}, {"p99-ns", 0.99}, {"p99.9-ns", 0.999}, {"slowest-ns", 1}} {
				b.ReportMetric(float64(took[int(share.of*float64(len(took)-1))]), share.name)
			}
		})
	}
}
