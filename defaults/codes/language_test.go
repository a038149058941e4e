package codes_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults/codes"
)

func TestLanguage_SpellsATagInOneWay(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"en", "en"}, {"EN", "en"}, {"en_gb", "en-GB"}, {"EN-us", "en-US"}, {"zh_hant_tw", "zh-Hant-TW"}, {"SR-cyrl-rs", "sr-Cyrl-RS"},
		{"iw", "he"}, {"no", "no"}, {"nb", "nb"}, {"i-klingon", "tlh"}, {"en-GB-oed", "en-GB-oxendict"}, {"de-1901", "de-1901"}, {"es-419", "es-419"},
		{"zh-yue-HK", "yue-HK"}, {"ms-zsm", "zsm"}, {"no-bok", "nb"}, {"no-nyn", "nn"}, {"i-hak", "hak"}, {"zh-min-nan", "nan"}, {"sgn-BE-FR", "sfb"},
		{"ger", "de"}, {"zho-TW", "zh-TW"}, {"en-826", "en-GB"}, {"en-uk", "en-GB"}, {"jw", "jv"}, {"sh", "sr-Latn"},
	} {
		got, ok := codes.Language(tc.in)
		assert.True(t, ok, tc.in)
		assert.Equal(t, tc.want, got)
	}
	for _, in := range []string{
		"", " ", "e", "english", "german", " en", "en ", "en-", "-en", "en--US", "en-US.UTF-8", "C", "de\x00", "dé",
		"xx", "en-foobar", "und", "und-DE", "mul", "mis", "zxx", "root", "x-private", "*",
		"en-1996-biske-GB-" + strings.Repeat("a", 30),
		"en-ekavsk-1996-GB",                                                            // the region behind the variants: x/text passes it
		"de-CHE", "en_USA", "pt-BRA", "zh-CHN", "de-gsw", "zh-jpn", "en-cmn", "no-NOR", // x/text takes the country for a language
		"sh-no-polyton-1901-1996-", // a tag cut off
		"sh-no-polyton-1901-1996-arevmda" /* 31 bytes, which become 36 */, strings.Repeat("a-", 1000),
	} {
		got, ok := codes.Language(in)
		assert.False(t, ok, in)
		assert.Empty(t, got, in)
	}
}

// A language tag that is accepted is canonical: it is spelled in one way, and stays as it is when
// it is accepted again.
func FuzzLanguage(f *testing.F) {
	for _, s := range []string{
		"de", "DE", "Euro", "en_GB", "EN-us", "iw", "sh", "mo", "zh-cmn-Hans", "i-klingon", "x-foo", "und", "mul-DE",
		"en-US-u-hc-h12", "en-US-POSIX", "de-1996-1901", "en-GB-oed", "sgn-BE-FR", "art-lojban", "en-a-bbb-x-y", "en-t-de-m0-abc", "root", "", "é", "de-CHE", "zh-yue-HK", "no-nyn", "ms-PSE", "i-hak",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, ok := codes.Language(s)
		if !ok {
			require.Empty(t, c)
			return
		}
		again, ok := codes.Language(c)
		require.True(t, ok, "language %q is accepted, its canonical spelling %q is not", s, c)
		require.Equal(t, c, again, "of %q", s)
		for _, spelling := range []string{strings.ToUpper(s), strings.ToLower(s), strings.ReplaceAll(s, "-", "_")} {
			same, ok := codes.Language(spelling)
			require.True(t, ok, "language %q is accepted, %q is not", s, spelling)
			require.Equal(t, c, same, "%q and %q", s, spelling)
		}
	})
}
