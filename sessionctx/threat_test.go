package sessionctx_test

import (
	"bytes"
	"context"
	"encoding/json"
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
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// Two names that somebody could take for one must be two, in the cache, the store and what is sent about them.
func TestThreatKeyAmbiguity(t *testing.T) {
	type name struct{ tenant, session, customer string }
	names := []name{
		{"abc", "dxyz", ""}, {"abcd", "xyz", ""}, // together the same text
		{"s1p1x", "same", ""}, {"s2p1x", "same", ""}, // one hash in the near-cache, which takes of a tenant a few letters only
		{"abc", "a", ""}, {"abc", "A", ""}, {"abc", "a ", ""}, {"abc", " a", ""}, {"abc", "a\x00", ""}, {"abc", "a\x00b", ""},
		{"abc", "a/b", ""}, {"abc", "a%2Fb", ""}, {"abc", "a:b", ""}, {"abc", "..", ""}, {"abc", "*", ""},
		{"abc", "\u00e9", ""}, {"abc", "e\u0301", ""}, // one to the eye
		{"abc", strings.Repeat("x", 256), ""}, {"abc", strings.Repeat("x", 255), ""}, {"abc", strings.Repeat("x", 47), ""}, {"abc", strings.Repeat("x", 48), ""},
		{"abc", "anna", "bob"}, {"abc", "bob", "anna"}, {"abcd", "anna", "bob"}, // sessions called like customers
	}
	directory := sessionctx.Static{}
	for _, tenant := range []string{"abc", "abcd", "s1p1x", "s2p1x"} {
		directory[tenant] = sessionctx.StaticTenant{Sites: []defaults.Site{{Code: "main", Default: true, Currency: "EUR", Country: "DE", Language: "de"}}}
	}
	r := newResolver(t, func(c *sessionctx.Config) { c.Directory = directory })
	request := func(n name) sessionctx.Request {
		return sessionctx.Request{Identity: sessionctx.Identity{Tenant: n.tenant, SessionID: n.session, CustomerID: n.customer}}
	}
	hashes := make(map[sessionctx.KeyHash]string)
	for i, n := range names {
		update(t, r, request(n), sessionctx.Patch{CartID: sessionctx.Set(fmt.Sprint("cart-", i))})
		for _, k := range []sessionctx.Key{{Tenant: n.tenant, ID: n.session}, {Tenant: n.tenant, Kind: sessionctx.KindCustomer, ID: n.session}} {
			assert.Empty(t, hashes[k.Hash()], "%q shares a hash", k)
			hashes[k.Hash()] = fmt.Sprintf("%q", k)
		}
	}
	for i, n := range names {
		for j, m := range names {
			if j%2 == i%2 && n.tenant == m.tenant {
				continue // half of them are enough
			}
			warm(t, r, request(m)) // now it is m that lies where n is looked for, if they could be taken for one
			s := resolve(t, r, request(n))
			assert.Equal(t, fmt.Sprint("cart-", i), s.CartID, "%q", n)
			assert.EqualValues(t, 1, s.Version, "%q", n)
			assert.Equal(t, n, name{s.Tenant, s.ID, s.CustomerID})
		}
	}
	require.NoError(t, r.EndAll(t.Context(), "abc", "anna"), "the customer anna, and not the session of that name")
	assert.Equal(t, "bob", resolve(t, r, request(name{"abc", "anna", "bob"})).CustomerID)
	_, err := r.Resolve(t.Context(), request(name{"abc", "bob", "anna"}))
	assert.ErrorIs(t, err, sessionctx.ErrNotFound)
}

// warm resolves a session until it is answered from the cache.
func warm(t *testing.T, r *sessionctx.Resolver, req sessionctx.Request) {
	t.Helper()
	for before, limit := r.Stats().Hits, time.Now().Add(time.Minute); r.Stats().Hits == before; {
		resolve(t, r, req)
		require.True(t, time.Now().Before(limit), "it never comes from the cache")
	}
}

// twisted is a store that changes what it has stored: a broken disk, a bug, somebody who can write to it.
type twisted struct {
	*memstore.Store
	twist func(sessionctx.Record) (sessionctx.Record, error)
}

func (s *twisted) Load(ctx context.Context, key sessionctx.Key) (sessionctx.Record, error) {
	rec, err := s.Store.Load(ctx, key)
	if s.twist != nil && key.ID == "annas" && rec.Incarnation != 0 {
		return s.twist(rec)
	}
	return rec, err
}

// A store that returns rubbish harms the session whose record it is, and nobody else.
func TestThreatCorruptStore(t *testing.T) {
	anna, bob := by("annas", "C100"), by("bobs", "C101")
	garbage := strings.Repeat("\x00\xff<&", 1<<16)
	with := func(change func(*sessionctx.Record)) func(sessionctx.Record) (sessionctx.Record, error) {
		return func(rec sessionctx.Record) (sessionctx.Record, error) {
			change(&rec)
			return rec, nil
		}
	}
	cases := []struct {
		desc  string
		twist func(sessionctx.Record) (sessionctx.Record, error)
	}{
		{"the record of another tenant", with(func(r *sessionctx.Record) { r.Tenant, r.CartID = "othershop", "foreign" })},
		{"the record of another customer", with(func(r *sessionctx.Record) { r.CustomerID, r.CartID = "C101", "foreign" })},
		{"the record of a secret session", with(func(r *sessionctx.Record) { r.Secret, r.CartID = true, "foreign" })},
		{"bytes that are no record", func(r sessionctx.Record) (sessionctx.Record, error) {
			b, err := r.MarshalBinary()
			require.NoError(t, err)
			b[len(b)/2] ^= 0xff
			err = r.UnmarshalBinary(b[:len(b)-1])
			require.Error(t, err)
			return sessionctx.Record{}, err
		}},
		{"a record and an error", func(r sessionctx.Record) (sessionctx.Record, error) {
			r.CartID = "foreign"
			return r, errDown
		}},
		{"choices that are rubbish", with(func(r *sessionctx.Record) {
			r.Choices = defaults.Choices{Site: garbage, Currency: garbage, Country: garbage, Language: garbage}
		})},
		{"attributes that are no JSON", with(func(r *sessionctx.Record) {
			r.Attributes = []sessionctx.Attribute{{Name: "z", Value: json.RawMessage(garbage)}, {Name: "a", Value: nil}, {Name: "a"}}
		})},
		{"a negative version", with(func(r *sessionctx.Record) { r.Version = -7 })},
		{"a version 0", with(func(r *sessionctx.Record) { r.Version = 0 })},
		{"the last version", with(func(r *sessionctx.Record) { r.Version = 1<<63 - 1 })},
		{"changes of the future", with(func(r *sessionctx.Record) { r.Changed[0], r.Removed = 1<<62, 1<<62 })},
		{"another generation", with(func(r *sessionctx.Record) { r.Generation = -1 })},
		{"a time long ago", with(func(r *sessionctx.Record) { r.ExpiresAt = time.UnixMilli(0) })},
		{"times that are none", with(func(r *sessionctx.Record) {
			r.CreatedAt, r.ExpiresAt = time.Unix(1<<62, 0), time.Unix(1<<62, 0)
		})},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			store := &twisted{Store: &memstore.Store{}}
			writer := newResolver(t, func(c *sessionctx.Config) { c.Store = store.Store })
			update(t, writer, anna, sessionctx.Patch{CartID: sessionctx.Set("annas-cart"), Attributes: attributes("a", "1")})
			update(t, writer, bob, sessionctx.Patch{CartID: sessionctx.Set("bobs-cart")})

			store.twist = tc.twist
			r := newResolver(t, func(c *sessionctx.Config) { c.Store = store })
			for range 3 {
				s, err := r.Resolve(t.Context(), anna)
				if err != nil {
					assert.True(t, errors.Is(err, sessionctx.ErrNotFound) || errors.Is(err, sessionctx.ErrUnavailable), "%v", err)
				} else {
					assert.Contains(t, []string{"", "annas-cart"}, s.CartID, "nothing foreign")
					assert.Equal(t, "GBP AT en C100", strings.Join([]string{s.Currency, s.Country, s.Language, s.CustomerID}, " "), "values of the shop, and anna's own")
				}
				assert.Equal(t, "bobs-cart", resolve(t, r, bob).CartID, "bob does not notice")
			}
			for _, p := range []sessionctx.Patch{
				{Currency: sessionctx.Set("USD")}, {Currency: sessionctx.Clear, Version: 1}, {Attributes: attributes("a", "null")}, {ReplaceAttributes: true},
			} {
				_, _ = r.Update(t.Context(), anna, p) // it may fail; it does not panic
				_, _ = r.Preview(t.Context(), anna, p)
			}
			update(t, r, bob, sessionctx.Patch{Currency: sessionctx.Set("USD")})
		})
	}
}

