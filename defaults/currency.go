package defaults

import (
	"strings"

	"github.com/sessionctx/storefront/defaults/codes"
)

// currencyCode returns a current currency in canonical spelling, or why s is none.
func currencyCode(s string) (string, Reason) {
	if code, ok := codes.Currency(s); ok {
		return code, accepted
	}
	return "", reasonForLetters(s, 3)
}

// readCurrency reads a currency as stored data has it: surrounding blanks and case do not count.
func readCurrency(s string) (string, Reason) { return currencyCode(strings.Trim(s, blanks)) }
