package sessionctx

import (
	"fmt"

	"github.com/dgraph-io/ristretto/v2"
)

// bag holds values that may be gone, late or outdated at any time: whoever takes one out validates it.
// It is bounded in bytes. After Close no method may be called.
type bag[V any] interface {
	Get(hash uint64) (V, bool)
	// Set reports whether the value was taken in; it may still be dropped later, and need not be readable at once.
	Set(hash uint64, v V, cost int64) bool
	Close()
}

// newBag returns a bag of about maxBytes.
//
// Integer keys carry no conflict hash in ristretto, so that a collision returns another key's value: the
// values hold their full key, and are compared with it anyhow. Nothing is ever deleted, for a deleted value
// can be seen again and Del blocks when its queue is full; and no TTL is given, for values hold their own deadline.
func newBag[V any](maxBytes, typicalCost int64) (bag[V], error) {
	c, err := ristretto.NewCache(&ristretto.Config[uint64, V]{
		NumCounters:        max(10*maxBytes/typicalCost, 1000),
		MaxCost:            maxBytes,
		BufferItems:        64,
		IgnoreInternalCost: true,
	})
	if err != nil {
		return nil, fmt.Errorf("sessionctx: ristretto: %w", err)
	}
	return c2bag[V]{c}, nil
}

type c2bag[V any] struct{ *ristretto.Cache[uint64, V] }
