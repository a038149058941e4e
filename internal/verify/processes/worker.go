package processes

import (
	"context"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/sessionctx/storefront/internal/verify/staleness"
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

// Work is the main function of a process that a test has started: it obeys the orders that come in, until they end.
func Work(text string, in io.Reader, out io.Writer) error {
	var w task
	if err := json.Unmarshal([]byte(text), &w); err != nil {
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
	resolver, err := sessionctx.New(sessionctx.Config{
		Store: store, Directory: staleness.Shop, CacheBytes: 1 << 20, Logger: slog.New(slog.DiscardHandler),
		Timeout: w.Lease * 9 / 10,
	})
	if err != nil {
		return err
	}
	defer resolver.Close()
	recorder := staleness.NewRecorder(w.Process, resolver)

	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for session := range numSessions {
		for range readers {
			wg.Go(func() { every(ctx, readEvery, func() { recorder.Read(ctx, session) }) })
		}
		if writes(w.Process, session) {
			wg.Go(func() { every(ctx, writeEvery[session%ownSessions], func() { recorder.Write(ctx, session) }) })
		}
	}
	orders, reports := gob.NewDecoder(in), gob.NewEncoder(out)
	for {
		var o order
		if err := orders.Decode(&o); err != nil {
			return nil // the test has ended, one way or another
		}
		r := staleness.Report{}
		if o == orderReport {
			r = recorder.Take()
		} else if err := recorder.Check(ctx); err != nil {
			r.Unwell = err.Error()
		}
		if err := reports.Encode(&r); err != nil {
			return err
		}
	}
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
