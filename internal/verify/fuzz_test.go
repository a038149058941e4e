package verify

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/internal/verify/evidence"
)

var executions = regexp.MustCompile(`fuzz: elapsed: \S+, execs: (\d+)`)

// TestFuzz_EveryTargetFindsNothing fuzzes each target of the workspace for FUZZTIME. Without it the
// targets are found, and that is all: the gate runs them on their seeds, and to fuzz, the compiler
// has to build the standard library, too.
func TestFuzz_EveryTargetFindsNothing(t *testing.T) {
	root := evidence.Root(t)
	length := os.Getenv("FUZZTIME")
	var rows [][]string
	targets := 0
	for dir, tests := range evidence.Tests(t) {
		for _, name := range tests {
			if !strings.HasPrefix(name, "Fuzz") {
				continue
			}
			if targets++; length == "" {
				continue
			}
			cmd := exec.CommandContext(t.Context(), "go", "test", "-run", "xxx", "-fuzz", "^"+name+"$", "-fuzztime", length, "-parallel", "2", "./"+dir)
			cmd.Dir = root
			out, err := cmd.CombinedOutput()
			findings := "none"
			if !assert.NoError(t, err, "%s in %s:\n%s", name, dir, out) {
				findings = "**found**"
			}
			ran := executions.FindAllStringSubmatch(string(out), -1)
			if !assert.NotEmpty(t, ran, "%s in %s says nothing of its executions:\n%s", name, dir, out) {
				continue
			}
			rows = append(rows, []string{"`" + name + "`", dir, length, ran[len(ran)-1][1], findings})
		}
	}
	assert.Greater(t, targets, 10, "there are fuzz targets")
	if length == "" {
		t.Skipf("%d targets, and no FUZZTIME to fuzz them", targets)
	}
	slices.SortFunc(rows, func(a, b []string) int { return strings.Compare(a[1]+a[0], b[1]+b[0]) })
	evidence.Table(t, "fuzzing", []string{"target", "package", "fuzzed for", "executions", "findings"}, rows...)
}
