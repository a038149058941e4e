package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/internal/sinktest"
	"github.com/sessionctx/storefront/sessionctx/redisstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// ended makes a tombstone.
func ended(rec store.Record) store.Record {
	return store.Record{
		Tenant: rec.Tenant, Incarnation: rec.Incarnation, First: rec.First, Version: rec.Version + 1, WriteID: rand.Uint64(),
		Ended: true, CreatedAt: rec.CreatedAt, ModifiedAt: rec.ModifiedAt, ExpiresAt: rec.ExpiresAt,
	}
}

// saved stores a record of a customer and returns its key and itself, as change makes them.
func saved(t *testing.T, s *redisstore.Store, customerID string, change ...func(*store.Key, *store.Record)) (store.Key, store.Record) {
	t.Helper()
	key, rec := aRecord()
	rec.CustomerID = customerID
	for _, c := range change {
		c(&key, &rec)
	}
	_, err := s.Save(t.Context(), key, rec, store.Revision{})
	require.NoError(t, err)
	return key, rec
}

func loaded(t *testing.T, s *redisstore.Store, key store.Key) store.Record {
	t.Helper()
	rec, err := s.Load(t.Context(), key)
	require.NoError(t, err)
	return rec
}

func TestErase_ReplacesSessionsOfCustomerAndNothingElse(t *testing.T) {
	server := redisserver.Start(t)
	s := open(t, server)
	others := make(map[store.Key]store.Record)
	for _, tc := range []struct {
		desc, customerID string
		change           func(*store.Key, *store.Record)
	}{
		{"an anonymous session", "", func(*store.Key, *store.Record) {}},
		{"a session of another customer", "C2", func(*store.Key, *store.Record) {}},
		{"a session of a customer with a longer id", "C11", func(*store.Key, *store.Record) {}},
		{"a tombstone", "C1", func(_ *store.Key, rec *store.Record) { rec.Ended = true }},
		{"a session of another tenant", "C1", func(key *store.Key, rec *store.Record) { key.Tenant, rec.Tenant = "acmeshop", "acmeshop" }},
		{"a session of a tenant that continues like a key", "C1", func(key *store.Key, rec *store.Record) {
			key.Tenant, rec.Tenant = tenant+":s:x", tenant+":s:x"
		}},
		{"the record of the customer", "C1", func(key *store.Key, _ *store.Record) { key.Kind, key.ID = store.KindCustomer, "C1" }},
		{"a record of a kind of the future", "C1", func(key *store.Key, _ *store.Record) { key.Kind++; key.Kind++ }},
	} {
		key, rec := saved(t, s, tc.customerID, tc.change)
		others[key] = rec
	}
	sessions := make(map[store.Key]store.Record)
	for range 700 {
		key, rec := saved(t, s, "C1")
		sessions[key] = rec
	}
	var sink sinktest.Sink
	defer s.Watch(&sink)()
	eventually(t, sink.Leased, "the lease")
	early := sink.All() // messages of the writes above may still come; last is after them
	last, _ := saved(t, s, "")
	eventually(t, func() bool { return sink.Reports(last) == 1 }, "the last message")
	early = sink.All()

	n, err := s.Erase(t.Context(), tenant, "C1", ended)
	require.NoError(t, err)
	assert.Equal(t, len(sessions), n)
	for key, rec := range sessions {
		got := loaded(t, s, key)
		require.True(t, got.Ended)
		require.Empty(t, got.CustomerID)
		require.Equal(t, rec.Version+1, got.Version)
		require.Equal(t, rec.ExpiresAt, got.ExpiresAt)
	}
	for key, rec := range others {
		assert.Equal(t, rec, loaded(t, s, key))
	}
	eventually(t, func() bool { return sink.All() == early+2*len(sessions) }, "a report of Erase and a message of the server for each")
	assert.Zero(t, calls(t, server, "keys"))

	n, err = s.Erase(t.Context(), tenant, "C1", ended)
	require.NoError(t, err)
	assert.Zero(t, n, "tombstones are left alone")
	assert.Equal(t, early+2*len(sessions), sink.All())
}

// The invalidation connection receives nothing here, as if the messages were late.
func TestErase_ReportsToOwnSinksBeforeItReturns(t *testing.T) {
	var held sync.RWMutex
	server := redisserver.Start(t)
	s := open(t, server, hold(1, &held))
	var early sinktest.Sink
	defer s.Watch(&early)()
	var keys []store.Key
	for range 3 {
		key, _ := saved(t, s, "C1")
		keys = append(keys, key)
	}
	other, _ := saved(t, s, "C2")
	eventually(t, func() bool { return early.Reports(other) == 1 }, "the messages of these writes")
	held.Lock()
	defer held.Unlock()
	var sink sinktest.Sink
	defer s.Watch(&sink)()
	tries := 0
	n, err := s.Erase(t.Context(), tenant, "C1", func(rec store.Record) store.Record {
		if tries++; tries == 3 {
			server.Do(t, "CONFIG", "SET", "maxmemory", "1")
		}
		return ended(rec)
	})
	require.ErrorIs(t, err, store.ErrFull)
	assert.Equal(t, 2, n)
	for _, key := range keys {
		assert.Equal(t, 1, sink.Reports(key))
	}
	assert.Zero(t, sink.Reports(other))
	assert.Zero(t, sink.Losses())
}

