package pages

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/internal/verify/evidence"
)

var (
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	fence    = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	heading  = regexp.MustCompile(`(?m)^#+ (.*)$`)
	noAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// TestPages_LinksLeadToFilesAndHeadings looks at each link within the repository.
func TestPages_LinksLeadToFilesAndHeadings(t *testing.T) {
	links, pages := 0, evidence.Pages(t)
	for page, text := range pages { // but not at its blocks of code
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			links++
			file := page
			if target != "" {
				file = path.Join(path.Dir(page), target)
			}
			_, err := os.Stat(filepath.Join(evidence.Root(t), filepath.FromSlash(file)))
			if assert.NoError(t, err, "%s: %s", page, m[1]) && anchor != "" {
				assert.Contains(t, anchors(fence.ReplaceAllString(pages[file], "")), anchor, "%s: %s", page, m[1])
			}
		}
	}
	assert.Greater(t, links, 100, "there are links on the pages")
}

// TestREADME_LeadsToEveryPage looks for a link of README to each page for users, and for a link of
// README or of such a page to each page of evidence.
func TestREADME_LeadsToEveryPage(t *testing.T) {
	pages, reached := evidence.Pages(t), map[string]bool{}
	follow := func(page string) {
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(pages[page], ""), -1) {
			target, _, _ := strings.Cut(m[1], "#")
			reached[path.Join(path.Dir(page), target)] = true
		}
	}
	follow("README.md")
	for page := range pages {
		if path.Dir(page) == "docs" {
			assert.True(t, reached[page], "README does not lead to %s", page)
		}
	}
	for page := range pages {
		if path.Dir(page) == "docs" {
			follow(page)
		}
	}
	for page := range pages {
		if path.Dir(page) == "docs/evidence" {
			assert.True(t, reached[page], "no page leads to %s", page)
		}
	}
}

// anchors returns the names by which links reach the headings of a page.
func anchors(page string) (names []string) {
	for _, m := range heading.FindAllStringSubmatch(page, -1) {
		name := noAnchor.ReplaceAllString(strings.ToLower(m[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}
