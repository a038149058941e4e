package directory_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/directory"
)

func TestNew_NamesEachMistake(t *testing.T) {
	for _, c := range []struct {
		desc string
		edit func(*directory.Config[string, string])
		want string
	}{
		{"no clock", func(c *directory.Config[string, string]) { c.Now = nil }, "Config.Now is nil"},
		{"no source", func(c *directory.Config[string, string]) { c.Ask = nil }, "Config.Ask is nil"},
		{"nothing that compares", func(c *directory.Config[string, string]) { c.Equal = nil }, "Config.Equal is nil"},
		{"no hash", func(c *directory.Config[string, string]) { c.Hash = nil }, "Config.Hash is nil"},
		{"nothing that starts goroutines", func(c *directory.Config[string, string]) { c.Go = nil }, "Config.Go is nil"},
		{"a bound without a cost", func(c *directory.Config[string, string]) { c.MaxBytes = 1 }, "Config.Cost is nil"},
		{"a negative bound", func(c *directory.Config[string, string]) { c.MaxBytes = -1 }, "Config.MaxBytes is -1"},
		{"no age", func(c *directory.Config[string, string]) { c.MaxAge = 0 }, "Config.MaxAge is 0s"},
		{"an age at which nothing is served any more", func(c *directory.Config[string, string]) { c.MaxAge = 25 * time.Hour }, "Config.MaxAge is 25h0m0s"},
		{"no timeout", func(c *directory.Config[string, string]) { c.Timeout = -1 }, "Config.Timeout is -1ns"},
	} {
		t.Run(c.desc, func(t *testing.T) {
			cfg := directory.Config[string, string]{
				Now:     func() int64 { return 1 },
				Ask:     func(context.Context, string) (string, error) { return "", nil },
				Equal:   func(a, b string) bool { return a == b },
				Hash:    hash,
				MaxAge:  maxAge,
				Timeout: timeout,
				Go:      func(f func()) { go f() },
			}
			c.edit(&cfg)
			_, err := directory.New(cfg)
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err := directory.New(directory.Config[string, string]{})
	require.ErrorContains(t, err, "Config.Now")
	require.ErrorContains(t, err, "Config.Timeout")
}

func TestGet_CallersShareTheFirstQuestion(t *testing.T) {
	inShop(t, func(s *shop) {
		one, two := s.get(s.Context(), "k"), s.get(s.Context(), "k")
		time.Sleep(300 * ms)
		s.question().answers("v")
		s.noQuestion()
		a, b := <-one, <-two
		require.NoError(s, a.err)
		assert.Equal(s, "v", a.answer.Value)
		assert.Same(s, a.answer, b.answer)
		assert.Equal(s, 300*ms, a.took)
		assert.Equal(s, 1, s.asked)
	})
}

func TestGet_FirstQuestionWaitsUntilTheCallerGivesUp(t *testing.T) {
	inShop(t, func(s *shop) {
		ctx, cancel := context.WithTimeout(s.Context(), 50*ms)
		defer cancel()
		g := <-s.get(ctx, "k")
		require.ErrorIs(s, g.err, context.DeadlineExceeded)
		assert.Equal(s, 50*ms, g.took)
		s.question().answers("v") // the question goes on
		s.serves("k", "v")
		assert.Zero(s, s.numFailures())
	})
}

func TestGet_CallerThatHasGivenUpAsksNothing(t *testing.T) {
	inShop(t, func(s *shop) {
		ctx, cancel := context.WithCancel(s.Context())
		cancel()
		g := <-s.get(ctx, "k")
		require.ErrorIs(s, g.err, context.Canceled)
		s.noQuestion()
	})
}

func TestGet_FirstQuestionWaitsForTimeoutAtMost(t *testing.T) {
	for _, stubborn := range []bool{false, true} {
		t.Run(fmt.Sprintf("ignores its context: %v", stubborn), func(t *testing.T) {
			inShop(t, func(s *shop) {
				s.stubborn = stubborn
				one := s.get(s.Context(), "k")
				time.Sleep(500 * ms)
				two := s.get(s.Context(), "k")
				g := <-one
				require.ErrorIs(s, g.err, directory.ErrNoAnswer)
				require.NotErrorIs(s, g.err, context.DeadlineExceeded, "a caller would take it for its own")
				assert.Equal(s, timeout, g.took)
				assert.Equal(s, timeout-500*ms, (<-two).took)
				require.Equal(s, 1, s.numFailures())
				assert.False(s, s.failures[0].known)
			})
		})
	}
}

func TestGet_NobodyWaitsForFirstAnswersWhileTheSourceHangs(t *testing.T) {
	inShop(t, func(s *shop) {
		<-s.get(s.Context(), "a")
		synctest.Wait()
		s.question()
		s.refuses("b", directory.ErrNoAnswer)
		b := s.question() // goes on in the background
		s.refuses("b", directory.ErrNoAnswer)
		s.noQuestion()
		b.answers("v")
		s.serves("b", "v")
		c := s.get(s.Context(), "c") // the source has answered: waiting is worth it again
		time.Sleep(10 * ms)
		s.question().answers("w")
		assert.Equal(s, 10*ms, (<-c).took)
	})
}

// Each answer comes too late, so a caller that waited would get nothing.
func TestGet_NobodyWaitsForFirstAnswersWhileTheSourceIsTooSlow(t *testing.T) {
	inShop(t, func(s *shop) {
		s.stubborn = true
		<-s.get(s.Context(), "a")
		s.question().answers("v")
		s.serves("a", "v")
		s.refuses("b", directory.ErrNoAnswer)
		b := s.question()
		time.Sleep(timeout + time.Second)
		b.answers("v")
		s.serves("b", "v")
		s.refuses("c", directory.ErrNoAnswer)
		s.question().answers("v") // in time: waiting is worth it again
		d := s.get(s.Context(), "d")
		time.Sleep(10 * ms)
		s.question().answers("w")
		assert.Equal(s, 10*ms, (<-d).took)
	})
}

func TestGet_RefreshThatTimesOutIsEnoughToKnowThatTheSourceHangs(t *testing.T) {
	inShop(t, func(s *shop) {
		s.learn("k", "v")
		time.Sleep(maxAge)
		s.serves("k", "v")
		time.Sleep(timeout)
		synctest.Wait()
		s.refuses("new", directory.ErrNoAnswer)
	})
}

func TestGet_ErrorIsRememberedForASecond(t *testing.T) {
	inShop(t, func(s *shop) {
		c := s.get(s.Context(), "k")
		s.question().fails(errDown)
		require.Equal(s, errDown, (<-c).err, "the error is the source's own")
		time.Sleep(time.Second - 1)
		s.refuses("k", errDown)
		s.noQuestion()
		time.Sleep(1 * time.Nanosecond)
		s.learn("k", "v")
		assert.Equal(s, []failure{{"k", errDown, false}}, s.failures)
	})
}

func TestGet_InvalidateForgetsAnError(t *testing.T) {
	for desc, invalidate := range map[string]func(*shop){
		"key":   func(s *shop) { s.Invalidate("k") },
		"group": func(s *shop) { s.InvalidateGroup("k") },
		"all":   func(s *shop) { s.InvalidateAll() },
	} {
		t.Run(desc, func(t *testing.T) {
			inShop(t, func(s *shop) {
				c := s.get(s.Context(), "k")
				s.question().fails(errDown)
				<-c
				invalidate(s)
				s.noQuestion()
				s.learn("k", "v")
			})
		})
	}
}

func TestGet_UnknownKeysAreRememberedInABoundedNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, func(cfg *directory.Config[string, string]) {
			cfg.Ask = func(context.Context, string) (string, error) { return "", errDown }
		})
		const keys = 10_000
		for i := range keys {
			_, err := s.Get(t.Context(), fmt.Sprintf("k%d", i))
			require.ErrorIs(t, err, errDown)
		}
		assert.Equal(t, keys, s.asked)
		for i := range keys {
			_, _ = s.Get(t.Context(), fmt.Sprintf("k%d", keys-1-i))
		}
		again := s.asked - keys
		assert.GreaterOrEqual(t, again, keys-1024, "more than 1024 keys were remembered")
		assert.LessOrEqual(t, again, keys-512, "far fewer than 1024 keys were remembered")
		s.Close()
	})
}

