package defaults_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
)

var noon = time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)

// mistake is what a test expects of a SiteError of the site with the code and the index given.
func mistake(index int, code, field, value, rule string, reason defaults.Reason, effect string) *defaults.SiteError {
	return &defaults.SiteError{Index: index, Code: code, Field: field, Value: value, Rule: rule, Reason: reason, Effect: effect}
}

const (
	notOffered = "not offered"
	keepsIt    = "the site keeps it all the same"
	leftOut    = "the site is left out"
	lastValid  = "the site keeps its last valid form for 24 hours"
)

func TestCompileSites_UsesWhatIsValid(t *testing.T) {
	const (
		malformed = defaults.ReasonMalformed
		unknown   = defaults.ReasonUnknownCode
	)
	type site = defaults.Site
	for _, tc := range []struct {
		desc     string
		edit     func(*site)
		want     func(*site) // the site in force, from the same start
		mistakes []*defaults.SiteError
	}{
		{"a valid site", func(*site) {}, func(*site) {}, nil},
		{
			"a withdrawn currency in the list",
			func(s *site) { s.Currencies = []string{"EUR", "BGN"} },
			func(s *site) { s.Currencies = []string{"EUR"} },
			[]*defaults.SiteError{mistake(0, "main", "currencies[1]", "BGN", notCurrency, unknown, notOffered)},
		},
		{
			"every kind of invalid entry",
			func(s *site) {
				s.Currencies, s.ShipTo, s.Languages = []string{"USD", "", "Euro"}, []string{"EU", "AT"}, []string{"xx", "german", "en"}
			},
			func(s *site) {
				s.Currencies, s.ShipTo, s.Languages = []string{"USD"}, []string{"AT"}, []string{"en"}
			},
			[]*defaults.SiteError{
				mistake(0, "main", "currencies[1]", "", notCurrency, malformed, notOffered),
				mistake(0, "main", "currencies[2]", "Euro", notCurrency, malformed, notOffered),
				mistake(0, "main", "shipTo[0]", "EU", notCountry, unknown, notOffered),
				mistake(0, "main", "languages[0]", "xx", notLanguage, unknown, notOffered),
				mistake(0, "main", "languages[1]", "german", notLanguage, malformed, notOffered),
			},
		},
		{
			"lists of which nothing is left still restrict",
			func(s *site) {
				s.Currencies, s.ShipTo, s.Languages = []string{"BGN"}, []string{"Germany"}, []string{"xx"}
			},
			func(s *site) { s.Currencies, s.ShipTo, s.Languages = []string{"EUR"}, []string{"DE"}, []string{"de"} },
			[]*defaults.SiteError{
				mistake(0, "main", "currencies[0]", "BGN", notCurrency, unknown, notOffered),
				mistake(0, "main", "shipTo[0]", "Germany", notCountry, malformed, notOffered),
				mistake(0, "main", "languages[0]", "xx", notLanguage, unknown, notOffered),
			},
		},
		{
			"spellings that are read generously are no mistake",
			func(s *site) {
				s.Currency, s.Currencies = " eur", []string{"gbp\n"}
				s.Country, s.ShipTo = "deu", []string{"UK", "el", "FRA", " at ", "GBR", "xkx"}
				s.Language, s.Languages = " de ", []string{"en_GB", "iw"}
			},
			func(s *site) {
				s.Currencies, s.ShipTo, s.Languages = []string{"GBP"}, []string{"GB", "GR", "FR", "AT", "XK"}, []string{"en-GB", "he"}
			},
			nil,
		},
		{
			"withdrawn and unknown codes of every kind",
			func(s *site) {
				s.Currencies = []string{"HRK", "SLL", "ZWL", "EUR", "XAU", "CLF", "EURO", "978", "€"}
				s.ShipTo = []string{"YU", "AN", "SU", "XX", "ZZ", "001", "276", "ROM", "Österreich", "AT"}
				s.Languages = []string{"und", "mul", "en-USA", "de_DE.UTF-8", "C", "en"}
			},
			func(s *site) {
				s.Currencies, s.ShipTo, s.Languages = []string{"EUR"}, []string{"AT"}, []string{"en"}
			},
			[]*defaults.SiteError{
				mistake(0, "main", "currencies[0]", "HRK", notCurrency, unknown, notOffered),
				mistake(0, "main", "currencies[1]", "SLL", notCurrency, unknown, notOffered),
				mistake(0, "main", "currencies[2]", "ZWL", notCurrency, unknown, notOffered),
				mistake(0, "main", "currencies[4]", "XAU", notCurrency, unknown, notOffered),
				mistake(0, "main", "currencies[5]", "CLF", notCurrency, unknown, notOffered),
				mistake(0, "main", "currencies[6]", "EURO", notCurrency, malformed, notOffered),
				mistake(0, "main", "currencies[7]", "978", notCurrency, malformed, notOffered),
				mistake(0, "main", "currencies[8]", "€", notCurrency, malformed, notOffered),
				mistake(0, "main", "shipTo[0]", "YU", notCountry, unknown, notOffered),
				mistake(0, "main", "shipTo[1]", "AN", notCountry, unknown, notOffered),
				mistake(0, "main", "shipTo[2]", "SU", notCountry, unknown, notOffered),
				mistake(0, "main", "shipTo[3]", "XX", notCountry, unknown, notOffered),
				mistake(0, "main", "shipTo[4]", "ZZ", notCountry, unknown, notOffered),
				mistake(0, "main", "shipTo[5]", "001", notCountry, malformed, notOffered),
				mistake(0, "main", "shipTo[6]", "276", notCountry, malformed, notOffered),
				mistake(0, "main", "shipTo[7]", "ROM", notCountry, malformed, notOffered),
				mistake(0, "main", "shipTo[8]", "Österreich", notCountry, malformed, notOffered),
				mistake(0, "main", "languages[0]", "und", notLanguage, unknown, notOffered),
				mistake(0, "main", "languages[1]", "mul", notLanguage, unknown, notOffered),
				mistake(0, "main", "languages[2]", "en-USA", notLanguage, unknown, notOffered),
				mistake(0, "main", "languages[3]", "de_DE.UTF-8", notLanguage, malformed, notOffered),
				mistake(0, "main", "languages[4]", "C", notLanguage, malformed, notOffered),
			},
		},
		{
			"blanks around its code, and those of a spreadsheet",
			func(s *site) {
				s.Code, s.Currency, s.ShipTo, s.Languages = " main\t", "\ufeffEUR", []string{"\u200bgbr\u00a0", "\u3000AT"}, []string{"\u202fen\u2007"}
			},
			func(s *site) { s.ShipTo, s.Languages = []string{"GB", "AT"}, []string{"en"} },
			nil,
		},
		{
			"its own currency, withdrawn",
			func(s *site) { s.Currency = "bgn" },
			func(s *site) { s.Currency = "BGN" },
			[]*defaults.SiteError{mistake(0, "main", "currency", "bgn", notCurrency, unknown, keepsIt)},
		},
		{
			"its own currency, unknown, with a list",
			func(s *site) { s.Currency, s.Currencies = "XYZ", []string{"EUR"} },
			func(s *site) { s.Currency, s.Currencies = "XYZ", []string{"EUR"} },
			[]*defaults.SiteError{mistake(0, "main", "currency", "XYZ", notCurrency, unknown, keepsIt)},
		},
		{
			"its own language, replaced by the first usable one",
			func(s *site) { s.Language, s.Languages = "deutsch", []string{"xx", "fr", "en"} },
			func(s *site) { s.Language, s.Languages = "fr", []string{"fr", "en"} },
			[]*defaults.SiteError{
				mistake(0, "main", "language", "deutsch", notLanguage, malformed, `"fr" takes its place`),
				mistake(0, "main", "languages[0]", "xx", notLanguage, unknown, notOffered),
			},
		},
		{
			"its home base, replaced by the first usable country",
			func(s *site) { s.Country, s.ShipTo = "YU", []string{"CS", "UK", "FR"} },
			func(s *site) { s.Country, s.ShipTo = "GB", []string{"GB", "FR"} },
			[]*defaults.SiteError{
				mistake(0, "main", "country", "YU", notCountry, unknown, `"GB" takes its place`),
				mistake(0, "main", "shipTo[0]", "CS", notCountry, unknown, notOffered),
			},
		},
		{
			"no home base, no language: replaced as well",
			func(s *site) { s.Country, s.ShipTo, s.Language, s.Languages = "", []string{"FR"}, "", []string{"fr"} },
			func(s *site) {
				s.Country, s.ShipTo, s.Language, s.Languages = "FR", []string{"FR"}, "fr", []string{"fr"}
			},
			[]*defaults.SiteError{
				mistake(0, "main", "country", "", "is required", 0, `"FR" takes its place`),
				mistake(0, "main", "language", "", "is required", 0, `"fr" takes its place`),
			},
		},
		{
			"a language that is a list, a country that is a name, with nothing in their place", func(s *site) { s.Language, s.Country = "de,en", "Deutschland" }, nil,
			[]*defaults.SiteError{
				mistake(0, "main", "country", "Deutschland", notCountry, malformed, leftOut),
				mistake(0, "main", "language", "de,en", notLanguage, malformed, leftOut),
			},
		},
		{
			"a currency of four letters", func(s *site) { s.Currency, s.Currencies = "EURO", []string{"EUR"} }, nil,
			[]*defaults.SiteError{mistake(0, "main", "currency", "EURO", notCurrency, malformed, leftOut)},
		},
		{
			"a currency by number", func(s *site) { s.Currency = "978" }, nil,
			[]*defaults.SiteError{mistake(0, "main", "currency", "978", notCurrency, malformed, leftOut)},
		},
		{
			"a currency that is no code", func(s *site) { s.Currency = "Euro" }, nil,
			[]*defaults.SiteError{mistake(0, "main", "currency", "Euro", notCurrency, malformed, leftOut)},
		},
		{
			"no currency", func(s *site) { s.Currency = " " }, nil,
			[]*defaults.SiteError{mistake(0, "main", "currency", " ", notCurrency, malformed, leftOut)},
		},
		{
			"no usable country", func(s *site) { s.Country, s.ShipTo = "Germany", []string{"EU"} }, nil,
			[]*defaults.SiteError{
				mistake(0, "main", "country", "Germany", notCountry, malformed, leftOut),
				mistake(0, "main", "shipTo[0]", "EU", notCountry, unknown, notOffered),
			},
		},
		{
			"no usable language", func(s *site) { s.Language = "xx" }, nil,
			[]*defaults.SiteError{mistake(0, "main", "language", "xx", notLanguage, unknown, leftOut)},
		},
		{
			"a code that is none", func(s *site) { s.Code = "my site" }, nil,
			[]*defaults.SiteError{mistake(0, "my site", "code", "my site", badCode, 0, leftOut)},
		},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			list := oneSite(func(s *site) { s.Default = false; tc.edit(s) })
			other := site{Code: "other", Default: true, Currency: "USD", Country: "US", Language: "en"}
			sites, mistakes, err := defaults.CompileSites(append(list, other), nil, noon)
			require.NoError(t, err)
			want := []site{other}
			if tc.want != nil {
				want = append(oneSite(func(s *site) { s.Default = false; tc.want(s) }), other)
			}
			assert.Equal(t, want, sites.List())
			assert.Equal(t, tc.mistakes, mistakes)

			again, _, err := defaults.CompileSites(sites.List(), nil, noon)
			require.NoError(t, err)
			assert.Equal(t, want, again.List(), "a table made of its own list")
		})
	}
}

