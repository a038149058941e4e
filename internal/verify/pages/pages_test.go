package pages

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/evidence"
)

// TestPages_GoCompiles type-checks every block of the documentation that begins with ```go. A block
// with a package clause is a whole file; the files of one package on one page, unless it is main,
// belong together. Any other block is a part of a file, and the test adds what is missing:
//
//   - fields, such as "AcceptLanguage: true,", belong to the first type of fieldsOf that has them;
//   - statements are the body of a function, which returns an error if they return anything;
//   - it may use what the whole files before it on the page declare;
//   - if all of its lines are those of a Go file of the repository, indentation aside, it is
//     compiled there;
//   - a package is imported by its name: one of the workspace, of the standard library, or of
//     imported;
//   - a name that the block does not declare is a variable: one of known, or one that the page
//     declares in a comment before the block. Readers do not see the comment, and it holds for the
//     rest of the page: <!-- given: shops *sync.Map; old, new sessionctx.Session -->
func TestPages_GoCompiles(t *testing.T) {
	root := evidence.Root(t)
	packages := packagesByName(t, root)
	var sources []source
	pages := evidence.Pages(t)
	for _, page := range slices.Sorted(maps.Keys(pages)) {
		sources = append(sources, sourcesOf(t, page, pages[page], packages)...)
	}
	require.Greater(t, len(sources), 20, "there is Go on the pages")
	check, elsewhere := checker(t, root, sources), unindentedFiles(t, root)
	for _, s := range sources {
		t.Run(s.name, func(t *testing.T) {
			errs := check(s)
			lines := "\n" + unindented(s.part)
			if s.part != "" && slices.ContainsFunc(elsewhere, func(file string) bool { return strings.Contains(file, lines) }) {
				return
			}
			for _, err := range errs {
				assert.NoError(t, err, "a name that is undefined can be declared above the block: <!-- given: NAME TYPE -->")
			}
		})
	}
}

// TestMountPage_RedisTokensAndMetricsTakeAtMost40Lines counts the whole of func main, in which the
// sites and a handler are, too.
func TestMountPage_RedisTokensAndMetricsTakeAtMost40Lines(t *testing.T) {
	counted := 0
	for _, b := range blocksOf(t, "mount.md", evidence.Pages(t)["docs/mount.md"]) {
		if b.language == "go" && strings.Contains(b.text, "redisstore.New(") {
			_, body, found := strings.Cut(b.text, "\nfunc main() {\n")
			require.True(t, found)
			body, _, found = strings.Cut(body, "\n}\n")
			require.True(t, found)
			for _, part := range []string{"bearer.New(", "jwks.New(", "promctx.New(", "mw.Wrap("} {
				assert.Contains(t, body, part)
			}
			assert.LessOrEqual(t, strings.Count(body, "\n")+1, 40)
			counted++
		}
	}
	assert.Equal(t, 1, counted, "there is one such program")
}

// known are the variables that every page may use without saying what they are.
var known = map[string]string{
	"ctx":       "context.Context",
	"directory": "sessionctx.Directory",
	"err":       "error",
	"mux":       "*http.ServeMux",
	"mw":        "*middleware.Middleware",
	"r":         "*http.Request",
	"resolver":  "*sessionctx.Resolver",
	"t":         "*testing.T",
	"w":         "http.ResponseWriter",
}

// fieldsOf are the types to which a block of fields may belong.
var fieldsOf = []string{"middleware.Config", "bearer.Config", "sessionctx.Config", "redisstore.Config", "otelctx.Config", "grpcctx.Config"}

// imported are the packages that are neither of the workspace nor of the standard library, and
// those of the standard library that share their name with another one.
var imported = map[string]string{
	"codes":       "google.golang.org/grpc/codes", // not defaults/codes
	"credentials": "google.golang.org/grpc/credentials",
	"grpc":        "google.golang.org/grpc",
	"metadata":    "google.golang.org/grpc/metadata",
	"metric":      "go.opentelemetry.io/otel/metric",
	"prometheus":  "github.com/prometheus/client_golang/prometheus",
	"rand":        "crypto/rand",
	"rueidis":     "github.com/redis/rueidis",
	"scs":         "github.com/alexedwards/scs/v2",
	"status":      "google.golang.org/grpc/status",
	"template":    "html/template",
	"trace":       "go.opentelemetry.io/otel/trace",
}

