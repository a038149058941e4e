package defaults_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/defaults"
)

// from is a value with its source.
type from struct {
	value  string
	source defaults.Source
}

func valueOf(v defaults.Values, f defaults.Field) from {
	return from{[defaults.NumFields]string{v.Site, v.Currency, v.Country, v.Language}[f], v.Sources[f]}
}

func shippingTo(country string) defaults.Address {
	return defaults.Address{Country: country, Tags: []string{"shipping"}}
}

func billedIn(country string) defaults.Address {
	return defaults.Address{Country: country, Tags: []string{"billing"}}
}

// Each case has a candidate in every place from the one that wins downwards, so that it wins by
// rank.
func TestResolve_FirstAcceptedCandidateDecides(t *testing.T) {
	sites := demoSites(t)
	profile := &defaults.Customer{
		Site: "ch", Currency: "EUR", Language: "fr",
		Addresses: []defaults.Address{billedIn("CH"), shippingTo("LI")},
	}
	billed := &defaults.Customer{Site: "ch", Addresses: []defaults.Address{billedIn("LI")}}
	anonymous := (*defaults.Customer)(nil)

	for _, tc := range []struct {
		desc  string
		field defaults.Field
		in    defaults.Input
		want  from
	}{
		{"site 1: request site", defaults.FieldSite,
			defaults.Input{RequestSite: "us", Choices: defaults.Choices{Site: "mr"}, Customer: profile}, from{"us", defaults.SourceRequestSite}},
		{"site 2: choice", defaults.FieldSite,
			defaults.Input{Choices: defaults.Choices{Site: "mr"}, Customer: profile}, from{"mr", defaults.SourceChoice}},
		{"site 3: preferred site", defaults.FieldSite,
			defaults.Input{Customer: profile}, from{"ch", defaults.SourcePreferredSite}},
		{"site 4: default site", defaults.FieldSite,
			defaults.Input{Customer: anonymous}, from{"main", defaults.SourceDefaultSite}},

		{"currency 1: choice", defaults.FieldCurrency,
			defaults.Input{Choices: defaults.Choices{Site: "main", Currency: "GBP"}, Customer: profile}, from{"GBP", defaults.SourceChoice}},
		{"currency 2: preferred currency", defaults.FieldCurrency,
			defaults.Input{Customer: profile}, from{"EUR", defaults.SourcePreferredCurrency}},
		{"currency 3: site's currency", defaults.FieldCurrency,
			defaults.Input{Customer: billed}, from{"CHF", defaults.SourceSiteCurrency}},

		{"country 1: choice", defaults.FieldCountry,
			defaults.Input{Choices: defaults.Choices{Country: "CH"}, Customer: profile, GeoCountry: "LI", AcceptLanguage: "it"}, from{"CH", defaults.SourceChoice}},
		{"country 2: shipping address", defaults.FieldCountry,
			defaults.Input{Customer: profile, GeoCountry: "CH"}, from{"LI", defaults.SourceShippingAddress}},
		{"country 3: billing address", defaults.FieldCountry,
			defaults.Input{Customer: billed, GeoCountry: "CH"}, from{"LI", defaults.SourceBillingAddress}},
		{"country 4: geo hint", defaults.FieldCountry,
			defaults.Input{RequestSite: "ch", Customer: anonymous, GeoCountry: "LI", AcceptLanguage: "it"}, from{"LI", defaults.SourceGeo}},
		{"country 5: home base of the session's site", defaults.FieldCountry,
			defaults.Input{Choices: defaults.Choices{Site: "us"}}, from{"US", defaults.SourceHomeBase}},

		{"language 1: choice", defaults.FieldLanguage,
			defaults.Input{Choices: defaults.Choices{Language: "de"}, Customer: profile, GeoCountry: "LI", AcceptLanguage: "it"}, from{"de", defaults.SourceChoice}},
		{"language 2: preferred language", defaults.FieldLanguage,
			defaults.Input{Customer: profile, GeoCountry: "LI", AcceptLanguage: "it"}, from{"fr", defaults.SourcePreferredLanguage}},
		{"language 3: Accept-Language", defaults.FieldLanguage,
			defaults.Input{Customer: billed, GeoCountry: "LI", AcceptLanguage: "it"}, from{"it", defaults.SourceAcceptLanguage}},
		{"language 4: site's language", defaults.FieldLanguage,
			defaults.Input{Customer: billed}, from{"de", defaults.SourceSiteLanguage}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			v, rejected := sites.Explain(tc.in)
			assert.Equal(t, tc.want, valueOf(v, tc.field))
			assert.Equal(t, v, sites.Resolve(tc.in), "Resolve decides as Explain does")
			for _, r := range rejected {
				assert.True(t, r.Field != tc.field || r.Reason == defaults.ReasonOverruled, "nothing that ranks below was tried: %+v", r)
			}
		})
	}
}

