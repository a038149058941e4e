package soak

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/internal/verify/overlay"
)

// TestWhatMustNeverBeIsSeen breaks the product; with MUTANTS=all in each of the ways, else in the first.
func TestWhatMustNeverBeIsSeen(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the product once for each mutant")
	}
	redisserver.Start(t) // skips where there is none, as the mutants would
	short := []string{"SOAK=1s", "MIX="}
	mutants := []struct {
		desc, want string
		edits      []overlay.Edit
		setting    []string
	}{
		{"a tombstone is nothing", "revived", []overlay.Edit{{
			File: "sessionctx/ownership.go", Old: "\tcase rec.Ended:\n\t\treturn ownership{state: ended}\n", New: "",
		}}, short},
		{"four hashes, and nobody compares the key", "a foreign answer", []overlay.Edit{
			{File: "internal/nearcache/cache.go", Old: "c.stamps.Current(e.customer) && e.key.is(k)", New: "c.stamps.Current(e.customer)"},
			{File: "internal/nearcache/cache.go", Old: "mask: ^uint64(0)", New: "mask: 3"},
		}, short},
		{"what was cached is good for ever", "a version went back", []overlay.Edit{
			{File: "internal/nearcache/cache.go", Old: "c.stamps.Current(e.session) && c.stamps.Current(e.customer) && e.key.is(k)", New: "e.key.is(k)"},
		}, short},
		{"a session is shown after an EndAll here, because a login elsewhere is no news yet", "revived", []overlay.Edit{{
			File: "internal/nearcache/cache.go", Old: "if k.View != \"\" {\n\t\te.customer", New: "if k.View != \"\" && false {\n\t\te.customer",
		}}, []string{"SOAK=2m", "MIX=ends"}}, // seven times, when it was so
	}
	all := os.Getenv("MUTANTS") == "all"
	for i, m := range mutants {
		if i > 0 && !all {
			overlay.Apply(t, m.edits...)
			continue
		}
		t.Run(strings.ReplaceAll(m.desc, " ", "-"), func(t *testing.T) {
			out, passed := overlay.Run(t, overlay.Build(t, "soak", m.edits...), "TestEverythingAtOnce", m.setting...)
			require.False(t, passed, "it survives, so the check is blind:\n%s", out)
			assert.Contains(t, out, m.want)
		})
	}
}
