// Package durable shows what boltstore keeps on a disk: after kill -9, after a power cut, and after
// an fsync that has failed. Its sources are tests alone.
package durable

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/mutants"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/boltstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

const (
	boltFile   = "DURABLE_BOLT_FILE"   // what a worker process works on
	boltWrites = "DURABLE_BOLT_WRITE"  // how many writes each of its goroutines makes, 0: until it is killed
	boltReport = "DURABLE_BOLT_REPORT" // where it reports
	boltHands  = 8
)

func key(id string) store.Key {
	return store.Key{Tenant: "acme", Kind: store.KindSession, ID: id}
}

// state is the one record that may stand under id with that version: whatever is torn or another's
// differs from it.
func state(id string, version int64) store.Record {
	h := fnv.New64a()
	_, _ = io.WriteString(h, id)
	return store.Record{
		Tenant: "acme", Incarnation: h.Sum64() | 1, Version: version, WriteID: uint64(version), CustomerID: id,
		Carts: []store.Cart{{ID: fmt.Sprintf("cart-%s-%d", id, version)}},
		Attributes: []store.Attribute{{
			Name: "text", Changed: version,
			Value: []byte(`"` + strings.Repeat(fmt.Sprintf("%s-%d ", id, version), int(20*(version%7))) + `"`),
		}},
		ExpiresAt: time.UnixMilli(4e12 + version).UTC(),
	}
}

// TestBoltWorker is the process that is killed: it writes, and reports each write after Save has
// returned. One session is written by two goroutines, each other one by one.
func TestBoltWorker(t *testing.T) {
	path := os.Getenv(boltFile)
	if path == "" {
		t.Skip("is started by other tests")
	}
	log, err := os.OpenFile(os.Getenv(boltReport), os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	s, err := boltstore.Open(path)
	require.NoError(t, err)
	report := func(format string, args ...any) {
		if _, err := fmt.Fprintf(log, format, args...); err != nil { // one call of write
			os.Exit(1)
		}
	}
	report("O\n")
	var most int
	_, err = fmt.Sscan(os.Getenv(boltWrites), &most)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for hand := range boltHands {
		wg.Go(func() {
			for n := 1; most == 0 || n <= most; n++ {
				id := fmt.Sprint("session", max(hand, 1))
				if n%10 == 0 {
					id = fmt.Sprintf("new-%d-%d-%d", os.Getpid(), hand, n)
				}
				version, err := increase(s, id)
				switch {
				case errors.Is(err, sessionctx.ErrConflict):
				case err != nil:
					report("E %v\n", err)
					return
				default:
					report("A %s %d\n", id, version)
				}
			}
		})
	}
	wg.Wait()
	report("Z\n")
	require.NoError(t, s.Close())
}

// increase makes the next version of a session.
func increase(s store.Store, id string) (int64, error) {
	ctx := context.Background()
	rec, err := s.Load(ctx, key(id))
	if err != nil {
		return 0, err
	}
	_, err = s.Save(ctx, key(id), state(id, rec.Version+1), rec.Revision())
	return rec.Version + 1, err
}

// verdict is what was found in a file.
type verdict struct{ lost, torn []string }

func (v *verdict) bad() bool { return len(v.lost)+len(v.torn) > 0 }

func (v *verdict) String() string {
	return fmt.Sprintf("violation: lost: %s; torn: %s", strings.Join(v.lost, ", "), strings.Join(v.torn, ", "))
}

// judge looks at what a store has of the writes that were acknowledged, the highest version for
// each session, and sets them to what is there.
func judge(s *boltstore.Store, acknowledged map[string]int64) (v verdict) {
	if n := s.Stats().Damaged; n > 0 {
		v.torn = append(v.torn, fmt.Sprintf("%d damaged records", n))
	}
	for id, version := range acknowledged {
		rec, err := s.Load(context.Background(), key(id))
		switch want := state(id, rec.Version); {
		case err != nil:
			v.torn = append(v.torn, fmt.Sprintf("%s: %v", id, err))
		case rec.Version < version:
			v.lost = append(v.lost, fmt.Sprintf("%s: version %d of %d", id, rec.Version, version))
		case fmt.Sprint(rec) != fmt.Sprint(want):
			v.torn = append(v.torn, fmt.Sprintf("%s: %v instead of %v", id, rec, want))
		}
		acknowledged[id] = rec.Version
	}
	return v
}

// TestBolt_SaysWhatAFailedFsyncHasLeft lets the fsync of the pages fail, and then that of the meta
// page.
func TestBolt_SaysWhatAFailedFsyncHasLeft(t *testing.T) {
	if !watched(t) {
		return
	}
	eio := filepath.Join(t.TempDir(), "eio")
	t.Setenv(mutants.BoltEIO, eio)
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "sessions.db")
	s, err := boltstore.Open(path)
	require.NoError(t, err)
	for range 3 {
		_, err := increase(s, "a")
		require.NoError(t, err)
	}

	require.NoError(t, os.WriteFile(eio, []byte("0"), 0o600)) // of the pages: the commit is not to be seen
	_, err = increase(s, "a")
	require.ErrorIs(t, err, sessionctx.ErrUnavailable)
	require.ErrorContains(t, err, "nothing was written")
	rec, err := s.Load(ctx, key("a"))
	require.NoError(t, err)
	require.Equal(t, int64(3), rec.Version)
	require.NoError(t, os.Remove(eio))
	version, err := increase(s, "a")
	require.NoError(t, err, "the next commit can succeed")
	require.Equal(t, int64(4), version)

	require.NoError(t, os.WriteFile(eio, []byte("1"), 0o600)) // of the meta page: everybody could see the commit
	_, err = increase(s, "a")
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
	_, err = increase(s, "a")
	require.NoError(t, err)
	require.NoError(t, s.Close())
}
