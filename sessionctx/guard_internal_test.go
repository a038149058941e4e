package sessionctx

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/internal/breaker"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// fired is a context that has ended, while nobody who waits for its end knows yet.
type fired struct{ context.Context }

func (fired) Done() <-chan struct{} { return make(chan struct{}) }
func (fired) Err() error            { return context.DeadlineExceeded }

// failing is a Store that fails.
type failing struct{ store.Store }

func (failing) Load(context.Context, store.Key) (store.Record, error) {
	return store.Record{}, errors.New("i/o timeout")
}

func TestGuard_CallThatTheTimerHasEndedIsATimeout(t *testing.T) {
	for _, tc := range []struct {
		desc  string
		ctx   context.Context
		hangs bool
	}{
		{desc: "the call returns before the function of the timer runs", ctx: fired{t.Context()}, hangs: true},
		{desc: "the call fails in time", ctx: t.Context()},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			b := breaker.New(breaker.Config{
				Timeout: time.Second, Changed: func(bool) {}, Go: func(func()) {},
				Probe: func(context.Context) error { return nil },
			})
			defer b.Close()
			s := guardedStore{Store: failing{}, breaker: b}
			for n := range 3 {
				_, err := s.Load(tc.ctx, store.Key{Tenant: "demoshop", ID: fmt.Sprint(n)})
				assert.ErrorContains(t, err, "i/o timeout")
			}
			assert.Equal(t, tc.hangs, b.Open())
		})
	}
}

func TestLateCalls_ReturnedCallsLeaveNothing(t *testing.T) {
	var l lateCalls
	for key := range uint64(100) {
		for range maxLate {
			assert.False(t, l.full(key))
			l.add(key, 1)
		}
		assert.True(t, l.full(key))
		l.add(key, -maxLate+1)
		l.add(key, -2) // one returns before it is known to be late
		l.add(key, 1)
		assert.False(t, l.full(key))
	}
	assert.Empty(t, l.of)
	assert.Zero(t, l.any.Load())
}
