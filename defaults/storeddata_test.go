package defaults_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
)

// The European Union's codes, and the three-letter codes of ISO 3166-1 and of their users, are read
// in profiles and sites. What a shopper sends now is a code of two letters or an error.
func TestStoredData_Countries(t *testing.T) {
	open := newSites(t, oneSite(func(*defaults.Site) {})...)
	for stored, want := range map[string]string{
		"UK": "GB", "uk": "GB", "EL": "GR", " el\n": "GR", "GBR": "GB", "grc": "GR", "AUT": "AT", "CHE": "CH", "XKX": "XK", "XKK": "XK", "usa": "US", "KOR": "KR",
		"gb": "GB", "\u00a0GB": "GB", "gb\u3000": "GB", "XK": "XK", "TUR": "TR", "CZE": "CZ", "MKD": "MK", "SWZ": "SZ", "ROU": "RO", "COD": "CD",
		"EU": "", "UN": "", "XX": "", "ZZ": "", "T1": "", "YU": "", "YUG": "", "SUN": "", "CSK": "", "DDR": "", "ANT": "", "ROM": "", "ZAR": "",
		"XKX ": "XK", "Gb": "GB", "\ufeffuk\u200b": "GB", "PSE": "PS", "SSD": "SS", "TLS": "TL", "HKG": "HK", "SRB": "RS", "BLR": "BY",
		"AN": "", "CS": "", "SU": "", "DD": "", "TP": "", "AC": "", "EZ": "", "QO": "", "AA": "", "A1": "", "SCG": "", "TMP": "", "BUR": "", "ZZZ": "",
		"United Kingdom": "", "UK.": "", "U.K.": "", "\uff27\uff22": "", "\u0421\u041d": "", "G\u200bB": "", "\U0001f1ec\U0001f1e7": "", "GB\x00": "",
		"GER": "", "SUI": "", "Deutschland": "", "276": "", "DE-BY": "", "D": "", "G B": "",
	} {
		v := open.Resolve(defaults.Input{Customer: &defaults.Customer{Addresses: []defaults.Address{shippingTo(stored)}}})
		expected := from{want, defaults.SourceShippingAddress}
		if want == "" {
			expected = from{"DE", defaults.SourceHomeBase}
		}
		assert.Equal(t, expected, valueOf(v, defaults.FieldCountry), "a profile's %q", stored)

		sites, mistakes, err := defaults.CompileSites(oneSite(func(s *defaults.Site) { s.ShipTo = []string{"FR", stored} }), nil, noon)
		require.NoError(t, err)
		list := []string{"FR", want}
		if want == "" {
			list = list[:1]
			assert.Len(t, mistakes, 1, "a site's %q", stored)
		} else {
			assert.Empty(t, mistakes, "a site's %q", stored)
		}
		assert.Equal(t, list, sites.List()[0].ShipTo, "a site's %q", stored)

		_, err = open.Check(defaults.Input{Choices: defaults.Choices{Country: stored}}, everyField)
		assert.Equal(t, strings.EqualFold(stored, want), err == nil, "a shopper's %q", stored)
		v = open.Resolve(defaults.Input{GeoCountry: stored})
		assert.Equal(t, strings.EqualFold(stored, want), v.Sources[defaults.FieldCountry] == defaults.SourceGeo, "a proxy's %q", stored)
	}
}

func TestStoredData_Currencies(t *testing.T) {
	open := newSites(t, oneSite(func(*defaults.Site) {})...)
	for stored, want := range map[string]string{
		"usd": "USD", " USD": "USD", "Usd\u00a0": "USD", "\ufeffusd": "USD", "xcg": "XCG",
		"BGN": "", "HRK": "", "LTL": "", "ANG": "", "ZWL": "", "SLL": "", "VEF": "", "CUC": "", "XAU": "", "XXX": "", "XDR": "", "CLF": "",
		"MRO": "", "STD": "", "BYR": "", "GHC": "", "VED": "VED", "SLE": "SLE", "ZWG": "ZWG", "MRU": "MRU", "CUP": "CUP", "chf\u3000": "CHF",
		"\uff25\uff35\uff32": "", "\u0415UR": "", "EU\u200bR": "", "EUR\x00": "", "EURO": "", "CNH": "", "BTC": "", "GBX": "",
		"US$": "", "$": "", "840": "", "US D": "", "Dollar": "",
	} {
		v := open.Resolve(defaults.Input{Customer: &defaults.Customer{Currency: stored}})
		expected := from{want, defaults.SourcePreferredCurrency}
		if want == "" {
			expected = from{"EUR", defaults.SourceSiteCurrency}
		}
		assert.Equal(t, expected, valueOf(v, defaults.FieldCurrency), "a profile's %q", stored)
		_, err := open.Check(defaults.Input{Choices: defaults.Choices{Currency: stored}}, everyField)
		assert.Equal(t, strings.EqualFold(stored, want), err == nil, "a shopper's %q", stored)
	}
}

// Of the lists that a site gives, nothing, little or all may be left: they restrict all the same.
func TestStoredData_ListRestrictsHoweverLittleIsLeft(t *testing.T) {
	for _, tc := range []struct {
		desc       string
		currencies []string
		shipTo     []string
		languages  []string
	}{
		{"all withdrawn", []string{"BGN", "HRK"}, []string{"YU", "CS"}, []string{"xx"}},
		{"all malformed", []string{"Euro", ""}, []string{"Germany", ""}, []string{"german", ""}},
		{"only its own is left", []string{"EUR", "LTL"}, []string{"DE", "AN"}, []string{"de", "und"}},
		{"its own under another spelling", []string{" eur"}, []string{"DEU"}, []string{" DE"}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			sites, _, err := defaults.CompileSites(oneSite(func(s *defaults.Site) {
				s.Currencies, s.ShipTo, s.Languages = tc.currencies, tc.shipTo, tc.languages
			}), nil, noon)
			require.NoError(t, err)
			for range 2 {
				_, err = sites.Check(defaults.Input{Choices: defaults.Choices{Currency: "USD", Country: "US", Language: "en"}}, everyField)
				assert.Len(t, invalids(t, err), 3)
				_, err = sites.Check(defaults.Input{Choices: defaults.Choices{Currency: "EUR", Country: "DE", Language: "de"}}, everyField)
				assert.NoError(t, err)
				sites = newSites(t, sites.List()...) // its own list says the same
			}
		})
	}
}
