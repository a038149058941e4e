package breaker_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/breaker"
)

const (
	ms      = time.Millisecond
	timeout = 500 * ms
)

// server is a Breaker before a server that the test scripts.
type server struct {
	*testing.T
	*breaker.Breaker
	start    time.Time
	wg       sync.WaitGroup
	released chan struct{}

	mu      sync.Mutex
	probe   func(context.Context) error
	probes  []time.Duration // when they began
	changes []bool
}

// inBubble runs a test in a bubble. At its end each goroutine that the Breaker has started must
// have ended.
func inBubble(t *testing.T, test func(s *server)) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{T: t, start: time.Now(), released: make(chan struct{})}
		s.reply(errors.New("down"))
		s.Breaker = breaker.New(breaker.Config{
			Probe: func(ctx context.Context) error {
				s.mu.Lock()
				s.probes = append(s.probes, time.Since(s.start))
				probe := s.probe
				s.mu.Unlock()
				return probe(ctx)
			},
			Timeout: timeout,
			Go:      s.wg.Go,
			Changed: func(open bool) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.changes = append(s.changes, open)
			},
		})
		test(s)
		s.Close()
		s.wg.Wait()
		close(s.released)
	})
}

// reply makes probes return err at once.
func (s *server) reply(err error) { s.script(func(context.Context) error { return err }) }

func (s *server) script(probe func(context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.probe = probe
}

func (s *server) begunProbes() []time.Duration {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.probes)
}

func (s *server) toldChanges() []bool {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.changes)
}

// call is a call that sets out and ends at once.
func (s *server) call(key uint64, r breaker.Result) {
	s.Helper()
	s.enters()
	s.Leave(key, r)
}

func (s *server) enters() {
	s.Helper()
	require.True(s, s.Enter(), "no call may set out")
}

// opens makes the breaker open.
func (s *server) opens() {
	s.Helper()
	for key := range uint64(3) {
		require.False(s, s.Open())
		s.call(key, breaker.TimedOut)
	}
	s.isOpen()
}

func (s *server) isOpen() {
	s.Helper()
	synctest.Wait()
	require.True(s, s.Open())
	require.False(s, s.Enter(), "a call may set out")
}

// recovers lets a probe have an answer.
func (s *server) recovers() {
	s.Helper()
	s.reply(nil)
	time.Sleep(2 * time.Second)
	synctest.Wait()
	require.False(s, s.Open())
}

// room returns how many calls may set out, and leaves them inside.
func (s *server) room() (n int) {
	for n < 5000 && s.Enter() {
		n++
	}
	return n
}

func (s *server) leave(n int, r breaker.Result) {
	for i := range n {
		s.Leave(uint64(i), r)
	}
}

func TestBreaker_OpensAfterTimeoutsOfThreeKeys(t *testing.T) {
	type result struct {
		key uint64
		r   breaker.Result
	}
	const answered, timedOut, other = breaker.Answered, breaker.TimedOut, breaker.Other
	for _, c := range []struct {
		desc    string
		results []result
		open    bool
	}{
		{"two keys", []result{{1, timedOut}, {2, timedOut}}, false},
		{"three keys", []result{{1, timedOut}, {2, timedOut}, {3, timedOut}}, true},
		{"one key that always hangs", []result{{1, timedOut}, {1, timedOut}, {1, timedOut}, {1, timedOut}}, false},
		{"a key twice", []result{{1, timedOut}, {2, timedOut}, {1, timedOut}}, false},
		{"a key twice, and two others", []result{{1, timedOut}, {1, timedOut}, {2, timedOut}, {3, timedOut}}, true},
		{"an answer between", []result{{1, timedOut}, {2, timedOut}, {4, answered}, {3, timedOut}}, false},
		{"an answer between, and three after it", []result{{1, timedOut}, {4, answered}, {1, timedOut}, {2, timedOut}, {3, timedOut}}, true},
		{"what says nothing between", []result{{1, timedOut}, {2, timedOut}, {4, other}, {3, timedOut}}, true},
		{"what says nothing", []result{{1, other}, {2, other}, {3, other}, {4, other}}, false},
	} {
		t.Run(c.desc, func(t *testing.T) {
			inBubble(t, func(s *server) {
				for _, r := range c.results {
					s.call(r.key, r.r)
				}
				synctest.Wait()
				assert.Equal(s, c.open, s.Open())
				assert.Equal(s, !c.open, s.Enter())
				if c.open {
					assert.Equal(s, []bool{true}, s.toldChanges())
				} else {
					assert.Empty(s, s.toldChanges())
				}
			})
		})
	}
}

