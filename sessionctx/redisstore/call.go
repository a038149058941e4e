package redisstore

import (
	"context"
	"errors"
	"fmt"
)

// maxLoads and maxSaves bound the calls in flight. After all that was cached was invalidated a
// process reads its sessions again no faster than the server answers, and leaves room for other
// processes. More calls in flight do not make a pipeline faster.
const (
	maxLoads = 256
	maxSaves = 256
)

var errNotSent = errors.New("nothing was sent")

// await makes a call of the client and returns its result, or the error of ctx as soon as ctx ends.
//
// The client alone does not do that: it waits for a dial, and for room in its queue, whatever the
// context says. A call that its caller has left also stays in that queue until the server answers
// or the connection is given up. So the call has a goroutine of its own, and keeps its place in
// places until the client has returned.
func await[T any](ctx context.Context, places chan struct{}, call func(ctx context.Context) (T, error)) (result T, err error) {
	select {
	case places <- struct{}{}:
	case <-ctx.Done():
		return result, fmt.Errorf("%w: the server has not answered earlier calls: %w", errNotSent, ctx.Err())
	}
	type outcome struct {
		result T
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		result, err := call(context.WithoutCancel(ctx))
		<-places
		done <- outcome{result, err}
	}()
	select {
	case o := <-done:
		return o.result, o.err
	case <-ctx.Done():
		return result, ctx.Err()
	}
}
