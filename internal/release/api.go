package main

import (
	"context"
	"errors"
	"fmt"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/exp/apidiff"
	"golang.org/x/mod/semver"
	"golang.org/x/tools/go/packages"
)

// apiDifference compares the API of a module in two trees. Whether old holds the module is for the
// caller to know.
func apiDifference(ctx context.Context, oldTree, newTree string, m repoModule) (apidiff.Report, error) {
	before, err := loadAPI(ctx, oldTree, m)
	if err != nil {
		return apidiff.Report{}, err
	}
	after, err := loadAPI(ctx, newTree, m)
	if err != nil {
		return apidiff.Report{}, err
	}
	return apidiff.ModuleChanges(before, after), nil
}

// loadAPI loads the packages of a module that others can import, in the workspace of its tree.
func loadAPI(ctx context.Context, tree string, m repoModule) (*apidiff.Module, error) {
	loaded, err := packages.Load(&packages.Config{
		Context: ctx,
		Dir:     filepath.Dir(m.goMod(tree)),
		Env:     append(os.Environ(), "GOWORK="+filepath.Join(tree, "go.work")),
		Fset:    token.NewFileSet(),
		Mode:    packages.NeedName | packages.NeedTypes | packages.NeedImports,
	}, "./...")
	if err != nil {
		return nil, err
	}
	var importable []*types.Package
	var errs []error
	for _, p := range loaded {
		for _, err := range p.Errors {
			errs = append(errs, err)
		}
		if p.Name != "main" && !strings.Contains(p.PkgPath+"/", "/internal/") {
			importable = append(importable, p.Types)
		}
	}
	return &apidiff.Module{Path: m.path, Packages: importable}, errors.Join(errs...)
}

// checkBump reports an incompatible change that the step from version last to version does not
// allow: from 1.0.0 on it needs a new major version, before 1.0.0 a new minor version.
func checkBump(last, version string, m repoModule, report apidiff.Report) error {
	incompatible := false
	for _, change := range report.Changes {
		incompatible = incompatible || !change.Compatible
	}
	if !incompatible || semver.Major(last) != semver.Major(version) {
		return nil
	}
	if semver.Major(version) == "v0" && semver.MajorMinor(last) != semver.MajorMinor(version) {
		return nil
	}
	return fmt.Errorf("%s: an incompatible change of the API cannot go from %s to %s", m.path, last, version)
}
