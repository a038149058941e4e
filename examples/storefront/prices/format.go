package prices

import (
	"github.com/sessionctx/storefront/defaults/codes"
	"github.com/sessionctx/storefront/defaults/display"
)

// Format writes the amount as readers of a language (BCP 47) do.
func (a Amount) Format(language string) string {
	digits, _ := codes.MinorUnits(a.Currency)
	return display.For(language).Price(a.Units, a.Currency, digits)
}
