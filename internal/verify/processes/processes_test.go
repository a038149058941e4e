package processes

import (
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

// TestProcesses_NeverStalerThanTheLease plays each phase for PHASE, with each of the LEASES. From a
// second on, a phase breaks things again and again, for random times of up to twelve leases. PHASES
// is a part of the names of those to play.
func TestProcesses_NeverStalerThanTheLease(t *testing.T) {
	leases := os.Getenv("LEASES")
	if leases == "" {
		leases = "250ms"
	}
	for text := range strings.SplitSeq(leases, ",") {
		t.Run(text, func(t *testing.T) {
			lease, err := time.ParseDuration(text)
			require.NoError(t, err, "the environment variable LEASES")
			play(t, lease, evidence.Duration(t, "PHASE", 3*lease/2))
		})
	}
}

func play(t *testing.T, lease, length time.Duration) {
	// Redis writes before it answers, and what it has written kill -9 cannot undo.
	server := redisserver.Start(t, "--appendonly", "yes", "--appendfsync", "no")
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

	var played []phase
	var reports [][]Report
	var recovered []time.Duration
	for _, p := range phases(os.Getenv("PHASE") == "") {
		if !strings.Contains(p.name, os.Getenv("PHASES")) {
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
		played, reports, recovered = append(played, p), append(reports, s.ask(orderReport)), append(recovered, longest)
	}
	require.NotEmpty(t, played, "no phase of that name")
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
	var rows [][]string
	for i, p := range played {
		v := j.Judge(reports[i])
		assert.Less(t, time.Duration(v.Stalest), lease, "%s: staler than the lease: %s", p.name, v.Worst)
		assert.Zero(t, v.Home, "%s: reads staler than a write of the same process", p.name)
		assert.Zero(t, v.Lost, "%s: lost writes", p.name)
		assert.Empty(t, v.Wrong, p.name)
		assert.Greater(t, v.Reads, v.Degraded, "%s: nothing was read", p.name)
		assert.NotZero(t, v.Writes, "%s: nothing was written", p.name)
		rows = append(rows, []string{
			p.name, fmt.Sprint(v.Reads), evidence.Percent(v.Hits, v.Reads), fmt.Sprint(v.Degraded),
			fmt.Sprintf("%d (%d)", v.FreshReads, v.FailedReads), fmt.Sprintf("%d (%d)", v.Writes+v.Failed, v.Failed),
			fmt.Sprintf("%.1f ms", float64(v.Stalest)/1e6), fmt.Sprint(v.Home), fmt.Sprint(v.Lost), fmt.Sprintf("%d ms", recovered[i].Milliseconds()),
		})
	}
	evidence.Table(t, "staleness-"+lease.String(), []string{
		"phase", "reads", "from the cache", "degraded", "from the store (failed)", "writes (failed)",
		"stalest read", "staler than an own write", "lost writes", "well again after",
	}, rows...)
}
