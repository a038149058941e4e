package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// consumer is a user of a release: an empty module cache, and a proxy that has the release.
type consumer struct {
	dir string   // everything that it writes
	env []string // of its go commands
}

// newConsumer returns a consumer below dir. Its modules come from the folder proxy, then from the
// module cache of this machine, then from the proxies of this machine. It asks no repository and no
// checksum database.
func newConsumer(ctx context.Context, dir, proxy string) (*consumer, error) {
	text, err := command(ctx, dir, nil, "go", "env", "GOMODCACHE", "GOPROXY")
	if err != nil {
		return nil, err
	}
	cache, machine, _ := strings.Cut(strings.TrimSpace(text), "\n")
	from := []string{fileURL(proxy), fileURL(filepath.Join(cache, "cache", "download"))}
	for p := range strings.FieldsFuncSeq(machine, func(r rune) bool { return r == ',' || r == '|' }) {
		if p != "direct" && p != "off" {
			from = append(from, p)
		}
	}
	return &consumer{dir: dir, env: []string{
		"GOMODCACHE=" + filepath.Join(dir, "modcache"), "GOPROXY=" + strings.Join(from, ","),
		// -trimpath makes what is built independent of the folder of the module cache; -s -w saves time.
		"GOFLAGS=-mod=mod -modcacherw -trimpath '-ldflags=-s -w'", "GOWORK=off", "GOSUMDB=off", "GOTOOLCHAIN=local",
		"GOPRIVATE=", "GONOPROXY=", "GONOSUMDB=", "GOBIN=" + filepath.Join(dir, "bin"), "GO111MODULE=",
	}}, nil
}

func fileURL(dir string) string {
	dir = filepath.ToSlash(dir)
	if runtime.GOOS == "windows" {
		dir = "/" + dir
	}
	return "file://" + dir
}

// module begins an empty module, and returns its folder.
func (c *consumer) module(ctx context.Context) (string, error) {
	dir, err := os.MkdirTemp(c.dir, "module-")
	if err != nil {
		return "", err
	}
	_, err = command(ctx, dir, c.env, "go", "mod", "init", "shop.example/shop")
	return dir, err
}

// build writes a program into a module, and builds it as a user does. It returns the file to run.
func (c *consumer) build(ctx context.Context, dir, program string) (string, error) {
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(program), 0o644); err != nil {
		return "", err
	}
	if _, err := command(ctx, dir, c.env, "go", "mod", "tidy"); err != nil {
		return "", err
	}
	file := filepath.Join(dir, "shop.exe")
	_, err := command(ctx, dir, c.env, "go", "build", "-o", file, ".")
	return file, err
}

// checkInstall does from empty folders what a user does with a release: each published module alone
// is got from the folder proxy, and a package imports all of its packages. A module that has
// programs is not imported: each of its programs is installed.
func checkInstall(ctx context.Context, tree, proxy, version string, out io.Writer) error {
	dir, err := os.MkdirTemp("", "release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c, err := newConsumer(ctx, dir, proxy)
	if err != nil {
		return err
	}
	return c.checkModules(ctx, tree, version, out)
}

func (c *consumer) checkModules(ctx context.Context, tree, version string, out io.Writer) error {
	modules, err := repoModules(tree)
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range modules {
		if !m.published() {
			continue
		}
		if err := c.checkModule(ctx, tree, m, version, out); err != nil {
			errs = append(errs, fmt.Errorf("%s@%s cannot be used: %w", m.path, version, err))
		}
	}
	return errors.Join(errs...)
}

func (c *consumer) checkModule(ctx context.Context, tree string, m repoModule, version string, out io.Writer) error {
	programs, libraries, err := packagesOf(ctx, tree, m)
	if err != nil {
		return err
	}
	for _, program := range programs {
		fmt.Fprintf(out, "go install %s@%s\n", program, version)
		if _, err := command(ctx, c.dir, c.env, "go", "install", program+"@"+version); err != nil {
			return err
		}
	}
	if len(programs) > 0 {
		return nil
	}
	fmt.Fprintf(out, "go get %s@%s\n", m.path, version)
	dir, err := c.module(ctx)
	if err != nil {
		return err
	}
	if _, err := command(ctx, dir, c.env, "go", "get", m.path+"@"+version); err != nil {
		return err
	}
	var program strings.Builder
	program.WriteString("package shop\n\nimport (\n")
	for _, library := range libraries {
		fmt.Fprintf(&program, "\t_ %q\n", library)
	}
	program.WriteString(")\n")
	_, err = c.build(ctx, dir, program.String())
	return err
}

// packagesOf lists the programs of a module, and the packages that others can import.
func packagesOf(ctx context.Context, tree string, m repoModule) (programs, libraries []string, err error) {
	list, err := command(ctx, filepath.Dir(m.goMod(tree)), []string{"GOWORK=" + filepath.Join(tree, "go.work")},
		"go", "list", "-f", "{{.Name}} {{.ImportPath}}", "./...")
	if err != nil {
		return nil, nil, err
	}
	for line := range strings.Lines(list) {
		name, path, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case name == "main":
			programs = append(programs, path)
		case !strings.Contains(path+"/", "/internal/"):
			libraries = append(libraries, path)
		}
	}
	return programs, libraries, nil
}
