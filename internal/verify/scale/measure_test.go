package scale_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/internal/verify/scale"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/store"
)

const prefix = "session:demoshop:"

// key is a key as a shared store has it: a prefix and a hash of 43 characters.
func key(i int) string {
	h := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))
	return prefix + base64.RawURLEncoding.EncodeToString(h[:])
}

// value is a usual shopper's record at a version, after a header of 8 bytes that says the version.
func value(t testing.TB, i int, version int64) string {
	now := time.Now().UTC().Truncate(time.Millisecond)
	rec := store.Record{
		Tenant: "demoshop", Incarnation: uint64(i) + 1, Version: version, WriteID: 1 << 60, Secret: true, CustomerID: fmt.Sprintf("C%08d", i),
		Choices: defaults.Choices{Site: "main", Currency: "CHF", Country: "AT", Language: "de"}, Carts: []store.Cart{{ID: fmt.Sprintf("%024x", i)}},
		CreatedAt: now, ModifiedAt: now, ExpiresAt: now.Add(time.Hour),
	}
	b, err := rec.MarshalBinary()
	require.NoError(t, err)
	return string(binary.BigEndian.AppendUint64(nil, uint64(version))) + string(b)
}

// compareAndSet compares header and incarnation, as text, and sets value and expiry.
var compareAndSet = rueidis.NewLuaScript(`
local v = redis.call('GET', KEYS[1])
if not v or string.sub(v, 1, 8) ~= ARGV[1] or string.sub(v, 11, 18) ~= ARGV[2] then
	return v
end
redis.call('SET', KEYS[1], ARGV[3], 'PXAT', ARGV[4])
return 1`)

// more is n, and ten times as much in the long setting.
func more(n int) int {
	if os.Getenv("EVENTS") != "" {
		return 10 * n
	}
	return n
}

func connect(t testing.TB, s *redisserver.Server) rueidis.Client {
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.Addr()}, DisableCache: true, ForceSingleClient: true, PipelineMultiplex: -1})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// info returns the sum of some numbers of the server's INFO.
func info(t testing.TB, s *redisserver.Server, names ...string) (sum float64) {
	t.Helper()
	found := 0
	for line := range strings.Lines(s.Do(t, "INFO", "all")) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), ":")
		for _, n := range names {
			if n == name {
				x, err := strconv.ParseFloat(text, 64)
				require.NoError(t, err)
				sum += x
				found++
			}
		}
	}
	require.Equal(t, len(names), found)
	return sum
}

func serverCPU(t testing.TB, s *redisserver.Server) float64 {
	return info(t, s, "used_cpu_user", "used_cpu_sys")
}

func network(t testing.TB, s *redisserver.Server) float64 {
	return info(t, s, "total_net_input_bytes", "total_net_output_bytes")
}

