package boltstore_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/boltstore"
	"github.com/sessionctx/storefront/sessionctx/storetest"
)

// open opens a Store that is closed at the end of the test.
func open(t testing.TB, path string) *boltstore.Store {
	t.Helper()
	s, err := boltstore.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

func fresh(t testing.TB) *boltstore.Store {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "sessions.db"))
}

func TestStoreKeepsItsContract(t *testing.T) {
	t.Parallel()
	t.Run("alone", func(t *testing.T) {
		t.Parallel()
		storetest.Run(t, func(t *testing.T) sessionctx.Store { return fresh(t) })
	})
	t.Run("shared", func(t *testing.T) {
		t.Parallel()
		storetest.RunShared(t, func(t *testing.T) (a, b sessionctx.Store) {
			s := fresh(t)
			return s, s
		})
	})
}
