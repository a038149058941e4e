package display_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/defaults/display"
)

func TestPrice_WritesAsReadersDo(t *testing.T) {
	for _, tc := range []struct {
		desc, language, currency string
		units                    int64
		digits                   int
		want                     string
	}{
		{"German", "de", "EUR", 123456, 2, "1.234,56\u00a0€"},
		{"English", "en", "EUR", 123456, 2, "€1,234.56"},
		{"English, a symbol of letters", "en", "CHF", 123456, 2, "CHF\u00a01,234.56"},
		{"English in Germany", "en-DE", "EUR", 123456, 2, "€1.234,56"},
		{"English in Austria: a pattern of the currency's own", "en-AT", "EUR", 123456, 2, "€\u00a01.234,56"},
		{"Swiss German", "de-CH", "CHF", 123456, 2, "CHF\u00a01'234.56"},
		{"Swiss German, below zero", "de-CH", "CHF", -123456, 2, "CHF-1'234.56"},
		{"Austrian German: a separator for prices", "de-AT", "EUR", 123456, 2, "€\u00a01.234,56"},
		{"French", "fr", "USD", 123456, 2, "1\u202f234,56\u00a0$US"},
		{"French, a young currency", "fr", "MRU", 123456, 2, "1\u202f234,56\u00a0MRU"},
		{"Spanish: four digits are no group", "es", "EUR", 123456, 2, "1234,56\u00a0€"},
		{"Spanish: five digits are", "es", "EUR", 1234567, 2, "12.345,67\u00a0€"},
		{"Mexican Spanish", "es-MX", "MXN", 123456, 2, "$1,234.56"},
		{"Angolan Portuguese, as in Portugal", "pt-AO", "EUR", 123456, 2, "1\u00a0234,56\u00a0€"},
		{"Dutch", "nl", "EUR", 123456, 2, "€\u00a01.234,56"},
		{"Dutch, below zero", "nl", "EUR", -123456, 2, "€\u00a0-1.234,56"},
		{"Turkish", "tr", "TRY", 123456, 2, "₺1.234,56"},
		{"Japanese, no minor unit", "ja", "JPY", 123456, 0, "￥123,456"},
		{"German, no minor unit", "de", "JPY", 123456, 0, "123.456\u00a0¥"},
		{"English, three decimals", "en", "KWD", 123456, 3, "KWD\u00a0123.456"},
		{"Arabic, in the digits of most readers", "ar", "EUR", 123456, 2, "\u200f1,234.56\u00a0€"},
		{"Arabic in Egypt, in Arabic digits", "ar-EG", "EUR", 123456, 2, "\u200f١٬٢٣٤٫٥٦\u00a0€"},
		{"Arabic in Egypt, below zero", "ar-EG", "EUR", -123456, 2, "\u061c-\u200f١٬٢٣٤٫٥٦\u00a0€"},
		{"Hebrew", "he", "ILS", 123456, 2, "\u200f1,234.56\u00a0\u200f₪"},
		{"Hebrew, below zero", "he", "ILS", -123456, 2, "\u200f\u200e-1,234.56\u00a0\u200f₪"},
		{"Persian", "fa", "USD", 123400, 2, "\u200e$۱٬۲۳۴٫۰۰"},
		{"Hindi: lakh and crore", "hi", "INR", 123456789012, 2, "₹1,23,45,67,890.12"},
		{"Nepali, in its digits", "ne", "NPR", 123456789, 2, "नेरू\u00a0१२,३४,५६७.८९"},
		{"Bengali: the symbol behind", "bn", "BDT", 123456, 2, "১,২৩৪.৫৬৳"},
		{"Bengali: a space before letters", "bn", "CHF", 100, 2, "১.০০\u00a0CHF"},
		{"Chinese of Taiwan", "zh-TW", "USD", 123456, 2, "US$1,234.56"},
		{"Cape Verde: a separator of the currency's own", "pt-CV", "CVE", 1205, 2, "12$05\u00a0\u200b"},
		{"points of the shop", "de", "PTS", 123456, 0, "123.456\u00a0PTS"},
		{"points of the shop, before the amount", "en", "PTS", 123456, 0, "PTS\u00a0123,456"},
		{"a withdrawn currency", "bg", "BGN", 123456, 2, "1234,56\u00a0лв."},
		{"other letter case", "de", "eur", 100, 2, "1,00\u00a0€"},
		{"nothing", "en", "EUR", 0, 2, "€0.00"},
		{"less than one", "en", "EUR", 5, 2, "€0.05"},
		{"less than nothing", "en", "EUR", -5, 2, "-€0.05"},
		{"the most", "en", "EUR", math.MaxInt64, 2, "€92,233,720,368,547,758.07"},
		{"the least", "en", "EUR", math.MinInt64, 2, "-€92,233,720,368,547,758.08"},
		{"the most decimals", "en", "EUR", 1, 18, "€0.000000000000000001"},
		{"more decimals than there can be", "en", "EUR", 1, 1000, "€0.000000000000000001"},
		{"fewer decimals than there can be", "en", "EUR", 1, -1, "€1"},
		{"no language", "!", "USD", 100, 2, "$1.00"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			assert.Equal(t, tc.want, display.For(tc.language).Price(tc.units, tc.currency, tc.digits))
		})
	}
}

func TestNarrow_WritesTheSymbolAlone(t *testing.T) {
	for _, tc := range []struct{ language, currency, want, narrow string }{
		{"en-CA", "USD", "US$1.00", "$1.00"},
		{"fr", "USD", "1,00\u00a0$US", "1,00\u00a0$"},
		{"en", "CAD", "CA$1.00", "$1.00"},
		{"nb", "NOK", "1,00\u00a0kr", "1,00\u00a0kr"},
		{"nb", "USD", "1,00\u00a0USD", "1,00\u00a0$"},
		{"de", "CHF", "1,00\u00a0CHF", "1,00\u00a0CHF"},
		{"de", "PTS", "1,00\u00a0PTS", "1,00\u00a0PTS"},
	} {
		l := display.For(tc.language)
		assert.Equal(t, tc.want, l.Price(100, tc.currency, 2))
		assert.Equal(t, tc.narrow, l.Narrow().Price(100, tc.currency, 2))
		assert.Equal(t, tc.want, l.Price(100, tc.currency, 2), "Narrow returns another Language")
	}
}

func TestNumber_WritesAsReadersDo(t *testing.T) {
	for _, tc := range []struct {
		desc, language string
		n              int64
		want           string
	}{
		{"German", "de", 1234567, "1.234.567"},
		{"Austrian German: not the separator of prices", "de-AT", 1234567, "1\u00a0234\u00a0567"},
		{"English, below zero", "en", -1234, "-1,234"},
		{"Spanish: four digits are no group", "es", 1234, "1234"},
		{"Hindi", "hi", 1234567, "12,34,567"},
		{"Arabic in Egypt", "ar-EG", 12, "١٢"},
		{"nothing", "de", 0, "0"},
		{"the least", "en", math.MinInt64, "-9,223,372,036,854,775,808"},
	} {
		t.Run(tc.desc, func(t *testing.T) { assert.Equal(t, tc.want, display.For(tc.language).Number(tc.n)) })
	}
}

func BenchmarkPrice(b *testing.B) {
	l := display.For("de-AT")
	b.ReportAllocs()
	for b.Loop() {
		l.Price(123456, "EUR", 2)
	}
}

func BenchmarkFor(b *testing.B) {
	for _, tag := range []string{"de-AT", "de-DE", "zh-TW", "xx"} {
		b.Run(tag, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				display.For(tag)
			}
		})
	}
}
