package defaults_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
)

// tenantWithExtras has sites in tomans, Jersey pounds and loyalty points.
func tenantWithExtras() []defaults.Site {
	return []defaults.Site{
		{Code: "main", Default: true, Currency: "EUR", Currencies: []string{"EUR", "TMN"}, ExtraCurrencies: map[string]int{"TMN": 0, "JEP": 2}, Country: "DE", Language: "de"},
		{Code: "jersey", Currency: "JEP", Country: "JE", Language: "en"},
		{Code: "points", Currency: "PTS", Currencies: []string{"PTS"}, ExtraCurrencies: map[string]int{"pts": 3}, Country: "DE", Language: "de"},
		{Code: "closed", Inactive: true, Currency: "MIL", ExtraCurrencies: map[string]int{"MIL": 1, "?": 99}, Country: "DE", Language: "de"},
	}
}

func TestExtraCurrency_IsOfferedChosenAndPreferred(t *testing.T) {
	strict := newSites(t, tenantWithExtras()...)
	generous, mistakes, err := defaults.CompileSites(tenantWithExtras(), nil, noon)
	require.NoError(t, err)
	assert.Empty(t, mistakes)
	assert.Equal(t, strict.List(), generous.List())
	assert.Equal(t, map[string]int{"PTS": 3}, generous.List()[2].ExtraCurrencies, "in canonical spelling")
	for _, tc := range []struct {
		desc, site, currency string
		want                 string          // chosen; empty: refused
		reason               defaults.Reason // of the refusal
		preferred            string          // what a profile with this currency gets
	}{
		{"listed", "main", "TMN", "TMN", 0, "TMN"},
		{"in lower case", "main", "tmn", "TMN", 0, "TMN"},
		{"with blanks", "main", " tmn", "", defaults.ReasonMalformed, "TMN"},
		{"declared and not listed", "main", "JEP", "", defaults.ReasonNotOffered, "EUR"},
		{"declared by another site and not listed", "main", "PTS", "", defaults.ReasonNotOffered, "EUR"},
		{"without a list", "jersey", "TMN", "TMN", 0, "TMN"},
		{"declared by another site, without a list", "jersey", "PTS", "PTS", 0, "PTS"},
		{"the site's own", "jersey", "jep", "JEP", 0, "JEP"},
		{"declared by an inactive site", "jersey", "MIL", "", defaults.ReasonUnknownCode, "JEP"},
		{"declared by nobody", "jersey", "XYZ", "", defaults.ReasonUnknownCode, "JEP"},
		{"at a site that does not exist", "nowhere", "TMN", "", defaults.ReasonUnknownSite, "TMN"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			for _, sites := range []*defaults.Sites{strict, generous} {
				in := defaults.Input{Choices: defaults.Choices{Site: tc.site, Currency: tc.currency}}
				checked, err := sites.Check(in, everyField)
				if tc.want == "" {
					list := invalids(t, err)
					require.Len(t, list, 1, "%v", err)
					assert.Equal(t, tc.reason, list[0].Reason)
				} else {
					require.NoError(t, err)
					assert.Equal(t, tc.want, checked.Currency)
					assert.Equal(t, from{tc.want, defaults.SourceChoice}, valueOf(sites.Resolve(in), defaults.FieldCurrency))
				}
				v := sites.Resolve(defaults.Input{Choices: defaults.Choices{Site: tc.site}, Customer: &defaults.Customer{Currency: tc.currency}})
				assert.Equal(t, tc.preferred, v.Currency)
			}
		})
	}
}

