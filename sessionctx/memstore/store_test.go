package memstore_test

import (
	"testing"

	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
	"github.com/sessionctx/storefront/sessionctx/storetest"
)

func TestStore_KeepsItsContract(t *testing.T) {
	bounds := []struct {
		desc     string
		maxBytes int64
	}{
		{"default bound", 0},
		{"no bound", -1},
		{"a bound that the suite meets", 200_000},
	}
	for _, tc := range bounds {
		t.Run(tc.desc, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, func(*testing.T) store.Store { return &memstore.Store{MaxBytes: tc.maxBytes} })
		})
	}
	t.Run("shared", func(t *testing.T) {
		t.Parallel()
		storetest.RunShared(t, func(*testing.T) (a, b store.Store) {
			s := new(memstore.Store)
			return s, s
		})
	})
}