func TestGet_PanicIsAnError(t *testing.T) {
	for desc, ask := range map[string]func() (string, error){
		"panic":  func() (string, error) { panic("out of shelves") },
		"goexit": func() (string, error) { runtime.Goexit(); return "", nil },
	} {
		t.Run(desc, func(t *testing.T) {
			inShop(t, func(s *shop) {
				c := s.get(s.Context(), "k")
				s.question().reply <- ask
				synctest.Wait()
				g := <-c
				require.Error(s, g.err)
				if desc == "panic" {
					require.ErrorContains(s, g.err, "out of shelves")
				}
				assert.Equal(s, 1, s.numFailures())
			})
		})
	}
}

func TestGet_AgeIsJitteredDownward(t *testing.T) {
	inShop(t, func(s *shop) {
		seen := map[time.Duration]bool{}
		for i := range 32 {
			u := s.until(s.learn(fmt.Sprint("k", i), "v"))
			assert.LessOrEqual(s, u, maxAge)
			assert.GreaterOrEqual(s, u, maxAge-maxAge/8)
			seen[u] = true
		}
		assert.Greater(s, len(seen), 16)
	})
}

func TestGet_OldAnswerServesWhileOneQuestionRuns(t *testing.T) {
	inShop(t, func(s *shop) {
		a := s.learn("k", "v")
		time.Sleep(maxAge)
		assert.Zero(s, s.until(a))
		assert.False(s, a.Superseded(), "an answer past its age is in force")
		assert.Same(s, a, s.serves("k", "v"))
		q := s.question()
		assert.Equal(s, timeout, s.until(a), "callers on the warm path need not call Get")
		time.Sleep(300 * ms)
		s.serves("k", "v")
		s.noQuestion()

		q.answers("w")
		assert.True(s, a.Superseded())
		b := s.serves("k", "w")
		assert.Greater(s, s.until(b), maxAge/2)
		s.noQuestion()
	})
}

