package processes

import (
	"context"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/redisstore"
)

const (
	numProcesses   = 3
	ownSessions    = 4                                         // that one process writes
	sharedSessions = 2                                         // that all processes write
	numSessions    = numProcesses*ownSessions + sharedSessions // that all processes read
	readers        = 2                                         // of each session in each process: so that loads are shared
	readEvery      = 2 * time.Millisecond
)

// writeEvery is how often the owner of a session writes it: often, so that the promise is tried hard, and seldom, so that there is
// something in the near-cache whenever something breaks.
var writeEvery = [ownSessions]time.Duration{20 * time.Millisecond, 40 * time.Millisecond, 160 * time.Millisecond, 640 * time.Millisecond}

// writes reports whether a process writes a session.
func writes(process, session int) bool {
	return session/ownSessions == process || session >= numProcesses*ownSessions
}

// task is what a process is started with.
type task struct {
	Process int
	Addr    string
	Lease   time.Duration
}

// taskVariable is the environment variable that makes a process of the test binary.
const taskVariable = "PROCESS_TASK"

// order is what the test asks of a process; it answers each with a report.
type order string

const (
	orderCheck  order = "check"  // fill in Unwell alone
	orderReport order = "report" // what was seen since the last one
)

// worker is one process.
type worker struct {
	task
	resolver *sessionctx.Resolver
	serial   atomic.Int64

	mu        sync.Mutex
	report    report
	sightings map[seen]*sighting
	before    sessionctx.Stats // as it was at the last report
}

type seen struct {
	session  int
	revision sessionctx.Revision
}

// Work is the main function of a process that a test has started: it obeys the orders that come in, until they end.
func Work(text string, in io.Reader, out io.Writer) error {
	w := &worker{sightings: make(map[seen]*sighting)}
	if err := json.Unmarshal([]byte(text), &w.task); err != nil {
		return err
	}
	store, err := redisstore.New(redisstore.Config{
		Client: rueidis.ClientOption{InitAddress: []string{w.Addr}},
		Lease:  w.Lease,
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	defer store.Close()
	w.resolver, err = sessionctx.New(sessionctx.Config{
		Store: store, Directory: shop, CacheBytes: 1 << 20, Logger: slog.New(slog.DiscardHandler),
		Timeout: w.Lease * 9 / 10,
	})
	if err != nil {
		return err
	}
	defer w.resolver.Close()

	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for session := range numSessions {
		for range readers {
			wg.Go(func() { every(ctx, readEvery, func() { w.read(ctx, session) }) })
		}
		if writes(w.Process, session) {
			wg.Go(func() { every(ctx, writeEvery[session%ownSessions], func() { w.write(ctx, session) }) })
		}
	}
	orders, reports := gob.NewDecoder(in), gob.NewEncoder(out)
	for {
		var o order
		if err := orders.Decode(&o); err != nil {
			return nil // the test has ended, one way or another
		}
		r := report{}
		if o == orderReport {
			r = w.takeReport()
		} else if err := w.check(ctx); err != nil {
			r.Unwell = err.Error()
		}
		if err := reports.Encode(&r); err != nil {
			return err
		}
	}
}

var shop = sessionctx.Static{"demoshop": {Sites: []defaults.Site{{Code: "main", Default: true, Currency: "EUR", Country: "DE", Language: "de"}}}}

func request(id string) sessionctx.Request {
	return sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: id}}
}

func every(ctx context.Context, d time.Duration, do func()) {
	t := time.NewTicker(d)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			do()
		}
	}
}

func (w *worker) read(ctx context.Context, session int) {
	req := request("s" + strconv.Itoa(session))
	begin := now()
	s, err := w.resolver.Resolve(ctx, req)
	end := now()
	if ctx.Err() != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.report.Reads++
	switch {
	case err != nil:
		w.report.Trouble = fmt.Sprintf("Resolve: %v", err)
	case s.Degraded:
		w.report.Degraded++
	case s.Version == 0:
		w.report.Absences = append(w.report.Absences, absence{w.Process, session, begin, end})
	default:
		k := seen{session, s.Revision()}
		g, ok := w.sightings[k]
		if !ok {
			g = &sighting{Process: w.Process, Session: session, Revision: s.Revision(), Mark: s.CartID}
			w.sightings[k] = g
		}
		if g.Mark != s.CartID {
			w.report.Trouble = fmt.Sprintf("session %d at %v is %q and %q", session, g.Revision, g.Mark, s.CartID)
		}
		g.Last = max(g.Last, begin)
		g.Reads++
	}
}

func (w *worker) write(ctx context.Context, session int) {
	mark := fmt.Sprintf("%d-%d", w.Process, w.serial.Add(1))
	begin := now()
	s, err := w.resolver.Update(ctx, request("s"+strconv.Itoa(session)), sessionctx.Patch{CartID: sessionctx.Set(mark)})
	ack := now()
	if ctx.Err() != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err == nil && s.CartID == mark:
		w.report.Writes = append(w.report.Writes, write{w.Process, session, s.Revision(), mark, begin, ack})
	case err == nil:
		w.report.Trouble = fmt.Sprintf("Update to %q returned %q", mark, s.CartID)
	case errors.Is(err, sessionctx.ErrUnavailable):
		w.report.FailedWrites++
	default:
		w.report.Trouble = fmt.Sprintf("Update: %v", err)
	}
}

// takeReport returns what was seen since the last report.
func (w *worker) takeReport() report {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.report
	for _, g := range w.sightings {
		r.Sightings = append(r.Sightings, *g)
	}
	stats := w.resolver.Stats()
	r.Hits, w.before = int(stats.Hits-w.before.Hits), stats
	w.report = report{}
	clear(w.sightings)
	return r
}

// check returns why the process does not work as it should: it can write, it can read, and it can cache.
func (w *worker) check(ctx context.Context) error {
	req := request("check-" + strconv.Itoa(w.Process))
	if _, err := w.resolver.Update(ctx, req, sessionctx.Patch{CartID: sessionctx.Set("check")}); err != nil {
		return err
	}
	req.Freshness = sessionctx.FreshRead
	if _, err := w.resolver.Resolve(ctx, req); err != nil {
		return err
	}
	if lease := w.resolver.Stats().Lease; lease <= 0 {
		return fmt.Errorf("the lease has been out for %v", -lease)
	}
	return nil
}

// Main lets a process that a test has started do its work, and exit; in any other process it does nothing.
func Main() {
	text, ok := os.LookupEnv(taskVariable)
	if !ok {
		return
	}
	if err := Work(text, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "process:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
