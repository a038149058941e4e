package pace_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/internal/verify/pace"
	"github.com/sessionctx/storefront/internal/verify/tables"
	"github.com/sessionctx/storefront/middleware/rest"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/boltstore"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/redisstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// stores are those with which cold reads and writes are measured. open returns an empty one each time, which ends with the test; where
// there is no server for one, it skips.
var stores = []struct {
	desc string
	open func(testing.TB) store.Store
}{
	{"memstore", func(testing.TB) store.Store { return &memstore.Store{MaxBytes: -1} }},
	{"boltstore", func(t testing.TB) store.Store {
		s, err := boltstore.Open(filepath.Join(t.TempDir(), "sessions"))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		return s
	}},
	{"redisstore", func(t testing.TB) store.Store {
		s, err := redisstore.New(redisstore.Config{
			Client: rueidis.ClientOption{InitAddress: []string{redisserver.Start(t).Addr()}}, Logger: slog.New(slog.DiscardHandler),
			Lease: 10 * time.Second, // what is warm stays so, though the machine stands still for a moment
		})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		return s
	}},
}

// TestColdReadsAndWritesBesideTheStoreItself says what the resolver and the HTTP interface add to what the store costs by itself.
func TestColdReadsAndWritesBesideTheStoreItself(t *testing.T) {
	var rows [][]string
	for _, s := range stores {
		t.Run(s.desc, func(t *testing.T) {
			backend := s.open(t)
			r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
			ids := secretIDs(t, r, pace.Sessions(t))
			other := copyOf(t, s.open(t), backend, ids)
			for _, n := range []int{1, crowd} {
				read := pace.Compare(t, n, resolvingCold(r, ids), loading(backend, ids))
				write := pace.Compare(t, n, patching(t, r, ids), saving(other, ids))
				rows = append(rows,
					read.Row(s.desc+": cold Resolve, "+on(n), 1, pace.Goal{}),
					write.Row(s.desc+": PATCH, "+on(n), 1, pace.Goal{}),
				)
			}
		})
	}
	tables.Write(t, "pace-cold", pace.Header, rows...)
}

// TestColdReadsFromRedisBesideTheBareClient asks for the same records in three ways, on as many goroutines as a busy server has.
func TestColdReadsFromRedisBesideTheBareClient(t *testing.T) {
	server := redisserver.Start(t)
	client := rueidis.ClientOption{InitAddress: []string{server.Addr()}, DisableCache: true}
	backend, err := redisstore.New(redisstore.Config{Client: client, Logger: slog.New(slog.DiscardHandler), Lease: 10 * time.Second})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, backend.Close()) })
	bare, err := rueidis.NewClient(client)
	require.NoError(t, err)
	t.Cleanup(bare.Close)
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
	small := newResolver(t, func(c *sessionctx.Config) { c.Store, c.CacheBytes = backend, 1<<20 })
	ids := secretIDs(t, r, pace.Sessions(t))
	names, err := bare.Do(t.Context(), bare.B().Keys().Pattern("*").Build()).AsStrSlice()
	require.NoError(t, err)
	require.Len(t, names, len(ids))
	get := walk("GET of the bare client", len(names), func(int) func(int) bool {
		return func(i int) bool {
			value, err := bare.Do(context.Background(), bare.B().Get().Key(names[i]).Build()).AsBytes()
			return err == nil && len(value) > 0
		}
	})
	goal := pace.AtMost(1 / 0.85) // 85 % of its throughput
	load := pace.Compare(t, crowd, loading(backend, ids), get)
	fresh := pace.Compare(t, crowd, resolvingCold(r, ids), get)
	missed := pace.Compare(t, crowd, resolving("Resolve", small, len(ids), func(i int) sessionctx.Request { return bySecret(ids[i]) }), get)
	tables.Write(t, "pace-redis", pace.Header,
		load.Row("Store.Load, "+on(crowd), 1, goal),
		fresh.Row("Resolve, Fresh, "+on(crowd), 1, goal),
		missed.Row("Resolve, hardly anything fits into the cache, "+on(crowd), 1, goal),
	)
}

