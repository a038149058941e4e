package sessionctx_test

import (
	"context"
	"sync/atomic"
	"time"
)

// hold holds calls back where they pause. The zero hold lets them through.
type hold struct {
	pausing atomic.Pointer[func(context.Context) error]
}

// holdBy sets how a call pauses, and with which error it fails. Nil: it does not.
func (h *hold) holdBy(pause func(context.Context) error) {
	if pause == nil {
		h.pausing.Store(nil)
		return
	}
	h.pausing.Store(&pause)
}

func (h *hold) pause(ctx context.Context) error {
	if pause := h.pausing.Load(); pause != nil {
		return (*pause)(ctx)
	}
	return nil
}

// lasting returns a pause of a length.
func lasting(length time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-time.After(length):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// untilContextEnds is the pause of a call that honours the end of its context.
func untilContextEnds(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// until returns the pause of a call that ignores its context, and ends when a test closes the
// channel.
func until(over <-chan struct{}) func(context.Context) error {
	return func(context.Context) error {
		<-over
		return nil
	}
}

// takes returns how long f takes on the clock of the bubble.
func takes(f func()) time.Duration {
	begun := time.Now()
	f()
	return time.Since(begun)
}
