package main

import (
	"fmt"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"

	"github.com/sessionctx/storefront/defaults/codes"
)

// prices are in minor units.
var prices = map[string]map[string]int64{
	"lamp":   {"EUR": 4900, "CHF": 5250, "JPY": 8200},
	"teapot": {"EUR": 123450, "CHF": 131000, "JPY": 206000},
}

func priceOf(product, currency string) (int64, error) {
	amount, ok := prices[product][currency]
	if !ok {
		return 0, fmt.Errorf("jobs: product %q has no price in %q", product, currency)
	}
	return amount, nil
}

// format writes an amount with the digits and separators of a language, and the code of the
// currency.
func format(amount int64, currency, tag string) string {
	digits, ok := codes.MinorUnits(currency)
	if !ok {
		digits = 2
	}
	value := float64(amount) // for people alone: exact to the last digit below 2^53
	for range digits {
		value /= 10
	}
	return message.NewPrinter(language.Make(tag)).Sprint(number.Decimal(value, number.Scale(digits))) + "\u00a0" + currency
}

// texts are the words of the mails.
type texts struct{ confirmation, reminder string }

var textsByLanguage = map[string]texts{
	"de": {"Ihre Bestellung %d: %s für %s", "Noch da: %s für %s"},
	"en": {"Your order %d: %s for %s", "Still here: %s for %s"},
	"fr": {"Votre commande %d : %s à %s", "Toujours là : %s à %s"},
}

// textsOf returns the words for readers of a language, such as de-CH.
func textsOf(tag string) texts {
	base, _ := language.Make(tag).Base()
	if t, ok := textsByLanguage[base.String()]; ok {
		return t
	}
	return textsByLanguage["en"]
}