// storm is a shared store between whose news a test can send more.
type storm struct {
	*memstore.Store
	sinks []sessionctx.Sink
	loads atomic.Int64
}

func (s *storm) Load(ctx context.Context, key sessionctx.Key) (sessionctx.Record, error) {
	s.loads.Add(1)
	return s.Store.Load(ctx, key)
}

func (s *storm) Watch(sink sessionctx.Sink) (stop func()) {
	s.sinks = append(s.sinks, sink)
	return s.Store.Watch(sink)
}

// News that never end cost reloads: no reader fails or starves, none sees an old value, and when they end the cache is warm again.
func TestThreatInvalidationStorm(t *testing.T) {
	store := &storm{Store: &memstore.Store{}}
	reader, writer := newResolver(t, func(c *sessionctx.Config) { c.Store = store }), newResolver(t, func(c *sessionctx.Config) { c.Store = store })
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
				for _, sink := range store.sinks {
					switch rng.IntN(20) {
					case 0:
						sink.Lost()
					case 1:
						sink.Lease(time.Now())
					default:
						sink.Invalidate(sessionctx.Key{Tenant: "demoshop", ID: fmt.Sprint("s", rng.IntN(2*sessions))}.Hash())
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
		before := store.loads.Load()
		for i := range sessions {
			resolve(t, reader, by(fmt.Sprint("s", i)))
		}
		return store.loads.Load() == before
	}, time.Minute, time.Millisecond, "the cache is warm again")
}

