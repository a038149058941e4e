package defaults_test

import (
	"slices"
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

// group is the language of a canonical tag, in which matching must stay. It is a second, simpler
// statement of the rule.
func group(tag string) string {
	language, _, _ := strings.Cut(tag, "-")
	for group, codes := range map[string]string{"no": "nb nn", "sr": "sh cnr", "zh": "cmn", "ms": "zsm", "ar": "arb", "sw": "swh", "ro": "mo", "fil": "tl"} {
		if slices.Contains(strings.Fields(codes), language) {
			return group
		}
	}
	return language
}

func requireSameLanguage(tb testing.TB, asked, shown string) {
	tb.Helper()
	canonical, ok := defaults.CanonicalLanguage(asked)
	require.True(tb, ok, asked)
	require.Equal(tb, group(canonical), group(shown), "%q was asked for, %q is shown", asked, shown)
}

// offering returns a site that offers the languages given, its own first.
func offering(tb testing.TB, languages string) *defaults.Sites {
	tb.Helper()
	return newSites(tb, oneSite(func(s *defaults.Site) {
		s.Languages = strings.Fields(languages)
		s.Language = s.Languages[0]
	})...)
}

func TestResolve_LanguageMatches(t *testing.T) {
	for _, tc := range []struct {
		desc    string
		asked   string
		offered string // the site's own language first
		want    string // empty: none of them
	}{
		{"the same", "en", "sw en", "en"},
		{"another spelling", "EN_us", "sw en-US", "en-US"},
		{"a region for the language", "en_GB", "sw en", "en"},
		{"the language for a region", "de", "sw de-CH", "de-CH"},
		{"one region for another", "de-AT", "sw de-CH", "de-CH"},
		{"a variant for the language", "ca", "sw ca-valencia", "ca-valencia"},
		{"the language for a variant", "de-1996", "sw de", "de"},
		{"an extension says nothing", "en-US-u-hc-h12", "sw en-GB en-US", "en-US"},
		{"private use says nothing", "en-x-pirate", "sw en", "en"},

		{"exact before the site's own", "de-AT", "de de-AT", "de-AT"},
		{"exact before the bare tag", "de-AT", "sw de de-AT", "de-AT"},
		{"exact under another spelling of the script", "zh-Hant-TW", "zh-Hant zh-TW", "zh-TW"},
		{"exact spelling before an equal one", "zh-Hant-TW", "zh-TW zh-Hant-TW", "zh-Hant-TW"},
		{"a variant's region before the site's own", "de-CH-1996", "de de-CH", "de-CH"},
		{"es-AR reads es-419", "es-AR", "es es-MX es-419", "es-419"},
		{"es-AR reads its relative es-MX before es", "es-AR", "es es-MX", "es-MX"},
		{"es-MX reads es-419", "es-MX", "sw es es-419", "es-419"},
		{"es-419 reads what is below it", "es-419", "es-ES es-CO", "es-CO"},
		{"es-ES does not read es-419 first", "es-ES", "es es-419", "es"},
		{"en-AU reads en-001", "en-AU", "en-US en-GB en-001", "en-001"},
		{"en-AU reads en-GB", "en-AU", "en-US en-GB", "en-GB"},
		{"en-AU reads en-GB before en-IN", "en-AU", "en-IN en-GB", "en-GB"},
		{"en-AU reads en-IN before en-US", "en-AU", "en-US en-IN", "en-IN"},
		{"en-DE reads en-150 before en-001", "en-DE", "en-US en-001 en-150", "en-150"},
		{"en-DE reads en-001", "en-DE", "en-US en-001", "en-001"},
		{"en-CA is no relative of en-GB", "en-CA", "en en-GB", "en"},
		{"pt-AO reads pt-PT", "pt-AO", "pt-BR pt-PT", "pt-PT"},
		{"pt-AO reads its relative pt-MZ", "pt-AO", "pt-BR pt-MZ", "pt-MZ"},
		{"zh-MO reads zh-HK", "zh-MO", "zh-TW zh-HK", "zh-HK"},
		{"zh-MO reads zh-Hant-HK", "zh-MO", "zh-TW zh-Hant-HK", "zh-Hant-HK"},
		{"the site's own before the bare tag", "de-AT", "de-CH de", "de-CH"},
		{"the site's own for a bare tag", "en", "en-GB en-US", "en-GB"},
		{"the bare tag before the site's order", "de-AT", "sw de-CH de", "de"},
		{"the site's order", "de-AT", "sw de-CH de-DE", "de-CH"},

		{"nb and no", "nb", "en no", "no"},
		{"no and nb", "no", "en nb", "nb"},
		{"nn and nb", "nn", "en nb", "nb"},
		{"nb-NO reads no before nn", "nb-NO", "nn no", "no"},
		{"nb-NO reads nb before no", "nb-NO", "no nn nb", "nb"},
		{"no-NO reads no", "no-NO", "nn nb no", "no"},
		{"no reads the site's own", "no", "nn nb", "nn"},

		{"iw", "iw", "en he", "he"},
		{"offered as iw", "he-IL", "en iw", "he"},
		{"in", "in", "en id", "id"},
		{"ji", "ji", "en yi", "yi"},
		{"tl", "tl-PH", "en fil", "fil"},
		{"offered as tl", "fil", "en tl", "fil"},
		{"mo", "mo", "en ro", "ro"},
		{"sh is Serbian in Latin script", "sh", "sr-Cyrl sr-Latn", "sr-Latn"},
		{"cnr is Serbian in Latin script", "cnr", "sr-Cyrl sr-Latn", "sr-Latn"},
		{"cnr of Montenegro", "cnr", "sr-Latn sr-Latn-ME", "sr-Latn-ME"},
		{"offered as cnr", "sr-ME", "en cnr", "cnr"},
		{"cnr in Cyrillic", "cnr-Cyrl", "sr-Latn sr-Cyrl", "sr-Cyrl"},
		{"cmn", "cmn-Hans", "en zh", "zh"},
		{"zh-cmn", "zh-cmn-Hant", "en zh-TW", "zh-TW"},
		{"zsm", "zsm", "en ms", "ms"},
		{"arb", "arb", "en ar-EG", "ar-EG"},
		{"swh", "swh", "en sw", "sw"},
		{"offered as swh", "sw-KE", "en swh", "swh"},

		{"zh-TW and zh-Hant", "zh-TW", "en zh-Hant", "zh-Hant"},
		{"zh-HK among both scripts", "zh-HK", "zh-Hans zh-Hant", "zh-Hant"},
		{"zh is simplified", "zh", "zh-Hant zh-Hans", "zh-Hans"},
		{"zh-SG is simplified", "zh-SG", "zh-TW zh-CN", "zh-CN"},
		{"the script before the region", "zh-Hans-HK", "zh-HK zh-CN", "zh-CN"},
		{"Serbian in both scripts", "sr-Latn", "en sr", "sr"},
		{"Serbian in the script asked for", "sr-Latn-RS", "sr sr-Latn", "sr-Latn"},
		{"Bosnian in both scripts", "bs-Cyrl", "en bs", "bs"},
		{"Punjabi of Pakistan", "pa-PK", "pa pa-Arab", "pa-Arab"},
		{"Azerbaijani in its usual script", "az-Latn-AZ", "en az", "az"},
		{"Latin script written out", "en-Latn", "sw en", "en"},
		{"Cyrillic written out", "uk-Cyrl", "sw uk", "uk"},

		{"zh-TW and zh", "zh-TW", "en zh", ""},
		{"zh-TW and zh-CN", "zh-TW", "en zh-CN", ""},
		{"zh-CN and zh-Hant", "zh-CN", "en zh-Hant", ""},
		{"Punjabi in another script", "pa", "en pa-PK", ""},
		{"Azerbaijani in another script", "az", "en az-Cyrl", ""},
		{"Uzbek in another script", "uz-Cyrl", "en uz", ""},
		{"Kazakh of China", "kk-CN", "en kk", ""},
		{"Hindi in Latin script", "hi-Latn", "en-IN hi", ""},
		{"Malay is not Indonesian", "ms", "en id", ""},
		{"Indonesian is not Malay", "id", "en ms", ""},
		{"Croatian is not Serbian", "hr", "en sr-Latn", ""},
		{"Bosnian is not Croatian", "bs", "en hr sr", ""},
		{"Serbo-Croatian is not Croatian", "sh", "en hr bs", ""},
		{"Cantonese is not Chinese", "yue", "en zh-HK zh", ""},
		{"Dari is not Persian", "prs", "en fa", ""},
		{"Latgalian is not Latvian", "ltg", "en lv", ""},
		{"Egyptian Arabic is not Arabic", "arz", "en ar", ""},
		{"Basque is not Spanish", "eu", "en es", ""},
		{"Catalan is not Spanish", "ca", "en es", ""},
		{"Galician is not Spanish", "gl", "pt es", ""},
		{"Swiss German is not German", "gsw", "fr de", ""},
		{"Danish is not Norwegian", "da", "en no nb nn", ""},
		{"Norwegian is not Danish", "nb", "en da", ""},
		{"Ukrainian is not Russian", "uk", "en ru", ""},
		{"Japanese is not English", "ja", "de en fr", ""},
		{"Czech is not Slovak", "cs", "en sk", ""},
		{"Haitian is not French", "ht", "en fr-HT fr", ""},
		{"Afrikaans is not Dutch", "af", "en nl", ""},
		{"Breton is not French", "br", "en fr", ""},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			sites := offering(t, tc.offered)
			own := strings.Fields(tc.offered)[0]
			in := defaults.Input{Choices: defaults.Choices{Language: tc.asked}}
			v := sites.Resolve(in)
			checked, err := sites.Check(in, everyField)
			if tc.want == "" {
				assert.Equal(t, from{own, defaults.SourceSiteLanguage}, valueOf(v, defaults.FieldLanguage))
				assert.Equal(t, []defaults.Invalid{{Field: defaults.FieldLanguage, Value: tc.asked, Reason: defaults.ReasonNotOffered}}, invalids(t, err))
				return
			}
			assert.Equal(t, from{tc.want, defaults.SourceChoice}, valueOf(v, defaults.FieldLanguage))
			require.NoError(t, err)
			canonical, ok := defaults.CanonicalLanguage(tc.asked)
			require.True(t, ok)
			assert.Equal(t, canonical, checked.Language, "what is stored is what was asked for")
		})
	}
}

