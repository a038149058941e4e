package pages

import (
	"database/sql"
	"fmt"
	"os"
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
	t.Parallel()
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
			named := map[string]string{}
			for i, file := range slices.Concat(files, []string{string(more)}) {
				name := fmt.Sprintf("file%d.go", i)
				if strings.Contains(file, "\nfunc Test") {
					name = fmt.Sprintf("file%d_test.go", i)
				}
				named[name] = file
			}
			assert.Contains(t, runTests(t, root, named, "DATABASE="+database), "--- PASS: TestDatabase_")
		})
	}
}