func TestGet_SameContentKeepsTheAnswer(t *testing.T) {
	inShop(t, func(s *shop) {
		a := s.learn("k", "v")
		time.Sleep(maxAge)
		s.serves("k", "v")
		s.question().answers("v")
		assert.Same(s, a, s.serves("k", "v"))
		assert.Greater(s, s.until(a), maxAge/2)
	})
}

// After an Invalidate everything made of the old answer stays outdated, also if the source gives
// the same answer again.
func TestLife_EndsForGoodWithAnInvalidateAndWithItsAnswer(t *testing.T) {
	inShop(t, func(s *shop) {
		a := s.learn("k", "v")
		first := a.Life()
		time.Sleep(maxAge)
		s.serves("k", "v")
		s.question().answers("v")
		assert.Same(s, first, a.Life(), "the source has confirmed the answer")
		assert.Equal(s, a.Until(), first.Until())

		s.Invalidate("k")
		assert.Zero(s, first.Until())
		s.question().answers("v")
		assert.Same(s, a, s.serves("k", "v"))
		second := a.Life()
		assert.Zero(s, first.Until())
		assert.Positive(s, second.Until())

		s.InvalidateAll()
		assert.Zero(s, second.Until())
		c := s.get(s.Context(), "k")
		s.question().answers("w")
		require.NoError(s, (<-c).err)
		assert.Zero(s, second.Until())
		assert.Zero(s, a.Life().Until())
	})
}

func TestGet_FailedRefreshIsTriedAgainAfterASecond(t *testing.T) {
	inShop(t, func(s *shop) {
		a := s.learn("k", "v")
		time.Sleep(maxAge)
		for range 3 {
			s.serves("k", "v")
			s.question().fails(errDown)
			assert.Equal(s, time.Second, s.until(a))
			time.Sleep(time.Second - 1)
			s.serves("k", "v")
			s.noQuestion()
			time.Sleep(1 * time.Nanosecond)
		}
		assert.Equal(s, failure{"k", errDown, true}, s.failures[2])
	})
}

