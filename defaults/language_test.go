package defaults_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/defaults/codes"
)

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
	canonical, ok := codes.Language(asked)
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
		{"es-AR reads the site's own before its relative es-MX", "es-AR", "es es-MX", "es"},
		{"es-AR reads the bare tag before its relative es-MX", "es-AR", "pt es-MX es", "es"},
		{"es-US reads es-419", "es-US", "es-ES es-419", "es-419"},
		{"es-MX reads es-419", "es-MX", "sw es es-419", "es-419"},
		{"es-419 reads the site's own before what is below it", "es-419", "es-ES es-CO", "es-ES"},
		{"es-ES does not read es-419 first", "es-ES", "es es-419", "es"},
		{"en-AU reads en-001", "en-AU", "en-US en-GB en-001", "en-001"},
		{"en-AU reads en-GB", "en-AU", "en-US en-GB", "en-GB"},
		{"en-AU reads en-GB before en-IN", "en-AU", "en-IN en-GB", "en-GB"},
		{"en-AU reads the site's own before its relative en-IN", "en-AU", "en-US en-IN", "en-US"},
		{"en-NZ reads en-GB before en-AU", "en-NZ", "en-AU en-GB", "en-GB"},
		{"en-150 reads en-001", "en-150", "en-US en-GB en-001", "en-001"},
		{"en-SE reads en-GB", "en-SE", "en-US en-IE en-GB", "en-GB"},
		{"en-PH is no relative of en-GB", "en-PH", "en-US en-GB", "en-US"},
		{"en-DE reads en-150 before en-001", "en-DE", "en-US en-001 en-150", "en-150"},
		{"en-DE reads en-001", "en-DE", "en-US en-001", "en-001"},
		{"en-CA is no relative of en-GB", "en-CA", "en en-GB", "en"},
		{"pt-AO reads pt-PT", "pt-AO", "pt-BR pt-PT", "pt-PT"},
		{"pt-AO reads the site's own before its relative pt-MZ", "pt-AO", "pt-BR pt-MZ", "pt-BR"},
		{"pt-CH reads pt-PT", "pt-CH", "pt pt-BR pt-PT", "pt-PT"},
		{"pt-MO reads pt-PT", "pt-MO", "zh-MO pt-BR pt-PT", "pt-PT"},
		{"pt-BR is no relative of pt-PT", "pt-BR", "pt pt-PT", "pt"},
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
		{"cnr with a variant is in Latin script, too", "cnr-ekavsk", "sr-Cyrl sr-Latn", "sr-Latn"},
		{"cmn", "cmn-Hans", "en zh", "zh"},
		{"zh-cmn", "zh-cmn-Hant", "en zh-TW", "zh-TW"},
		{"zsm", "zsm", "en ms", "ms"},
		{"arb", "arb", "en ar-EG", "ar-EG"},
		{"swh", "swh", "en sw", "sw"},
		{"offered as swh", "sw-KE", "en swh", "swh"},
		{"jw", "jw", "en jv", "jv"},
		{"offered as in", "id", "en in", "id"},
		{"offered as ji", "yi-US", "en ji", "yi"},
		{"offered as mo", "ro", "en mo", "ro-MD"},
		{"offered as sh", "sr", "en sh", "sr-Latn"},
		{"offered as cmn", "zh-CN", "en cmn", "cmn"},
		{"offered as zsm", "ms-MY", "en zsm", "zsm"},
		{"offered as arb", "ar-MA", "en arb", "arb"},
		{"offered as nn", "no", "en nn", "nn"},
		{"three letters", "deu-AT", "en de", "de"},
		{"three letters of a bibliography", "ger", "en de", "de"},
		{"i-klingon", "i-klingon", "en tlh", "tlh"},
		{"offered as i-klingon", "tlh", "en i-klingon", "tlh"},
		{"i-lux", "i-lux", "en lb", "lb"},
		{"i-navajo", "i-navajo", "en nv", "nv"},
		{"zh-guoyu", "zh-guoyu", "en zh-CN", "zh-CN"},
		{"zh-min-nan", "zh-min-nan", "en nan", "nan"},
		{"art-lojban", "art-lojban", "en jbo", "jbo"},
		{"no-bok", "no-bok", "en nn nb", "nb"},
		{"no-nyn", "no-nyn", "nb nn", "nn"},
		{"en-GB-oed", "en-GB-oed", "en-US en-GB", "en-GB"},
		{"an extended language", "zh-yue-HK", "zh-HK yue", "yue"},
		{"an extended language that is its macrolanguage", "ms-zsm", "en ms", "ms"},
		{"ar-arb", "ar-arb", "en ar", "ar"},
		{"sw-swh", "sw-swh-KE", "en sw", "sw"},
		{"a country under another code", "en-UK", "en-US en-GB", "en-GB"},
		{"a country by number", "en-826", "en-US en-GB", "en-GB"},
		{"a country that is gone", "de-DD", "en de", "de"},

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
		{"Azerbaijani of Iran", "az-IR", "az az-Arab", "az-Arab"},
		{"Bosnian in the script asked for", "bs-Cyrl-BA", "bs bs-Cyrl", "bs-Cyrl"},
		{"Serbian of Montenegro is in Latin script", "sr-ME", "sr sr-Latn", "sr-Latn"},
		{"Kurdish of Iraq", "ku-IQ", "ku ku-Arab", "ku-Arab"},
		{"Mongolian of China", "mn-CN", "mn mn-Mong", "mn-Mong"},
		{"Malay of Indonesia", "ms-ID", "id ms", "ms"},
		{"Chinese of Malaysia", "zh-MY", "zh-TW zh-CN", "zh-CN"},
		{"Chinese of the United States", "zh-US", "zh-CN zh-TW", "zh-TW"},
		{"zh-Hant reads a region of it", "zh-Hant", "zh-CN zh-HK", "zh-HK"},
		{"Latin script written out", "en-Latn", "sw en", "en"},
		{"Hmong of Laos, its script written out", "hmn-Latn-LA", "en hmn", "hmn"},
		{"Uzbek offered with its usual script", "uz-UZ", "en uz-Latn", "uz-Latn"},
		{"Filipino offered as tl-PH", "fil", "en tl-PH", "fil-PH"},
		{"Serbian of Kosovo", "sr-XK", "en sr-Latn", "sr-Latn"},
		{"a region that does not exist", "en-XX", "de en", "en"},
		{"Cyrillic written out", "uk-Cyrl", "sw uk", "uk"},

		{"zh-TW and zh", "zh-TW", "en zh", ""},
		{"zh-TW and zh-CN", "zh-TW", "en zh-CN", ""},
		{"zh-CN and zh-Hant", "zh-CN", "en zh-Hant", ""},
		{"Punjabi in another script", "pa", "en pa-PK", ""},
		{"Azerbaijani in another script", "az", "en az-Cyrl", ""},
		{"Uzbek in another script", "uz-Cyrl", "en uz", ""},
		{"Kazakh of China", "kk-CN", "en kk", ""},
		{"Punjabi of Pakistan and Punjabi", "pa-PK", "en pa", ""},
		{"Uzbek of Afghanistan", "uz-AF", "en uz uz-Cyrl", ""},
		{"Kurdish in another script", "ku", "en ku-Arab", ""},
		{"Sorani is not Kurmanji", "ckb", "ar ku ku-Arab", ""},
		{"Mongolian in another script", "mn-Mong", "en mn", ""},
		{"zh-Hans-HK and zh-HK", "zh-Hans-HK", "en zh-HK", ""},
		{"cmn-TW and zh", "cmn-TW", "en zh", ""},
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
		{"Slovak is not Czech", "sk", "en cs", ""},
		{"Serbian is not Croatian", "sr-Latn", "en hr", ""},
		{"Montenegrin is not Croatian", "cnr", "en hr bs", ""},
		{"Bulgarian is not Macedonian", "bg", "en mk", ""},
		{"Belarusian is not Russian", "be", "ru uk", ""},
		{"Kazakh is not Russian", "kk", "ru", ""},
		{"Faroese is not Danish", "fo", "da no", ""},
		{"Luxembourgish is not German", "lb", "de fr", ""},
		{"Low German is not German", "nds", "de nl", ""},
		{"Moroccan Arabic is not Arabic", "ary", "fr ar", ""},
		{"Min Nan is not Chinese", "zh-min-nan", "en zh-TW zh", ""},
		{"Standard Estonian is another code", "ekk", "en et", ""},
		{"Latvian, of a macrolanguage", "lvs", "en lv", ""},
		{"Northern Uzbek, of a macrolanguage", "uz-uzn", "en uz", ""},
		{"Congo Swahili is not Swahili", "swc", "en sw", ""},
		{"Tagalog's neighbour", "ceb", "en fil tl", ""},
		{"Javanese is not Indonesian", "jv", "id ms", ""},
		{"Haitian is not French", "ht", "en fr-HT fr", ""},
		{"Afrikaans is not Dutch", "af", "en nl", ""},
		{"Breton is not French", "br", "en fr", ""},
		{"White Hmong is another code than Hmong", "mww", "en hmn", ""},
		{"Northern Kurdish, of a macrolanguage", "kmr", "en ku", ""},
		{"Kurdish of Iraq is not Sorani", "ku-Arab-IQ", "en ckb", ""},
		{"Scots is not English", "sco", "de en", ""},
		{"Venetian is not Italian", "vec-IT", "en it", ""},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			sites := offering(t, tc.offered)
			own := strings.Fields(tc.offered)[0]
			in := defaults.Input{Choices: defaults.Choices{Language: tc.asked}}
			v := sites.Resolve(in)
			checked, err := sites.Check(in, everyField)
			if tc.want == "" {
				assert.Equal(t, from{own, defaults.SourceSiteLanguage}, valueOf(v, defaults.FieldLanguage))
				assert.Equal(t, []defaults.Rejection{{Field: defaults.FieldLanguage, Value: tc.asked, Reason: defaults.ReasonNotOffered}}, invalids(t, err))
				return
			}
			assert.Equal(t, from{tc.want, defaults.SourceChoice}, valueOf(v, defaults.FieldLanguage))
			require.NoError(t, err)
			canonical, ok := codes.Language(tc.asked)
			require.True(t, ok)
			assert.Equal(t, canonical, checked.Language, "what is stored is what was asked for")
		})
	}
}