func TestResolve_AnonymousShopperGetsTheDefaultSite(t *testing.T) {
	v, rejected := demoSites(t).Explain(defaults.Input{})
	assert.Empty(t, rejected)
	assert.Equal(t, defaults.Values{
		Site: "main", Currency: "EUR", Country: "DE", Language: "de",
		Sources: [defaults.NumFields]defaults.Source{
			defaults.SourceDefaultSite, defaults.SourceSiteCurrency, defaults.SourceHomeBase, defaults.SourceSiteLanguage,
		},
	}, v)
}

func TestResolve_CustomersOfTheDemoShop(t *testing.T) {
	sites := demoSites(t)
	for _, tc := range []struct {
		desc, customer                    string
		site, currency, country, language from
		rejected                          []defaults.Rejection
	}{
		{
			desc: "the shipping address goes before the default billing address", customer: "C100",
			site: from{"main", defaults.SourcePreferredSite}, currency: from{"EUR", defaults.SourcePreferredCurrency},
			country: from{"AT", defaults.SourceShippingAddress}, language: from{"de", defaults.SourcePreferredLanguage},
		},
		{
			desc: "the billing address serves where there is no other", customer: "C101",
			site: from{"us", defaults.SourcePreferredSite}, currency: from{"USD", defaults.SourcePreferredCurrency},
			country: from{"US", defaults.SourceBillingAddress}, language: from{"en", defaults.SourcePreferredLanguage},
		},
		{
			desc: "what is not preferred is the site's", customer: "C102",
			site: from{"main", defaults.SourceDefaultSite}, currency: from{"GBP", defaults.SourcePreferredCurrency},
			country: from{"DE", defaults.SourceHomeBase}, language: from{"de", defaults.SourceSiteLanguage},
		},
		{
			desc: "a preferred site that does not exist, and nothing offered: an address of both kinds is tried for each", customer: "C103",
			site: from{"main", defaults.SourceDefaultSite}, currency: from{"EUR", defaults.SourceSiteCurrency},
			country: from{"DE", defaults.SourceHomeBase}, language: from{"de", defaults.SourceSiteLanguage},
			rejected: []defaults.Rejection{
				{Field: defaults.FieldSite, Value: "default", Source: defaults.SourcePreferredSite, Reason: defaults.ReasonUnknownSite},
				{Field: defaults.FieldCurrency, Value: "JPY", Source: defaults.SourcePreferredCurrency, Reason: defaults.ReasonNotOffered},
				{Field: defaults.FieldCountry, Value: "JP", Source: defaults.SourceShippingAddress, Reason: defaults.ReasonNotOffered},
				{Field: defaults.FieldCountry, Value: "JP", Source: defaults.SourceBillingAddress, Reason: defaults.ReasonNotOffered},
				{Field: defaults.FieldLanguage, Value: "ja_JP", Source: defaults.SourcePreferredLanguage, Reason: defaults.ReasonNotOffered},
			},
		},
		{
			desc: "an inactive site, unknown codes, a country written as a name", customer: "C104",
			site: from{"main", defaults.SourceDefaultSite}, currency: from{"EUR", defaults.SourceSiteCurrency},
			country: from{"CH", defaults.SourceBillingAddress}, language: from{"de", defaults.SourceSiteLanguage},
			rejected: []defaults.Rejection{
				{Field: defaults.FieldSite, Value: "closed", Source: defaults.SourcePreferredSite, Reason: defaults.ReasonInactiveSite},
				{Field: defaults.FieldCurrency, Value: "XYZ", Source: defaults.SourcePreferredCurrency, Reason: defaults.ReasonUnknownCode},
				{Field: defaults.FieldCountry, Value: "Germany", Source: defaults.SourceShippingAddress, Reason: defaults.ReasonMalformed},
				{Field: defaults.FieldLanguage, Value: "xx", Source: defaults.SourcePreferredLanguage, Reason: defaults.ReasonUnknownCode},
			},
		},
		{
			desc: "a currency younger than the data of x/text", customer: "C105",
			site: from{"mr", defaults.SourcePreferredSite}, currency: from{"MRU", defaults.SourcePreferredCurrency},
			country: from{"MR", defaults.SourceShippingAddress}, language: from{"fr", defaults.SourcePreferredLanguage},
		},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			v, rejected := sites.Explain(defaults.Input{Customer: demoCustomer(t, tc.customer)})
			assert.Equal(t, tc.site, valueOf(v, defaults.FieldSite))
			assert.Equal(t, tc.currency, valueOf(v, defaults.FieldCurrency))
			assert.Equal(t, tc.country, valueOf(v, defaults.FieldCountry))
			assert.Equal(t, tc.language, valueOf(v, defaults.FieldLanguage))
			assert.Equal(t, tc.rejected, rejected)
		})
	}
}