// ownCPU returns the CPU time of this process in seconds.
func ownCPU(t testing.TB) float64 {
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// slope returns by how much y grows with x, by least squares.
func slope(x, y []float64) float64 {
	var mx, my, xy, xx float64
	for i := range x {
		mx, my = mx+x[i]/float64(len(x)), my+y[i]/float64(len(y))
	}
	for i := range x {
		xy, xx = xy+(x[i]-mx)*(y[i]-my), xx+(x[i]-mx)*(x[i]-mx)
	}
	return xy / xx
}

func measureServer(t *testing.T, c *scale.Constants) {
	s := redisserver.Start(t)
	const processes, callers = 16, 64
	var clients []rueidis.Client
	for range processes {
		clients = append(clients, connect(t, s))
	}
	// crowd calls do with the numbers below n, as the callers of many processes would: one call after the other in each.
	crowd := func(n int, do func(ctx context.Context, c rueidis.Client, i int) error) {
		var all sync.WaitGroup
		var failed atomic.Value
		for w := range callers {
			all.Go(func() {
				for i := w; i < n; i += callers {
					if err := do(t.Context(), clients[w%processes], i); err != nil {
						failed.Store(err)
						return
					}
				}
			})
		}
		all.Wait()
		require.Nil(t, failed.Load())
	}

	const keys = 100_000 // a little below what Redis's tables double at
	before := info(t, s, "used_memory")
	crowd(keys, func(ctx context.Context, c rueidis.Client, i int) error {
		return c.Do(ctx, c.B().Set().Key(key(i)).Value(value(t, i, 1)).Px(time.Hour).Build()).Error()
	})
	c.KeyBytes = (info(t, s, "used_memory") - before) / keys
	c.ValueBytes = float64(len(value(t, 1, 1)))
	fmt.Printf("MEMORY USAGE of one key: %s\n", s.Do(t, "MEMORY", "USAGE", key(1)))

	// each measures what n calls cost.
	each := func(n int, do func(ctx context.Context, c rueidis.Client, i int) error) (cpu, bytes float64) {
		cpuBefore, bytesBefore := serverCPU(t, s), network(t, s)
		crowd(n, do)
		return (serverCPU(t, s) - cpuBefore) / float64(n), (network(t, s) - bytesBefore) / float64(n)
	}
	c.GetCPU, c.GetNetwork = each(keys, func(ctx context.Context, c rueidis.Client, i int) error {
		return c.Do(ctx, c.B().Get().Key(key(i)).Build()).Error()
	})
	writes := more(5_000)
	until := strconv.FormatInt(time.Now().Add(time.Hour).UnixMilli(), 10)
	c.WriteCPU, c.WriteNetwork = each(writes, func(ctx context.Context, c rueidis.Client, i int) error {
		old, next := value(t, i, 1), value(t, i, 2)
		done, err := compareAndSet.Exec(ctx, c, []string{key(i)}, []string{old[:8], old[10:18], next, until}).AsInt64()
		if err == nil && done != 1 {
			err = fmt.Errorf("key %d was not as it should be", i)
		}
		return err
	})

	measureMessages(t, s, clients[0], c)
	measureReceipt(t, s, clients[0], c)
}

// listen opens a tracking connection that reads whatever comes, and counts the bytes.
func listen(t testing.TB, s *redisserver.Server, tracking string) (conn net.Conn, got *atomic.Int64) {
	conn, err := net.Dial("tcp", s.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	_, err = fmt.Fprintf(conn, "HELLO 3\r\n%s\r\nECHO ready\r\n", tracking)
	require.NoError(t, err)
	r := bufio.NewReader(conn)
	for {
		line, err := r.ReadString('\n')
		require.NoError(t, err)
		require.False(t, strings.HasPrefix(line, "-"), line)
		if line == "ready\r\n" {
			break
		}
	}
	got = new(atomic.Int64)
	go func() {
		io.Copy(writerFunc(func(b []byte) (int, error) {
			got.Add(int64(len(b)))
			return len(b), nil
		}), r)
	}()
	return conn, got
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

const broadcast = "CLIENT TRACKING ON BCAST PREFIX " + prefix

// measureMessages takes the slope of the server's work over the number of connections that it tells.
func measureMessages(t *testing.T, s *redisserver.Server, client rueidis.Client, c *scale.Constants) {
	const crowd = 50 // they are read at once
	writes := more(200)
	set := func(i int) rueidis.Completed {
		return client.B().Set().Key(key(i)).Value(value(t, i, 1)).Px(time.Hour).Build()
	}
	var listeners, alone, bytes, batched []float64
	var conns []net.Conn
	for _, n := range []int{0, 10, 50, 200} {
		for len(conns) < n {
			conn, _ := listen(t, s, broadcast)
			conns = append(conns, conn)
		}
		cpu, out := serverCPU(t, s), info(t, s, "total_net_output_bytes")
		for i := range writes {
			require.NoError(t, client.Do(t.Context(), set(i)).Error())
		}
		alone = append(alone, (serverCPU(t, s)-cpu)/float64(writes))
		bytes = append(bytes, (info(t, s, "total_net_output_bytes")-out)/float64(writes))
		cpu = serverCPU(t, s)
		for first := 0; first < 10*writes; first += crowd {
			var cmds rueidis.Commands
			for i := range crowd {
				cmds = append(cmds, set(first+i))
			}
			for _, r := range client.DoMulti(t.Context(), cmds...) {
				require.NoError(t, r.Error())
			}
		}
		batched = append(batched, (serverCPU(t, s)-cpu)/float64(10*writes))
		listeners = append(listeners, float64(n))
	}
	for _, conn := range conns {
		conn.Close()
	}
	c.MessageCPU, c.MessageNetwork, c.BatchedMessageCPU = slope(listeners, alone), slope(listeners, bytes), slope(listeners, batched)
	fmt.Printf("server, CPU of a write with %v listeners: %.3g s alone, %.3g s in crowds of %d\n", listeners, alone, batched, crowd)
}

// measureReceipt takes the slope of this process's work over the number of its own tracking clients.
func measureReceipt(t *testing.T, s *redisserver.Server, client rueidis.Client, c *scale.Constants) {
	writes := more(300)
	var received atomic.Int64
	var clients, cpus []float64
	there := 0
	for _, n := range []int{0, 10, 20} {
		for ; there < n; there++ {
			tracking, err := rueidis.NewClient(rueidis.ClientOption{
				InitAddress: []string{s.Addr()}, ForceSingleClient: true, PipelineMultiplex: -1,
				ClientTrackingOptions: []string{"PREFIX", prefix, "BCAST"},
				OnInvalidations:       func(m []rueidis.RedisMessage) { received.Add(int64(len(m))) },
			})
			require.NoError(t, err)
			t.Cleanup(tracking.Close)
			require.NoError(t, tracking.Do(t.Context(), tracking.B().Ping().Build()).Error())
		}
		received.Store(0)
		cpu := ownCPU(t)
		for i := range writes {
			require.NoError(t, client.Do(t.Context(), client.B().Set().Key(key(i)).Value("x").Px(time.Hour).Build()).Error())
		}
		await(t, func() bool { return received.Load() == int64(n*writes) })
		cpus, clients = append(cpus, (ownCPU(t)-cpu)/float64(writes)), append(clients, float64(n))
	}
	c.ReceiveCPU = slope(clients, cpus)
	fmt.Printf("process, CPU of a write heard by %v clients: %.3g s\n", clients, cpus)
}

func await(t testing.TB, done func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for late := time.After(time.Minute); !done(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("nothing more comes")
		}
	}
}

func measureTrackingByKey(t *testing.T, c *scale.Constants) {
	s := redisserver.Start(t)
	client := connect(t, s)
	keys := more(5_000)
	for i := range keys {
		require.NoError(t, client.Do(t.Context(), client.B().Set().Key(key(i)).Value("x").Build()).Error())
	}
	var readers, memory []float64
	for n := range 5 {
		if n > 0 {
			conn, got := listen(t, s, "CLIENT TRACKING ON")
			for i := range keys {
				_, err := fmt.Fprintf(conn, "GET %s\r\n", key(i))
				require.NoError(t, err)
			}
			await(t, func() bool { return got.Load() == int64(keys*len("$1\r\nx\r\n")) })
			require.EqualValues(t, keys, info(t, s, "tracking_total_keys"))
		}
		readers, memory = append(readers, float64(n)), append(memory, info(t, s, "used_memory")/float64(keys))
	}
	c.TrackedKeyBytes, c.TrackedReaderBytes = memory[1]-memory[0], slope(readers[1:], memory[1:])
	fmt.Printf("server, memory for a key read by %v connections: %.0f B\n", readers, memory)
}

// filled is a store that has a record under every key.
type filled struct{}

func (filled) Load(_ context.Context, key store.Key) (store.Record, error) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	return store.Record{
		Tenant: key.Tenant, Incarnation: 1, Version: 1, Choices: defaults.Choices{Currency: "CHF"}, Carts: []store.Cart{{ID: key.ID[:24]}},
		CreatedAt: now, ModifiedAt: now, ExpiresAt: now.Add(24 * time.Hour),
	}, nil
}

func (filled) Save(context.Context, store.Key, store.Record, sessionctx.Revision) (store.Record, error) {
	return store.Record{}, sessionctx.ErrUnavailable
}

func (filled) Watch(sink store.Sink) func() {
	sink.Exclusive()
	return func() {}
}

// measureProcess compares a process that has many sessions in its near-cache with one that has none.
func measureProcess(t *testing.T, c *scale.Constants) {
	const sessions, collections = 50_000, 5
	measure := func() (heap, mark float64) {
		runtime.GC()
		runtime.GC()
		before := ownCPU(t)
		for range collections {
			runtime.GC()
		}
		mark = (ownCPU(t) - before) / collections
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc), mark
	}
	heap, mark := measure()
	r := newResolver(t, filled{}, 56<<20)
	for range 3 { // what the cache does not take in at once it takes in later
		for i := range sessions {
			_, err := r.Resolve(t.Context(), sessionctx.Request{Identity: sessionctx.Identity{Tenant: tenant(0), SessionID: key(i)[len(prefix):], Proof: sessionctx.Asserted}})
			require.NoError(t, err)
		}
	}
	was := r.Stats().Loads
	for i := range sessions {
		_, err := r.Resolve(t.Context(), sessionctx.Request{Identity: sessionctx.Identity{Tenant: tenant(0), SessionID: key(i)[len(prefix):], Proof: sessionctx.Asserted}})
		require.NoError(t, err)
	}
	cached := float64(sessions - (r.Stats().Loads - was))
	require.Greater(t, cached, 0.9*sessions)
	fullHeap, fullMark := measure()
	c.EntryHeap, c.MarkCPU = (fullHeap-heap)/cached, (fullMark-mark)/cached
	runtime.KeepAlive(r)
}

// machine names what the measurements were made on.
func machine() string {
	model := runtime.GOARCH
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, after, ok := strings.Cut(string(text), "model name\t: "); ok {
			model, _, _ = strings.Cut(after, "\n")
		}
	}
	server := "no redis-server"
	if out, err := exec.Command("redis-server", "--version").Output(); err == nil {
		if f := strings.Fields(string(out)); len(f) > 2 {
			server = "Redis " + strings.TrimPrefix(f[2], "v=")
		}
	}
	return fmt.Sprintf("%s, %d cores, %s, %s", model, runtime.NumCPU(), server, runtime.Version())
}
