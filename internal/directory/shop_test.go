package directory_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/directory"
)

const (
	maxAge  = time.Minute
	timeout = 2 * time.Second
	ms      = time.Millisecond
)

var errDown = errors.New("the source is down")

// asked is a question that has reached the source and waits for the test's reply.
type asked struct {
	key   string
	began time.Duration
	reply chan func() (string, error)
}

func (a *asked) answers(value string) {
	a.reply <- func() (string, error) { return value, nil }
	synctest.Wait()
}

func (a *asked) fails(err error) {
	a.reply <- func() (string, error) { return "", err }
	synctest.Wait()
}

// failure is a call of Config.Failed.
type failure struct {
	key   string
	err   error
	known bool
}

// shop is a Cache before a source that the test scripts.
type shop struct {
	*testing.T
	*directory.Cache[string, string]
	start    time.Time
	wg       sync.WaitGroup
	stubborn bool          // the source ignores the end of its context
	released chan struct{} // closed: stubborn questions return

	mu       sync.Mutex
	waiting  []*asked
	asked    int
	failures []failure
}

// inShop runs a test in a bubble. At its end each goroutine that the Cache has started must have
// ended.
func inShop(t *testing.T, test func(s *shop)) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, nil)
		test(s)
		close(s.released)
		s.Close()
		s.wg.Wait()
	})
}

func newShop(t *testing.T, edit func(*directory.Config[string, string])) *shop {
	s := &shop{T: t, start: time.Now(), released: make(chan struct{})}
	cfg := directory.Config[string, string]{
		Now:     func() int64 { return int64(s.now()) },
		Ask:     s.ask,
		Equal:   func(a, b string) bool { return a == b },
		Hash:    hash,
		Group:   func(key string) string { return key[:1] },
		MaxAge:  maxAge,
		Timeout: timeout,
		Go:      s.wg.Go,
		Asked:   func() { s.mu.Lock(); s.asked++; s.mu.Unlock() },
		Failed: func(key string, err error, known bool) {
			s.mu.Lock()
			s.failures = append(s.failures, failure{key, err, known})
			s.mu.Unlock()
		},
	}
	if edit != nil {
		edit(&cfg)
	}
	var err error
	s.Cache, err = directory.New(cfg)
	require.NoError(t, err)
	return s
}

func hash(key string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(key) {
		h = (h ^ uint64(key[i])) * 1099511628211
	}
	return h
}

func (s *shop) now() time.Duration { return time.Since(s.start) + 1 }

func (s *shop) ask(ctx context.Context, key string) (string, error) {
	a := &asked{key, s.now(), make(chan func() (string, error))}
	s.mu.Lock()
	s.waiting = append(s.waiting, a)
	done := ctx.Done()
	if s.stubborn {
		done = nil
	}
	s.mu.Unlock()
	select {
	case reply := <-a.reply:
		return reply()
	case <-done:
		return "", ctx.Err()
	case <-s.released:
		return "", errDown
	}
}

// question returns the oldest question that has reached the source and was not returned yet.
func (s *shop) question() *asked {
	s.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	require.NotEmpty(s, s.waiting, "no question has set out")
	a := s.waiting[0]
	s.waiting = s.waiting[1:]
	return a
}

// noQuestion requires that no question waits that question has not returned.
func (s *shop) noQuestion() {
	s.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Empty(s, s.waiting, "a question has set out")
}

// got is what a Get returned, and how long it took.
type got struct {
	answer *directory.Answer[string]
	err    error
	took   time.Duration
}

// get calls Get in a goroutine of its own.
func (s *shop) get(ctx context.Context, key string) <-chan got {
	c := make(chan got, 1)
	go func() {
		began := time.Now()
		a, err := s.Get(ctx, key)
		c <- got{a, err, time.Since(began)}
	}()
	synctest.Wait()
	return c
}

// serves requires that Get returns the value, and does not wait.
func (s *shop) serves(key, value string) *directory.Answer[string] {
	s.Helper()
	g := <-s.get(s.Context(), key)
	require.NoError(s, g.err)
	assert.Equal(s, value, g.answer.Value)
	assert.Zero(s, g.took, "Get waited")
	assert.Same(s, g.answer, s.Known(key))
	return g.answer
}

// refuses requires that Get returns an error, and does not wait.
func (s *shop) refuses(key string, err error) {
	s.Helper()
	g := <-s.get(s.Context(), key)
	require.ErrorIs(s, g.err, err)
	assert.Zero(s, g.took, "Get waited")
}

// learn makes the cache know the value.
func (s *shop) learn(key, value string) *directory.Answer[string] {
	s.Helper()
	c := s.get(s.Context(), key)
	s.question().answers(value)
	g := <-c
	require.NoError(s, g.err)
	require.Equal(s, value, g.answer.Value)
	return g.answer
}

// until is how long the answer needs no question.
func (s *shop) until(a *directory.Answer[string]) time.Duration {
	return max(time.Duration(a.Until())-s.now(), 0)
}

func (s *shop) numFailures() int {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.failures)
}

// asks reports whether a question has reached the source.
func (s *shop) asks() bool {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiting) > 0
}
