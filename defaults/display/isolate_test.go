package display_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/defaults/display"
)

func TestIsolate_TextStaysInItsPlace(t *testing.T) {
	for _, tc := range []struct{ desc, text, want string }{
		{"a text from left to right", "Shop (EU)", "Shop (EU)"},
		{"Arabic with its dots", "أ.م.", "\u2068أ.م.\u2069"},
		{"a dirham's sign", "د.إ.", "\u2068د.إ.\u2069"},
		{"a dinar's sign", "د.ج.", "\u2068د.ج.\u2069"},
		{"a direction override", "abc\u202edef", "abcdef"},
		{"an override that is closed", "\u202dDemo\u202c Shop", "Demo Shop"},
		{"embeddings", "\u202aDemo\u202c \u202bShop\u202c", "Demo Shop"},
		{"isolates that are never closed", "Demo \u2067Shop\u2066", "Demo Shop"},
		{"an end too many", "Demo\u2069 Shop", "Demo Shop"},
		{"an isolate without an end", "\u2067abc", "abc"},
		{"marks of direction", "a\u200fb", "\u2068a\u200fb\u2069"},
		{"a line feed", "a\nb\tc\u2029d", "a b c d"},
		{"a form feed and a line separator", "a\fb\u2028c", "a b c"},
		{"a NUL and a bell", "a\x00b\x07c", "abc"},
		{"Hebrew", "חנות", "\u2068חנות\u2069"},
		{"both", "Shop متجر!", "\u2068Shop متجر!\u2069"},
		{"Arabic and an override", "\u202dمتجر", "\u2068متجر\u2069"},
		{"Japanese", "デモ", "デモ"},
		{"a riyal's sign with a mark of direction", "ر.س.\u200f", "\u2068ر.س.\u200f\u2069"},
		{"Thai", "ร้านค้า", "ร้านค้า"},
		{"Persian digits", "۱۲۳", "۱۲۳"},
		{"N’Ko", "ߒߞߏ", "\u2068ߒߞߏ\u2069"},
		{"Adlam", "𞤀𞤣𞤤𞤢𞤥", "\u2068𞤀𞤣𞤤𞤢𞤥\u2069"},
		{"a mark of the Arabic letter", "Shop\u061c!", "\u2068Shop\u061c!\u2069"},
		{"a family, joined", "👩\u200d👧", "👩\u200d👧"},
		{"bytes that are no UTF-8", "Demo\xff", "Demo\ufffd"},
		{"what is isolated already", "\u2068متجر\u2069", "\u2068متجر\u2069"},
		{"what joins letters", "می\u200cخواهم", "\u2068می\u200cخواهم\u2069"},
		{"places where a word may be parted", "Schreib\u00adtisch\u200b\u2060", "Schreib\u00adtisch\u200b\u2060"},
		{"a byte order mark", "\ufeffShop", "Shop"},
		{"nothing", "", ""},
	} {
		t.Run(tc.desc, func(t *testing.T) { assert.Equal(t, tc.want, display.Isolate(tc.text)) })
	}
}
