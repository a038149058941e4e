package singleflight_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/singleflight"
)

const timeout = 2 * time.Second

var errStore = errors.New("the store is down")

func newGroup(spawn func(func())) *singleflight.Group[string, string] {
	return &singleflight.Group[string, string]{Spawn: spawn, Timeout: timeout}
}

func goroutine(f func()) { go f() }

// result is what a caller got.
type result struct {
	value  string
	joined bool
	err    error
}

// ask calls Do on a goroutine of its own.
func ask(ctx context.Context, g *singleflight.Group[string, string], hash uint64, key string, now, since int64, f func(context.Context) (string, error)) chan result {
	c := make(chan result, 1)
	go func() {
		v, joined, err := g.Do(ctx, hash, key, now, since, f)
		c <- result{v, joined, err}
	}()
	synctest.Wait() // it is under way now
	return c
}

// question is a call that a test answers.
type question struct {
	asked  atomic.Int64
	answer chan string
}

func newQuestion() *question { return &question{answer: make(chan string)} }

func (q *question) f(context.Context) (string, error) {
	q.asked.Add(1)
	return <-q.answer, nil
}

func waits(t *testing.T, c chan result) {
	t.Helper()
	select {
	case r := <-c:
		t.Fatalf("it did not wait: %v", r)
	default:
	}
}

func TestRun_ReturnsWhatTheCallReturns(t *testing.T) {
	tests := []struct {
		desc  string
		value string
		err   error
	}{
		{desc: "a value", value: "found"},
		{desc: "an error, as it is", err: errStore},
		{desc: "both", value: "part", err: errStore},
	}
	for _, tc := range tests {
		t.Run(tc.desc, func(t *testing.T) {
			v, err := singleflight.Run(t.Context(), timeout, goroutine, func(context.Context) (string, error) { return tc.value, tc.err })
			assert.Equal(t, tc.value, v)
			assert.Equal(t, tc.err, err)
		})
	}
}

func TestRun_TimesOutThoughTheCallIgnoresItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var spawned sync.WaitGroup
		start := time.Now()
		release := make(chan struct{})
		v, err := singleflight.Run(t.Context(), timeout, spawned.Go, func(context.Context) (string, error) {
			<-release
			return "late", nil
		})
		require.ErrorIs(t, err, singleflight.ErrTimeout)
		assert.NotErrorIs(t, err, context.DeadlineExceeded, "our timer is not the caller's")
		assert.Contains(t, err.Error(), "2s")
		assert.Empty(t, v)
		assert.Equal(t, timeout, time.Since(start))
		close(release)
		spawned.Wait() // the goroutine ends when the call does
	})
}

func TestRun_ContextOfTheCall(t *testing.T) {
	type name struct{}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), name{}, "trace"))
		start := time.Now()
		inside := make(chan context.Context, 1)
		ended := make(chan time.Duration, 1)
		done := make(chan error, 1)
		go func() {
			_, err := singleflight.Run(ctx, timeout, goroutine, func(ctx context.Context) (string, error) {
				inside <- ctx
				<-ctx.Done()
				ended <- time.Since(start)
				return "", ctx.Err()
			})
			done <- err
		}()
		inner := <-inside
		assert.Equal(t, "trace", inner.Value(name{}), "it has the values of the caller's context")
		deadline, ok := inner.Deadline()
		assert.True(t, ok)
		assert.Equal(t, start.Add(timeout), deadline)

		time.Sleep(time.Second)
		cancel()
		assert.ErrorIs(t, <-done, context.Canceled, "the caller waits on his own context")
		assert.Equal(t, time.Second, time.Since(start))
		assert.NoError(t, inner.Err(), "the call goes on")
		assert.Equal(t, timeout, <-ended, "the timer alone ends it")
	})
}

func TestRun_FreesTheTimerOfACallThatReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var inner context.Context
		_, err := singleflight.Run(t.Context(), time.Hour, goroutine, func(ctx context.Context) (string, error) {
			inner = ctx
			return "", nil
		})
		require.NoError(t, err)
		synctest.Wait()
		assert.ErrorIs(t, inner.Err(), context.Canceled)
	})
}

