package mutants

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/overlay"
	"github.com/sessionctx/storefront/internal/verify/tables"
)

// mutant is the product with something broken.
type mutant struct {
	desc      string
	edits     []overlay.Edit
	resolvers string // only histories with that many resolvers; default one: two are easily told apart
}

const histories = "20000" // at most, to catch a mutant

var firstLine = regexp.MustCompile(`violation: (history \d+ of \d+, \d+ operations)[^\n]*`)

// TestEveryMutantIsCaught runs the mutants of this file, and with MUTANTS=all those that are tried by hand too.
func TestEveryMutantIsCaught(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the product once for each mutant")
	}
	all := os.Getenv("MUTANTS") == "all"
	var rows [][]string
	for i, m := range slices.Concat(required, byHand) {
		if i >= len(required) && !all {
			overlay.Apply(t, m.edits...)
			continue
		}
		t.Run(strings.ReplaceAll(m.desc, " ", "-"), func(t *testing.T) {
			binary := overlay.Build(t, "linear", m.edits...)
			out, passed := overlay.Run(t, binary, "TestHistoriesAreLinearizable", "HISTORIES="+histories, "SEED=1", "RESOLVERS="+cmp.Or(m.resolvers, "1"))
			require.False(t, passed, "this mutant survives, so the check is blind to it:\n%s", out)
			found := firstLine.FindStringSubmatch(out)
			require.NotNil(t, found, "this mutant fails without a violation:\n%s", cut(out))
			fmt.Printf("caught: %s: %s\n", m.desc, found[1])
			rows = append(rows, []string{m.desc, found[1]})
		})
	}
	tables.Write(t, "mutants", []string{"what was broken", "caught by"}, rows...)
}

// TestTheProductSurvivesHardConditions changes what may be changed without harm: what the cache keeps and finds.
func TestTheProductSurvivesHardConditions(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the product once for each condition")
	}
	count := os.Getenv("HISTORIES")
	if count == "" {
		count = "120"
	}
	for _, c := range conditions {
		t.Run(strings.ReplaceAll(c.desc, " ", "-"), func(t *testing.T) {
			out, passed := overlay.Run(t, overlay.Build(t, "linear", c.edits...), "TestHistoriesAreLinearizable", "HISTORIES="+count)
			assert.True(t, passed, cut(out))
			fmt.Printf("%s: %s\n", c.desc, strings.TrimSuffix(strings.TrimSpace(out), "\nPASS"))
		})
	}
}

// TestThreatHashCollision reads a million times while sixteen hundred keys share eight hashes.
func TestThreatHashCollision(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the product twice")
	}
	eight := swap(nearCache, "mask: ^uint64(0)", "mask: 7")
	out, passed := overlay.Run(t, overlay.Build(t, "foreign", eight...), "TestNoAnswerIsForeign", "READS=1000000")
	assert.True(t, passed, cut(out))
	fmt.Printf("eight hashes: %s\n", strings.TrimSuffix(strings.TrimSpace(out), "\nPASS"))

	out, passed = overlay.Run(t, overlay.Build(t, "foreign", blind...), "TestNoAnswerIsForeign", "READS=1000000")
	assert.False(t, passed, "keys are not compared, and nobody notices:\n%s", out)
	assert.Contains(t, out, "foreign answer")
}

func cut(s string) string { return s[:min(len(s), 20_000)] }
