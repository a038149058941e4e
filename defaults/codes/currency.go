package codes

import (
	"maps"
	"slices"

	"github.com/sessionctx/storefront/internal/letters"
)

// Currency returns the canonical, upper-case spelling of a currency in which a shop can price: a
// current code of ISO 4217 that people pay with. Currency does not accept
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
// Payment providers count in these units. Some currencies are displayed with fewer decimals: IQD
// has 3, and no coins for them. ok is false for what [Currency] does not accept. Safe for
// concurrent use by multiple goroutines.
func MinorUnits(currency string) (digits int, ok bool) {
	code, ok := Currency(currency)
	return int(minorUnits[code]), ok
}
