package defaults_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
)

// everyField says that a caller sent all four values.
var everyField = [defaults.NumFields]bool{true, true, true, true}

// demoSites are the sites of a shop whose data is as awkward as real data is.
func demoSites(tb testing.TB) *defaults.Sites {
	tb.Helper()
	return newSites(tb,
		defaults.Site{
			Code: "main", Name: "Demo Shop Europe", Default: true,
			Currency: "EUR", Currencies: []string{"EUR", "GBP", "CHF", "USD"},
			Country: "DE", ShipTo: []string{"DE", "AT", "FR", "NL", "BE", "IT", "CH", "GB"},
			Language: "de", Languages: []string{"de", "en", "fr"},
		},
		defaults.Site{
			Code: "us", Name: "Demo Shop USA",
			Currency: "USD", Currencies: []string{"USD"},
			Country: "US", ShipTo: []string{"US", "CA"},
			Language: "en", Languages: []string{"en", "es"},
		},
		defaults.Site{
			Code: "ch", Name: "Demo Shop Schweiz",
			Currency: "CHF", Currencies: []string{"CHF", "EUR"},
			Country: "CH", ShipTo: []string{"CH", "LI"},
			Language: "de", Languages: []string{"de", "fr", "it"},
		},
		defaults.Site{
			Code: "mr", Name: "Demo Shop Mauritanie",
			Currency: "MRU", Currencies: []string{"MRU", "EUR"},
			Country: "MR", ShipTo: []string{"MR", "SN"},
			Language: "fr", Languages: []string{"fr", "ar"},
		},
		defaults.Site{
			// Its home base is a country that it does not ship to, and its own currency and
			// language are not in the lists.
			Code: "export", Name: "Demo Shop Export",
			Currency: "PLN", Currencies: []string{"EUR"},
			Country: "PL", ShipTo: []string{"SE", "NO"},
			Language: "pl", Languages: []string{"en", "nb", "zh-Hant"},
		},
		defaults.Site{
			Code: "open", Name: "Demo Shop without restrictions",
			Currency: "SLE", Country: "SL", Language: "en",
		},
		defaults.Site{
			Code: "closed", Name: "Demo Shop Closed", Inactive: true,
			Currency: "GBP", Country: "GB", ShipTo: []string{"GB"}, Language: "en",
		},
	)
}

// demoCustomer returns a customer of the demo shop.
func demoCustomer(tb testing.TB, id string) *defaults.Customer {
	tb.Helper()
	customers := map[string]*defaults.Customer{
		"C100": { // ships to one country and pays from another, whose address is the default one
			Site: "main", Currency: "EUR", Language: "de_DE",
			Addresses: []defaults.Address{
				{Country: "AT", Tags: []string{"SHIPPING"}},
				{Country: "DE", Tags: []string{"BILLING"}, Default: true},
			},
		},
		"C101": { // only a billing address
			Site: "us", Currency: "USD", Language: "en_US",
			Addresses: []defaults.Address{{Country: "US", Tags: []string{"BILLING"}, Default: true}},
		},
		"C102": {Currency: "GBP"},
		"C103": { // a site called "default" that does not exist, and nothing that the default site offers
			Site: "default", Currency: "JPY", Language: "ja_JP",
			Addresses: []defaults.Address{{Country: "JP", Tags: []string{"SHIPPING", "BILLING"}, Default: true}},
		},
		"C104": { // an inactive site, unknown codes, a country written as a name, tags in mixed case
			Site: "closed", Currency: "XYZ", Language: "xx",
			Addresses: []defaults.Address{
				{Country: "Germany", Tags: []string{"shipping"}, Default: true},
				{Country: "CH", Tags: []string{"Billing"}},
			},
		},
		"C105": { // the second shipping address is the default one
			Site: "mr", Currency: "MRU", Language: "fr",
			Addresses: []defaults.Address{
				{Country: "SN", Tags: []string{"SHIPPING"}},
				{Country: "MR", Tags: []string{"SHIPPING"}, Default: true},
			},
		},
	}
	require.Contains(tb, customers, id)
	return customers[id]
}

func newSites(tb testing.TB, sites ...defaults.Site) *defaults.Sites {
	tb.Helper()
	s, err := defaults.NewSites(sites)
	require.NoError(tb, err)
	return s
}

// oneSite returns a table of one valid site, changed by edit.
func oneSite(edit func(*defaults.Site)) []defaults.Site {
	site := defaults.Site{Code: "main", Default: true, Currency: "EUR", Country: "DE", Language: "de"}
	edit(&site)
	return []defaults.Site{site}
}