func TestCompileSites_OwnCurrencyServesAlthoughWithdrawn(t *testing.T) {
	for _, list := range [][]string{nil, {"EUR"}, {"BGN"}} {
		sites, _, err := defaults.CompileSites(oneSite(func(s *defaults.Site) { s.Currency, s.Currencies = "BGN", list }), nil, noon)
		require.NoError(t, err)
		assert.Equal(t, "BGN", sites.Resolve(defaults.Input{}).Currency)
		for _, choice := range []string{"BGN", "bgn"} {
			v := sites.Resolve(defaults.Input{Choices: defaults.Choices{Currency: choice}})
			assert.Equal(t, from{"BGN", defaults.SourceChoice}, valueOf(v, defaults.FieldCurrency))
			checked, err := sites.Check(defaults.Input{Choices: defaults.Choices{Currency: choice}}, everyField)
			require.NoError(t, err)
			assert.Equal(t, "BGN", checked.Currency)
		}
		_, err = sites.Check(defaults.Input{Choices: defaults.Choices{Currency: "HRK"}}, everyField)
		assert.Equal(t, []defaults.Rejection{{Field: defaults.FieldCurrency, Value: "HRK", Reason: defaults.ReasonUnknownCode}}, invalids(t, err))
	}
}

func TestCompileSites_EmptiedListRestricts(t *testing.T) {
	sites, _, err := defaults.CompileSites(oneSite(func(s *defaults.Site) {
		s.Currencies, s.ShipTo, s.Languages = []string{"BGN"}, []string{"EU"}, []string{"xx"}
	}), nil, noon)
	require.NoError(t, err)
	_, err = sites.Check(defaults.Input{Choices: defaults.Choices{Currency: "USD", Country: "US", Language: "en"}}, everyField)
	assert.Len(t, invalids(t, err), 3)
	_, err = sites.Check(defaults.Input{Choices: defaults.Choices{Currency: "EUR", Country: "DE", Language: "de-AT"}}, everyField)
	assert.NoError(t, err, "its own values are offered")
}

