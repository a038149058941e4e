package defaults_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
)

func sent(fields ...defaults.Field) (marks [defaults.NumFields]bool) {
	for _, f := range fields {
		marks[f] = true
	}
	return marks
}

// invalids returns the errors that are joined in err, each of which must be an *Rejection.
func invalids(tb testing.TB, err error) []defaults.Rejection {
	tb.Helper()
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(tb, ok, "%v is not joined", err)
	var list []defaults.Rejection
	for _, e := range joined.Unwrap() {
		var invalid *defaults.Rejection
		require.ErrorAs(tb, e, &invalid)
		list = append(list, *invalid)
	}
	return list
}

func TestCheck_ReturnsSentValuesInCanonicalSpelling(t *testing.T) {
	sites := demoSites(t)
	for _, tc := range []struct {
		desc string
		in   defaults.Input
		sent [defaults.NumFields]bool
		want defaults.Choices
	}{
		{
			"all four",
			defaults.Input{Choices: defaults.Choices{Site: "ch", Currency: "eur", Country: "li", Language: "it_CH"}}, everyField,
			defaults.Choices{Site: "ch", Currency: "EUR", Country: "LI", Language: "it-CH"},
		},
		{
			"a language keeps the region that the site does not spell",
			defaults.Input{Choices: defaults.Choices{Language: "de_at"}}, sent(defaults.FieldLanguage),
			defaults.Choices{Language: "de-AT"},
		},
		{
			"a language under a request language is judged by the site alone",
			defaults.Input{RequestLanguage: "fr", Choices: defaults.Choices{Language: "en"}}, sent(defaults.FieldLanguage),
			defaults.Choices{Language: "en"},
		},
		{
			"a sent site is not weak: the others are judged against it",
			defaults.Input{Customer: &defaults.Customer{Site: "ch"}, Weak: everyField, Choices: defaults.Choices{Site: "us", Country: "CA"}}, sent(defaults.FieldSite, defaults.FieldCountry),
			defaults.Choices{Site: "us", Country: "CA"},
		},
		{
			"the home base country where the site does not list it",
			defaults.Input{Choices: defaults.Choices{Site: "export", Country: "PL"}}, everyField,
			defaults.Choices{Site: "export", Country: "PL"},
		},
		{
			"sent empty values clear",
			defaults.Input{}, everyField,
			defaults.Choices{},
		},
		{
			"what is not sent is not judged, and stays as it is",
			defaults.Input{Choices: defaults.Choices{Site: "closed", Currency: "gbp", Country: "Germany", Language: "xx"}}, sent(defaults.FieldCurrency),
			defaults.Choices{Site: "closed", Currency: "GBP", Country: "Germany", Language: "xx"},
		},
		{
			"nothing sent",
			defaults.Input{Choices: defaults.Choices{Site: "nowhere", Currency: "DEM"}}, sent(),
			defaults.Choices{Site: "nowhere", Currency: "DEM"},
		},
		{
			"the site that is sent with them",
			defaults.Input{Choices: defaults.Choices{Site: "us", Country: "CA"}}, sent(defaults.FieldSite, defaults.FieldCountry),
			defaults.Choices{Site: "us", Country: "CA"},
		},
		{
			"the stored site",
			defaults.Input{Choices: defaults.Choices{Site: "us", Country: "CA"}}, sent(defaults.FieldCountry),
			defaults.Choices{Site: "us", Country: "CA"},
		},
		{
			"the customer's preferred site",
			defaults.Input{Customer: &defaults.Customer{Site: "us"}, Choices: defaults.Choices{Country: "CA"}}, sent(defaults.FieldCountry),
			defaults.Choices{Country: "CA"},
		},
		{
			"the preferred site again, where the choice of a site is cleared",
			defaults.Input{Customer: &defaults.Customer{Site: "us"}, Choices: defaults.Choices{Country: "CA"}}, sent(defaults.FieldSite, defaults.FieldCountry),
			defaults.Choices{Country: "CA"},
		},
		{
			"the request site, whatever is stored",
			defaults.Input{RequestSite: "us", Choices: defaults.Choices{Site: "ch", Country: "CA"}}, sent(defaults.FieldCountry),
			defaults.Choices{Site: "ch", Country: "CA"},
		},
		{
			"the request site itself may be chosen",
			defaults.Input{RequestSite: "us", Choices: defaults.Choices{Site: "us"}}, sent(defaults.FieldSite),
			defaults.Choices{Site: "us"},
		},
		{
			"a request site that is not in force overrules nothing",
			defaults.Input{RequestSite: "closed", Choices: defaults.Choices{Site: "us"}}, sent(defaults.FieldSite),
			defaults.Choices{Site: "us"},
		},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			got, err := sites.Check(tc.in, tc.sent)
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
		})
	}
}

