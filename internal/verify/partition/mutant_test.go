package partition

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/internal/verify/overlay"
	"github.com/sessionctx/storefront/internal/verify/tables"
)

// TestABrokenStoreIsConvicted shows that the test sees; with MUTANTS=all it tries every mutant, else the first.
func TestABrokenStoreIsConvicted(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the product once for each mutant")
	}
	redisserver.Start(t) // skips where there is none, as the mutants would
	const listen, sinks = "sessionctx/redisstore/listen.go", "sessionctx/redisstore/sinks.go"
	mutants := []struct {
		desc, faults, length string
		edit                 overlay.Edit
	}{
		{
			"what was told between two connections is not lost", "nobody listens", "2s",
			overlay.Edit{File: listen, Old: "\t\ts.sinks.invalidateAll() // nobody has received the messages between the two connections\n", New: ""},
		},
		{
			"a lease from the time of the answer", "then a black hole", "6s",
			overlay.Edit{File: listen, Old: "s.sinks.extendLease(sent.Add(s.cfg.Lease))", New: "_ = sent\n\t\ts.sinks.extendLease(time.Now().Add(s.cfg.Lease))"},
		},
		{
			"a lease without an end", "black hole", "2s",
			overlay.Edit{File: sinks, Old: "\tl.lease = until\n\tfor _, w := range l.all {\n\t\tw.sink.ExtendLease(until)", New: "\tl.lease = until\n\tfor _, w := range l.all {\n\t\tw.sink.Exclusive()"},
		},
	}
	all := os.Getenv("MUTANTS") == "all"
	found := regexp.MustCompile(`([a-z0-9, ]+ on tracking ?[a-z]*): staler than the lease`)
	var rows [][]string
	for i, m := range mutants {
		if i > 0 && !all {
			overlay.Apply(t, m.edit)
			continue
		}
		t.Run(strings.ReplaceAll(m.desc, " ", "-"), func(t *testing.T) {
			binary := overlay.Build(t, "partition", m.edit)
			out, passed := "", true
			for range 8 { // on a busy machine a write may not fall where it hurts
				if out, passed = overlay.Run(t, binary, "TestWhateverTheNetworkDoesThePromiseHolds", "FAULTS="+m.faults, "FAULT_FOR="+m.length); !passed {
					break
				}
			}
			require.False(t, passed, "it survives, so the test is blind:\n%s", out)
			why := found.FindStringSubmatch(out)
			require.NotNil(t, why, "it fails for another reason:\n%s", out)
			rows = append(rows, []string{m.desc, strings.TrimSpace(why[1]) + ": staler than the lease"})
		})
	}
	tables.Write(t, "partition-mutants", []string{"what was broken", "found by"}, rows...)
}
