package pages

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/internal/verify/mutants"
)

var (
	goTest   = regexp.MustCompile("`(?:[A-Z_]+=\\S+ )*go test ([^`]*)`")
	madeBy   = regexp.MustCompile("(?m)^Made by `[^`]*` on .*$") // of the commit that it names
	selector = regexp.MustCompile(`-(run|bench|fuzz|skip) (?:'([^']+)'|(\S+))`)
	place    = regexp.MustCompile(`\./\S+`)
)

// TestPages_CommandsSelectTests looks at each `go test` of the documentation: each alternative of
// what it selects must be there, because go test is content with nothing.
func TestPages_CommandsSelectTests(t *testing.T) {
	root := evidence.Root(t)
	names := evidence.Tests(t)
	commands := 0
	for page, text := range evidence.Pages(t) {
		now := madeBy.ReplaceAllString(text, "")
		plain := strings.Join(strings.Fields(strings.ReplaceAll(now, `\|`, "|")), " ")
		for _, command := range goTest.FindAllStringSubmatch(plain, -1) {
			dir := place.FindString(command[1])
			for _, s := range selector.FindAllStringSubmatch(command[1], -1) {
				pattern := s[2] + s[3]
				if pattern == "xxx" { // none, beside -bench
					continue
				}
				commands++
				for alternative := range strings.SplitSeq(pattern, "|") {
					assert.True(t, selects(t, names, dir, s[1], alternative), "%s: `go test %s`: -%s %s: %s selects nothing", page, command[1], s[1], pattern, alternative)
				}
			}
			if dir != "" {
				assert.DirExists(t, filepath.Join(root, strings.TrimSuffix(dir, "/...")), "%s: `go test %s`", page, command[1])
			}
		}
	}
	assert.Greater(t, commands, 40, "there are commands on the pages")
}

// selects reports whether a pattern selects anything in a package, below a folder with "...", or
// anywhere with "".
func selects(t *testing.T, names map[string][]string, dir, kind, pattern string) bool {
	t.Helper()
	top, _, _ := strings.Cut(pattern, "/")
	wanted, err := regexp.Compile(top)
	require.NoError(t, err)
	dir, below := strings.CutSuffix(strings.TrimPrefix(dir, "./"), "...")
	for in, tests := range names {
		if dir != "" && in != dir && !(below && strings.HasPrefix(in+"/", dir)) {
			continue
		}
		for _, name := range tests {
			if strings.HasPrefix(name, "Benchmark") == (kind == "bench") && wanted.MatchString(name) {
				return true
			}
		}
	}
	return false
}

var (
	namedThreat = regexp.MustCompile("`TestThreat_(\\w+)`")
	namedFile   = regexp.MustCompile("`([a-z]+/[a-z/]*[a-z]+\\.go)`")
)

// threat returns the name of the threat that a test is about.
func threat(test string) (name string, ok bool) {
	return strings.CutPrefix(test, "TestThreat_")
}

// TestPage_NamesEachThreatAndAMutantBreaksEach holds docs/security.md, the tests of threats and
// the mutants to each other.
func TestPage_NamesEachThreatAndAMutantBreaksEach(t *testing.T) {
	root := evidence.Root(t)
	tests := map[string]string{} // their packages
	for dir, names := range evidence.Tests(t) {
		for _, test := range names {
			if name, ok := threat(test); ok {
				assert.Empty(t, tests[name], "the test of the threat %s is there twice", name)
				tests[name] = dir
			}
		}
	}
	require.NotEmpty(t, tests)
	prose, _, _ := strings.Cut(evidence.Pages(t)["docs/security.md"], "## The tests fail without")
	named, broken := map[string]bool{}, map[string]bool{"HashCollision": true} // it contains its mutant
	for _, m := range namedThreat.FindAllStringSubmatch(prose, -1) {
		named[m[1]] = true
	}
	for _, m := range mutants.All() {
		for _, c := range m.By {
			if name, ok := threat(c.Test); ok {
				broken[name] = true
				assert.Equal(t, tests[name], c.In, "the package of %s", c.Test)
			}
		}
	}
	assert.Equal(t, slices.Sorted(maps.Keys(tests)), slices.Sorted(maps.Keys(named)), "the tests that there are, and those that the page names")
	assert.Equal(t, slices.Sorted(maps.Keys(tests)), slices.Sorted(maps.Keys(broken)), "the tests that there are, and those that a mutant makes fail")
	for _, file := range namedFile.FindAllStringSubmatch(prose, -1) {
		assert.FileExists(t, filepath.Join(root, filepath.FromSlash(file[1])), "named by the page")
	}
	t.Logf("%d threats, %d mutants", len(tests), len(mutants.All()))
}
