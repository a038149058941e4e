package fuzz

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/overlay"
	"github.com/sessionctx/storefront/internal/verify/tables"
)

// target is a fuzz test.
type target struct{ dir, name string }

var declared = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(f \*testing\.F\)`)

// targets returns all that there are below root.
func targets(t *testing.T, root string) (all []target) {
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		for _, m := range declared.FindAllSubmatch(text, -1) {
			all = append(all, target{filepath.ToSlash(dir), string(m[1])})
		}
		return err
	}))
	return all
}

var (
	executions  = regexp.MustCompile(`fuzz: elapsed: \S+, execs: (\d+)`)
	interesting = regexp.MustCompile(`new interesting: (\d+) \(total: (\d+)\)`)
)

// TestEveryFuzzTargetFindsNothing reads the environment variable FUZZTIME: for how long each target is fuzzed. Without it the targets
// are found, and one is run on its seeds, which is all that the gate does with each of them: to fuzz, the compiler has to
// build the standard library anew.
func TestEveryFuzzTargetFindsNothing(t *testing.T) {
	root := overlay.Root(t)
	all := targets(t, root)
	length := os.Getenv("FUZZTIME")
	if length == "" {
		seeds := target{"defaults", "FuzzCanonicalLanguage"}
		require.Contains(t, all, seeds)
		cmd := exec.CommandContext(t.Context(), "go", "test", "-v", "-run", "^"+seeds.name+"$", "./"+seeds.dir)
		cmd.Dir = root
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		assert.Contains(t, string(out), "--- PASS: "+seeds.name+"/seed#0")
		t.Skipf("%d targets, and no FUZZTIME to fuzz them", len(all))
	}
	var rows [][]string
	for _, f := range all {
		cmd := exec.CommandContext(t.Context(), "go", "test", "-run", "xxx", "-fuzz", "^"+f.name+"$", "-fuzztime", length, "-parallel", "2", "./"+f.dir)
		cmd.Dir = root
		begin := time.Now()
		out, err := cmd.CombinedOutput()
		took := time.Since(begin).Round(time.Second)
		findings := "none"
		if err != nil {
			findings = "**found**"
		}
		assert.NoError(t, err, "%s in %s:\n%s", f.name, f.dir, out)
		ran := executions.FindAllStringSubmatch(string(out), -1)
		if !assert.NotEmpty(t, ran, "%s in %s says nothing of its executions:\n%s", f.name, f.dir, out) {
			continue
		}
		corpus := "-"
		if n := interesting.FindAllStringSubmatch(string(out), -1); n != nil {
			corpus = n[len(n)-1][2]
		}
		rows = append(rows, []string{"`" + f.name + "`", f.dir, length, took.String(), ran[len(ran)-1][1], corpus, findings})
	}
	tables.Write(t, "fuzzing", []string{"target", "package", "fuzzed for", "with the build", "executions", "corpus", "findings"}, rows...)
	fmt.Printf("%d targets\n", len(all))
}
