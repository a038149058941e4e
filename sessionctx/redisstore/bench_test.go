package redisstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/sessionctx/redisstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

const benchRecords = 10_000

// goroutines is the number for each core: 32 on two cores.
const goroutines = 16

// filled returns a store with records, and their keys.
func filled(b *testing.B) (*redisserver.Server, *redisstore.Store, []store.Key) {
	server := redisserver.Start(b)
	backend := open(b, server)
	keys := make([]store.Key, benchRecords)
	for i := range keys {
		key, rec := aRecord()
		_, err := backend.Save(context.Background(), key, rec, store.Revision{})
		require.NoError(b, err)
		keys[i] = key
	}
	return server, backend, keys
}

// parallel runs do on 32 goroutines, with random numbers below benchRecords.
func parallel(b *testing.B, do func(i int) error) {
	var failed atomic.Pointer[error]
	b.SetParallelism(goroutines)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := do(rand.IntN(benchRecords)); err != nil {
				failed.Store(&err)
			}
		}
	})
	b.StopTimer()
	if err := failed.Load(); err != nil {
		b.Fatal(*err)
	}
}

// BenchmarkBareGet is what the client takes alone.
func BenchmarkBareGet(b *testing.B) {
	server, _, _ := filled(b)
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{server.Addr()}, DisableCache: true})
	require.NoError(b, err)
	defer client.Close()
	names, err := client.Do(context.Background(), client.B().Keys().Pattern("*").Build()).AsStrSlice()
	require.NoError(b, err)
	parallel(b, func(i int) error {
		_, err := client.Do(context.Background(), client.B().Get().Key(names[i]).Build()).AsBytes()
		return err
	})
}

// BenchmarkLoad is the same read through the Store.
func BenchmarkLoad(b *testing.B) {
	_, backend, keys := filled(b)
	parallel(b, func(i int) error {
		rec, err := backend.Load(context.Background(), keys[i])
		if err == nil && rec.Version != 1 {
			err = fmt.Errorf("version %d", rec.Version)
		}
		return err
	})
}

// BenchmarkResolveCold is the same read through a Resolver that may reuse nothing.
func BenchmarkResolveCold(b *testing.B) {
	_, backend, keys := filled(b)
	r := resolver(b, backend)
	parallel(b, func(i int) error {
		req := request(keys[i].ID)
		req.Fresh = true
		s, err := r.Resolve(context.Background(), req)
		if err == nil && s.Version != 1 {
			err = fmt.Errorf("version %d", s.Version)
		}
		return err
	})
}

// BenchmarkSave is a compare and set: one round trip.
func BenchmarkSave(b *testing.B) {
	_, backend, _ := filled(b)
	parallel(b, func(int) error {
		key, rec := aRecord()
		_, err := backend.Save(context.Background(), key, rec, store.Revision{})
		return err
	})
}