func TestGet_AnswerServesFor24HoursAfterItWasConfirmed(t *testing.T) {
	inShop(t, func(s *shop) {
		a := s.learn("k", "v")
		time.Sleep(23 * time.Hour)
		s.serves("k", "v")
		s.question().answers("v") // confirmed
		time.Sleep(24*time.Hour - 1)
		s.serves("k", "v")
		q := s.question()
		assert.EqualValues(s, 1, s.until(a), "nobody serves it for longer")
		time.Sleep(1 * time.Nanosecond)
		assert.Nil(s, s.Known("k"))
		c := s.get(s.Context(), "k")
		s.noQuestion() // shares the one under way
		q.answers("v")
		g := <-c
		require.NoError(s, g.err)
		assert.True(s, a.Superseded())
	})
}

func TestInvalidate_CallersWaitForAQuestionThatBeginsAfterIt(t *testing.T) {
	for _, c := range []struct {
		desc       string
		invalidate func(*shop)
		lazy       bool
	}{
		{"key", func(s *shop) { s.Invalidate("k1") }, false},
		{"group", func(s *shop) { s.InvalidateGroup("k") }, true},
		{"all", func(s *shop) { s.InvalidateAll() }, true},
	} {
		t.Run(c.desc, func(t *testing.T) {
			inShop(t, func(s *shop) {
				a := s.learn("k1", "v")
				time.Sleep(maxAge)
				s.serves("k1", "v")
				before := s.question()
				c.invalidate(s)
				assert.Zero(s, a.Until())
				assert.True(s, a.Superseded())
				assert.Same(s, a, s.Known("k1"), "it is in force until there is another")
				if c.lazy {
					s.noQuestion()
				}
				get := s.get(s.Context(), "k1")
				after := s.question()
				s.noQuestion()

				before.answers("older") // newer than v, and asked before the Invalidate
				assert.Empty(s, get)
				assert.Zero(s, s.Known("k1").Until())
				time.Sleep(60 * ms)
				after.answers("newer")
				g := <-get
				require.NoError(s, g.err)
				assert.Equal(s, "newer", g.answer.Value)
				assert.Equal(s, 60*ms, g.took)
			})
		})
	}
}

func TestInvalidate_OtherKeysAreNotTouched(t *testing.T) {
	inShop(t, func(s *shop) {
		k1, k2, o := s.learn("k1", "v"), s.learn("k2", "v"), s.learn("o", "v")
		s.Invalidate("k1")
		assert.True(s, k1.Superseded())
		assert.False(s, k2.Superseded())
		s.InvalidateGroup("k")
		assert.True(s, k2.Superseded())
		assert.False(s, o.Superseded())
		s.InvalidateGroup("x")
		assert.False(s, o.Superseded())
		s.InvalidateAll()
		assert.True(s, o.Superseded())
	})
}

func TestInvalidate_CallersWait100msAtMost(t *testing.T) {
	inShop(t, func(s *shop) {
		a := s.learn("k", "v")
		s.Invalidate("k")
		q := s.question()
		time.Sleep(30 * ms)
		g := <-s.get(s.Context(), "k")
		require.NoError(s, g.err)
		assert.Same(s, a, g.answer)
		assert.Equal(s, 70*ms, g.took)
		assert.False(s, a.Superseded(), "what was served is in force")
		assert.Equal(s, timeout-100*ms, s.until(a), "until the question ends")
		s.serves("k", "v")
		s.noQuestion()
		q.answers("w")
		s.serves("k", "w")
	})
}

func TestInvalidate_AgainAndAgainHoldsNobodyForLonger(t *testing.T) {
	inShop(t, func(s *shop) {
		s.learn("k", "v")
		s.Invalidate("k")
		c := s.get(s.Context(), "k")
		for range 4 {
			time.Sleep(40 * ms)
			s.Invalidate("k")
		}
		assert.Equal(s, 100*ms, (<-c).took)
	})
}

func TestInvalidate_CallerThatGivesUpGetsWhatIsKnown(t *testing.T) {
	inShop(t, func(s *shop) {
		a := s.learn("k", "v")
		s.Invalidate("k")
		ctx, cancel := context.WithTimeout(s.Context(), 5*ms)
		defer cancel()
		g := <-s.get(ctx, "k")
		require.NoError(s, g.err)
		assert.Same(s, a, g.answer)
		assert.True(s, a.Superseded(), "the next caller waits")
	})
}

