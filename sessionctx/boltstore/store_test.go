package boltstore_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx/boltstore"
	"github.com/sessionctx/storefront/sessionctx/store"
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

// ramDisk returns a folder in memory, where there is one: for tests that do not wait for a disk.
func ramDisk(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "boltstore-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestStore_KeepsItsContract(t *testing.T) {
	t.Parallel()
	t.Run("alone", func(t *testing.T) {
		t.Parallel()
		storetest.Run(t, func(t *testing.T) store.Store { return fresh(t) })
	})
	t.Run("shared", func(t *testing.T) {
		t.Parallel()
		storetest.RunShared(t, func(t *testing.T) (a, b store.Store) {
			s := open(t, filepath.Join(ramDisk(t), "sessions.db"))
			return s, s
		})
	})
}
