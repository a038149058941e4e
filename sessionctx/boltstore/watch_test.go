package boltstore_test

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/sinktest"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// sink is one whose Invalidate does not return while it is held.
type sink struct {
	sinktest.Sink
	hold    sync.Mutex
	entered chan struct{} // gets a value at each Invalidate, unless nil
}

func (s *sink) Invalidate(h store.KeyHash) {
	if s.entered != nil {
		s.entered <- struct{}{}
	}
	s.hold.Lock()
	defer s.hold.Unlock()
	s.Sink.Invalidate(h)
}

func TestWatch_TheOnlySinkIsToldOfNoSave(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	var one sink
	stop := s.Watch(&one)
	defer stop()
	assert.Equal(t, 1, one.Exclusives(), "when Watch returns")
	rec := written()
	save(t, s, session("a"), rec, none)
	save(t, s, session("a"), written(expiring(2*time.Hour)), rec.Revision())
	assert.Zero(t, one.All(), "it knows its own writes")
	assert.Zero(t, one.Losses())
}

func TestWatch_SeveralSinksAreToldOfEveryWrite(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	var one, two, three sink
	stopOne, stopTwo := s.Watch(&one), s.Watch(&two)
	assert.Equal(t, 1, one.Losses(), "what it has read while alone was never reported")
	assert.Equal(t, 1, two.Exclusives())

	rec := written()
	save(t, s, session("a"), rec, none)
	save(t, s, session("a"), written(expiring(2*time.Hour)), rec.Revision())
	_, err := s.Save(t.Context(), session("a"), rec, none)
	require.ErrorIs(t, err, store.ErrConflict)
	for _, w := range []*sink{&one, &two} {
		assert.Equal(t, 2, w.Reports(session("a")), "a write and a touch; a conflict changes nothing")
	}
	stopThree := s.Watch(&three)
	for _, w := range []*sink{&one, &two, &three} {
		assert.Equal(t, 1, w.Exclusives(), "each sink once")
		assert.Empty(t, w.Leases())
	}
	assert.Equal(t, 1, one.Losses(), "a third one changes nothing for the others")
	save(t, s, session("b"), rec, none)
	for _, w := range []*sink{&one, &two, &three} {
		assert.Equal(t, 1, w.Reports(session("b")))
	}
	stopThree()
	stopOne()
	stopOne()
	save(t, s, session("c"), rec, none)
	assert.Zero(t, one.Reports(session("c")), "stopped")
	assert.Zero(t, two.Reports(session("c")), "alone again")
	stopTwo()
}

// It is not parallel: busy looks at the goroutines of the process.
func TestWatch_ASinkIsToldOfAWriteThatOutlastsTheSinkOfItsWriter(t *testing.T) {
	s := openSmall(t, filepath.Join(ramDisk(t), "sessions.db"))
	var one, two sink
	defer s.Watch(&one)()
	stopTwo := s.Watch(&two)
	release, saved := busy(t, t.Context(), s) // a write of the second Resolver
	stopTwo()                                 // which is closed, because the disk takes too long
	release()
	require.NoError(t, <-saved)
	assert.Equal(t, 1, one.Reports(session("large")), "otherwise the first Resolver reads its cache for ever")
	assert.Zero(t, two.Reports(session("large")), "stopped")
	save(t, s, session("a"), written(), none)
	assert.Zero(t, one.Reports(session("a")), "alone again")
}

// It is not parallel: busy looks at the goroutines of the process.
func TestWatch_ASinkIsToldOfAWriteThatBeganBeforeItCame(t *testing.T) {
	s := openSmall(t, filepath.Join(ramDisk(t), "sessions.db"))
	var one, two sink
	stopOne := s.Watch(&one)
	release, saved := busy(t, t.Context(), s)
	stopOne()
	defer s.Watch(&two)() // of a Resolver that takes the place of the first one
	release()
	require.NoError(t, <-saved)
	assert.Equal(t, 1, two.Reports(session("large")))
	save(t, s, session("a"), written(), none)
	assert.Zero(t, two.Reports(session("a")), "its own write")
}

// It is not parallel: busy looks at the goroutines of the process.
func TestWatch_TheOnlySinkIsToldOfASaveThatReturnedBeforeItsCommit(t *testing.T) {
	s := openSmall(t, filepath.Join(ramDisk(t), "sessions.db"))
	var one sink
	defer s.Watch(&one)()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	release, saved := busy(t, ctx, s)
	cancel()
	require.ErrorIs(t, <-saved, context.Canceled)
	assert.Zero(t, one.Reports(session("large")))
	release()
	save(t, s, session("a"), written(), none) // after the commit
	require.NotZero(t, load(t, s, session("large")))
	assert.Equal(t, 1, one.Reports(session("large")))
}