func TestCompileSites_JudgesNoInactiveSite(t *testing.T) {
	type site = defaults.Site
	for _, tc := range []struct {
		desc     string
		inactive site
	}{
		{"a withdrawn currency", site{Code: "old", Currency: "HRK", Country: "HR", Language: "hr"}},
		{"a withdrawn currency in the list", site{Code: "old", Currency: "EUR", Currencies: []string{"EUR", "BGN"}, Country: "BG", Language: "bg"}},
		{"a currency that is no code", site{Code: "old", Currency: "Kuna", Country: "HR", Language: "hr"}},
		{"a country that is gone", site{Code: "old", Currency: "EUR", Country: "YU", ShipTo: []string{"CS"}, Language: "sr"}},
		{"an empty language", site{Code: "old", Currency: "EUR", Country: "DE", Languages: []string{""}}},
		{"a code that is none", site{Code: "old site", Currency: "EUR", Country: "DE", Language: "de"}},
		{"the code of an active site", site{Code: "main", Currency: "HRK"}},
		{"a mistake in a declared currency", site{Code: "old", Currency: "TMN", ExtraCurrencies: map[string]int{"TMN": -7}}},
		{"nothing at all", site{}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			tc.inactive.Inactive = true
			list := append(oneSite(func(*site) {}), tc.inactive)
			for _, list := range [][]site{list, {list[1], list[0]}} {
				sites, mistakes, err := defaults.CompileSites(list, nil, noon)
				require.NoError(t, err)
				assert.Empty(t, mistakes)
				assert.Equal(t, list, sites.List())
				_, err = sites.Check(defaults.Input{Choices: defaults.Choices{Site: "main"}}, everyField)
				assert.NoError(t, err, "an inactive site hides no active one")
				if tc.inactive.Code == "old" {
					_, err = sites.Check(defaults.Input{Choices: defaults.Choices{Site: "old"}}, everyField)
					assert.Equal(t, []defaults.Rejection{{Field: defaults.FieldSite, Value: "old", Reason: defaults.ReasonInactiveSite}}, invalids(t, err))
				}
			}
		})
	}
}

