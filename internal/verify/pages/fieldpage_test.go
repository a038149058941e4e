package pages

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/evidence"
)

var (
	namedTest = regexp.MustCompile("`(Test[A-Z]\\w*)`")
	quoted    = regexp.MustCompile("`([^`]+)`")
)

// TestPages_NamedTestsExist looks for each test that a page names.
func TestPages_NamedTestsExist(t *testing.T) {
	there := map[string]bool{}
	for _, names := range evidence.Tests(t) {
		for _, name := range names {
			there[name] = true
		}
	}
	seen := 0
	for page, text := range evidence.Pages(t) {
		for _, m := range namedTest.FindAllStringSubmatch(text, -1) {
			seen++
			prefix := m[1] == "TestThreat" || strings.HasSuffix(m[1], "_") // stands for several
			assert.True(t, there[m[1]] || prefix, "%s: there is no %s", page, m[1])
		}
	}
	assert.Greater(t, seen, 80)
}

// TestFieldPage_InstancesAreInTheTestsThatItNames holds docs/evidence/field.md to the tests: each
// instance is a text in the test of its row.
func TestFieldPage_InstancesAreInTheTestsThatItNames(t *testing.T) {
	root := evidence.Root(t)
	texts := map[string]map[string]map[string]bool{} // by package and test
	rows := 0
	for line := range strings.Lines(evidence.Pages(t)["docs/evidence/field.md"]) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if !strings.HasPrefix(line, "| ") || len(cells) != 4 || strings.TrimSpace(cells[0]) == "situation" {
			continue
		}
		rows++
		pkg, test := strings.TrimSpace(cells[1]), strings.Trim(strings.TrimSpace(cells[2]), "`")
		if texts[pkg] == nil {
			texts[pkg] = testTexts(t, filepath.Join(root, filepath.FromSlash(pkg)))
		}
		found, ok := texts[pkg][test]
		if !assert.True(t, ok, "%s: there is no %s", pkg, test) {
			continue
		}
		instances := quoted.FindAllStringSubmatch(cells[3], -1)
		assert.NotEmpty(t, instances, test)
		for _, instance := range instances {
			assert.True(t, found[instance[1]], "%s: %s has no %q", pkg, test, instance[1])
		}
	}
	assert.Greater(t, rows, 50)
}

// testTexts returns, for each test of a package, the texts in it and in what it names of its file.
func testTexts(t *testing.T, dir string) map[string]map[string]bool {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	require.NoError(t, err)
	tests := map[string]map[string]bool{}
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		declared := map[string]ast.Node{}
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					declared[d.Name.Name] = d.Body
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if v, ok := spec.(*ast.ValueSpec); ok {
						for _, name := range v.Names {
							declared[name.Name] = spec
						}
					}
				}
			}
		}
		for test, body := range declared {
			if !strings.HasPrefix(test, "Test") {
				continue
			}
			found, looked := map[string]bool{}, map[string]bool{test: true}
			var look func(ast.Node) bool
			look = func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.BasicLit:
					if n.Kind == token.STRING {
						text, err := strconv.Unquote(n.Value)
						require.NoError(t, err)
						found[text] = true
					}
				case *ast.Ident:
					if d, ok := declared[n.Name]; ok && !looked[n.Name] {
						looked[n.Name] = true
						ast.Inspect(d, look)
					}
				}
				return true
			}
			ast.Inspect(body, look)
			tests[test] = found
		}
	}
	return tests
}
