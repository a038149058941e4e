package mutants

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sessionctx/storefront/internal/verify/evidence"
)

// Variable is the environment variable that names the mutant that a binary runs as; empty: none.
// All binaries that Build has made read it.
const Variable = "MUTANT"

// Build compiles the tests of packages, with every mutant in them, and with a bbolt that reports
// what it does to the disk (see bbolt). It returns the folder for Run, which says which mutant a
// process is.
func Build(t testing.TB, packages ...string) (dir string) {
	t.Helper()
	return evidence.Kept(t, "mutants", func(dir string) {
		changed, err := overlay(evidence.Root(t), dir)
		if err != nil {
			t.Fatal(err)
		}
		evidence.Build(t, dir, changed, packages...)
	})
}

// Run runs the tests of a package as a mutant; nil: as the product is.
func Run(t testing.TB, dir, pkg, tests string, m *Mutant, env ...string) (out string, passed bool) {
	t.Helper()
	name := ""
	var flags []string
	if m != nil { // one failure is enough
		name, flags = m.Desc, []string{"-test.failfast"}
	}
	return evidence.Run(t, dir, pkg, tests, flags, append(env, Variable+"="+name)...)
}

// overlay writes what go test -overlay wants into dir, and returns the name of the file.
//
// A mutant is put into the function that it changes: the body of the function begins with a changed
// copy of itself, which runs if the environment names this mutant. So one build holds all of them.
func overlay(root, dir string) (file string, err error) {
	boltDir, err := bbolt(root, filepath.Join(dir, "bbolt"))
	if err != nil {
		return "", err
	}
	changed := map[string]string{}
	keep := func(name, text string) error {
		file := filepath.Join(dir, strconv.Itoa(len(changed)))
		changed[name] = file
		return os.WriteFile(file, []byte(text), 0o600)
	}
	byFile := map[string][]placed{}
	for _, m := range append(All(), Conditions...) {
		for _, e := range m.Edits {
			byFile[e.file()] = append(byFile[e.file()], placed{m.Desc, e})
		}
	}
	packages := map[string]string{}
	var rotten []error
	for _, name := range slices.Sorted(maps.Keys(byFile)) {
		file := filepath.Join(root, filepath.FromSlash(name))
		if inBolt, ok := strings.CutPrefix(name, "bbolt/"); ok {
			file = filepath.Join(boltDir, inBolt)
		}
		text, pkg, err := mutate(file, byFile[name])
		if err != nil {
			rotten = append(rotten, err)
			continue
		}
		packages[filepath.Dir(file)] = pkg
		if err := keep(file, text); err != nil {
			return "", err
		}
	}
	if rotten != nil {
		return "", errors.Join(rotten...)
	}
	for _, folder := range slices.Sorted(maps.Keys(packages)) {
		text := "package " + packages[folder] + "\n\nimport \"os\"\n\nvar mutantOn = os.Getenv(\"" + Variable + "\")\n"
		if err := keep(filepath.Join(folder, "mutant_on.go"), text); err != nil {
			return "", err
		}
	}
	work, err := os.ReadFile(filepath.Join(root, "go.work"))
	if err != nil {
		return "", err
	}
	if err := keep(filepath.Join(root, "go.work"), string(work)+"\nreplace go.etcd.io/bbolt => "+boltDir+"\n"); err != nil {
		return "", err
	}
	description, err := json.Marshal(map[string]any{"Replace": changed})
	if err != nil {
		return "", err
	}
	file = filepath.Join(dir, "overlay.json")
	return file, os.WriteFile(file, description, 0o600)
}

// placed is an edit of a mutant.
type placed struct {
	mutant string
	Edit
}

