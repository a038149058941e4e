package durable

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/overlay"
)

const (
	boltStore  = "sessionctx/boltstore/store.go"
	boltOpen   = "sessionctx/boltstore/open.go"
	boltCommit = "sessionctx/boltstore/commit.go"
)

// handedOver answers as soon as the committer has the write, as a store that writes behind does.
var handedOver = overlay.Edit{
	File: boltStore, Old: "\tselect {\n\tcase <-w.done:\n", New: "\tif w.rec.Incarnation != 0 {\n\t\treturn w.rec, nil\n\t}\n\tselect {\n\tcase <-w.done:\n",
}

var violation = regexp.MustCompile(`violation: [^\n]{0,100}`)

func TestBoltMutantsAreConvictedByKill9(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the product")
	}
	binary := overlay.Build(t, "durable", handedOver)
	out, passed := overlay.Run(t, binary, "TestBoltKeepsEveryAcknowledgedWriteThroughKill9", "ROUNDS=100")
	require.False(t, passed, "a store that answers before it has written survives, so the check is blind:\n%s", out)
	found := violation.FindString(out)
	require.NotEmpty(t, found, out)
	fmt.Printf("convicted by kill -9: answered when it was handed over: %s\n", found)
}

func TestBoltMutantsAreConvictedByAPowerCut(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the product")
	}
	fsync := func(of string) []overlay.Edit {
		old := "if !tx.db.NoSync || common.IgnoreNoSync {\n\t\t// gofail: var beforeSync" + of + "Page"
		return []overlay.Edit{{File: "tx.go", Old: old, New: strings.Replace(old, "if ", "if tx == nil && ", 1)}}
	}
	mutants := []struct {
		required bool // the others with MUTANTS=all
		desc     string
		bolt     []overlay.Edit // of bbolt
		edits    []overlay.Edit
	}{
		{desc: "answered when it was handed over", edits: []overlay.Edit{handedOver}},
		{desc: "no fsync", edits: []overlay.Edit{{File: boltOpen, Old: "FreelistType: bbolt", New: "NoSync: true, FreelistType: bbolt"}}},
		{required: true, desc: "no fsync between the pages and the meta page", bolt: fsync("Data")},
		{desc: "no fsync after the meta page", bolt: fsync("Meta")},
	}
	for _, m := range mutants {
		if !m.required && os.Getenv("MUTANTS") != "all" {
			overlay.Apply(t, m.edits...)
			continue
		}
		t.Run(strings.ReplaceAll(m.desc, " ", "-"), func(t *testing.T) {
			binary := overlay.Build(t, "durable", append(m.edits, watchedDisk(t, m.bolt...))...)
			c := powerCuts(t, binary, 600, 1)
			require.True(t, c.verdict.bad(), "this mutant survives %d cuts, so the check is blind to it", c.files)
			fmt.Printf("convicted by a power cut: %s: file %d: %s\n", m.desc, c.files, violation.FindString(c.verdict.String()))
		})
	}
}

func TestBoltThatGoesOnAfterAFailedFsyncIsConvicted(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the product")
	}
	goesOn := overlay.Edit{File: boltCommit, Old: "return s.fail(fmt.Errorf(", New: "return error(fmt.Errorf("}
	notFalse := overlay.Edit{File: boltCommit, Old: "it again: %w\", err), false)", New: "it again: %w\", err))"}
	binary := overlay.Build(t, "durable", goesOn, notFalse, watchedDisk(t))
	out, passed := overlay.Run(t, binary, "TestBoltWithFailingDisk", boltEIO+"="+t.TempDir()+"/eio")
	require.False(t, passed, "the check is blind to it:\n%s", out)
	require.Contains(t, out, "who reads it now")
}
