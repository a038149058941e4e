package sitefile_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/defaults/sitefile"
)

// aged is a file whose codes were current when it was written.
const aged = `[
	{"code": "main", "default": true, "currency": "EUR", "availableCurrencies": ["EUR", "BGN"], "defaultLanguage": "de",
		"homeBase": {"address": {"country": "DE"}}, "shipToCountries": ["DE", "YU", "UK"]},
	{"code": "bg", "currency": "BGN", "defaultLanguage": "bg", "homeBase": {"address": {"country": "BG"}}},
	{"code": "yu", "currency": "EUR", "defaultLanguage": "sr", "homeBase": {"address": {"country": "YU"}}},
	{"code": "hr", "active": false, "currency": "HRK", "defaultLanguage": "", "homeBase": {"address": {"country": "Croatia"}}}
]`

func agedSites() []defaults.Site {
	return []defaults.Site{
		{Code: "main", Default: true, Currency: "EUR", Currencies: []string{"EUR"}, Country: "DE", ShipTo: []string{"DE", "GB"}, Language: "de"},
		{Code: "bg", Currency: "BGN", Country: "BG", Language: "bg"},
		{Code: "yu", Currency: "EUR", Country: "YU", Language: "sr"},
		{Code: "hr", Inactive: true, Currency: "HRK", Country: "Croatia"},
	}
}

func TestWarnings_AgedCodesRefuseNothing(t *testing.T) {
	f, err := sitefile.FromFS(shop(map[string]string{"demoshop/sites.json": aged}))
	require.NoError(t, err)
	assert.NoError(t, f.Err())
	sites, err := f.Sites(context.Background(), "demoshop")
	require.NoError(t, err)
	assert.Equal(t, agedSites(), sites, "a site that is left out stays as it is in the file")

	var got []string
	for _, m := range f.Warnings() {
		got = append(got, m.Error())
	}
	assert.Equal(t, []string{
		`sitefile: demoshop/sites.json:2:86: record 0 "main": availableCurrencies[1] "BGN": not a current ISO 4217 code; not offered`,
		`sitefile: demoshop/sites.json:3:73: record 0 "main": shipToCountries[1] "YU": not a current ISO 3166-1 code; not offered`,
		`sitefile: demoshop/sites.json:4:29: record 1 "bg": currency "BGN": not a current ISO 4217 code; the site keeps it all the same`,
		`sitefile: demoshop/sites.json:5:97: record 2 "yu": homeBase.address.country "YU": not a current ISO 3166-1 code; the site is left out`,
	}, got)
}

func TestFromFS_ExtraCurrenciesReachTheTable(t *testing.T) {
	f, err := sitefile.FromFS(shop(map[string]string{"demoshop/sites.json": `[
		{"code": " main ", "default": true, "currency": "tmn", "availableCurrencies": ["EUR", " jep "], "extraCurrencies": {"TMN": 0, "jep": 2, "EUR": 2},
			"defaultLanguage": "fa", "homeBase": {"address": {"country": "DE"}}},
		{"code": "points", "currency": "PTS", "extraCurrencies": {"PTS": 3}, "defaultLanguage": "en", "homeBase": {"address": {"country": "JE"}}}
	]`}))
	require.NoError(t, err)
	assert.Empty(t, f.Warnings())
	sites, err := f.Sites(context.Background(), "demoshop")
	require.NoError(t, err)
	assert.Equal(t, []defaults.Site{
		{Code: "main", Default: true, Currency: "TMN", Currencies: []string{"EUR", "JEP"}, ExtraCurrencies: map[string]int{"TMN": 0, "JEP": 2}, Country: "DE", Language: "fa"},
		{Code: "points", Currency: "PTS", ExtraCurrencies: map[string]int{"PTS": 3}, Country: "JE", Language: "en"},
	}, sites)
	table, err := defaults.NewSites(sites)
	require.NoError(t, err)
	digits, ok := table.MinorUnits("JEP")
	assert.True(t, ok)
	assert.Equal(t, 2, digits)
}

func TestWarnings_AgedCodesAreLoggedOnceForEachVersion(t *testing.T) {
	follow(t, map[string]string{"demoshop/sites.json": aged}, func(t *testing.T, f *followed) {
		_, logs := f.takeLogs()
		require.Len(t, logs, 1, "at the start")
		assert.Equal(t, "WARN", logs[0]["level"])
		assert.Equal(t, "demoshop", logs[0]["tenant"])
		assert.Equal(t, 4.0, logs[0]["count"])
		assert.Len(t, logs[0]["mistakes"], 4)
		f.pass(within)
		assert.Zero(t, f.countLogs())

		f.write(t, "demoshop/sites.json", strings.Replace(aged, `"EUR"`, `"USD"`, 1))
		f.pass(within)
		assert.Equal(t, "USD", f.currency("demoshop"), "later versions come into force")
		assert.Equal(t, 2, f.countLogs(), "in force, with values that are not used")
		assert.Len(t, f.Warnings(), 4)

		f.write(t, "demoshop/sites.json", strings.Replace(aged, `"EUR"`, `"Euro"`, 1))
		f.pass(within)
		assert.Equal(t, "USD", f.currency("demoshop"), "what is no code is a mistake of the file")
		assert.Len(t, mistakes(t, f.Err()), 6, "and then every mistake is reported, also what would be read generously")
		assert.Len(t, f.Warnings(), 4, "of the version in force")

		f.write(t, "demoshop/sites.json", sitesIn("CHF"))
		f.pass(within)
		assert.NoError(t, f.Err())
		assert.Empty(t, f.Warnings())
	})
}
