// Package breaker protects callers from a server that hangs: while it hangs no call sets out, and
// one probe at a time asks whether the server answers again.
package breaker

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Result says how a call ended.
type Result uint8

const (
	// Other says nothing about whether the server hangs: for example the connection was refused, or
	// the server was busy.
	Other Result = iota
	// Answered says that the server answered in time, also if its answer was a conflict, or that it
	// is full.
	Answered
	// TimedOut says that the call ran into the timer of the caller's own side.
	TimedOut
)

const (
	openAfter     = 3 // timeouts of different keys, with no answer between them
	firstProbe    = 100 * time.Millisecond
	maxProbePause = 2 * time.Second
	firstLimit    = 8    // calls at a time after a probe has answered
	closedLimit   = 1024 // a limit that is not worth counting for
	// A probe that ignores the end of its context keeps a goroutine. While maxProbes of them do, the
	// next probe begins after crowdedPause, and each further one after twice the pause before it, up
	// to a day. So probes that never return are few, and do not keep the breaker open for ever.
	maxProbes    = 16
	crowdedPause = time.Minute
)

// Config configures a Breaker. Every field is required.
type Config struct {
	// Probe asks the server for something, and returns nil if the server answered, whatever it
	// said. It may ignore ctx, hang or panic.
	Probe func(ctx context.Context) error
	// Timeout bounds one probe.
	Timeout time.Duration
	// Go starts a goroutine, and returns at once. It is not called after Close has returned. Each
	// goroutine ends soon after Close.
	Go func(func())
	// Changed is told each change of Open, in order, one call at a time. No lock is held.
	Changed func(open bool)
}

// Breaker is closed, open or recovering. It is safe for concurrent use by multiple goroutines.
//
//   - Closed: every call sets out. Timeouts of three different keys with no answer between open the
//     breaker. If one key times out twice before that, a probe asks the server, and a timeout of
//     the probe opens the breaker, too: perhaps nobody asks for any other key.
//   - Open: no call sets out. After a probe has answered, and every call that set out before the
//     opening has left, the breaker recovers. So no result of such a call can be taken for a result
//     of the recovery: all calls inside have set out since the last opening.
//   - Recovering: a limited number of calls is inside. A full round of answers doubles the limit,
//     until the breaker is closed. Timeouts open the breaker under the same conditions as while it
//     is closed: one key that always hangs must not keep the calls for other keys out.
type Breaker struct {
	cfg    Config
	ctx    context.Context // ends at Close
	cancel context.CancelFunc
	// calls is the number of calls inside, plus notClosed unless the breaker is closed. A call
	// enters a closed breaker by compare-and-swap, so an opening knows exactly which calls set out
	// before it.
	calls atomic.Int64
	// countsAnswers says that answers are counted: there were timeouts, or the breaker is not closed.
	countsAnswers atomic.Bool
	open          atomic.Bool
	turn          chan struct{} // one element while a goroutine is in probe
	probes        chan struct{} // one element for each of the first maxProbes probes that run
	crowded       time.Duration // the next pause while probes is full; guarded by turn

	mu          sync.Mutex
	state       state
	timedOut    []uint64 // the keys that have timed out since the last forget
	timeouts    int      // number of timeouts since the last forget
	asking      bool     // askWhileNotOpen runs
	forgets     uint64   // number of calls of forget
	probeAnswer bool     // while open: a probe has answered
	limit       int64    // while recovering
	answers     int64    // since limit was set, while recovering
	changes     []bool   // not yet told
	telling     bool     // a goroutine tells changes
}

type state uint8

const (
	closed state = iota
	opened
	recovering
	stopped // by Close
)

const notClosed = 1 << 40

// New returns a closed Breaker.
func New(cfg Config) *Breaker {
	ctx, cancel := context.WithCancel(context.Background())
	return &Breaker{cfg: cfg, ctx: ctx, cancel: cancel, turn: make(chan struct{}, 1), probes: make(chan struct{}, maxProbes), crowded: crowdedPause}
}