func TestInvalidate_NobodyWaitsAfterARefreshHasFailed(t *testing.T) {
	inShop(t, func(s *shop) {
		s.learn("k", "v")
		s.learn("l", "v")
		s.Invalidate("k")
		s.question().fails(errDown)
		s.Invalidate("l")
		s.serves("l", "v")
		s.question().answers("w")
		s.Invalidate("k")
		c := s.get(s.Context(), "k") // the source has answered since
		time.Sleep(10 * ms)
		s.question().answers("w")
		assert.Equal(s, 10*ms, (<-c).took)
	})
}

func TestInvalidate_FirstQuestionsThatFailDoNotCountAsFailedRefreshes(t *testing.T) {
	inShop(t, func(s *shop) {
		s.learn("k", "v")
		c := s.get(s.Context(), "madeup")
		s.question().fails(errDown)
		<-c
		s.Invalidate("k")
		c = s.get(s.Context(), "k")
		time.Sleep(10 * ms)
		s.question().answers("w")
		assert.Equal(s, "w", (<-c).answer.Value)
	})
}

func TestInvalidate_FailedRefreshIsTriedAgain(t *testing.T) {
	inShop(t, func(s *shop) {
		a := s.learn("k", "v")
		s.Invalidate("k")
		s.question().fails(errDown)
		assert.Equal(s, time.Second, s.until(a), "not until the end of its age")
		time.Sleep(time.Second)
		s.serves("k", "v")
		s.question().answers("w")
		s.serves("k", "w")
	})
}

func TestInvalidate_EarlierQuestionThatFailsChangesNothing(t *testing.T) {
	for desc, invalidate := range map[string]func(*shop){
		"key":   func(s *shop) { s.Invalidate("k") },
		"group": func(s *shop) { s.InvalidateGroup("k") },
	} {
		t.Run(desc, func(t *testing.T) {
			inShop(t, func(s *shop) {
				a := s.learn("k", "v")
				time.Sleep(maxAge)
				s.serves("k", "v")
				earlier := s.question()
				invalidate(s)
				earlier.fails(errDown)
				assert.True(s, a.Superseded())
			})
		})
	}
}

func TestInvalidate_DuringTheFirstQuestionAsksAgain(t *testing.T) {
	inShop(t, func(s *shop) {
		one := s.get(s.Context(), "k")
		first := s.question()
		s.Invalidate("k")
		second := s.question()
		two := s.get(s.Context(), "k")
		first.answers("old")
		second.answers("new")
		assert.Equal(s, "new", (<-one).answer.Value)
		assert.Equal(s, "new", (<-two).answer.Value)
	})
}

func TestInvalidate_TwoQuestionsAboutAKeyAreUnderWayAtMost(t *testing.T) {
	inShop(t, func(s *shop) {
		s.learn("k", "v")
		s.Invalidate("k")
		one := s.question()
		s.Invalidate("k")
		two := s.question()
		s.Invalidate("k")
		s.noQuestion()
		one.fails(errDown)
		three := s.question() // asked as soon as there is room
		two.answers("old")
		assert.Zero(s, s.Known("k").Until())
		three.answers("new")
		s.serves("k", "new")
		s.noQuestion()
	})
}

func TestInvalidate_NothingIsAskedAboutUnknownKeys(t *testing.T) {
	inShop(t, func(s *shop) {
		s.Invalidate("k")
		s.InvalidateGroup("k")
		s.InvalidateAll()
		s.noQuestion()
	})
}

func TestAnswer_EarlierQuestionNeverReplacesALaterOne(t *testing.T) {
	for desc, outcome := range map[string]func(*asked){
		"answers": func(a *asked) { a.answers("older") },
		"fails":   func(a *asked) { a.fails(errDown) },
	} {
		t.Run(desc, func(t *testing.T) {
			inShop(t, func(s *shop) {
				s.learn("k", "v")
				s.Invalidate("k")
				earlier := s.question()
				s.Invalidate("k")
				later := s.question()
				later.answers("newest")
				a := s.serves("k", "newest")
				until := a.Until()
				outcome(earlier)
				assert.Same(s, a, s.serves("k", "newest"))
				assert.Equal(s, until, a.Until())
			})
		})
	}
}

