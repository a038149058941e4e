package inspect_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
)

func TestIntervals_HaveWhatHappenedInThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, withLease)
		defer w.close()
		w.extendLease(time.Hour)
		assert.Empty(t, w.json().Intervals, "nothing is known before the second sample")
		w.extendLease(time.Hour)
		time.Sleep(time.Second)
		for n := range 7 {
			w.own.SessionID = fmt.Sprint("session-", n%2)
			w.resolve(w.own)
		}
		w.update(sessionctx.Patch{Upsert: true})
		time.Sleep(10 * time.Second)
		w.extendLease(2 * time.Hour)
		w.resolve(w.own)
		time.Sleep(time.Minute)
		synctest.Wait()
		all := w.json().Intervals
		require.Len(t, all, 14)
		for i, x := range all {
			assert.EqualValues(t, 5, x.Seconds)
			if i > 0 {
				assert.Equal(t, 5*time.Second, x.At.Sub(all[i-1].At))
			}
		}
		first, third := all[0], all[2]
		assert.EqualValues(t, []int64{7, 1, 1}, []int64{first.Resolves, first.Writes, first.DirectoryLoads - 1})
		assert.Positive(t, first.Loads)
		assert.EqualValues(t, []int64{1, 0}, []int64{third.Resolves, third.Writes})
		assert.InDelta(t, 3600-5, *first.LeaseSeconds, .001)
		assert.InDelta(t, 7200-4, *third.LeaseSeconds, .001)
		for _, x := range all[3:] {
			assert.Zero(t, x.Resolves)
		}
	})
}

func TestIntervals_AreThoseOfTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		time.Sleep(time.Hour + time.Second)
		all := w.json().Intervals
		require.Len(t, all, 120)
		assert.Equal(t, time.Second, time.Since(all[119].At))
		assert.Equal(t, 595*time.Second, all[119].At.Sub(all[0].At))
	})
}

func TestIntervals_OlderOnesAreNotShownAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		time.Sleep(time.Hour + time.Second)
		w.page.Close()
		time.Sleep(5 * time.Minute)
		assert.Len(t, w.json().Intervals, 60, "the last five minutes of the samples")
		time.Sleep(time.Hour)
		assert.Empty(t, w.json().Intervals)
	})
}

// synctest fails a test whose bubble has a goroutine left.
func TestClose_EndsTheSamplerAndMayComeTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		time.Sleep(time.Minute + time.Second)
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.page.Close()
		}()
		w.page.Close()
		<-done
		w.page.Close()
		assert.Len(t, w.json().Intervals, 12, "what there is can be looked at")
		require.NoError(t, w.resolver.Close())
		assert.Equal(t, "closed", w.json().State.Store)
		w.page.Close()
	})
}

func TestClose_OfTheResolverFirstIsNoMistake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		require.NoError(t, w.resolver.Close())
		time.Sleep(time.Minute)
		assert.Equal(t, "closed", w.json().State.Store)
		w.page.Close()
	})
}
