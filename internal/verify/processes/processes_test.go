package processes

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/internal/verify/evidence"
)

func TestMain(m *testing.M) {
	Main()
	os.Exit(m.Run())
}

// scene is where the phases play.
type scene struct {
	t       *testing.T
	server  *redisserver.Server
	crew    *crew
	lease   time.Duration
	flushes []Flush
}

// phase breaks something, once, and leaves it whole. hurt is for how long.
type phase struct {
	name string
	play func(s *scene, hurt time.Duration)
}

// phases returns all of them; few leaves out every second direction of the faults.
func phases(few bool) []phase {
	all := []phase{
		{"healthy", func(s *scene, hurt time.Duration) { evidence.Wait(s.t, hurt) }},
		{"connections killed", (*scene).kill},
		{"black hole on tracking and data", func(s *scene, hurt time.Duration) { s.hole(hurt, faults[0], "downstream", tracking, data) }},
		{"FLUSHALL", (*scene).flush},
		{"kill -9 of the server", (*scene).crash},
	}
	for i, f := range faults {
		for c := range numClasses {
			streams := []string{"upstream", "downstream"}
			switch {
			case f.toxic == "":
				streams = []string{""}
			case few:
				streams = streams[(i+1)%2:][:1]
			}
			for _, stream := range streams {
				name := strings.TrimSpace(fmt.Sprintf("%s on %s %s", f.name, classNames[c], stream))
				all = append(all, phase{name, func(s *scene, hurt time.Duration) { s.hole(hurt, f, stream, c) }})
			}
		}
	}
	return all
}

// hole breaks connections of the classes: of all processes, but where data are concerned of the
// first one alone, because the others must be able to write.
func (s *scene) hole(hurt time.Duration, f fault, stream string, classes ...class) {
	broken := s.crew.networks
	if slices.Contains(classes, data) {
		broken = broken[:1]
	}
	for i, n := range broken {
		for _, c := range classes {
			require.NoError(s.t, n.breakIt(c, f, stream, func() {
				if i == 0 {
					evidence.Wait(s.t, 2*s.lease)
				}
			}))
		}
	}
	evidence.Wait(s.t, hurt/4)
	s.ask(orderReadAll)
	evidence.Wait(s.t, hurt-hurt/4)
	for _, n := range broken {
		for _, c := range classes {
			require.NoError(s.t, n.mend(c, f))
		}
	}
}