func TestCheck_RefusesWhatResolveWouldReject(t *testing.T) {
	sites := demoSites(t)
	for _, tc := range []struct {
		desc string
		in   defaults.Input
		want []defaults.Rejection
	}{
		{
			"every mistake at once",
			defaults.Input{Choices: defaults.Choices{Currency: "XYZ", Country: "Germany", Language: "ja"}},
			[]defaults.Rejection{
				{Field: defaults.FieldCurrency, Value: "XYZ", Reason: defaults.ReasonUnknownCode},
				{Field: defaults.FieldCountry, Value: "Germany", Reason: defaults.ReasonMalformed},
				{Field: defaults.FieldLanguage, Value: "ja", Reason: defaults.ReasonNotOffered},
			},
		},
		{
			"what the sent site does not offer, even if the present one does",
			defaults.Input{Choices: defaults.Choices{Site: "us", Currency: "gbp", Country: "de", Language: "fr"}},
			[]defaults.Rejection{
				{Field: defaults.FieldCurrency, Value: "gbp", Reason: defaults.ReasonNotOffered},
				{Field: defaults.FieldCountry, Value: "de", Reason: defaults.ReasonNotOffered},
				{Field: defaults.FieldLanguage, Value: "fr", Reason: defaults.ReasonNotOffered},
			},
		},
		{
			"what the request site does not offer",
			defaults.Input{RequestSite: "us", Choices: defaults.Choices{Currency: "GBP"}},
			[]defaults.Rejection{{Field: defaults.FieldCurrency, Value: "GBP", Reason: defaults.ReasonNotOffered}},
		},
		{
			"what a profile may say and a shopper may not",
			defaults.Input{Choices: defaults.Choices{Currency: " EUR", Country: "GBR", Language: "de_DE.UTF-8"}},
			[]defaults.Rejection{
				{Field: defaults.FieldCurrency, Value: " EUR", Reason: defaults.ReasonMalformed},
				{Field: defaults.FieldCountry, Value: "GBR", Reason: defaults.ReasonMalformed},
				{Field: defaults.FieldLanguage, Value: "de_DE.UTF-8", Reason: defaults.ReasonMalformed},
			},
		},
		{
			"a weak country is judged against the customer's preferred site all the same",
			defaults.Input{Customer: &defaults.Customer{Site: "us"}, Weak: [defaults.NumFields]bool{defaults.FieldCountry: true}, Choices: defaults.Choices{Country: "CH"}},
			[]defaults.Rejection{{Field: defaults.FieldCountry, Value: "CH", Reason: defaults.ReasonNotOffered}},
		},
		{
			"an unknown site; the others are not judged against another",
			defaults.Input{Choices: defaults.Choices{Site: "nowhere", Currency: "JPY", Country: "BR", Language: "ja"}},
			[]defaults.Rejection{{Field: defaults.FieldSite, Value: "nowhere", Reason: defaults.ReasonUnknownSite}},
		},
		{
			"an inactive site; the others must be codes all the same",
			defaults.Input{Choices: defaults.Choices{Site: "closed", Currency: "DEM", Country: "BR", Language: "english"}},
			[]defaults.Rejection{
				{Field: defaults.FieldSite, Value: "closed", Reason: defaults.ReasonInactiveSite},
				{Field: defaults.FieldCurrency, Value: "DEM", Reason: defaults.ReasonUnknownCode},
				{Field: defaults.FieldLanguage, Value: "english", Reason: defaults.ReasonMalformed},
			},
		},
		{
			"a site that the request site overrules",
			defaults.Input{RequestSite: "ch", Choices: defaults.Choices{Site: "us", Currency: "GBP"}},
			[]defaults.Rejection{{Field: defaults.FieldSite, Value: "us", Reason: defaults.ReasonOverruled}},
		},
		{
			"an unknown site under a request site is unknown in the first place",
			defaults.Input{RequestSite: "ch", Choices: defaults.Choices{Site: "nowhere"}},
			[]defaults.Rejection{{Field: defaults.FieldSite, Value: "nowhere", Reason: defaults.ReasonUnknownSite}},
		},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			got, err := sites.Check(tc.in, everyField)
			require.Error(t, err)
			assert.Zero(t, got)
			assert.Equal(t, tc.want, invalids(t, err))
		})
	}
}

