package storetest_test

import (
	"testing"

	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
	"github.com/sessionctx/storefront/sessionctx/storetest"
)

// The test of a store that one process has to itself. A store that needs a server or a file opens
// it here, and closes it with t.Cleanup.
func ExampleRun() {
	_ = func(t *testing.T) { // func TestStore(t *testing.T)
		storetest.Run(t, func(t *testing.T) store.Store {
			return new(memstore.Store)
		})
	}
}

// The test of a store that many processes share: two handles, each as a process of its own would
// have it.
func ExampleRunShared() {
	_ = func(t *testing.T) { // func TestSharedStore(t *testing.T)
		storetest.RunShared(t, func(t *testing.T) (a, b store.Store) {
			both := new(memstore.Store)
			return both, both
		})
	}
}
