package surrogates_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/internal/surrogates"
)

func TestLone_FindsHalfAPairInAnyString(t *testing.T) {
	for _, tc := range []struct {
		desc, doc string
		want      bool
	}{
		{"no escape", `{"a":"b"}`, false},
		{"a pair", `"\ud83d\ude00"`, false},
		{"the first half", `"\ud83d"`, true},
		{"the second half", `"\ude00"`, true},
		{"both halves in the wrong order", `"\ude00\ud83d"`, true},
		{"a half before another escape", `"\ud83d\u0041"`, true},
		{"a half at the end", `"x\ud83d`, true},
		{"a half in a name", `{"\uD83D":1}`, true},
		{"an escaped backslash before u", `"\\ud83d"`, false},
		{"an escaped quote before a half", `"\"\ud83d"`, true},
		{"a pair, and a half", `["\ud83d\ude00","\ude00"]`, true},
		{"an escape that is none", `"\uzzzz"`, false},
		{"outside of strings", `\ud83d`, false},
		{"nothing", ``, false},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			assert.Equal(t, tc.want, surrogates.Lone([]byte(tc.doc)))
		})
	}
}
