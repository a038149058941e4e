package pace

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// hanging makes calls wait for the end of their context while it is set.
type hanging struct{ atomic.Bool }

func (h *hanging) wait(ctx context.Context) error {
	if !h.Load() {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

type hangingDirectory struct {
	sessionctx.Static
	hanging
	asked atomic.Int64
}

func (d *hangingDirectory) Sites(ctx context.Context, tenant string) ([]defaults.Site, error) {
	d.asked.Add(1)
	if err := d.wait(ctx); err != nil {
		return nil, err
	}
	return d.Static.Sites(ctx, tenant)
}

func (d *hangingDirectory) Customer(ctx context.Context, tenant, id string) (defaults.Customer, error) {
	d.asked.Add(1)
	if err := d.wait(ctx); err != nil {
		return defaults.Customer{}, err
	}
	return defaults.Customer{Currency: "CHF"}, nil
}

type hangingStore struct {
	memstore.Store
	hanging
}

func (s *hangingStore) Load(ctx context.Context, key store.Key) (store.Record, error) {
	if err := s.wait(ctx); err != nil {
		return store.Record{}, err
	}
	return s.Store.Load(ctx, key)
}

// TestHang_LatencyOfAResolve measures each of many Resolves, one after the other, while the
// Directory hangs, and while the Store hangs after its first time-outs.
func TestHang_LatencyOfAResolve(t *testing.T) {
	n := evidence.Number(t, "RESOLVES", 2000)
	all := newShoppers(min(numSessions(t), n))
	measure := func(resolve func(i int)) []string {
		took := make([]time.Duration, n)
		for i := range took {
			begin := time.Now()
			resolve(i)
			took[i] = time.Since(begin)
		}
		slices.Sort(took)
		at := func(perMille int) string { return fmt.Sprintf("%.3f ms", ms(took[(n-1)*perMille/1000])) }
		return []string{fmt.Sprint(n), at(500), at(990), at(999), at(1000), "2,000 ms", "p99.9 ≤ 10 ms"}
	}
	var rows [][]string

	directory := &hangingDirectory{Static: evidence.Shop()}
	r := newResolver(t, func(c *sessionctx.Config) {
		c.Directory, c.DirectoryMaxAge = directory, time.Second
		c.CacheBytes = max(8*c.CacheBytes, 96<<20) // room for every profile
	})
	warm(t, r, len(all.keys), all.request)
	directory.Store(true)
	t.Cleanup(func() { directory.Store(false) })
	evidence.Wait(t, 1100*time.Millisecond) // what is known is past its age now
	asked := directory.asked.Load()
	rows = append(rows, append([]string{"the Directory hangs, what is known is past its age"}, measure(func(i int) {
		s, err := r.Resolve(t.Context(), all.request(i%len(all.keys)))
		require.NoError(t, err)
		require.Equal(t, "CHF", s.Currency)
	})...))
	assert.NotEqual(t, asked, directory.asked.Load(), "the Directory was asked while it hung")

	backend := &hangingStore{Store: memstore.Store{MaxBytes: -1}}
	r = newResolver(t, func(c *sessionctx.Config) { c.Store, c.Timeout = backend, 100*time.Millisecond })
	warm(t, r, len(all.keys), all.request)
	backend.hanging.Store(true)
	t.Cleanup(func() { backend.hanging.Store(false) })
	unknown := func(i int) sessionctx.Request {
		return evidence.BySecret(fmt.Sprintf("%043d", i))
	}
	for i := 0; !r.Stats().StoreHangs && i < 100; i++ {
		_, err := r.Resolve(t.Context(), unknown(i))
		require.NoError(t, err)
	}
	degraded := 0
	rows = append(rows, append([]string{"the Store hangs, every tenth session is not cached"}, measure(func(i int) {
		req := all.request(i % len(all.keys))
		if i%10 == 0 {
			req = unknown(1000 + i)
		}
		s, err := r.Resolve(t.Context(), req)
		require.NoError(t, err)
		if s.Degraded {
			degraded++
		}
	})...))
	assert.Equal(t, (n+9)/10, degraded)
	evidence.Table(t, "pace-hang", []string{"while", "Resolves", "p50", "p99", "p99.9", "slowest", "the slowest before", "goal"}, rows...)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
