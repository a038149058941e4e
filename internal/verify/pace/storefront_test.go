//go:build unix

package pace_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/sessionctx/storefront/internal/verify/pace"
	"github.com/sessionctx/storefront/internal/verify/tables"
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
	return wrk{script, pace.Number(t, "WRK", 1)}
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

// inTurn calls both as often as there are pairs, first the one and then the other first.
func inTurn(t testing.TB, a, b func()) {
	for i := range pace.Pairs(t) {
		if i%2 == 0 {
			a()
			b()
		} else {
			b()
			a()
		}
	}
}

// TestTheProcessorTimeOfAPage compares whole requests to a server with the middleware with those to one that shows the same page of
// constants. Each is a process of its own, on one processor. WRK is for how many seconds each is under load in a round.
func TestTheProcessorTimeOfAPage(t *testing.T) {
	var rows [][]string
	for _, tc := range []struct {
		page string
		goal pace.Goal
	}{
		{"shop page", pace.AtMost(1.03)},
		{"one line of text", pace.Goal{}},
	} {
		with, bare := bothChildren(t, tc.page)
		load := newWrk(t, with.ids)
		load.load(t, with) // both warm
		load.load(t, bare)
		var each, rate [2][]float64
		measure := func(i int, c *child) func() {
			return func() {
				e, r := load.load(t, c)
				each[i], rate[i] = append(each[i], e), append(rate[i], r)
			}
		}
		inTurn(t, measure(0, with), measure(1, bare))
		var ratios []float64
		for i := range each[0] {
			ratios = append(ratios, each[0][i]/each[1][i])
		}
		ratio := pace.SpreadOf(ratios)
		per := func(i int) string { return fmt.Sprintf("%.0f", pace.SpreadOf(rate[i]).Median) }
		rows = append(rows, []string{
			tc.page, pace.Time(pace.SpreadOf(each[0]).Median), pace.Time(pace.SpreadOf(each[1]).Median),
			pace.Figure(ratio.Median), ratio.Quartiles(), ratio.Range(), per(0), per(1), tc.goal.Text(), tc.goal.Verdict(ratio.Median, 0),
		})
	}
	tables.Write(t, "pace-storefront", []string{
		"page", "processor time of a request: with", "bare", "ratio: median", "quartiles", "all pairs", "requests/s: with", "bare", "goal", "",
	}, rows...)
}

// TestTheLatencyOfAPage sends RATE requests a second (default 100), whether the earlier ones have been answered or not, for a round,
// and that is 200 ms at least.
func TestTheLatencyOfAPage(t *testing.T) {
	const page = "shop page"
	rate := vegeta.ConstantPacer{Freq: pace.Number(t, "RATE", 100), Per: time.Second}
	length := max(pace.Round(t), 200*time.Millisecond)
	with, bare := bothChildren(t, page)
	quantiles := []float64{0.5, 0.99, 0.999}
	measure := func(c *child) func(into [][]float64) {
		var visit atomic.Int64
		targets := func(target *vegeta.Target) error {
			id := with.ids[visit.Add(1)%servedSessions]
			*target = vegeta.Target{Method: http.MethodGet, URL: "http://" + c.addr + "/", Header: http.Header{
				"Cookie": {cookieName + "=" + id}, "Accept-Language": {acceptLanguage},
			}}
			return nil
		}
		transport := &http.Transport{MaxIdleConnsPerHost: 64} // its connections stay open from one round to the next
		t.Cleanup(transport.CloseIdleConnections)
		client := &http.Client{Transport: transport, Timeout: 30 * time.Second}
		return func(into [][]float64) {
			attacker := vegeta.NewAttacker(vegeta.Client(client)) // good for one round
			var latencies []float64
			for result := range attacker.Attack(targets, rate, length, "") {
				require.EqualValues(t, http.StatusOK, result.Code, result.Error)
				latencies = append(latencies, float64(result.Latency))
			}
			require.NotEmpty(t, latencies)
			for i, q := range quantiles {
				into[i] = append(into[i], pace.Quantile(latencies, q))
			}
		}
	}
	var measured [2][3][]float64
	loads := [2]func([][]float64){measure(with), measure(bare)}
	for _, load := range loads { // both warm, connections included
		load(make([][]float64, len(quantiles)))
	}
	inTurn(t, func() { loads[0](measured[0][:]) }, func() { loads[1](measured[1][:]) })
	var rows [][]string
	for i, q := range quantiles {
		var ratios []float64
		for k := range measured[0][i] {
			ratios = append(ratios, measured[0][i][k]/measured[1][i][k])
		}
		a, b, ratio := pace.SpreadOf(measured[0][i]), pace.SpreadOf(measured[1][i]), pace.SpreadOf(ratios)
		rows = append(rows, []string{
			fmt.Sprintf("p%v", q*100), pace.Time(a.Median), pace.Time(b.Median), pace.Figure(ratio.Median), ratio.Quartiles(), ratio.Range(),
		})
	}
	tables.Write(t, "pace-latency", []string{
		fmt.Sprintf("%s, %d requests/s", page, rate.Freq), "with", "bare", "ratio: median", "quartiles", "all pairs",
	}, rows...)
}