func TestResolve_AddressesAreTriedDefaultFirst(t *testing.T) {
	sites := demoSites(t)
	flagged := func(a defaults.Address) defaults.Address { a.Default = true; return a }
	for _, tc := range []struct {
		desc      string
		addresses []defaults.Address
		want      from
	}{
		{"the first of a kind", []defaults.Address{shippingTo("AT"), shippingTo("FR")}, from{"AT", defaults.SourceShippingAddress}},
		{"the default one goes before the first", []defaults.Address{shippingTo("AT"), flagged(shippingTo("FR"))}, from{"FR", defaults.SourceShippingAddress}},
		{"the first of two default ones", []defaults.Address{shippingTo("AT"), flagged(shippingTo("FR")), flagged(shippingTo("NL"))}, from{"FR", defaults.SourceShippingAddress}},
		{"the default one of another kind says nothing", []defaults.Address{shippingTo("AT"), flagged(billedIn("FR"))}, from{"AT", defaults.SourceShippingAddress}},
		{"among billing addresses as well", []defaults.Address{billedIn("AT"), flagged(billedIn("FR"))}, from{"FR", defaults.SourceBillingAddress}},
		{"the next address where one is rejected", []defaults.Address{shippingTo("US"), shippingTo("AT"), billedIn("FR")}, from{"AT", defaults.SourceShippingAddress}},
		{"the next kind where all are rejected", []defaults.Address{shippingTo("US"), shippingTo("JP"), billedIn("FR")}, from{"FR", defaults.SourceBillingAddress}},
		{"the others in order where the default one is rejected", []defaults.Address{shippingTo("AT"), shippingTo("FR"), flagged(shippingTo("US"))}, from{"AT", defaults.SourceShippingAddress}},
		{"of both kinds", []defaults.Address{{Country: "AT", Tags: []string{"billing", "shipping"}}}, from{"AT", defaults.SourceShippingAddress}},
		{"tags in any case", []defaults.Address{{Country: "AT", Tags: []string{"home", "sHiPPing"}}}, from{"AT", defaults.SourceShippingAddress}},
		{"tags with blanks and the usual prefixes", []defaults.Address{{Country: "AT", Tags: []string{" DEFAULT_SHIPPING "}}}, from{"AT", defaults.SourceShippingAddress}},
		{"tags with a path", []defaults.Address{{Country: "AT", Tags: []string{"address.billing"}}}, from{"AT", defaults.SourceBillingAddress}},
		{"tags in camel case", []defaults.Address{{Country: "AT", Tags: []string{"isDefaultShipping"}}}, from{"AT", defaults.SourceShippingAddress}},
		{"a prefix that denies is no prefix", []defaults.Address{{Country: "AT", Tags: []string{"no_shipping", "default", "is-", ""}}}, from{"DE", defaults.SourceHomeBase}},
		{"other tags are none", []defaults.Address{{Country: "AT", Tags: []string{"HOME", "ship"}, Default: true}, {Country: "FR"}}, from{"DE", defaults.SourceHomeBase}},
		{"without a country it decides nothing", []defaults.Address{flagged(shippingTo("")), shippingTo("AT")}, from{"AT", defaults.SourceShippingAddress}},
		{"in lower case", []defaults.Address{shippingTo("at")}, from{"AT", defaults.SourceShippingAddress}},
		{"UK", []defaults.Address{shippingTo("UK")}, from{"GB", defaults.SourceShippingAddress}},
		{"uk with blanks", []defaults.Address{shippingTo("\u00a0uk\t")}, from{"GB", defaults.SourceShippingAddress}},
		{"three letters", []defaults.Address{shippingTo("GBR")}, from{"GB", defaults.SourceShippingAddress}},
		{"three letters in lower case with a blank", []defaults.Address{billedIn(" aut")}, from{"AT", defaults.SourceBillingAddress}},
		{"a leading blank", []defaults.Address{shippingTo(" GB")}, from{"GB", defaults.SourceShippingAddress}},
		{"blanks of a spreadsheet", []defaults.Address{shippingTo("\ufeffat\u200b")}, from{"AT", defaults.SourceShippingAddress}},
		{"a name, then a code", []defaults.Address{shippingTo("Austria"), shippingTo("XX"), shippingTo("AT")}, from{"AT", defaults.SourceShippingAddress}},
		{"a country that is gone, then one that is", []defaults.Address{flagged(shippingTo("YU")), shippingTo("YUG"), shippingTo("fra")}, from{"FR", defaults.SourceShippingAddress}},
		{"the default one is a name", []defaults.Address{shippingTo("AT"), flagged(shippingTo("Germany"))}, from{"AT", defaults.SourceShippingAddress}},
		{"EL is not shipped to", []defaults.Address{shippingTo("EL"), billedIn("GRC"), billedIn("NLD")}, from{"NL", defaults.SourceBillingAddress}},
		{"tags that say address behind", []defaults.Address{{Country: "AT", Tags: []string{"shippingAddress"}}}, from{"AT", defaults.SourceShippingAddress}},
		{"tags that say address behind, in constants", []defaults.Address{{Country: "AT", Tags: []string{"DEFAULT_BILLING_ADDRESS"}}}, from{"AT", defaults.SourceBillingAddress}},
		{"tags with a scheme", []defaults.Address{{Country: "AT", Tags: []string{"addr:shipping", "type=billing"}}}, from{"AT", defaults.SourceShippingAddress}},
		{"tags in words", []defaults.Address{{Country: "AT", Tags: []string{"Primary billing address"}}}, from{"AT", defaults.SourceBillingAddress}},
		{"tags with a blank of a spreadsheet", []defaults.Address{{Country: "AT", Tags: []string{"\ufeffSHIPPING\u00a0"}}}, from{"AT", defaults.SourceShippingAddress}},
		{"tags that only begin with a kind", []defaults.Address{{Country: "AT", Tags: []string{"shipping-contact", "billingagent", "address", "noshipping"}}}, from{"DE", defaults.SourceHomeBase}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			v := sites.Resolve(defaults.Input{Customer: &defaults.Customer{Addresses: tc.addresses}})
			assert.Equal(t, tc.want, valueOf(v, defaults.FieldCountry))
		})
	}
}