func TestInvalid_NamesFieldValueAndRule(t *testing.T) {
	for _, tc := range []struct {
		invalid defaults.Rejection
		want    string
	}{
		{defaults.Rejection{Field: defaults.FieldCurrency, Value: "Euro", Reason: defaults.ReasonMalformed}, `defaults: currency "Euro": not a three-letter ISO 4217 code`},
		{defaults.Rejection{Field: defaults.FieldCurrency, Value: "XYZ", Reason: defaults.ReasonUnknownCode}, `defaults: currency "XYZ": not a current ISO 4217 code`},
		{defaults.Rejection{Field: defaults.FieldCurrency, Value: "JPY", Reason: defaults.ReasonNotOffered}, `defaults: currency "JPY": not offered by the site`},
		{defaults.Rejection{Field: defaults.FieldCountry, Value: "Germany", Reason: defaults.ReasonMalformed}, `defaults: country "Germany": not a two-letter ISO 3166-1 code`},
		{defaults.Rejection{Field: defaults.FieldCountry, Value: "EU", Reason: defaults.ReasonUnknownCode}, `defaults: country "EU": not a current ISO 3166-1 code`},
		{defaults.Rejection{Field: defaults.FieldCountry, Value: "US", Reason: defaults.ReasonNotOffered}, `defaults: country "US": the site does not ship there`},
		{defaults.Rejection{Field: defaults.FieldLanguage, Value: "english\n", Reason: defaults.ReasonMalformed}, `defaults: language "english\n": not a BCP 47 language tag`},
		{defaults.Rejection{Field: defaults.FieldLanguage, Value: "xx", Reason: defaults.ReasonUnknownCode}, `defaults: language "xx": not a known BCP 47 language`},
		{defaults.Rejection{Field: defaults.FieldLanguage, Value: "ja", Reason: defaults.ReasonNotOffered}, `defaults: language "ja": not offered by the site`},
		{defaults.Rejection{Field: defaults.FieldSite, Value: "nowhere", Reason: defaults.ReasonUnknownSite}, `defaults: site "nowhere": there is no such site`},
		{defaults.Rejection{Field: defaults.FieldSite, Value: "closed", Reason: defaults.ReasonInactiveSite}, `defaults: site "closed": the site is not active`},
		{defaults.Rejection{Field: defaults.FieldSite, Value: "us", Reason: defaults.ReasonOverruled}, `defaults: site "us": the request is bound to another site`},
	} {
		assert.EqualError(t, &tc.invalid, tc.want)
	}
}

func TestCheck_ErrorsAreFoundByErrorsAs(t *testing.T) {
	_, err := demoSites(t).Check(defaults.Input{Choices: defaults.Choices{Country: "UK"}}, everyField)
	var invalid *defaults.Rejection
	require.True(t, errors.As(err, &invalid))
	assert.Equal(t, defaults.Rejection{Field: defaults.FieldCountry, Value: "UK", Reason: defaults.ReasonUnknownCode}, *invalid)
}
