package codes_test

import (
	"testing"

	"github.com/go-playground/validator/v10"
	"github.com/stretchr/testify/assert"
	"golang.org/x/text/language"

	"github.com/sessionctx/storefront/defaults/codes"
)

func TestCountry(t *testing.T) {
	for in, want := range map[string]string{"DE": "DE", "de": "DE", "gB": "GB", "XK": "XK", "SS": "SS", "CW": "CW", "AX": "AX"} {
		got, ok := codes.Country(in)
		assert.True(t, ok, in)
		assert.Equal(t, want, got)
	}
	for _, in := range []string{
		"EU", "UN", "UK", "AC", "EA", "IC", "DG", "TA", "CP", // reserved
		"DD", "SU", "YU", "CS", "AN", "BU", "ZR", "TP", "FX", "NT", "YD", // former
		"XX", "ZZ", "QO", "AA", "T1", "A1", "", "D", "DEU", "001", "276", "Germany", " D", "D ", "dé",
	} {
		got, ok := codes.Country(in)
		assert.False(t, ok, in)
		assert.Empty(t, got, in)
	}
}

func TestCountry_AgreesWithTheValidator(t *testing.T) {
	v := validator.New()
	n := 0
	for _, code := range allCodes(2) {
		_, ours := codes.Country(code)
		assert.Equal(t, v.Var(code, "iso3166_1_alpha2") == nil, ours, code)
		if ours {
			n++
			region, err := language.ParseRegion(code)
			assert.NoError(t, err, "x/text takes more than countries, but all of them")
			assert.Equal(t, code, region.String())
		}
	}
	assert.Equal(t, 249+1, n, "ISO 3166-1 and XK")
}