// gated is a store that counts loads and answers them when open is closed, and a directory that counts questions.
type gated struct {
	*memstore.Store
	sessionctx.Static
	loads, sites, customers atomic.Int64
	open                    atomic.Pointer[chan struct{}]
	sink                    sessionctx.Sink
}

func (g *gated) Load(ctx context.Context, key sessionctx.Key) (sessionctx.Record, error) {
	g.loads.Add(1)
	if open := g.open.Load(); open != nil {
		<-*open
	}
	return g.Store.Load(ctx, key)
}

func (g *gated) Watch(sink sessionctx.Sink) (stop func()) {
	g.sink = sink
	return g.Store.Watch(sink)
}

func (g *gated) Sites(ctx context.Context, tenant string) ([]defaults.Site, error) {
	g.sites.Add(1)
	return g.Static.Sites(ctx, tenant)
}

func (g *gated) Customer(ctx context.Context, tenant, id string) (defaults.Customer, error) {
	g.customers.Add(1)
	return g.Static.Customer(ctx, tenant, id)
}

// When all that is cached becomes worthless at one moment, store and directory are asked once for each key and not once for each request.
func TestThreatMassFlush(t *testing.T) {
	const sessions, readers = 100, 20
	flushes := []struct {
		desc  string
		flush func(r *sessionctx.Resolver, g *gated)
	}{
		{"the store may have lost messages", func(_ *sessionctx.Resolver, g *gated) { g.sink.Lost() }},
		{"somebody invalidates the tenant", func(r *sessionctx.Resolver, _ *gated) { r.Invalidate("demoshop", "") }},
		{"somebody invalidates the customer", func(r *sessionctx.Resolver, _ *gated) { r.Invalidate("demoshop", "C100") }},
		{"all at once, many times", func(r *sessionctx.Resolver, g *gated) {
			for range 1000 {
				g.sink.Lost()
				r.Invalidate("demoshop", "")
				r.Invalidate("demoshop", "C100")
			}
		}},
	}
	for _, tc := range flushes {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &gated{Store: &memstore.Store{}, Static: demoshop()}
				r := newResolver(t, func(c *sessionctx.Config) { c.Store, c.Directory, c.Timeout = g, g, time.Hour })
				for i := range sessions {
					update(t, r, by(fmt.Sprint("s", i), "C100"), sessionctx.Patch{CartID: sessionctx.Set(fmt.Sprint(i))})
				}
				open := make(chan struct{})
				g.open.Store(&open)
				loads, sites, customers := g.loads.Load(), g.sites.Load(), g.customers.Load()
				tc.flush(r, g)
				var herd sync.WaitGroup
				for i := range sessions * readers {
					herd.Go(func() {
						s, err := r.Resolve(t.Context(), by(fmt.Sprint("s", i%sessions), "C100"))
						assert.NoError(t, err)
						assert.Equal(t, fmt.Sprint(i%sessions), s.CartID)
						assert.Equal(t, "GBP", s.Currency)
					})
				}
				synctest.Wait() // now all of them wait for the store, if they need it
				close(open)
				herd.Wait()
				assert.LessOrEqual(t, g.loads.Load()-loads, int64(sessions+1), "the sessions and their customer")
				assert.LessOrEqual(t, g.sites.Load()-sites, int64(1))
				assert.LessOrEqual(t, g.customers.Load()-customers, int64(1))
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

// Names that somebody makes up, one a request, fill neither memory nor log, even if the directory only says that it failed.
func TestThreatMadeUpNames(t *testing.T) {
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
			after := liveHeap()
			assert.Less(t, after-before, int64(3<<19), "bytes that %d made-up names left", names)
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

// fragile is a store and a directory that panic where they are told to.
type fragile struct {
	*memstore.Store
	sessionctx.Static
	where atomic.Value // of string
}

func (f *fragile) panics(where string) {
	if f.where.Load() == where {
		panic("boom in " + where)
	}
}

func (f *fragile) Load(ctx context.Context, key sessionctx.Key) (sessionctx.Record, error) {
	f.panics("Load")
	return f.Store.Load(ctx, key)
}

func (f *fragile) Save(ctx context.Context, key sessionctx.Key, rec sessionctx.Record, base sessionctx.Revision) (sessionctx.Record, error) {
	f.panics("Save")
	return f.Store.Save(ctx, key, rec, base)
}

func (f *fragile) Sites(ctx context.Context, tenant string) ([]defaults.Site, error) {
	f.panics("Sites")
	return f.Static.Sites(ctx, tenant)
}

func (f *fragile) Customer(ctx context.Context, tenant, id string) (defaults.Customer, error) {
	f.panics("Customer")
	return f.Static.Customer(ctx, tenant, id)
}

// A panic in what the host has plugged in ends neither the process nor the sessions of others, and leaves nothing locked.
func TestThreatPanickingHooks(t *testing.T) {
	cases := []struct {
		where string
		cold  bool // nothing is cached when it happens
		read  func(t *testing.T, s sessionctx.Session, err error)
		write func(t *testing.T, s sessionctx.Session, err error)
	}{
		{where: "Load", cold: true, read: isDegraded, write: isUnavailable},
		{where: "Save", read: isRight, write: isUnavailable},
		{where: "Sites", cold: true, read: func(t *testing.T, _ sessionctx.Session, err error) {
			assert.ErrorIs(t, err, sessionctx.ErrUnavailable)
		}, write: isUnavailable},
		{where: "Sites", read: isRight, write: isRight}, // the last answer stays in force
		{where: "Customer", cold: true, read: isDegraded, write: isUnavailable},
		{where: "Customer", read: isRight, write: isRight},
		{where: "OnChange", read: isRight, write: isRight},
	}
	for _, tc := range cases {
		t.Run(fmt.Sprintf("%s, cold: %v", tc.where, tc.cold), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fragile{Store: &memstore.Store{}, Static: demoshop()}
				f.where.Store("")
				config := func(c *sessionctx.Config) {
					c.Store, c.Directory = f, f
					c.OnChange = func(context.Context, sessionctx.Changed) { f.panics("OnChange") }
				}
				r := newResolver(t, config)
				update(t, r, by("s1", "C100"), sessionctx.Patch{CartID: sessionctx.Set("cart")})
				isRight(t, resolve(t, r, by("s1", "C100")), nil)
				if tc.cold {
					r = newResolver(t, config)
				} else {
					time.Sleep(2 * time.Minute) // what is known of sites and customers is old
				}
				f.where.Store(tc.where)
				for range 3 {
					s, err := r.Resolve(t.Context(), by("s1", "C100"))
					tc.read(t, s, err)
					assert.NotPanics(t, func() {
						s, err := r.Update(t.Context(), by("s1", "C100"), sessionctx.Patch{CartID: sessionctx.Set("cart")})
						tc.write(t, s, err)
					})
				}
				f.where.Store("")
				time.Sleep(2 * time.Second) // a failed question is not repeated at once
				isRight(t, resolve(t, r, by("s1", "C100")), nil)
				isRight(t, update(t, r, by("s1", "C100"), sessionctx.Patch{CartID: sessionctx.Set("cart")}), nil)
			}) // and the resolver closes
		})
	}
	t.Run("Require", func(t *testing.T) {
		r := newResolver(t)
		p := sessionctx.Patch{CartID: sessionctx.Set("cart"), Require: func(sessionctx.Session) error { panic("boom") }}
		assert.Panics(t, func() { _, _ = r.Update(t.Context(), by("s1", "C100"), p) }, "it is the caller's own, on the caller's goroutine")
		p.Require = nil
		isRight(t, update(t, r, by("s1", "C100"), p), nil)
		isRight(t, resolve(t, r, by("s1", "C100")), nil)
	})
}

func isRight(t *testing.T, s sessionctx.Session, err error) {
	t.Helper()
	require.NoError(t, err)
	assert.Equal(t, "cart GBP false", fmt.Sprint(s.CartID, " ", s.Currency, " ", s.Degraded))
}

func isDegraded(t *testing.T, s sessionctx.Session, err error) {
	t.Helper()
	require.NoError(t, err)
	assert.True(t, s.Degraded)
	assert.Empty(t, s.CartID)
}

func isUnavailable(t *testing.T, _ sessionctx.Session, err error) {
	t.Helper()
	assert.ErrorIs(t, err, sessionctx.ErrUnavailable)
}
