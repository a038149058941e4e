package defaults

import (
	"strings"

	"golang.org/x/text/currency"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// CanonicalCurrency returns the canonical, upper-case spelling of a currency in which a shop can
// price: a current code of ISO 4217 that people pay with. Not accepted are
//
//   - codes that became historic, such as DEM, HRK, SLL, ZWL, CUC, ANG (2025) and BGN (2026);
//   - codes of no currency: XXX, XTS, metals (XAU), bond units (XBA), XDR, XSU, XUA, XAD;
//   - funds and units of account, with which nobody pays: BOV, CHE, CHW, CLF, COU, MXV, USN, UYI,
//     UYW;
//   - anything that is not three ASCII letters.
func CanonicalCurrency(s string) (code string, ok bool) {
	code, reason := currencyCode(s)
	return code, reason == accepted
}

func currencyCode(s string) (string, Reason) {
	code, ok := upperLetters(s, 3)
	if !ok {
		return "", ReasonMalformed
	}
	if _, ok := minorUnits[code]; !ok {
		return "", ReasonUnknownCode
	}
	return code, accepted
}

// readCurrency reads a currency as stored data has it: surrounding blanks and case do not count.
func readCurrency(s string) (string, Reason) { return currencyCode(strings.Trim(s, blanks)) }

// MinorUnits returns how many decimals ISO 4217 gives a currency: 2 for EUR, 0 for JPY, 3 for KWD.
// Payment providers count in these units. Some amounts are displayed with fewer decimals, as those
// of IQD, which has 3 and no such coins. ok is false for what [CanonicalCurrency] does not accept.
func MinorUnits(currency string) (digits int, ok bool) {
	code, reason := currencyCode(currency)
	if reason != accepted {
		return 0, false
	}
	return int(minorUnits[code]), true
}

// Symbol returns how readers of a language write a currency next to an amount: "$" for USD in en,
// "US$" in en-CA. Where the language has no symbol for it, the symbol is the code. For a language
// that is not known it is the symbol that CLDR gives no language in particular; a currency that
// [CanonicalCurrency] does not accept is returned unchanged.
//
// The symbols are those of golang.org/x/text/currency, and of CLDR 48 for the units that are
// younger than its data. Symbol is not made for a loop: it allocates, some hundred bytes a call.
// Safe for concurrent use by multiple goroutines.
func Symbol(currencyCode, languageTag string) string {
	code, ok := CanonicalCurrency(currencyCode)
	if !ok {
		return currencyCode
	}
	tag, _ := parseLanguage(languageTag) // und if not accepted
	unit, err := currency.ParseISO(code)
	if err == nil {
		return message.NewPrinter(tag).Sprint(currency.Symbol(unit))
	}
	for symbols := youngSymbols[code]; ; tag = tag.Parent() {
		if symbol, ok := symbols[tag.String()]; ok {
			return symbol
		}
		if tag == language.Und {
			return code
		}
	}
}

// upperLetters returns s in upper case if it is n ASCII letters.
func upperLetters(s string, n int) (string, bool) {
	if len(s) != n {
		return "", false
	}
	lower := false
	for i := range n {
		switch c := s[i]; {
		case 'A' <= c && c <= 'Z':
		case 'a' <= c && c <= 'z':
			lower = true
		default:
			return "", false
		}
	}
	if lower {
		b := []byte(s)
		for i := range b {
			b[i] &^= 'a' - 'A'
		}
		s = string(b)
	}
	return s, true
}
