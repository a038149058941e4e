// Package tables carries figures from the run that measured them into the documentation. A test writes a table under
// a name; the command figures puts it where a page of docs/ names it.
package tables

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Variable is the environment variable that names the folder in which tables are kept. Without it they are printed only.
const Variable = "TABLES"

// Write prints a table as Markdown, and keeps it as NAME.md.
func Write(t testing.TB, name string, header []string, rows ...[]string) {
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
	keep(t, name+".md", b.String())
}

// Plot keeps a picture in SVG as NAME.svg, for docs/evidence/plots.
func Plot(t testing.TB, name, svg string) {
	t.Helper()
	keep(t, name+".svg", svg)
}

func keep(t testing.TB, file, text string) {
	t.Helper()
	if dir := os.Getenv(Variable); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
