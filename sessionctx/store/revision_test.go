package store_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx/store"
)

func TestRevision_TextIsReadBack(t *testing.T) {
	for _, tc := range []struct {
		desc string
		rev  store.Revision
		want string
	}{
		{"no record", store.Revision{}, "0000000000000000.0"},
		{"a record", store.Revision{Incarnation: 0xcab6b58b7514ec30, Version: 58281951}, "cab6b58b7514ec30.58281951"},
		{"the largest", store.Revision{Incarnation: math.MaxUint64, Version: math.MaxInt64}, "ffffffffffffffff.9223372036854775807"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			text, err := tc.rev.MarshalText()
			require.NoError(t, err)
			assert.Equal(t, tc.want, string(text))
			assert.Equal(t, tc.want, tc.rev.String())
			var got store.Revision
			require.NoError(t, got.UnmarshalText(text))
			assert.Equal(t, tc.rev, got)
		})
	}
}

func TestRevision_OtherTextsAreRefused(t *testing.T) {
	for _, text := range []string{
		"", ".", "0.0", "one.two", "00000000000000001.1", "0000000000000001.-1", "0000000000000001.+1", "0000000000000001.01",
		"0000000000000001.0", "0000000000000000.1", "000000000000000A.1", "0000000000000001.1.1", "0000000000000001.1 ", "0000000000000001",
		"0x00000000000001.1", "0000000000000001.9223372036854775808",
	} {
		rev := store.Revision{Incarnation: 7, Version: 7}
		require.ErrorContains(t, rev.UnmarshalText([]byte(text)), "must be 16 hexadecimal digits", "%q", text)
		assert.Equal(t, store.Revision{Incarnation: 7, Version: 7}, rev, "%q", text)
	}
}
