package letters_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/internal/letters"
)

func TestUpper(t *testing.T) {
	for _, tc := range []struct {
		desc string
		in   string
		n    int
		want string
		ok   bool
	}{
		{"upper case stays", "EUR", 3, "EUR", true},
		{"lower case", "eur", 3, "EUR", true},
		{"mixed case", "aZ", 2, "AZ", true},
		{"no letter is asked for", "", 0, "", true},
		{"too short", "EU", 3, "", false},
		{"too long", "EURO", 3, "", false},
		{"a digit", "EU1", 3, "", false},
		{"a blank", "EU ", 3, "", false},
		{"before the upper-case letters", "@", 1, "", false},
		{"after the upper-case letters", "[", 1, "", false},
		{"before the lower-case letters", "`", 1, "", false},
		{"after the lower-case letters", "{", 1, "", false},
		{"three bytes, not all ASCII", "aé", 3, "", false},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			got, ok := letters.Upper(tc.in, tc.n)
			assert.Equal(t, tc.ok, ok)
			assert.Equal(t, tc.want, got)
		})
	}
}
