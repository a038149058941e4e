package display_test

import (
	"fmt"
	"log"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/defaults/display"
)

// The options of a picker for the country, for a reader of Swedish: Ö is the last letter.
func ExampleLanguage_Options() {
	sites, err := defaults.NewSites([]defaults.Site{
		{Code: "main", Default: true, Currency: "EUR", Country: "DE", ShipTo: []string{"AT", "DE", "EG", "MK"}, Language: "sv"},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, o := range display.For("sv").Options(sites, defaults.FieldCountry, "main", "DE") {
		fmt.Println(o.Value, o.Name, o.Selected)
	}
	// Output:
	// EG Egypten false
	// MK Nordmakedonien false
	// DE Tyskland true
	// AT Österrike false
}

// One amount for readers of several languages. The spaces are no-break spaces.
func ExampleLanguage_Price() {
	for _, tag := range []string{"en", "de", "de-CH", "es", "hi", "ja"} {
		fmt.Printf("%-5s  %q\n", tag, display.For(tag).Price(12345650, "EUR", 2))
	}
	fmt.Printf("points %q\n", display.For("de").Price(1850, "PTS", 0))
	// Output:
	// en     "€123,456.50"
	// de     "123.456,50\u00a0€"
	// de-CH  "EUR\u00a0123'456.50"
	// es     "123.456,50\u00a0€"
	// hi     "€1,23,456.50"
	// ja     "€123,456.50"
	// points "1.850\u00a0PTS"
}

// A language for whoever looks for it, and for whoever reads about it.
func ExampleLanguage_Language() {
	for _, tag := range []string{"fr", "pt-BR", "zh-Hant", "nb"} {
		fmt.Printf("%s: %s, in English %s\n", tag, display.For(tag).Language(tag), display.For("en").Language(tag))
	}
	// Output:
	// fr: français, in English French
	// pt-BR: português (Brasil), in English Brazilian Portuguese
	// zh-Hant: 繁體中文, in English Traditional Chinese
	// nb: norsk bokmål, in English Norwegian Bokmål
}
