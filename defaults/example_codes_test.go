package defaults_test

import (
	"fmt"

	"github.com/sessionctx/storefront/defaults"
)

func ExampleCanonicalCurrency() {
	for _, s := range []string{"eur", "SLE", "SLL", "XAU"} {
		fmt.Println(defaults.CanonicalCurrency(s))
	}
	// Output:
	// EUR true
	// SLE true
	//  false
	//  false
}

func ExampleCanonicalCountry() {
	for _, s := range []string{"de", "XK", "UK", "EU"} {
		fmt.Println(defaults.CanonicalCountry(s))
	}
	// Output:
	// DE true
	// XK true
	//  false
	//  false
}

func ExampleCanonicalLanguage() {
	for _, s := range []string{"en_gb", "iw", "english"} {
		fmt.Println(defaults.CanonicalLanguage(s))
	}
	// Output:
	// en-GB true
	// he true
	//  false
}

func ExampleSymbol() {
	digits, _ := defaults.MinorUnits("MRU")
	fmt.Println(defaults.Symbol("MRU", "fr-MR"), digits)
	digits, _ = defaults.MinorUnits("JPY")
	fmt.Println(defaults.Symbol("JPY", "en"), digits)
	// Output:
	// UM 2
	// ¥ 0
}
