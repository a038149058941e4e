package defaults_test

import (
	"errors"
	"fmt"

	"github.com/sessionctx/storefront/defaults"
)

// A shopper switches to another site and sets a currency and a country with it. Both are judged
// against the new site, and what is accepted is stored in canonical spelling.
func ExampleSites_Check() {
	sites := exampleSites()
	sent := [defaults.NumFields]bool{defaults.FieldSite: true, defaults.FieldCurrency: true, defaults.FieldCountry: true}

	choices, err := sites.Check(defaults.Input{Choices: defaults.Choices{Site: "us", Currency: "usd", Country: "ca"}}, sent)
	fmt.Printf("%+v %v\n", choices, err)

	_, err = sites.Check(defaults.Input{Choices: defaults.Choices{Site: "us", Currency: "EUR", Country: "UK"}}, sent)
	fmt.Println(err)
	var invalid *defaults.Rejection
	if errors.As(err, &invalid) {
		fmt.Println(invalid.Field, invalid.Reason)
	}
	// Output:
	// {Site:us Currency:USD Country:CA Language:} <nil>
	// defaults: currency "EUR": not offered by the site
	// defaults: country "UK": not a current ISO 3166-1 code
	// currency notOffered
}