// A shop with one visitor asks for one key. The probe asks for another one.
func TestBreaker_ProbeSaysWhetherAFewKeysAreToBlame(t *testing.T) {
	const answered, timedOut = breaker.Answered, breaker.TimedOut
	hangs := func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	for _, c := range []struct {
		desc  string
		keys  []uint64
		probe func(s *server, ctx context.Context) error
		then  func(s *server) // while the probe is under way
		open  bool
	}{
		{"one key twice, and the probe hangs", []uint64{1, 1}, func(_ *server, ctx context.Context) error { return hangs(ctx) }, nil, true},
		{"two keys, one of them twice, and the probe hangs", []uint64{1, 2, 1}, func(_ *server, ctx context.Context) error { return hangs(ctx) }, nil, true},
		{"the probe ignores its context", []uint64{1, 1}, func(s *server, _ context.Context) error { <-s.released; return nil }, nil, true},
		{"the probe is answered", []uint64{1, 1, 1, 1}, func(*server, context.Context) error { return nil }, nil, false},
		{"the probe is answered, and two other keys time out", []uint64{1, 1, 2, 3}, func(*server, context.Context) error { return nil }, nil, false},
		{"the probe is refused", []uint64{1, 1, 1, 1}, func(*server, context.Context) error { return errors.New("refused") }, nil, false},
		{"the probe panics", []uint64{1, 1, 1, 1}, func(*server, context.Context) error { panic("down") }, nil, false},
		{"one key once", []uint64{1}, func(_ *server, ctx context.Context) error { return hangs(ctx) }, nil, false},
		{"a call is answered before the probe times out", []uint64{1, 1}, func(_ *server, ctx context.Context) error { return hangs(ctx) },
			func(s *server) { s.call(2, answered) }, false},
		{"a call is answered, and the key times out again", []uint64{1, 1}, func(_ *server, ctx context.Context) error { return hangs(ctx) },
			func(s *server) {
				s.call(2, answered)
				s.call(1, timedOut)
			}, false},
		{"two keys once", []uint64{1, 2}, func(_ *server, ctx context.Context) error { return hangs(ctx) }, nil, false},
		{"a third key opens it first", []uint64{1, 2, 1}, func(_ *server, ctx context.Context) error { return hangs(ctx) },
			func(s *server) { s.call(3, timedOut) }, true},
		{"a Close comes first", []uint64{1, 1}, func(_ *server, ctx context.Context) error { return hangs(ctx) },
			func(s *server) { s.Close() }, false},
	} {
		t.Run(c.desc, func(t *testing.T) {
			inBubble(t, func(s *server) {
				s.script(func(ctx context.Context) error { return c.probe(s, ctx) })
				for _, key := range c.keys {
					s.call(key, timedOut)
					synctest.Wait()
				}
				assert.False(s, s.Open())
				if c.then != nil {
					c.then(s)
				}
				time.Sleep(timeout)
				synctest.Wait()
				assert.Equal(s, c.open, s.Open())
				if c.open {
					assert.Equal(s, []bool{true}, s.toldChanges())
					s.recovers()
				} else {
					assert.Empty(s, s.toldChanges())
				}
			})
		})
	}
}

