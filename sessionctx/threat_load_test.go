package sessionctx_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// storm is a shared Store. A test can send more reports than there are changes.
type storm struct {
	*memstore.Store
	sinks []store.Sink
	loads atomic.Int64
}

func (s *storm) Load(ctx context.Context, key store.Key) (store.Record, error) {
	s.loads.Add(1)
	return s.Store.Load(ctx, key)
}

func (s *storm) Watch(sink store.Sink) (stop func()) {
	s.sinks = append(s.sinks, sink)
	return s.Store.Watch(sink)
}

// Reports without end cost loads. No reader fails or starves, none sees an old value, and when the
// reports end the cache is warm again.
func TestThreat_InvalidationStorm(t *testing.T) {
	backend := &storm{Store: &memstore.Store{}}
	reader, writer := newResolver(t, func(c *sessionctx.Config) { c.Store = backend }), newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
	const sessions, rounds = 8, 200
	for i := range sessions {
		update(t, writer, by(fmt.Sprint("s", i)), sessionctx.Patch{CartID: sessionctx.Set("0")})
	}
	over := make(chan struct{})
	var noise, work sync.WaitGroup
	for n := range 2 {
		rng := rand.New(rand.NewPCG(1, uint64(n)))
		noise.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				for _, sink := range backend.sinks {
					switch rng.IntN(20) {
					case 0:
						sink.InvalidateAll()
					case 1:
						sink.ExtendLease(time.Now())
					default:
						sink.Invalidate(store.Key{Tenant: "demoshop", ID: fmt.Sprint("s", rng.IntN(2*sessions))}.Hash())
					}
				}
			}
		})
	}
	for i := range sessions {
		work.Go(func() {
			req := by(fmt.Sprint("s", i))
			for n := range rounds {
				want := fmt.Sprint(n)
				_, err := writer.Update(t.Context(), req, sessionctx.Patch{CartID: sessionctx.Set(want)})
				assert.NoError(t, err)
				s, err := reader.Resolve(t.Context(), req)
				assert.NoError(t, err)
				assert.Equal(t, want, s.CartID)
				assert.False(t, s.Degraded)
			}
		})
	}
	work.Wait()
	close(over)
	noise.Wait()
	assert.Eventually(t, func() bool {
		before := backend.loads.Load()
		for i := range sessions {
			resolve(t, reader, by(fmt.Sprint("s", i)))
		}
		return backend.loads.Load() == before
	}, time.Minute, time.Millisecond, "the cache is warm again")
}

// gated is a Store and a Directory. It counts loads and questions, and can hold each back.
type gated struct {
	*memstore.Store
	sessionctx.Static
	records, answers        hold
	loads, sites, customers atomic.Int64
	sink                    store.Sink
}

func (g *gated) Load(ctx context.Context, key store.Key) (store.Record, error) {
	g.loads.Add(1)
	_ = g.records.pause(ctx)
	return g.Store.Load(ctx, key)
}

func (g *gated) Watch(sink store.Sink) (stop func()) {
	g.sink = sink
	return g.Store.Watch(sink)
}

func (g *gated) Sites(ctx context.Context, tenant string) ([]defaults.Site, error) {
	g.sites.Add(1)
	_ = g.answers.pause(ctx)
	return g.Static.Sites(ctx, tenant)
}

func (g *gated) Customer(ctx context.Context, tenant, id string) (defaults.Customer, error) {
	g.customers.Add(1)
	_ = g.answers.pause(ctx)
	return g.Static.Customer(ctx, tenant, id)
}

// Ten thousand readers of a session that is not cached, and ten thousand who come while it is
// loaded, are one load.
func TestThreat_Stampede(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const readers = 10_000
		backend := &slow{Store: &memstore.Store{}, let: make(chan struct{})}
		writer := newResolver(t, func(c *sessionctx.Config) { c.Store = backend.Store })
		update(t, writer, by("s1"), sessionctx.Patch{CartID: sessionctx.Set("cart")})

		r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
		var herd sync.WaitGroup
		read := func() {
			for range readers {
				herd.Go(func() { assert.Equal(t, "cart", resolve(t, r, by("s1")).CartID) })
			}
		}
		read()
		synctest.Wait() // now all of them wait, one of them for the store
		assert.EqualValues(t, 1, backend.loads.Load())
		assert.EqualValues(t, readers, r.Stats().Resolves)
		close(backend.let)
		read() // those that come while it answers
		herd.Wait()
		assert.EqualValues(t, 1, backend.loads.Load())
		assert.GreaterOrEqual(t, r.Stats().Joined, int64(readers-1))
	})
}

