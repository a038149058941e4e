package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// stage copies the files of the work tree of root to dir: what git knows or would add.
func stage(ctx context.Context, root, dir string) error {
	list, err := git(ctx, root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(strings.TrimRight(list, "\x00"), "\x00") {
		err := copyFile(filepath.Join(dir, filepath.FromSlash(name)), filepath.Join(root, filepath.FromSlash(name)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // removed, and not committed
			return err
		}
	}
	return nil
}

func copyFile(to, from string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o644)
}

// tidy runs go mod tidy in each module of root without the workspace, as if each had a replace
// directive for all others. If dry, it reports what would change as an error, and changes nothing.
//
// The modules cannot all have these directives: go install refuses a module that has one.
func tidy(ctx context.Context, root string, dry bool, out io.Writer) error {
	modules, err := repoModules(root)
	if err != nil {
		return err
	}
	version, err := requiredVersion(root)
	if err != nil {
		return err
	}
	if err := checkRequires(root, modules, version); err != nil {
		return err
	}
	var errs []error
	for _, m := range modules {
		if err := tidyModule(ctx, root, modules, m, dry); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", m.path, err))
			continue
		}
		fmt.Fprintf(out, "tidy: %s\n", m.path)
	}
	return errors.Join(errs...)
}

func tidyModule(ctx context.Context, root string, modules []repoModule, m repoModule, dry bool) error {
	return alone(ctx, root, modules, m, func(file string, run func(args ...string) error) error {
		if dry {
			return run("mod", "tidy", "-diff", "-modfile="+file)
		}
		if err := run("mod", "tidy", "-modfile="+file); err != nil {
			return err
		}
		mod, err := parseMod(file)
		if err != nil {
			return err
		}
		before, err := parseMod(m.goMod(root))
		if err != nil {
			return err
		}
		for _, r := range slices.Clone(mod.Replace) {
			if err := mod.DropReplace(r.Old.Path, r.Old.Version); err != nil {
				return err
			}
		}
		for _, r := range before.Replace {
			if err := mod.AddReplace(r.Old.Path, r.Old.Version, r.New.Path, r.New.Version); err != nil {
				return err
			}
		}
		mod.Cleanup()
		text, err := mod.Format()
		if err != nil {
			return err
		}
		if err := os.WriteFile(m.goMod(root), text, 0o644); err != nil {
			return err
		}
		sums := strings.TrimSuffix(file, ".mod") + ".sum"
		err = copyFile(strings.TrimSuffix(m.goMod(root), ".mod")+".sum", sums)
		if errors.Is(err, fs.ErrNotExist) { // it requires nothing
			return nil
		}
		return err
	})
}

// buildAlone has go vet type-check all packages of the module and their tests, without the
// workspace and with the other modules of the same tree.
func buildAlone(ctx context.Context, root string, modules []repoModule, m repoModule) error {
	return alone(ctx, root, modules, m, func(file string, run func(args ...string) error) error {
		return run("vet", "-modfile="+file, "./...")
	})
}

// alone calls f with a copy of the go.mod file of m that has a replace directive for each module of
// the repository, and with a function that runs the go command in the folder of m.
func alone(ctx context.Context, root string, modules []repoModule, m repoModule,
	f func(file string, run func(args ...string) error) error,
) error {
	dir, err := os.MkdirTemp("", "release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	mod, err := parseMod(m.goMod(root))
	if err != nil {
		return err
	}
	for _, other := range modules {
		if other == m {
			continue
		}
		if err := mod.AddReplace(other.path, "", filepath.Join(root, filepath.FromSlash(other.dir)), ""); err != nil {
			return err
		}
	}
	text, err := mod.Format()
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "go.mod")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return err
	}
	sums := strings.TrimSuffix(m.goMod(root), ".mod") + ".sum"
	if err := copyFile(filepath.Join(dir, "go.sum"), sums); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return f(file, func(args ...string) error {
		_, err := command(ctx, filepath.Dir(m.goMod(root)), []string{"GOWORK=off"}, "go", args...)
		return err
	})
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	return command(ctx, dir, nil, "git", args...)
}

// command runs a program in dir and returns what it wrote to its standard output. An error has all
// that the program wrote.
func command(ctx context.Context, dir string, env []string, name string, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, bytes.TrimSpace(append(stdout.Bytes(), stderr.Bytes()...)))
	}
	return stdout.String(), nil
}
