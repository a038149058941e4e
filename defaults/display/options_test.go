package display_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/defaults/codes"
	"github.com/sessionctx/storefront/defaults/display"
)

func newSites(t testing.TB) *defaults.Sites {
	t.Helper()
	sites, err := defaults.NewSites([]defaults.Site{
		{
			Code: "main", Name: "Shop", Default: true, Currency: "EUR", Currencies: []string{"EUR", "PTS", "CHF"}, ExtraCurrencies: map[string]int{"PTS": 0},
			Country: "DE", ShipTo: []string{"AT", "ZM", "DE", "EG", "SE"}, Language: "de", Languages: []string{"de", "ar", "en"},
		},
		{Code: "open", Name: "متجر \u202eشرق", Currency: "SLE", Country: "SL", Language: "en"},
		{Code: "nameless", Currency: "EUR", Country: "DE", Language: "de"},
		{Code: "closed", Inactive: true},
	})
	require.NoError(t, err)
	return sites
}

func TestOptions_AreNamedSortedAndSelected(t *testing.T) {
	sites := newSites(t)
	type option = display.Option
	for _, tc := range []struct {
		desc, language string
		field          defaults.Field
		current        string
		want           []option
	}{
		{"sites", "de", defaults.FieldSite, "main", []option{
			{"main", "Shop", "", true, true}, {"open", "\u2068متجر شرق\u2069", "", false, true}, {"nameless", "nameless", "", false, true},
		}},
		{"currencies, in the order of the shop", "de", defaults.FieldCurrency, "CHF", []option{
			{"EUR", "Euro", "de", false, true}, {"PTS", "PTS", "de", false, true}, {"CHF", "Schweizer Franken", "de", true, true},
		}},
		{"countries, as a German looks for them", "de-AT", defaults.FieldCountry, "DE", []option{
			{"EG", "Ägypten", "de-AT", false, true}, {"DE", "Deutschland", "de-AT", true, true}, {"AT", "Österreich", "de-AT", false, true},
			{"ZM", "Sambia", "de-AT", false, true}, {"SE", "Schweden", "de-AT", false, true},
		}},
		{"countries, as a Swede looks for them: Ö is the last letter", "sv", defaults.FieldCountry, "DE", []option{
			{"EG", "Egypten", "sv", false, true}, {"SE", "Sverige", "sv", false, true}, {"DE", "Tyskland", "sv", true, true},
			{"ZM", "Zambia", "sv", false, true}, {"AT", "Österrike", "sv", false, true},
		}},
		{"languages, each in itself", "en", defaults.FieldLanguage, "en", []option{
			{"de", "Deutsch", "de", false, true}, {"ar", "\u2068العربية\u2069", "ar", false, true}, {"en", "English", "en", true, true},
		}},
		{"a value that is not offered comes first", "de", defaults.FieldCurrency, "USD", []option{
			{"USD", "US-Dollar", "de", true, false},
			{"EUR", "Euro", "de", false, true}, {"PTS", "PTS", "de", false, true}, {"CHF", "Schweizer Franken", "de", false, true},
		}},
		{"no value", "de", defaults.FieldCurrency, "", []option{
			{"EUR", "Euro", "de", false, true}, {"PTS", "PTS", "de", false, true}, {"CHF", "Schweizer Franken", "de", false, true},
		}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			assert.Equal(t, tc.want, display.For(tc.language).Options(sites, tc.field, "main", tc.current))
		})
	}
}

func TestOptions_OfASiteThatOffersEverything(t *testing.T) {
	sites, l := newSites(t), display.For("de")
	countries := l.Options(sites, defaults.FieldCountry, "open", "SL")
	assert.Len(t, countries, len(codes.Countries()))
	assert.Equal(t, "Afghanistan", countries[0].Name)
	assert.Equal(t, "Zypern", countries[len(countries)-1].Name)
	assert.Equal(t, "Ägypten", countries[1].Name)

	currencies := l.Options(sites, defaults.FieldCurrency, "open", "SLE")
	assert.Len(t, currencies, len(codes.Currencies())+1, "and the points")
	assert.True(t, slices.IsSortedFunc(currencies, func(a, b display.Option) int {
		if a.Value < b.Value {
			return -1
		}
		return 1
	}))

	languages := l.Options(sites, defaults.FieldLanguage, "open", "en-GB")
	assert.Len(t, languages, len(display.Languages())+1)
	i := slices.IndexFunc(languages, func(o display.Option) bool { return o.Selected })
	assert.Equal(t, display.Option{Value: "en-GB", Name: "British English", Lang: "en-GB", Selected: true, Offered: true}, languages[i])
	assert.Less(t, 0, i, "it is where the alphabet puts it")
}

func TestOptions_OfNoSiteAreNone(t *testing.T) {
	sites, l := newSites(t), display.For("de")
	assert.Empty(t, l.Options(sites, defaults.FieldCountry, "nope", ""))
	assert.Equal(t, []display.Option{{Value: "DE", Name: "Deutschland", Lang: "de", Selected: true}}, l.Options(sites, defaults.FieldCountry, "closed", "DE"))
}

func BenchmarkOptions(b *testing.B) {
	sites := newSites(b)
	for f := range defaults.Field(defaults.NumFields) {
		b.Run(f.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				display.For("de").Options(sites, f, "open", "DE")
			}
		})
	}
}
