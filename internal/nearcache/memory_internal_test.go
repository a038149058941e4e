package nearcache

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// heap returns the bytes of live objects.
func heap() int64 {
	runtime.GC()
	runtime.GC() // the second one frees what the first one has found in pools and finalizers
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestCache_MemoryStaysInsideTheBound(t *testing.T) {
	// fixed is what two caches of any size have: the queues, the buffers and the shards of
	// ristretto.
	const fixed = 2 << 20
	tests := []struct {
		desc     string
		kind     store.Kind
		maxBytes int64
		records  int
		size     int // of the only attribute; 0: none
		resolved int // bytes that the resolution keeps alive
	}{
		{desc: "sessions of 14 KiB in 1 MiB", maxBytes: 1 << 20, records: 4057, size: 14 << 10},
		{desc: "customers of 14 KiB in 1 MiB", kind: store.KindCustomer, maxBytes: 1 << 20, records: 1000, size: 14 << 10},
		{desc: "sessions of 1500 bytes in 4 MiB", maxBytes: 4 << 20, records: 3000, size: 1500},
		{desc: "sessions without attributes in 4 MiB", maxBytes: 4 << 20, records: 10_000},
		{desc: "large resolutions of small sessions in 4 MiB", maxBytes: 4 << 20, records: 1000, resolved: 8 << 10},
	}
	for _, tc := range tests {
		t.Run(tc.desc, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				before := heap()
				w := newWorld(t, func(cfg *Config[string]) { cfg.SessionBytes, cfg.CustomerBytes = tc.maxBytes, tc.maxBytes })
				w.Exclusive()
				for i := range tc.records {
					k := &Key{Tenant: tenant, ID: fmt.Sprintf("%043d", i), Kind: tc.kind} // as long as a secret id
					rec := version(1)
					if tc.size > 0 {
						value := bytes.Repeat([]byte("7"), tc.size)
						rec.Attributes = []store.Attribute{{Name: "a", Value: value}}
					}
					w.write(k.Store(), rec)
					e, err := w.get(k, Want{})
					if err != nil {
						t.Fatal(err)
					}
					w.Keep(w.Hash(k), e.With(string(make([]byte, tc.resolved))))
					delete(w.records, k.Store())
					if i%100 == 0 {
						synctest.Wait() // or else ristretto would drop most
					}
				}
				synctest.Wait()
				grown := heap() - before
				t.Logf("%d bytes, %.2f of the bound", grown, float64(grown)/float64(tc.maxBytes))
				assert.Less(t, grown, tc.maxBytes*3/2+fixed)
				runtime.KeepAlive(w)
			})
		})
	}
}
