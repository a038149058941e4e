package threats

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
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/overlay"
	"github.com/sessionctx/storefront/internal/verify/tables"
)

const product = "github.com/sessionctx/storefront/"

// mutant is the product without a mitigation.
type mutant struct {
	threat string // the test that must fail, without "TestThreat" or "TestThreat_"
	pkg    string // where that is, from the root of the project
	desc   string // what is broken
	edits  []overlay.Edit
	short  bool // tried without MUTANTS=all too
}

// TestEveryBrokenMitigationIsSeen breaks one mitigation after the other: a few, and all with MUTANTS=all.
func TestEveryBrokenMitigationIsSeen(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the product once for each mutant")
	}
	var rows [][]string
	for _, m := range mutants {
		if !m.short && os.Getenv("MUTANTS") != "all" {
			overlay.Apply(t, m.edits...)
			continue
		}
		t.Run(m.threat+"/"+strings.ReplaceAll(m.desc, " ", "-"), func(t *testing.T) {
			out, passed := overlay.Run(t, overlay.Build(t, product+m.pkg, m.edits...), "TestThreat_?"+m.threat)
			test := testOf(m.threat).FindString(out)
			require.False(t, passed, "without this mitigation TestThreat %s passes, so it is blind to the attack:\n%s", m.threat, out)
			require.NotEmpty(t, test, "it fails in another way:\n%s", out)
			test = strings.TrimPrefix(test, "--- FAIL: ")
			rows = append(rows, []string{words(m.threat), m.desc, "`" + test + "` in " + m.pkg})
		})
	}
	tables.Write(t, "threat-mutants", []string{"threat", "what was broken", "test that failed"}, rows...)
}

// testOf finds where a test is said to have failed.
func testOf(threat string) *regexp.Regexp {
	return regexp.MustCompile(`--- FAIL: TestThreat_?` + threat + `\b`)
}

var word = regexp.MustCompile(`[A-Z]+[a-z]*`)

// words returns the name of a test as words, abbreviations in capitals.
func words(name string) string {
	var all []string
	for _, w := range word.FindAllString(name, -1) {
		i := strings.IndexFunc(w, unicode.IsLower)
		if i > 1 { // an abbreviation, and the first letter of the word that follows it
			all = append(all, w[:i-1])
			w = w[i-1:]
		}
		if i >= 0 {
			w = strings.ToLower(w)
		}
		all = append(all, w)
	}
	return strings.Join(all, " ")
}

// holdTheirOwn are tests that contain their mutant.
var holdTheirOwn = []string{"HashCollision"}

// TestThePageNamesEveryThreat holds docs/security.md, the tests and the mutants to each other.
func TestThePageNamesEveryThreat(t *testing.T) {
	root := overlay.Root(t)
	tests := make(map[string]string) // their packages
	declared := regexp.MustCompile(`(?m)^func TestThreat_?(\w+)\(t \*testing\.T\)`)
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		pkg, err := filepath.Rel(root, filepath.Dir(path))
		for _, m := range declared.FindAllSubmatch(text, -1) {
			assert.Empty(t, tests[string(m[1])], "TestThreat%s is there twice", m[1])
			tests[string(m[1])] = filepath.ToSlash(pkg)
		}
		return err
	}))
	require.NotEmpty(t, tests)
	page, err := os.ReadFile(filepath.Join(root, "docs", "security.md"))
	require.NoError(t, err)
	prose, _, _ := strings.Cut(string(page), "<!-- table threat-mutants -->")
	named := make(map[string]bool)
	for _, m := range regexp.MustCompile("`TestThreat_?(\\w+)`").FindAllStringSubmatch(prose, -1) {
		named[m[1]] = true
	}
	assert.Equal(t, slices.Sorted(maps.Keys(tests)), slices.Sorted(maps.Keys(named)), "the tests that there are, and those that the page names")

	broken := make(map[string]bool)
	for _, m := range mutants {
		broken[m.threat] = true
		assert.Equal(t, tests[m.threat], m.pkg, "the package of TestThreat%s", m.threat)
	}
	for _, name := range holdTheirOwn {
		broken[name] = true
	}
	assert.Equal(t, slices.Sorted(maps.Keys(tests)), slices.Sorted(maps.Keys(broken)), "the tests that there are, and those that a mutant has made fail")
	for _, file := range regexp.MustCompile("`([a-z]+/[a-z/]*[a-z]+\\.go)`").FindAllStringSubmatch(prose, -1) {
		assert.FileExists(t, filepath.Join(root, filepath.FromSlash(file[1])), "named by the page")
	}
	fmt.Printf("%d threats, %d mutants\n", len(tests), len(mutants))
}