func TestExtraCurrency_MistakesOfADeclaration(t *testing.T) {
	const notUsed = "this declaration is not used"
	list := func(extra map[string]int) []defaults.Site {
		return append(oneSite(func(s *defaults.Site) { s.ExtraCurrencies = map[string]int{"TMN": 0} }),
			defaults.Site{Code: "b", Currency: "USD", ExtraCurrencies: extra, Country: "US", Language: "en"})
	}
	for _, tc := range []struct {
		desc  string
		extra map[string]int
		want  []*defaults.SiteError
		units map[string]int
	}{
		{"declared twice alike", map[string]int{"TMN": 0, "JEP": 2}, nil, map[string]int{"TMN": 0, "JEP": 2}},
		{"a current code with its own decimals", map[string]int{"EUR": 2, "JPY": 0}, nil, map[string]int{"EUR": 2, "JPY": 0}},
		{"a withdrawn code", map[string]int{"BGN": 2, "HRK": 0}, nil, map[string]int{"BGN": 2, "HRK": 0}},
		{"18 decimals", map[string]int{"ETH": 18}, nil, map[string]int{"ETH": 18}},
		{"declared with other decimals", map[string]int{"TMN": 1}, []*defaults.SiteError{
			mistake(1, "b", "extraCurrencies[TMN]", "1", "is declared before, with 0 decimals", 0, notUsed)}, map[string]int{"TMN": 0}},
		{"a current code with other decimals", map[string]int{"EUR": 0, "KWD": 2}, []*defaults.SiteError{
			mistake(1, "b", "extraCurrencies[EUR]", "0", "is a current ISO 4217 code, of 2 decimals", 0, notUsed),
			mistake(1, "b", "extraCurrencies[KWD]", "2", "is a current ISO 4217 code, of 3 decimals", 0, notUsed),
		}, map[string]int{"EUR": 2, "KWD": 3}},
		{"no decimals that there can be", map[string]int{"PTA": -1, "PTB": 19}, []*defaults.SiteError{
			mistake(1, "b", "extraCurrencies[PTA]", "-1", "must have 0 to 18 decimals", 0, notUsed),
			mistake(1, "b", "extraCurrencies[PTB]", "19", "must have 0 to 18 decimals", 0, notUsed),
		}, nil},
		{"no codes", map[string]int{"": 2, "PTSX": 2, "P7S": 2, "€": 2}, []*defaults.SiteError{
			mistake(1, "b", "extraCurrencies[]", "", "must be three letters", defaults.ReasonMalformed, notUsed),
			mistake(1, "b", "extraCurrencies[P7S]", "P7S", "must be three letters", defaults.ReasonMalformed, notUsed),
			mistake(1, "b", "extraCurrencies[PTSX]", "PTSX", "must be three letters", defaults.ReasonMalformed, notUsed),
			mistake(1, "b", "extraCurrencies[€]", "€", "must be three letters", defaults.ReasonMalformed, notUsed),
		}, nil},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			sites, mistakes, err := defaults.CompileSites(list(tc.extra), nil, noon)
			require.NoError(t, err)
			assert.Equal(t, tc.want, mistakes)
			assert.Len(t, sites.List(), 2, "the site serves")
			for code, want := range tc.units {
				got, ok := sites.MinorUnits(code)
				assert.True(t, ok, code)
				assert.Equal(t, want, got, code)
			}
			newSites(t, sites.List()...) // what is in force has no mistake
			_, err = defaults.NewSites(list(tc.extra))
			if tc.want == nil {
				assert.NoError(t, err)
			} else {
				assert.EqualError(t, err, joinedWithoutEffects(tc.want))
			}
		})
	}
}

func joinedWithoutEffects(mistakes []*defaults.SiteError) (text string) {
	for i, m := range mistakes {
		plain := *m
		plain.Effect = ""
		if i > 0 {
			text += "\n"
		}
		text += plain.Error()
	}
	return text
}

func TestMinorUnits_OfATenant(t *testing.T) {
	sites := newSites(t, tenantWithExtras()...)
	for code, want := range map[string]int{
		"EUR": 2, "jpy": 0, "KWD": 3, "TMN": 0, "tmn": 0, "JEP": 2, "PTS": 3,
		"BGN": 2, "ITL": 0, "HRK": 2, // withdrawn: a site may still have them as its own
	} {
		got, ok := sites.MinorUnits(code)
		assert.True(t, ok, code)
		assert.Equal(t, want, got, code)
	}
	for _, code := range []string{"", "MIL", "QQQ", "Euro", " TMN", "€"} {
		got, ok := sites.MinorUnits(code)
		assert.False(t, ok, code)
		assert.Zero(t, got, code)
	}
}

func TestExtraCurrency_ThatIsDeclaredNoMoreIsAnUnknownCode(t *testing.T) {
	list := tenantWithExtras()
	before := newSites(t, list...)
	for i := range list {
		list[i].ExtraCurrencies = nil
	}
	sites, mistakes, err := defaults.CompileSites(list, before, noon)
	require.NoError(t, err)
	assert.Equal(t, []*defaults.SiteError{
		mistake(0, "main", "currencies[1]", "TMN", notCurrency, defaults.ReasonUnknownCode, notOffered),
		mistake(1, "jersey", "currency", "JEP", notCurrency, defaults.ReasonUnknownCode, keepsIt),
		mistake(2, "points", "currency", "PTS", notCurrency, defaults.ReasonUnknownCode, keepsIt),
		mistake(2, "points", "currencies[0]", "PTS", notCurrency, defaults.ReasonUnknownCode, notOffered),
	}, mistakes)
	v := sites.Resolve(defaults.Input{Choices: defaults.Choices{Currency: "TMN"}})
	assert.Equal(t, from{"EUR", defaults.SourceSiteCurrency}, valueOf(v, defaults.FieldCurrency), "a stored choice falls back")
	v = before.Resolve(defaults.Input{Choices: defaults.Choices{Currency: "TMN"}})
	assert.Equal(t, from{"TMN", defaults.SourceChoice}, valueOf(v, defaults.FieldCurrency), "and counts again when it is declared")
}