func TestBreaker_AsksAgainWhetherAKeyIsToBlame(t *testing.T) {
	inBubble(t, func(s *server) {
		s.reply(nil)
		s.call(1, breaker.TimedOut)
		s.call(1, breaker.TimedOut)
		assert.Len(s, s.begunProbes(), 1)
		s.script(func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		for range 50 {
			s.call(1, breaker.TimedOut)
		}
		assert.Len(s, s.begunProbes(), 2)
		time.Sleep(timeout)
		s.isOpen()
		assert.Len(s, s.begunProbes(), 2, "one probe for all timeouts")
	})
}

func TestBreaker_OneProbeAtATimeWithLongerPauses(t *testing.T) {
	inBubble(t, func(s *server) {
		s.opens()
		time.Sleep(10 * time.Second)
		assert.Equal(s, []time.Duration{100 * ms, 300 * ms, 700 * ms, 1500 * ms, 3100 * ms, 5100 * ms, 7100 * ms, 9100 * ms}, s.begunProbes())
		s.isOpen()
		assert.Equal(s, []bool{true}, s.toldChanges())
	})
}

func TestBreaker_ProbeWithoutAnswerKeepsItOpen(t *testing.T) {
	for desc, probe := range map[string]func(s *server, ctx context.Context) error{
		"error":               func(*server, context.Context) error { return errors.New("down") },
		"panic":               func(*server, context.Context) error { panic("down") },
		"hangs":               func(_ *server, ctx context.Context) error { <-ctx.Done(); return nil },
		"ignores its context": func(s *server, _ context.Context) error { <-s.released; return nil },
	} {
		t.Run(desc, func(t *testing.T) {
			inBubble(t, func(s *server) {
				s.script(func(ctx context.Context) error { return probe(s, ctx) })
				s.opens()
				time.Sleep(time.Hour)
				s.isOpen()
				if desc != "ignores its context" {
					assert.Greater(s, len(s.begunProbes()), 1000)
					s.recovers()
				}
			})
		})
	}
}

// Each probe that never returns keeps a goroutine, so their number is small. But they must not keep
// the breaker open after the server is well again.
func TestBreaker_ProbesThatNeverReturnAreFewAndDoNotKeepItOpen(t *testing.T) {
	inBubble(t, func(s *server) {
		s.script(func(context.Context) error { <-s.released; return nil })
		s.opens()
		time.Sleep(time.Minute)
		assert.Len(s, s.begunProbes(), 16)
		time.Sleep(time.Hour)
		assert.Len(s, s.begunProbes(), 16+5, "after pauses of 1, 2, 4, 8 and 16 minutes")
		s.isOpen()
		s.reply(nil)
		time.Sleep(33 * time.Minute)
		synctest.Wait()
		assert.False(s, s.Open())
		assert.Equal(s, 8, s.room())
		s.leave(8, breaker.Other)

		s.script(func(context.Context) error { <-s.released; return nil })
		for key := range uint64(3) {
			s.call(key, breaker.TimedOut)
		}
		time.Sleep(10 * time.Minute)
		assert.Len(s, s.begunProbes(), 16+5+1+3, "the pauses begin again")
	})
}

// A probe that returns late makes room for the next one at once.
func TestBreaker_ProbeThatReturnsLateEndsTheLongPause(t *testing.T) {
	inBubble(t, func(s *server) {
		over := make(chan struct{})
		s.script(func(context.Context) error { <-over; return nil })
		s.opens()
		time.Sleep(time.Hour)
		s.isOpen()
		close(over)
		synctest.Wait()
		assert.False(s, s.Open())
	})
}

func TestBreaker_HangingProbeDoesNotKeepItOpen(t *testing.T) {
	inBubble(t, func(s *server) {
		s.script(func(context.Context) error { <-s.released; return nil })
		s.opens()
		time.Sleep(100*ms + 1)
		synctest.Wait()
		s.recovers()
	})
}

func TestBreaker_RecoversByRoundsOfAnswers(t *testing.T) {
	inBubble(t, func(s *server) {
		s.opens()
		s.recovers()
		assert.Equal(s, []bool{true, false}, s.toldChanges())
		for _, limit := range []int{8, 16, 32, 64, 128, 256, 512} {
			require.Equal(s, limit, s.room())
			s.leave(limit-1, breaker.Answered)
			require.Equal(s, limit-1, s.room(), "the round is not full")
			s.leave(limit-1, breaker.Other)
			s.leave(1, breaker.Answered)
		}
		require.Equal(s, 5000, s.room(), "closed")
		s.leave(5000, breaker.Other)
		s.call(1, breaker.TimedOut)
		s.call(2, breaker.TimedOut)
		require.False(s, s.Open())
		s.call(3, breaker.TimedOut)
		s.isOpen()
		assert.Equal(s, []bool{true, false, true}, s.toldChanges())
	})
}

// One record that always hangs must not keep the breaker open while the store answers for all
// others.
func TestBreaker_RecoversInSpiteOfAFewKeysThatAlwaysHang(t *testing.T) {
	for _, c := range []struct {
		desc string
		keys []uint64 // that time out in turn, one after each 20 answers
	}{
		{"one key", []uint64{1}},
		{"two keys", []uint64{1, 2}},
		{"many keys, with answers between", []uint64{1, 2, 3, 4, 5}},
	} {
		t.Run(c.desc, func(t *testing.T) {
			inBubble(t, func(s *server) {
				s.opens()
				s.recovers()
				for i := range 100 {
					s.call(c.keys[i%len(c.keys)], breaker.TimedOut)
					for range 20 {
						s.call(100, breaker.Answered)
					}
					synctest.Wait()
					require.False(s, s.Open())
				}
				require.Equal(s, 5000, s.room(), "closed")
				s.leave(5000, breaker.Other)
			})
		})
	}
}

// The probe is due before the opening, and ends after it. Its timeout must not open the breaker a
// second time.
func TestBreaker_ProbeFromBeforeAnOpeningOpensItNoSecondTime(t *testing.T) {
	inBubble(t, func(s *server) {
		s.script(func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		for _, key := range []uint64{1, 1, 2, 3} {
			s.call(key, breaker.TimedOut)
		}
		time.Sleep(10 * time.Second)
		assert.Equal(s, []bool{true}, s.toldChanges())
		s.recovers()
		assert.Equal(s, []bool{true, false}, s.toldChanges())
	})
}

func TestBreaker_TimeoutsDuringRecoveryOpenIt(t *testing.T) {
	for _, c := range []struct {
		desc string
		keys []uint64
	}{
		{"three keys", []uint64{1, 2, 3}},
		{"one key twice, and the probe hangs", []uint64{1, 1}},
	} {
		t.Run(c.desc, func(t *testing.T) {
			inBubble(t, func(s *server) {
				s.opens()
				s.recovers()
				require.Equal(s, 8, s.room())
				s.script(func(ctx context.Context) error {
					<-ctx.Done()
					return ctx.Err()
				})
				s.leave(8-len(c.keys), breaker.Other)
				for _, key := range c.keys {
					require.False(s, s.Open())
					s.Leave(key, breaker.TimedOut)
				}
				time.Sleep(timeout)
				s.isOpen()
				time.Sleep(time.Second)
				s.isOpen()
				s.recovers()
				require.Equal(s, 8, s.room(), "the rounds begin again")
				s.leave(8, breaker.Answered)
				require.Equal(s, 16, s.room())
				assert.Equal(s, []bool{true, false, true, false}, s.toldChanges())
				s.leave(16, breaker.Other)
			})
		})
	}
}

func TestBreaker_ResultsOfEarlierCallsCountForNothing(t *testing.T) {
	for desc, r := range map[string]breaker.Result{
		"answered": breaker.Answered, "timed out": breaker.TimedOut, "other": breaker.Other,
	} {
		t.Run(desc, func(t *testing.T) {
			inBubble(t, func(s *server) {
				const earlier = 50
				for range earlier {
					s.enters()
				}
				s.opens()
				s.leave(earlier-1, r)
				s.isOpen()
				s.reply(nil)
				time.Sleep(time.Second)
				s.isOpen() // an earlier call is still inside
				assert.Len(s, s.begunProbes(), 1, "the answer of the probe is remembered")
				s.leave(1, r)
				synctest.Wait()
				require.False(s, s.Open(), "the last earlier call starts the recovery, and its result does not end it")
				require.Equal(s, 8, s.room())
				s.leave(8, breaker.Other)
			})
		})
	}
}

func TestBreaker_ChangesAreToldInOrderAndBlockNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wg sync.WaitGroup
		told, blocked := []bool{}, make(chan struct{})
		b := breaker.New(breaker.Config{
			Probe:   func(context.Context) error { return nil },
			Timeout: timeout,
			Go:      wg.Go,
			Changed: func(open bool) { <-blocked; told = append(told, open) },
		})
		for range 3 {
			for key := range uint64(3) {
				if b.Enter() {
					b.Leave(key, breaker.TimedOut)
				}
			}
			require.True(t, b.Open())
			time.Sleep(time.Second)
			require.False(t, b.Open())
		}
		close(blocked)
		synctest.Wait()
		assert.Equal(t, []bool{true, false, true, false, true, false}, told)
		b.Close()
		wg.Wait()
	})
}

