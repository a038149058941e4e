package evidence

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var declared = regexp.MustCompile(`(?m)^func ((?:Test|Benchmark|Fuzz|Example)\w*)\(`)

// Tests returns the names of all tests of the repository, benchmarks, fuzz targets and examples
// included, by the folders of their packages.
func Tests(t *testing.T) map[string][]string {
	t.Helper()
	root := Root(t)
	names := map[string][]string{}
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		for _, name := range declared.FindAllStringSubmatch(string(text), -1) {
			names[filepath.ToSlash(dir)] = append(names[filepath.ToSlash(dir)], name[1])
		}
		return err
	}))
	return names
}
