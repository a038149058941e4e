package sessionctx

import (
	"context"
	"sync/atomic"
	"time"
)

// loadContext is the context of a load that others may wait for too: it has the values of the request that leads it, and not its end.
type loadContext struct {
	context.Context // the end
	values          context.Context
}

// Value implements context.Context.
func (c *loadContext) Value(key any) any { return c.values.Value(key) }

// AfterFunc spares contexts that are made of this one a goroutine: package context looks for it.
func (c *loadContext) AfterFunc(f func()) (stop func() bool) { return context.AfterFunc(c.Context, f) }

// ends are the ends of loads that are under way. Loads that began within an eighth of the timeout share one: a timer for each load
// costs as much as all the rest of it in this process. So a load ends when seven eighths of the timeout have passed, or up to one.
type ends [numEnds]atomic.Pointer[end] // by hash, so that not all loads wait at the same channel

const numEnds = 16

type end struct {
	context.Context
	cancel context.CancelFunc
	from   int64 // monotonic
}

// of returns ctx with the end of a load that begins now.
func (es *ends) of(ctx context.Context, hash uint64, now int64, timeout time.Duration) context.Context {
	slot := &es[hash%numEnds]
	e := slot.Load()
	if e == nil || uint64(now-e.from) >= uint64(timeout)/8 || e.Err() != nil { // the clocks of testing/synctest may go back
		e = &end{from: now}
		e.Context, e.cancel = context.WithTimeout(context.Background(), timeout)
		slot.Store(e)
	}
	return &loadContext{e, context.WithoutCancel(ctx)}
}

// close ends those that would be shared next, and so frees their timers; the others end by themselves.
func (es *ends) close() {
	for i := range es {
		if e := es[i].Swap(nil); e != nil {
			e.cancel()
		}
	}
}
