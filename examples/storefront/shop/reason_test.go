package shop_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// The sample customers are awkward: what cannot be taken is said, with the reason, and the next
// candidate holds.
func TestPanel_SaysEveryValueItsSourceAndWhatWasPassedOver(t *testing.T) {
	for _, tc := range []struct {
		email                             string
		site, currency, country, language string
	}{
		{
			"anna@demo.example",
			"Shop Demo Shop Europe main Your profile prefers it.",
			"Currency EUR (€) EUR Your profile prefers it.",
			"Deliver to Austria AT Your shipping address is there.",
			"Language Deutsch de Your profile prefers it.",
		},
		{
			"bob@demo.example",
			"Shop Demo Shop USA us Your profile prefers it.",
			"Currency USD ($) USD Your profile prefers it.",
			"Deliver to United States US Your billing address is there.",
			"Language English en Your profile prefers it.",
		},
		{
			"chen@demo.example",
			"Shop Demo Shop Europe main Everyone starts here.",
			"Currency GBP (£) GBP Your profile prefers it.",
			"Deliver to Germany DE This shop is at home there.",
			"Language English en Your browser asks for it.",
		},
		{
			"dora@demo.example",
			"Shop Demo Shop Europe main Everyone starts here. Passed over default your profile: there is no such shop",
			"Currency EUR (€) EUR It is this shop’s own currency. Passed over JPY your profile: not offered here",
			"Deliver to Germany DE This shop is at home there. Passed over JP your shipping address: not offered here " +
				"JP your billing address: not offered here",
			"Language English en Your browser asks for it. Passed over ja_JP your profile: not offered here",
		},
		{
			"eve@demo.example",
			"Shop Demo Shop Europe main Everyone starts here. Passed over closed your profile: this shop is closed",
			"Currency EUR (€) EUR It is this shop’s own currency. Passed over XYZ your profile: no such code is in use",
			"Deliver to Switzerland CH Your billing address is there. Passed over Germany your shipping address: not a valid code",
			"Language English en Your browser asks for it. Passed over xx your profile: no such code is in use",
		},
	} {
		t.Run(tc.email, func(t *testing.T) {
			s := open(t, setup{}).visit(t, "/")
			p := s.signIn(tc.email)
			if p.tags("html")[0].attr["lang"] == "de" {
				s.choose(p, "language", "en")
				p = s.get("")
				tc.language = "Language English en You chose it. Without your choice: Deutsch Reset Language"
			}
			assert.Equal(t, tc.site, p.id("why-site").String())
			assert.Equal(t, tc.currency, p.id("why-currency").String())
			assert.Equal(t, tc.country, p.id("why-country").String())
			assert.Equal(t, tc.language, p.id("why-language").String())
		})
	}
}

func TestPanel_HomeBaseIsOfferedAlsoWhereTheListForgetsIt(t *testing.T) {
	shops := shops(`[{"code": "main", "default": true, "currency": "EUR", "homeBase": {"address": {"country": "DE"}},
		"shipToCountries": ["AT", "CH"], "defaultLanguage": "en", "languages": ["en"]}]`)
	p := open(t, setup{shops: shops}).visit(t, "/").get("")
	values, selected := p.id("country").values()
	assert.Equal(t, []string{"AT", "DE", "CH"}, values)
	assert.Equal(t, "DE", selected)
}
