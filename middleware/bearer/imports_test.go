package bearer_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A host without JSON Web Tokens links no code for them: of the module's packages only this one,
// and the one that sends and verifies tokens between services, import golang-jwt, and no other
// package of the module imports these two.
func TestImports_OnlyPackagesOfTokensNameGolangJWT(t *testing.T) {
	const (
		module = "github.com/sessionctx/storefront/"
		root   = "../.."
	)
	importers := map[string][]string{} // by import path: the packages that import it, as folders below the root
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path == root {
				return nil
			}
			name := d.Name()
			_, err := os.Stat(filepath.Join(path, "go.mod"))
			if err == nil || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" {
				return fs.SkipDir // another module, or nothing that is built
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if strings.HasPrefix(imported, "github.com/golang-jwt/") {
				imported = "golang-jwt"
			}
			importers[imported] = append(importers[imported], filepath.ToSlash(folder))
		}
		return nil
	})
	require.NoError(t, err)
	require.Contains(t, importers[module+"sessionctx"], "middleware/rest", "the walk saw the product")
	require.NotEmpty(t, importers["golang-jwt"])
	for imported, permitted := range map[string][]string{
		"golang-jwt":                     {"middleware/bearer", "middleware/downstream"},
		module + "middleware/bearer":     {"middleware/downstream"},
		module + "middleware/downstream": nil, // the host chooses it
	} {
		for _, importer := range importers[imported] {
			assert.Contains(t, permitted, importer, "imports %s", imported)
		}
	}
}
