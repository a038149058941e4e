// Package catalogue knows what the shop sells: a handful of products, for demonstration.
package catalogue

// Product is one thing to buy. Its name and text are in package wording, as product.<ID> and
// product.<ID>.text, its picture is the asset <ID>.svg.
type Product struct {
	ID    string
	Cents int64 // price in euro cents
}

var products = []Product{
	{"mug", 1800},
	{"teapot", 6400},
	{"notebook", 1250},
	{"lamp", 8900},
	{"backpack", 12900},
	{"blanket", 7450},
	{"pot", 2400},
	{"candle", 1590},
}

// Products returns all products in the order in which they are shown. The copy is the caller's.
func Products() []Product { return append([]Product(nil), products...) }

// Find returns the product with an id.
func Find(id string) (Product, bool) {
	for _, p := range products {
		if p.ID == id {
			return p, true
		}
	}
	return Product{}, false
}