func TestErase_NeedsCustomer(t *testing.T) {
	s := open(t, redisserver.Start(t))
	key, rec := saved(t, s, "")
	_, err := s.Erase(t.Context(), tenant, "", ended)
	require.ErrorContains(t, err, `customer id "": must not be empty`)
	assert.Equal(t, rec, loaded(t, s, key))
}

func TestErase_RefusesATombstoneThatIsNone(t *testing.T) {
	s := open(t, redisserver.Start(t))
	key, rec := saved(t, s, "C1")
	for _, tc := range []struct {
		desc      string
		tombstone func(store.Record) store.Record
	}{
		{"not ended", func(r store.Record) store.Record { r.Version++; return r }},
		{"the same revision", func(r store.Record) store.Record { r.Ended = true; return r }},
		{"no record", func(store.Record) store.Record { return store.Record{Ended: true} }},
	} {
		n, err := s.Erase(t.Context(), key.Tenant, "C1", tc.tombstone)
		require.ErrorContains(t, err, "redisstore: erase: tombstone must return a record with Ended and another revision", tc.desc)
		assert.Zero(t, n, tc.desc)
		assert.Equal(t, rec, loaded(t, s, key), tc.desc)
	}
}

func TestErase_StaysInsidePrefix(t *testing.T) {
	server := redisserver.Start(t)
	for _, tc := range []struct{ desc, prefix, other string }{
		{"star", "a*:", "axx:"},
		{"question mark", "b?:", "bx:"},
		{"class", "c[xy]:", "cx:"},
		{"backslash", `d\x:`, "dx:"},
		{"caret and dash", "^-a:", "-a:"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			s := open(t, server, func(cfg *redisstore.Config) { cfg.Prefix = tc.prefix })
			other := open(t, server, func(cfg *redisstore.Config) { cfg.Prefix = tc.other })
			key, _ := saved(t, s, "C1")
			theirs, rec := saved(t, other, "C1")
			n, err := s.Erase(t.Context(), tenant, "C1", ended)
			require.NoError(t, err)
			assert.Equal(t, 1, n)
			assert.True(t, loaded(t, s, key).Ended)
			assert.Equal(t, rec, loaded(t, other, theirs))
		})
	}
}

func TestErase_LooksAgainAfterConflict(t *testing.T) {
	for _, tc := range []struct {
		desc   string
		change func(*store.Record) // by another writer, between the read and the write of Erase
		erased bool
	}{
		{"changed", func(rec *store.Record) { rec.Choices.Currency = "GBP" }, true},
		{"another customer's", func(rec *store.Record) { rec.CustomerID = "C2" }, false},
		{"ended", func(rec *store.Record) { *rec = ended(*rec); rec.Version-- }, false},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			s := open(t, redisserver.Start(t))
			key, rec := saved(t, s, "C1")
			next := rec
			tc.change(&next)
			next.Version++
			tries := 0
			n, err := s.Erase(t.Context(), tenant, "C1", func(rec store.Record) store.Record {
				if tries++; tries == 1 {
					_, err := s.Save(t.Context(), key, next, rec.Revision())
					require.NoError(t, err)
				}
				return ended(rec)
			})
			require.NoError(t, err)
			got := loaded(t, s, key)
			if tc.erased {
				assert.Equal(t, 1, n)
				assert.Equal(t, 2, tries)
				assert.True(t, got.Ended)
				assert.Equal(t, next.Version+1, got.Version)
				return
			}
			assert.Zero(t, n)
			assert.Equal(t, 1, tries)
			assert.Equal(t, next, got)
		})
	}
}

func TestErase_IgnoresSessionThatExpiresMeanwhile(t *testing.T) {
	server := redisserver.Start(t)
	s := open(t, server)
	key, _ := saved(t, s, "C1")
	n, err := s.Erase(t.Context(), tenant, "C1", func(rec store.Record) store.Record {
		server.Do(t, "FLUSHALL")
		return ended(rec)
	})
	require.NoError(t, err)
	assert.Zero(t, n)
	assert.Zero(t, loaded(t, s, key), "nothing is created")
}

