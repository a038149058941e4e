package codes

import (
	"maps"
	"slices"

	"github.com/sessionctx/storefront/internal/letters"
)

// Country returns the canonical, upper-case spelling of a country: a code that ISO 3166-1 alpha-2
// assigns, or XK (Kosovo), a user-assigned code that shops, banks and CLDR use. Country does not
// accept codes that are merely reserved (EU, UN, UK, AC), former countries (DD, SU), numbers,
// names, and what CDNs send for "unknown" (XX, T1). Safe for concurrent use by multiple goroutines.
func Country(s string) (code string, ok bool) {
	code, ok = letters.Upper(s, 2)
	if !ok {
		return "", false
	}
	if _, ok := countries[code]; !ok {
		return "", false
	}
	return code, true
}

// Countries returns the codes that [Country] accepts, sorted, as a slice that is the caller's.
func Countries() []string { return slices.Sorted(maps.Keys(countries)) }
