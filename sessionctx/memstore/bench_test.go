package memstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

const benchRecords = 100_000

// benchStore returns a store with many sessions, and their keys.
func benchStore(b *testing.B, maxBytes int64) (*memstore.Store, []store.Key) {
	s := &memstore.Store{MaxBytes: maxBytes}
	keys := make([]store.Key, benchRecords)
	for i := range keys {
		keys[i] = session(fmt.Sprintf("62528895-b561-4518-bfdc-%012d", i))
		save(b, s, keys[i], written(expiring(time.Duration(i)*time.Second+time.Hour)), store.Revision{})
	}
	b.ReportAllocs()
	b.ResetTimer()
	return s, keys
}

func BenchmarkLoad(b *testing.B) {
	s, keys := benchStore(b, 0)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if rec, err := s.Load(context.Background(), keys[rand.IntN(len(keys))]); err != nil || rec.Incarnation == 0 {
				b.Error("no record", err)
			}
		}
	})
}

// BenchmarkLoadWhileWriting has one write for every nine loads.
func BenchmarkLoadWhileWriting(b *testing.B) {
	s, keys := benchStore(b, 0)
	b.RunParallel(func(pb *testing.PB) {
		for n := 0; pb.Next(); n++ {
			key := keys[rand.IntN(len(keys))]
			rec, err := s.Load(context.Background(), key)
			if n%10 == 0 && err == nil {
				base := rec.Revision()
				rec.Version++
				_, _ = s.Save(context.Background(), key, rec, base)
			}
		}
	})
}

// BenchmarkCreateAtTheBound lets a session give way with each write: what a flood of new visitors
// costs.
func BenchmarkCreateAtTheBound(b *testing.B) {
	s, _ := benchStore(b, 20<<20)
	for i := 0; b.Loop(); i++ {
		_, err := s.Save(context.Background(), session(fmt.Sprint(i)), written(), store.Revision{})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTouch(b *testing.B) {
	s, keys := benchStore(b, 0)
	rec := written()
	for b.Loop() {
		rec.ExpiresAt = rec.ExpiresAt.Add(time.Second)
		_, err := s.Save(context.Background(), keys[rand.IntN(len(keys))], rec, rec.Revision())
		if err != nil {
			b.Fatal(err)
		}
	}
}