// When all that is cached becomes outdated at one moment, the Store is asked once for each key and
// not once for each request. The Directory is asked about each key by two questions at a time, and
// by one more that began after the last report, however many reports there were: Invalidate starts
// a question at once, and an answer to a question from before a report does not count.
func TestThreat_MassFlush(t *testing.T) {
	const sessions, readers = 100, 20
	flushes := []struct {
		desc      string
		flush     func(r *sessionctx.Resolver, g *gated)
		questions int64 // about the sites, and about the customer, at most
	}{
		{"the store may have lost messages", func(_ *sessionctx.Resolver, g *gated) { g.sink.InvalidateAll() }, 0},
		{"somebody invalidates the tenant", func(r *sessionctx.Resolver, _ *gated) { r.Invalidate("demoshop", "") }, 1},
		{"somebody invalidates the customer", func(r *sessionctx.Resolver, _ *gated) { r.Invalidate("demoshop", "C100") }, 1},
		{"all at once, many times", func(r *sessionctx.Resolver, g *gated) {
			for range 1000 {
				g.sink.InvalidateAll()
				r.Invalidate("demoshop", "")
				r.Invalidate("demoshop", "C100")
			}
		}, 3},
	}
	for _, tc := range flushes {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &gated{Store: &memstore.Store{}, Static: demoshop()}
				r := newResolver(t, func(c *sessionctx.Config) { c.Store, c.Directory, c.Timeout = g, g, time.Hour })
				for i := range sessions {
					update(t, r, by(fmt.Sprint("s", i), "C100"), sessionctx.Patch{CartID: sessionctx.Set(fmt.Sprint(i))})
				}
				openStore, openDirectory := make(chan struct{}), make(chan struct{})
				g.records.holdBy(until(openStore))
				g.answers.holdBy(until(openDirectory))
				loads, sites, customers := g.loads.Load(), g.sites.Load(), g.customers.Load()
				tc.flush(r, g)
				synctest.Wait() // all questions that the flush starts are under way
				close(openDirectory)
				var herd sync.WaitGroup
				for i := range sessions * readers {
					herd.Go(func() {
						s, err := r.Resolve(t.Context(), by(fmt.Sprint("s", i%sessions), "C100"))
						assert.NoError(t, err)
						assert.Equal(t, fmt.Sprint(i%sessions), s.CartID)
						assert.Equal(t, "GBP", s.Currency)
					})
				}
				synctest.Wait() // all readers that need the store wait for it
				close(openStore)
				herd.Wait()
				assert.LessOrEqual(t, g.loads.Load()-loads, int64(sessions+1), "the sessions and their customer")
				assert.LessOrEqual(t, g.sites.Load()-sites, tc.questions)
				assert.LessOrEqual(t, g.customers.Load()-customers, tc.questions)
			})
		})
	}
}

// crowded is a directory that knows one tenant, and says of others what it is told to say.
type crowded struct {
	sessionctx.Static
	other error
}

func (d crowded) Sites(ctx context.Context, tenant string) ([]defaults.Site, error) {
	if _, ok := d.Static[tenant]; !ok {
		return nil, d.other
	}
	return d.Static.Sites(ctx, tenant)
}

func (d crowded) Customer(ctx context.Context, tenant, id string) (defaults.Customer, error) {
	if strings.HasPrefix(id, "x") {
		return defaults.Customer{}, d.other
	}
	return d.Static.Customer(ctx, tenant, id)
}

// Names that somebody makes up, one a request, fill neither memory nor log, even if the directory
// only says that it failed.
func TestThreat_MadeUpNames(t *testing.T) {
	names := 10_000
	if raceEnabled {
		names = 1000
	}
	for _, other := range []error{sessionctx.ErrUnknownTenant, errors.New("HTTP 404")} {
		t.Run(other.Error(), func(t *testing.T) {
			var lines atomic.Int64
			logger := slog.New(slog.NewTextHandler(writer(func(b []byte) { lines.Add(int64(bytes.Count(b, []byte("\n")))) }), nil))
			r := newResolver(t, func(c *sessionctx.Config) {
				c.Directory, c.Logger, c.CacheBytes = crowded{demoshop(), other}, logger, 1<<20
				c.Timeout = time.Minute // on a busy machine, too, the last profile comes in time
			})
			round := func(from, n int) {
				for i := range n {
					req := cookie("")
					req.Tenant = fmt.Sprintf("t%d", from+i+100)
					_, err := r.Resolve(t.Context(), req)
					assert.Error(t, err)
					if i%2 == 0 {
						_, _ = r.Resolve(t.Context(), by("s1", fmt.Sprint("x", from+i)))
					}
				}
			}
			round(0, names)
			before := liveHeap()
			round(names, names)
			heapFallsBelow(t, before+3<<19, "after %d made-up names", names)
			assert.Less(t, lines.Load(), int64(100), "lines of the log")
			assert.Equal(t, "GBP", resolve(t, r, by("annas", "C100")).Currency)
		})
	}
}

type writer func([]byte)

func (w writer) Write(b []byte) (int, error) {
	w(b)
	return len(b), nil
}
