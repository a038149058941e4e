package codes

import (
	"maps"
	"slices"

	"golang.org/x/text/currency"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/sessionctx/storefront/defaults/internal/letters"
)

// Currency returns the canonical, upper-case spelling of a currency in which a shop can price: a
// current code of ISO 4217 that people pay with. Not accepted are
//
//   - codes that became historic, such as DEM, HRK, SLL, ZWL, CUC, ANG (2025) and BGN (2026);
//   - codes of no currency: XXX, XTS, metals (XAU), bond units (XBA), XDR, XSU, XUA, XAD;
//   - funds and units of account, with which nobody pays: BOV, CHE, CHW, CLF, COU, MXV, USN, UYI,
//     UYW;
//   - anything that is not three ASCII letters.
//
// Safe for concurrent use by multiple goroutines.
func Currency(s string) (code string, ok bool) {
	code, ok = letters.Upper(s, 3)
	if !ok {
		return "", false
	}
	if _, ok := minorUnits[code]; !ok {
		return "", false
	}
	return code, true
}

// Currencies returns the codes that [Currency] accepts, sorted, as a slice that is the caller's.
func Currencies() []string { return slices.Sorted(maps.Keys(minorUnits)) }

// MinorUnits returns how many decimals ISO 4217 gives a currency: 2 for EUR, 0 for JPY, 3 for KWD.
// Payment providers count in these units. Some amounts are displayed with fewer decimals, as those
// of IQD, which has 3 and no such coins. ok is false for what [Currency] does not accept. Safe for
// concurrent use by multiple goroutines.
func MinorUnits(currency string) (digits int, ok bool) {
	code, ok := Currency(currency)
	return int(minorUnits[code]), ok
}

// Symbol returns how readers of a language write a currency next to an amount: "$" for USD in en,
// "US$" in en-CA. Where the language has no symbol for it, the symbol is the code. For a language
// that is not known it is the symbol that CLDR gives no language in particular; a currency that
// [Currency] does not accept is returned unchanged.
//
// The symbols are those of golang.org/x/text/currency, and of CLDR 48 for the units that are
// younger than its data. Symbol is not made for a loop: it allocates, some hundred bytes a call.
// Safe for concurrent use by multiple goroutines.
func Symbol(currencyCode, languageTag string) string {
	code, ok := Currency(currencyCode)
	if !ok {
		return currencyCode
	}
	tag := parseLanguage(languageTag)
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

// maxLanguage bounds the tags that are parsed, in bytes: RFC 5646 section 4.4.1 asks for buffers of
// at least that, and the time of the parser grows with the tag.
const maxLanguage = 35

// parseLanguage returns the tag of a language, und if the language is not known.
func parseLanguage(s string) language.Tag {
	if len(s) > maxLanguage {
		return language.Und
	}
	tag, err := language.Parse(s)
	if err != nil {
		return language.Und // the parser also returns the part that it knows
	}
	return tag
}
