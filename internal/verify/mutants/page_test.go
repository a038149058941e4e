package mutants

import (
	"fmt"
	"io/fs"
	"maps"
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

var (
	threatTest  = regexp.MustCompile(`(?m)^func TestThreat_?(\w+)\(t \*testing\.T\)`)
	namedThreat = regexp.MustCompile("`TestThreat_?(\\w+)`")
	namedFile   = regexp.MustCompile("`([a-z]+/[a-z/]*[a-z]+\\.go)`")
)

// TestPage_NamesEachThreatAndAMutantBreaksEach holds docs/security.md, the tests of threats and
// the mutants to each other.
func TestPage_NamesEachThreatAndAMutantBreaksEach(t *testing.T) {
	root := evidence.Root(t)
	tests := make(map[string]string) // their packages
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		pkg, err := filepath.Rel(root, filepath.Dir(path))
		for _, m := range threatTest.FindAllSubmatch(text, -1) {
			assert.Empty(t, tests[string(m[1])], "the test of the threat %s is there twice", m[1])
			tests[string(m[1])] = filepath.ToSlash(pkg)
		}
		return err
	}))
	require.NotEmpty(t, tests)
	page, err := os.ReadFile(filepath.Join(root, "docs", "security.md"))
	require.NoError(t, err)
	prose, _, _ := strings.Cut(string(page), "## The tests see")
	named := make(map[string]bool)
	for _, m := range namedThreat.FindAllStringSubmatch(prose, -1) {
		named[m[1]] = true
	}
	assert.Equal(t, slices.Sorted(maps.Keys(tests)), slices.Sorted(maps.Keys(named)), "the tests that there are, and those that the page names")

	broken := map[string]bool{"HashCollision": true} // it contains its mutant
	for _, m := range All() {
		for _, c := range m.By {
			if name, ok := strings.CutPrefix(c.Test, "TestThreat"); ok {
				name = strings.TrimPrefix(name, "_")
				broken[name] = true
				assert.Equal(t, tests[name], c.In, "the package of %s", c.Test)
			}
		}
	}
	assert.Equal(t, slices.Sorted(maps.Keys(tests)), slices.Sorted(maps.Keys(broken)), "the tests that there are, and those that a mutant makes fail")
	for _, file := range namedFile.FindAllStringSubmatch(prose, -1) {
		assert.FileExists(t, filepath.Join(root, filepath.FromSlash(file[1])), "named by the page")
	}
	fmt.Printf("%d threats, %d mutants\n", len(tests), len(All()))
}

// TestMutants_HaveTheirMarks finds a mutant that has rotted without building anything.
func TestMutants_HaveTheirMarks(t *testing.T) {
	_, err := overlay(evidence.Root(t), t.TempDir())
	require.NoError(t, err)
	descs := map[string]bool{}
	for _, m := range All() {
		assert.False(t, descs[m.Desc], "%s is there twice", m.Desc)
		assert.NotEmpty(t, m.By, m.Desc)
		descs[m.Desc] = true
	}
}
