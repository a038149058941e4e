package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestATableIsReplacedAndNothingElseIs(t *testing.T) {
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
