package defaults

// CanonicalCountry returns the canonical, upper-case spelling of a country: a code that ISO 3166-1 alpha-2 assigns, or XK (Kosovo),
// which it leaves to users and which shops, banks and CLDR use. Not accepted are codes that are merely reserved (EU, UN, UK, AC),
// former countries (DD, SU), numbers, names, and what CDNs say for "unknown" (XX, T1).
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
