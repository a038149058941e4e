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
			File: "sessionctx/identity.go", Old: "\tcase rec.Ended:\n\t\treturn standing{state: ended}, nil\n", New: "",
		}}, short},
		{"four hashes, and nobody compares the key", "a foreign answer", []overlay.Edit{
			{File: "sessionctx/nearcache.go", Old: "if !e.is(KindSession, req.Tenant, req.SessionID) || !e.fits(req) {", New: "if !e.fits(req) {"},
			{File: "sessionctx/nearcache.go", Old: "if !ok || !e.is(key.Kind, key.Tenant, key.ID) || !n.usable(e, n.now()) {", New: "if !ok || !n.usable(e, n.now()) {"},
			{File: "sessionctx/resolver.go", Old: "mask: ^uint64(0)", New: "mask: 3"},
		}, short},
		{"what was cached is good for ever", "a version went back", []overlay.Edit{
			{File: "sessionctx/nearcache.go", Old: "if n.words.load(e.stripe)+n.words.load(e.sites)+n.words.load(e.customer) != e.wordSum || n.epoch.Load() != e.epoch {", New: "if n.epoch.Load() != e.epoch {"},
		}, short},
		{"a session is shown after an EndAll here, because a login elsewhere is no news yet", "revived", []overlay.Edit{{
			File: "sessionctx/nearcache.go", Old: "return customer == noStripe ||", New: "return true ||",
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
