package defaults

import "strings"

// CanonicalCountry returns the canonical, upper-case spelling of a country: a code that ISO 3166-1
// alpha-2 assigns, or XK (Kosovo), which it leaves to users and which shops, banks and CLDR use.
// Not accepted are codes that are merely reserved (EU, UN, UK, AC), former countries (DD, SU),
// numbers, names, and what CDNs say for "unknown" (XX, T1).
func CanonicalCountry(s string) (code string, ok bool) {
	code, reason := countryCode(s)
	return code, reason == accepted
}

func countryCode(s string) (string, Reason) {
	code, ok := upperLetters(s, 2)
	if !ok {
		return "", ReasonMalformed
	}
	if _, ok := countries[code]; !ok {
		return "", ReasonUnknownCode
	}
	return code, accepted
}

// readCountry reads a country as stored data has it: surrounding blanks and case do not count, the
// three-letter codes of ISO 3166-1 are known, and so are UK and EL, by which the European Union
// means the United Kingdom and Greece.
func readCountry(s string) (string, Reason) {
	code, reason := countryCode(s)
	if reason == accepted {
		return code, accepted
	}
	s = strings.Trim(s, blanks)
	if code, ok := upperLetters(s, 3); ok {
		if code, ok = alpha3Countries[code]; !ok {
			return "", ReasonUnknownCode
		}
		return code, accepted
	}
	switch code, reason = countryCode(s); {
	case strings.EqualFold(s, "UK"):
		return "GB", accepted
	case strings.EqualFold(s, "EL"):
		return "GR", accepted
	}
	return code, reason
}