func TestResolve_LanguageKeepsItsRegionAcrossSites(t *testing.T) {
	for _, tc := range []struct{ desc, chosen, one, two, atOne, atTwo string }{
		{"Austria", "de-AT", "de", "de-DE de-AT", "de", "de-AT"},
		{"Switzerland, in another spelling", "FR_ch", "fr", "fr-FR fr-CH", "fr", "fr-CH"},
		{"Hong Kong", "zh-HK", "zh-TW", "zh-TW zh-HK", "zh-TW", "zh-HK"},
		{"Angola, for want of a closer one", "pt-AO", "pt-BR", "pt-BR pt-PT", "pt-BR", "pt-PT"},
		{"a script beside the region", "sr-Latn-ME", "sr", "sr sr-Latn", "sr", "sr-Latn"},
		{"an old code", "iw-IL", "he", "en he-IL", "he", "he-IL"},
		{"and back where the other site has no region", "en-AU", "en-GB", "en", "en-GB", "en"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			sites := newSites(t,
				defaults.Site{Code: "one", Default: true, Currency: "EUR", Country: "DE", Language: "en", Languages: strings.Fields(tc.one)},
				defaults.Site{Code: "two", Currency: "EUR", Country: "DE", Language: "en", Languages: strings.Fields(tc.two)},
			)
			choices, err := sites.Check(defaults.Input{Choices: defaults.Choices{Language: tc.chosen}}, everyField)
			require.NoError(t, err)
			assert.Equal(t, from{tc.atOne, defaults.SourceChoice}, valueOf(sites.Resolve(defaults.Input{Choices: choices}), defaults.FieldLanguage))
			choices.Site = "two"
			assert.Equal(t, from{tc.atTwo, defaults.SourceChoice}, valueOf(sites.Resolve(defaults.Input{Choices: choices}), defaults.FieldLanguage))
		})
	}
}

