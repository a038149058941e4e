package main

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

var (
	unreleased  = regexp.MustCompile(`(?m)^## \[Unreleased\][ \t]*$`)
	nextSection = regexp.MustCompile(`(?m)^## \[`)
)

// releaseChangelog gives the section Unreleased the version and the date, and puts an empty section
// Unreleased above it. A release without an entry is an error.
func releaseChangelog(text, version string, day time.Time) (string, error) {
	number := strings.TrimPrefix(version, "v")
	if strings.Contains(text, "## ["+number+"]") {
		return "", fmt.Errorf("CHANGELOG.md has a section %q already", number)
	}
	at := unreleased.FindStringIndex(text)
	if at == nil {
		return "", fmt.Errorf("CHANGELOG.md has no line %q", "## [Unreleased]")
	}
	section := text[at[1]:]
	if next := nextSection.FindStringIndex(section); next != nil {
		section = section[:next[0]]
	}
	if !strings.Contains(section, "\n- ") {
		return "", fmt.Errorf("CHANGELOG.md says nothing under %q: a release needs an entry", "## [Unreleased]")
	}
	heading := fmt.Sprintf("## [Unreleased]\n\n## [%s] - %s", number, day.Format(time.DateOnly))
	return text[:at[0]] + heading + text[at[1]:], nil
}
