package routers_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	section = regexp.MustCompile(`(?s)\[examples/routers/(\w+)\]\(\.\./(\S+?)\)(.*?)(?:\n## |$)`)
	block   = regexp.MustCompile("(?s)```go\n(.*?)```")
)

// The lines of docs/routers.md are lines of the programs, which are compiled and tested. The first
// block of a section is what mounts the library, the others are for parts of the routes or for
// handlers.
func TestDocs_LinesAreThoseOfThePrograms(t *testing.T) {
	page, err := os.ReadFile(filepath.FromSlash("../../docs/routers.md"))
	require.NoError(t, err)
	sections := section.FindAllStringSubmatch(string(page), -1)
	var routers []string
	for _, s := range sections {
		router, file, text := s[1], s[2], s[3]
		routers = append(routers, router)
		t.Run(router, func(t *testing.T) {
			program, err := os.ReadFile(filepath.FromSlash("../../" + file))
			require.NoError(t, err)
			code := "\n" + unindented(string(program))
			blocks := block.FindAllStringSubmatch(text, -1)
			require.NotEmpty(t, blocks)
			for _, b := range blocks {
				assert.Contains(t, code, "\n"+unindented(b[1]))
			}
			assert.LessOrEqual(t, strings.Count(blocks[0][1], "\n"), 3, "lines of glue")
		})
	}
	assert.Equal(t, []string{"mux", "chi", "gin", "echo", "fiber"}, routers)
}

// unindented returns text without the blanks at the begin of its lines.
func unindented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimLeft(line, "\t "))
	}
	return b.String()
}
