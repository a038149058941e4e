package redisstore_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

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

// cpu returns how long the server has worked.
func cpu(b *testing.B, server *redisserver.Server) (used time.Duration) {
	for line := range strings.Lines(server.Do(b, "INFO", "cpu")) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "used_cpu_user" || name == "used_cpu_sys" {
			seconds, err := time.ParseDuration(text + "s")
			require.NoError(b, err)
			used += seconds
		}
	}
	return used
}

// parallel runs do on 32 goroutines, with random numbers below benchRecords. It also reports what a
// call costs the server, of its one core.
func parallel(b *testing.B, server *redisserver.Server, do func(i int) error) {
	var failed atomic.Pointer[error]
	b.SetParallelism(goroutines)
	b.ReportAllocs()
	before := cpu(b, server)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := do(rand.IntN(benchRecords)); err != nil {
				failed.Store(&err)
			}
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(cpu(b, server)-before)/float64(b.N), "server-ns/op")
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
	parallel(b, server, func(i int) error {
		_, err := client.Do(context.Background(), client.B().Get().Key(names[i]).Build()).AsBytes()
		return err
	})
}

// BenchmarkLoad is the same read through the Store.
func BenchmarkLoad(b *testing.B) {
	server, backend, keys := filled(b)
	parallel(b, server, func(i int) error {
		rec, err := backend.Load(context.Background(), keys[i])
		if err == nil && rec.Version != 1 {
			err = fmt.Errorf("version %d", rec.Version)
		}
		return err
	})
}

// BenchmarkResolveCold is the same read through a Resolver that may reuse nothing.
func BenchmarkResolveCold(b *testing.B) {
	server, backend, keys := filled(b)
	r := resolver(b, backend)
	parallel(b, server, func(i int) error {
		req := request(keys[i].ID)
		req.Fresh = true
		s, err := r.Resolve(context.Background(), req)
		if err == nil && s.Version != 1 {
			err = fmt.Errorf("version %d", s.Version)
		}
		return err
	})
}

// BenchmarkSave is a compare-and-set: one round trip.
func BenchmarkSave(b *testing.B) { saves(b, 0) }

// BenchmarkSaveTold is the same while the server tells 50 other processes of each write.
func BenchmarkSaveTold(b *testing.B) { saves(b, 50) }

func saves(b *testing.B, listeners int) {
	server, backend, _ := filled(b)
	for range listeners {
		conn, err := net.Dial("tcp", server.Addr())
		require.NoError(b, err)
		b.Cleanup(func() { conn.Close() })
		_, err = io.WriteString(conn, "HELLO 3\r\nCLIENT TRACKING ON BCAST\r\n")
		require.NoError(b, err)
		go io.Copy(io.Discard, conn)
	}
	parallel(b, server, func(int) error {
		key, rec := aRecord()
		_, err := backend.Save(context.Background(), key, rec, store.Revision{})
		return err
	})
}
