//go:build unix

package pace

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/evidence"
)

// wrk is the load generator of Debian's package wrk, with a script that visits the sessions in turn.
type wrk struct {
	script  string
	seconds int
}

func newWrk(t testing.TB, ids []string) wrk {
	t.Helper()
	if _, err := exec.LookPath("wrk"); err != nil {
		if os.Getenv("REQUIRE_SERVERS") == "1" {
			t.Fatalf("REQUIRE_SERVERS=1, and there is no wrk: %v", err)
		}
		t.Skipf("NOT MEASURED: there is no wrk (Debian's package wrk): %v", err)
	}
	var b strings.Builder
	b.WriteString("local requests, at = {}, 0\nfunction init()\n")
	fmt.Fprintf(&b, "  for id in string.gmatch(%q, %q) do\n", strings.Join(ids, " "), "[^ ]+")
	fmt.Fprintf(&b, "    local header = {[\"Cookie\"] = %q .. id, [\"Accept-Language\"] = %q}\n", cookieName+"=", acceptLanguage)
	b.WriteString("    requests[#requests + 1] = wrk.format(\"GET\", \"/\", header)\n")
	b.WriteString("  end\nend\nfunction request()\n  at = at % #requests + 1\n  return requests[at]\nend\n")
	script := filepath.Join(t.TempDir(), "visits.lua")
	require.NoError(t, os.WriteFile(script, []byte(b.String()), 0o600))
	return wrk{script, evidence.Number(t, "WRK", 1)}
}

var (
	wrkRequests = regexp.MustCompile(`(?m)^\s*(\d+) requests in`)
	wrkErrors   = regexp.MustCompile(`Socket errors: .*|Non-2xx or 3xx responses: .*`)
)

// load sends as many requests as the server answers, on a few connections, and returns what each of them costs the server in processor
// time, in nanoseconds, and how many it answered in a second.
func (w wrk) load(t testing.TB, c *child) (each, rate float64) {
	t.Helper()
	before, begin := c.processorTime(t), time.Now()
	out, err := exec.CommandContext(t.Context(),
		"wrk", "-t1", "-c16", fmt.Sprintf("-d%ds", w.seconds), "-s", w.script, "http://"+c.addr+"/").CombinedOutput()
	took, elapsed := c.processorTime(t)-before, time.Since(begin)
	require.NoError(t, err, "%s", out)
	require.Empty(t, wrkErrors.FindString(string(out)), "%s", out)
	found := wrkRequests.FindSubmatch(out)
	require.NotNil(t, found, "%s", out)
	n, err := strconv.ParseFloat(string(found[1]), 64)
	require.NoError(t, err)
	require.Positive(t, n, "%s", out)
	return float64(took) / n, n / elapsed.Seconds()
}

// TestPage_ProcessorTime compares whole requests to a server with the middleware with those to one that shows the same page of
// constants. Each is a process of its own, on one processor. WRK is for how many seconds each is under load in a round.
func TestPage_ProcessorTime(t *testing.T) {
	var rows [][]string
	for _, tc := range []struct {
		page string
		goal Goal
	}{
		{"shop page", Goal{Ratio: 1.03}},
		{"one line of text", Goal{}},
	} {
		with, bare := bothChildren(t, tc.page)
		load := newWrk(t, with.ids)
		load.load(t, with) // both warm
		load.load(t, bare)
		var each, rate [2][]float64
		for pair := range pairs(t) {
			for k := range 2 {
				i := (pair + k) % 2 // first the one, then the other first
				e, r := load.load(t, [...]*child{with, bare}[i])
				each[i], rate[i] = append(each[i], e), append(rate[i], r)
			}
		}
		ratio := Comparison{time: each[:]}.Between(0, 1)
		per := func(i int) string { return fmt.Sprintf("%.0f", SpreadOf(rate[i]).Median) }
		rows = append(rows, []string{
			tc.page, Time(SpreadOf(each[0]).Median), Time(SpreadOf(each[1]).Median),
			Figure(ratio.Median), ratio.quartiles(), Figure(ratio.Min) + " to " + Figure(ratio.Max), per(0), per(1), tc.goal.text(), tc.goal.verdict(ratio.Median, 0),
		})
	}
	evidence.Table(t, "pace-storefront", []string{
		"page", "processor time of a request: with", "bare", "ratio: median", "quartiles", "all pairs", "requests/s: with", "bare", "goal", "",
	}, rows...)
}
