package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
	"golang.org/x/mod/zip"
)

// writeRelease writes the work tree of root as a release into the folder proxy.
func writeRelease(ctx context.Context, root, proxy, version string, out io.Writer) error {
	proxy, err := filepath.Abs(proxy)
	if err != nil {
		return err
	}
	if inside, err := filepath.Rel(root, proxy); err == nil && filepath.IsLocal(inside) {
		return fmt.Errorf("-proxy %q: the folder is inside of the repository; choose one outside", proxy)
	}
	tree, err := os.MkdirTemp("", "release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tree)
	modules, _, err := stageRelease(ctx, root, tree, version)
	if err != nil {
		return err
	}
	when, err := commitTime(ctx, root)
	if err != nil {
		return err
	}
	for _, m := range modules {
		if !m.published() {
			continue
		}
		if err := writeModule(tree, proxy, m, version, when); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s@%s\n", m.path, version)
	}
	return nil
}

// stageRelease copies the work tree of root to tree and makes its modules require each other at
// version. It returns the modules, and the go.mod files that changed.
func stageRelease(ctx context.Context, root, tree, version string) ([]repoModule, []string, error) {
	if err := stage(ctx, root, tree); err != nil {
		return nil, nil, err
	}
	modules, err := repoModules(tree)
	if err != nil {
		return nil, nil, err
	}
	if err := checkVersion(modules, version); err != nil {
		return nil, nil, err
	}
	changed, err := setVersions(tree, modules, version)
	return modules, changed, err
}

func commitTime(ctx context.Context, root string) (time.Time, error) {
	text, err := git(ctx, root, "log", "-1", "--format=%cI")
	if err != nil {
		return time.Time{}, err
	}
	when, err := time.Parse(time.RFC3339, strings.TrimSpace(text))
	return when.UTC(), err
}

// writeModule writes one module of tree into the folder proxy, in the layout of "go help goproxy".
// A module without a licence gets the one of the root, as the go command does it for a module that
// it takes from a repository.
func writeModule(tree, proxy string, m repoModule, version string, when time.Time) error {
	escaped, err := module.EscapePath(m.path)
	if err != nil {
		return err
	}
	dir := filepath.Join(proxy, filepath.FromSlash(escaped), "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	source := filepath.Dir(m.goMod(tree))
	licence := filepath.Join(source, "LICENSE")
	if _, err := os.Stat(licence); errors.Is(err, fs.ErrNotExist) {
		if err := copyFile(licence, filepath.Join(tree, "LICENSE")); err != nil {
			return err
		}
	}
	archive, err := os.Create(filepath.Join(dir, version+".zip"))
	if err != nil {
		return err
	}
	err = zip.CreateFromDir(archive, module.Version{Path: m.path, Version: version}, source)
	if err := errors.Join(err, archive.Close()); err != nil {
		return err
	}
	if err := copyFile(filepath.Join(dir, version+".mod"), m.goMod(tree)); err != nil {
		return err
	}
	info, err := json.Marshal(struct {
		Version string
		Time    time.Time
	}{version, when})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, version+".info"), info, 0o644); err != nil {
		return err
	}
	return addToList(filepath.Join(dir, "list"), version)
}

// addToList adds a version to a file with one version a line.
func addToList(file, version string) error {
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	versions := append(strings.Fields(string(text)), version)
	semver.Sort(versions)
	return os.WriteFile(file, []byte(strings.Join(slices.Compact(versions), "\n")+"\n"), 0o644)
}
