package defaults_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
)

func TestCanonicalLanguage(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"en", "en"}, {"EN", "en"}, {"en_gb", "en-GB"}, {"EN-us", "en-US"}, {"zh_hant_tw", "zh-Hant-TW"}, {"SR-cyrl-rs", "sr-Cyrl-RS"},
		{"iw", "he"}, {"no", "no"}, {"nb", "nb"}, {"i-klingon", "tlh"}, {"en-GB-oed", "en-GB-oxendict"}, {"de-1901", "de-1901"}, {"es-419", "es-419"},
	} {
		got, ok := defaults.CanonicalLanguage(tc.in)
		assert.True(t, ok, tc.in)
		assert.Equal(t, tc.want, got)
	}
	for _, in := range []string{
		"", " ", "e", "english", "german", " en", "en ", "en-", "-en", "en--US", "en-US.UTF-8", "C", "de\x00", "dé",
		"xx", "en-foobar", "und", "und-DE", "mul", "mis", "zxx", "root", "x-private", "*",
		"en-1996-biske-GB-" + strings.Repeat("a", 30),
		"en-ekavsk-1996-GB",        // the region behind the variants: x/text passes it
		"sh-no-polyton-1901-1996-", // a tag cut off
		"sh-no-polyton-1901-1996-arevmda" /* 31 bytes, which become 36 */, strings.Repeat("a-", 1000),
	} {
		got, ok := defaults.CanonicalLanguage(in)
		assert.False(t, ok, in)
		assert.Empty(t, got, in)
	}
}

func TestALanguageServesReadersOfNearLanguages(t *testing.T) {
	for _, tc := range []struct {
		reads   string
		offered string
		want    string // empty: none of them
	}{
		{"en_GB", "pl en", "en"},
		{"EN", "pl en", "en"},
		{"de-CH", "de", "de"},
		{"de", "de-CH", "de-CH"},
		{"de-AT", "en de de-CH", "de"},
		{"de-AT", "en de-CH de", "de-CH"}, // of two that are as near the shop's first
		{"nb", "en no", "no"},
		{"no", "en nb", "nb"},
		{"nn", "en nb", "nb"},
		{"iw", "en he", "he"},
		{"fil", "en tl", "fil"},
		{"zh-TW", "en zh-Hant", "zh-Hant"},
		{"zh-HK", "zh-Hans zh-Hant", "zh-Hant"},
		{"zh-TW", "en zh", ""}, // zh is read as simplified
		{"zh-CN", "en zh-Hant", ""},
		{"zh", "zh-Hant zh-Hans", "zh-Hans"},
		{"sr-Latn", "sr", ""},
		{"pt-BR", "pt-PT", "pt-PT"},
		{"pt-BR", "pt-PT pt-BR", "pt-BR"},
		{"es-MX", "es es-419", "es-419"},
		{"en-AU", "en-US en-GB", "en-GB"},
		{"gsw", "fr de", "de"},
		{"ja", "de en fr", ""},
		{"uk", "de en fr", ""},
		{"uk", "ru", ""},
		{"ca", "es", ""},
		{"cs", "sk", ""},
		{"id", "ms", ""},
	} {
		t.Run(tc.reads+" of "+tc.offered, func(t *testing.T) {
			// The site's own language comes first; it must not be taken for want of a better one.
			sites := newSites(t, oneSite(func(s *defaults.Site) { s.Language, s.Languages = "sw", strings.Fields(tc.offered) })...)
			in := defaults.Input{Choices: defaults.Choices{Language: tc.reads}}
			v := sites.Resolve(in)
			checked, err := sites.Check(in, everyField)
			if tc.want == "" {
				assert.Equal(t, from{"sw", defaults.SourceSiteLanguage}, valueOf(v, defaults.FieldLanguage))
				assert.Equal(t, []defaults.Invalid{{Field: defaults.FieldLanguage, Value: tc.reads, Reason: defaults.ReasonNotOffered}}, invalids(t, err))
				return
			}
			assert.Equal(t, from{tc.want, defaults.SourceChoice}, valueOf(v, defaults.FieldLanguage))
			require.NoError(t, err)
			assert.Equal(t, tc.want, checked.Language)
		})
	}
}
