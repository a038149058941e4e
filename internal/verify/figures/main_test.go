package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFill_ReplacesTablesAndNothingElse(t *testing.T) {
	page := "before\n<!-- table one -->\nold\n<!-- end -->\nbetween <!-- end -->\n<!-- table two -->\nstays\n<!-- end -->\n"
	got, err := fill([]byte(page), func(name string) ([]byte, error) {
		if name == "one" {
			return []byte("| new |\n"), nil
		}
		return nil, nil
	})
	require.NoError(t, err)
	assert.Equal(t, "before\n<!-- table one -->\n| new |\n<!-- end -->\nbetween <!-- end -->\n<!-- table two -->\nstays\n<!-- end -->\n", string(got))
}

func TestStamp_SaysOnceByWhatATableWasMade(t *testing.T) {
	kept := t.TempDir()
	file := filepath.Join(kept, "one.md")
	require.NoError(t, os.WriteFile(file, []byte("| new |\n"), 0o644))
	for _, command := range []string{"first", "second"} {
		require.NoError(t, stamp(kept, "Made by `"+command+"` on abc."))
	}
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "| new |\n\nMade by `first` on abc.\n", string(got))
}

func TestMade_HasTheSettingThatWasTaken(t *testing.T) {
	t.Setenv("PHASE", "10s")
	r := run{args: "-v ./internal/verify/processes", long: []string{"PHASE=20s"}}
	assert.Equal(t, "PHASE=20s go test -v ./internal/verify/processes", r.made(false))
	assert.Equal(t, "PHASE=10s go test -v ./internal/verify/processes", r.made(true))
}