// commits lets a Save commit and holds it where it tells the watchers. release lets it go on, and
// returns its error.
func commits(t *testing.T, ctx context.Context, s store.Store, w *sink, id string) (release func() error) {
	t.Helper()
	w.hold.Lock()
	saved := make(chan error, 1)
	go func() {
		_, err := s.Save(ctx, session(id), written(), none)
		saved <- err
	}()
	<-w.entered
	return func() error {
		w.hold.Unlock()
		return <-saved
	}
}

func TestLoad_ShowsNoWriteBeforeTheSinksAreTold(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	one := sink{entered: make(chan struct{}, 10)}
	defer s.Watch(&one)()
	defer s.Watch(new(sink))()
	save(t, s, session("other"), written(), none)
	<-one.entered
	release := commits(t, t.Context(), s, &one, "a")

	assert.NotZero(t, load(t, s, session("other")), "a record that is not being written can be read")
	ended, cancel := context.WithCancel(t.Context())
	loaded := make(chan error, 1)
	go func() {
		_, err := s.Load(ended, session("a"))
		loaded <- err
	}()
	seen := make(chan int, 1)
	go func() {
		rec, err := s.Load(context.Background(), session("a"))
		assert.NoError(t, err)
		assert.NotZero(t, rec)
		seen <- one.Reports(session("a"))
	}()
	for loadsThatWait() < 2 {
		select {
		case <-seen:
			require.NoError(t, release())
			t.Fatal("a Load has shown the write already")
		case err := <-loaded:
			require.NoError(t, release())
			t.Fatal("a Load has ended already:", err)
		default:
			runtime.Gosched()
		}
	}
	cancel()
	assert.ErrorIs(t, <-loaded, context.Canceled)
	require.NoError(t, release())
	assert.Equal(t, 1, <-seen)
}

// loadsThatWait counts the calls of Load, of the test above, that have found a record and wait for
// its commit to be told.
func loadsThatWait() (n int) {
	stacks := make([]byte, 4<<20)
	for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		header, frames, _ := strings.Cut(stack, "\n")
		top, _, _ := strings.Cut(frames, "\n")
		if strings.Contains(header, "[select") && strings.Contains(top, "boltstore.(*Store).load(") &&
			strings.Contains(frames, "created by") && strings.Contains(frames, "TestLoad_ShowsNoWriteBeforeTheSinksAreTold") {
			n++
		}
	}
	return n
}

func TestSave_SaysWhetherItHadBegunWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	one := sink{entered: make(chan struct{}, 10)}
	defer s.Watch(&one)()
	defer s.Watch(new(sink))()

	ctx, cancel := context.WithCancel(t.Context())
	early := make(chan error, 1)
	late := make(chan error, 1)
	w := &one
	w.hold.Lock()
	go func() {
		_, err := s.Save(ctx, session("under way"), written(), none)
		late <- err
	}()
	<-w.entered // it is committed, and not answered yet
	go func() {
		_, err := s.Save(ctx, session("waiting"), written(), none)
		early <- err
	}()
	cancel()
	err := <-early
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorContains(t, err, "nothing was written")
	assert.ErrorIs(t, err, store.ErrUnavailable)
	err = <-late
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorContains(t, err, "the outcome is unknown")
	for _, other := range []error{store.ErrConflict, store.ErrFull, store.ErrUnavailable} {
		assert.NotErrorIs(t, err, other)
	}
	w.hold.Unlock()
	save(t, s, session("later"), written(), none)
	assert.NotZero(t, load(t, s, session("under way")))
	assert.Zero(t, load(t, s, session("waiting")))
}

func TestWatch_ASecondSinkMissesNothing(t *testing.T) {
	t.Parallel()
	for range 10 {
		s := fresh(t)
		var one, two sink
		defer s.Watch(&one)()
		started, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for i := range 20 {
				if i == 10 {
					close(started)
				}
				_, err := s.Save(context.Background(), session(fmt.Sprint(i)), written(), none)
				assert.NoError(t, err)
			}
		}()
		<-started
		stop := s.Watch(&two)
		at := int(s.Stats().Records) // no more than these were written before it came
		<-done
		stop()
		require.GreaterOrEqual(t, two.All(), 20-at)
		require.Equal(t, one.All(), two.All())
		require.Equal(t, 1, one.Losses())
	}
}
