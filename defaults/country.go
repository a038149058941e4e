package defaults

import (
	"strings"

	"github.com/sessionctx/storefront/defaults/codes"
	"github.com/sessionctx/storefront/internal/letters"
)

// countryCode returns a current country in canonical spelling, or why s is none.
func countryCode(s string) (string, Reason) {
	if code, ok := codes.Country(s); ok {
		return code, accepted
	}
	return "", reasonForLetters(s, 2)
}

// readCountry reads a country as stored data has it: surrounding blanks and case do not count, the
// three-letter codes of ISO 3166-1 are known, and so are UK and EL, by which the European Union
// means the United Kingdom and Greece.
func readCountry(s string) (string, Reason) {
	if code, ok := codes.Country(s); ok {
		return code, accepted
	}
	s = strings.Trim(s, blanks)
	if code, ok := letters.Upper(s, 3); ok {
		if code, ok = alpha3Countries[code]; !ok {
			return "", ReasonUnknownCode
		}
		return code, accepted
	}
	switch {
	case strings.EqualFold(s, "UK"):
		return "GB", accepted
	case strings.EqualFold(s, "EL"):
		return "GR", accepted
	}
	return countryCode(s)
}
