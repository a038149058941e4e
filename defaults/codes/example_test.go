package codes_test

import (
	"fmt"

	"github.com/sessionctx/storefront/defaults/codes"
)

func ExampleCurrency() {
	for _, s := range []string{"eur", "SLE", "SLL", "XAU"} {
		fmt.Println(codes.Currency(s))
	}
	// Output:
	// EUR true
	// SLE true
	//  false
	//  false
}

func ExampleCountry() {
	for _, s := range []string{"de", "XK", "UK", "EU"} {
		fmt.Println(codes.Country(s))
	}
	// Output:
	// DE true
	// XK true
	//  false
	//  false
}

func ExampleLanguage() {
	for _, s := range []string{"en_gb", "iw", "english"} {
		fmt.Println(codes.Language(s))
	}
	// Output:
	// en-GB true
	// he true
	//  false
}
