package defaults_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/defaults"
)

func TestResolve_WeakChoiceRanksBelowTheProfile(t *testing.T) {
	sites := demoSites(t)
	profile := &defaults.Customer{Site: "ch", Currency: "EUR", Language: "fr", Addresses: []defaults.Address{billedIn("LI")}}
	choices := defaults.Choices{Site: "main", Currency: "GBP", Country: "AT", Language: "en"}
	atCH := defaults.Choices{Site: "ch", Currency: "CHF", Country: "CH", Language: "it"}
	weak := func(fields ...defaults.Field) [defaults.NumFields]bool { return sent(fields...) }
	for _, tc := range []struct {
		desc  string
		in    defaults.Input
		field defaults.Field
		want  from
	}{
		{"a weak site gives way to the preferred one", defaults.Input{Choices: choices, Weak: everyField, Customer: profile}, defaults.FieldSite, from{"ch", defaults.SourcePreferredSite}},
		{"a weak site goes before the default site", defaults.Input{Choices: defaults.Choices{Site: "us"}, Weak: everyField, Customer: &defaults.Customer{}}, defaults.FieldSite, from{"us", defaults.SourceChoice}},
		{"a weak site where the preferred one is rejected", defaults.Input{Choices: choices, Weak: everyField, Customer: &defaults.Customer{Site: "closed"}}, defaults.FieldSite, from{"main", defaults.SourceChoice}},
		{"a site that is not weak", defaults.Input{Choices: choices, Weak: weak(defaults.FieldCurrency), Customer: profile}, defaults.FieldSite, from{"main", defaults.SourceChoice}},

		{"a weak currency gives way", defaults.Input{Choices: atCH, Weak: everyField, Customer: profile}, defaults.FieldCurrency, from{"EUR", defaults.SourcePreferredCurrency}},
		{"a weak currency where the preferred one is rejected", defaults.Input{Choices: choices, Weak: everyField, Customer: &defaults.Customer{Currency: "JPY"}}, defaults.FieldCurrency, from{"GBP", defaults.SourceChoice}},
		{"a currency that is not weak", defaults.Input{Choices: atCH, Weak: weak(defaults.FieldCountry), Customer: profile}, defaults.FieldCurrency, from{"CHF", defaults.SourceChoice}},

		{"a weak country gives way to a billing address", defaults.Input{Choices: atCH, Weak: everyField, Customer: profile}, defaults.FieldCountry, from{"LI", defaults.SourceBillingAddress}},
		{"a weak country goes before the geo hint", defaults.Input{Choices: choices, Weak: everyField, Customer: &defaults.Customer{}, GeoCountry: "FR"}, defaults.FieldCountry, from{"AT", defaults.SourceChoice}},

		{"a weak language gives way", defaults.Input{Choices: atCH, Weak: everyField, Customer: profile}, defaults.FieldLanguage, from{"fr", defaults.SourcePreferredLanguage}},
		{"a weak language goes before Accept-Language", defaults.Input{Choices: choices, Weak: everyField, Customer: &defaults.Customer{}, AcceptLanguage: "de"}, defaults.FieldLanguage, from{"en", defaults.SourceChoice}},
		{"without a profile a weak choice is a choice", defaults.Input{Choices: choices, Weak: everyField}, defaults.FieldLanguage, from{"en", defaults.SourceChoice}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			v, _ := sites.Explain(tc.in)
			assert.Equal(t, tc.want, valueOf(v, tc.field))
			assert.Equal(t, v, sites.Resolve(tc.in))
		})
	}
}

func TestExplain_WeakChoiceThatIsRejectedIsListedInItsPlace(t *testing.T) {
	_, rejected := demoSites(t).Explain(defaults.Input{
		Choices: defaults.Choices{Country: "US"}, Weak: everyField,
		Customer:   &defaults.Customer{Addresses: []defaults.Address{billedIn("JP"), billedIn("BR")}},
		GeoCountry: "CN",
	})
	rejection := func(value string, source defaults.Source) defaults.Rejection {
		return defaults.Rejection{Field: defaults.FieldCountry, Value: value, Source: source, Reason: defaults.ReasonNotOffered}
	}
	assert.Equal(t, []defaults.Rejection{
		rejection("JP", defaults.SourceBillingAddress), rejection("BR", defaults.SourceBillingAddress),
		rejection("US", defaults.SourceChoice), rejection("CN", defaults.SourceGeo),
	}, rejected)
}

