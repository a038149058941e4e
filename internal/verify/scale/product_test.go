package scale_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/verify/scale"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// shared is a store that tells every process of every write before the write returns, as one Redis without delays would. With
// each key it reports all others of the same slot: then it is as if the near-caches had no more stripes than there are slots.
type shared struct {
	mu      sync.Mutex
	records map[store.Key]store.Record
	slots   [store.Slots][]store.KeyHash
	sinks   []store.Sink
	loads   [2]int // by kind
}

func (s *shared) Load(_ context.Context, key store.Key) (store.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads[key.Kind]++
	return s.records[key], nil
}

func (s *shared) Save(_ context.Context, key store.Key, rec store.Record, base sessionctx.Revision) (store.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cur := s.records[key]; cur.Revision() != base {
		return cur, sessionctx.ErrConflict
	}
	s.records[key] = rec
	for _, h := range s.slots[key.Hash().Slot()] {
		for _, sink := range s.sinks {
			sink.Invalidate(h)
		}
	}
	return rec, nil
}

// born gives a session the record that the simulation takes it to have.
func (s *shared) born(req sessionctx.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := store.Key{Tenant: req.Tenant, ID: req.SessionID}
	if s.records[key].Incarnation == 0 {
		for _, k := range [...]store.Key{key, {Tenant: req.Tenant, Kind: store.KindCustomer, ID: req.CustomerID}} {
			h := k.Hash()
			s.slots[h.Slot()] = append(s.slots[h.Slot()], h)
		}
		s.records[key] = store.Record{Tenant: req.Tenant, Incarnation: 1, Version: 1, CustomerID: req.CustomerID}
	}
}

func (s *shared) Watch(sink store.Sink) func() {
	sink.Exclusive()
	s.sinks = append(s.sinks, sink)
	return func() {}
}

func (s *shared) loaded() [2]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loads
}

const tenants = 200

func tenant(n uint64) string { return fmt.Sprintf("shop%d", n%tenants) }

// product is a fleet of the product's own resolvers.
type product struct {
	t         *testing.T
	store     *shared
	resolvers []*sessionctx.Resolver
	choice    int
}

func newProduct(t *testing.T, processes int) *product {
	p := &product{t: t, store: &shared{records: make(map[store.Key]store.Record)}}
	for range processes {
		p.resolvers = append(p.resolvers, newResolver(t, p.store, 64<<20))
	}
	return p
}

func newResolver(t *testing.T, backend store.Store, cacheBytes int64) *sessionctx.Resolver {
	directory := make(sessionctx.Static)
	for i := range uint64(tenants) {
		directory[tenant(i)] = sessionctx.StaticTenant{Sites: []defaults.Site{{
			Code: "main", Default: true, Country: "DE", Currency: "EUR", Currencies: []string{"EUR", "CHF"}, Language: "de", Languages: []string{"de"},
		}}}
	}
	r, err := sessionctx.New(sessionctx.Config{
		Store: backend, Directory: directory, CacheBytes: cacheBytes, Logger: slog.New(slog.DiscardHandler),
		DirectoryMaxAge: 24 * time.Hour, CustomerIdle: -1, AnonymousIdle: -1,
	})
	require.NoError(t, err)
	t.Cleanup(func() { r.Close() })
	return r
}

// slow counts the calls of Resolve that were not answered at once.
func slow(r *sessionctx.Resolver) int64 {
	s := r.Stats()
	return s.Resolves - s.Hits // the estimate cancels out
}

// Serve implements scale.Server.
func (p *product) Serve(r scale.Request) scale.Outcome {
	req := sessionctx.Request{Identity: sessionctx.Identity{Tenant: tenant(r.Session), SessionID: fmt.Sprintf("s%d", r.Session), Proof: sessionctx.Asserted}}
	if r.Owned {
		req.CustomerID = fmt.Sprintf("c%d", r.Session)
	}
	p.store.born(req)
	resolver := p.resolvers[r.Process]
	loads, slowBefore := p.store.loaded(), slow(resolver)
	_, err := resolver.Resolve(p.t.Context(), req)
	require.NoError(p.t, err)
	now := p.store.loaded()
	found := scale.Outcome{
		Hit:        now[store.KindSession] == loads[store.KindSession],
		Generation: now[store.KindCustomer] == loads[store.KindCustomer],
		Warm:       slow(resolver) == slowBefore,
	}
	if r.Writes {
		p.choice++
		currency := sessionctx.Set([]string{"EUR", "CHF"}[p.choice%2])
		_, err := resolver.Update(p.t.Context(), req, sessionctx.Patch{Currency: currency})
		require.NoError(p.t, err)
	}
	return found
}

// TestTheSimulationIsTheProduct lets the product's own near-caches serve what the simulated ones serve. There are so few stripes, and
// so many sessions under way, that neighbours matter.
func TestTheSimulationIsTheProduct(t *testing.T) {
	if !shipped(t) {
		return
	}
	fleet := shop(3, 16_000, 400, func(f *scale.Fleet) {
		f.Sticky, f.Writes, f.Stripes = 0.5, 0.3, store.Slots
		f.Idle = 1e6 * time.Hour // nothing is touched, for the product's clock is a real one
	})
	b := scale.Budget{Seed: 3, Events: 60_000, Places: 16_000}
	simulated := scale.Simulate(fleet, scale.Measured, b)
	b.Server = newProduct(t, fleet.Processes)
	product := scale.Simulate(fleet, scale.Measured, b)
	fmt.Printf("simulated: hits %.4f, generations %.4f, warm %.4f; the product's: %.4f, %.4f, %.4f\n",
		simulated.Hit, simulated.Generation, simulated.Warm, product.Hit, product.Generation, product.Warm)
	assert.Equal(t, simulated.Writes, product.Writes, "the same requests")
	const apart = 0.025 // the product hashes with other seeds each time; neighbours take 0.1 to 0.2
	assert.InDelta(t, simulated.Hit, product.Hit, apart)
	assert.InDelta(t, simulated.Generation, product.Generation, apart)
	assert.InDelta(t, product.Hit, product.Warm, 0.001, "a session that is found costs no work")
	fleet.Stripes = 1 << 30
	b.Server = nil
	assert.Greater(t, scale.Simulate(fleet, scale.Measured, b).Hit, product.Hit+2*apart, "neighbours matter here")
}
