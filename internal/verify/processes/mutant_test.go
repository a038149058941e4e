package processes

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/internal/verify/overlay"
	"github.com/sessionctx/storefront/internal/verify/tables"
)

var tooStale = regexp.MustCompile(`tracking black-holed: staler than the lease: [^\n]*`)

// TestWithoutTheLeaseThePromiseIsBroken shows that the test sees: it runs a store that grants a lease without an end.
func TestWithoutTheLeaseThePromiseIsBroken(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the product once more")
	}
	redisserver.Start(t) // skips where there is none, as the mutant would
	binary := overlay.Build(t, "processes", overlay.Edit{
		File: "sessionctx/redisstore/sinks.go",
		Old:  "\tl.lease = until\n\tfor _, w := range l.all {\n\t\tw.sink.ExtendLease(until)",
		New:  "\tl.lease = until\n\tfor _, w := range l.all {\n\t\tw.sink.Exclusive()",
	})
	out, passed := overlay.Run(t, binary, "TestReadsAcrossProcessesAreNeverStalerThanTheLease", "LEASES=250ms", "PHASES=tracking black-holed", "PHASE=2s")
	require.False(t, passed, "a store without lease survives, so the test is blind:\n%s", out)
	violation := tooStale.FindString(out)
	require.NotEmpty(t, violation, "the store without lease fails for another reason:\n%s", out)
	var rows [][]string
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "| tracking") {
			cells := strings.Split(strings.Trim(line, "| \n"), " | ")
			rows = append(rows, []string{"250ms", cells[1], cells[6]})
		}
	}
	tables.Write(t, "staleness-without-lease", []string{"lease that is ignored", "reads", "stalest read"}, rows...)
}
