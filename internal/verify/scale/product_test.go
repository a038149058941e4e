package scale

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// shared is a store that tells every process of every write before the write returns, as one Redis
// without delays would. With each key it reports all others of the same slot: then it is as if the
// near-caches had no more stripes than there are slots.
type shared struct {
	mu      sync.Mutex
	records map[store.Key]store.Record
	slots   [store.Slots][]store.KeyHash
	sinks   []store.Sink
	loads   int // of sessions
}

func (s *shared) Load(_ context.Context, key store.Key) (store.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if key.Kind == store.KindSession {
		s.loads++
	}
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

// born gives a session the record that the simulation takes it to have, and returns how many
// sessions were loaded until now.
func (s *shared) born(req sessionctx.Request) (loads int) {
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
	return s.loads
}

func (s *shared) Watch(sink store.Sink) func() {
	sink.Exclusive()
	s.sinks = append(s.sinks, sink)
	return func() {}
}

// TestSimulation_IsTheProduct lets the product's own near-caches serve what the simulated ones
// serve. There are so few stripes, and so many sessions under way, that neighbours matter.
func TestSimulation_IsTheProduct(t *testing.T) {
	fleet := usual(3, 16_000, 400, func(f *Fleet) {
		f.Sticky, f.Writes, f.Stripes = 0.5, 0.3, store.Slots
		f.Idle = 1e6 * time.Hour // nothing is touched, for the product's clock is a real one
	})
	b := Budget{Seed: 3, Events: 40_000, Places: 16_000}
	simulated := Simulate(fleet, b)

	backend := &shared{records: make(map[store.Key]store.Record)}
	var resolvers []*sessionctx.Resolver
	for range fleet.Processes {
		resolvers = append(resolvers, evidence.Resolver(t, func(c *sessionctx.Config) {
			c.Store, c.CacheBytes, c.DirectoryMaxAge, c.CustomerIdle, c.AnonymousIdle = backend, 64<<20, 24*time.Hour, -1, -1
		}))
	}
	turn := 0
	b.Serve = func(r Request) (hit bool) {
		req := evidence.Asserted(fmt.Sprintf("s%d", r.Session), "")
		if r.Owned {
			req.CustomerID = fmt.Sprintf("c%d", r.Session)
		}
		before := backend.born(req)
		_, err := resolvers[r.Process].Resolve(t.Context(), req)
		require.NoError(t, err)
		hit = backend.born(req) == before
		if r.Writes {
			turn++
			_, err := resolvers[r.Process].Update(t.Context(), req, sessionctx.Patch{Currency: sessionctx.Set([]string{"EUR", "CHF"}[turn%2])})
			require.NoError(t, err)
		}
		return hit
	}
	product := Simulate(fleet, b)
	t.Logf("hits: simulated %.4f, the product's %.4f", simulated.Hit, product.Hit)
	assert.Equal(t, simulated.Writes, product.Writes, "the same requests")
	const apart = 0.025 // the product hashes with other seeds each time; neighbours take 0.1 to 0.2
	assert.InDelta(t, simulated.Hit, product.Hit, apart)
	fleet.Stripes, b.Serve = 1<<22, nil
	assert.Greater(t, Simulate(fleet, b).Hit, product.Hit+2*apart, "neighbours matter here")
}
