// Package data carries a sample shop: the data that the storefront serves when it is given none.
package data

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed demoshop othershop
var shops embed.FS

// Password is that of every sample customer.
const Password = "correct-horse-1"

// Shops returns the sample data: one folder for each tenant, as package sitefile reads it.
func Shops() fs.FS { return shops }

// Customer is a sample customer.
type Customer struct {
	ID    string `json:"id"`
	Email string `json:"contactEmail"`

	Site      string `json:"preferredSite"`
	Currency  string `json:"preferredCurrency"`
	Language  string `json:"preferredLanguage"`
	Addresses []struct {
		Country string   `json:"country"`
		Tags    []string `json:"tags"`
		Default bool     `json:"isDefault"`
	} `json:"addresses"`
}

// Customers returns the sample customers of a tenant, none for a tenant that is not in the sample
// data.
func Customers(tenant string) []Customer {
	b, err := shops.ReadFile(tenant + "/customers.json")
	if err != nil {
		return nil
	}
	var all []Customer
	if err := json.Unmarshal(b, &all); err != nil {
		panic(fmt.Sprintf("data: %s: %v", tenant, err)) // built in, so it never happens after the first test
	}
	return all
}

// About says in English what is special about the customer, as the data have it.
func (c Customer) About() string {
	var about []string
	add := func(what, value string) {
		if value != "" {
			about = append(about, what+value)
		}
	}
	add("shop ", c.Site)
	add("", c.Currency)
	add("", c.Language)
	for _, a := range c.Addresses {
		kind := strings.ToLower(strings.Join(a.Tags, " and "))
		if a.Default && len(c.Addresses) > 1 {
			kind = "default " + kind
		}
		add(cmp.Or(kind, "address")+" ", a.Country)
	}
	return strings.Join(about, ", ")
}
