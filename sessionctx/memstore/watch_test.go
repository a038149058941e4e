package memstore_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/sinktest"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

func TestWatch_TheOnlySinkIsToldOfEvictionsOnly(t *testing.T) {
	s := roomFor(t, 2, customers)
	var one sinktest.Sink
	stop := s.Watch(&one)
	defer stop()
	assert.Equal(t, 1, one.Exclusives(), "when Watch returns")
	put(t, s, "a")
	put(t, s, "b", customers)
	save(t, s, session("b"), written(customers, expiring(2*time.Hour)), store.Revision{Incarnation: 1, Version: 1})
	assert.Zero(t, one.All(), "it knows its own writes")
	put(t, s, "c", customers)
	assert.Equal(t, 1, one.Reports(session("a")), "a was evicted, so that its process must not show it any longer")
	assert.Equal(t, 1, one.All())
	assert.Zero(t, one.Losses())
	assert.Equal(t, 1, one.Exclusives())
	assert.Empty(t, one.Leases())
}

func TestWatch_SeveralSinksAreToldOfEveryWrite(t *testing.T) {
	s := roomFor(t, 2, customers)
	var one, two, three sinktest.Sink
	stopOne := s.Watch(&one)
	stopTwo := s.Watch(&two)
	assert.Equal(t, 1, one.Losses(), "what it has read while alone was never reported")
	assert.Equal(t, 1, two.Losses(), "it may have read before it watched")
	assert.Equal(t, 1, two.Exclusives())

	put(t, s, "a")
	save(t, s, session("a"), written(expiring(2*time.Hour)), store.Revision{Incarnation: 1, Version: 1})
	_, err := s.Save(t.Context(), session("a"), written(), store.Revision{})
	require.ErrorIs(t, err, store.ErrConflict)
	for _, w := range []*sinktest.Sink{&one, &two} {
		assert.Equal(t, 2, w.Reports(session("a")), "a write and a touch; a conflict changes nothing")
	}
	stopThree := s.Watch(&three)
	for _, w := range []*sinktest.Sink{&one, &two, &three} {
		assert.Equal(t, 1, w.Exclusives(), "each sink once")
		assert.Empty(t, w.Leases())
	}
	assert.Equal(t, 1, one.Losses(), "a third one changes nothing for the others")
	put(t, s, "b", customers)
	put(t, s, "c", customers)
	for _, w := range []*sinktest.Sink{&one, &two, &three} {
		assert.Equal(t, 1, w.Reports(session("b")))
		assert.Equal(t, 1, w.Reports(session("c")))
	}
	assert.Equal(t, 3, one.Reports(session("a")), "and its eviction")

	stopThree()
	stopOne()
	stopOne()
	before, beforeTwo := one.All(), two.All()
	rec := written(customers)
	rec.Version = 2
	save(t, s, session("b"), rec, store.Revision{Incarnation: 1, Version: 1})
	assert.Equal(t, before, one.All(), "stopped")
	assert.Equal(t, beforeTwo, two.All(), "alone again")
	stopTwo()
}

func TestWatch_ASecondSinkMissesNothing(t *testing.T) {
	for range 50 {
		var s memstore.Store
		var one, two sinktest.Sink
		defer s.Watch(&one)()
		started, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for i := range 40 {
				if i == 20 {
					close(started)
				}
				_, err := s.Save(context.Background(), session(fmt.Sprint(i)), written(), store.Revision{})
				assert.NoError(t, err)
			}
		}()
		<-started
		stop := s.Watch(&two)
		at := s.Stats().Records // no more than these were written before it came
		<-done
		stop()
		require.GreaterOrEqual(t, two.All(), 40-at)
		require.Equal(t, one.All(), two.All())
		require.Equal(t, 1, one.Losses())
	}
}

func TestWatch_StopWaitsForReports(t *testing.T) {
	var s memstore.Store
	for range 100 {
		stop1 := s.Watch(new(sinktest.Sink))
		var two sinktest.Sink
		stop2 := s.Watch(&two)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := range 20 {
				rec, err := s.Load(context.Background(), session("a"))
				if err != nil {
					return
				}
				base := rec.Revision()
				if i == 0 && base == (store.Revision{}) {
					rec = written()
				} else {
					rec.Version++
				}
				_, _ = s.Save(context.Background(), session("a"), rec, base)
			}
		}()
		stop2()
		heard := two.All()
		<-done
		require.Equal(t, heard, two.All())
		stop1()
	}
}

// lateSink loads what it is told of, and takes notice only when the load waits until all are told.
type lateSink struct {
	sinktest.Sink
	store *memstore.Store
	seen  chan int64 // versions
	early int64      // what was seen too early
}

func (s *lateSink) Invalidate(h store.KeyHash) {
	go func() {
		rec, _ := s.store.Load(context.Background(), session("a"))
		s.seen <- rec.Version
	}()
	for !loadWaits() {
		select {
		case s.early = <-s.seen:
			return
		default:
			runtime.Gosched()
		}
	}
	s.Sink.Invalidate(h)
}

// loadWaits reports whether a call of Load waits for the lock of its record.
func loadWaits() bool {
	stacks := make([]byte, 1<<20)
	for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		if strings.Contains(stack, "[sync.RWMutex.RLock") && strings.Contains(stack, "memstore.(*Store).Load(") {
			return true
		}
	}
	return false
}

func TestWatch_NoLoadSeesAChangeBeforeEverySinkIsTold(t *testing.T) {
	var s memstore.Store
	late := lateSink{store: &s, seen: make(chan int64, 1)}
	var other sinktest.Sink
	defer s.Watch(&late)()
	defer s.Watch(&other)()
	put(t, &s, "a")
	assert.Equal(t, 1, late.Reports(session("a")))
	assert.Zero(t, late.early)
}
