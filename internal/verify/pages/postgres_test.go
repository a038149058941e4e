package pages

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/postgresserver"
	"github.com/sessionctx/storefront/internal/verify/evidence"
)

// TestPages_DirectoryAndStoreWorkOnPostgreSQL runs the directory and the store that the pages show,
// on the tables that they show, with the tests that they show and those of testdata.
func TestPages_DirectoryAndStoreWorkOnPostgreSQL(t *testing.T) {
	root := evidence.Root(t)
	database := postgresserver.Start(t)
	db, err := sql.Open("pgx", database)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	packages := packagesByName(t, root)
	for _, page := range []string{"your-directory", "your-store"} {
		t.Run(page, func(t *testing.T) {
			text := evidence.Pages(t)["docs/"+page+".md"]
			for _, b := range blocksOf(t, page, text) {
				if b.language == "sql" {
					_, err := db.ExecContext(t.Context(), b.text)
					require.NoError(t, err)
				}
			}
			sources := sourcesOf(t, page+".md", text, packages)
			shown := slices.IndexFunc(sources, func(s source) bool { return strings.Contains(s.forms[0][0], "\nfunc Test") })
			require.GreaterOrEqual(t, shown, 0, "the page shows a test")
			forms := sources[shown].forms
			files := forms[len(forms)-1] // with the files of the page
			require.Greater(t, len(files), 1)
			more, err := os.ReadFile(filepath.Join("testdata", page+"_test.go"))
			require.NoError(t, err)
			dir := t.TempDir()
			args := []string{"test", "-v"}
			for i, file := range slices.Concat(files, []string{string(more)}) {
				name := fmt.Sprintf("file%d.go", i)
				if strings.Contains(file, "\nfunc Test") {
					name = fmt.Sprintf("file%d_test.go", i)
				}
				name = filepath.Join(dir, name)
				require.NoError(t, os.WriteFile(name, []byte(file), 0o644))
				args = append(args, name)
			}
			run := exec.CommandContext(t.Context(), "go", args...)
			run.Dir, run.Env = root, append(os.Environ(), "DATABASE="+database)
			out, err := run.CombinedOutput()
			require.NoError(t, err, string(out))
			assert.Contains(t, string(out), "--- PASS: TestDatabase_")
		})
	}
}
