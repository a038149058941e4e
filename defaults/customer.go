package defaults

import "strings"

// Customer is what the shop knows of a customer's preferences, in whatever spelling it was stored.
// A preference that cannot be taken is passed over and never an error: the data is older than the rules.
// The zero Customer prefers nothing: it stands for a customer who is not known.
type Customer struct {
	Site      string // code of the preferred site
	Currency  string // preferred currency, ISO 4217
	Language  string // preferred language, BCP 47
	Addresses []Address
}

// Address is one address of a customer. One address may be of several kinds. An address without a country decides nothing.
type Address struct {
	Country string   // ISO 3166-1 alpha-2
	Tags    []string // the kinds: "shipping", "billing", in any case; others are ignored
	Default bool     // preferred among the addresses of its kind
}

const (
	shipping = "shipping"
	billing  = "billing"
)

// countryOf returns the country of the customer's address of a kind: the first one flagged default, else the first.
func (c *Customer) countryOf(kind string) string {
	first := ""
	for i := range c.Addresses {
		a := &c.Addresses[i]
		if a.Country == "" || !a.is(kind) {
			continue
		}
		if a.Default {
			return a.Country
		}
		if first == "" {
			first = a.Country
		}
	}
	return first
}

func (a *Address) is(kind string) bool {
	for _, tag := range a.Tags {
		if strings.EqualFold(tag, kind) {
			return true
		}
	}
	return false
}
