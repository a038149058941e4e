package singleflight

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// A group that remembered calls that have ended would grow with every key.
func TestGroup_ForgetsCallsThatHaveEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &Group[int, int]{Spawn: func(f func()) { go f() }, Timeout: time.Second}
		release := make(chan struct{})
		calls := []func(context.Context) (int, error){
			func(context.Context) (int, error) { return 1, nil },
			func(context.Context) (int, error) { return 0, errors.New("failed") },
			func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() },
			func(context.Context) (int, error) { <-release; return 0, nil },
		}
		for i := range 4 * numShards {
			_, _, _ = g.Do(t.Context(), uint64(i), i, int64(i), 0, calls[i/numShards])
		}
		close(release)
		synctest.Wait()
		for i := range g.shards {
			assert.Empty(t, g.shards[i].calls)
		}
	})
}
