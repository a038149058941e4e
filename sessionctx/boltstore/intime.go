package boltstore

import "context"

// maxReads bounds the reads in flight. A read that goes on after its context has ended, because the
// disk or the file is busy, keeps its place: otherwise each new call would leave one more goroutine
// behind.
const maxReads = 256

// inTime calls f, which reads, and returns when ctx ends at the latest. A page fault of the memory
// map, and bbolt's locks, know no context, so f goes on in a goroutine of its own.
func inTime[T any](ctx context.Context, s *Store, f func() (T, error)) (none T, err error) {
	if err := ctx.Err(); err != nil {
		return none, err
	}
	if ctx.Done() == nil {
		return f()
	}
	select {
	case s.reads <- struct{}{}:
	case <-ctx.Done():
		return none, ctx.Err()
	}
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		defer func() { <-s.reads }()
		v, err := f()
		done <- outcome{v, err}
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}