// TestAWarmResolveCostsTheSameWithEveryStore compares each store with memory. A lease that ends is held against the clock.
func TestAWarmResolveCostsTheSameWithEveryStore(t *testing.T) {
	all := newShoppers(pace.Sessions(t))
	way := func(i int) pace.Way {
		s := stores[i]
		r := newResolver(t, func(c *sessionctx.Config) { c.Store = s.open(t) })
		t.Cleanup(warm(t, r, len(all.keys), all.request))
		return resolving(s.desc, r, len(all.keys), all.request)
	}
	memory := way(0)
	var rows [][]string
	for i := 1; i < len(stores); i++ {
		with := way(i)
		for _, n := range goroutines() {
			rows = append(rows, pace.Compare(t, n, with, memory).Row("warm Resolve over "+stores[i].desc+", "+on(n), 1, pace.Goal{}))
		}
	}
	tables.Write(t, "pace-stores", pace.Header, rows...)
}

func sessionKey(id string) store.Key {
	return store.Key{Tenant: tenant, Kind: store.KindSession, ID: id}
}

// copyOf fills a store with the records of another, for writes that its resolver is not to see.
func copyOf(t testing.TB, dst, src store.Store, ids []string) store.Store {
	t.Helper()
	inCrowd(len(ids), func(i int) {
		key := sessionKey(ids[i])
		rec, err := src.Load(t.Context(), key)
		if assert.NoError(t, err) {
			_, err = dst.Save(t.Context(), key, rec, sessionctx.Revision{})
			assert.NoError(t, err)
		}
	})
	return dst
}

// resolvingCold has each Resolve ask the store, as one does whose session is not in the cache.
func resolvingCold(r *sessionctx.Resolver, ids []string) pace.Way {
	return resolving("Resolve", r, len(ids), func(i int) sessionctx.Request {
		req := bySecret(ids[i])
		req.Fresh = true
		return req
	})
}

func loading(backend store.Store, ids []string) pace.Way {
	return walk("Store.Load", len(ids), func(int) func(int) bool {
		return func(i int) bool {
			rec, err := backend.Load(context.Background(), sessionKey(ids[i]))
			return err == nil && rec.Choices.Currency != ""
		}
	})
}

// saving reads a record and writes it back changed: the least that a write costs which must not lose another one.
func saving(backend store.Store, ids []string) pace.Way {
	return walk("Store.Load and Save", len(ids), func(int) func(int) bool {
		return func(i int) bool {
			key := sessionKey(ids[i])
			rec, err := backend.Load(context.Background(), key)
			if err != nil {
				return false
			}
			for { // until nobody else of the crowd has been quicker
				next := rec
				next.Version++
				if rec, err = backend.Save(context.Background(), key, next, rec.Revision()); !errors.Is(err, sessionctx.ErrConflict) {
					return err == nil
				}
			}
		}
	})
}

// patching sends PATCH requests through the HTTP interface, without the network.
func patching(t testing.TB, r *sessionctx.Resolver, ids []string) pace.Way {
	t.Helper()
	h, err := rest.New(rest.Config{Resolver: r, Middleware: newMiddleware(t, r)})
	require.NoError(t, err)
	lines := headerLines(cookieName+"=", ids)
	bodies := [2]string{`{"currency":"GBP"}`, `{"currency":"CHF"}`}
	return walk("PATCH", len(ids), func(int) func(int) bool {
		v := newVisitor(http.MethodPatch, "/session-context/"+tenant+"/me/context", http.Header{"Content-Type": {"application/json"}})
		turn := 0
		return func(i int) bool {
			body := bodies[turn%2]
			turn++
			v.blank.Body, v.blank.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
			v.visit(h, "Cookie", lines[i])
			return v.w.status == http.StatusNoContent
		}
	})
}
