package nearcache

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// The tests run in a bubble: there synctest.Wait returns when ristretto has worked off its queue,
// and the clocks stand still until everybody waits.

const (
	tenant  = "acme"
	timeout = 2 * time.Second
)

// memory is a store whose loads a test can hold back.
type memory struct {
	mu      sync.Mutex
	records map[store.Key]store.Record
	held    map[store.Key]chan struct{} // the next load of the key waits for it, with what it has read
	err     error
	loads   int
}

func (m *memory) load(_ context.Context, key store.Key) (store.Record, error) {
	m.mu.Lock()
	m.loads++
	rec, err := m.records[key], m.err
	hold := m.held[key]
	delete(m.held, key)
	m.mu.Unlock()
	if hold != nil {
		<-hold
	}
	return rec, err
}

// write is a write of another process: the cache hears nothing of it.
func (m *memory) write(key store.Key, rec store.Record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records[key] = rec
}

// hold makes the next load of key wait, after it has read the record, until release is called.
func (m *memory) hold(key store.Key) (release func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := make(chan struct{})
	m.held[key] = c
	return func() { close(c); synctest.Wait() }
}

func (m *memory) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.loads
}

// world is a cache in front of a memory.
type world struct {
	*Cache[string]
	*memory
	t    *testing.T
	wall atomic.Int64 // how far the wall clock has been moved
}

// newWorld returns a world whose store is written by this process alone, unless configure says
// otherwise.
func newWorld(t *testing.T, configure ...func(*Config[string])) *world {
	t.Helper()
	w := &world{t: t, memory: &memory{records: map[store.Key]store.Record{}, held: map[store.Key]chan struct{}{}}}
	cfg := Config[string]{
		Load: w.memory.load, Timeout: timeout, MaxStale: -1,
		SessionBytes: 7 << 20 / 12, CustomerBytes: 3 << 20 / 12, StampBytes: 1 << 20 / 12,
		Cost: func(s string) int64 { return int64(len(s)) }, Spawn: func(f func()) { go f() },
	}
	for _, c := range configure {
		c(&cfg)
	}
	var err error
	w.Cache, err = New(cfg)
	require.NoError(t, err)
	t.Cleanup(w.Close)
	w.clock = newClockOf(w.clock.mono, func() time.Time { return time.Now().Add(time.Duration(w.wall.Load())) })
	if len(configure) == 0 {
		w.Exclusive()
	}
	return w
}

// unwatched configures a store that tells of nothing.
func unwatched(maxStale time.Duration) func(*Config[string]) {
	return func(cfg *Config[string]) { cfg.MaxStale = maxStale }
}

// leased configures a store that grants leases.
func leased(cfg *Config[string]) { cfg.MaxStale = -1 }

func sessionKey(id string) *Key { return &Key{Tenant: tenant, ID: id} }

func customerKey(id string) store.Key {
	return store.Key{Tenant: tenant, Kind: store.KindCustomer, ID: id}
}

func version(v int64) store.Record {
	return store.Record{Tenant: tenant, Incarnation: 1, First: 1, Version: v}
}

func (w *world) advance(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) get(k *Key, want Want) (*Entry[string], error) {
	return w.Get(w.t.Context(), k, w.Hash(k), want)
}

// version returns the version that a plain read finds, 0 if there is no record.
func (w *world) version(k *Key) int64 {
	w.t.Helper()
	e, err := w.get(k, Want{})
	require.NoError(w.t, err)
	rec := e.Record()
	return rec.Version
}

// loadsOf returns how often f makes the cache ask the store.
func (w *world) loadsOf(f func()) int {
	before := w.count()
	f()
	return w.count() - before
}

// result is what a read found.
type result struct {
	version int64
	err     error
}

// start begins a read on a goroutine of its own.
func (w *world) start(k *Key, want Want) chan result {
	c := make(chan result, 1)
	go func() {
		e, err := w.get(k, want)
		if err != nil {
			c <- result{err: err}
			return
		}
		rec := e.Record()
		c <- result{version: rec.Version}
	}()
	synctest.Wait()
	return c
}

// begin counts a write in.
func (w *world) begin(k *Key) *Write[string] {
	w.t.Helper()
	write, err := w.BeginWrite(*k)
	require.NoError(w.t, err)
	return write
}

// store is a write of this process.
func (w *world) store(k *Key, rec store.Record) {
	w.t.Helper()
	write := w.begin(k)
	start := w.Now()
	w.write(k.Store(), rec)
	write.Stored(&rec, start)
	write.End()
}

// reports tells the cache of a write of another process.
func (w *world) reports(k store.Key) { w.Invalidate(k.Hash()) }

// otherStripe returns a key of another stripe than k.
func (w *world) otherStripe(k *Key) *Key {
	for i := 0; ; i++ {
		if other := sessionKey(fmt.Sprintf("other-%d", i)); w.StripeOf(other.Store()) != w.StripeOf(k.Store()) {
			return other
		}
	}
}

// fill caches the record of k, resolved, and lets ristretto show it.
func (w *world) fill(k *Key) {
	w.t.Helper()
	e, err := w.get(k, Want{})
	require.NoError(w.t, err)
	w.Keep(w.Hash(k), e.With("resolved"))
	synctest.Wait()
}

func (w *world) found(k *Key) bool {
	e, _ := w.Lookup(k, w.Hash(k))
	return e != nil
}

var errStore = errors.New("the store is down")

func bubble(t *testing.T, f func(t *testing.T)) { synctest.Test(t, f) }

func TestWorld_FillsAndFinds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		k := sessionKey("s1")
		w.write(k.Store(), version(7))
		assert.False(t, w.found(k))
		w.fill(k)
		e, now := w.Lookup(k, w.Hash(k))
		require.NotNil(t, e)
		assert.Positive(t, now)
		assert.Equal(t, "resolved", e.Resolved)
		assert.Equal(t, *k, e.Key())
		assert.Equal(t, version(7), e.Record())
		assert.Zero(t, w.loadsOf(func() { assert.EqualValues(t, 7, w.version(k)) }))
		assert.NotNil(t, w.Peek(*k))
	})
}