func TestResolve_LanguageOfAProfileLosesAnUnparsableTail(t *testing.T) {
	sites := offering(t, "en de de-AT fr zh-TW sr ca-valencia")
	for _, tc := range []struct{ desc, profile, want string }{
		{"WordPress", "de_DE_formal", "de"},
		{"WordPress, a region that is offered", "de_AT_formal", "de-AT"},
		{"WordPress, informal", "de_CH_informal", "de"},
		{"WordPress, Portuguese before a reform", "fr_FR_ao90", "fr"},
		{"Java, a script without a region", "zh__#Hant", "zh-TW"},
		{"Java, a script", "sr_RS_#Latn", "sr"},
		{"Windows, a script at the end", "zh-TW-Hant", "zh-TW"},
		{"Windows, traditional Chinese", "zh-CHT", "zh-TW"},
		{"POSIX, charset and modifier", "de_DE.UTF-8@euro", "de"},
		{"POSIX, modifier alone", "de_AT@euro", "de-AT"},
		{"POSIX, charset alone", "de.UTF-8", "de"},
		{"SAP, Java: a country of three letters", "de_AUT", "de-AT"},
		{"a country of three letters and a tail", "de_AUT.UTF-8", "de-AT"},
		{"a country of three letters that is a language of its own", "de-CHE", "de"},
		{"a language of three letters", "ger", "de"},
		{"both of three letters", "ger-AUT", "de-AT"},
		{"upper case", "DE_AT", "de-AT"},
		{"blanks of a spreadsheet", "\ufeffde\u200b\u3000", "de"},
		{"a list of languages", "de-AT,en;q=0.8", "de-AT"},
		{"POSIX", "de_DE.UTF-8", "de"},
		{"POSIX with a modifier", "fr_FR.ISO-8859-15@euro", "fr"},
		{"POSIX with a script", "sr_RS@latin", "sr"},
		{"Java", "zh_TW_#Hant", "zh-TW"},
		{"a variant that is one", "ca_ES_valencia", "ca-valencia"},
		{"blanks", " de\t", "de"},
		{"an empty tail", "de-", "de"},
		{"Drupal, a name behind the code", "de (Deutsch)", "de"},
		{"a country by its name", "de_Austria", "de"},
		{"PHP, a codepage", "de_AT.1252", "de-AT"},
		{"Windows, Serbian in Latin script", "sr-SP-Latn", "sr"},
		{"another dash", "de\u2013AT", "de"},
		{"GNU, a list", "de_AT:de:en", "de-AT"},
		{"a slash", "fr/CH", "fr"},
		{"brackets", "de[formal]", "de"},
		{"three letters behind another dash", "de\u2011AUT", "de-AT"},
		{"two tails", "fr_FR.UTF-8_formal@euro", "fr"},
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
		"C": defaults.ReasonMalformed, "POSIX": defaults.ReasonMalformed, "*": defaults.ReasonMalformed, "1": defaults.ReasonMalformed,
		"român\u0103": defaults.ReasonMalformed, "Ti\u1ebfng Vi\u1ec7t": defaults.ReasonMalformed, "Tie\u0302\u0301ng": defaults.ReasonMalformed, "Ti\xe2ng": defaults.ReasonMalformed,
		"x-private": defaults.ReasonUnknownCode, "und_DE": defaults.ReasonUnknownCode, "zxx": defaults.ReasonUnknownCode, "xx@latin": defaults.ReasonUnknownCode,
		"uz_UZ.UTF-8": defaults.ReasonNotOffered, "zh_CN.GB18030": defaults.ReasonNotOffered, "zh-CHS": defaults.ReasonNotOffered, "zh__#Hans": defaults.ReasonNotOffered,
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
		canonical, _ := codes.Language(asked)
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
