package directory_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/directory"
)

// newBounded returns a Cache of 1 MiB with answers of 4 KiB, whose source answers at once.
func newBounded(t *testing.T, asked *atomic.Int64) *directory.Cache[string, string] {
	var wg sync.WaitGroup
	s := newShop(t, func(cfg *directory.Config[string, string]) {
		cfg.Ask = func(_ context.Context, key string) (string, error) {
			return fmt.Sprint(key, " ", asked.Add(1)), nil
		}
		cfg.MaxBytes = 1 << 20
		cfg.Cost = func(string, string) int64 { return 4 << 10 }
		cfg.Go = wg.Go
	})
	t.Cleanup(wg.Wait)
	t.Cleanup(s.Close)
	return s.Cache
}

// fill asks for so many keys that most answers are evicted, and waits until they are.
func fill(t *testing.T, c *directory.Cache[string, string]) {
	const keys = 2000
	for i := range keys {
		_, err := c.Get(t.Context(), fmt.Sprint("k", i))
		require.NoError(t, err)
	}
	for {
		known := 0
		for i := range keys {
			if c.Known(fmt.Sprint("k", i)) != nil {
				known++
			}
		}
		if known <= 256 { // 1 MiB / 4 KiB
			return
		}
		runtime.GC() // boundedcache evicts in the background
	}
}

func TestBounded_AnswersAreEvicted(t *testing.T) {
	var asked atomic.Int64
	c := newBounded(t, &asked)
	fill(t, c)
	fill(t, c)
	assert.Greater(t, asked.Load(), int64(2000+1000))
}

func TestBounded_AnswerThatACallerHoldsIsKnown(t *testing.T) {
	var asked atomic.Int64
	c := newBounded(t, &asked)
	var held []*directory.Answer[string]
	key := func(i int) string { return fmt.Sprint("held", i) }
	for i := range 500 { // more than the bound
		a, err := c.Get(t.Context(), key(i))
		require.NoError(t, err)
		held = append(held, a)
	}
	fill(t, c)
	before := asked.Load()
	for i, a := range held {
		b, err := c.Get(t.Context(), key(i))
		require.NoError(t, err)
		require.Same(t, a, b)
	}
	require.Equal(t, before, asked.Load(), "what is held is not asked for again")

	c.InvalidateGroup("k")
	require.False(t, held[0].Superseded())
	c.Invalidate(key(0))
	require.NoError(t, c.Refresh(t.Context(), key(0)))
	require.True(t, held[0].Superseded())
	c.Drop(key(1))
	require.True(t, held[1].Superseded())
	c.InvalidateGroup("h")
	for _, a := range held {
		require.True(t, a.Superseded())
	}
}

func TestBounded_DroppedAnswerLeavesMemory(t *testing.T) {
	var asked atomic.Int64
	c := newBounded(t, &asked)
	a, err := c.Get(t.Context(), "k")
	require.NoError(t, err)
	gone := make(chan struct{})
	runtime.AddCleanup(a, func(gone chan struct{}) { close(gone) }, gone)
	c.Drop("k")
	a = nil
	for range 100 {
		runtime.GC()
		runtime.Gosched()
		select {
		case <-gone:
			return
		default:
		}
	}
	<-gone
	runtime.KeepAlive(a)
}

func TestGet_WarmPathAllocatesNothing(t *testing.T) {
	for _, maxBytes := range []int64{0, 1 << 20} {
		c, a := newWarm(t, maxBytes)
		assert.Zero(t, testing.AllocsPerRun(100, func() { _ = a.Until() }))
		assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = c.Get(t.Context(), "k") }))
		c.Close()
	}
}

func BenchmarkUntil(b *testing.B) {
	c, a := newWarm(b, 0)
	defer c.Close()
	for b.Loop() {
		_ = a.Until()
	}
}

func BenchmarkGet(b *testing.B) {
	for _, maxBytes := range []int64{0, 1 << 20} {
		b.Run(fmt.Sprint("MaxBytes=", maxBytes), func(b *testing.B) {
			c, _ := newWarm(b, maxBytes)
			defer c.Close()
			ctx := b.Context()
			for b.Loop() {
				_, _ = c.Get(ctx, "k")
			}
		})
	}
}

// newWarm returns a Cache that knows the key k.
func newWarm(tb testing.TB, maxBytes int64) (*directory.Cache[string, string], *directory.Answer[string]) {
	c, err := directory.New(directory.Config[string, string]{
		Now:      func() int64 { return 1 },
		Ask:      func(context.Context, string) (string, error) { return "v", nil },
		Equal:    func(a, b string) bool { return a == b },
		Hash:     hash,
		MaxBytes: maxBytes,
		Cost:     func(string, string) int64 { return 1 },
		MaxAge:   maxAge,
		Timeout:  timeout,
		Go:       func(f func()) { go f() },
	})
	require.NoError(tb, err)
	a, err := c.Get(tb.Context(), "k")
	require.NoError(tb, err)
	return c, a
}

func TestBounded_TableForgetsKeysThatWereEvicted(t *testing.T) {
	var asked atomic.Int64
	c := newBounded(t, &asked)
	for round := range 10 {
		for i := range 2000 {
			_, err := c.Get(t.Context(), fmt.Sprint(round, " ", i))
			require.NoError(t, err)
		}
		fill(t, c) // collects
	}
	assert.Less(t, c.Len(), 2*64*128, "20,000 and 2,000 keys were asked for")
}