// A candidate of each source meets each reason for which it can be rejected. Under it there is only
// the site's own value.
func TestExplain_KeepsRejectedCandidatesWithTheirReason(t *testing.T) {
	sites := demoSites(t)
	type place struct {
		source defaults.Source
		with   func(value string) defaults.Input
	}
	type judged struct {
		value  string
		reason defaults.Reason
	}
	for _, tc := range []struct {
		field    defaults.Field
		fallback from
		places   []place
		judged   []judged
	}{
		{
			field: defaults.FieldSite, fallback: from{"main", defaults.SourceDefaultSite},
			places: []place{
				{defaults.SourceRequestSite, func(v string) defaults.Input { return defaults.Input{RequestSite: v} }},
				{defaults.SourceChoice, func(v string) defaults.Input { return defaults.Input{Choices: defaults.Choices{Site: v}} }},
				{defaults.SourcePreferredSite, func(v string) defaults.Input { return defaults.Input{Customer: &defaults.Customer{Site: v}} }},
			},
			judged: []judged{{"nowhere", defaults.ReasonUnknownSite}, {"MAIN", defaults.ReasonUnknownSite}, {"closed", defaults.ReasonInactiveSite}},
		},
		{
			field: defaults.FieldCurrency, fallback: from{"EUR", defaults.SourceSiteCurrency},
			places: []place{
				{defaults.SourceChoice, func(v string) defaults.Input { return defaults.Input{Choices: defaults.Choices{Currency: v}} }},
				{defaults.SourcePreferredCurrency, func(v string) defaults.Input { return defaults.Input{Customer: &defaults.Customer{Currency: v}} }},
			},
			judged: []judged{
				{"Euro", defaults.ReasonMalformed}, {"€", defaults.ReasonMalformed}, {"E UR", defaults.ReasonMalformed}, {"XYZ", defaults.ReasonUnknownCode},
				{"DEM", defaults.ReasonUnknownCode}, {"XAU", defaults.ReasonUnknownCode}, {"JPY", defaults.ReasonNotOffered}, {"jpy", defaults.ReasonNotOffered},
			},
		},
		{
			field: defaults.FieldCountry, fallback: from{"DE", defaults.SourceHomeBase},
			places: []place{
				{defaults.SourceChoice, func(v string) defaults.Input { return defaults.Input{Choices: defaults.Choices{Country: v}} }},
				{defaults.SourceShippingAddress, func(v string) defaults.Input {
					return defaults.Input{Customer: &defaults.Customer{Addresses: []defaults.Address{shippingTo(v)}}}
				}},
				{defaults.SourceBillingAddress, func(v string) defaults.Input {
					return defaults.Input{Customer: &defaults.Customer{Addresses: []defaults.Address{billedIn(v)}}}
				}},
				{defaults.SourceGeo, func(v string) defaults.Input { return defaults.Input{GeoCountry: v} }},
			},
			judged: []judged{
				{"Germany", defaults.ReasonMalformed}, {"T1", defaults.ReasonMalformed}, {"001", defaults.ReasonMalformed},
				{"EU", defaults.ReasonUnknownCode}, {"SU", defaults.ReasonUnknownCode}, {"XX", defaults.ReasonUnknownCode},
				{"US", defaults.ReasonNotOffered}, {"us", defaults.ReasonNotOffered},
			},
		},
		{
			field: defaults.FieldLanguage, fallback: from{"de", defaults.SourceSiteLanguage},
			places: []place{
				{defaults.SourceChoice, func(v string) defaults.Input { return defaults.Input{Choices: defaults.Choices{Language: v}} }},
				{defaults.SourcePreferredLanguage, func(v string) defaults.Input { return defaults.Input{Customer: &defaults.Customer{Language: v}} }},
				{defaults.SourceAcceptLanguage, func(v string) defaults.Input { return defaults.Input{AcceptLanguage: v} }},
			},
			judged: []judged{
				{"english", defaults.ReasonMalformed}, {"_en", defaults.ReasonMalformed}, {"xx", defaults.ReasonUnknownCode},
				{"und", defaults.ReasonUnknownCode}, {"ja", defaults.ReasonNotOffered}, {"uk_UA", defaults.ReasonNotOffered},
			},
		},
	} {
		for _, p := range tc.places {
			for _, j := range tc.judged {
				t.Run(tc.field.String()+" "+p.source.String()+" "+j.value, func(t *testing.T) {
					v, rejected := sites.Explain(p.with(j.value))
					assert.Equal(t, tc.fallback, valueOf(v, tc.field))
					assert.Equal(t, []defaults.Rejection{{Field: tc.field, Value: j.value, Source: p.source, Reason: j.reason}}, rejected)
				})
			}
		}
	}
}

