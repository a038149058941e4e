package defaults_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
)

func TestNames_AreThoseOfTheWire(t *testing.T) {
	assert.Equal(t, []string{"site", "currency", "country", "language"}, []string{
		defaults.FieldSite.String(), defaults.FieldCurrency.String(), defaults.FieldCountry.String(), defaults.FieldLanguage.String(),
	})
	for source, want := range map[defaults.Source]string{
		defaults.Source(0):               "",
		defaults.SourceChoice:            "choice",
		defaults.SourceRequestSite:       "request.site",
		defaults.SourcePreferredSite:     "customer.preferredSite",
		defaults.SourceDefaultSite:       "site.default",
		defaults.SourcePreferredCurrency: "customer.preferredCurrency",
		defaults.SourceSiteCurrency:      "site.currency",
		defaults.SourceShippingAddress:   "customer.shippingAddress",
		defaults.SourceBillingAddress:    "customer.billingAddress",
		defaults.SourceGeo:               "request.geo",
		defaults.SourceHomeBase:          "site.homeBase",
		defaults.SourcePreferredLanguage: "customer.preferredLanguage",
		defaults.SourceAcceptLanguage:    "request.acceptLanguage",
		defaults.SourceSiteLanguage:      "site.defaultLanguage",
		defaults.SourceRequestLanguage:   "request.language",
	} {
		assert.Equal(t, want, source.String())
	}
	for reason, want := range map[defaults.Reason]string{
		defaults.ReasonMalformed:    "malformed",
		defaults.ReasonUnknownCode:  "unknownCode",
		defaults.ReasonUnknownSite:  "unknownSite",
		defaults.ReasonInactiveSite: "inactiveSite",
		defaults.ReasonNotOffered:   "notOffered",
		defaults.ReasonOverruled:    "overruled",
	} {
		assert.Equal(t, want, reason.String())
	}
}

func TestNames_SurviveJSON(t *testing.T) {
	type report struct {
		Values   defaults.Values
		Rejected []defaults.Rejection
		By       map[defaults.Field]defaults.Reason
	}
	var want report
	want.Values, want.Rejected = demoSites(t).Explain(defaults.Input{Customer: demoCustomer(t, "C104")})
	want.By = map[defaults.Field]defaults.Reason{}
	for f := defaults.FieldSite; f < defaults.NumFields; f++ {
		want.By[f] = defaults.ReasonNotOffered
	}
	for s := defaults.Source(0); s <= defaults.SourceRequestLanguage; s++ {
		want.Rejected = append(want.Rejected, defaults.Rejection{Source: s, Reason: defaults.ReasonOverruled})
	}
	for r := defaults.ReasonMalformed; r <= defaults.ReasonOverruled; r++ {
		want.Rejected = append(want.Rejected, defaults.Rejection{Reason: r})
	}
	data, err := json.Marshal(want)
	require.NoError(t, err)
	assert.Contains(t, string(data), `{"Field":"currency","Value":"XYZ","Source":"customer.preferredCurrency","Reason":"unknownCode"}`)
	var got report
	require.NoError(t, json.Unmarshal(data, &got))
	assert.Equal(t, want, got)
}

func TestNames_ValueWithoutNameHasNoText(t *testing.T) {
	assert.Equal(t, "Field(4)", defaults.Field(defaults.NumFields).String())
	assert.Equal(t, "Source(15)", (defaults.SourceRequestLanguage + 1).String())
	assert.Equal(t, "Reason(7)", (defaults.ReasonOverruled + 1).String())
	assert.Equal(t, "Reason(0)", defaults.Reason(0).String())

	_, err := defaults.Field(defaults.NumFields).MarshalText()
	assert.EqualError(t, err, "defaults: Field(4) has no name")
	_, err = (defaults.SourceRequestLanguage + 1).MarshalText()
	assert.EqualError(t, err, "defaults: Source(15) has no name")
	_, err = defaults.Reason(0).MarshalText()
	assert.EqualError(t, err, "defaults: Reason(0) has no name")

	field, source, reason := defaults.FieldCountry, defaults.SourceGeo, defaults.ReasonOverruled
	for _, text := range []string{"-", "Choice", "site ", "Field(1)", "1"} {
		assert.Error(t, field.UnmarshalText([]byte(text)))
		assert.Error(t, source.UnmarshalText([]byte(text)))
		assert.Error(t, reason.UnmarshalText([]byte(text)))
	}
	assert.Error(t, field.UnmarshalText(nil))
	assert.EqualError(t, reason.UnmarshalText([]byte("bad")), `defaults: "bad" is no Reason`)
	assert.Equal(t, defaults.FieldCountry, field, "an error leaves the value alone")
	assert.Equal(t, defaults.SourceGeo, source)
	assert.Equal(t, defaults.ReasonOverruled, reason)
}
