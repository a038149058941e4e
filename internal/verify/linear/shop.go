package linear

import (
	"context"
	"sync/atomic"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
)

// What the directory says carries its version: each version of a tenant's sites has a country and a
// language of its own, each version of a profile a currency. So one look at a session tells what it
// was resolved from.
var (
	siteCountries = [...]string{
		"DE", "AT", "FR", "CH", "GB", "US", "CA", "IT", "ES", "PT", "NL", "BE", "DK", "SE", "NO", "FI",
		"PL", "CZ", "SK", "HU", "RO", "BG", "GR", "HR", "SI", "EE", "LV", "LT", "IE", "IS", "MT", "CY",
	}
	siteLanguages = [...]string{
		"de", "en", "fr", "it", "es", "pt", "nl", "da", "sv", "fi", "pl", "cs", "sk", "hu", "ro", "bg",
		"el", "hr", "sl", "et", "lv", "lt", "ga", "is", "mt", "tr", "uk", "ja", "ko", "th", "vi", "hi",
	}
	profileCurrencies = [...]string{
		"USD", "GBP", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "RON", "ISK", "JPY", "CNY", "KRW", "INR", "AUD",
		"CAD", "NZD", "SGD", "HKD", "TWD", "THB", "MYR", "IDR", "PHP", "VND", "ZAR", "MXN", "BRL", "ARS", "CLP", "COP",
	}
	// What shoppers choose is nobody's default.
	chosenCurrencies = [...]string{"TRY", "ILS", "AED", "SAR", "KZT", "UAH", "EGP", "MAD"}
	chosenCountries  = [...]string{"JP", "AU", "NZ", "BR", "MX", "ZA", "IN", "KR"}
)

const (
	siteCurrency = "EUR"
	maxVersion   = len(siteCountries) - 1
	numCustomers = 2
)

// customers are the ids of the two customers of a tenant; customer 0 is an anonymous shopper.
var customers = [1 + numCustomers]string{"", "C1", "C2"}

func customerNumber(id string) int {
	for i, c := range customers {
		if c == id {
			return i
		}
	}
	return -1
}

// versioned is one topic of the directory: how often it was changed, and how many of the changes
// every Resolver has taken in.
type versioned struct {
	changed, refreshed atomic.Int64
	busy               atomic.Bool // one change at a time
}

// topics of a tenant's directory: the sites, then the profile of each customer.
const numTopics = 1 + numCustomers

// shop is a directory that changes.
type shop struct {
	pause func()
	topic map[string]*[numTopics]versioned
}

func (s *shop) Sites(_ context.Context, tenant string) ([]defaults.Site, error) {
	s.pause()
	t, ok := s.topic[tenant]
	if !ok {
		return nil, sessionctx.ErrUnknownTenant
	}
	v := t[0].changed.Load()
	s.pause()
	return []defaults.Site{{Code: "main", Default: true, Currency: siteCurrency, Country: siteCountries[v], Language: siteLanguages[v]}}, nil
}

func (s *shop) Customer(_ context.Context, tenant, id string) (defaults.Customer, error) {
	s.pause()
	c := customerNumber(id)
	if c < 1 {
		return defaults.Customer{}, nil
	}
	v := s.topic[tenant][c].changed.Load()
	s.pause()
	return defaults.Customer{Currency: profileCurrencies[v]}, nil
}
