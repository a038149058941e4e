package evidence

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
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

// Kept calls build with a folder that stays for the next run, and returns it. What the go command
// finds up to date there it does not link again. There is one folder of each name for each working
// tree, below the user's caches; those that nobody has used for a week are removed. No other
// process builds in it meanwhile.
func Kept(t testing.TB, name string, build func(dir string)) (dir string) {
	t.Helper()
	caches, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	caches = filepath.Join(caches, "sessionctx-storefront-verify")
	dir = filepath.Join(caches, fmt.Sprintf("%x-%s", sha256.Sum256([]byte(Root(t))), name))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	lock, err := os.Create(filepath.Join(dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close() // and so the lock ends
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	used, err := filepath.Glob(filepath.Join(caches, "*", "lock"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range used {
		if info, err := os.Stat(file); err == nil && time.Since(info.ModTime()) > 7*24*time.Hour {
			_ = os.RemoveAll(filepath.Dir(file)) // another process may do the same
		}
	}
	build(dir)
	return dir
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

// Run runs the tests of a package that Build has compiled, with flags such as "-test.v", and with
// variables such as "SEED=1" added to the environment. It returns what they printed, and whether
// they passed.
func Run(t testing.TB, dir, pkg, tests string, flags []string, env ...string) (out string, passed bool) {
	t.Helper()
	run := exec.CommandContext(t.Context(), filepath.Join(dir, path.Base(pkg)+".test"), append(flags, "-test.run=^("+tests+")$", "-test.timeout=10m")...)
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
		dir := Kept(t, "shipped", func(dir string) { Build(t, dir, "", pkg) })
		out, passed := Run(t, dir, pkg, t.Name(), nil, Variable+"="+os.Getenv(Variable))
		if t.Log(out); !passed {
			t.Error("it fails without the race detector")
		}
	}
	return !UnderRace
}