func TestFailure_EndsWithALateAnswer(t *testing.T) {
	inShop(t, func(s *shop) {
		s.stubborn = true
		s.learn("k", "v")
		time.Sleep(maxAge)
		s.serves("k", "v")
		late := s.question()
		time.Sleep(timeout)
		synctest.Wait()
		require.NotNil(s, s.Failure())
		late.answers("v")
		assert.Nil(s, s.Failure())
	})
}

func TestAnswer_LateOneCountsUnlessALaterQuestionHasAnswered(t *testing.T) {
	inShop(t, func(s *shop) {
		s.stubborn = true
		a := s.learn("k", "v")
		time.Sleep(maxAge)
		s.serves("k", "v")
		first := s.question()
		time.Sleep(timeout)
		synctest.Wait()
		assert.Equal(s, time.Second, s.until(a), "abandoned, and tried again")
		require.Equal(s, 1, s.numFailures())
		time.Sleep(time.Second)
		s.serves("k", "v")
		second := s.question()
		time.Sleep(timeout)
		synctest.Wait()

		second.answers("new")
		s.serves("k", "new")
		first.answers("old")
		s.serves("k", "new")
		assert.Equal(s, 2, s.numFailures())
	})
}

func TestAsk_OneKeyThatHangsLeavesTheOthersAlone(t *testing.T) {
	inShop(t, func(s *shop) {
		s.stubborn = true
		s.learn("k", "v")
		s.learn("l", "v")
		time.Sleep(maxAge)
		for range 100 {
			s.serves("k", "v")
			time.Sleep(timeout + time.Second)
		}
		synctest.Wait()
		assert.Equal(s, 2+4, s.asked, "four questions about a key hang at most")
		first := s.question()
		s.waiting = nil
		s.serves("l", "v")
		s.question().answers("w")
		s.serves("l", "w")
		first.fails(errDown)
		s.serves("k", "v")
		s.question() // there is room for another one
	})
}

func TestAsk_OneQuestionAtATimeSetsOutWhileOthersHangAndTheSourceAnswers(t *testing.T) {
	inShop(t, func(s *shop) {
		s.stubborn = true
		for i := range 64 {
			s.get(s.Context(), fmt.Sprint("k", i))
		}
		time.Sleep(time.Second)
		c := s.get(s.Context(), "well")
		time.Sleep(time.Second)
		synctest.Wait()
		s.waiting[64].answers("v")
		require.NoError(s, (<-c).err)
		one := s.get(s.Context(), "one")
		s.refuses("next", directory.ErrNoAnswer)
		s.waiting[65].answers("v")
		require.NoError(s, (<-one).err)
		s.get(s.Context(), "two")
		time.Sleep(timeout) // it hangs, too
		s.refuses("next", directory.ErrNoAnswer)
		for _, i := range []int{0, 1} {
			s.waiting[i].fails(errDown)
		}
		s.waiting = nil
		s.get(s.Context(), "next")
		s.question().answers("w")
		s.serves("next", "w")
	})
}

func TestAsk_QuestionThatIsTooOldToCountStopsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, func(cfg *directory.Config[string, string]) { cfg.MaxAge = 500 * ms })
		s.learn("k", "v")
		time.Sleep(500 * ms)
		s.serves("k", "v")
		s.question() // hangs
		refreshed := make(chan error, 1)
		go func() { refreshed <- s.Refresh(t.Context(), "k") }()
		s.question().answers("w")
		require.NoError(t, <-refreshed)
		time.Sleep(500 * ms)
		s.serves("k", "w")
		s.question().answers("x")
		s.serves("k", "x")
		s.Close()
		s.wg.Wait()
	})
}

func TestAsk_RefusedQuestionsLeaveNothingInMemory(t *testing.T) {
	inShop(t, func(s *shop) {
		s.learn("known", "v")
		s.stubborn = true
		<-s.get(s.Context(), "a")
		synctest.Wait()
		for i := range 1000 {
			s.refuses(fmt.Sprint(i, " get"), directory.ErrNoAnswer)
		}
		for i := range 1000 {
			require.ErrorIs(s, s.Refresh(s.Context(), fmt.Sprint(i, " refresh")), directory.ErrNoAnswer)
		}
		assert.LessOrEqual(s, s.Len(), 1+65)
		groups := s.Groups()
		s.Drop("known")
		s.Drop("known")
		assert.Equal(s, groups-1, s.Groups())
	})
}

