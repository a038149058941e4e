package processes

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/internal/verify/route"
	"github.com/sessionctx/storefront/internal/verify/staleness"
	"github.com/sessionctx/storefront/internal/verify/tables"
)

func TestMain(m *testing.M) {
	Main()
	os.Exit(m.Run())
}

// table begins the names of the tables; the lease ends them.
const table = "staleness-"

// length returns how long each phase lasts: $PHASE, or short.
func length(t *testing.T, lease time.Duration) time.Duration {
	text := os.Getenv("PHASE")
	if text == "" {
		return min(2*lease, 2*time.Second) + 250*time.Millisecond
	}
	d, err := time.ParseDuration(text)
	require.NoError(t, err, "the environment variable PHASE")
	return d
}

// leases returns the leases to try: $LEASES, or 1 s and 250 ms.
func leases(t *testing.T) (ds []time.Duration) {
	text := os.Getenv("LEASES")
	if text == "" {
		text = "1s 250ms"
	}
	for f := range strings.FieldsSeq(text) {
		d, err := time.ParseDuration(f)
		require.NoError(t, err, "the environment variable LEASES")
		ds = append(ds, d)
	}
	return ds
}

// TestReadsAcrossProcessesAreNeverStalerThanTheLease also reads the environment variables PHASE (how long each phase lasts), LEASES, and
// PHASES (a part of the names of those to play).
func TestReadsAcrossProcessesAreNeverStalerThanTheLease(t *testing.T) {
	for _, lease := range leases(t) {
		t.Run(lease.String(), func(t *testing.T) {
			if os.Getenv("PHASE") == "" {
				t.Parallel()
			}
			play(t, lease, length(t, lease))
		})
	}
}

func play(t *testing.T, lease, d time.Duration) {
	server := redisserver.Start(t, "--appendonly", "yes", "--appendfsync", "no") // written before the answer, which kill -9 cannot undo
	ctx, cancel := context.WithCancel(context.Background())                      // that of t ends before the processes are dismissed
	t.Cleanup(cancel)
	crew, err := newCrew(ctx, server.Addr(), lease)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, crew.dismiss()) })
	s := &scene{t: t, server: server, crew: crew, lease: lease}
	_, err = crew.recover(t.Context())
	require.NoError(t, err, "at the beginning")
	for _, p := range crew.proxies {
		require.Equal(t, 1, p.lines[route.Tracking].count(), "the proxy must know the tracking connection of its process")
		require.NotZero(t, p.lines[route.Data].count())
	}

	var played []phase
	var reports [][]staleness.Report
	var recovered []time.Duration
	for _, p := range phases {
		if !strings.Contains(p.name, os.Getenv("PHASES")) {
			continue
		}
		r, took := s.play(p, d)
		played, reports, recovered = append(played, p), append(reports, r), append(recovered, took)
	}
	last, err := crew.ask(orderReport) // what one process has written after another one had reported
	require.NoError(t, err)
	require.NotEmpty(t, played, "no phase of that name")
	reports[len(reports)-1] = append(reports[len(reports)-1], last...)

	var writes []staleness.Write
	for _, rs := range reports {
		for _, r := range rs {
			writes = append(writes, r.Writes...)
		}
	}
	j, err := staleness.NewJudge(writes, s.flushes)
	require.NoError(t, err)
	var rows [][]string
	for i, p := range played {
		v := j.Judge(reports[i])
		rows = append(rows, []string{
			p.name, fmt.Sprint(v.Reads), fmt.Sprintf("%d %%", min(100, 100*v.Hits/max(1, v.Reads))), fmt.Sprint(v.Writes), fmt.Sprint(v.Failed), fmt.Sprint(v.Degraded),
			fmt.Sprintf("%.1f ms", float64(v.Stalest)/1e6), fmt.Sprint(v.Home), fmt.Sprintf("%d ms", recovered[i].Milliseconds()),
		})
		t.Logf("%s, lease %v: %d reads found nothing; %s", p.name, lease, v.Absent, v.Worst)
		assert.Less(t, time.Duration(v.Stalest), lease, "%s: staler than the lease: %s", p.name, v.Worst)
		assert.Zero(t, v.Home, "%s: reads staler than a write of the same process", p.name)
		assert.Empty(t, v.Wrong, p.name)
		assert.Greater(t, v.Reads, v.Degraded, "%s: nothing was read", p.name)
		assert.NotZero(t, v.Writes, "%s: nothing was written", p.name)
	}
	tables.Write(t, table+lease.String(), []string{
		"phase", "reads", "from the cache", "writes", "failed", "degraded reads", "stalest read", "staler than an own write", "well again after",
	}, rows...)
}

// number returns the number in an environment variable, or def.
func number(t *testing.T, name string, def int) int {
	text := os.Getenv(name)
	if text == "" {
		return def
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, "the environment variable %s", name)
	return n
}
