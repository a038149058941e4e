package sessionctx

import (
	"sync/atomic"
	"time"
)

// gate counts the calls inside, so that Close can wait for them: ristretto's Close panics whoever is in its Get.
// It is striped, because one counter for all would be the slowest thing on the warm path.
type gate struct {
	closed atomic.Bool
	_      [60]byte
	lanes  [64]lane
}

type lane struct {
	in, out atomic.Int64
	_       [48]byte // a cache line each
}

// lane returns one of the lanes for a call about the key with this hash.
func (g *gate) lane(hash uint64) *lane { return &g.lanes[hash%uint64(len(g.lanes))] }

// enter lets a call in, unless the gate is closed. The count comes first: a call that sees the gate open is
// seen by whoever closes it.
func (g *gate) enter(l *lane) bool {
	l.in.Add(1)
	if g.closed.Load() {
		l.out.Add(1)
		return false
	}
	return true
}

func (l *lane) leave() { l.out.Add(1) }

// calls returns how many calls there have been.
func (g *gate) calls() (n int64) {
	for i := range g.lanes {
		n += g.lanes[i].in.Load()
	}
	return n
}

// close refuses new calls and waits for those inside. It reports false if the gate was closed before.
func (g *gate) close() bool {
	if g.closed.Swap(true) {
		return false
	}
	for i := range g.lanes {
		l := &g.lanes[i]
		// out first: both only grow, so equal means that at the moment of the second load nobody was inside.
		for out := l.out.Load(); out != l.in.Load(); out = l.out.Load() {
			time.Sleep(100 * time.Microsecond)
		}
	}
	return true
}
