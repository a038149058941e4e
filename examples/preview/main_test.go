package main

import (
	"bytes"
	"flag"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRun_SaysWhatIsShownAndWhy(t *testing.T) {
	tests := []struct {
		desc, args string
		want       []string // the lines, with one space for each gap
	}{
		{"a guest", "", []string{"site main site.default", "currency EUR site.currency", "country DE site.homeBase", "language de site.defaultLanguage"}},
		{"a customer with a profile", "-tenant demoshop -customer C100", []string{
			"site main customer.preferredSite", "currency EUR customer.preferredCurrency", "country AT customer.shippingAddress", "language de customer.preferredLanguage",
		}},
		{"who chooses", "-customer C100 -country CH -currency gbp -language fr", []string{
			"site main customer.preferredSite", "currency GBP choice", "country CH choice", "language fr choice",
		}},
		{"hints of a guest", "-from AT -accept-language en-GB", []string{
			"site main site.default", "currency EUR site.currency", "country AT request.geo", "language en request.acceptLanguage",
		}},
		{"at a site that does not offer it", "-customer C100 -site us", []string{
			"site us request.site", "currency USD site.currency", "country US site.homeBase", "language en site.defaultLanguage",
			"not currency EUR customer.preferredCurrency: notOffered", "not country AT customer.shippingAddress: notOffered",
			"not country DE customer.billingAddress: notOffered", "not language de_DE customer.preferredLanguage: notOffered",
		}},
		{"data of the host", "-data ../storefront/data -tenant othershop", []string{
			"site main site.default", "currency SEK site.currency", "country SE site.homeBase", "language sv site.defaultLanguage",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			var out bytes.Buffer
			require.NoError(t, run(t.Context(), strings.Fields(tt.args), &out))
			var lines []string
			for line := range strings.Lines(out.String()) {
				lines = append(lines, strings.Join(strings.Fields(line), " "))
			}
			assert.Equal(t, tt.want, lines)
		})
	}
}

func TestRun_NamesTheMistake(t *testing.T) {
	tests := []struct{ desc, args, want string }{
		{"a country that no site ships to", "-country US", `country "US"`},
		{"a currency that is none", "-currency EURO", `currency "EURO"`},
		{"an unknown shop", "-tenant nobody", `"nobody"`},
		{"a folder that is not there", "-data ../nowhere", "must be a readable folder"},
		{"a word that is no flag", "C100", `"C100" is no flag`},
		{"help", "-h", flag.ErrHelp.Error()},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			var out bytes.Buffer
			assert.ErrorContains(t, run(t.Context(), strings.Fields(tt.args), &out), tt.want)
			assert.Empty(t, out.String())
		})
	}
}
