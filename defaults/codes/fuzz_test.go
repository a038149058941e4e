package codes_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults/codes"
)

// A code that is accepted is canonical: it is spelled in one way, and stays as it is when it is
// accepted again.
func FuzzCodes(f *testing.F) {
	for _, s := range []string{"EUR", "eur", "XYZ", "Euro", "DE", "de", "UK", "XK", "", "é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, code := range []struct {
			kind      string
			canonical func(string) (string, bool)
			size      int
		}{
			{"currency", codes.Currency, 3},
			{"country", codes.Country, 2},
		} {
			c, ok := code.canonical(s)
			if !ok {
				require.Empty(t, c, code.kind)
				continue
			}
			require.Len(t, c, code.size, code.kind)
			require.Equal(t, strings.ToUpper(s), c, code.kind)
			again, ok := code.canonical(c)
			require.True(t, ok, "%s %q is accepted, its canonical spelling %q is not", code.kind, s, c)
			require.Equal(t, c, again, code.kind)
		}
	})
}