func TestGet_AnswersThatNobodyHoldsAreKept(t *testing.T) {
	inShop(t, func(s *shop) {
		s.learn("k", "v")
		runtime.GC()
		runtime.GC()
		s.serves("k", "v")
		s.noQuestion()
	})
}

func TestAsk_QuestionsThatHangAreBounded(t *testing.T) {
	for _, stubborn := range []bool{false, true} {
		t.Run(fmt.Sprintf("ignores its context: %v", stubborn), func(t *testing.T) {
			inShop(t, func(s *shop) {
				known := s.learn("known", "v")
				s.stubborn = stubborn
				time.Sleep(maxAge)
				<-s.get(s.Context(), "first")
				synctest.Wait()
				for i := range 1000 {
					s.refuses(fmt.Sprint("k", i), directory.ErrNoAnswer)
				}
				synctest.Wait()
				assert.LessOrEqual(s, s.asked, 66)
				assert.Same(s, known, s.serves("known", "v"))
				require.ErrorIs(s, s.Refresh(s.Context(), "known"), directory.ErrNoAnswer)
				before := s.asked
				if stubborn {
					time.Sleep(9 * time.Minute)
					s.serves("known", "v")
					assert.Equal(s, before, s.asked, "no question sets out until one returns")
					s.question().fails(errDown)
				} else {
					time.Sleep(timeout)
				}
				time.Sleep(time.Second)
				s.serves("known", "v")
				synctest.Wait()
				assert.Equal(s, before+1, s.asked)
			})
		})
	}
}

// Questions that never return must not keep the others from a source that is well again.
func TestAsk_QuestionsThatNeverReturnDoNotKeepTheSourceUnasked(t *testing.T) {
	for _, tc := range []struct {
		desc string
		lose func(s *shop)
	}{
		{"of one key", func(s *shop) {
			for range 10 {
				s.serves("k", "v")
				time.Sleep(timeout + time.Second)
			}
		}},
		{"of many keys", func(s *shop) {
			for i := range 100 {
				s.get(s.Context(), fmt.Sprint("l", i))
			}
			time.Sleep(timeout)
		}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			inShop(t, func(s *shop) {
				s.stubborn = true
				s.learn("k", "v")
				time.Sleep(maxAge)
				tc.lose(s)
				synctest.Wait()
				lost := s.asked
				for range 30 { // an hour of hanging
					time.Sleep(2 * time.Minute)
					s.serves("k", "v")
				}
				synctest.Wait()
				assert.InDelta(s, lost+6, s.asked, 1, "one more every ten minutes")
				s.waiting = nil
				for i := 0; i < 11 && !s.asks(); i++ { // the source is well again
					time.Sleep(time.Minute)
					s.serves("k", "v")
				}
				s.question().answers("0")
				for i := range 10 {
					time.Sleep(maxAge)
					s.serves("k", fmt.Sprint(i))
					s.question().answers(fmt.Sprint(i + 1))
				}
				assert.Less(s, s.now(), 90*time.Minute)
			})
		})
	}
}

func TestRefresh_WaitsForAQuestionThatBeginsAfterTheCall(t *testing.T) {
	inShop(t, func(s *shop) {
		a := s.learn("k", "v")
		time.Sleep(maxAge)
		s.serves("k", "v")
		before := s.question()
		refreshed := make(chan error, 2)
		refresh := func() { refreshed <- s.Refresh(s.Context(), "k") }
		go refresh()
		one := s.question()
		go refresh() // two are under way: waits for room
		s.noQuestion()
		before.answers("old")
		two := s.question()
		assert.Empty(s, refreshed)
		one.answers("w")
		require.NoError(s, <-refreshed)
		assert.Empty(s, refreshed)
		two.answers("x")
		require.NoError(s, <-refreshed)
		s.serves("k", "x")
		assert.True(s, a.Superseded())
	})
}

