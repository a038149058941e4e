package display

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The archive is what the generator wrote: nobody has edited it, and no tool has packed it again
// with other content.
func TestData_ArchiveIsTheGenerators(t *testing.T) {
	zr, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	require.NoError(t, err)
	sum := sha256.New()
	names := map[string]bool{}
	for _, f := range zr.File {
		fmt.Fprintf(sum, "%s\n%s", f.Name, unpack(f))
		names[f.Name] = true
	}
	assert.Equal(t, checksum, fmt.Sprintf("%x", sum.Sum(nil)))
	assert.Less(t, len(archive), 1_100_000, "the package says how much it adds to a program")
	for locale := range data().parents {
		base, _, _ := strings.Cut(locale, "-")
		require.True(t, names[base], locale)
	}
}

func TestData_EveryLocaleHasItsParentsAndAPattern(t *testing.T) {
	for tag, parent := range data().parents {
		l := data().locale(tag)
		require.NotNil(t, l, tag)
		if parent == root {
			require.Nil(t, l.parent, tag)
		} else {
			require.Equal(t, parent, l.parent.tag)
		}
		for _, key := range []string{"@p", "@d", "@g", "@m", "@n"} {
			require.NotEmpty(t, l.text(key), "%s %s", tag, key)
		}
		if digits := []rune(l.text("@z")); len(digits) > 0 {
			require.Len(t, digits, 10, tag)
		}
		for ; l != nil; l = l.parent {
			for key, text := range l.texts {
				name, kind, special := strings.Cut(key, "@")
				if !special || kind != "p" || text == "" {
					continue
				}
				for half := range strings.SplitSeq(text, ";") {
					start, end := numberIn(half)
					require.True(t, strings.Contains(half, "¤") && strings.HasSuffix(half[start:end], "#,##0.00") || half[start:end] == "#,##,##0.00", "%s %s: %s", l.tag, name, text)
					require.False(t, strings.ContainsAny(half[:start]+half[end:], "'%+"), "%s: a pattern with what Price does not know: %s", l.tag, text)
				}
			}
		}
	}
}

func TestData_AliasesLeadToLocales(t *testing.T) {
	require.NotEmpty(t, data().aliases)
	for old, by := range data().aliases {
		base, _, _ := strings.Cut(by, "-")
		_, ok := data().parents[base]
		require.True(t, ok, "%s: %s", old, by)
	}
}

func TestGroupsOf_ReadsPatterns(t *testing.T) {
	for pattern, want := range map[string][]int{"#,##0.00": {3, 3}, "#,##,##0.00": {3, 2}, "0.00": {0, 1}, "#,###0": {4, 4}} {
		first, others := groupsOf(pattern)
		assert.True(t, slices.Equal(want, []int{first, others}), "%s: %d %d", pattern, first, others)
	}
}