func TestCompileSites_FirstActiveSiteOfACodeCounts(t *testing.T) {
	site := func(code, currency string) defaults.Site {
		return defaults.Site{Code: code, Default: code == "main", Currency: currency, Country: "DE", Language: "de"}
	}
	closed := site("a", "JPY")
	closed.Inactive = true
	sites, mistakes, err := defaults.CompileSites([]defaults.Site{closed, site("main", "EUR"), site("a", "USD"), site("a", "GBP"), site("a", "Pound")}, nil, noon)
	require.NoError(t, err)
	assert.Equal(t, "USD", sites.Resolve(defaults.Input{Choices: defaults.Choices{Site: "a"}}).Currency)
	rule, effect := "is also the code of site 2", "this site is not used"
	assert.Equal(t, []*defaults.SiteError{mistake(3, "a", "code", "a", rule, 0, effect), mistake(4, "a", "code", "a", rule, 0, effect)}, mistakes)
	assert.EqualError(t, mistakes[0], `defaults: site 3 "a": code "a": is also the code of site 2; this site is not used`)
}

func TestCompileSites_FailsWithoutExactlyOneUsableDefaultSite(t *testing.T) {
	site := func(code string, def bool) defaults.Site {
		return defaults.Site{Code: code, Default: def, Currency: "EUR", Country: "DE", Language: "de"}
	}
	unusable := site("b", true)
	unusable.Currency = "Euro"
	inactive := site("b", true)
	inactive.Inactive = true
	for _, tc := range []struct {
		desc     string
		list     []defaults.Site
		err      string
		mistakes int
	}{
		{"an empty answer", nil, `defaults: sites: there must be at least one site`, 1},
		{"no default site", []defaults.Site{site("a", false)}, `defaults: sites: one active site must be the default site`, 1},
		{"two", []defaults.Site{site("a", true), site("b", true)}, `defaults: site 1 "b": default: only one active site can be the default site, and site 0 "a" is`, 1},
		{"two, one of which cannot be used", []defaults.Site{site("a", true), unusable}, "defaults: site 1 \"b\": default: only one active site can be the default site, and site 0 \"a\" is\n" +
			`defaults: site 1 "b": currency "Euro": not a current ISO 4217 code; the site is left out`, 2},
		{"one that is not active", []defaults.Site{site("a", false), inactive}, `defaults: site 1 "b": default: an inactive site cannot be the default site, and no active one is`, 1},
		{"one that cannot be used", []defaults.Site{site("a", false), unusable}, "defaults: site 1 \"b\": default: the default site must be usable\n" +
			`defaults: site 1 "b": currency "Euro": not a current ISO 4217 code; the site is left out`, 2},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			sites, mistakes, err := defaults.CompileSites(tc.list, nil, noon)
			assert.EqualError(t, err, tc.err)
			if tc.list == nil {
				assert.Nil(t, sites)
			} else {
				v, rejected := sites.Explain(defaults.Input{GeoCountry: "AT"})
				assert.Zero(t, v, "nobody is given another default site")
				assert.Empty(t, rejected)
				assert.Equal(t, "a", sites.Resolve(defaults.Input{RequestSite: "a"}).Site, "a site that a request names serves")
				_, err := sites.Check(defaults.Input{Choices: defaults.Choices{Currency: "USD"}}, everyField)
				assert.NoError(t, err)
				_, err = sites.Check(defaults.Input{Choices: defaults.Choices{Site: "c"}}, everyField)
				assert.Equal(t, []defaults.Rejection{{Field: defaults.FieldSite, Value: "c", Reason: defaults.ReasonUnknownSite}}, invalids(t, err))
			}
			var e *defaults.SiteError
			assert.ErrorAs(t, err, &e)
			assert.Len(t, mistakes, tc.mistakes, "the mistakes are told all the same")
			assert.Equal(t, "there is no default site", mistakes[len(mistakes)-1].Effect)
		})
	}
}

