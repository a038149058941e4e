package mutants

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/nginx"
	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/internal/varnish"
	"github.com/sessionctx/storefront/internal/verify/evidence"
)

// TestMutants_HaveTheirMarks finds a mutant that has rotted without building anything.
func TestMutants_HaveTheirMarks(t *testing.T) {
	_, err := overlay(evidence.Root(t), t.TempDir())
	require.NoError(t, err)
	descs := map[string]bool{}
	for _, m := range All() {
		assert.False(t, descs[m.Desc], "%s is there twice", m.Desc)
		assert.NotEmpty(t, m.By, m.Desc)
		descs[m.Desc] = true
	}
}

// TestMutants_AreCaught runs the tests of the product on the product as it is, which must pass, and
// then every check on its mutants. The environment variable MUTANTS is a part of the names of those
// to try; "all" also tries those that take their time.
func TestMutants_AreCaught(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the product with its mutants")
	}
	redisserver.Start(t) // skips where there is none, as the checks would
	nginx.Start(t, "", "")
	varnish.Start(t, "vcl 4.1; backend default none;")
	wanted := os.Getenv("MUTANTS")
	all := wanted == "all"
	dir, packages := build(t)
	for pkg, tests := range packages {
		if strings.HasPrefix(pkg, verify) {
			continue // its own short setting does the same
		}
		t.Run("none/"+filepath.Base(pkg), func(t *testing.T) {
			t.Parallel()
			out, passed := Run(t, dir, pkg, strings.Join(tests, "|"), nil)
			require.True(t, passed, "the product as it is fails:\n%s", cut(out))
		})
	}
	var rows [][]string
	t.Run("promises", func(t *testing.T) {
		for _, p := range Promises {
			for _, m := range p.Mutants {
				if m.Long && !all || !all && !strings.Contains(m.Desc, wanted) {
					continue
				}
				for _, c := range m.By {
					rows = append(rows, []string{p.Text, m.Desc, fmt.Sprintf("`%s`: `%s`", c.In, c.Test)})
				}
				t.Run(strings.ReplaceAll(m.Desc, " ", "-"), func(t *testing.T) {
					t.Parallel()
					for _, c := range m.By {
						caught(t, dir, m, c)
					}
				})
			}
		}
	})
	evidence.Table(t, "mutants", []string{"promise", "what was broken", "caught by"}, rows...)
}

// TestConditions_ChangeNothing runs HISTORIES (default 120) under each of them. Two hashes are
// TestThreat_HashCollision's.
func TestConditions_ChangeNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the product with its mutants")
	}
	dir, _ := build(t)
	for i, m := range Conditions {
		if i == twoHashes {
			continue
		}
		t.Run(strings.ReplaceAll(m.Desc, " ", "-"), func(t *testing.T) {
			t.Parallel()
			out, passed := Run(t, dir, histories.In, histories.Test, &m)
			require.True(t, passed, cut(out))
		})
	}
}

// twoHashes is a place in Conditions.
const twoHashes = 1

// TestThreat_HashCollision makes HISTORIES (default 120) while all sessions and profiles share two
// hashes. The check is not blind: with keys that are not compared, a history shows a session that
// is another one's.
func TestThreat_HashCollision(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the product with its mutants")
	}
	dir, _ := build(t)
	out, passed := Run(t, dir, histories.In, histories.Test, &Conditions[twoHashes])
	require.True(t, passed, cut(out))
	for _, m := range All() {
		if strings.HasPrefix(m.Desc, "keys are not compared") {
			caught(t, dir, m, histories)
			return
		}
	}
	t.Fatal("no mutant gives foreign answers")
}

// build builds all packages that the mutants name, and returns their tests.
func build(t *testing.T) (dir string, packages map[string][]string) {
	packages = map[string][]string{}
	for _, m := range All() {
		for _, c := range m.By {
			if !slices.Contains(packages[c.In], c.Test) {
				packages[c.In] = append(packages[c.In], c.Test)
			}
		}
	}
	return Build(t, slices.Sorted(maps.Keys(packages))...), packages
}

// caught runs a check on a mutant. The check is tried again: on a busy machine a write may not fall
// where it hurts.
func caught(t *testing.T, dir string, m Mutant, c Check) {
	t.Helper()
	out, passed := "", true
	for range 8 {
		if out, passed = Run(t, dir, c.In, c.Test, &m, c.Setup...); !passed {
			break
		}
	}
	require.False(t, passed, "this mutant survives %s, which is blind to it:\n%s", c.Test, cut(out))
	require.Contains(t, out, "--- FAIL: "+c.Test, "it fails in another way:\n%s", cut(out))
	require.Contains(t, out, c.Says, "it fails for another reason:\n%s", cut(out))
}

func cut(s string) string { return s[:min(len(s), 20_000)] }
