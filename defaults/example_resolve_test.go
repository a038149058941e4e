package defaults_test

import (
	"fmt"

	"github.com/sessionctx/storefront/defaults"
)

// exampleSites is a shop with two sites.
func exampleSites() *defaults.Sites {
	sites, err := defaults.NewSites([]defaults.Site{
		{
			Code: "main", Default: true,
			Currency: "EUR", Currencies: []string{"EUR", "GBP", "CHF"},
			Country: "DE", ShipTo: []string{"DE", "AT", "CH"},
			Language: "de", Languages: []string{"de", "en"},
		},
		{
			Code: "us", Currency: "USD", Currencies: []string{"USD"},
			Country: "US", ShipTo: []string{"US", "CA"}, Language: "en", Languages: []string{"en", "es"},
		},
	})
	if err != nil {
		panic(err)
	}
	return sites
}

func ExampleSites_Resolve() {
	sites := exampleSites()
	customer := &defaults.Customer{
		Currency: "GBP",
		Language: "en_GB",
		Addresses: []defaults.Address{
			{Country: "DE", Tags: []string{"BILLING"}, Default: true},
			{Country: "AT", Tags: []string{"SHIPPING"}},
		},
	}

	anonymous := sites.Resolve(defaults.Input{})
	fmt.Println("anonymous:", anonymous.Site, anonymous.Currency, anonymous.Country, anonymous.Language)

	known := sites.Resolve(defaults.Input{Customer: customer})
	fmt.Println("customer: ", known.Site, known.Currency, known.Country, known.Language)

	chosen := sites.Resolve(defaults.Input{Customer: customer, Choices: defaults.Choices{Currency: "CHF"}})
	fmt.Println("chosen:   ", chosen.Site, chosen.Currency, chosen.Country, chosen.Language)

	for f := defaults.FieldSite; f < defaults.NumFields; f++ {
		fmt.Printf("%s from %s\n", f, chosen.Sources[f])
	}
	// Output:
	// anonymous: main EUR DE de
	// customer:  main GBP AT en
	// chosen:    main CHF AT en
	// site from site.default
	// currency from choice
	// country from customer.shippingAddress
	// language from customer.preferredLanguage
}

// A stored choice never breaks a request: it is passed over while the session's site does not offer
// it, and counts again when the shopper is back.
func ExampleSites_Explain() {
	sites := exampleSites()
	in := defaults.Input{Choices: defaults.Choices{Site: "us", Currency: "CHF", Country: "Germany"}}

	values, rejected := sites.Explain(in)
	fmt.Println(values.Site, values.Currency, values.Country)
	for _, r := range rejected {
		fmt.Printf("%s %q of %s: %s\n", r.Field, r.Value, r.Source, r.Reason)
	}

	in.Choices.Site = "main"
	fmt.Println(sites.Resolve(in).Currency)
	// Output:
	// us USD US
	// currency "CHF" of choice: notOffered
	// country "Germany" of choice: malformed
	// CHF
}
