package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/mod/semver"
)

// firstVersion is what the modules require of each other before the first release.
const firstVersion = "v0.1.0"

var releasedSection = regexp.MustCompile(`(?m)^## \[(\d+\.\d+\.\d+[^\]]*)\]`)

// requiredVersion is the version at which the modules of a tree require each other: the newest
// release in its CHANGELOG.
func requiredVersion(root string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, "CHANGELOG.md"))
	if err != nil {
		return "", err
	}
	if found := releasedSection.FindSubmatch(text); found != nil {
		return "v" + string(found[1]), nil
	}
	return firstVersion, nil
}

// release checks that the work tree of root can be released as version. If not dry, it then commits
// the versions and the CHANGELOG, and tags every published module. All checks run on a copy, so a
// release that fails one leaves the repository as it is.
func release(ctx context.Context, root, version string, day time.Time, dry bool, out io.Writer) error {
	step := func(format string, args ...any) { fmt.Fprintf(out, "== "+format+"\n", args...) }

	step("clean tree")
	if err := checkClean(ctx, root); err != nil {
		return err
	}
	last, err := lastVersion(ctx, root)
	if err != nil {
		return err
	}
	if last != "" && semver.Compare(version, last) <= 0 {
		return fmt.Errorf("%q is not above the last release, %q", version, last)
	}
	tree, err := os.MkdirTemp("", "release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tree)
	modules, changed, err := stageRelease(ctx, root, tree, version)
	if err != nil {
		return err
	}
	if err := checkRequires(tree, modules, version); err != nil {
		return err
	}

	step("CHANGELOG")
	changelog := filepath.Join(tree, "CHANGELOG.md")
	text, err := os.ReadFile(changelog)
	if err != nil {
		return err
	}
	dated, err := releaseChangelog(string(text), version, day)
	if err != nil {
		return err
	}
	if err := os.WriteFile(changelog, []byte(dated), 0o644); err != nil {
		return err
	}
	changed = append(changed, changelog)

	if err := checkAPI(ctx, root, tree, modules, last, version, step, out); err != nil {
		return err
	}
	for _, m := range modules {
		step("%s, without the workspace", m.path)
		if err := buildAlone(ctx, tree, modules, m); err != nil {
			return err
		}
		if err := tidyModule(ctx, tree, modules, m, true); err != nil {
			return err
		}
	}
	proxy, err := os.MkdirTemp("", "release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(proxy)
	for _, m := range modules {
		if !m.published() {
			continue
		}
		if err := writeModule(tree, proxy, m, version, day); err != nil {
			return err
		}
	}
	if err := checkInstall(ctx, tree, proxy, version, out); err != nil {
		return err
	}
	if dry {
		step("%s may be released; nothing was changed", version)
		return nil
	}
	step("commit and tags")
	return commitRelease(ctx, root, tree, modules, changed, version, out)
}

func checkClean(ctx context.Context, root string) error {
	status, err := git(ctx, root, "status", "--porcelain")
	if err != nil {
		return err
	}
	if status != "" {
		return fmt.Errorf("the work tree has changes that are not committed:\n%s", strings.TrimRight(status, "\n"))
	}
	return nil
}

// lastVersion returns the highest version among the tags of the root module that HEAD contains; ""
// if there is none.
func lastVersion(ctx context.Context, root string) (string, error) {
	tags, err := git(ctx, root, "tag", "--list", "v*", "--merged", "HEAD")
	if err != nil {
		return "", err
	}
	last := ""
	for tag := range strings.FieldsSeq(tags) {
		if semver.Canonical(tag) == tag && semver.Compare(tag, last) > 0 {
			last = tag
		}
	}
	return last, nil
}

// checkAPI writes the differences of the API of each published module since its last release, and
// returns an error if version does not allow them.
func checkAPI(ctx context.Context, root, tree string, modules []repoModule, last, version string,
	step func(string, ...any), out io.Writer,
) error {
	if last == "" {
		step("API: the first release")
		return nil
	}
	before, err := os.MkdirTemp("", "release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(before)
	archive := filepath.Join(before, "release.tar")
	if _, err := git(ctx, root, "archive", "--format=tar", "-o", archive, last); err != nil {
		return err
	}
	if _, err := command(ctx, before, nil, "tar", "-xf", archive); err != nil {
		return err
	}
	old, err := repoModules(before)
	if err != nil {
		return err
	}
	was := paths(old)
	var errs []error
	for _, m := range modules {
		if !m.published() {
			continue
		}
		if was[m.path] == "" {
			step("API of %s: a new module", m.path)
			continue
		}
		step("API of %s since %s", m.path, last)
		report, err := apiDifference(ctx, before, tree, m)
		if err != nil {
			return err
		}
		if err := report.Text(out); err != nil {
			return err
		}
		errs = append(errs, checkBump(last, version, m, report))
	}
	return errors.Join(errs...)
}

// commitRelease copies the files that changed in tree to root, commits them and tags the commit.
func commitRelease(ctx context.Context, root, tree string, modules []repoModule, changed []string,
	version string, out io.Writer,
) error {
	if err := checkClean(ctx, root); err != nil { // the checks take a while
		return err
	}
	var tags []string
	for _, m := range modules {
		if !m.published() {
			continue
		}
		tag := m.tag(version)
		if found, err := git(ctx, root, "tag", "--list", tag); err != nil {
			return err
		} else if found != "" {
			return fmt.Errorf("there is a tag %q already", tag)
		}
		tags = append(tags, tag)
	}
	for _, file := range changed {
		name, err := filepath.Rel(tree, file)
		if err != nil {
			return err
		}
		if err := copyFile(filepath.Join(root, name), file); err != nil {
			return err
		}
	}
	if _, err := git(ctx, root, "commit", "-q", "-a", "-m", "release: "+version); err != nil {
		return err
	}
	for _, tag := range tags {
		if _, err := git(ctx, root, "tag", "-a", "-m", tag, tag); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "to publish: git push --atomic origin HEAD %s\n", strings.Join(tags, " "))
	return nil
}
