package languages_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/language"

	"github.com/sessionctx/storefront/internal/languages"
)

func TestCanonical_SaysWhetherARefusedTagIsWellFormed(t *testing.T) {
	for _, tc := range []struct {
		desc, tag, want string
		wellFormed, ok  bool
	}{
		{"a tag", "en_gb", "en-GB", true, true},
		{"a language that nobody knows", "xx", "", true, false},
		{"no language of a person", "mul", "", true, false},
		{"a country of three letters", "de-CHE", "", true, false},
		{"a word", "german language", "", false, false},
		{"a tag that is too long", "en-" + "abcdefgh-abcdefgh-abcdefgh-abcdefgh", "", false, false},
		{"nothing", "", "", false, false},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			tag, wellFormed, ok := languages.Canonical(tc.tag)
			assert.Equal(t, tc.want, tag)
			assert.Equal(t, tc.wellFormed, wellFormed)
			assert.Equal(t, tc.ok, ok)
		})
	}
}

func TestSplit_TakesATagApart(t *testing.T) {
	for _, tc := range []struct {
		tag, without string // the tag without extensions
		want         languages.Subtags
	}{
		{"de", "de", languages.Subtags{Language: "de"}},
		{"de-CH", "de-CH", languages.Subtags{Language: "de", Region: "CH"}},
		{"es-419", "es-419", languages.Subtags{Language: "es", Region: "419"}},
		{"zh-Hant", "zh-Hant", languages.Subtags{Language: "zh", Script: "Hant"}},
		{"zh-Hant-TW", "zh-Hant-TW", languages.Subtags{Language: "zh", Script: "Hant", Region: "TW"}},
		{"de-1901", "de-1901", languages.Subtags{Language: "de", Variants: "1901"}},
		{"ca-ES-valencia", "ca-ES-valencia", languages.Subtags{Language: "ca", Region: "ES", Variants: "valencia"}},
		{"sl-rozaj-biske-1994", "sl-rozaj-biske-1994", languages.Subtags{Language: "sl", Variants: "rozaj-biske-1994"}},
		{"de-DE-1996-u-co-phonebk", "de-DE-1996", languages.Subtags{Language: "de", Region: "DE", Variants: "1996"}},
		{"en-x-shop", "en", languages.Subtags{Language: "en"}},
	} {
		canonical, _, ok := languages.Canonical(tc.tag)
		require.True(t, ok, tc.tag)
		require.Equal(t, tc.tag, canonical)
		got := languages.Split(tc.tag)
		assert.Equal(t, tc.want, got, tc.tag)
		assert.Equal(t, tc.without, got.String(), tc.tag)
	}
}

// What golang.org/x/text says of a tag is another statement of the rule.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{"de", "zh-Hant-TW", "ca-ES-valencia", "de-DE-1996-u-co-phonebk", "en-x-shop", "i-klingon", "en-t-de-m0-abc", "sr-Cyrl-419", "sl-rozaj-biske-1994"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		canonical, _, ok := languages.Canonical(s)
		if !ok {
			return
		}
		tag, err := language.Parse(canonical)
		require.NoError(t, err)
		base, script, region := tag.Raw()
		got := languages.Split(canonical)
		require.Equal(t, base.String(), got.Language, canonical)
		require.Equal(t, script != language.Script{}, got.Script != "", canonical)
		require.Equal(t, region != language.Region{}, got.Region != "", canonical)
		if got.Script != "" {
			require.Equal(t, script.String(), got.Script, canonical)
		}
		if got.Region != "" {
			require.Equal(t, region.String(), got.Region, canonical)
		}
		again, _, ok := languages.Canonical(got.String())
		require.True(t, ok, canonical)
		require.Equal(t, got, languages.Split(again), canonical)
	})
}
