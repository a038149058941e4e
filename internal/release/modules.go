package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// repoModule is one module of the repository.
type repoModule struct {
	path string // such as github.com/sessionctx/storefront/sessionctx/redisstore
	dir  string // below the root, with slashes; "." for the root module
}

// published says whether the module gets a tag. What is below internal does not, and neither do the
// modules below examples, whose programs are to be read. The module examples itself is published:
// its programs can be installed.
func (m repoModule) published() bool {
	return m.dir != "internal" && !strings.HasPrefix(m.dir, "internal/") && !strings.HasPrefix(m.dir, "examples/")
}

// tag is the name that the go command looks for: the folder of the module, and the version.
func (m repoModule) tag(version string) string { return path.Join(m.dir, version) }

func (m repoModule) goMod(root string) string {
	return filepath.Join(root, filepath.FromSlash(m.dir), "go.mod")
}

// repoModules returns the modules of root/go.work. The module of the root is first.
func repoModules(root string) ([]repoModule, error) {
	file := filepath.Join(root, "go.work")
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	work, err := modfile.ParseWork(file, text, nil)
	if err != nil {
		return nil, err
	}
	var all []repoModule
	for _, use := range work.Use {
		m := repoModule{dir: path.Clean(use.Path)}
		mod, err := parseMod(m.goMod(root))
		if err != nil {
			return nil, err
		}
		m.path = mod.Module.Mod.Path
		if m.dir == "." {
			all = append([]repoModule{m}, all...)
		} else {
			all = append(all, m)
		}
	}
	if len(all) == 0 || all[0].dir != "." {
		return nil, fmt.Errorf("%s does not use the module of the root", file)
	}
	for _, m := range all {
		if want := path.Join(all[0].path, m.dir); m.path != want {
			return nil, fmt.Errorf("%s: module %q must be %q, or else its tag is not found", m.goMod(root), m.path, want)
		}
	}
	return all, nil
}

func parseMod(file string) (*modfile.File, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return modfile.Parse(file, text, nil)
}

// setVersions makes the modules below root require each other at version. It returns the go.mod
// files that it changed.
func setVersions(root string, modules []repoModule, version string) ([]string, error) {
	own := paths(modules)
	var changed []string
	for _, m := range modules {
		mod, err := parseMod(m.goMod(root))
		if err != nil {
			return nil, err
		}
		before := len(changed)
		for _, require := range mod.Require {
			if own[require.Mod.Path] == "" || require.Mod.Version == version {
				continue
			}
			if err := mod.AddRequire(require.Mod.Path, version); err != nil {
				return nil, err
			}
			changed = append(changed[:before], m.goMod(root))
		}
		if len(changed) == before {
			continue
		}
		text, err := mod.Format()
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(m.goMod(root), text, 0o644); err != nil {
			return nil, err
		}
	}
	return changed, nil
}

// checkRequires reports every module that requires another one of the repository at another version
// than the given one, and every published module that requires one that is not published.
func checkRequires(root string, modules []repoModule, version string) error {
	own := paths(modules)
	var errs []error
	for _, m := range modules {
		mod, err := parseMod(m.goMod(root))
		if err != nil {
			return err
		}
		for _, require := range mod.Require {
			dir := own[require.Mod.Path]
			if dir == "" {
				continue
			}
			if m.published() && !(repoModule{dir: dir}).published() {
				errs = append(errs, fmt.Errorf("%s requires %s, which is not published", m.goMod(root), require.Mod.Path))
			}
			if require.Mod.Version != version {
				errs = append(errs, fmt.Errorf("%s requires %s %q: the modules of the repository require each other at %q",
					m.goMod(root), require.Mod.Path, require.Mod.Version, version))
			}
		}
	}
	return errors.Join(errs...)
}

// paths returns the folder of each module by its path.
func paths(modules []repoModule) map[string]string {
	dirs := make(map[string]string, len(modules))
	for _, m := range modules {
		dirs[m.path] = m.dir
	}
	return dirs
}

// checkVersion reports a version that is not canonical, such as v1 or v1.2.3+meta, and one that the
// paths of the modules do not allow, such as v2.0.0 without /v2.
func checkVersion(modules []repoModule, version string) error {
	if semver.Canonical(version) != version {
		return fmt.Errorf("invalid version %q: it must be like v1.2.3", version)
	}
	for _, m := range modules {
		if err := module.Check(m.path, version); err != nil {
			return err
		}
	}
	return nil
}
