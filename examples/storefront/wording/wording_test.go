package wording_test

import (
	"maps"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/examples/storefront/wording"
)

var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

func TestTexts_AreTheSameInEveryLanguage(t *testing.T) {
	english := wording.For("en").Texts()
	for _, l := range wording.Languages() {
		texts := l.Texts()
		assert.Equal(t, slices.Sorted(maps.Keys(english)), slices.Sorted(maps.Keys(texts)), "texts of %s", l.Tag)
		for key, text := range texts {
			assert.NotEmpty(t, text, "%s of %s", key, l.Tag)
			want := placeholder.FindAllString(english[key], -1)
			got := placeholder.FindAllString(text, -1)
			slices.Sort(want)
			slices.Sort(got)
			assert.Equal(t, want, got, "placeholders of %s of %s", key, l.Tag)
		}
	}
}

func TestTexts_CoverEverySourceAndReason(t *testing.T) {
	l := wording.For("en")
	for s := defaults.SourceChoice; s <= defaults.SourceSiteLanguage; s++ {
		assert.NotPanics(t, func() { l.Text("source." + s.String()) }, s)
	}
	for r := defaults.ReasonMalformed; r <= defaults.ReasonOverruled; r++ {
		assert.NotPanics(t, func() { l.Text("reason." + r.String()) }, r)
	}
	for f := range defaults.Field(defaults.NumFields) {
		assert.NotPanics(t, func() { l.Text("field." + f.String()) }, f)
	}
}

func TestTexts_CoverEverySourceThatCanBeRejected(t *testing.T) {
	l := wording.For("en")
	for s := defaults.SourceChoice; s <= defaults.SourceSiteLanguage; s++ {
		switch s {
		case defaults.SourceDefaultSite, defaults.SourceSiteCurrency, defaults.SourceHomeBase, defaults.SourceSiteLanguage:
			continue // the last candidate always holds
		}
		assert.NotPanics(t, func() { l.Text("rejected." + s.String()) }, s)
	}
}

func TestFor_ReturnsTheLanguageThatIsReadElseEnglish(t *testing.T) {
	for _, tc := range []struct{ desc, tag, want, dir string }{
		{"its own", "de", "de", "ltr"},
		{"a region of it", "de-AT", "de", "ltr"},
		{"written from right to left", "ar-MR", "ar", "rtl"},
		{"read by those who read the other", "gsw", "de", "ltr"},
		{"no texts", "sv", "en", "ltr"},
		{"no texts, not even near", "zh-TW", "en", "ltr"},
		{"no language", "nonsense!", "en", "ltr"},
	} {
		l := wording.For(tc.tag)
		assert.Equal(t, tc.want, l.Tag, tc.desc)
		assert.Equal(t, tc.dir, l.Dir, tc.desc)
	}
}

func TestDir_FollowsTheScript(t *testing.T) {
	for tag, want := range map[string]string{
		"en": "ltr", "ar": "rtl", "he": "rtl", "fa-IR": "rtl", "ur": "rtl", "az": "ltr", "az-Arab": "rtl", "ja": "ltr", "!": "ltr",
	} {
		assert.Equal(t, want, wording.Dir(tag), tag)
	}
}

func TestText_TakesItsValues(t *testing.T) {
	assert.Equal(t, "Prices in CHF, delivered to Chad.", wording.For("en").Text("hero.text", "currency", "CHF", "country", "Chad"))
	assert.Equal(t, "في السلة: \u2068٣\u2069", wording.For("ar").Text("in-cart", "n", wording.For("ar").Number(3)),
		"a value is kept apart from the direction of the sentence")
}

func TestText_PanicsOnMistakes(t *testing.T) {
	l := wording.For("en")
	for _, tc := range []struct {
		desc, key string
		pairs     []string
	}{
		{"no such text", "nope", nil},
		{"a value is missing", "hero.text", []string{"currency", "CHF"}},
		{"a name without value", "in-cart", []string{"n"}},
		{"another name", "in-cart", []string{"m", "1"}},
		{"a value that nobody asked for", "cart", []string{"n", "1"}},
	} {
		assert.Panics(t, func() { l.Text(tc.key, tc.pairs...) }, tc.desc)
	}
}

func TestIsolate_ATextFromElsewhereTurnsNothingAbout(t *testing.T) {
	for _, tc := range []struct{ desc, text, want string }{
		{"plain", "Demo Shop Zürich", "Demo Shop Zürich"},
		{"an override", "Demo \u202eShop", "Demo Shop"},
		{"an override that is closed", "\u202dDemo\u202c Shop", "Demo Shop"},
		{"embeddings", "\u202aDemo\u202c \u202bShop\u202c", "Demo Shop"},
		{"isolates that are never closed", "Demo \u2067Shop\u2066", "Demo Shop"},
		{"an end too many", "Demo\u2069 Shop", "Demo Shop"},
		{"lines", "Demo\nShop\u2029Two", "Demo Shop Two"},
		{"controls", "Demo\x00\x1b Shop", "Demo Shop"},
		{"Arabic with its dots", "أ.م.", "\u2068أ.م.\u2069"},
		{"a dirham's sign", "د.إ.", "\u2068د.إ.\u2069"},
		{"a dinar's sign", "د.ج.", "\u2068د.ج.\u2069"},
		{"a riyal's sign with a mark of direction", "ر.س.\u200f", "\u2068ر.س.\u200f\u2069"},
		{"Hebrew", "חנות", "\u2068חנות\u2069"},
		{"both", "Shop متجر!", "\u2068Shop متجر!\u2069"},
		{"what joins letters", "می\u200cخواهم", "\u2068می\u200cخواهم\u2069"},
		{"Arabic and an override", "\u202dمتجر", "\u2068متجر\u2069"},
		{"Japanese", "デモ", "デモ"},
		{"Thai", "ร้านค้า", "ร้านค้า"},
		{"Persian digits", "۱۲۳", "۱۲۳"},
		{"N’Ko", "ߒߞߏ", "\u2068ߒߞߏ\u2069"},
		{"Adlam", "𞤀𞤣𞤤𞤢𞤥", "\u2068𞤀𞤣𞤤𞤢𞤥\u2069"},
		{"a mark of the Arabic letter", "Shop\u061c!", "\u2068Shop\u061c!\u2069"},
		{"a family, joined", "👩\u200d👧", "👩\u200d👧"},
		{"bytes that are no UTF-8", "Demo\xff", "Demo\ufffd"},
		{"nothing", "", ""},
	} {
		assert.Equal(t, tc.want, wording.Isolate(tc.text), tc.desc)
	}
	assert.Equal(t, "In the cart: \u2068متجر\u2069", wording.For("en").Text("done.added", "product", "متجر"), "on a page from left to right too")
}
