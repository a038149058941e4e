package defaults_test

import (
	"strings"
	"testing"

	"github.com/sessionctx/storefront/defaults"
)

func BenchmarkResolve(b *testing.B) {
	sites := demoSites(b)
	returning := &defaults.Customer{
		Site: "ch", Currency: "EUR", Language: "fr",
		Addresses: []defaults.Address{{Country: "LI", Tags: []string{"SHIPPING"}}},
	}
	for _, bm := range []struct {
		desc string
		in   defaults.Input
	}{
		{"anonymous without hints", defaults.Input{}},
		{"anonymous with a country hint", defaults.Input{GeoCountry: "AT"}},
		{"anonymous with four choices", defaults.Input{Choices: defaults.Choices{Site: "ch", Currency: "EUR", Country: "LI", Language: "it"}}},
		{"customer", defaults.Input{Customer: returning}},
		{"customer with a foreign spelling", defaults.Input{Customer: &defaults.Customer{Currency: "gbp", Language: "de_DE"}}},
		{"request site and browser language", defaults.Input{RequestSite: "us", AcceptLanguage: "en-US,en;q=0.9,de;q=0.8"}},
	} {
		b.Run(bm.desc, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sites.Resolve(bm.in)
			}
		})
	}
}

func BenchmarkExplain(b *testing.B) {
	sites := demoSites(b)
	in := defaults.Input{Customer: demoCustomer(b, "C104")}
	b.ReportAllocs()
	for b.Loop() {
		sites.Explain(in)
	}
}

func BenchmarkCheck(b *testing.B) {
	sites := demoSites(b)
	in := defaults.Input{Choices: defaults.Choices{Site: "ch", Currency: "EUR", Country: "LI", Language: "it"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sites.Check(in, everyField); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAcceptLanguage(b *testing.B) {
	sites := demoSites(b)
	for _, bm := range []struct{ desc, header string }{
		{"browser, first language offered", "de-DE,de;q=0.9,en;q=0.8"},
		{"browser, last language offered", "uk-UA,uk;q=0.9,ru;q=0.8,en;q=0.7"},
		{"hostile: short tags", strings.Repeat("ja,", 10_000)},
		{"hostile: long tags", strings.Repeat("zh-Hant-TW-x-aaaaaaaa-bbbbbbbb,", 1_000)},
		{"hostile: junk", strings.Repeat("-_-,", 10_000)},
		{"hostile: commas", strings.Repeat(",", 1<<20)},
		{"hostile: one tag of a megabyte", strings.Repeat("a-", 1<<19)},
		{"hostile: extensions", strings.Repeat("en-u-rg-zzzzzz-a-bb-b-cc-c-dd,", 1_000)},
	} {
		b.Run(bm.desc, func(b *testing.B) {
			in := defaults.Input{AcceptLanguage: bm.header}
			b.ReportAllocs()
			for b.Loop() {
				sites.Resolve(in)
			}
		})
	}
}

func BenchmarkNewSites(b *testing.B) {
	list := demoSites(b).List()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := defaults.NewSites(list); err != nil {
			b.Fatal(err)
		}
	}
}
