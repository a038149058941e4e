package processes

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/sessionctx"
)

// Recorder reads and writes sessions through one Resolver, and writes down what it saw and when. It
// is safe for concurrent use.
type Recorder struct {
	process  int
	resolver *sessionctx.Resolver
	serial   atomic.Int64

	mu        sync.Mutex
	report    Report
	sightings map[seen]*Sighting
	before    sessionctx.Stats // as it was at the last report
}

type seen struct {
	session  int
	revision sessionctx.Revision
}

// NewRecorder returns the Recorder of a process, or of what stands for one: its number tells its
// writes from those of others.
func NewRecorder(process int, r *sessionctx.Resolver) *Recorder {
	return &Recorder{process: process, resolver: r, sightings: make(map[seen]*Sighting)}
}

// Read resolves a session. If ctx has ended, the outcome is not recorded.
func (c *Recorder) Read(ctx context.Context, session int) {
	req := request(session)
	begin := Now()
	s, err := c.resolver.Resolve(ctx, req)
	end := Now()
	if ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report.Reads++
	switch {
	case err != nil:
		c.report.Trouble = fmt.Sprintf("Resolve: %v", err)
	case s.Degraded:
		c.report.Degraded++
	case s.Version == 0:
		c.report.Absences = append(c.report.Absences, Absence{Process: c.process, Session: session, Begin: begin, End: end})
	default:
		k := seen{session, s.Revision()}
		g, ok := c.sightings[k]
		if !ok {
			g = &Sighting{Process: c.process, Session: session, Revision: s.Revision(), Mark: s.CartID}
			c.sightings[k] = g
		}
		if g.Mark != s.CartID {
			c.report.Trouble = fmt.Sprintf("session %d at %v is %q and %q", session, g.Revision, g.Mark, s.CartID)
		}
		g.Last = max(g.Last, begin)
		g.Reads++
	}
}

// ReadFresh resolves a session from the store, whatever is cached.
func (c *Recorder) ReadFresh(ctx context.Context, session int) {
	req := request(session)
	req.Fresh = true
	begin := Now()
	s, err := c.resolver.Resolve(ctx, req)
	if ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report.FreshReads++
	switch {
	case errors.Is(err, sessionctx.ErrUnavailable):
		c.report.FailedReads++
	case err != nil:
		c.report.Trouble = fmt.Sprintf("a fresh read: %v", err)
	case s.Degraded:
		c.report.Trouble = "a fresh read: a degraded answer"
	case s.Version == 0:
		c.report.Absences = append(c.report.Absences, Absence{Process: c.process, Session: session, Begin: begin, End: Now(), Fresh: true})
	default:
		c.report.Fresh = append(c.report.Fresh, Sighting{
			Process: c.process, Session: session, Revision: s.Revision(), Mark: s.CartID, Last: begin, Reads: 1,
		})
	}
}

// Write updates a session.
func (c *Recorder) Write(ctx context.Context, session int) {
	mark := fmt.Sprintf("%d-%d", c.process, c.serial.Add(1))
	begin := Now()
	first := false
	s, err := c.resolver.Update(ctx, request(session), sessionctx.Patch{
		CartID: sessionctx.Set(mark),
		Require: func(current sessionctx.Session) error {
			first = current.Version == 0
			return nil
		},
	})
	ack := Now()
	if ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil && s.CartID == mark:
		c.report.Writes = append(c.report.Writes, Write{c.process, session, s.Revision(), first, mark, begin, ack})
	case err == nil:
		c.report.Trouble = fmt.Sprintf("Update to %q returned %q", mark, s.CartID)
	case errors.Is(err, sessionctx.ErrUnavailable), errors.Is(err, sessionctx.ErrUnknownOutcome):
		c.report.FailedWrites++
	default:
		c.report.Trouble = fmt.Sprintf("Update: %v", err)
	}
}

// Take returns what was seen since it was called last.
func (c *Recorder) Take() Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.report
	for _, g := range c.sightings {
		r.Sightings = append(r.Sightings, *g)
	}
	stats := c.resolver.Stats()
	r.Hits, c.before = int(stats.Hits-c.before.Hits), stats
	c.report = Report{}
	clear(c.sightings)
	return r
}

func request(session int) sessionctx.Request { return evidence.Asserted("s"+strconv.Itoa(session), "") }

// Check returns why the process does not work as it should: it can write, it can read, and it can
// cache.
func (c *Recorder) Check(ctx context.Context) error {
	req := evidence.Asserted("check-"+strconv.Itoa(c.process), "")
	if _, err := c.resolver.Update(ctx, req, sessionctx.Patch{CartID: sessionctx.Set("check")}); err != nil {
		return err
	}
	req.Fresh = true
	if _, err := c.resolver.Resolve(ctx, req); err != nil {
		return err
	}
	if s, err := c.resolver.Resolve(ctx, request(0)); err != nil || s.Degraded {
		return fmt.Errorf("reads are degraded, or fail: %v", err)
	}
	if lease := c.resolver.Stats().Lease; lease <= 0 {
		return fmt.Errorf("the lease has been out for %v", -lease)
	}
	return nil
}
