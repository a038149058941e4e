package partition

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/internal/verify/route"
	"github.com/sessionctx/storefront/internal/verify/staleness"
	"github.com/sessionctx/storefront/internal/verify/tables"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/redisstore"
)

const (
	lease    = 250 * time.Millisecond
	recovery = 30 * time.Second // longer than it may take: how long it took is in the table
)

// rhythm is how often a session is read, and written. Often, so that the promise is tried hard; and seldom, so that there is something
// in the near-cache, and old, when something breaks and when it is whole again.
type rhythm struct{ read, fresh, write time.Duration }

const writers = 3 // of sessions of one rhythm: each of the two resolvers, and both

var rhythms = [...]rhythm{
	{3 * time.Millisecond, 60 * time.Millisecond, 20 * time.Millisecond},
	{3 * time.Millisecond, 60 * time.Millisecond, 60 * time.Millisecond},
	{3 * time.Millisecond, 0, 320 * time.Millisecond},
	{0, 0, 240 * time.Millisecond}, // read by readAll alone
	{0, 0, 400 * time.Millisecond},
}

const numSessions = writers * len(rhythms)

// pair is two Resolvers with a store each: the first has the server at hand, the second has the network between.
type pair struct {
	resolvers [2]*sessionctx.Resolver
	recorders [2]*staleness.Recorder
}

func newPair(t *testing.T, addrs [2]string) *pair {
	p := &pair{}
	for i, addr := range addrs {
		store, err := redisstore.New(redisstore.Config{
			Client: rueidis.ClientOption{InitAddress: []string{addr}}, Lease: lease, Logger: slog.New(slog.DiscardHandler),
		})
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, store.Close()) })
		p.resolvers[i], err = sessionctx.New(sessionctx.Config{
			Store: store, Directory: staleness.Shop, CacheBytes: 1 << 20, Logger: slog.New(slog.DiscardHandler), Timeout: lease * 9 / 10,
		})
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, p.resolvers[i].Close()) })
		p.recorders[i] = staleness.NewRecorder(i, p.resolvers[i])
	}
	return p
}

// work reads and writes all the time, until the test ends.
func (p *pair) work(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	every := func(d time.Duration, do func()) {
		wg.Go(func() {
			select {
			case <-time.After(rand.N(d)): // not all of them at the same moments
			case <-ctx.Done():
			}
			tick := time.NewTicker(d)
			defer tick.Stop()
			for ctx.Err() == nil {
				select {
				case <-tick.C:
					do()
				case <-ctx.Done():
					return
				}
			}
		})
	}
	for i, c := range p.recorders {
		for session := range numSessions {
			rhythm := rhythms[session/writers]
			if rhythm.read > 0 {
				every(rhythm.read, func() { c.Read(ctx, session) })
			}
			if rhythm.fresh > 0 {
				every(rhythm.fresh, func() { c.ReadFresh(ctx, session) })
			}
			if by := session % writers; by == i || by == 2 {
				every(rhythm.write, func() { c.Write(ctx, session) })
			}
		}
	}
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
}

// readAll reads every session once.
func (p *pair) readAll(t *testing.T) {
	var wg sync.WaitGroup
	for _, c := range p.recorders {
		for session := range numSessions {
			wg.Go(func() { c.Read(t.Context(), session) })
		}
	}
	wg.Wait()
}

// recover waits until both work as they should, and returns how long that took.
func (p *pair) recover(t *testing.T) time.Duration {
	begin := time.Now()
	ctx, limit := t.Context(), time.After(recovery)
	for {
		var unwell error
		for i, c := range p.recorders {
			if err := c.Check(ctx); err != nil {
				unwell = fmt.Errorf("resolver %d: %w", i, err)
			}
		}
		for _, r := range p.resolvers {
			s, err := r.Resolve(ctx, staleness.Request("s0"))
			switch {
			case err != nil:
				unwell = cmp.Or(unwell, err)
			case s.Degraded:
				unwell = cmp.Or(unwell, fmt.Errorf("reads are degraded"))
			}
		}
		if unwell == nil {
			return time.Since(begin)
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-limit:
			stacks := make([]byte, 1<<20)
			t.Logf("%s", stacks[:runtime.Stack(stacks, true)])
			require.NoError(t, unwell, "not well again within %v", recovery)
		}
	}
}

// scene is one fault at one place.
type scene struct {
	fault
	stream  string // "" where the fault hits both
	reports []staleness.Report
	well    time.Duration
}

