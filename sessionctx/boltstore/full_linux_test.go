package boltstore_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx/boltstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// TestSave_AFullDiskRefusesWritesAndLosesNothing limits the size of files, which takes a process of
// its own.
func TestSave_AFullDiskRefusesWritesAndLosesNothing(t *testing.T) {
	if os.Getenv("BOLTSTORE_FULL") == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), "BOLTSTORE_FULL=1")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	path := filepath.Join(t.TempDir(), "sessions.db")
	s, err := boltstore.Open(path)
	require.NoError(t, err)
	var old syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old))
	limit := func(n uint64) {
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: old.Max}))
	}

	limit(64 << 10) // of the 16 MiB that the file would grow by
	n := 0
	for ; err == nil; n++ {
		require.Less(t, n, 10_000, "the limit must be met")
		_, err = s.Save(t.Context(), session(fmt.Sprint(n)), shopper(1), none)
	}
	n--
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.ErrorContains(t, err, "nothing was written")
	require.ErrorContains(t, err, "file too large")
	there := func() {
		t.Helper()
		for i := range n {
			require.Equal(t, int64(1), load(t, s, session(fmt.Sprint(i))).Version)
		}
		require.Zero(t, load(t, s, session(fmt.Sprint(n))))
	}
	there()

	limit(old.Cur)
	save(t, s, session("later"), shopper(1), none)
	there()
	require.NoError(t, s.Close())
	s, err = boltstore.Open(path)
	require.NoError(t, err)
	there()
	assert.NotZero(t, load(t, s, session("later")))
	require.NoError(t, s.Close())
}
