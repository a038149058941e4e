package verify_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	goTest   = regexp.MustCompile("`(?:[A-Z]+=\\S+ )*go test ([^`]*)`")
	selector = regexp.MustCompile(`-(run|bench|fuzz) (?:'([^']+)'|(\S+))`)
	place    = regexp.MustCompile(`\./\S+`)
	declared = regexp.MustCompile(`(?m)^func ((?:Test|Benchmark|Fuzz|Example)\w*)\(`)
)

// TestEveryCommandOnThePagesNamesTestsThatThereAre looks at each `go test` of the documentation: what it selects must be there, for go test
// is content with nothing.
func TestEveryCommandOnThePagesNamesTestsThatThereAre(t *testing.T) {
	root := filepath.Join("..", "..")
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	require.NoError(t, err)
	evidence, err := filepath.Glob(filepath.Join(root, "docs", "evidence", "*.md"))
	require.NoError(t, err)
	pages = append(append(pages, evidence...), filepath.Join(root, "README.md"), filepath.Join(root, "CONTRIBUTING.md"), "README.md")
	commands := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		plain := strings.Join(strings.Fields(strings.ReplaceAll(string(text), `\|`, "|")), " ")
		for _, command := range goTest.FindAllStringSubmatch(plain, -1) {
			for _, s := range selector.FindAllStringSubmatch(command[1], -1) {
				kind, pattern := s[1], s[2]+s[3]
				if pattern == "xxx" { // none, beside -bench
					continue
				}
				commands++
				dir := place.FindString(command[1])
				top, _, _ := strings.Cut(pattern, "/")
				assert.True(t, selects(t, root, dir, kind, top), "%s: `go test %s`: -%s %s selects nothing", page, command[1], kind, pattern)
			}
		}
	}
	assert.Greater(t, commands, 50, "there are commands on the pages")
}

// selects reports whether a pattern selects anything in a package, below a folder with "...", or anywhere with "".
func selects(t *testing.T, root, dir, kind, pattern string) (found bool) {
	t.Helper()
	wanted, err := regexp.Compile(pattern)
	require.NoError(t, err)
	dir, below := strings.CutSuffix(filepath.ToSlash(dir), "/...")
	top := filepath.Join(root, dir)
	require.NoError(t, filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != top && !below && dir != "":
			return fs.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		for _, name := range declared.FindAllStringSubmatch(string(text), -1) {
			benchmark := strings.HasPrefix(name[1], "Benchmark")
			found = found || benchmark == (kind == "bench") && wanted.MatchString(name[1])
		}
		return err
	}))
	return found
}
