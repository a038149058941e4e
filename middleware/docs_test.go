package middleware_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The Go lines of docs/page-caches.md are lines of an Example, which is compiled and run.
func TestDocs_LinesOfPageCachesAreThoseOfTheExample(t *testing.T) {
	page, err := os.ReadFile("../docs/page-caches.md")
	require.NoError(t, err)
	example, err := os.ReadFile("example_variant_test.go")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	require.NotEmpty(t, blocks)
	for _, b := range blocks {
		assert.Contains(t, unindented(string(example)), unindented(b[1]))
	}
}

// unindented returns text without the blanks at the begin of its lines.
func unindented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimLeft(line, "\t "))
	}
	return b.String()
}
