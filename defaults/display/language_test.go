package display_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults/codes"
	"github.com/sessionctx/storefront/defaults/display"
)

// The values are those of CLDR's own charts, version 48.
func TestLanguage_NamesAreThoseOfCLDR48(t *testing.T) {
	for _, tc := range []struct {
		desc, language                     string
		country, countryName               string
		currency, currencyName, symbol     string
		other, otherName, otherInTheirName string
	}{
		{"German", "de", "MK", "Nordmazedonien", "CHF", "Schweizer Franken", "CHF", "fr", "Französisch", "français"},
		{"Austrian German: what German says", "de-AT", "MK", "Nordmazedonien", "CHF", "Schweizer Franken", "CHF", "de-AT", "Österreichisches Deutsch", "Österreichisches Deutsch"},
		{"Swiss German: its own spelling", "de-CH", "CV", "Kapverden", "BYN", "Weissrussischer Rubel", "BYN", "prg", "Altpreussisch", "Prussian"},
		{"English: a country whose name has changed", "en", "SZ", "Eswatini", "SLE", "Sierra Leonean Leone", "SLE", "pt-BR", "Brazilian Portuguese", "português (Brasil)"},
		{"Canadian English: another symbol", "en-CA", "US", "United States", "USD", "US Dollar", "US$", "he", "Hebrew", "עברית"},
		{"French", "fr", "DE", "Allemagne", "USD", "dollar des États-Unis", "$US", "de", "allemand", "Deutsch"},
		{"Argentine Spanish, by way of Latin American Spanish", "es-AR", "US", "Estados Unidos", "USD", "dólar estadounidense", "US$", "sr-Latn-ME", "serbio (latín, Montenegro)", "srpski (latinica, Crna Gora)"},
		{"Portuguese of Angola, by way of Portugal's", "pt-AO", "MK", "Macedónia do Norte", "EUR", "euro", "€", "es-419", "espanhol latino-americano", "español latinoamericano"},
		{"Arabic", "ar", "SA", "المملكة العربية السعودية", "SAR", "ريال سعودي", "ر.س.\u200f", "ar", "العربية", "العربية"},
		{"Japanese", "ja", "JP", "日本", "JPY", "日本円", "￥", "ja", "日本語", "日本語"},
		{"Chinese of Taiwan, by its script", "zh-TW", "MK", "北馬其頓", "TWD", "新台幣", "$", "zh-Hant", "繁體中文", "繁體中文"},
		{"Chinese of Macao, by way of Hong Kong's", "zh-MO", "SZ", "斯威士蘭", "EUR", "歐元", "€", "en", "英文", "English"},
		{"Serbian of Montenegro, by its script", "sr-ME", "RS", "Srbija", "EUR", "evro", "€", "sr", "srpski", "српски"},
		{"bokmål, by way of Norwegian", "nb", "NO", "Norge", "NOK", "norske kroner", "kr", "nn", "norsk nynorsk", "norsk nynorsk"},
		{"an old code", "iw", "IL", "ישראל", "ILS", "שקל חדש", "₪", "yi", "יידיש", "Yiddish"},
		{"another spelling", "de_at", "CH", "Schweiz", "EUR", "Euro", "€", "it", "Italienisch", "italiano"},
		{"a language of basic coverage: what it has no name for is English", "lb", "DE", "Däitschland", "XCG", "Caribbean guilder", "Cg.", "lb", "Lëtzebuergesch", "Lëtzebuergesch"},
		{"a macrolanguage's member", "cmn-Hant", "JP", "日本", "JPY", "日圓", "¥", "ko", "韓文", "한국어"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			l := display.For(tc.language)
			assert.Equal(t, tc.countryName, l.Country(tc.country))
			assert.Equal(t, tc.currencyName, l.Currency(tc.currency))
			assert.Equal(t, tc.symbol, l.Symbol(tc.currency))
			assert.Equal(t, tc.otherName, l.Language(tc.other))
			assert.Equal(t, tc.otherInTheirName, display.For(tc.other).Language(tc.other))
		})
	}
}

func TestFor_LanguageWithoutNamesIsEnglish(t *testing.T) {
	for _, tc := range []struct{ desc, tag, want string }{
		{"no tag", "", "en"},
		{"hostile text", "<script>", "en"},
		{"a very long text", strings.Repeat("de-", 1000), "en"},
		{"a language that CLDR hardly covers", "tlh", "en"},
		{"a language in a script that CLDR does not cover: Gurmukhi is of no use to whoever reads Arabic", "pa-PK", "en"},
		{"a script that is said", "az-Cyrl", "en"},
		{"a region that CLDR does not list", "de-US", "de"},
		{"a script that the language has anyway", "de-Latn-CH", "de-CH"},
		{"a script that is the region's", "zh-Hant-TW", "zh-Hant"},
		{"a variant", "de-1901", "de"},
		{"an extension", "de-u-co-phonebk", "de"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			l := display.For(tc.tag)
			assert.Equal(t, tc.want, l.Tag())
			assert.NotEqual(t, "AT", l.Country("AT"))
		})
	}
	var zero display.Language
	assert.Equal(t, []string{"en", "ltr", "Austria", "€5.00"}, []string{zero.Tag(), zero.Dir(), zero.Country("AT"), zero.Price(500, "EUR", 2)})
}

