package scale

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// info returns the sum of some numbers of the server's INFO.
func info(t *testing.T, s *redisserver.Server, names ...string) (sum float64) {
	t.Helper()
	for line := range strings.Lines(s.Do(t, "INFO", "all")) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), ":")
		for _, n := range names {
			if n == name {
				x, err := strconv.ParseFloat(text, 64)
				require.NoError(t, err)
				sum += x
			}
		}
	}
	return sum
}

// TestCost_OfTheServer measures what a read, a write and a message cost the one core of Redis, by
// redisstore itself. KEYS says of how many sessions.
func TestCost_OfTheServer(t *testing.T) {
	const listeners = 50
	keys := evidence.Number(t, "KEYS", 5_000)
	server := redisserver.Start(t)
	backend := evidence.Redis(t, server.Addr(), time.Minute)
	key := func(i int) store.Key { return store.Key{Tenant: evidence.Tenant, ID: fmt.Sprint("s", i)} }
	record := func(i int, version int64) store.Record {
		now := time.Now().UTC().Truncate(time.Millisecond)
		return store.Record{
			Tenant: evidence.Tenant, Incarnation: uint64(i) + 1, Version: version, WriteID: 1 << 60, CustomerID: fmt.Sprintf("C%08d", i),
			Choices: defaults.Choices{Site: "main", Currency: "CHF", Country: "AT", Language: "de"}, Carts: []store.Cart{{ID: fmt.Sprintf("%024x", i)}},
			CreatedAt: now, ModifiedAt: now, ExpiresAt: now.Add(time.Hour),
		}
	}
	// each returns what a call costs, in seconds of the server and in bytes both ways.
	each := func(callers int, do func(ctx context.Context, i int) error) (cpu, bytes float64) {
		measure := func() (float64, float64) {
			return info(t, server, "used_cpu_user", "used_cpu_sys"), info(t, server, "total_net_input_bytes", "total_net_output_bytes")
		}
		cpu0, bytes0 := measure()
		var wg sync.WaitGroup
		for w := range callers {
			wg.Go(func() {
				for i := w; i < keys; i += callers {
					if !assert.NoError(t, do(t.Context(), i)) {
						return
					}
				}
			})
		}
		wg.Wait()
		cpu1, bytes1 := measure()
		return (cpu1 - cpu0) / float64(keys), (bytes1 - bytes0) / float64(keys)
	}
	save := func(version int64) func(context.Context, int) error {
		return func(ctx context.Context, i int) error {
			last := record(i, version-1)
			base := last.Revision()
			if version == 1 {
				base = store.Revision{}
			}
			_, err := backend.Save(ctx, key(i), record(i, version), base)
			return err
		}
	}
	before := info(t, server, "used_memory")
	each(32, save(1))
	bytes := (info(t, server, "used_memory") - before) / float64(keys)
	get, getBytes := each(32, func(ctx context.Context, i int) error {
		_, err := backend.Load(ctx, key(i))
		return err
	})
	write, writeBytes := each(32, save(2))
	alone, aloneBytes := each(1, save(3))
	for range listeners { // as other processes do
		conn, err := net.Dial("tcp", server.Addr())
		require.NoError(t, err)
		t.Cleanup(func() { conn.Close() })
		_, err = io.WriteString(conn, "HELLO 3\r\nCLIENT TRACKING ON BCAST\r\n")
		require.NoError(t, err)
		go io.Copy(io.Discard, conn)
	}
	told, toldBytes := each(1, save(4))
	row := func(what string, cpu, bytes, recorded float64) []string {
		return []string{what, fmt.Sprintf("%.3g µs", cpu*1e6), fmt.Sprintf("%.0f", bytes), fmt.Sprintf("%.3g µs", recorded*1e6)}
	}
	assert.Positive(t, bytes)
	assert.Greater(t, toldBytes, aloneBytes, "the listeners are told")
	evidence.Table(t, "scale-constants", []string{"what", "of the server's core", "bytes both ways", "in use"},
		row("a GET", get, getBytes, getCPU), row("a compare-and-set", write, writeBytes, writeCPU),
		row("a message to one process, sent alone", (told-alone)/listeners, (toldBytes-aloneBytes)/listeners, messageCPU),
		[]string{"a session, key and expiry included", "", fmt.Sprintf("%.0f of memory", bytes), ""},
	)
}
