package boltstore_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/sessionctx/storefront/sessionctx/boltstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// childFile names the file that this binary shall hold open, as another process, until its input
// ends.
const childFile = "BOLTSTORE_CHILD_FILE"

func TestMain(m *testing.M) {
	if path := os.Getenv(childFile); path != "" {
		s, err := boltstore.Open(path)
		fmt.Println("open:", err)
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
		if s != nil {
			_ = s.Close()
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child starts a process that opens the file, and returns what it says, and how to end it.
func child(t *testing.T, path string) (said string, end func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childFile+"="+path)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	said, err = bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	return said, func() {
		require.NoError(t, in.Close())
		require.NoError(t, cmd.Wait())
	}
}

func TestOpen_RefusesASecondProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sessions.db")
	said, end := child(t, path)
	require.Equal(t, "open: <nil>\n", said)
	_, err := boltstore.Open(path)
	require.ErrorContains(t, err, "in use")
	assert.ErrorContains(t, err, path)
	end()
	s, err := boltstore.Open(path)
	require.NoError(t, err, "it is free again")

	said, end = child(t, path)
	assert.Contains(t, said, "in use by another process")
	assert.Contains(t, said, path)
	end()
	_, err = boltstore.Open(path)
	assert.ErrorContains(t, err, "in use", "nor is a second Store of the same process let in")
	save(t, s, session("a"), written(), none)
	require.NoError(t, s.Close())
	_, err = s.Load(t.Context(), session("a"))
	assert.ErrorIs(t, err, store.ErrUnavailable, "closed")
}

func TestOpen_RefusesWhatIsNoStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	bolt := func(name string, fill func(tx *bbolt.Tx) error) string {
		path := filepath.Join(dir, name)
		db, err := bbolt.Open(path, 0o600, nil)
		require.NoError(t, err)
		require.NoError(t, db.Update(fill))
		require.NoError(t, db.Close())
		return path
	}
	cases := []struct {
		desc, path, says string
		config           bool // a *store.ConfigError
	}{
		{"no path", "", "boltstore.Open.path: must name a file", true},
		{"a folder that does not exist", filepath.Join(dir, "missing", "sessions.db"), fmt.Sprintf("must be in a folder that exists, %q does not", filepath.Join(dir, "missing")), true},
		{"a folder", dir, "must be a regular file", true},
		{"a text", file("text", "these are no sessions"), "is no bbolt file", false},
		{"a longer text", file("longer", string(make([]byte, 100_000))), "is no bbolt file", false},
		{"another bbolt file", bolt("other", func(tx *bbolt.Tx) error {
			_, err := tx.CreateBucket([]byte("users"))
			return err
		}), "it is a bbolt file of something else", true},
		{"a store of a later version", bolt("later", func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucket([]byte("about"))
			if err != nil {
				return err
			}
			return b.Put([]byte("format"), []byte("sessionctx/3"))
		}), `"sessionctx/3"`, false},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			before, _ := os.ReadFile(tc.path)
			_, err := boltstore.Open(tc.path)
			require.ErrorContains(t, err, tc.says)
			if config, ok := errors.AsType[*store.ConfigError](err); tc.config {
				require.True(t, ok, "%v", err)
				assert.Equal(t, "boltstore.Open.path", config.Field)
				assert.Equal(t, tc.path, config.Value)
			} else {
				assert.ErrorContains(t, err, "boltstore: open "+fmt.Sprintf("%q", tc.path))
			}
			after, _ := os.ReadFile(tc.path)
			assert.Equal(t, before, after, "it is left as it was")
		})
	}
	for _, path := range []string{file("empty", ""), bolt("new", func(*bbolt.Tx) error { return nil })} {
		s := open(t, path)
		save(t, s, session("a"), written(), none)
		require.NoError(t, s.Close())
		assert.NotZero(t, load(t, open(t, path), session("a")), "an empty file is fine")
	}
}
