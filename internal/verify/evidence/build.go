package evidence

import (
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const product = "github.com/sessionctx/storefront"

var root = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", product).Output()
	return strings.TrimSpace(string(out)), err
})

// Root returns the root of the repository.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := root()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// Pages returns the texts of the documentation, by their names from the root. The CHANGELOG, which
// tells of what was, is not among them.
func Pages(t testing.TB) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "internal/verify/*.md"} {
		found, err := fs.Glob(os.DirFS(Root(t)), pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range found {
			text, err := os.ReadFile(filepath.Join(Root(t), filepath.FromSlash(name)))
			if err != nil {
				t.Fatal(err)
			}
			texts[name] = string(text)
		}
	}
	delete(texts, "CHANGELOG.md")
	return texts
}

// Build compiles the tests of packages, which are named by their folders from the root, into dir,
// without the race detector. An overlay may change what is compiled (go test -overlay); "" changes
// nothing.
func Build(t testing.TB, dir, overlay string, packages ...string) {
	t.Helper()
	args := []string{"test", "-c", "-ldflags=-s -w", "-o", dir + string(filepath.Separator)}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	for _, p := range packages {
		args = append(args, path.Join(product, p))
	}
	build := exec.CommandContext(t.Context(), "go", args...)
	build.Dir = Root(t)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v does not compile: %v\n%s", packages, err, out)
	}
}

// Run runs the tests of a package that Build has compiled, with variables such as "SEED=1" added to
// the environment. It returns what they printed, and whether they passed.
func Run(t testing.TB, dir, pkg, tests string, env ...string) (out string, passed bool) {
	t.Helper()
	run := exec.CommandContext(t.Context(), filepath.Join(dir, path.Base(pkg)+".test"), "-test.run=^("+tests+")$", "-test.timeout=10m")
	run.Env = append(append(os.Environ(), Variable+"="), env...) // its figures are for no page
	run.Dir = filepath.Join(Root(t), filepath.FromSlash(pkg))
	b, err := run.CombinedOutput()
	return string(b), err == nil
}

// Shipped reports whether the test is to go on. Under the race detector allocations are larger than
// in what is shipped. Shipped then runs the test in a binary without the race detector, and returns
// false.
func Shipped(t *testing.T, pkg string) bool {
	t.Helper()
	if UnderRace {
		dir := t.TempDir()
		Build(t, dir, "", pkg)
		out, passed := Run(t, dir, pkg, t.Name(), Variable+"="+os.Getenv(Variable))
		if t.Log(out); !passed {
			t.Error("it fails without the race detector")
		}
	}
	return !UnderRace
}
