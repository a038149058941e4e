// Package evidence is what the runs of this module share: their settings, which come from the
// environment, the binaries that they build and run, and the tables that the command figures puts
// into the pages.
package evidence

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Variable is the environment variable that names the folder in which tables are kept. Without it
// they are only printed.
const Variable = "TABLES"

// Table prints a table as Markdown, and keeps it as NAME.md.
func Table(t testing.TB, name string, header []string, rows ...[]string) {
	t.Helper()
	var b strings.Builder
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(header)
	fmt.Fprintf(&b, "|%s\n", strings.Repeat("---|", len(header)))
	for _, row := range rows {
		if len(row) != len(header) {
			t.Fatalf("table %s: a row of %d cells under %d titles", name, len(row), len(header))
		}
		line(row)
	}
	fmt.Printf("%s:\n%s", name, b.String())
	if dir := os.Getenv(Variable); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".md"), []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
