package defaults

import (
	"strings"

	"golang.org/x/text/currency"

	"github.com/sessionctx/storefront/defaults/codes"
	"github.com/sessionctx/storefront/internal/letters"
)

// extraCurrencies are the decimals of the currencies that a tenant uses besides the current ones of
// ISO 4217. The nil map has none.
type extraCurrencies map[string]int

const maxDigits = 18 // the most decimals of an amount in an int64

// code returns a current or an extra currency in canonical spelling, or why s is none.
func (x extraCurrencies) code(s string) (string, Reason) {
	if code, ok := codes.Currency(s); ok {
		return code, accepted
	}
	code, ok := letters.Upper(s, 3)
	if !ok {
		return "", ReasonMalformed
	}
	if _, ok := x[code]; !ok {
		return "", ReasonUnknownCode
	}
	return code, accepted
}

// read reads a currency as stored data has it: surrounding blanks and case do not count.
func (x extraCurrencies) read(s string) (string, Reason) { return x.code(strings.Trim(s, blanks)) }

// only returns those declarations of a site that are in force, with their codes in canonical
// spelling.
func (x extraCurrencies) only(declared map[string]int) (inForce map[string]int) {
	for given, digits := range declared {
		code, ok := letters.Upper(strings.Trim(given, blanks), 3)
		if known, extra := x[code]; ok && extra && known == digits {
			if inForce == nil {
				inForce = make(map[string]int)
			}
			inForce[code] = digits
		}
	}
	return inForce
}

// MinorUnits returns how many decimals a currency has in this shop. For a current code of ISO 4217
// they are those of [codes.MinorUnits], and for a code that a site declares those of
// [Site.ExtraCurrencies]. For any other code that golang.org/x/text knows they are those of that
// package: a site may still have a currency of its own that was withdrawn. ok is false for any
// other text. Safe for concurrent use by multiple goroutines.
func (s *Sites) MinorUnits(code string) (digits int, ok bool) {
	if digits, ok = codes.MinorUnits(code); ok {
		return digits, true
	}
	code, ok = letters.Upper(code, 3)
	if !ok {
		return 0, false
	}
	if digits, ok = s.extra[code]; ok {
		return digits, true
	}
	unit, err := currency.ParseISO(code)
	if err != nil {
		return 0, false
	}
	digits, _ = currency.Standard.Rounding(unit)
	return digits, true
}