// The server moves its keys to a larger table while they are scanned.
func TestErase_FindsEverySessionWhileKeysAreAdded(t *testing.T) {
	s := open(t, redisserver.Start(t))
	var keys []store.Key
	for range 900 {
		key, _ := saved(t, s, "C1")
		keys = append(keys, key)
	}
	var adding sync.WaitGroup
	stop := make(chan struct{})
	for range 8 {
		adding.Go(func() {
			for range 4000 {
				select {
				case <-stop:
					return
				default:
				}
				key, rec := aRecord()
				_, err := s.Save(t.Context(), key, rec, store.Revision{})
				assert.NoError(t, err)
			}
		})
	}
	n, err := s.Erase(t.Context(), tenant, "C1", ended)
	close(stop)
	adding.Wait()
	require.NoError(t, err)
	assert.Equal(t, len(keys), n)
	for _, key := range keys {
		require.True(t, loaded(t, s, key).Ended)
	}
}

// A server that was restarted gives its keys in another order: a cursor from before skips some of
// them.
func TestErase_FindsEverySessionThoughServerRestarts(t *testing.T) {
	server := redisserver.Start(t, "--appendonly", "yes")
	s := open(t, server)
	var keys []store.Key
	for range 2000 {
		key, _ := saved(t, s, "C1")
		keys = append(keys, key)
	}
	seen := 0
	n, err := s.Erase(t.Context(), tenant, "C1", func(rec store.Record) store.Record {
		if seen++; seen == 700 { // on the third page
			server.Restart(t)
			eventually(t, func() bool { _, err := s.Load(t.Context(), keys[0]); return err == nil }, "the server")
		}
		return ended(rec)
	})
	require.NoError(t, err)
	assert.Equal(t, len(keys), n)
	for _, key := range keys {
		require.True(t, loaded(t, s, key).Ended)
	}
}

func TestErase_ReturnsWhatWasReplacedWhenItFails(t *testing.T) {
	server := redisserver.Start(t)
	s := open(t, server)
	for range 10 {
		saved(t, s, "customer-1")
	}
	count := func() (tombstones int) {
		for _, name := range strings.Fields(server.Do(t, "KEYS", "*")) {
			if !strings.Contains(server.Do(t, "GET", name), "customer-1") {
				tombstones++
			}
		}
		return tombstones
	}
	t.Run("context ends", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		seen := 0
		n, err := s.Erase(ctx, tenant, "customer-1", func(rec store.Record) store.Record {
			if seen++; seen == 4 {
				cancel()
			}
			return ended(rec)
		})
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, 4, seen)
		eventually(t, func() bool { return s.Saving() == 0 }, "the last write")
		assert.Contains(t, []int{3, 4}, n, "the outcome of the last one may be unknown")
		assert.GreaterOrEqual(t, count(), n)
	})
	t.Run("server is full", func(t *testing.T) {
		left := 10 - count()
		server.Do(t, "CONFIG", "SET", "maxmemory", "1")
		n, err := s.Erase(t.Context(), tenant, "customer-1", ended)
		require.ErrorIs(t, err, store.ErrFull)
		assert.Zero(t, n)
		server.Do(t, "CONFIG", "SET", "maxmemory", "0")
		n, err = s.Erase(t.Context(), tenant, "customer-1", ended)
		require.NoError(t, err)
		assert.Equal(t, left, n, "called again")
	})
	t.Run("context has ended", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		before := calls(t, server, "scan")
		_, err := s.Erase(ctx, tenant, "customer-1", ended)
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, before, calls(t, server, "scan"))
	})
}

// The context ends while the second page is asked for.
func TestErase_StopsBetweenPages(t *testing.T) {
	server := redisserver.Start(t)
	s := open(t, server)
	for range 1000 {
		saved(t, s, "customer-1")
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	before := calls(t, server, "scan")
	seen := 0
	_, err := s.Erase(ctx, tenant, "customer-1", func(rec store.Record) store.Record {
		if seen++; seen == 200 {
			cancel()
		}
		return ended(rec)
	})
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 200, seen)
	assert.Equal(t, 1, calls(t, server, "scan")-before, "one page of several")
}

func TestErase_SkipsInvalidValueAndSaysSo(t *testing.T) {
	for _, tc := range []struct{ desc, value string }{
		{"empty", ""},
		{"arbitrary bytes", strings.Repeat("C1", 100)},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			server := redisserver.Start(t)
			s := open(t, server)
			saved(t, s, "customer-1")
			name := newest(t, server)
			for range 400 {
				saved(t, s, "customer-1")
			}
			server.Do(t, "SET", name, tc.value)
			n, err := s.Erase(t.Context(), tenant, "customer-1", ended)
			require.ErrorContains(t, err, "not a valid record")
			assert.False(t, errors.Is(err, store.ErrUnavailable), "to call again does not help")
			assert.Equal(t, 400, n, "all others are replaced")
			assert.Equal(t, tc.value, server.Do(t, "GET", name))
		})
	}
}

func BenchmarkErase(b *testing.B) {
	_, backend, _ := filled(b)
	b.ReportAllocs()
	for b.Loop() {
		if n, err := backend.Erase(context.Background(), tenant, "C1", ended); n != 0 || err != nil {
			b.Fatal(fmt.Sprint(n, " ", err))
		}
	}
}