// packagesByName returns the paths of the packages that a part of a file may name.
func packagesByName(t *testing.T, root string) map[string]string {
	t.Helper()
	all := maps.Clone(imported)
	for line := range strings.Lines(goList(t, root, "-f", "{{.Name}} {{.ImportPath}}", "work", "std")) {
		name, path, _ := strings.Cut(strings.TrimSpace(line), " ")
		if all[name] == "" && name != "main" && !strings.Contains("/"+path, "/internal/") && !strings.Contains("/"+path, "/vendor/") {
			all[name] = path
		}
	}
	return all
}

func goList(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	return string(out)
}

// source is what is compiled at once: a block, or the files of one package.
type source struct {
	name  string     // of the page and the line
	forms [][]string // the files that it may be: the first form that compiles counts
	whole bool       // these are files as they are
	part  string     // the block, if it is a part of a file
}

// block is a part of a page between two lines of ```.
type block struct {
	language, text string
	line           int // of its first line of text
	given          map[string]string
}

var given = regexp.MustCompile(`(?s)<!-- given: (.*?) -->`)

// blocksOf returns the blocks of a page. The language of one may be empty.
func blocksOf(t *testing.T, name, page string) (all []block) {
	t.Helper()
	variables, inside := map[string]string{}, false
	number := 0
	for line := range strings.Lines(page) {
		number++
		mark, fence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case fence && !inside:
			all = append(all, block{language: mark, line: number + 1, given: maps.Clone(variables)})
			inside = true
		case fence:
			inside = false
		case inside:
			all[len(all)-1].text += line
		default:
			for _, g := range given.FindAllStringSubmatch(line, -1) {
				for declaration := range strings.SplitSeq(g[1], "; ") {
					names, kind, found := cutNames(declaration)
					require.True(t, found, "%s:%d: %q is not of the form NAME TYPE", name, number, declaration)
					for _, n := range names {
						variables[n] = kind
					}
				}
			}
		}
	}
	require.False(t, inside, "%s: the last block has no end", name)
	return all
}

// cutNames cuts "a, b T" into its names and the type.
func cutNames(declaration string) (names []string, kind string, found bool) {
	rest := strings.TrimSpace(declaration)
	for {
		name, after, found := strings.Cut(rest, " ")
		if !found {
			return nil, "", false
		}
		name, more := strings.CutSuffix(name, ",")
		names, rest = append(names, name), after
		if !more {
			return names, rest, true
		}
	}
}

// sourcesOf returns what is to be compiled of a page.
func sourcesOf(t *testing.T, name, page string, packages map[string]string) (all []source) {
	t.Helper()
	together := map[string]int{} // packages that are not main, by their name
	for _, b := range blocksOf(t, name, page) {
		if b.language != "go" {
			continue
		}
		s := source{name: fmt.Sprintf("%s:%d", name, b.line)}
		text := fmt.Sprintf("//line %s\n%s", s.name, b.text)
		if file, err := parser.ParseFile(token.NewFileSet(), "", b.text, parser.PackageClauseOnly); err == nil {
			if i, found := together[file.Name.Name]; found {
				all[i].forms[0] = append(all[i].forms[0], text)
				continue
			}
			if file.Name.Name != "main" {
				together[file.Name.Name] = len(all)
			}
			s.forms, s.whole = [][]string{{text}}, true
		} else {
			s.forms, s.part = formsOf(text, b.given, packages), b.text
			for _, i := range together {
				for _, form := range s.forms {
					s.forms = append(s.forms, in(all[i], form))
				}
			}
		}
		all = append(all, s)
	}
	return all
}

// in returns a part of a file as one of the files of a package.
func in(pkg source, form []string) []string {
	name := packageClause.FindString(pkg.forms[0][0])
	return append([]string{packageClause.ReplaceAllString(form[0], name)}, pkg.forms[0]...)
}

var packageClause = regexp.MustCompile(`(?m)^package \w+$`)