func TestExplain_ListsRejectedCandidatesInTheOrderOfTrial(t *testing.T) {
	_, rejected := demoSites(t).Explain(defaults.Input{
		RequestSite: "nowhere",
		Choices:     defaults.Choices{Site: "closed", Country: "US"},
		Customer: &defaults.Customer{
			Site:      "default",
			Addresses: []defaults.Address{billedIn("EU"), shippingTo("Austria")},
		},
		GeoCountry: "XX",
	})
	assert.Equal(t, []defaults.Rejection{
		{Field: defaults.FieldSite, Value: "nowhere", Source: defaults.SourceRequestSite, Reason: defaults.ReasonUnknownSite},
		{Field: defaults.FieldSite, Value: "closed", Source: defaults.SourceChoice, Reason: defaults.ReasonInactiveSite},
		{Field: defaults.FieldSite, Value: "default", Source: defaults.SourcePreferredSite, Reason: defaults.ReasonUnknownSite},
		{Field: defaults.FieldCountry, Value: "US", Source: defaults.SourceChoice, Reason: defaults.ReasonNotOffered},
		{Field: defaults.FieldCountry, Value: "Austria", Source: defaults.SourceShippingAddress, Reason: defaults.ReasonMalformed},
		{Field: defaults.FieldCountry, Value: "EU", Source: defaults.SourceBillingAddress, Reason: defaults.ReasonUnknownCode},
		{Field: defaults.FieldCountry, Value: "XX", Source: defaults.SourceGeo, Reason: defaults.ReasonUnknownCode},
	}, rejected)
}