func TestDo_JoinsTheCallUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, q := newGroup(goroutine), newQuestion()
		first := ask(t.Context(), g, 1, "key", 10, 0, q.f)
		second := ask(t.Context(), g, 1, "key", 20, 0, q.f)
		third := ask(t.Context(), g, 1, "key", 30, 9, q.f)
		waits(t, first)
		q.answer <- "found"
		assert.Equal(t, result{"found", false, nil}, <-first)
		assert.Equal(t, result{"found", true, nil}, <-second)
		assert.Equal(t, result{"found", true, nil}, <-third)
		assert.EqualValues(t, 1, q.asked.Load())
	})
}

func TestDo_SharesErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(goroutine)
		release := make(chan struct{})
		fail := func(context.Context) (string, error) { <-release; return "", errStore }
		first := ask(t.Context(), g, 1, "key", 10, 0, fail)
		second := ask(t.Context(), g, 1, "key", 20, 0, fail)
		close(release)
		assert.Equal(t, result{"", false, errStore}, <-first)
		assert.Equal(t, result{"", true, errStore}, <-second)
	})
}

func TestDo_BeginsACallOfItsOwn(t *testing.T) {
	tests := []struct {
		desc       string
		hash       uint64
		key        string
		now, since int64
	}{
		{desc: "for another key", hash: 2, key: "other", now: 20},
		{desc: "for another key with the same hash", hash: 1, key: "other", now: 20},
		{desc: "for another key in the same shard", hash: 65, key: "other", now: 20},
		{desc: "if the call under way began at the time that is too early", hash: 1, key: "key", now: 20, since: 10},
		{desc: "if the call under way began before it", hash: 1, key: "key", now: 20, since: 15},
	}
	for _, tc := range tests {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, q, mine := newGroup(goroutine), newQuestion(), newQuestion()
				first := ask(t.Context(), g, 1, "key", 10, 0, q.f)
				second := ask(t.Context(), g, tc.hash, tc.key, tc.now, tc.since, mine.f)
				mine.answer <- "mine"
				assert.Equal(t, result{"mine", false, nil}, <-second)
				waits(t, first)
				q.answer <- "theirs"
				assert.Equal(t, result{"theirs", false, nil}, <-first)
			})
		})
	}
}

func TestDo_ANewerCallTakesThePlaceOfTheOlder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, old, fresh := newGroup(goroutine), newQuestion(), newQuestion()
		first := ask(t.Context(), g, 1, "key", 10, 0, old.f)
		second := ask(t.Context(), g, 1, "key", 20, 10, fresh.f)
		third := ask(t.Context(), g, 1, "key", 30, 0, old.f)
		old.answer <- "old" // its end takes nothing from the newer one
		assert.Equal(t, result{"old", false, nil}, <-first)
		fourth := ask(t.Context(), g, 1, "key", 40, 0, old.f)
		fresh.answer <- "fresh"
		assert.Equal(t, result{"fresh", false, nil}, <-second)
		assert.Equal(t, result{"fresh", true, nil}, <-third)
		assert.Equal(t, result{"fresh", true, nil}, <-fourth)
		assert.EqualValues(t, 1, old.asked.Load())
	})
}

func TestDo_NobodyJoinsACallThatHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(goroutine)
		for i, want := range []string{"first", "second"} {
			v, joined, err := g.Do(t.Context(), 1, "key", int64(10+i), 0, func(context.Context) (string, error) { return want, nil })
			require.NoError(t, err)
			assert.Equal(t, want, v)
			assert.False(t, joined)
		}
	})
}

