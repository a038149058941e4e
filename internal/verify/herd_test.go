package verify_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// slowStore counts loads, and answers them when open is closed.
type slowStore struct {
	*memstore.Store
	loads atomic.Int64
	open  chan struct{}
}

func (s *slowStore) Load(ctx context.Context, key store.Key) (store.Record, error) {
	s.loads.Add(1)
	<-s.open
	return s.Store.Load(ctx, key)
}

func TestThreatStampede(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const readers = 10_000
		backend := &slowStore{Store: &memstore.Store{}, open: make(chan struct{})}
		writer := newResolver(t, func(c *sessionctx.Config) { c.Store = backend.Store })
		_, err := writer.Update(t.Context(), asserted("s1", ""), sessionctx.Patch{CartID: sessionctx.Set("cart")})
		require.NoError(t, err)
		require.NoError(t, writer.Close())

		r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
		var wg sync.WaitGroup
		read := func(n int) {
			for range n {
				wg.Go(func() {
					s, err := r.Resolve(t.Context(), asserted("s1", ""))
					if err != nil || s.CartID != "cart" {
						t.Errorf("%v, %v", s, err)
					}
				})
			}
		}
		read(readers)
		synctest.Wait() // now all of them wait, one of them for the store
		assert.EqualValues(t, 1, backend.loads.Load())
		assert.EqualValues(t, readers, r.Stats().Resolves)
		close(backend.open)
		read(readers) // those that come while it answers
		wg.Wait()
		assert.EqualValues(t, 1, backend.loads.Load())
		assert.GreaterOrEqual(t, r.Stats().Joined, int64(readers-1))
		require.NoError(t, r.Close())
	})
}

// heap returns the bytes that live.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestAMillionVisitorsWithoutCookiesLeaveNothing(t *testing.T) {
	const visitors = 1_000_000 / scale
	backend := &memstore.Store{}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
	defer r.Close()
	visit := func(n int) {
		for i := range n {
			req := cookie("")
			switch i % 4 {
			case 1: // a cookie that nobody gave him
				req.SessionID = fmt.Sprintf("%043d", rand.Int64())
			case 2: // a header of his own
				req.Hints.AcceptLanguage = fmt.Sprintf("fr;q=0.%d,en", rand.Int64())
			case 3:
				req.Hints = defaults.Hints{Country: "AT", AcceptLanguage: "de-AT,de;q=0.9"}
			}
			s, err := r.Resolve(t.Context(), req)
			if err != nil || s.ID != "" || s.Version != 0 || s.Currency != "EUR" || s.CustomerID != "" {
				t.Fatalf("%v, %v", s, err)
			}
		}
	}
	visit(visitors) // until the cache is full
	before := heap()
	visit(visitors)
	after := heap()
	assert.Zero(t, backend.Stats().Records)
	assert.Less(t, after-before, int64(1<<20), "bytes that %d visitors left", visitors)
	fmt.Printf("%d visitors without a cookie: %d records, %+d bytes live\n", visitors, backend.Stats().Records, after-before)
}