func TestLanguage_CodeWithoutANameIsItself(t *testing.T) {
	l := display.For("de")
	assert.Equal(t, []string{"XX", "", "<b>", "PTS", "PTS", "EURO", "€"}, []string{
		l.Country("XX"), l.Country(""), l.Country("<b>"), l.Currency("PTS"), l.Symbol("PTS"), l.Currency("EURO"), l.Symbol("eur"),
	})
	assert.Equal(t, []string{"xx", "english", "!"}, []string{l.Language("xx"), l.Language("english"), l.Language("!")})
	assert.Equal(t, "bulgarischer Lew", strings.ToLower(l.Currency("BGN")[:1])+l.Currency("BGN")[1:], "a site may still have it")
	assert.Equal(t, "\u2068أبج\u2069", l.Country("أبج"))
	assert.Equal(t, "ab", l.Currency("a\u202eb"))
}

func TestDir_IsThatOfTheScript(t *testing.T) {
	for tag, want := range map[string]string{
		"ar": "rtl", "he": "rtl", "fa-AF": "rtl", "ur": "rtl", "ckb": "rtl", "pa-PK": "rtl", "uz-Arab": "rtl", "dv": "rtl", "yi": "rtl", "ks": "rtl",
		"de": "ltr", "pa": "ltr", "uz": "ltr", "ku": "ltr", "ja": "ltr", "ar-Latn": "ltr", "!": "ltr", "": "ltr",
	} {
		assert.Equal(t, want, display.For(tag).Dir(), tag)
	}
}

func TestSymbol_IsTheRegions(t *testing.T) {
	for _, tc := range []struct{ language, currency, want string }{
		{"fr-MR", "MRU", "UM"}, {"fr", "MRU", "MRU"}, {"ar-MR", "MRU", "أ.م."}, {"es-MX", "MRU", "UM"}, {"en-SL", "SLE", "Le"}, {"en", "SLE", "SLE"},
		{"es-VE", "VES", "Bs.S"}, {"nl-CW", "XCG", "Cg."}, {"sq", "XCG", "XCG"}, {"en_CA", "usd", "US$"}, {"pl", "PLN", "zł"}, {"de-CH", "EUR", "EUR"}, {"fr", "GBP", "£GB"},
	} {
		assert.Equal(t, tc.want, display.For(tc.language).Symbol(tc.currency), "%s in %s", tc.currency, tc.language)
	}
}

// Every language has a name for each code: what is missing would be a code in a list of words.
func TestLanguages_NameEveryCountryAndCurrency(t *testing.T) {
	tags := display.Languages()
	assert.Greater(t, len(tags), 100)
	assert.Subset(t, tags, strings.Fields(`ar bg bn ca cs da de el en es et fa fi fr he hi hr hu id is it ja ko lt lv ms nb nn nl pl pt ro
		ru sk sl sr sr-Latn sv sw ta th tr uk ur vi zh zh-Hant`))
	missing, all := 0, 0
	for _, tag := range tags {
		l := display.For(tag)
		require.Equal(t, tag, l.Tag())
		require.NotEqual(t, tag, l.Language(tag), "%s has no name for itself", tag)
		for _, code := range codes.Countries() {
			all++
			if name := l.Country(code); name == code {
				missing++
			} else {
				require.Equal(t, strings.TrimSpace(name), name)
			}
		}
		for _, code := range codes.Currencies() {
			all++
			if l.Currency(code) == code {
				missing++
			}
			require.NotEmpty(t, l.Symbol(code))
			require.NotEmpty(t, l.Narrow().Symbol(code))
		}
	}
	assert.Less(t, missing, all/50, "CLDR's moderate coverage has nearly all")
}

func TestLanguages_SiteAcceptsEach(t *testing.T) {
	for _, tag := range display.Languages() {
		canonical, ok := codes.Language(tag)
		require.True(t, ok, tag)
		require.Equal(t, tag, canonical)
	}
}

func TestFor_IsSafeForManyAtOnce(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, tag := range []string{"hsb", "nn", "zh-HK", "pt-AO", "hi-Latn"} {
				l := display.For(tag)
				assert.NotEqual(t, "DE", l.Country("DE"))
				assert.NotEmpty(t, l.Price(-100, "EUR", 2))
			}
		})
	}
	wg.Wait()
}

func FuzzFor(f *testing.F) {
	for _, tag := range []string{"de", "zh-Hant-TW", "sr_Latn", "x-private", "en-u-nu-arab", "\xff", "i-klingon", "cnr-Cyrl"} {
		f.Add(tag, "EUR", int64(-5), 2)
	}
	f.Fuzz(func(t *testing.T, tag, currency string, units int64, digits int) {
		l := display.For(tag)
		require.NotEmpty(t, l.Tag())
		require.NotEmpty(t, l.Country("DE"))
		l.Language(tag)
		require.NotEmpty(t, l.Price(units, currency, digits))
	})
}
