package defaults_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
)

// siteErrors returns every *SiteError in err, and fails on an error of another kind.
func siteErrors(tb testing.TB, err error) []defaults.SiteError {
	tb.Helper()
	require.Error(tb, err)
	errs := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		errs = joined.Unwrap()
	}
	var list []defaults.SiteError
	for _, e := range errs {
		var mistake *defaults.SiteError
		require.True(tb, errors.As(e, &mistake), "%v", e)
		list = append(list, *mistake)
	}
	return list
}

const (
	notCurrency = "not a current ISO 4217 code"
	notCountry  = "not a current ISO 3166-1 code"
	notLanguage = "not a known BCP 47 language"
	badCode     = "must be 1 to 64 printable ASCII characters without a space"
)

func TestNewSites_RefusesAMistakeInAField(t *testing.T) {
	long := strings.Repeat("x", 65)
	for _, tc := range []struct {
		desc               string
		edit               func(*defaults.Site)
		field, value, rule string
		reason             defaults.Reason
	}{
		{"no code", func(s *defaults.Site) { s.Code = "" }, "code", "", "is required", 0},
		{"a code with a space", func(s *defaults.Site) { s.Code = "my site" }, "code", "my site", badCode, 0},
		{"a code with a control character", func(s *defaults.Site) { s.Code = "main\n" }, "code", "main\n", badCode, 0},
		{"a code that is not ASCII", func(s *defaults.Site) { s.Code = "zürich" }, "code", "zürich", badCode, 0},
		{"a code that is too long", func(s *defaults.Site) { s.Code = long }, "code", long, badCode, 0},
		{"no currency", func(s *defaults.Site) { s.Currency = "" }, "currency", "", "is required", 0},
		{"a dead currency", func(s *defaults.Site) { s.Currency = "DEM" }, "currency", "DEM", notCurrency, defaults.ReasonUnknownCode},
		{"a metal", func(s *defaults.Site) { s.Currencies = []string{"EUR", "USD", "XAU"} }, "currencies[2]", "XAU", notCurrency, defaults.ReasonUnknownCode},
		{"an empty currency in the list", func(s *defaults.Site) { s.Currencies = []string{""} }, "currencies[0]", "", notCurrency, defaults.ReasonMalformed},
		{"no country", func(s *defaults.Site) { s.Country = "" }, "country", "", "is required", 0},
		{"a country written as a name", func(s *defaults.Site) { s.Country = "Germany" }, "country", "Germany", notCountry, defaults.ReasonMalformed},
		{"a reserved country code", func(s *defaults.Site) { s.ShipTo = []string{"UK"} }, "shipTo[0]", "UK", notCountry, defaults.ReasonUnknownCode},
		{"no language", func(s *defaults.Site) { s.Language = "" }, "language", "", "is required", 0},
		{"an unknown language", func(s *defaults.Site) { s.Language = "xx" }, "language", "xx", notLanguage, defaults.ReasonUnknownCode},
		{"a language name in the list", func(s *defaults.Site) { s.Languages = []string{"en", "german"} }, "languages[1]", "german", notLanguage, defaults.ReasonMalformed},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			list := oneSite(tc.edit)
			sites, err := defaults.NewSites(list)
			assert.Nil(t, sites)
			assert.Equal(t, []defaults.SiteError{{Index: 0, Code: list[0].Code, Field: tc.field, Value: tc.value, Rule: tc.rule, Reason: tc.reason}}, siteErrors(t, err))
		})
	}
}

func TestNewSites_RefusesAMistakeInTheList(t *testing.T) {
	site := func(code string, edit func(*defaults.Site)) defaults.Site {
		s := defaults.Site{Code: code, Currency: "EUR", Country: "DE", Language: "de"}
		edit(&s)
		return s
	}
	plain := func(*defaults.Site) {}
	def := func(s *defaults.Site) { s.Default = true }
	inactive := func(s *defaults.Site) { s.Inactive, s.Currency, s.Country, s.Language = true, "HRK", "YU", "" }
	inactiveDef := func(s *defaults.Site) { s.Default, s.Inactive = true, true }
	for _, tc := range []struct {
		desc string
		list []defaults.Site
		want []defaults.SiteError
	}{
		{"no sites", nil, []defaults.SiteError{{Index: -1, Rule: "there must be at least one site"}}},
		{
			"no default site", []defaults.Site{site("a", plain), site("b", plain)},
			[]defaults.SiteError{{Index: -1, Field: "default", Rule: "one active site must be the default site"}},
		},
		{
			"a default site that is not active", []defaults.Site{site("a", plain), site("b", inactiveDef)},
			[]defaults.SiteError{{Index: 1, Code: "b", Field: "default", Rule: "an inactive site cannot be the default site, and no active one is"}},
		},
		{
			"two default sites", []defaults.Site{site("a", def), site("b", plain), site("c", def)},
			[]defaults.SiteError{{Index: 2, Code: "c", Field: "default", Rule: `only one active site can be the default site, and site 0 "a" is`}},
		},
		{
			"a code twice", []defaults.Site{site("a", def), site("b", plain), site("a", plain)},
			[]defaults.SiteError{{Index: 2, Code: "a", Field: "code", Value: "a", Rule: "is also the code of site 0"}},
		},
		{
			"no code, twice: that it is missing is mistake enough", []defaults.Site{site("a", def), site("", plain), site("", plain)},
			[]defaults.SiteError{{Index: 1, Field: "code", Rule: "is required"}, {Index: 2, Field: "code", Rule: "is required"}},
		},
		{"an inactive site flagged default beside an active one", []defaults.Site{site("a", inactiveDef), site("b", def)}, nil},
		{"a code of an active and an inactive site", []defaults.Site{site("a", inactiveDef), site("a", def), site("a", inactive)}, nil},
		{"codes that differ in case", []defaults.Site{site("a", def), site("A", plain)}, nil},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			_, err := defaults.NewSites(tc.list)
			if tc.want == nil {
				require.NoError(t, err)
				return
			}
			assert.Equal(t, tc.want, siteErrors(t, err))
		})
	}
}