func TestExplain_RequestSiteOverrulesTheChoiceOfAnother(t *testing.T) {
	sites := demoSites(t)
	overruled := func(site string) []defaults.Rejection {
		return []defaults.Rejection{{Field: defaults.FieldSite, Value: site, Source: defaults.SourceChoice, Reason: defaults.ReasonOverruled}}
	}
	for _, tc := range []struct {
		desc   string
		choice string
		want   []defaults.Rejection
	}{
		{"another site", "us", overruled("us")},
		{"a site that does not exist either way", "nowhere", overruled("nowhere")},
		{"the same site", "ch", nil},
		{"no choice", "", nil},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			v, rejected := sites.Explain(defaults.Input{
				RequestSite: "ch",
				Choices:     defaults.Choices{Site: tc.choice},
				Customer:    &defaults.Customer{Site: "mr"},
			})
			assert.Equal(t, from{"ch", defaults.SourceRequestSite}, valueOf(v, defaults.FieldSite))
			assert.Equal(t, "CHF", v.Currency, "the other values are the request site's")
			assert.Equal(t, tc.want, rejected, "a preferred site is not overruled: it was never tried")
		})
	}
}

func TestExplain_PreferredSiteOverrulesNothing(t *testing.T) {
	v, rejected := demoSites(t).Explain(defaults.Input{Choices: defaults.Choices{Site: "closed"}, Customer: &defaults.Customer{Site: "ch"}})
	assert.Equal(t, from{"ch", defaults.SourcePreferredSite}, valueOf(v, defaults.FieldSite))
	assert.Equal(t, []defaults.Rejection{
		{Field: defaults.FieldSite, Value: "closed", Source: defaults.SourceChoice, Reason: defaults.ReasonInactiveSite},
	}, rejected)
}

