package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var day = time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)

// smallRepository is a git repository like this one, small and without foreign modules: a library,
// a nested library, a program, and two modules that are not published.
func smallRepository(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	files := map[string]string{
		"go.work":           "go 1.26.0\n\nuse (\n\t.\n\t./demo\n\t./examples/router\n\t./internal/check\n\t./store\n)\n",
		"go.mod":            "module shop.example/lib\n\ngo 1.26.0\n",
		"LICENSE":           "A licence.\n",
		"CHANGELOG.md":      "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- All.\n",
		"lib.go":            "package lib\n\n// Open opens.\nfunc Open() {}\n",
		"internal/in/in.go": "package in\n\n// Secret is internal.\nfunc Secret() {}\n",
		"store/go.mod": "module shop.example/lib/store\n\ngo 1.26.0\n\nrequire shop.example/lib v0.1.0\n\n" +
			"replace shop.example/lib => ..\n",
		"store/store.go": "package store\n\nimport \"shop.example/lib\"\n\n// Open opens.\nfunc Open() { lib.Open() }\n",
		"demo/go.mod": "module shop.example/lib/demo\n\ngo 1.26.0\n\nrequire shop.example/lib/store v0.1.0\n\n" +
			"require shop.example/lib v0.1.0 // indirect\n",
		"demo/shop/main.go": "package main\n\nimport \"shop.example/lib/store\"\n\nfunc main() { store.Open() }\n",
		"examples/router/go.mod": "module shop.example/lib/examples/router\n\ngo 1.26.0\n\nrequire shop.example/lib v0.1.0\n\n" +
			"replace shop.example/lib => ../..\n",
		"examples/router/main.go": "package main\n\nimport \"shop.example/lib\"\n\nfunc main() { lib.Open() }\n",
		"internal/check/go.mod": "module shop.example/lib/internal/check\n\ngo 1.26.0\n\nrequire shop.example/lib v0.1.0\n\n" +
			"replace shop.example/lib => ../..\n",
		"internal/check/check.go": "package check\n\nimport _ \"shop.example/lib\"\n",
	}
	for name, text := range files {
		write(t, root, name, text)
	}
	for _, args := range [][]string{
		{"init", "-q", "-b", "main"}, {"config", "user.name", "Test"}, {"config", "user.email", "test@shop.example"},
		{"config", "commit.gpgsign", "false"}, {"config", "tag.gpgsign", "false"},
	} {
		_, err := git(t.Context(), root, args...)
		require.NoError(t, err)
	}
	commit(t, root)
	return root
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	file := filepath.Join(root, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
}

func read(t *testing.T, root, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	require.NoError(t, err)
	return string(text)
}

func commit(t *testing.T, root string) {
	t.Helper()
	_, err := git(t.Context(), root, "add", "-A")
	require.NoError(t, err)
	_, err = git(t.Context(), root, "commit", "-q", "-m", "all")
	require.NoError(t, err)
}

func edit(t *testing.T, root, name, old, new string) {
	t.Helper()
	text := read(t, root, name)
	require.Contains(t, text, old)
	write(t, root, name, strings.Replace(text, old, new, 1))
}

func TestRelease_CommitsOnceAndTagsEveryPublishedModule(t *testing.T) {
	t.Parallel()
	root := smallRepository(t)
	before, err := git(t.Context(), root, "rev-parse", "HEAD")
	require.NoError(t, err)

	require.NoError(t, release(t.Context(), root, "v0.1.0", day, true, io.Discard))
	after, err := git(t.Context(), root, "rev-parse", "HEAD")
	require.NoError(t, err)
	require.Equal(t, before, after, "a dry run")
	require.NoError(t, checkClean(t.Context(), root))

	require.NoError(t, release(t.Context(), root, "v0.1.0", day, false, io.Discard))
	tags, err := git(t.Context(), root, "tag", "--points-at", "HEAD")
	require.NoError(t, err)
	assert.Equal(t, "demo/v0.1.0\nstore/v0.1.0\nv0.1.0\n", tags)
	count, err := git(t.Context(), root, "rev-list", "--count", strings.TrimSpace(before)+"..HEAD")
	require.NoError(t, err)
	assert.Equal(t, "1\n", count)
	assert.Contains(t, read(t, root, "CHANGELOG.md"), "## [Unreleased]\n\n## [0.1.0] - 2026-11-29\n\n### Added")

	require.ErrorContains(t, release(t.Context(), root, "v0.1.0", day, false, io.Discard), `not above the last release, "v0.1.0"`)
	require.ErrorContains(t, release(t.Context(), root, "v0.1.1", day, false, io.Discard), "says nothing under")

	edit(t, root, "CHANGELOG.md", "## [Unreleased]\n", "## [Unreleased]\n\n### Changed\n\n- Open takes a name.\n")
	edit(t, root, "lib.go", "Open()", "Open(names ...string)")
	commit(t, root)
	var out strings.Builder
	require.ErrorContains(t, release(t.Context(), root, "v0.1.1", day, false, &out),
		"shop.example/lib: an incompatible change of the API cannot go from v0.1.0 to v0.1.1")
	assert.Contains(t, out.String(), "Open: changed from func() to func(...string)")

	require.NoError(t, release(t.Context(), root, "v0.2.0", day, false, io.Discard))
	for _, file := range []string{"store/go.mod", "demo/go.mod", "examples/router/go.mod", "internal/check/go.mod"} {
		assert.Contains(t, read(t, root, file), "shop.example/lib v0.2.0")
	}
	require.NoError(t, tidy(t.Context(), root, true, io.Discard))
	tags, err = git(t.Context(), root, "tag", "--points-at", "HEAD")
	require.NoError(t, err)
	assert.Equal(t, "demo/v0.2.0\nstore/v0.2.0\nv0.2.0\n", tags)
}

func TestRelease_RefusesWhatMustNotBeReleased(t *testing.T) {
	t.Parallel()
	tests := []struct {
		desc, version string
		change        func(t *testing.T, root string) // committed, but for what it leaves in untracked.txt
		want          string
	}{
		{"a version that is not canonical", "v0.1", nil, `invalid version`},
		{"a major version that the paths do not have", "v2.0.0", nil, `invalid version`},
		{"a file that is not committed", "v0.1.0", func(t *testing.T, root string) {
			write(t, root, "untracked.txt", "new")
		}, "untracked.txt"},
		{"a CHANGELOG without an entry", "v0.1.0", func(t *testing.T, root string) {
			edit(t, root, "CHANGELOG.md", "- All.", "")
			commit(t, root)
		}, `says nothing under "## [Unreleased]"`},
		{"a package that does not compile", "v0.1.0", func(t *testing.T, root string) {
			edit(t, root, "store/store.go", "lib.Open()", "lib.Close()")
			commit(t, root)
		}, "undefined: lib.Close"},
		{"a go.mod file that is not tidy", "v0.1.0", func(t *testing.T, root string) {
			edit(t, root, "demo/go.mod", "require shop.example/lib v0.1.0 // indirect\n", "")
			commit(t, root)
		}, "updates to go.mod needed"},
		{"a module that does not require what it imports", "v0.1.0", func(t *testing.T, root string) {
			edit(t, root, "store/go.mod", "require shop.example/lib v0.1.0\n", "")
			commit(t, root)
		}, "not required"},
		{"a program in a module with a replace directive", "v0.1.0", func(t *testing.T, root string) {
			edit(t, root, "demo/go.mod", "// indirect\n", "// indirect\n\nreplace shop.example/lib => ..\n")
			commit(t, root)
		}, "more replace directives"},
		{"a published module that requires an unpublished one", "v0.1.0", func(t *testing.T, root string) {
			edit(t, root, "demo/go.mod", "require ", "require shop.example/lib/internal/check v0.1.0\n\nrequire ")
			commit(t, root)
		}, "internal/check, which is not published"},
		{"a module whose path is not that of its folder", "v0.1.0", func(t *testing.T, root string) {
			edit(t, root, "store/go.mod", "shop.example/lib/store", "shop.example/lib/stores")
			commit(t, root)
		}, `must be "shop.example/lib/store"`},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			t.Parallel()
			root := smallRepository(t)
			if tt.change != nil {
				tt.change(t, root)
			}
			require.ErrorContains(t, release(t.Context(), root, tt.version, day, false, io.Discard), tt.want)
			tags, err := git(t.Context(), root, "tag")
			require.NoError(t, err)
			assert.Empty(t, tags)
		})
	}
}