func TestNewSites_DefaultSiteIsTheActiveOne(t *testing.T) {
	inactive := defaults.Site{Code: "old", Default: true, Inactive: true, Currency: "EUR", Country: "DE", Language: "de"}
	active := defaults.Site{Code: "new", Default: true, Currency: "EUR", Country: "DE", Language: "de"}
	assert.Equal(t, "new", newSites(t, inactive, active).Resolve(defaults.Input{}).Site)
	assert.Equal(t, "new", newSites(t, active, inactive).Resolve(defaults.Input{}).Site)
}

func TestNewSites_ReportsEveryMistakeAtOnce(t *testing.T) {
	_, err := defaults.NewSites([]defaults.Site{
		{Code: "main", Currency: "EUR", Currencies: []string{"DEM"}, Country: "UK", ShipTo: []string{"DE", "EU"}, Language: "de"},
		{Code: "old", Inactive: true, Currency: "BGN", Country: "BG", Language: "bg"},
		{Code: "main", Currency: "USD", Country: "US", Language: "en"},
	})
	assert.EqualError(t, err, `defaults: site 0 "main": currencies[0] "DEM": not a current ISO 4217 code
defaults: site 0 "main": country "UK": not a current ISO 3166-1 code
defaults: site 0 "main": shipTo[1] "EU": not a current ISO 3166-1 code
defaults: site 2 "main": code "main": is also the code of site 0
defaults: sites: one active site must be the default site`)
}

func TestNewSites_MistakeOfTheDefaultNamesNoValue(t *testing.T) {
	_, err := defaults.NewSites(oneSite(func(s *defaults.Site) { s.Inactive = true }))
	assert.EqualError(t, err, `defaults: site 0 "main": default: an inactive site cannot be the default site, and no active one is`)
}

func TestList_IsCanonicalAndInTheOrderGiven(t *testing.T) {
	sites := newSites(t,
		defaults.Site{Code: "b", Name: "B", Currency: "chf", Currencies: []string{"eur", "EUR", "chf"}, Country: "ch", ShipTo: []string{"li", "ch", "LI"}, Language: "de_CH", Languages: []string{"iw", "FR", "he"}},
		defaults.Site{Code: "a", Name: "A", Default: true, Currency: "EUR", Country: "DE", Language: "de"},
	)
	assert.Equal(t, []defaults.Site{
		{Code: "b", Name: "B", Currency: "CHF", Currencies: []string{"EUR", "CHF"}, Country: "CH", ShipTo: []string{"LI", "CH"}, Language: "de-CH", Languages: []string{"he", "fr"}},
		{Code: "a", Name: "A", Default: true, Currency: "EUR", Country: "DE", Language: "de"},
	}, sites.List())
}

func TestNewSites_SharesNothingWithItsCaller(t *testing.T) {
	given := []defaults.Site{{
		Code: "main", Default: true, Currency: "EUR", Currencies: []string{"EUR", "usd"}, Country: "DE", ShipTo: []string{"at"}, Language: "de", Languages: []string{"en_GB"},
	}}
	sites := newSites(t, given...)
	assert.Equal(t, []string{"EUR", "usd"}, given[0].Currencies, "NewSites does not write to what it is given")

	want := []defaults.Site{{
		Code: "main", Default: true, Currency: "EUR", Currencies: []string{"EUR", "USD"}, Country: "DE", ShipTo: []string{"AT"}, Language: "de", Languages: []string{"en-GB"},
	}}
	given[0].Currencies[0], given[0].ShipTo[0], given[0].Languages[0] = "JPY", "JP", "ja"
	got := sites.List()
	assert.Equal(t, want, got)
	got[0].Currencies[0], got[0].ShipTo[0], got[0].Languages[0] = "JPY", "JP", "ja"
	assert.Equal(t, want, sites.List())
	v := sites.Resolve(defaults.Input{Choices: defaults.Choices{Currency: "JPY", Country: "JP", Language: "ja"}})
	assert.Equal(t, "EUR", v.Currency)
	assert.Equal(t, "DE", v.Country)
	assert.Equal(t, "de", v.Language)
}