// unindentedFiles returns the Go files of the repository, but for those of testdata.
func unindentedFiles(t *testing.T, root string) (all []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == "testdata" || d.Name() == ".git") {
			return filepath.SkipDir
		}
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		text, err := os.ReadFile(path)
		all = append(all, "\n"+unindented(string(text)))
		return err
	}))
	return all
}

// unindented returns text without the blanks at the begin of its lines.
func unindented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimLeft(line, "\t "))
	}
	return b.String()
}

// formsOf returns the files of which a part of a file may be a part. If there are none, it returns
// one that does not parse.
func formsOf(text string, variables, packages map[string]string) (forms [][]string) {
	candidates := []string{text} // declarations
	for _, of := range fieldsOf {
		candidates = append(candidates, "var _ = "+of+"{\n"+text+"}")
	}
	candidates = append(candidates, "func _() {\n"+text+"}", "func _() error {\n"+text+"\nreturn nil\n}")
	for _, c := range candidates {
		if _, err := parser.ParseFile(token.NewFileSet(), "", "package page\n"+c, parser.SkipObjectResolution); err == nil {
			forms = append(forms, []string{withNames(c, variables, packages)})
		}
	}
	if forms == nil {
		forms = [][]string{{"package page\n" + candidates[len(candidates)-1]}}
	}
	return forms
}

// withNames returns the file with these declarations, with the variables and imports that it lacks.
func withNames(declarations string, variables, packages map[string]string) string {
	var vars strings.Builder
	for _, name := range unresolved(declarations) {
		kind := variables[name]
		if kind == "" {
			kind = known[name]
		}
		if kind != "" {
			fmt.Fprintf(&vars, "var %s %s\n", name, kind)
		}
	}
	var imports strings.Builder
	for _, name := range unresolved(vars.String() + declarations) {
		if path := packages[name]; path != "" {
			fmt.Fprintf(&imports, "import %s %q\n", name, path)
		}
	}
	return "package page\n" + imports.String() + vars.String() + declarations
}

// unresolved returns the names that these declarations use and do not declare, each once, sorted.
func unresolved(declarations string) (names []string) {
	file, err := parser.ParseFile(token.NewFileSet(), "", "package page\n"+declarations, 0)
	if err != nil {
		return nil
	}
	for _, id := range file.Unresolved {
		names = append(names, id.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// checker returns a function that says what is wrong with a source. It reads the packages that the
// sources import as the go command has compiled them.
func checker(t *testing.T, root string, sources []source) func(source) []error {
	t.Helper()
	wanted := map[string]bool{}
	for _, s := range sources {
		for _, file := range slices.Concat(s.forms...) {
			tree, err := parser.ParseFile(token.NewFileSet(), "", file, parser.ImportsOnly)
			if err != nil {
				continue // check says so
			}
			for _, i := range tree.Imports {
				path, err := strconv.Unquote(i.Path.Value)
				require.NoError(t, err)
				wanted[path] = true
			}
		}
	}
	compiled := map[string]string{}
	for line := range strings.Lines(goList(t, root, append([]string{"-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}"}, slices.Sorted(maps.Keys(wanted))...)...)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		compiled[path] = file
	}
	files := token.NewFileSet()
	imports := importer.ForCompiler(files, "gc", func(path string) (io.ReadCloser, error) { return os.Open(compiled[path]) })
	check := func(form []string, whole bool) (errs []error) {
		var trees []*ast.File
		for _, text := range form {
			tree, err := parser.ParseFile(files, "", text, parser.SkipObjectResolution)
			if err != nil {
				return []error{err}
			}
			trees = append(trees, tree)
		}
		config := types.Config{Importer: imports, Error: func(err error) {
			if e, ok := errors.AsType[types.Error](err); !ok || !e.Soft || whole { // soft: not used
				errs = append(errs, err)
			}
		}}
		_, _ = config.Check("page", files, trees, nil) // its error is the first of errs
		return errs
	}
	return func(s source) (fewest []error) {
		for i, form := range s.forms {
			errs := check(form, s.whole)
			if i == 0 || len(errs) < len(fewest) {
				fewest = errs
			}
		}
		return fewest
	}
}
