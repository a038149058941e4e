// Package prices turns the catalogue's prices into a shopper's currency, and writes them as readers
// of a language do.
package prices

import (
	"math"
	"math/big"

	"github.com/sessionctx/storefront/defaults/codes"
)

// Amount is a sum of money in one currency. Amounts are comparable.
type Amount struct {
	Units    int64  // of the currency's minor unit (ISO 4217): cents of EUR, yen of JPY
	Currency string // ISO 4217
}

// FromEuro converts an amount of euro cents to another currency, at the fixed demonstration rate,
// rounded half up to the currency's minor unit. For a currency without a rate, and for an amount
// that is too large in it, FromEuro returns the amount in euros.
func FromEuro(cents int64, currency string) Amount {
	rate, ok := rates[currency]
	digits, known := codes.MinorUnits(currency)
	if !ok || !known {
		return Amount{cents, "EUR"}
	}
	// units = cents / 100 * rate / rateScale * 10^digits
	units := new(big.Int).Mul(big.NewInt(cents), big.NewInt(rate))
	units.Mul(units, pow10(digits))
	divisor := big.NewInt(100 * rateScale)
	units.Mul(units, big.NewInt(2)).Add(units, divisor).Quo(units, divisor.Mul(divisor, big.NewInt(2)))
	if !units.IsInt64() {
		return Amount{cents, "EUR"}
	}
	return Amount{units.Int64(), currency}
}

// Times returns n of a. A sum that is too large is the largest there is.
func (a Amount) Times(n int) Amount {
	product := new(big.Int).Mul(big.NewInt(a.Units), big.NewInt(int64(n)))
	if !product.IsInt64() {
		return Amount{math.MaxInt64, a.Currency}
	}
	return Amount{product.Int64(), a.Currency}
}

// Plus returns the sum of two amounts of one currency. The zero Amount has every currency. Plus
// panics if the currencies differ.
func (a Amount) Plus(b Amount) Amount {
	switch {
	case a == Amount{}:
		return b
	case b == Amount{}:
		return a
	case a.Currency != b.Currency:
		panic("prices: sum of " + a.Currency + " and " + b.Currency)
	}
	if sum := a.Units + b.Units; sum >= a.Units {
		return Amount{sum, a.Currency}
	}
	return Amount{math.MaxInt64, a.Currency}
}

// Decimal returns the amount as a plain decimal number, such as "19.90", as machines read it.
func (a Amount) Decimal() string {
	digits, _ := codes.MinorUnits(a.Currency)
	return new(big.Rat).SetFrac(big.NewInt(a.Units), pow10(digits)).FloatString(digits)
}

func pow10(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }
