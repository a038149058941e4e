package boltstore_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx/boltstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// hangTimeout ends a call that would hang in a broken store. No call of a sound one takes that
// long.
const hangTimeout = 20 * time.Second

// openSmall opens a Store whose file outgrows its memory map at each step.
func openSmall(t *testing.T, path string) *boltstore.Store {
	t.Helper()
	s, err := boltstore.OpenSmall(path)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

func sized(n int) func(*store.Record) {
	return func(r *store.Record) {
		r.Attributes = []store.Attribute{{Name: "a", Value: json.RawMessage(`"` + strings.Repeat("x", n) + `"`)}}
	}
}

// slowWriter takes nothing until it is released.
type slowWriter struct {
	taken   bytes.Buffer
	once    sync.Once
	called  chan struct{}
	release chan struct{}
}

func newSlowWriter() *slowWriter {
	return &slowWriter{called: make(chan struct{}), release: make(chan struct{})}
}

func (w *slowWriter) Write(b []byte) (int, error) {
	w.once.Do(func() { close(w.called) })
	<-w.release
	return w.taken.Write(b)
}

func TestWriteTo_ASlowWriterHoldsNothingUp(t *testing.T) {
	t.Parallel()
	dir := ramDisk(t)
	s := openSmall(t, filepath.Join(dir, "sessions.db"))
	for i := range 50 {
		save(t, s, session(fmt.Sprint(i)), shopper(1), none)
	}
	w := newSlowWriter()
	copied := make(chan error, 1)
	go func() {
		_, err := s.WriteTo(w)
		copied <- err
	}()
	<-w.called
	release := sync.OnceFunc(func() { close(w.release) })
	defer release() // also where the test fails: Close would wait
	ctx, cancel := context.WithTimeout(t.Context(), hangTimeout)
	defer cancel()

	// Writes that do not make the file larger, if the pages that they free can be used again.
	before := s.Stats().Bytes
	for v := range int64(200) {
		_, err := s.Save(ctx, session("0"), shopper(v+2), store.Revision{Incarnation: 1, Version: v + 1})
		require.NoError(t, err)
	}
	assert.LessOrEqual(t, s.Stats().Bytes, before+1<<18, "the file grows as long as the copy takes")

	// Writes for which the file has to be mapped again.
	for i := range 6 {
		_, err := s.Save(ctx, session(fmt.Sprint("large", i)), written(sized(4<<20)), none)
		require.NoError(t, err)
		rec, err := s.Load(ctx, session("0"))
		require.NoError(t, err)
		require.Equal(t, int64(201), rec.Version)
	}
	require.Greater(t, s.Stats().Bytes, int64(24<<20))

	select {
	case err := <-copied:
		t.Fatal("the copy is over already:", err)
	default:
	}
	release()
	require.NoError(t, <-copied)
	path := filepath.Join(dir, "copy.db")
	require.NoError(t, os.WriteFile(path, w.taken.Bytes(), 0o600))
	c := open(t, path)
	assert.Equal(t, int64(50), c.Stats().Records, "the copy is what the store was when the call began")
	assert.Equal(t, int64(1), load(t, c, session("0")).Version)
}

func TestWriteTo_LeavesNothingBehind(t *testing.T) {
	t.Parallel()
	broken := errors.New("the line is down")
	cases := []struct {
		desc string
		w    writerFunc
		want error
	}{
		{"a writer that takes all", func(b []byte) (int, error) { return len(b), nil }, nil},
		{"a writer that fails", func([]byte) (int, error) { return 0, broken }, broken},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, filepath.Join(dir, "sessions.db"))
			save(t, s, session("a"), shopper(1), none)
			_, err := s.WriteTo(tc.w)
			require.ErrorIs(t, err, tc.want)
			if tc.want != nil {
				assert.ErrorContains(t, err, "boltstore: copy: ")
			}
			assert.Equal(t, []string{"sessions.db"}, names(t, dir))
		})
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestOpen_RemovesTheCopiesOfAProcessThatHasCrashed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "sessions.db")
	for _, name := range []string{".sessions.db.copy-1", ".sessions.db.copy-2", ".other.db.copy-1", "sessions.db.copy-1"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("secret"), 0o600))
	}
	open(t, path)
	assert.Equal(t, []string{".other.db.copy-1", "sessions.db", "sessions.db.copy-1"}, names(t, dir))
}

// busy makes every new transaction of a Store wait: for a commit that has to map the file again,
// which waits for a transaction that reads, until it is released. The error of the Save is sent to
// saved.
func busy(t *testing.T, ctx context.Context, s *boltstore.Store) (release func(), saved chan error) {
	t.Helper()
	free, err := s.HoldFile()
	require.NoError(t, err)
	t.Cleanup(free) // also where the test fails: Close would wait
	saved = make(chan error, 1)
	go func() {
		_, err := s.Save(ctx, session("large"), written(sized(64<<20)), none)
		saved <- err
	}()
	stacks := make([]byte, 4<<20)
	for began := time.Now(); !strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "bbolt.(*DB).mmap("); {
		require.Less(t, time.Since(began), hangTimeout, "the commit must map the file again")
		runtime.Gosched()
	}
	return free, saved
}

// returns calls f and fails if it does not return.
func returns(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(hangTimeout):
		t.Fatal(what, "does not return")
	}
}

// It is not parallel: it looks at the goroutines of the process.
func TestStore_CallsReturnWhenTheirContextEndsWhileTheFileIsBusy(t *testing.T) {
	s := openSmall(t, filepath.Join(ramDisk(t), "sessions.db"))
	save(t, s, session("a"), written(), none)
	release, saved := busy(t, t.Context(), s)
	goroutines := runtime.NumGoroutine()

	returns(t, "Load", func() {
		for range 2 * boltstore.MaxReads {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			rec, err := s.Load(ctx, session("a"))
			cancel()
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.ErrorContains(t, err, "boltstore: load: ")
			assert.Zero(t, rec)
		}
	})
	assert.LessOrEqual(t, runtime.NumGoroutine(), goroutines+boltstore.MaxReads+50, "the goroutines are bounded")
	returns(t, "Save", func() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := s.Save(ctx, session("a"), written(), none)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorIs(t, err, store.ErrUnavailable, "nothing was written")
	})
	returns(t, "Erase", func() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := s.Erase(ctx, "acme", "C1", tombstone)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
	})

	release()
	require.NoError(t, <-saved)
	assert.NotZero(t, load(t, s, session("a")), "it goes on")
	assert.NotZero(t, load(t, s, session("large")))
}