func TestResolve_HintDecidesNoCountryWhileThereIsACart(t *testing.T) {
	sites := demoSites(t)
	in := defaults.Input{GeoCountry: "AT", AcceptLanguage: "fr"}
	assert.Equal(t, from{"AT", defaults.SourceGeo}, valueOf(sites.Resolve(in), defaults.FieldCountry))

	in.HasCart = true
	v, rejected := sites.Explain(in)
	assert.Equal(t, from{"DE", defaults.SourceHomeBase}, valueOf(v, defaults.FieldCountry))
	assert.Equal(t, from{"EUR", defaults.SourceSiteCurrency}, valueOf(v, defaults.FieldCurrency))
	assert.Equal(t, from{"fr", defaults.SourceAcceptLanguage}, valueOf(v, defaults.FieldLanguage), "a language prices nothing")
	assert.Empty(t, rejected, "the hint was not tried")

	in.Customer = &defaults.Customer{Addresses: []defaults.Address{shippingTo("NL")}}
	assert.Equal(t, from{"NL", defaults.SourceShippingAddress}, valueOf(sites.Resolve(in), defaults.FieldCountry))
}

func TestResolve_RequestLanguageGoesFirst(t *testing.T) {
	sites := demoSites(t)
	overruled := func(value string) []defaults.Rejection {
		return []defaults.Rejection{{Field: defaults.FieldLanguage, Value: value, Source: defaults.SourceChoice, Reason: defaults.ReasonOverruled}}
	}
	for _, tc := range []struct {
		desc     string
		in       defaults.Input
		want     from
		rejected []defaults.Rejection
	}{
		{"without a choice", defaults.Input{RequestLanguage: "fr", AcceptLanguage: "en"}, from{"fr", defaults.SourceRequestLanguage}, nil},
		{"before a choice", defaults.Input{RequestLanguage: "fr", Choices: defaults.Choices{Language: "en"}}, from{"fr", defaults.SourceRequestLanguage}, overruled("en")},
		{"before a weak choice", defaults.Input{RequestLanguage: "fr", Weak: everyField, Choices: defaults.Choices{Language: "en"}}, from{"fr", defaults.SourceRequestLanguage}, overruled("en")},
		{"a choice of the same", defaults.Input{RequestLanguage: "fr", Choices: defaults.Choices{Language: "fr-CH"}}, from{"fr", defaults.SourceRequestLanguage}, nil},
		{"as the site spells it", defaults.Input{RequestLanguage: "EN_us"}, from{"en", defaults.SourceRequestLanguage}, nil},
		{
			"one that is not offered", defaults.Input{RequestLanguage: "ja", Choices: defaults.Choices{Language: "en"}}, from{"en", defaults.SourceChoice},
			[]defaults.Rejection{{Field: defaults.FieldLanguage, Value: "ja", Source: defaults.SourceRequestLanguage, Reason: defaults.ReasonNotOffered}},
		},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			v, rejected := sites.Explain(tc.in)
			assert.Equal(t, tc.want, valueOf(v, defaults.FieldLanguage))
			assert.Equal(t, tc.rejected, rejected)
		})
	}
}

func TestResolve_ProfileIsReadGenerously(t *testing.T) {
	sites := demoSites(t)
	v, rejected := sites.Explain(defaults.Input{Customer: &defaults.Customer{
		Site: " us ", Currency: "\tusd ", Language: " es_MX.UTF-8", Addresses: []defaults.Address{{Country: " can", Tags: []string{"x", " Default-Billing"}}},
	}})
	assert.Empty(t, rejected)
	assert.Equal(t, [...]string{"us", "USD", "CA", "es"}, [...]string{v.Site, v.Currency, v.Country, v.Language})
}
