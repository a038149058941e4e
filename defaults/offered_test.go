package defaults_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/defaults/codes"
)

func TestOffered_SaysWhatASiteOffersForAField(t *testing.T) {
	sites := demoSites(t)
	for _, tc := range []struct {
		desc, site string
		field      defaults.Field
		want       []string
	}{
		{"the active sites", "main", defaults.FieldSite, []string{"main", "us", "ch", "mr", "export", "open"}},
		{"the active sites, whatever site is", "nope", defaults.FieldSite, []string{"main", "us", "ch", "mr", "export", "open"}},
		{"currencies in the order of the list", "main", defaults.FieldCurrency, []string{"EUR", "GBP", "CHF", "USD"}},
		{"countries in the order of the list", "us", defaults.FieldCountry, []string{"US", "CA"}},
		{"languages in the order of the list", "ch", defaults.FieldLanguage, []string{"de", "fr", "it"}},
		{"the site's own currency, which its list forgets", "export", defaults.FieldCurrency, []string{"PLN", "EUR"}},
		{"the home base, which the list forgets", "export", defaults.FieldCountry, []string{"PL", "SE", "NO"}},
		{"the site's own language, which its list forgets", "export", defaults.FieldLanguage, []string{"pl", "en", "nb", "zh-Hant"}},
		{"nothing of an inactive site", "closed", defaults.FieldCurrency, nil},
		{"nothing of a site that is not known", "nope", defaults.FieldCountry, nil},
		{"nothing for a field that does not exist", "main", defaults.NumFields, nil},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			got, all := sites.Offered(tc.site, tc.field)
			assert.Equal(t, tc.want, got)
			assert.False(t, all)
		})
	}
}

func TestOffered_SiteWithoutListsOffersEveryCode(t *testing.T) {
	sites := newSites(t, defaults.Site{
		Code: "open", Default: true, Currency: "TMN", ExtraCurrencies: map[string]int{"TMN": 0, "PTS": 0}, Country: "IR", Language: "fa",
	})
	currencies, all := sites.Offered("open", defaults.FieldCurrency)
	require.True(t, all)
	assert.Subset(t, currencies, []string{"EUR", "XCG", "TMN", "PTS"})
	assert.Len(t, currencies, len(codes.Currencies())+2)
	assert.True(t, slices.IsSorted(currencies))
	countries, all := sites.Offered("open", defaults.FieldCountry)
	require.True(t, all)
	assert.Equal(t, codes.Countries(), countries)
	languages, all := sites.Offered("open", defaults.FieldLanguage)
	require.True(t, all)
	assert.Equal(t, []string{"fa"}, languages, "there is no list of all languages")
}

func TestOffered_SiteKeepsItsOwnCurrencyAfterItWasWithdrawn(t *testing.T) {
	sites, mistakes, err := defaults.CompileSites([]defaults.Site{
		{Code: "bg", Default: true, Currency: "BGN", Currencies: []string{"EUR", "HRK"}, Country: "BG", Language: "bg"},
		{Code: "open", Currency: "BGN", Country: "BG", Language: "bg"},
	}, nil, noon)
	require.NoError(t, err)
	require.Len(t, mistakes, 3)
	listed, _ := sites.Offered("bg", defaults.FieldCurrency)
	assert.Equal(t, []string{"BGN", "EUR"}, listed)
	open, all := sites.Offered("open", defaults.FieldCurrency)
	assert.True(t, all)
	assert.Contains(t, open, "BGN")
	assert.True(t, slices.IsSorted(open))
}

// A picker must offer nothing that the form's handler refuses.
func TestOffered_EveryCodeIsAccepted(t *testing.T) {
	sites := demoSites(t)
	codesOf, _ := sites.Offered("", defaults.FieldSite)
	for _, site := range codesOf {
		for f := range defaults.Field(defaults.NumFields) {
			offered, _ := sites.Offered(site, f)
			require.NotEmpty(t, offered, "%s %s", site, f)
			for _, value := range offered {
				in := defaults.Input{Choices: defaults.Choices{Site: site}}
				*[...]*string{&in.Choices.Site, &in.Choices.Currency, &in.Choices.Country, &in.Choices.Language}[f] = value
				var sent [defaults.NumFields]bool
				sent[f] = true
				choices, err := sites.Check(in, sent)
				require.NoError(t, err)
				assert.Equal(t, in.Choices, choices, "a code is canonical")
				v := sites.Resolve(in)
				assert.Equal(t, value, [...]string{v.Site, v.Currency, v.Country, v.Language}[f])
			}
		}
	}
}

func TestSites_AnswersAreTheCallers(t *testing.T) {
	sites := demoSites(t)
	main, ok := sites.Site("main")
	require.True(t, ok)
	assert.Equal(t, "Demo Shop Europe", main.Name)
	main.Currencies[0] = "USD"
	offered, _ := sites.Offered("main", defaults.FieldCurrency)
	assert.Equal(t, "EUR", offered[0])
	offered[0] = "USD"
	again, _ := sites.Site("main")
	assert.Equal(t, "EUR", again.Currencies[0])

	closed, ok := sites.Site("closed")
	assert.True(t, ok)
	assert.True(t, closed.Inactive)
	_, ok = sites.Site("nope")
	assert.False(t, ok)
}
