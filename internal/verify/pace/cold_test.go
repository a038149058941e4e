package pace

import (
	"context"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/middleware/rest"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/boltstore"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// stores are those with which cold reads and writes are measured. open returns an empty one each
// time, which ends with the test; where there is no server for one, it skips.
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
		// What is warm stays so, though the machine stands still for a moment.
		return evidence.Redis(t, redisserver.Start(t).Addr(), 10*time.Second)
	}},
}

// TestCold_ReadsAndWritesBesideTheStoreItself says what the resolver and the HTTP interface add to
// what the store costs by itself.
func TestCold_ReadsAndWritesBesideTheStoreItself(t *testing.T) {
	var rows [][]string
	for _, s := range stores {
		t.Run(s.desc, func(t *testing.T) {
			backend := s.open(t)
			r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
			ids := secretIDs(t, r, numSessions(t))
			half := len(ids) / 2 // what is written below the resolver it must not have in its cache
			for _, n := range []int{1, crowd} {
				read := Compare(t, n, resolvingCold(r, ids), loading(backend, ids))
				write := Compare(t, n, patching(t, r, ids[:half]), saving(backend, ids[half:]))
				rows = append(rows,
					read.Row(s.desc+": cold Resolve, "+on(n), 1, Goal{}),
					write.Row(s.desc+": PATCH, "+on(n), 1, Goal{}),
				)
			}
		})
	}
	evidence.Table(t, "pace-cold", Header, rows...)
}

func sessionKey(id string) store.Key {
	return store.Key{Tenant: tenant, Kind: store.KindSession, ID: id}
}

// resolvingCold has each Resolve ask the store, as one does whose session is not in the cache.
func resolvingCold(r *sessionctx.Resolver, ids []string) Way {
	return resolving("Resolve", r, len(ids), func(i int) sessionctx.Request {
		req := evidence.BySecret(ids[i])
		req.Fresh = true
		return req
	})
}

func loading(backend store.Store, ids []string) Way {
	return walk("Store.Load", len(ids), func(int) func(int) bool {
		return func(i int) bool {
			rec, err := backend.Load(context.Background(), sessionKey(ids[i]))
			return err == nil && rec.Choices.Currency != ""
		}
	})
}

// saving reads a record and writes it back changed: the least that a write costs which must not
// lose another one.
func saving(backend store.Store, ids []string) Way {
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
func patching(t testing.TB, r *sessionctx.Resolver, ids []string) Way {
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
