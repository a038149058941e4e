package processes

import (
	"context"
	"encoding/gob"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/redisstore"
)

// rhythm is how often a session is read, read from the store, and written. Some rhythms are fast,
// to try the promise hard. Others are slow, so that the near-cache has old entries when something
// breaks and when it works again.
type rhythm struct{ read, fresh, write time.Duration }

var rhythms = [...]rhythm{
	{3 * time.Millisecond, 60 * time.Millisecond, 20 * time.Millisecond},
	{3 * time.Millisecond, 60 * time.Millisecond, 60 * time.Millisecond},
	{3 * time.Millisecond, 0, 320 * time.Millisecond},
	{0, 0, 240 * time.Millisecond}, // read by orderReadAll alone
	{0, 0, 400 * time.Millisecond},
}

const (
	numProcesses = 3
	writers      = numProcesses + 1 // of the sessions of one rhythm: each process, and all of them
	numSessions  = writers * len(rhythms)
)

// task is what a process is told first.
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
	orderReadAll order = "read"   // read each session once
	orderCheck   order = "check"  // fill in Unwell alone
	orderReport  order = "report" // what was seen since the last one; before that, read each session from the store
)

// Work is the main function of a process that a test has started: it obeys the orders that come in,
// until they end.
func Work(in io.Reader, out io.Writer) error {
	orders, reports := gob.NewDecoder(in), gob.NewEncoder(out)
	var w task
	if err := orders.Decode(&w); err != nil {
		return err
	}
	store, err := redisstore.New(evidence.RedisConfig(w.Addr, w.Lease))
	if err != nil {
		return err
	}
	defer store.Close()
	resolver, err := sessionctx.New(sessionctx.Config{
		Store: store, Directory: evidence.Shop(), CacheBytes: 1 << 20, Logger: evidence.Quiet, Timeout: w.Lease * 9 / 10,
	})
	if err != nil {
		return err
	}
	defer resolver.Close()
	recorder := NewRecorder(w.Process, resolver)

	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	often := func(d time.Duration, do func(context.Context, int), session int) {
		if d > 0 {
			wg.Go(func() { every(ctx, d, func() { do(ctx, session) }) })
		}
	}
	for session := range numSessions {
		r := rhythms[session/writers]
		often(r.read, recorder.Read, session)
		often(r.fresh, recorder.ReadFresh, session)
		if by := session % writers; by == w.Process || by == numProcesses {
			often(r.write, recorder.Write, session)
		}
	}
	all := func(do func(context.Context, int)) {
		var wg sync.WaitGroup
		for session := range numSessions {
			wg.Go(func() { do(ctx, session) })
		}
		wg.Wait()
	}
	for {
		var o order
		if err := orders.Decode(&o); err != nil {
			return nil // the test has ended, one way or another
		}
		r := Report{}
		switch o {
		case orderReadAll:
			all(recorder.Read)
		case orderReport:
			all(recorder.ReadFresh)
			r = recorder.Take()
		case orderCheck:
			if err := recorder.Check(ctx); err != nil {
				r.Unwell = err.Error()
			}
		}
		if err := reports.Encode(&r); err != nil {
			return err
		}
	}
}

func every(ctx context.Context, d time.Duration, do func()) {
	select {
	case <-time.After(rand.N(d)): // not all of them at the same moments
	case <-ctx.Done():
	}
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

// Main lets a process that a test has started do its work, and exit; in any other process it does
// nothing.
func Main() {
	if os.Getenv(taskVariable) == "" {
		return
	}
	if err := Work(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "process:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