func TestCompileSites_InvalidSiteKeepsItsLastValidFormForADay(t *testing.T) {
	list := func(currency string, def bool) []defaults.Site {
		return []defaults.Site{
			{Code: "main", Default: !def, Currency: "USD", Country: "US", Language: "en"},
			{Code: "de", Name: currency, Default: def, Currency: currency, Country: "DE", Language: "de"},
		}
	}
	sites, _, err := defaults.CompileSites(list("EUR", false), nil, noon)
	require.NoError(t, err)

	now := noon
	for range 24 { // an answer each hour
		now = now.Add(time.Hour)
		var mistakes []*defaults.SiteError
		sites, mistakes, err = defaults.CompileSites(list("Euro", true), sites, now)
		require.NoError(t, err)
		assert.Equal(t, []*defaults.SiteError{mistake(1, "de", "currency", "Euro", notCurrency, defaults.ReasonMalformed, lastValid)}, mistakes)
		v := sites.Resolve(defaults.Input{})
		assert.Equal(t, "de", v.Site, "which site is the default one is read from the present answer")
		assert.Equal(t, "EUR", v.Currency)
		assert.Equal(t, "EUR", sites.List()[1].Name)
		assert.True(t, sites.List()[1].Default)
	}
	_, mistakes, err := defaults.CompileSites(list("Euro", true), sites, now.Add(time.Nanosecond))
	assert.Error(t, err, "the default site is gone after a day")
	assert.Equal(t, leftOut, mistakes[0].Effect)
	later, _, err := defaults.CompileSites(list("Euro", false), sites, now.Add(time.Nanosecond))
	require.NoError(t, err)
	assert.Len(t, later.List(), 1)

	sites, mistakes, err = defaults.CompileSites(list("GBP", true), sites, now)
	require.NoError(t, err)
	assert.Empty(t, mistakes)
	assert.Equal(t, "GBP", sites.Resolve(defaults.Input{}).Currency)
	sites, _, err = defaults.CompileSites(list("", true), sites, now.Add(24*time.Hour))
	require.NoError(t, err, "a day begins with the last valid form")
	assert.Equal(t, "GBP", sites.Resolve(defaults.Input{}).Currency)
}