// kill kills the tracking connections, and then all connections.
func (s *scene) kill(hurt time.Duration) {
	for client := range strings.Lines(s.server.Do(s.t, "CLIENT", "LIST")) {
		fields := strings.Fields(client)
		if slices.ContainsFunc(fields, func(f string) bool { return strings.HasPrefix(f, "name=") && strings.HasSuffix(f, mark) }) {
			s.server.Do(s.t, "CLIENT", "KILL", "ID", strings.TrimPrefix(fields[0], "id="))
		}
	}
	evidence.Wait(s.t, hurt/2)
	s.server.Do(s.t, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
	evidence.Wait(s.t, hurt/2)
}

func (s *scene) flush(hurt time.Duration) {
	f := Flush{Begin: Now()}
	s.server.Do(s.t, "FLUSHALL")
	f.End = Now()
	s.flushes = append(s.flushes, f)
	evidence.Wait(s.t, hurt)
}

func (s *scene) crash(hurt time.Duration) {
	s.server.Kill()
	evidence.Wait(s.t, s.lease/2)
	s.server.Restart(s.t)
	evidence.Wait(s.t, hurt)
}

func (s *scene) ask(o order) []Report {
	reports, err := s.crew.ask(o)
	require.NoError(s.t, err)
	return reports
}

// played is a phase that is over, and what became of it.
type played struct {
	phase
	Verdict
	recovered time.Duration
}

// TestProcesses_NeverStalerThanTheLease plays each phase for PHASE, with each of the LEASES. From a
// second on, a phase breaks things again and again, for random times of up to twelve leases. PHASES
// is a part of the names of those to play.
func TestProcesses_NeverStalerThanTheLease(t *testing.T) {
	for text := range strings.SplitSeq(cmp.Or(os.Getenv("LEASES"), "250ms"), ",") {
		t.Run(text, func(t *testing.T) {
			lease, err := time.ParseDuration(text)
			require.NoError(t, err, "the environment variable LEASES")
			// Redis writes before it answers, and what it has written kill -9 cannot undo.
			server := redisserver.Start(t, "--appendonly", "yes", "--appendfsync", "no")
			var rows [][]string
			for _, p := range play(t, server, lease, evidence.Duration(t, "PHASE", 3*lease/2), os.Getenv("PHASES")) {
				assert.Less(t, time.Duration(p.Stalest), lease, "%s: staler than the lease: %s", p.name, p.Worst)
				assert.Zero(t, p.Home, "%s: reads staler than a write of the same process", p.name)
				assert.Zero(t, p.Lost, "%s: lost writes", p.name)
				assert.Empty(t, p.Wrong, p.name)
				assert.Greater(t, p.Reads, p.Degraded, "%s: nothing was read", p.name)
				assert.NotZero(t, p.Writes, "%s: nothing was written", p.name)
				rows = append(rows, []string{
					p.name, fmt.Sprint(p.Reads), fmt.Sprintf("%d %%", min(100, 100*p.Hits/max(1, p.Reads))), fmt.Sprint(p.Degraded),
					fmt.Sprintf("%d (%d)", p.FreshReads, p.FailedReads), fmt.Sprintf("%d (%d)", p.Writes+p.Failed, p.Failed),
					fmt.Sprintf("%.1f ms", float64(p.Stalest)/1e6), fmt.Sprint(p.Home), fmt.Sprint(p.Lost), fmt.Sprintf("%d ms", p.recovered.Milliseconds()),
				})
			}
			evidence.Table(t, "staleness-"+lease.String(), []string{
				"phase", "reads", "from the cache", "degraded", "from the store (failed)", "writes (failed)",
				"stalest read", "staler than an own write", "lost writes", "well again after",
			}, rows...)
		})
	}
}

// TestProcesses_SeeWhatAServerForgets kills a server that keeps nothing on disk: the run must find
// that acknowledged writes are lost.
func TestProcesses_SeeWhatAServerForgets(t *testing.T) {
	const lease = 250 * time.Millisecond
	server := redisserver.Start(t)
	seen := false
	for i := 0; !seen && i < 30; i++ { // until a kill meets a write that the server then forgets
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			for _, p := range play(t, server, lease, 2*lease, "kill -9") {
				seen = p.Lost > 0
			}
		})
	}
	assert.True(t, seen, "the run is blind")
}

// play lets processes work on a server while the phases of these names play.
func play(t *testing.T, server *redisserver.Server, lease, length time.Duration, names string) (all []played) {
	ctx, cancel := context.WithCancel(context.Background()) // that of t ends before the processes are dismissed
	t.Cleanup(cancel)
	crew, err := newCrew(ctx, server.Addr(), lease)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, crew.dismiss()) })
	s := &scene{t: t, server: server, crew: crew, lease: lease}
	_, err = crew.recover(t.Context())
	require.NoError(t, err, "at the beginning")
	for _, n := range crew.networks {
		require.EqualValues(t, 1, n.counts[tracking].Load(), "the network must know the tracking connection of its process")
		require.NotZero(t, n.counts[data].Load())
	}

	var reports [][]Report
	for _, p := range phases(os.Getenv("PHASE") == "") {
		if !strings.Contains(p.name, names) {
			continue
		}
		var longest time.Duration
		for end := time.Now().Add(length); ; {
			s.ask(orderReadAll)
			hurt := length
			if length >= time.Second {
				hurt = lease/2 + rand.N(23*lease/2)
			}
			p.play(s, hurt)
			over := !time.Now().Before(end)
			if over || rand.IntN(3) > 0 {
				took, err := crew.recover(t.Context())
				require.NoError(t, err, "after the phase %q", p.name)
				longest = max(longest, took)
				s.ask(orderReadAll) // some of it is in the cache since then
			} else {
				evidence.Wait(t, lease/2)
			}
			if over {
				break
			}
		}
		all, reports = append(all, played{phase: p, recovered: longest}), append(reports, s.ask(orderReport))
	}
	require.NotEmpty(t, all, "no phase of that name")
	// What one process has written after another one had reported.
	reports[len(reports)-1] = append(reports[len(reports)-1], s.ask(orderReport)...)

	var writes []Write
	for _, rs := range reports {
		for _, r := range rs {
			writes = append(writes, r.Writes...)
		}
	}
	j, err := NewJudge(writes, s.flushes)
	require.NoError(t, err)
	for i := range all {
		all[i].Verdict = j.Judge(reports[i])
	}
	return all
}
