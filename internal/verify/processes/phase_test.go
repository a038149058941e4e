package processes

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/internal/verify/route"
	"github.com/sessionctx/storefront/internal/verify/staleness"
)

// scene is where a phase plays.
type scene struct {
	t       *testing.T
	server  *redisserver.Server
	crew    *crew
	lease   time.Duration
	flushes []staleness.Flush
}

// phase breaks something, again and again for about the time d, and leaves it whole.
type phase struct {
	name  string
	fault func(s *scene, d time.Duration)
}

// The packets that are lost, or held, are those of the first process alone where data is concerned: the others must be able to write.
var phases = []phase{
	{name: "healthy", fault: func(s *scene, d time.Duration) { s.wait(d) }},
	{name: "connections killed", fault: (*scene).kill},
	{name: "tracking black-holed", fault: func(s *scene, d time.Duration) { s.hole(d, numProcesses, vanish, 2, route.Tracking) }},
	{name: "tracking held up", fault: func(s *scene, d time.Duration) {
		s.hole(d/2, numProcesses, hold, 0.6, route.Tracking) // too short to be taken for an outage
		s.hole(d/2, numProcesses, hold, 1.5, route.Tracking)
	}},
	{name: "data black-holed", fault: func(s *scene, d time.Duration) { s.hole(d, 1, vanish, 1.5, route.Data) }},
	{name: "both black-holed", fault: func(s *scene, d time.Duration) { s.hole(d, 1, vanish, 1.5, route.Tracking, route.Data) }},
	{name: "200 ms latency", fault: func(s *scene, d time.Duration) {
		s.crew.slow(200 * time.Millisecond)
		s.wait(d)
		s.crew.slow(0)
	}},
	{name: "FLUSHALL", fault: (*scene).flush},
	{name: "kill -9 of the server", fault: (*scene).crash},
}

func (s *scene) wait(d time.Duration) {
	select {
	case <-time.After(d):
	case <-s.t.Context().Done():
	}
}

// repeat does something that takes so long, and does it again for about the time d, at least once.
func (s *scene) repeat(d, takes time.Duration, do func(i int)) {
	for i := range max(1, int(d.Seconds()/takes.Seconds()+0.5)) {
		do(i)
	}
}

// hole makes packets vanish, or holds them up, for some leases, and lets everything pass for half a lease, in turn.
func (s *scene) hole(d time.Duration, processes int, m mode, leases float64, classes ...route.Class) {
	closed, passing := time.Duration(leases*float64(s.lease)), s.lease/2
	s.repeat(d, closed+passing, func(int) {
		s.crew.set(processes, m, classes...)
		s.wait(closed)
		s.crew.set(processes, open, classes...)
		s.wait(passing)
	})
}

// kill kills the tracking connections, and all connections, in turn.
func (s *scene) kill(d time.Duration) {
	pause := min(time.Second, d/4)
	s.repeat(d, pause, func(i int) {
		if i%2 == 0 {
			for id := range s.tracking() {
				s.server.Do(s.t, "CLIENT", "KILL", "ID", id)
			}
		} else {
			s.server.Do(s.t, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
		}
		s.wait(pause)
	})
}

// tracking iterates over the ids of the tracking connections that the server has.
func (s *scene) tracking() func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for client := range strings.Lines(s.server.Do(s.t, "CLIENT", "LIST")) {
			fields := strings.Fields(client)
			if slices.ContainsFunc(fields, func(f string) bool {
				return strings.HasPrefix(f, "name=") && strings.HasSuffix(f, route.Mark)
			}) {
				if !yield(strings.TrimPrefix(fields[0], "id=")) {
					return
				}
			}
		}
	}
}

func (s *scene) flush(d time.Duration) {
	pause := min(time.Second, d/4)
	s.repeat(d, pause, func(int) {
		f := staleness.Flush{Begin: staleness.Now()}
		s.server.Do(s.t, "FLUSHALL")
		f.End = staleness.Now()
		s.flushes = append(s.flushes, f)
		s.wait(pause)
	})
}

func (s *scene) crash(d time.Duration) {
	s.repeat(d, 2*s.lease, func(int) {
		s.server.Kill()
		s.wait(s.lease / 2)
		s.server.Restart(s.t)
		s.wait(3 * s.lease / 2)
	})
}

// play plays a phase and returns what the processes report, and how long they took to be well again.
func (s *scene) play(p phase, d time.Duration) ([]staleness.Report, time.Duration) {
	p.fault(s, d)
	recovered, err := s.crew.recover(s.t.Context())
	require.NoError(s.t, err, "after the phase %q", p.name)
	reports, err := s.crew.ask(orderReport)
	require.NoError(s.t, err)
	return reports, recovered
}