// mutate returns the text of a file with all mutants in it, and the name of its package.
func mutate(file string, edits []placed) (text, pkg string, err error) {
	src, err := os.ReadFile(file)
	if err != nil {
		return "", "", err
	}
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, file, src, parser.SkipObjectResolution)
	if err != nil {
		return "", "", err
	}
	offset := func(p token.Pos) int { return files.Position(p).Offset }
	type site struct {
		fn     *ast.FuncDecl
		mutant string
	}
	bodies := map[site]string{}
	var order []site
	appended := ""
	for _, e := range edits {
		if e.Old == "" {
			appended += "\n" + e.New + "\n"
			continue
		}
		var found []*ast.FuncDecl
		for _, d := range parsed.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if ok && (e.function() == "" || fn.Name.Name == e.function()) {
				for range strings.Count(string(src[offset(fn.Body.Lbrace):offset(fn.Body.Rbrace)]), e.Old) {
					found = append(found, fn)
				}
			}
		}
		if len(found) != 1 {
			err = errors.Join(err, fmt.Errorf("the mutant %q has rotted: its mark must occur in the functions of %s exactly once, and does %d times: %s", e.mutant, e.File, len(found), e.Old))
			continue
		}
		s := site{found[0], e.mutant}
		body, ok := bodies[s]
		if !ok {
			body = string(src[offset(s.fn.Body.Lbrace)+1 : offset(s.fn.Body.Rbrace)])
			order = append(order, s)
		}
		bodies[s] = strings.Replace(body, e.Old, e.New, 1)
	}
	if err != nil {
		return "", "", err
	}
	slices.SortStableFunc(order, func(a, b site) int { return -cmp.Compare(a.fn.Pos(), b.fn.Pos()) })
	text = string(src)
	for _, s := range order { // from the end of the file
		end := "}\n"
		if s.fn.Type.Results == nil {
			end = "\nreturn\n}\n"
		}
		at := offset(s.fn.Body.Lbrace) + 1
		text = text[:at] + fmt.Sprintf("\nif mutantOn == %q {", s.mutant) + bodies[s] + end + text[at:]
	}
	return text + appended, parsed.Name.Name, nil
}

// bbolt copies bbolt into dir, and lets it report what it does to the disk, in the order in which
// it does it, into the file that BoltLog names: "W offset length" and the bytes, "T size" when the
// file is made longer, "S" after an fsync. An fsync fails as BoltEIO says.
func bbolt(root, dir string) (string, error) {
	list := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "go.etcd.io/bbolt")
	list.Dir = filepath.Join(root, "internal", "verify")
	out, err := list.Output()
	if err != nil {
		return "", err
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	if err := os.CopyFS(dir, os.DirFS(strings.TrimSpace(string(out)))); err != nil {
		return "", err
	}
	for _, e := range []Edit{
		{"db.go", "db.ops.writeAt = db.file.WriteAt", "db.ops.writeAt = db.watchedWriteAt"},
		{"db.go", "db.file.Truncate(int64(sz))", "db.watchedTruncate(int64(sz))"},
		{"db.go", "err := db.file.Sync()", "err := db.watchedSync(db.file.Sync)"},
		{"bolt_linux.go", "return syscall.Fdatasync(int(db.file.Fd()))", "return db.watchedSync(func() error { return syscall.Fdatasync(int(db.file.Fd())) })"},
	} {
		name := filepath.Join(dir, e.File)
		text, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		if n := strings.Count(string(text), e.Old); n != 1 {
			return "", fmt.Errorf("bbolt has changed: %s: %s occurs %d times", e.File, e.Old, n)
		}
		if err := os.WriteFile(name, []byte(strings.Replace(string(text), e.Old, e.New, 1)), 0o600); err != nil {
			return "", err
		}
	}
	return dir, os.WriteFile(filepath.Join(dir, "watched.go"), []byte(watched), 0o600)
}

// The environment variables of the bbolt that Build makes.
const (
	BoltLog = "DURABLE_BOLT_LOG" // a file: what is done to the disk
	BoltEIO = "DURABLE_BOLT_EIO" // a file: while it is there, the number of fsyncs that still succeed
)

// watched is what bbolt gets besides.
const watched = `package bbolt

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
)

var watchedLog = func() *os.File {
	f, err := os.OpenFile(os.Getenv("` + BoltLog + `"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil
	}
	return f
}()

func watched(b []byte) {
	if watchedLog == nil {
		return
	}
	if _, err := watchedLog.Write(b); err != nil {
		panic(err)
	}
}

func (db *DB) watchedWriteAt(b []byte, off int64) (int, error) {
	watched(append(fmt.Appendf(nil, "W %d %d\n", off, len(b)), b...))
	return db.file.WriteAt(b, off)
}

func (db *DB) watchedTruncate(size int64) error {
	watched(fmt.Appendf(nil, "T %d\n", size))
	return db.file.Truncate(size)
}

func (db *DB) watchedSync(sync func() error) error {
	if name := os.Getenv("` + BoltEIO + `"); name != "" {
		if b, err := os.ReadFile(name); err == nil {
			n, _ := strconv.Atoi(string(b))
			if n == 0 {
				return syscall.EIO
			}
			if err := os.WriteFile(name, []byte(strconv.Itoa(n-1)), 0o600); err != nil {
				panic(err)
			}
		}
	}
	if err := sync(); err != nil {
		return err
	}
	watched([]byte("S\n"))
	return nil
}
`