func TestResolve_StoredChoiceCountsAgainWhenItIsOffered(t *testing.T) {
	sites := demoSites(t)
	in := defaults.Input{Choices: defaults.Choices{Currency: "GBP", Country: "AT", Language: "fr"}}
	before := sites.Resolve(in)
	assert.Equal(t, from{"GBP", defaults.SourceChoice}, valueOf(before, defaults.FieldCurrency))

	in.Choices.Site = "us"
	away := sites.Resolve(in)
	assert.Equal(t, from{"USD", defaults.SourceSiteCurrency}, valueOf(away, defaults.FieldCurrency))
	assert.Equal(t, from{"US", defaults.SourceHomeBase}, valueOf(away, defaults.FieldCountry))
	assert.Equal(t, from{"en", defaults.SourceSiteLanguage}, valueOf(away, defaults.FieldLanguage))

	in.Choices.Site = ""
	assert.Equal(t, before, sites.Resolve(in))
}

func TestResolve_WhatASiteOffers(t *testing.T) {
	sites := demoSites(t)
	for _, tc := range []struct {
		desc    string
		site    string
		choices defaults.Choices
		field   defaults.Field
		want    from
	}{
		{"the own currency, listed or not", "export", defaults.Choices{Currency: "PLN"}, defaults.FieldCurrency, from{"PLN", defaults.SourceChoice}},
		{"the own language, listed or not", "export", defaults.Choices{Language: "pl"}, defaults.FieldLanguage, from{"pl", defaults.SourceChoice}},
		{"a country of the list", "export", defaults.Choices{Country: "NO"}, defaults.FieldCountry, from{"NO", defaults.SourceChoice}},
		{"the home base, also where the list forgets it", "export", defaults.Choices{Country: "PL"}, defaults.FieldCountry, from{"PL", defaults.SourceChoice}},
		{"every currency without a list", "open", defaults.Choices{Currency: "XCG"}, defaults.FieldCurrency, from{"XCG", defaults.SourceChoice}},
		{"every country without a list", "open", defaults.Choices{Country: "XK"}, defaults.FieldCountry, from{"XK", defaults.SourceChoice}},
		{"every language without a list, in canonical spelling", "open", defaults.Choices{Language: "zh_hant_tw"}, defaults.FieldLanguage, from{"zh-Hant-TW", defaults.SourceChoice}},
		{"no dead currency, even without a list", "open", defaults.Choices{Currency: "SLL"}, defaults.FieldCurrency, from{"SLE", defaults.SourceSiteCurrency}},
		{"a currency in lower case", "main", defaults.Choices{Currency: "gbp"}, defaults.FieldCurrency, from{"GBP", defaults.SourceChoice}},
		{"a country in lower case", "main", defaults.Choices{Country: "at"}, defaults.FieldCountry, from{"AT", defaults.SourceChoice}},
		{"a language as the site spells it", "export", defaults.Choices{Language: "en_GB"}, defaults.FieldLanguage, from{"en", defaults.SourceChoice}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			tc.choices.Site = tc.site
			assert.Equal(t, tc.want, valueOf(sites.Resolve(defaults.Input{Choices: tc.choices}), tc.field))
		})
	}
}

func TestResolve_DoesNotAllocateForCanonicalCandidates(t *testing.T) {
	sites := demoSites(t)
	customer := demoCustomer(t, "C105")
	for desc, in := range map[string]defaults.Input{
		"anonymous":             {},
		"weak choices":          {Customer: customer, Weak: everyField, Choices: defaults.Choices{Site: "ch", Currency: "EUR", Country: "LI", Language: "it"}},
		"request language":      {RequestLanguage: "fr", HasCart: true},
		"rejected addresses":    {Customer: &defaults.Customer{Addresses: []defaults.Address{shippingTo("US"), billedIn("JP"), shippingTo("FR")}}},
		"anonymous, geo hint":   {GeoCountry: "AT"},
		"customer":              {Customer: customer},
		"customer with choices": {Customer: customer, Choices: defaults.Choices{Site: "ch", Currency: "EUR", Country: "LI", Language: "it"}},
		"rejected candidates":   {Choices: defaults.Choices{Site: "closed", Currency: "JPY", Country: "US"}},
	} {
		assert.Zero(t, testing.AllocsPerRun(100, func() { sites.Resolve(in) }), desc)
	}
}