func TestClose_EndsProbesAndLetsNobodyIn(t *testing.T) {
	for desc, open := range map[string]bool{"closed": false, "open": true} {
		t.Run(desc, func(t *testing.T) {
			inBubble(t, func(s *server) {
				s.enters()
				if open {
					s.script(func(context.Context) error { <-s.released; return nil })
					s.opens()
					time.Sleep(150 * ms)
				}
				s.Close()
				s.wg.Wait()
				s.Leave(1, breaker.Answered)
				require.False(s, s.Enter())
				probes := s.begunProbes()
				time.Sleep(time.Minute)
				assert.Equal(s, probes, s.begunProbes())
				s.Close()
			})
		})
	}
}

// Callers of a server that hangs for a while, many at a time. While the breaker is open only
// earlier calls are inside. After the server is back the breaker closes.
func TestBreaker_ManyCallersOfAServerThatHangs(t *testing.T) {
	inBubble(t, func(s *server) {
		var hangs atomic.Bool
		s.script(func(ctx context.Context) error {
			if hangs.Load() {
				<-ctx.Done()
			}
			return ctx.Err()
		})
		var inside, refused, waited atomic.Int64
		var callers sync.WaitGroup
		for i := range uint64(64) {
			callers.Go(func() {
				r := rand.New(rand.NewPCG(i, 1))
				for range 4000 {
					if !s.Enter() {
						refused.Add(1)
						time.Sleep(10 * ms)
						continue
					}
					inside.Add(1)
					result := breaker.Answered
					if hangs.Load() {
						waited.Add(1)
						result = breaker.TimedOut
						time.Sleep(timeout)
					} else {
						time.Sleep(time.Duration(r.IntN(10)) * ms)
					}
					inside.Add(-1)
					s.Leave(r.Uint64N(1000), result)
				}
			})
		}
		time.Sleep(time.Second)
		require.Zero(s, refused.Load())
		hangs.Store(true)
		time.Sleep(timeout + 100*ms)
		require.True(s, s.Open())
		time.Sleep(2 * timeout)
		require.Zero(s, inside.Load())
		hangs.Store(false)
		time.Sleep(5 * time.Second)
		require.False(s, s.Open())
		before := refused.Load()
		callers.Wait()
		assert.Equal(s, before, refused.Load())
		assert.LessOrEqual(s, waited.Load(), int64(64+2), "nobody waits twice, but the first two: the third opens the breaker")
		assert.Equal(s, []bool{true, false}, s.toldChanges())
	})
}

func TestBreaker_ConcurrentUse(t *testing.T) {
	var wg, callers sync.WaitGroup
	b := breaker.New(breaker.Config{
		Probe:   func(context.Context) error { return nil },
		Timeout: timeout,
		Go:      wg.Go,
		Changed: func(bool) {},
	})
	for i := range uint64(4) {
		callers.Go(func() {
			for n := range uint64(20_000) {
				if b.Enter() {
					b.Leave(i<<32+n, breaker.Result((n+i)%3))
				}
			}
		})
	}
	callers.Wait()
	b.Close()
	wg.Wait()
	require.False(t, b.Enter())
}

func BenchmarkEnterLeave(b *testing.B) {
	br := breaker.New(breaker.Config{})
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if br.Enter() {
				br.Leave(1, breaker.Answered)
			}
		}
	})
}
