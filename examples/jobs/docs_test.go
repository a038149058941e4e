package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The lines of docs/jobs.md are lines of the program, which is compiled and tested.
func TestDocs_LinesAreThoseOfTheProgram(t *testing.T) {
	page, err := os.ReadFile(filepath.FromSlash("../../docs/jobs.md"))
	require.NoError(t, err)
	program, err := os.ReadFile("jobs.go")
	require.NoError(t, err)
	code := "\n" + unindented(string(program))
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	require.NotEmpty(t, blocks)
	for _, b := range blocks {
		assert.Contains(t, code, "\n"+unindented(b[1]))
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
