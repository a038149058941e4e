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

func TestText_TakesItsValues(t *testing.T) {
	assert.Equal(t, "Prices in CHF, delivered to Chad.", wording.For("en").Text("hero.text", "currency", "CHF", "country", "Chad"))
	assert.Equal(t, "في السلة: \u20683\u2069", wording.For("ar").Text("in-cart", "n", wording.For("ar").Number(3)),
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

func TestText_ValueTurnsNothingAbout(t *testing.T) {
	en := wording.For("en")
	assert.Equal(t, "In the cart: \u2068متجر\u2069", en.Text("done.added", "product", "متجر"), "on a page from left to right too")
	assert.Equal(t, "In the cart: \u2068MRU (\u2068أ.م.\u2069)\u2069", en.Text("done.added", "product", "MRU (\u2068أ.م.\u2069)"), "what is isolated in it stays so")
	assert.Equal(t, "في السلة: \u2068Demo\u2069", wording.For("ar").Text("in-cart", "n", "Demo"))
}