// The release of a go.mod file that is broken is written as it is; the check must see it.
func TestCheckInstall_CatchesABrokenRelease(t *testing.T) {
	t.Parallel()
	tests := []struct {
		desc, file, old, new string
		want                 string
	}{
		{"a nested module requires a version that does not exist", "store/go.mod", "lib v0.1.0", "lib v0.0.0", "shop.example/lib@v0.0.0"},
		{"a program requires a version that does not exist", "demo/go.mod", "store v0.1.0", "store v0.3.0", "shop.example/lib/store@v0.3.0"},
		{"a nested module needs a name that the released root lacks", "store/store.go", "lib.Open()", "lib.Close()", "undefined: lib.Close"},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			t.Parallel()
			tree, proxy := t.TempDir(), t.TempDir()
			modules, _, err := stageRelease(t.Context(), smallRepository(t), tree, "v0.1.0")
			require.NoError(t, err)
			edit(t, tree, tt.file, tt.old, tt.new)
			for _, m := range modules {
				require.NoError(t, writeModule(tree, proxy, m, "v0.1.0", day))
			}
			require.ErrorContains(t, checkInstall(t.Context(), tree, proxy, "v0.1.0", io.Discard), tt.want)
		})
	}
}

func TestTidy_ReportsAModuleThatRequiresAnotherVersion(t *testing.T) {
	t.Parallel()
	root := smallRepository(t)
	require.NoError(t, tidy(t.Context(), root, true, io.Discard))
	edit(t, root, "store/go.mod", "lib v0.1.0", "lib v0.0.0")
	require.ErrorContains(t, tidy(t.Context(), root, true, io.Discard), `requires shop.example/lib "v0.0.0"`)
}

func TestTidy_WritesWhatIsMissing(t *testing.T) {
	t.Parallel()
	root := smallRepository(t)
	edit(t, root, "demo/go.mod", "require shop.example/lib v0.1.0 // indirect\n", "")
	require.Error(t, tidy(t.Context(), root, true, io.Discard))
	require.NoError(t, tidy(t.Context(), root, false, io.Discard))
	assert.Contains(t, read(t, root, "demo/go.mod"), "shop.example/lib v0.1.0 // indirect")
	assert.NotContains(t, read(t, root, "demo/go.mod"), "replace")
	require.NoError(t, tidy(t.Context(), root, true, io.Discard))
}
