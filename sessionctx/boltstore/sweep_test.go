package boltstore_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx/boltstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// inBubble opens a Store whose time is the bubble's.
func inBubble(t *testing.T, f func(t *testing.T, s *boltstore.Store)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, err := boltstore.Open(filepath.Join(t.TempDir(), "sessions.db"))
		require.NoError(t, err)
		defer func() { assert.NoError(t, s.Close()) }()
		f(t, s)
	})
}

func TestStore_RemovesExpiredRecordsWithoutAWrite(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *boltstore.Store) {
		for i := range 1200 { // more than one transaction sweeps
			save(t, s, session(fmt.Sprint(i)), written(expiring(10*time.Minute)), none)
		}
		save(t, s, session("later"), written(expiring(time.Hour)), none)
		save(t, s, session("never"), written(neverExpiring), none)
		time.Sleep(9 * time.Minute)
		synctest.Wait()
		assert.Equal(t, int64(1202), s.Stats().Records)
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		assert.Equal(t, int64(2), s.Stats().Records)
		assert.Equal(t, int64(1200), s.Stats().Swept)
		assert.NotZero(t, load(t, s, session("later")))
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		assert.Equal(t, int64(1), s.Stats().Records)
		assert.NotZero(t, load(t, s, session("never")))
	})
}

func TestSave_RemovesExpiredRecordsFasterThanTheyAccumulate(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *boltstore.Store) {
		for i := range 40 {
			save(t, s, session(fmt.Sprint(i)), written(expiring(time.Second)), none)
		}
		time.Sleep(2 * time.Second) // less than the background sweep takes
		for i := range 15 {
			save(t, s, session(fmt.Sprint("new", i)), written(), none)
		}
		assert.Equal(t, int64(15), s.Stats().Records)
	})
}

func TestSave_IgnoresExpiredRecordsThatAreStillThere(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *boltstore.Store) {
		for i := range 50 {
			save(t, s, session(fmt.Sprint(i)), written(expiring(time.Second+time.Duration(i)*time.Millisecond)), none)
		}
		time.Sleep(30 * time.Second)
		assert.Zero(t, load(t, s, session("49")))
		got, err := s.Save(t.Context(), session("49"), written(), store.Revision{Incarnation: 1, Version: 1})
		require.ErrorIs(t, err, store.ErrConflict)
		assert.Zero(t, got, "with the conflict comes what is stored: nothing")
		require.Greater(t, s.Stats().Records, int64(40), "the sweep did not do the work of the test")
		save(t, s, session("48"), written(), none)
		assert.NotZero(t, load(t, s, session("48")))
		time.Sleep(30 * time.Minute) // the entry of its former life is due long since
		synctest.Wait()
		assert.NotZero(t, load(t, s, session("48")))
		assert.Equal(t, int64(1), s.Stats().Records)
	})
}

func TestSave_ATouchMovesTheTimeOfRemoval(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *boltstore.Store) {
		rec := written(expiring(10*time.Minute), withCart("cart"))
		for _, id := range []string{"up", "down", "never", "asItIs"} {
			save(t, s, session(id), rec, none)
		}
		touched := func(id string, change func(*store.Record)) {
			t.Helper()
			touch := written(withCart("of a touch the expiry alone counts"), change)
			got, err := s.Save(t.Context(), session(id), touch, rec.Revision())
			require.NoError(t, err)
			want := rec
			want.ExpiresAt = touch.ExpiresAt
			require.Equal(t, want, got)
			require.Equal(t, want, load(t, s, session(id)))
		}
		touched("up", expiring(time.Hour))
		touched("down", expiring(5*time.Minute))
		touched("never", neverExpiring)
		for _, step := range []struct {
			until time.Duration
			there int64
		}{{7 * time.Minute, 3}, {12 * time.Minute, 2}, {62 * time.Minute, 1}, {100 * time.Hour, 1}} {
			time.Sleep(time.Until(rec.CreatedAt.Add(step.until)))
			synctest.Wait()
			assert.Equal(t, step.there, s.Stats().Records, "after %v", step.until)
		}
		assert.NotZero(t, load(t, s, session("never")))
	})
}
