package sessionctx

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestALoadHasTheValuesOfItsRequestAndAnEndOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		var es ends
		defer es.close()
		request, cancel := context.WithCancelCause(context.WithValue(t.Context(), key{}, "trace"))
		load := es.of(request, 0, 0, 8*time.Second)
		assert.Equal(t, "trace", load.Value(key{}))
		cancel(errors.New("the shopper is gone"))
		assert.NoError(t, load.Err())
		assert.NoError(t, context.Cause(load))

		child, stop := context.WithCancel(load)
		defer stop()
		time.Sleep(7 * time.Second)
		assert.NoError(t, child.Err())
		time.Sleep(time.Second)
		synctest.Wait()
		assert.ErrorIs(t, load.Err(), context.DeadlineExceeded)
		assert.ErrorIs(t, context.Cause(load), context.DeadlineExceeded)
		assert.ErrorIs(t, child.Err(), context.DeadlineExceeded)
	})
}

func TestLoadsThatBeginTogetherShareAnEndAndLaterOnesDoNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var es ends
		defer es.close()
		of := func(at time.Duration, hash uint64) time.Time {
			end, ok := es.of(t.Context(), hash, int64(at), 8*time.Second).Deadline()
			assert.True(t, ok)
			return end
		}
		first := of(0, 3)
		time.Sleep(999 * time.Millisecond)
		assert.Equal(t, first, of(999*time.Millisecond, 3))
		time.Sleep(time.Millisecond)
		assert.Equal(t, first.Add(time.Second), of(time.Second, 3))
		assert.Equal(t, first.Add(time.Second), of(time.Second, 4), "others have ends of their own")
		time.Sleep(time.Second)
		assert.Equal(t, first.Add(2*time.Second), of(-time.Hour, 4), "a clock that goes back")
		time.Sleep(9 * time.Second)
		assert.Equal(t, first.Add(11*time.Second), of(-time.Hour, 4), "one that is over is not shared")
	})
}