func TestRefresh_SaysThatItFailed(t *testing.T) {
	for desc, reply := range map[string]struct {
		do   func(*shop)
		want error
	}{
		"error": {func(s *shop) { s.question().fails(errDown) }, errDown},
		"hangs": {func(s *shop) { time.Sleep(timeout) }, directory.ErrNoAnswer},
	} {
		t.Run(desc, func(t *testing.T) {
			inShop(t, func(s *shop) {
				a := s.learn("k", "v")
				until := a.Until()
				refreshed := make(chan error, 1)
				go func() { refreshed <- s.Refresh(s.Context(), "k") }()
				synctest.Wait()
				reply.do(s)
				require.ErrorIs(s, <-refreshed, reply.want)
				assert.Equal(s, until, a.Until(), "the answer is as young as before")
			})
		})
	}
}

func TestRefresh_LearnsAnUnknownKey(t *testing.T) {
	inShop(t, func(s *shop) {
		refreshed := make(chan error, 1)
		go func() { refreshed <- s.Refresh(s.Context(), "k") }()
		s.question().answers("v")
		require.NoError(s, <-refreshed)
		s.serves("k", "v")
	})
}

func TestRefresh_CallerGivesUp(t *testing.T) {
	inShop(t, func(s *shop) {
		ctx, cancel := context.WithTimeoutCause(s.Context(), 10*ms, errors.New("enough"))
		defer cancel()
		require.ErrorIs(s, s.Refresh(ctx, "k"), context.DeadlineExceeded)
	})
}

func TestDrop_NothingEarlierIsServed(t *testing.T) {
	inShop(t, func(s *shop) {
		a := s.learn("k", "v")
		time.Sleep(maxAge)
		s.serves("k", "v")
		before := s.question()
		refreshed := make(chan error, 1)
		go func() { refreshed <- s.Refresh(s.Context(), "k") }()
		refresh := s.question()

		s.Drop("k")
		assert.True(s, a.Superseded())
		assert.Zero(s, a.Until())
		assert.Nil(s, s.Known("k"))
		before.answers("earlier")
		assert.Nil(s, s.Known("k"))
		refresh.answers("earlier")
		assert.Nil(s, s.Known("k"))
		s.question().answers("nobody") // Refresh asks again
		require.NoError(s, <-refreshed)
		s.serves("k", "nobody")
		assert.Zero(s, a.Until())
	})
}

func TestDrop_CallersThatWaitAskAgain(t *testing.T) {
	inShop(t, func(s *shop) {
		c := s.get(s.Context(), "k")
		before := s.question()
		s.Drop("k")
		before.answers("earlier")
		s.question().answers("nobody")
		assert.Equal(s, "nobody", (<-c).answer.Value)
	})
}

func TestClose_EndsQuestionsAndServesWhatIsKnown(t *testing.T) {
	for _, stubborn := range []bool{false, true} {
		t.Run(fmt.Sprintf("ignores its context: %v", stubborn), func(t *testing.T) {
			inShop(t, func(s *shop) {
				s.learn("known", "v")
				time.Sleep(maxAge)
				s.stubborn = stubborn
				first := s.get(s.Context(), "new")
				s.serves("known", "v")
				synctest.Wait()
				asked := s.asked
				began := time.Now()
				s.Close()
				s.wg.Wait()
				assert.LessOrEqual(s, time.Since(began), 100*ms)
				require.ErrorIs(s, (<-first).err, directory.ErrNoAnswer)
				assert.Zero(s, s.numFailures(), "the end of the cache is no failure of the source")

				s.serves("known", "v")
				s.refuses("newer", directory.ErrNoAnswer)
				require.ErrorIs(s, s.Refresh(s.Context(), "known"), directory.ErrNoAnswer)
				s.Invalidate("known")
				synctest.Wait()
				assert.Equal(s, asked, s.asked, "no question sets out after Close")
				s.Close()
			})
		})
	}
}

func TestKeys_AreThoseWithAnAnswer(t *testing.T) {
	inShop(t, func(s *shop) {
		assert.Empty(s, s.Keys())
		s.learn("a", "1")
		s.learn("b", "2")
		refused := s.get(s.Context(), "c")
		s.question().fails(errDown)
		<-refused
		assert.ElementsMatch(s, []string{"a", "b"}, s.Keys())
		s.Drop("a")
		assert.Equal(s, []string{"b"}, s.Keys())
	})
}
