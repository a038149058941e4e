package main

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/evidence"
)

func TestPublish_ReplacesTablesAndNothingElse(t *testing.T) {
	kept, docs, tables := t.TempDir(), t.TempDir(), map[string]string{}
	page := filepath.Join(docs, "page.md")
	require.NoError(t, os.WriteFile(filepath.Join(kept, "one.md"), []byte("| new |\n"), 0o644))
	require.NoError(t, os.WriteFile(page, []byte("before\n<!-- table one -->\nold\n<!-- end -->\nbetween <!-- end -->\n<!-- table two -->\nstays\n<!-- end -->\n"), 0o644))
	for _, made := range []string{"Made by `first` on abc.", "Made by `second` on abc."} { // the second has left none
		require.NoError(t, collect(kept, made, tables))
	}
	require.NoError(t, publish(tables, docs))
	got, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Equal(t, "before\n<!-- table one -->\n| new |\n\nMade by `first` on abc.\n<!-- end -->\nbetween <!-- end -->\n<!-- table two -->\nstays\n<!-- end -->\n", string(got))
}

func TestMade_HasTheSettingThatWasTaken(t *testing.T) {
	t.Setenv("PHASE", "10s")
	r := run{args: "-v ./internal/verify/processes", long: []string{"PHASE=20s"}}
	assert.Equal(t, "PHASE=20s go test -v ./internal/verify/processes", r.made(false))
	assert.Equal(t, "PHASE=10s go test -v ./internal/verify/processes", r.made(true))
	t.Setenv("PAIRS", "3")
	b := bench("one", "A|B", "1,2", table{name: "pace-one"}, "./a ./b")
	assert.Equal(t, []string{"-run", "xxx", "-bench", "A|B", "-cpu", "1,2", "./a", "./b"}, words(b.args))
	assert.Equal(t, "PAIRS=3 go run ./internal/verify/figures -short -run pace-one", b.made(true))
	assert.Equal(t, []string{"20", "3"}, []string{b.setting("PAIRS", "1", false), b.setting("PAIRS", "1", true)})
}

// TestResults_RatiosAreTakenRoundByRound has a machine that is ten times slower in the second
// round: the ratio stays.
func TestResults_RatiosAreTakenRoundByRound(t *testing.T) {
	rs := results{}
	for _, slower := range []int{1, 10, 100} {
		rs.add(fmt.Sprintf("pkg: x/a\nBenchmarkOurs/1000-2  \t 100\t %d ns/op\t 3 p99-ns\t 0 allocs/op\n", 50*slower))
		rs.add("pkg: x/a\nBenchmarkOurs/100000 \t 100\t 7 ns/op\n") // on one processor; no row of Ours/1000
		rs.add(fmt.Sprintf("pkg: x/b\nBenchmarkTheirs-2 \t 100\t %d ns/op\t 2 allocs/op\nPASS\n", 100*slower))
	}
	got, err := rs.markdown(table{rows: []row{{"a.Ours/1000", "b.Theirs", 0.4}, {"a.Ours/1000", "b.Theirs", 0.5}}})
	require.NoError(t, err)
	lines := strings.Split(got, "\n")
	assert.Len(t, lines, 5)
	assert.Equal(t, "| `a.Ours/1000` | 2 | 500 | `b.Theirs` | 1000 | 0.500 | 0.500 to 0.500 | 0, 2.00 | ≤ 0.400 | **missed** |", lines[2])
	assert.Contains(t, lines[3], "| met |")
	got, err = rs.markdown(table{metrics: []string{"p99-ns"}})
	require.NoError(t, err)
	assert.Equal(t, "| benchmark | p99-ns |\n|---|---|\n| `a.Ours/1000-2` | 3.00 |\n", got)
	for _, missing := range []row{{ours: "a.Ours", theirs: "b.Theirs"}, {ours: "b.Theirs", theirs: "a.Ours"}} {
		_, err = rs.markdown(table{rows: []row{missing}})
		assert.ErrorContains(t, err, "was not measured")
	}
	assert.Equal(t, []float64{1, 1.25, 2}, []float64{at([]float64{2, 1}, 0), at([]float64{2, 1}, 0.25), at([]float64{2, 1}, 1)})
}

// TestPages_TablesHaveARun looks for the name of each table in the sources of this module. The
// table of a lease has its length at the end.
func TestPages_TablesHaveARun(t *testing.T) {
	sources := ""
	require.NoError(t, filepath.WalkDir(filepath.Join(evidence.Root(t), "internal", "verify"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || filepath.Base(path) == "main_test.go" {
			return err
		}
		text, err := os.ReadFile(path)
		sources += string(text)
		return err
	}))
	seen := 0
	for page, text := range evidence.Pages(t) {
		for _, m := range place.FindAllStringSubmatch(text, -1) {
			seen++
			kind, _, _ := strings.Cut(m[1], "staleness-")
			assert.True(t, strings.Contains(sources, `"`+cmp.Or(kind, "staleness-")+`"`), "%s: no run makes the table %s", page, m[1])
		}
	}
	assert.Greater(t, seen, 10)
}

func TestPages_CommandsSelectRuns(t *testing.T) {
	command := regexp.MustCompile("internal/verify/figures[^\\n`]* -run (?:'([^']+)'|([^\\s`]+))")
	seen := 0
	for page, text := range evidence.Pages(t) {
		for _, m := range command.FindAllStringSubmatch(text, -1) {
			for alternative := range strings.SplitSeq(strings.ReplaceAll(m[1]+m[2], `\|`, "|"), "|") {
				seen++
				wanted := regexp.MustCompile(alternative)
				assert.True(t, slices.ContainsFunc(runs, func(r run) bool { return wanted.MatchString(r.name) }), "%s: %s: there is no run %s", page, m[0], alternative)
			}
		}
	}
	assert.Greater(t, seen, 5)
}
