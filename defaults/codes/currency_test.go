package codes_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-playground/validator/v10"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/currency"

	"github.com/sessionctx/storefront/defaults/codes"
)

// allCodes returns every code of n upper-case letters.
func allCodes(n int) []string {
	all := []string{""}
	for range n {
		var longer []string
		for _, c := range all {
			for l := 'A'; l <= 'Z'; l++ {
				longer = append(longer, c+string(l))
			}
		}
		all = longer
	}
	return all
}

func currentCurrencies() (current []string) {
	for _, code := range allCodes(3) {
		if _, ok := codes.Currency(code); ok {
			current = append(current, code)
		}
	}
	return current
}

func TestCurrency(t *testing.T) {
	for in, want := range map[string]string{
		"EUR": "EUR", "eur": "EUR", "uSd": "USD", "MRU": "MRU", "SLE": "SLE", "VES": "VES", "VED": "VED", "XCG": "XCG", "ZWG": "ZWG", "SVC": "SVC", "XAF": "XAF", "XPF": "XPF",
	} {
		got, ok := codes.Currency(in)
		assert.True(t, ok, in)
		assert.Equal(t, want, got)
	}
	for _, in := range []string{
		"DEM", "HRK", "SLL", "MRO", "STD", "VEF", "ZWL", "CUC", "ANG", "BGN", "EEK", "LTL", // historic
		"XXX", "XTS", "XAU", "XAG", "XPT", "XPD", "XDR", "XSU", "XUA", "XAD", "XBA", "XBB", "XBC", "XBD", // no money
		"BOV", "CHE", "CHW", "CLF", "COU", "MXV", "USN", "UYI", "UYW", // funds and units of account
		"XYZ", "", "EU", "EURO", "€", " EUR", "EUR ", "E R", "EU1", "ΕUR", "eu\u0155", "978",
	} {
		got, ok := codes.Currency(in)
		assert.False(t, ok, in)
		assert.Empty(t, got, in)
	}
}

// validator's table of ISO 4217 is kept by other people from another source: the two differ only
// where there is a reason.
func TestCurrency_AgreesWithTheValidatorExceptForReasons(t *testing.T) {
	const fund, noMoney = "a fund or unit of account", "no money"
	onlyValidator := map[string]string{
		"BGN": "Bulgaria pays in euros since 2026-01-01",
		"BOV": fund, "CHE": fund, "CHW": fund, "CLF": fund, "COU": fund, "MXV": fund, "USN": fund, "UYI": fund, "UYW": fund,
		"XAG": noMoney, "XAU": noMoney, "XBA": noMoney, "XBB": noMoney, "XBC": noMoney, "XBD": noMoney, "XDR": noMoney,
		"XPD": noMoney, "XPT": noMoney, "XSU": noMoney, "XTS": noMoney, "XUA": noMoney, "XXX": noMoney,
	}
	v := validator.New()
	n := 0
	for _, code := range allCodes(3) {
		_, ours := codes.Currency(code)
		theirs := v.Var(code, "iso4217") == nil
		_, excepted := onlyValidator[code]
		assert.Equal(t, theirs && !excepted, ours, code)
		if excepted {
			assert.True(t, theirs, "%s is no exception any more: %s", code, onlyValidator[code])
		}
		if ours {
			n++
		}
	}
	assert.Equal(t, 155, n)
}

// x/text has the decimals that CLDR recommends for display: none where there are no such coins any
// more.
func TestMinorUnits_AgreeWithXTextExceptForDisplay(t *testing.T) {
	shownWithout := strings.Fields("AFN ALL AMD COP GYD IDR IQD IRR KPW LAK LBP MGA MMK MNT MUR PKR RSD SOS SYP TZS UZS YER")
	unknown := map[string]int{"MRU": 2, "SLE": 2, "VED": 2, "VES": 2, "XCG": 2, "ZWG": 2}
	for _, code := range currentCurrencies() {
		digits, ok := codes.MinorUnits(code)
		require.True(t, ok, code)
		unit, err := currency.ParseISO(code)
		if err != nil {
			require.Contains(t, unknown, code)
			assert.Equal(t, unknown[code], digits, code)
			delete(unknown, code)
			continue
		}
		scale, _ := currency.Standard.Rounding(unit)
		if slices.Contains(shownWithout, code) {
			assert.Zero(t, scale, code)
			assert.NotZero(t, digits, code)
			continue
		}
		assert.Equal(t, scale, digits, code)
	}
	assert.Empty(t, unknown, "x/text knows them by now")
}

func TestMinorUnits(t *testing.T) {
	for code, want := range map[string]int{"EUR": 2, "usd": 2, "JPY": 0, "KRW": 0, "ISK": 0, "KWD": 3, "IQD": 3, "TND": 3, "MRU": 2, "MGA": 2, "UGX": 0} {
		got, ok := codes.MinorUnits(code)
		assert.True(t, ok, code)
		assert.Equal(t, want, got, code)
	}
	for _, code := range []string{"", "DEM", "CLF", "XAU", "Euro"} {
		got, ok := codes.MinorUnits(code)
		assert.False(t, ok, code)
		assert.Zero(t, got)
	}
}