func TestDo_ACallerWhoGivesUpFailsNobody(t *testing.T) {
	tests := []struct {
		desc  string
		leave int // the caller who gives up
	}{
		{desc: "the one who began the call", leave: 0},
		{desc: "one who joined it", leave: 1},
	}
	for _, tc := range tests {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, q := newGroup(goroutine), newQuestion()
				var callers [3]chan result
				var cancel [3]context.CancelFunc
				for i := range callers {
					var ctx context.Context
					ctx, cancel[i] = context.WithCancel(t.Context())
					defer cancel[i]()
					callers[i] = ask(ctx, g, 1, "key", int64(10+i), 0, q.f)
				}
				cancel[tc.leave]()
				r := <-callers[tc.leave]
				assert.ErrorIs(t, r.err, context.Canceled)
				q.answer <- "found"
				for i, c := range callers {
					if i != tc.leave {
						assert.Equal(t, result{"found", i != 0, nil}, <-c)
					}
				}
				assert.EqualValues(t, 1, q.asked.Load())
			})
		})
	}
}

func TestDo_ACallerWhoIsGoneBeginsTheCallAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, q := newGroup(goroutine), newQuestion()
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		r := <-ask(gone, g, 1, "key", 10, 0, q.f)
		assert.ErrorIs(t, r.err, context.Canceled)
		second := ask(t.Context(), g, 1, "key", 20, 0, q.f)
		q.answer <- "found"
		assert.Equal(t, result{"found", true, nil}, <-second)
	})
}

func TestDo_TimeoutCountsFromTheBeginningOfTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, q := newGroup(goroutine), newQuestion()
		start := time.Now()
		first := ask(t.Context(), g, 1, "key", 10, 0, q.f)
		time.Sleep(timeout - time.Millisecond)
		second := ask(t.Context(), g, 1, "key", 20, 0, q.f)
		for _, c := range []chan result{first, second} {
			r := <-c
			assert.ErrorIs(t, r.err, singleflight.ErrTimeout)
			assert.Equal(t, timeout, time.Since(start))
		}
		q.answer <- "late"
	})
}

func TestDo_TheLateResultIsThrownAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, hanging, next := newGroup(goroutine), newQuestion(), newQuestion()
		r := <-ask(t.Context(), g, 1, "key", 10, 0, hanging.f)
		require.ErrorIs(t, r.err, singleflight.ErrTimeout)

		second := ask(t.Context(), g, 1, "key", 20, 0, next.f)
		hanging.answer <- "late"
		synctest.Wait()
		waits(t, second)
		third := ask(t.Context(), g, 1, "key", 30, 0, hanging.f) // the late result has not taken the call away
		next.answer <- "in time"
		assert.Equal(t, result{"in time", false, nil}, <-second)
		assert.Equal(t, result{"in time", true, nil}, <-third)
		assert.EqualValues(t, 1, hanging.asked.Load())
	})
}

func TestDo_GoroutinesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var spawned sync.WaitGroup
		g := newGroup(spawned.Go)
		release := make(chan struct{})
		hang := func(context.Context) (string, error) { <-release; return "", nil }
		obey := func(ctx context.Context) (string, error) { <-ctx.Done(); return "", ctx.Err() }
		answer := func(context.Context) (string, error) { return "found", nil }
		for i, f := range []func(context.Context) (string, error){hang, obey, answer} {
			_, _, _ = g.Do(t.Context(), uint64(i), "key", 10, 0, f)
		}
		close(release)
		spawned.Wait() // and the bubble fails if any other goroutine is left
	})
}

func TestDo_Concurrent(t *testing.T) {
	g := newGroup(goroutine)
	var clock atomic.Int64
	var callers sync.WaitGroup
	var wrong atomic.Int64
	for caller := range 8 {
		callers.Go(func() {
			for i := range 300 {
				key := []string{"a", "b", "c", "d"}[(caller+i)%4]
				now := clock.Add(1)
				ctx, cancel := context.WithCancel(t.Context())
				if i%7 == 0 {
					cancel()
				}
				// Two keys share each hash.
				v, _, err := g.Do(ctx, uint64(key[0])%2, key, now, now-10, func(context.Context) (string, error) {
					return key, nil
				})
				if err == nil && v != key || err != nil && ctx.Err() == nil {
					wrong.Add(1)
				}
				cancel()
			}
		})
	}
	callers.Wait()
	assert.Zero(t, wrong.Load(), "a caller got the value of another key, or an error that is not his own")
}
