package main

import (
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

func TestFill_ReplacesTablesAndNothingElse(t *testing.T) {
	page := "before\n<!-- table one -->\nold\n<!-- end -->\nbetween <!-- end -->\n<!-- table two -->\nstays\n<!-- end -->\n"
	got, err := fill([]byte(page), func(name string) ([]byte, error) {
		if name == "one" {
			return []byte("| new |\n"), nil
		}
		return nil, nil
	})
	require.NoError(t, err)
	assert.Equal(t, "before\n<!-- table one -->\n| new |\n<!-- end -->\nbetween <!-- end -->\n<!-- table two -->\nstays\n<!-- end -->\n", string(got))
}

func TestStamp_SaysOnceByWhatATableWasMade(t *testing.T) {
	kept := t.TempDir()
	file := filepath.Join(kept, "one.md")
	require.NoError(t, os.WriteFile(file, []byte("| new |\n"), 0o644))
	for _, command := range []string{"first", "second"} {
		require.NoError(t, stamp(kept, "Made by `"+command+"` on abc."))
	}
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "| new |\n\nMade by `first` on abc.\n", string(got))
}

func TestMade_HasTheSettingThatWasTaken(t *testing.T) {
	t.Setenv("PHASE", "10s")
	r := run{args: "-v ./internal/verify/processes", long: []string{"PHASE=20s"}}
	assert.Equal(t, "PHASE=20s go test -v ./internal/verify/processes", r.made(false))
	assert.Equal(t, "PHASE=10s go test -v ./internal/verify/processes", r.made(true))
}

func TestPages_CommandsSelectRuns(t *testing.T) {
	root := evidence.Root(t)
	command := regexp.MustCompile("internal/verify/figures[^\\n`]* -run (?:'([^']+)'|([^\\s`]+))")
	seen := 0
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "internal/verify/*.md"} {
		pages, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		require.NoError(t, err)
		for _, page := range pages {
			text, err := os.ReadFile(page)
			require.NoError(t, err)
			for _, m := range command.FindAllStringSubmatch(string(text), -1) {
				for alternative := range strings.SplitSeq(strings.ReplaceAll(m[1]+m[2], `\|`, "|"), "|") {
					seen++
					wanted := regexp.MustCompile(alternative)
					assert.True(t, slices.ContainsFunc(runs, func(r run) bool { return wanted.MatchString(r.name) }), "%s: %s: there is no run %s", page, m[0], alternative)
				}
			}
		}
	}
	assert.Greater(t, seen, 5)
}