func TestCompileSites_RetainsNoSiteThatIsGone(t *testing.T) {
	main := defaults.Site{Code: "main", Default: true, Currency: "EUR", Country: "DE", Language: "de"}
	us := defaults.Site{Code: "us", Currency: "USD", Country: "US", Language: "en"}
	closed, broken, brokenAndClosed := us, us, us
	closed.Inactive = true
	broken.Currency = ""
	brokenAndClosed.Currency, brokenAndClosed.Inactive = "", true
	previous := newSites(t, main, us)
	for _, tc := range []struct {
		desc     string
		previous *defaults.Sites
		list     []defaults.Site
		want     defaults.Reason
	}{
		{"deleted", previous, []defaults.Site{main}, defaults.ReasonUnknownSite},
		{"inactive", previous, []defaults.Site{main, closed}, defaults.ReasonInactiveSite},
		{"inactive and invalid", previous, []defaults.Site{main, brokenAndClosed}, defaults.ReasonInactiveSite},
		{"invalid, and inactive before", newSites(t, main, closed), []defaults.Site{main, broken}, defaults.ReasonUnknownSite},
		{"invalid, and unknown before", newSites(t, main), []defaults.Site{main, broken}, defaults.ReasonUnknownSite},
		{"invalid at the start", nil, []defaults.Site{main, broken}, defaults.ReasonUnknownSite},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			sites, _, err := defaults.CompileSites(tc.list, tc.previous, time.Time{})
			require.NoError(t, err)
			_, err = sites.Check(defaults.Input{Choices: defaults.Choices{Site: "us"}}, everyField)
			assert.Equal(t, []defaults.Rejection{{Field: defaults.FieldSite, Value: "us", Reason: tc.want}}, invalids(t, err))
		})
	}
}

