package durable

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/overlay"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/boltstore"
)

func TestBoltSaysWhatAFailedFsyncHasLeft(t *testing.T) {
	binary := overlay.Build(t, "durable", watchedDisk(t))
	out, passed := overlay.Run(t, binary, "TestBoltWithFailingDisk", boltEIO+"="+filepath.Join(t.TempDir(), "eio"))
	require.True(t, passed, out)
	require.NotContains(t, out, "SKIP")
}

// TestBoltWithFailingDisk runs with the bbolt of watchedDisk.
func TestBoltWithFailingDisk(t *testing.T) {
	eio := os.Getenv(boltEIO)
	if eio == "" {
		t.Skip("is started by other tests")
	}
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "sessions.db")
	s, err := boltstore.Open(path)
	require.NoError(t, err)
	increased := func(id string) (int64, error) { return increase(s, id) }
	for range 3 {
		_, err := increased("a")
		require.NoError(t, err)
	}

	require.NoError(t, os.WriteFile(eio, []byte("0"), 0o600)) // of the pages: the commit is not to be seen
	_, err = increased("a")
	require.ErrorIs(t, err, sessionctx.ErrUnavailable)
	require.ErrorContains(t, err, "nothing was written")
	rec, err := s.Load(ctx, key("a"))
	require.NoError(t, err)
	require.Equal(t, int64(3), rec.Version)
	require.NoError(t, os.Remove(eio))
	version, err := increased("a")
	require.NoError(t, err, "the next commit can succeed")
	require.Equal(t, int64(4), version)

	require.NoError(t, os.WriteFile(eio, []byte("1"), 0o600)) // of the meta page: everybody could see the commit
	_, err = increased("a")
	require.ErrorContains(t, err, "unknown")
	for _, known := range []error{sessionctx.ErrUnavailable, sessionctx.ErrConflict, sessionctx.ErrFull} {
		require.NotErrorIs(t, err, known)
	}
	require.NoError(t, os.Remove(eio))
	for _, id := range []string{"a", "b"} {
		_, err = s.Load(ctx, key(id))
		assert.ErrorContains(t, err, "open it again", "who reads it now would take for written what may be lost")
		_, err = s.Save(ctx, key(id), state(id, 1), sessionctx.Revision{})
		assert.ErrorContains(t, err, "open it again")
		assert.ErrorIs(t, err, sessionctx.ErrUnavailable)
	}
	assert.ErrorContains(t, s.Close(), "open it again")

	s, err = boltstore.Open(path)
	require.NoError(t, err)
	rec, err = s.Load(ctx, key("a"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, rec.Version, int64(4))
	_, err = increased("a")
	require.NoError(t, err)
	require.NoError(t, s.Close())
}