func TestResolve_LanguageKeepsItsRegionAcrossSites(t *testing.T) {
	sites := newSites(t,
		defaults.Site{Code: "one", Default: true, Currency: "EUR", Country: "DE", Language: "en", Languages: []string{"de"}},
		defaults.Site{Code: "two", Currency: "EUR", Country: "DE", Language: "en", Languages: []string{"de-DE", "de-AT"}},
	)
	choices, err := sites.Check(defaults.Input{Choices: defaults.Choices{Language: "de-AT"}}, everyField)
	require.NoError(t, err)
	assert.Equal(t, "de", sites.Resolve(defaults.Input{Choices: choices}).Language)
	choices.Site = "two"
	assert.Equal(t, "de-AT", sites.Resolve(defaults.Input{Choices: choices}).Language)
}

func TestResolve_LanguageOfAProfileLosesAnUnparsableTail(t *testing.T) {
	sites := offering(t, "en de de-AT fr zh-TW sr ca-valencia")
	for _, tc := range []struct{ desc, profile, want string }{
		{"WordPress", "de_DE_formal", "de"},
		{"WordPress, a region that is offered", "de_AT_formal", "de-AT"},
		{"POSIX", "de_DE.UTF-8", "de"},
		{"POSIX with a modifier", "fr_FR.ISO-8859-15@euro", "fr"},
		{"POSIX with a script", "sr_RS@latin", "sr"},
		{"Java", "zh_TW_#Hant", "zh-TW"},
		{"a variant that is one", "ca_ES_valencia", "ca-valencia"},
		{"blanks", " de\t", "de"},
		{"an empty tail", "de-", "de"},
		{"a tail of rubbish", "fr-FR-!!-??", "fr"},
		{"longer than a tag", "de-AT-" + strings.Repeat("abcdefgh-", 100), "de-AT"},
		{"a tag and a half", "de-DE-u-co-phonebk-ka-shifted-kb-true-kc-false", "de"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			v := sites.Resolve(defaults.Input{Customer: &defaults.Customer{Language: tc.profile}})
			assert.Equal(t, from{tc.want, defaults.SourcePreferredLanguage}, valueOf(v, defaults.FieldLanguage))
		})
	}
	for profile, reason := range map[string]defaults.Reason{
		"german": defaults.ReasonMalformed, ".UTF-8": defaults.ReasonMalformed, "C.UTF-8": defaults.ReasonMalformed, "-de": defaults.ReasonMalformed,
		"xx_DE.UTF-8": defaults.ReasonUnknownCode, "ja_JP.UTF-8": defaults.ReasonNotOffered,
		strings.Repeat("a", 1000): defaults.ReasonMalformed, strings.Repeat("-", 1000): defaults.ReasonMalformed,
	} {
		_, rejected := sites.Explain(defaults.Input{Customer: &defaults.Customer{Language: profile}})
		require.Len(t, rejected, 1, profile)
		assert.Equal(t, reason, rejected[0].Reason, profile)
	}
}

