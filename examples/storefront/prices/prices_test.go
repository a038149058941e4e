package prices_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults/codes"
	"github.com/sessionctx/storefront/examples/storefront/prices"
)

func TestRates_CoverEveryCurrentCurrency(t *testing.T) {
	count := 0
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			for c := 'A'; c <= 'Z'; c++ {
				code := string([]rune{a, b, c})
				if _, ok := codes.Currency(code); !ok {
					continue
				}
				count++
				got := prices.FromEuro(1000, code)
				require.Equal(t, code, got.Currency)
				require.Positive(t, got.Units, code)
			}
		}
	}
	assert.Greater(t, count, 150)
}

func TestFromEuro_RoundsToTheMinorUnit(t *testing.T) {
	for _, tc := range []struct {
		desc, currency string
		cents, want    int64
		decimal        string
	}{
		{"the base currency", "EUR", 1850, 1850, "18.50"},
		{"two digits", "USD", 1850, 2152, "21.52"},   // 21.5155
		{"no digits", "JPY", 1850, 3293, "3293"},     // 3293.0
		{"no digits, half up", "JPY", 25, 45, "45"},  // 44.5
		{"three digits", "KWD", 1850, 6605, "6.605"}, // 6.6045
		{"younger than the data of x/text", "MRU", 1850, 85655, "856.55"},
		{"nothing", "KWD", 0, 0, "0.000"},
		{"the least", "JPY", 1, 2, "2"}, // 1.78
		{"no such currency", "XXX", 1850, 1850, "18.50"},
		{"too much for it", "LBP", math.MaxInt64, math.MaxInt64, "92233720368547758.07"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			got := prices.FromEuro(tc.cents, tc.currency)
			assert.Equal(t, tc.want, got.Units)
			assert.Equal(t, tc.decimal, got.Decimal())
		})
	}
}

func TestFormat_HasTheDecimalsOfTheCurrency(t *testing.T) {
	for want, a := range map[string]prices.Amount{
		"1.234,56\u00a0€": {Units: 123456, Currency: "EUR"}, "123.456\u00a0¥": {Units: 123456, Currency: "JPY"}, "123,456\u00a0KWD": {Units: 123456, Currency: "KWD"},
	} {
		assert.Equal(t, want, a.Format("de"))
	}
}

func TestPlus_AddsAmountsOfOneCurrency(t *testing.T) {
	five := prices.Amount{Units: 500, Currency: "EUR"}
	assert.Equal(t, prices.Amount{Units: 1500, Currency: "EUR"}, five.Times(2).Plus(five))
	assert.Equal(t, five, prices.Amount{}.Plus(five))
	assert.Equal(t, five, five.Plus(prices.Amount{}))
	assert.Panics(t, func() { five.Plus(prices.Amount{Units: 1, Currency: "USD"}) }, "euros and dollars make no sum")
	most := prices.Amount{Units: math.MaxInt64, Currency: "EUR"}
	assert.Equal(t, most, most.Times(2), "a sum does not overflow")
	assert.Equal(t, most, most.Plus(five), "a sum does not overflow")
}