func TestCompileSites_SharesNothingWithItsCaller(t *testing.T) {
	list := []defaults.Site{
		{Code: "main", Default: true, Currency: "eur", Currencies: []string{"usd", "BGN"}, Country: "DE", ShipTo: []string{"UK"}, Language: "de", Languages: []string{"en_GB"}},
		{Code: "old", Inactive: true, Currencies: []string{"Kuna"}},
	}
	given := make([]defaults.Site, len(list))
	for i, s := range list {
		s.Currencies, s.ShipTo, s.Languages = slices.Clone(s.Currencies), slices.Clone(s.ShipTo), slices.Clone(s.Languages)
		given[i] = s
	}
	sites, _, err := defaults.CompileSites(given, nil, noon)
	require.NoError(t, err)
	assert.Equal(t, list, given, "CompileSites does not write to what it is given")
	want := sites.List()
	given[0].Currencies[0], given[0].ShipTo[0], given[0].Languages[0], given[1].Currencies[0] = "JPY", "JP", "ja", "JPY"
	assert.Equal(t, want, sites.List())
}

// Whatever a directory says: what is in force is valid or the site's own, and what strict compiling
// accepts has no mistake.
func FuzzCompileSites(f *testing.F) {
	f.Add("main", "EUR", "EUR,BGN", "DE", "UK,AT", "de", "en,xx", true, false)
	f.Add("main", "bgn", "", "deu", "", "", "en_GB", true, false)
	f.Add("a b", " Euro", ",", "YU", "EL", "de_DE.UTF-8", "zh-TW,zh", false, true)
	f.Fuzz(func(t *testing.T, code, currency, currencies, country, shipTo, language, languages string, def, inactive bool) {
		if code == "-" {
			return // the code of the other site
		}
		split := func(s string) []string {
			if s == "" {
				return nil
			}
			return strings.Split(s, ",")
		}
		site := defaults.Site{
			Code: code, Default: def, Inactive: inactive, Currency: currency, Currencies: split(currencies),
			Country: country, ShipTo: split(shipTo), Language: language, Languages: split(languages),
		}
		other := defaults.Site{Code: "-", Default: !def || inactive, Currency: "USD", Country: "US", Language: "en"}
		list := []defaults.Site{site, other}
		sites, mistakes, err := defaults.CompileSites(list, nil, noon)
		if err != nil {
			require.Zero(t, sites.Resolve(defaults.Input{}))
			return
		}
		for _, m := range mistakes {
			require.NotEmpty(t, m.Rule)
			require.NotEmpty(t, m.Effect)
			require.Equal(t, list[m.Index].Code, m.Code)
		}
		strict, strictErr := defaults.NewSites(list)
		if strictErr == nil {
			require.Empty(t, mistakes)
			require.Equal(t, strict.List(), sites.List())
		}
		for _, got := range sites.List() {
			if got.Inactive {
				continue
			}
			require.Len(t, got.Currency, 3)
			require.Equal(t, strings.ToUpper(got.Currency), got.Currency)
			if got.Code == site.Code {
				require.Equal(t, site.Currencies == nil, got.Currencies == nil, "a list restricts, and none does not")
				require.Equal(t, site.ShipTo == nil, got.ShipTo == nil)
				require.Equal(t, site.Languages == nil, got.Languages == nil)
			}
			got.Currency, got.Currencies, got.Default = "EUR", slices.DeleteFunc(got.Currencies, func(c string) bool { return c == got.Currency }), true
			_, err := defaults.NewSites([]defaults.Site{got})
			require.NoError(t, err, "all but its own currency is valid")
		}
	})
}