// Enter reports whether a call may set out. Each true is followed by one Leave, at the latest when
// the caller's own timer ends: the breaker does not recover before.
func (b *Breaker) Enter() bool {
	for n := b.calls.Load(); n < notClosed; n = b.calls.Load() {
		if b.calls.CompareAndSwap(n, n+1) {
			return true
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.state == closed: // since a moment ago
	case b.state == recovering && b.calls.Load()-notClosed < b.limit:
	default:
		return false
	}
	b.calls.Add(1)
	return true
}

// Leave says how a call ended. key identifies what was asked for: one key that is never answered in
// time does not open the breaker while probes are answered.
func (b *Breaker) Leave(key uint64, r Result) {
	if r == TimedOut || r == Answered && b.countsAnswers.Load() {
		b.mu.Lock()
		b.count(key, r)
		b.mu.Unlock()
	}
	// The result counts before the call leaves: when the last earlier call leaves, the recovery
	// begins.
	if b.calls.Add(-1) == notClosed {
		b.mu.Lock()
		b.recoverIfEmpty()
		b.mu.Unlock()
	}
}

// count takes the result of a call that is still inside.
func (b *Breaker) count(key uint64, r Result) {
	switch {
	case b.state != closed && b.state != recovering:
	case r == TimedOut:
		b.timeouts++
		if !slices.Contains(b.timedOut, key) {
			b.timedOut = append(b.timedOut, key)
		}
		b.countsAnswers.Store(true)
		switch {
		case len(b.timedOut) >= openAfter:
			b.trip()
		case b.timeouts > len(b.timedOut) && !b.asking:
			b.asking = true
			forgets := b.forgets
			b.cfg.Go(func() { b.askWhileNotOpen(forgets) })
		}
	default:
		b.forget()
		if b.state == closed {
			return
		}
		if b.answers++; b.answers < b.limit {
			return
		}
		b.answers, b.limit = 0, 2*b.limit
		if b.limit >= closedLimit {
			b.state = closed
			b.countsAnswers.Store(false)
			b.calls.Add(-notClosed)
		}
	}
}

// forget forgets the timeouts, because the server has answered or the breaker opens.
func (b *Breaker) forget() {
	b.forgets++
	b.timedOut, b.timeouts = b.timedOut[:0], 0
	b.countsAnswers.Store(b.state != closed)
}

// trip opens the breaker.
func (b *Breaker) trip() {
	if b.state == closed {
		b.calls.Add(notClosed)
	}
	b.state, b.probeAnswer = opened, false
	b.forget()
	b.change(true)
	b.cfg.Go(b.probeUntilAnswered)
}

// recoverIfEmpty lets the first calls in, if a probe has answered and every earlier call has left.
func (b *Breaker) recoverIfEmpty() {
	if b.state == opened && b.probeAnswer && b.calls.Load() == notClosed {
		b.state, b.limit, b.answers = recovering, firstLimit, 0
		b.change(false)
	}
}

// Open reports whether no call may set out, because the server hangs.
func (b *Breaker) Open() bool { return b.open.Load() }

// Close ends the probes. No call may set out after it. A second Close does nothing.
func (b *Breaker) Close() {
	b.cancel()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state == closed {
		b.calls.Add(notClosed)
	}
	b.state = stopped
}

// probeUntilAnswered is the one goroutine of an opening.
func (b *Breaker) probeUntilAnswered() {
	timer := time.NewTimer(firstProbe)
	defer timer.Stop()
	for pause := firstProbe; ; {
		select {
		case <-timer.C:
		case <-b.ctx.Done():
			return
		}
		if b.probe() == Answered {
			break
		}
		pause = min(2*pause, maxProbePause)
		timer.Reset(pause)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probeAnswer = true
	b.recoverIfEmpty()
}

// askWhileNotOpen probes whether the whole server hangs, or only calls for the keys that have timed
// out. forgets is the value of b.forgets when the probe was wanted. If timeouts were forgotten
// since then, the result of the probe does not count.
func (b *Breaker) askWhileNotOpen(forgets uint64) {
	r := b.probe()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asking = false
	switch {
	case b.state == stopped || b.forgets != forgets:
	case r == Answered:
		b.forget()
	case r == TimedOut:
		b.trip()
	}
}

// probe asks the server, and returns how that ended: within Timeout, because a probe that ignores
// its context is abandoned. Before that it waits for its turn, and for room in probes or the end of
// a pause.
func (b *Breaker) probe() Result {
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-b.ctx.Done():
		return Other
	}
	pause := time.NewTimer(b.crowded)
	defer pause.Stop()
	leave := func() { <-b.probes }
	select {
	case b.probes <- struct{}{}:
	case <-pause.C:
		b.crowded = min(2*b.crowded, 24*time.Hour)
		leave = func() {}
	case <-b.ctx.Done():
		return Other
	}
	ctx, cancel := context.WithTimeout(b.ctx, b.cfg.Timeout)
	defer cancel()
	result := make(chan Result, 1)
	go func() {
		r := Other
		defer func() {
			_ = recover() // a probe that panics has no answer
			leave()
			result <- r
		}()
		if b.cfg.Probe(ctx) == nil {
			r = Answered
		}
	}()
	select {
	case r := <-result:
		if ctx.Err() == nil {
			b.crowded = crowdedPause
			return r
		}
	case <-ctx.Done():
	}
	return TimedOut
}

// change keeps a change of Open, for the goroutine that tells them.
func (b *Breaker) change(open bool) {
	b.open.Store(open)
	b.changes = append(b.changes, open)
	if !b.telling {
		b.telling = true
		b.cfg.Go(b.tell)
	}
}

// tell calls Changed in a goroutine of its own: a logger that blocks must not block callers or
// probes.
func (b *Breaker) tell() {
	for {
		b.mu.Lock()
		if len(b.changes) == 0 {
			b.telling = false
			b.mu.Unlock()
			return
		}
		open := b.changes[0]
		b.changes = b.changes[1:]
		b.mu.Unlock()
		b.cfg.Changed(open)
	}
}
