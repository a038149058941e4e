package boltstore_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/boltstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

const benchWriters = 32

// shopper returns a record such as a shop writes.
func shopper(version int64) store.Record {
	at := time.Now().UTC().Truncate(time.Millisecond)
	return store.Record{
		Tenant: "acme", Incarnation: 1, Version: version, WriteID: rand.Uint64(), CustomerID: "C00012345", Carts: []store.Cart{{ID: "61079711ce0eb908"}},
		Choices:    defaults.Choices{Site: "main", Currency: "EUR", Country: "DE", Language: "de"},
		Attributes: []store.Attribute{{Name: "lastSeen", Value: json.RawMessage(`["lamp","mug","teapot"]`), Changed: version}},
		CreatedAt:  at, ModifiedAt: at, ExpiresAt: at.Add(time.Hour),
	}
}

// together runs n calls of f, shared by the writers, and returns how long they took.
func together(n int, f func(writer, i int)) time.Duration {
	var next atomic.Int64
	var wg sync.WaitGroup
	begin := time.Now()
	for w := range benchWriters {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				f(w, int(i))
			}
		})
	}
	wg.Wait()
	return time.Since(begin)
}

// BenchmarkSave compares a Save at 32 goroutines with bbolt's own Batch of the same bytes, in turns
// in the same run: as bbolt comes, and with the window of 2 ms that suits it best here. Each
// goroutine writes a session of its own again and again.
func BenchmarkSave(b *testing.B) {
	s := fresh(b)
	value, err := shopper(1).MarshalBinary()
	require.NoError(b, err)
	value = append(make([]byte, 5), value...) // schema and checksum
	asItComes, tuned := bare(b), bare(b)
	tuned.MaxBatchDelay = 2 * time.Millisecond
	var versions [benchWriters]int64

	saves := func(n int) time.Duration {
		return together(n, func(w, _ int) {
			rec, base := shopper(versions[w]+1), store.Revision{}
			if versions[w] > 0 {
				base = store.Revision{Incarnation: 1, Version: versions[w]}
			}
			if _, err := s.Save(context.Background(), session(fmt.Sprint("s", w)), rec, base); err != nil {
				b.Error(err)
			}
			versions[w]++
		})
	}
	batches := func(db *bbolt.DB, n int) time.Duration {
		return together(n, func(w, i int) {
			h := session(fmt.Sprint("s", w)).Hash()
			v := binary.BigEndian.AppendUint64(value[:len(value)-8:len(value)-8], uint64(i))
			err := db.Batch(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("records")).Put(h[:], v) })
			if err != nil {
				b.Error(err)
			}
		})
	}
	var ours, theirs, best time.Duration
	b.ResetTimer()
	const turn = 16 * benchWriters
	for done := 0; done < b.N; done += turn {
		n := min(turn, b.N-done)
		ours += saves(n)
		theirs += batches(asItComes, n)
		best += batches(tuned, n)
	}
	perOp := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(b.N) }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(perOp(ours), "us/Save")
	b.ReportMetric(perOp(theirs), "us/Batch")
	b.ReportMetric(perOp(best), "us/Batch2ms")
	b.ReportMetric(float64(ours)/float64(theirs), "Save/Batch")
	b.ReportMetric(float64(ours)/float64(best), "Save/Batch2ms")
}

// bare returns a bbolt file as it comes.
func bare(b *testing.B) *bbolt.DB {
	db, err := bbolt.Open(filepath.Join(b.TempDir(), "bare.db"), 0o600, nil)
	require.NoError(b, err)
	b.Cleanup(func() { _ = db.Close() })
	require.NoError(b, db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket([]byte("records"))
		return err
	}))
	return db
}

// BenchmarkSaveAlone is the time of one write that nobody shares: two fsyncs.
func BenchmarkSaveAlone(b *testing.B) {
	s := fresh(b)
	rec := shopper(1)
	save(b, s, session("s"), rec, store.Revision{})
	for b.Loop() {
		base := rec.Revision()
		rec.Version++
		save(b, s, session("s"), rec, base)
	}
}

// filled returns a Store with that many sessions, and its file.
func filled(b *testing.B, n int) string {
	path := filepath.Join(b.TempDir(), "sessions.db")
	s := open(b, path)
	together(n, func(_, i int) {
		rec := shopper(1)
		rec.CustomerID = "" // a guest's
		if _, err := s.Save(context.Background(), session(fmt.Sprint("s", i)), rec, store.Revision{}); err != nil {
			b.Error(err)
		}
	})
	require.NoError(b, s.Close())
	return path
}

// read has all processors read one of 10,000 sessions again and again, in the way that reader
// returns.
func read(b *testing.B, reader func(s *boltstore.Store) func(store.Key) (version int64, err error)) {
	const n = 10_000
	s := open(b, filled(b, n))
	version := reader(s)
	keys := make([]store.Key, n)
	for i := range keys {
		keys[i] = session(fmt.Sprint("s", i+1))
	}
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if v, err := version(keys[rand.IntN(n)]); err != nil || v != 1 {
				b.Error("no record", err)
			}
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	read(b, func(s *boltstore.Store) func(store.Key) (int64, error) {
		return func(key store.Key) (int64, error) {
			rec, err := s.Load(b.Context(), key)
			return rec.Version, err
		}
	})
}

// BenchmarkResolveCold is the same read through a Resolver that may reuse nothing.
func BenchmarkResolveCold(b *testing.B) {
	read(b, func(s *boltstore.Store) func(store.Key) (int64, error) {
		shop := sessionctx.Static{"acme": {Sites: []defaults.Site{{Code: "main", Default: true, Currency: "EUR", Country: "DE", Language: "de"}}}}
		r, err := sessionctx.New(sessionctx.Config{Store: s, Directory: shop, Logger: slog.New(slog.DiscardHandler)})
		require.NoError(b, err)
		b.Cleanup(func() { require.NoError(b, r.Close()) })
		return func(key store.Key) (int64, error) {
			id := sessionctx.Identity{Tenant: key.Tenant, SessionID: key.ID, Proof: sessionctx.Asserted}
			got, err := r.Resolve(b.Context(), sessionctx.Request{Identity: id, Fresh: true})
			return got.Version, err
		}
	})
}

// BenchmarkOpen reads the whole file.
func BenchmarkOpen(b *testing.B) {
	const n = 10_000
	path := filled(b, n)
	var size int64
	for b.Loop() {
		s := open(b, path)
		size = s.Stats().Bytes
		require.NoError(b, s.Close())
	}
	b.ReportMetric(float64(size)/n, "B/record")
	b.SetBytes(size)
}