// Whatever is asked for and offered: a match stays within its language and among what is offered,
// and an offered tag gets itself.
func TestResolve_LanguageNeverLeavesItsGroup(t *testing.T) {
	stock := strings.Fields("en en-GB en-AU en-001 en-150 en-US de de-AT de-CH-1996 gsw nb nn no no-NO nb-NO da sv zh zh-TW zh-HK zh-MO zh-Hans-HK yue cmn " +
		"sr sr-Latn sr-Cyrl-ME cnr sh hr bs bs-Cyrl es es-419 es-AR es-MX eu ca ca-valencia gl pt pt-PT pt-AO fil tl he iw id ms zsm ar arb arz fa prs " +
		"pa pa-Arab hi hi-Latn ro mo sw swh uz uz-Cyrl en-x-pirate fr fr-HT ht")
	w := newWorld(7)
	matched := 0
	for range trials {
		offered := []string{w.one(stock)}
		for range 1 + w.IntN(6) {
			offered = append(offered, w.one(stock))
		}
		sites, asked := offering(t, strings.Join(offered, " ")), w.one(stock)
		list := sites.List()[0].Languages
		v := sites.Resolve(defaults.Input{Choices: defaults.Choices{Language: asked}})
		require.Contains(t, list, v.Language)
		canonical, _ := defaults.CanonicalLanguage(asked)
		if slices.Contains(list, canonical) {
			require.Equal(t, from{canonical, defaults.SourceChoice}, valueOf(v, defaults.FieldLanguage), "%q of %q", asked, list)
		}
		if v.Sources[defaults.FieldLanguage] == defaults.SourceChoice {
			matched++
			requireSameLanguage(t, asked, v.Language)
		}
	}
	assert.Greater(t, matched, trials/10, "the trials match something")
	assert.Less(t, matched, trials*9/10, "and not everything")
}
