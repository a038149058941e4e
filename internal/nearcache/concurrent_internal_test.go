package nearcache

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// raise sets a to v if v is larger.
func raise(a *atomic.Int64, v int64) {
	for old := a.Load(); old < v && !a.CompareAndSwap(old, v); old = a.Load() {
	}
}

// Readers and writers of this process share a record with a writer of another process. A plain read
// is never older than a write of this process that has finished, nor than a change that was
// reported, nor than what a fresh read has found. A fresh read is never older than any write that
// has finished.
func TestCache_IsNeverOlderThanItMay(t *testing.T) {
	const writes = 300
	for range 3 {
		w := newWorld(t)
		k := sessionKey("s1")
		var (
			latest             int64        // guarded by w.mu
			known, finished    atomic.Int64 // the newest version that plain reads, and fresh reads, must find
			working            atomic.Int64
			wrong              atomic.Pointer[string]
			everybody          sync.WaitGroup
			plain, fresh, hits atomic.Int64
		)
		next := func() int64 {
			w.mu.Lock()
			defer w.mu.Unlock()
			latest++
			w.records[k.Store()] = version(latest)
			return latest
		}
		read := func(want Want) (int64, bool) {
			before := w.Loads.Load()
			e, err := w.Get(t.Context(), k, w.Hash(k), want)
			if err != nil {
				wrong.CompareAndSwap(nil, new(err.Error()))
				return 0, false
			}
			if w.Loads.Load() == before {
				hits.Add(1)
			}
			rec := e.Record()
			if want.Since == 0 && w.Current(e.Stamp()) && e.Stamp().Quiet() {
				w.Keep(w.Hash(k), e.With("resolved"))
			}
			return rec.Version, true
		}
		worker := func(f func()) {
			working.Add(1)
			everybody.Go(func() {
				defer working.Add(-1)
				for range writes {
					f()
					runtime.Gosched()
				}
			})
		}
		reader := func(f func()) {
			everybody.Go(func() {
				for n := 0; n < 10 || working.Load() > 0; n++ { // a few, however late it comes
					f()
					runtime.Gosched()
				}
			})
		}
		for range 2 {
			worker(func() { // of this process
				write, err := w.BeginWrite(*k)
				if err != nil {
					return
				}
				start := w.Now()
				v := next()
				write.Stored(new(version(v)), start)
				write.End()
				raise(&known, v)
				raise(&finished, v)
			})
		}
		worker(func() { // of another process
			v := next()
			raise(&finished, v)
			runtime.Gosched()
			w.reports(k.Store())
			raise(&known, v)
		})
		for range 3 {
			reader(func() {
				least := known.Load()
				if v, ok := read(Want{}); ok && v < least {
					wrong.CompareAndSwap(nil, new(fmt.Sprintf("a plain read found %d after %d", v, least)))
				}
				plain.Add(1)
			})
		}
		reader(func() {
			least := finished.Load()
			v, ok := read(Want{Since: w.Now()})
			if ok && v < least {
				wrong.CompareAndSwap(nil, new(fmt.Sprintf("a fresh read found %d after %d", v, least)))
			}
			raise(&known, v)
			fresh.Add(1)
		})
		everybody.Wait()
		if e := wrong.Load(); e != nil {
			t.Fatal(*e)
		}
		require.Positive(t, plain.Load())
		require.Positive(t, fresh.Load())
		assert.EqualValues(t, 3*writes, w.version(k))
		assert.True(t, w.Stamps().Read(w.StripeOf(k.Store())).Quiet())
	}
}
