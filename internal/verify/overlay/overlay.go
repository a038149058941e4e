// Package overlay builds test binaries of a changed product: the sources stay as they are, the compiler sees
// the changes (go test -overlay).
package overlay

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/tables"
)

// Edit replaces a piece of a file. Old must occur in the file exactly once, else the edit has rotted.
type Edit struct {
	File     string // from the root of the project
	Old, New string
}

const (
	product = "github.com/sessionctx/storefront"
	module  = product + "/internal/verify"
)

// Build compiles the tests of a package with the edits, and returns the binary's name. The package is named by its path from this
// module's root, or by its whole import path if it is another one of the workspace. The binary is small and without the race detector.
func Build(t *testing.T, pkg string, edits ...Edit) string {
	t.Helper()
	root, changed := Root(t), Apply(t, edits...)
	dir := t.TempDir()
	replace := make(map[string]string)
	for file, text := range changed {
		replace[file] = filepath.Join(dir, strings.ReplaceAll(strings.TrimPrefix(file, root), string(filepath.Separator), "_"))
		require.NoError(t, os.WriteFile(replace[file], text, 0o600))
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	description := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(description, overlay, 0o600))

	binary := filepath.Join(dir, "changed.test")
	if pkg != product && !strings.HasPrefix(pkg, product+"/") {
		pkg = module + "/" + pkg
	}
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-ldflags=-s -w", "-overlay", description, "-o", binary, pkg)
	build.Dir = filepath.Join(root, "internal", "verify")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "the changed product does not compile:\n%s", out)
	return binary
}

// Apply returns the files as the edits change them, by name, and builds nothing: it fails the test if an edit has rotted, which those
// that are built by hand alone would do unseen.
func Apply(t *testing.T, edits ...Edit) (changed map[string][]byte) {
	t.Helper()
	root := Root(t)
	changed = make(map[string][]byte)
	for _, e := range edits {
		file := filepath.Join(root, filepath.FromSlash(e.File))
		text, ok := changed[file]
		if !ok {
			var err error
			text, err = os.ReadFile(file)
			require.NoError(t, err)
		}
		require.Equal(t, 1, bytes.Count(text, []byte(e.Old)),
			"this change has rotted: the old text must occur in %s exactly once; write it anew for the code as it is:\n%s", e.File, e.Old)
		changed[file] = bytes.Replace(text, []byte(e.Old), []byte(e.New), 1)
	}
	return changed
}

// Run runs the test of that name of a binary, with variables such as "SEED=1" added to the environment. It returns what
// the binary printed, and whether it passed.
func Run(t *testing.T, binary, test string, env ...string) (out string, passed bool) {
	t.Helper()
	run := exec.CommandContext(t.Context(), binary, "-test.run=^"+test+"$", "-test.timeout=10m")
	run.Env = append(os.Environ(), tables.Variable+"=") // its figures are for no page
	run.Env = append(run.Env, env...)
	run.Dir = t.TempDir()
	b, err := run.CombinedOutput()
	return string(b), err == nil
}

// Root returns the root of the project: the parent of this module's parent.
func Root(t *testing.T) string {
	t.Helper()
	dir, err := root()
	require.NoError(t, err)
	return dir
}

var root = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	return filepath.Dir(filepath.Dir(strings.TrimSpace(string(out)))), err
})