// TestWhateverTheNetworkDoesThePromiseHolds reads the environment variables FAULT_FOR (how long each fault lasts; from 1 s on it comes and
// goes, for a random time of up to twelve leases) and FAULTS (a part of the names of those to try).
func TestWhateverTheNetworkDoesThePromiseHolds(t *testing.T) {
	length := 3 * lease / 2
	if text := os.Getenv("FAULT_FOR"); text != "" {
		var err error
		length, err = time.ParseDuration(text)
		require.NoError(t, err, "the environment variable FAULT_FOR")
	}
	var rows [route.NumClasses][][]string
	t.Run("on", func(t *testing.T) {
		for class := range route.NumClasses {
			t.Run(names[class], func(t *testing.T) {
				t.Parallel()
				rows[class] = play(t, class, length)
			})
		}
	})
	tables.Write(t, "partition", []string{
		"fault", "on", "of", "reads", "from the cache", "degraded", "asked anew (failed)", "writes (failed)",
		"stalest read", "staler than an own write", "lost writes", "well again after",
	}, append(rows[route.Data], rows[route.Tracking]...)...)
}

func play(t *testing.T, class route.Class, length time.Duration) (rows [][]string) {
	server := redisserver.Start(t)
	n := newNetwork(t, server.Addr())
	p := newPair(t, [2]string{server.Addr(), n.router.Addr()})
	p.work(t)
	p.recover(t)
	var scenes []*scene
	for _, f := range faults {
		if !strings.Contains(f.name, os.Getenv("FAULTS")) {
			continue
		}
		if f.toxic == "" {
			scenes = append(scenes, &scene{fault: f})
			continue
		}
		for _, stream := range streams {
			scenes = append(scenes, &scene{fault: f, stream: stream})
		}
	}
	require.NotEmpty(t, scenes, "no fault of that name")
	wait := func(d time.Duration) {
		select {
		case <-time.After(d):
		case <-t.Context().Done():
		}
	}
	for _, s := range scenes {
		end := time.Now().Add(length)
		for {
			p.readAll(t)
			mend := n.breakIt(t, class, s.fault, s.stream, func() { wait(2 * lease) })
			d := length
			if length >= time.Second {
				d = lease/2 + rand.N(23*lease/2)
			}
			wait(d / 4)
			p.readAll(t)
			wait(d - d/4)
			mend()
			over := !time.Now().Before(end)
			if over || rand.IntN(3) > 0 {
				s.well = max(s.well, p.recover(t))
				p.readAll(t) // some of it is in the cache since then
			} else {
				wait(lease / 2)
			}
			if over {
				break
			}
		}
		for _, c := range p.recorders {
			for session := range numSessions {
				c.ReadFresh(t.Context(), session)
			}
			s.reports = append(s.reports, c.Take())
		}
	}
	var writes []staleness.Write
	for _, s := range scenes {
		for _, r := range s.reports {
			writes = append(writes, r.Writes...)
		}
	}
	for _, c := range p.recorders { // what was written after the last report
		writes = append(writes, c.Take().Writes...)
	}
	j, err := staleness.NewJudge(writes, nil)
	require.NoError(t, err)
	for _, s := range scenes {
		desc := strings.TrimSpace(fmt.Sprintf("%s on %s %s", s.name, names[class], s.stream))
		v := j.Judge(s.reports)
		assert.Less(t, time.Duration(v.Stalest), lease, "%s: staler than the lease: %s", desc, v.Worst)
		assert.Zero(t, v.Home, "%s: reads staler than a write of the same resolver", desc)
		assert.Zero(t, v.Lost, "%s: lost writes", desc)
		assert.Empty(t, v.Wrong, desc)
		assert.Greater(t, v.Reads, v.Degraded, "%s: nothing was read", desc)
		assert.NotZero(t, v.Writes, "%s: nothing was written", desc)
		rows = append(rows, []string{
			s.name, names[class], cmp.Or(s.stream, "both"), fmt.Sprint(v.Reads), fmt.Sprintf("%d %%", min(100, 100*v.Hits/max(1, v.Reads))), fmt.Sprint(v.Degraded),
			fmt.Sprintf("%d (%d)", v.FreshReads, v.FailedReads), fmt.Sprintf("%d (%d)", v.Writes+v.Failed, v.Failed),
			fmt.Sprintf("%.1f ms", float64(v.Stalest)/1e6), fmt.Sprint(v.Home), fmt.Sprint(v.Lost), fmt.Sprintf("%d ms", s.well.Milliseconds()),
		})
	}
	return rows
}
