package defaults_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
)

// What browsers send by default in forty locales: Chrome and Edge name the region, then the
// language, then English; Firefox sends the list of its language pack; Safari the languages of the
// system, without weights for one.
func TestAcceptLanguage_Browsers(t *testing.T) {
	world := offering(t, "en-US en-GB ar bg ca cs da de el es es-419 et fa fi fil fr fr-CA he hi hr hu id it ja ko lt lv ms nl no pl pt-BR pt-PT ro ru sk sl sr sv th tr uk ur vi zh-CN zh-HK zh-TW")
	europe := offering(t, "de en fr") // a shop of three languages
	for _, tc := range []struct {
		locale                  string
		chrome, firefox, safari string
		want                    string // of the world
		small                   string // of the three languages: empty where none of them is asked for
	}{
		{"Arabic, Egypt", "ar-EG,ar;q=0.9,en-US;q=0.8,en;q=0.7", "ar,en-US;q=0.7,en;q=0.3", "ar-EG,ar;q=0.9", "ar", "en en -"},
		{"Arabic, Saudi Arabia", "ar-SA,ar;q=0.9,en-US;q=0.8,en;q=0.7", "ar,en-US;q=0.7,en;q=0.3", "ar-SA", "ar", "en en -"},
		{"Bulgarian", "bg-BG,bg;q=0.9,en;q=0.8", "bg,en-US;q=0.7,en;q=0.3", "bg-BG,bg;q=0.9", "bg", "en en -"},
		{"Catalan", "ca-ES,ca;q=0.9,es;q=0.8,en;q=0.7", "ca,en-US;q=0.7,en;q=0.3", "ca-ES,ca;q=0.9", "ca", "en en -"},
		{"Czech", "cs-CZ,cs;q=0.9,en;q=0.8", "cs,sk;q=0.8,en-US;q=0.5,en;q=0.3", "cs-CZ,cs;q=0.9", "cs", "en en -"},
		{"Danish", "da-DK,da;q=0.9,en-US;q=0.8,en;q=0.7", "da,en-US;q=0.7,en;q=0.3", "da-DK,da;q=0.9", "da", "en en -"},
		{"German", "de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7", "de,en-US;q=0.7,en;q=0.3", "de-DE,de;q=0.9", "de", "de de de"},
		{"German, Austria", "de-AT,de;q=0.9,en;q=0.8", "de-AT,de;q=0.8,en-US;q=0.5,en;q=0.3", "de-at", "de", "de de de"},
		{"German, Switzerland", "de-CH,de;q=0.9,fr;q=0.8,en;q=0.7", "de-CH,de;q=0.8,en-US;q=0.5,en;q=0.3", "de-CH,de;q=0.9,fr-CH;q=0.8,fr;q=0.7", "de", "de de de"},
		{"Greek", "el-GR,el;q=0.9,en;q=0.8", "el-GR,el;q=0.8,en-US;q=0.5,en;q=0.3", "el-GR,el;q=0.9", "el", "en en -"},
		{"English, United States", "en-US,en;q=0.9", "en-US,en;q=0.5", "en-US,en;q=0.9", "en-US", "en en en"},
		{"English, United Kingdom", "en-GB,en-US;q=0.9,en;q=0.8", "en-GB,en;q=0.5", "en-GB,en;q=0.9", "en-GB", "en en en"},
		{"English, Australia", "en-AU,en-GB;q=0.9,en-US;q=0.8,en;q=0.7", "en-AU,en;q=0.5", "en-AU,en;q=0.9", "en-GB", "en en en"},
		{"English, India", "en-IN,en-GB;q=0.9,en-US;q=0.8,en;q=0.7,hi;q=0.6", "en-IN,en;q=0.5", "en-IN", "en-GB", "en en en"},
		{"English, Canada", "en-CA,en;q=0.9,fr-CA;q=0.8", "en-CA,en-US;q=0.7,en;q=0.3", "en-CA,en;q=0.9", "en-US", "en en en"},
		{"Spanish", "es-ES,es;q=0.9,en;q=0.8", "es-ES,es;q=0.8,en-US;q=0.5,en;q=0.3", "es-ES,es;q=0.9", "es", "en en -"},
		{"Spanish, Mexico", "es-MX,es;q=0.9,en;q=0.8", "es-MX,es;q=0.8,en-US;q=0.5,en;q=0.3", "es-MX", "es-419", "en en -"},
		{"Spanish, Argentina", "es-AR,es-419;q=0.9,es;q=0.8,en;q=0.7", "es-AR,es;q=0.8,en-US;q=0.5,en;q=0.3", "es-AR,es;q=0.9", "es-419", "en en -"},
		{"Spanish, Latin America", "es-419,es;q=0.9,en;q=0.8", "es-CL,es;q=0.8,en-US;q=0.5,en;q=0.3", "es-419", "es-419", "en en -"},
		{"Estonian", "et-EE,et;q=0.9,en;q=0.8", "et,et-EE;q=0.8,en-US;q=0.5,en;q=0.3", "et-EE", "et", "en en -"},
		{"Persian", "fa-IR,fa;q=0.9,en-US;q=0.8,en;q=0.7", "fa-IR,fa;q=0.8,en-US;q=0.5,en;q=0.3", "fa-IR", "fa", "en en -"},
		{"Finnish", "fi-FI,fi;q=0.9,en;q=0.8", "fi-FI,fi;q=0.8,en-US;q=0.5,en;q=0.3", "fi-FI,fi;q=0.9", "fi", "en en -"},
		{"Filipino", "fil-PH,fil;q=0.9,en-US;q=0.8,en;q=0.7", "tl,en-US;q=0.7,en;q=0.3", "fil-PH", "fil", "en en -"},
		{"French", "fr-FR,fr;q=0.9,en-US;q=0.8,en;q=0.7", "fr,fr-FR;q=0.8,en-US;q=0.5,en;q=0.3", "fr-FR,fr;q=0.9", "fr", "fr fr fr"},
		{"French, Canada", "fr-CA,fr;q=0.9,en-CA;q=0.8,en;q=0.7", "fr-CA,fr;q=0.8,en-CA;q=0.5,en;q=0.3", "fr-CA,fr;q=0.9", "fr-CA", "fr fr fr"},
		{"Hebrew", "he-IL,he;q=0.9,en-US;q=0.8,en;q=0.7", "he,he-IL;q=0.8,en-US;q=0.5,en;q=0.3", "iw-il", "he", "en en -"},
		{"Hindi", "hi-IN,hi;q=0.9,en;q=0.8", "hi-IN,hi;q=0.8,en-US;q=0.5,en;q=0.3", "hi-IN", "hi", "en en -"},
		{"Croatian", "hr-HR,hr;q=0.9,en-US;q=0.8,en;q=0.7", "hr,hr-HR;q=0.8,en-US;q=0.5,en;q=0.3", "hr-HR,hr;q=0.9", "hr", "en en -"},
		{"Hungarian", "hu-HU,hu;q=0.9,en-US;q=0.8,en;q=0.7", "hu-HU,hu;q=0.8,en-US;q=0.5,en;q=0.3", "hu-HU", "hu", "en en -"},
		{"Indonesian", "id-ID,id;q=0.9,en-US;q=0.8,en;q=0.7,ms;q=0.6", "id,en-US;q=0.7,en;q=0.3", "in-id", "id", "en en -"},
		{"Italian", "it-IT,it;q=0.9,en-US;q=0.8,en;q=0.7", "it-IT,it;q=0.8,en-US;q=0.5,en;q=0.3", "it-IT,it;q=0.9", "it", "en en -"},
		{"Japanese", "ja,en-US;q=0.9,en;q=0.8", "ja,en-US;q=0.7,en;q=0.3", "ja-JP,ja;q=0.9", "ja", "en en -"},
		{"Korean", "ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", "ko-KR,ko;q=0.8,en-US;q=0.5,en;q=0.3", "ko-KR,ko;q=0.9", "ko", "en en -"},
		{"Malay", "ms-MY,ms;q=0.9,en-US;q=0.8,en;q=0.7", "ms,en-US;q=0.7,en;q=0.3", "ms-MY", "ms", "en en -"},
		{"Dutch, Belgium", "nl-BE,nl;q=0.9,fr-BE;q=0.8,fr;q=0.7,en;q=0.6", "nl,en-US;q=0.7,en;q=0.3", "nl-BE,nl;q=0.9", "nl", "fr en -"},
		{"Norwegian, bokmål", "nb-NO,nb;q=0.9,no;q=0.8,nn;q=0.7,en-US;q=0.6,en;q=0.5", "nb-NO,nb;q=0.9,no-NO;q=0.8,no;q=0.6,nn-NO;q=0.5,nn;q=0.4,en-US;q=0.3,en;q=0.1", "nb-NO,nb;q=0.9", "no", "en en -"},
		{"Norwegian, nynorsk", "nn-NO,nn;q=0.9,no;q=0.8,nb;q=0.7,en;q=0.6", "nn-NO,nn;q=0.9,no-NO;q=0.8,no;q=0.6,nb-NO;q=0.5,nb;q=0.4,en-US;q=0.3,en;q=0.1", "nn-NO", "no", "en en -"},
		{"Portuguese, Brazil", "pt-BR,pt;q=0.9,en-US;q=0.8,en;q=0.7", "pt-BR,pt;q=0.8,en-US;q=0.5,en;q=0.3", "pt-BR,pt;q=0.9", "pt-BR", "en en -"},
		{"Portuguese, Portugal", "pt-PT,pt;q=0.9,en;q=0.8", "pt-PT,pt;q=0.8,en;q=0.5,en-US;q=0.3", "pt-PT,pt;q=0.9", "pt-PT", "en en -"},
		{"Portuguese, Angola", "pt-AO,pt;q=0.9,en;q=0.8", "pt-PT,pt;q=0.8,en;q=0.5,en-US;q=0.3", "pt-AO", "pt-PT", "en en -"},
		{"Serbian", "sr-RS,sr;q=0.9,en-US;q=0.8,en;q=0.7", "sr,sr-RS;q=0.8,sr-CS;q=0.6,en-US;q=0.4,en;q=0.2", "sr-Latn-RS,sr-RS;q=0.9", "sr", "en en -"},
		{"Swedish", "sv-SE,sv;q=0.9,en-US;q=0.8,en;q=0.7", "sv-SE,sv;q=0.8,en-US;q=0.5,en;q=0.3", "sv-SE,sv;q=0.9", "sv", "en en -"},
		{"Thai", "th-TH,th;q=0.9,en;q=0.8", "th,en-US;q=0.7,en;q=0.3", "th-TH,th;q=0.9", "th", "en en -"},
		{"Turkish", "tr-TR,tr;q=0.9,en-US;q=0.8,en;q=0.7", "tr-TR,tr;q=0.8,en-US;q=0.5,en;q=0.3", "tr-TR,tr;q=0.9", "tr", "en en -"},
		{"Ukrainian", "uk-UA,uk;q=0.9,ru;q=0.8,en-US;q=0.7,en;q=0.6", "uk-UA,uk;q=0.8,en-US;q=0.5,en;q=0.3", "uk-UA", "uk", "en en -"},
		{"Vietnamese", "vi-VN,vi;q=0.9,fr-FR;q=0.8,fr;q=0.7,en-US;q=0.6,en;q=0.5", "vi-VN,vi;q=0.8,en-US;q=0.5,en;q=0.3", "vi-VN", "vi", "fr en -"},
		{"Chinese, China", "zh-CN,zh;q=0.9,en;q=0.8", "zh-CN,zh;q=0.8,zh-TW;q=0.7,zh-HK;q=0.5,en-US;q=0.3,en;q=0.2", "zh-CN,zh-Hans;q=0.9", "zh-CN", "en en -"},
		{"Chinese, Taiwan", "zh-TW,zh;q=0.9,en-US;q=0.8,en;q=0.7", "zh-TW,zh;q=0.8,en-US;q=0.5,en;q=0.3", "zh-TW,zh-Hant;q=0.9", "zh-TW", "en en -"},
		{"Chinese, Hong Kong", "zh-HK,zh-TW;q=0.9,zh;q=0.8,en-US;q=0.7,en;q=0.6", "zh-HK,zh;q=0.8,en-US;q=0.5,en;q=0.3", "zh-HK,zh-Hant;q=0.9", "zh-HK", "en en -"},
		{"Chinese, Macao", "zh-MO,zh-TW;q=0.9,zh;q=0.8,en;q=0.7", "zh-HK,zh;q=0.8,en-US;q=0.5,en;q=0.3", "zh-MO", "zh-HK", "en en -"},
	} {
		t.Run(tc.locale, func(t *testing.T) {
			small := strings.Fields(tc.small)
			for i, header := range []string{tc.chrome, tc.firefox, tc.safari} {
				in := defaults.Input{AcceptLanguage: header}
				assert.Equal(t, from{tc.want, defaults.SourceAcceptLanguage}, valueOf(world.Resolve(in), defaults.FieldLanguage), header)
				want := from{small[i], defaults.SourceAcceptLanguage}
				if small[i] == "-" {
					want = from{"de", defaults.SourceSiteLanguage}
				}
				assert.Equal(t, want, valueOf(europe.Resolve(in), defaults.FieldLanguage), header)
			}
		})
	}
}

// chrome returns what Chrome, Edge and Samsung Internet make of a list of languages: each language
// is followed by itself without the region, after the last of its regions, and the weights descend
// by a tenth.
func chrome(languages ...string) string {
	var expanded []string
	base := func(tag string) string { language, _, _ := strings.Cut(tag, "-"); return language }
	for i, tag := range languages {
		expanded = append(expanded, tag)
		if base(tag) != tag && (i == len(languages)-1 || base(languages[i+1]) != base(tag)) {
			expanded = append(expanded, base(tag))
		}
	}
	for i := 1; i < len(expanded); i++ {
		expanded[i] += fmt.Sprintf(";q=0.%d", max(1, 10-i))
	}
	return strings.Join(expanded, ",")
}

// firefox returns the header that Firefox makes of a list: equal steps, of one decimal for up to
// ten languages.
func firefox(languages ...string) string {
	header := languages[0]
	for i, tag := range languages[1:] {
		header += fmt.Sprintf(",%s;q=%.1f", tag, 1-float64(i+1)/float64(len(languages)))
	}
	return header
}

func TestAcceptLanguage_BrowsersOfMoreLocales(t *testing.T) {
	require.Equal(t, "de-AT,de;q=0.9,en-US;q=0.8,en;q=0.7", chrome("de-AT", "en-US"))
	require.Equal(t, "en-GB,en-US;q=0.9,en;q=0.8", chrome("en-GB", "en-US"))
	require.Equal(t, "de-AT,de;q=0.8,en-US;q=0.5,en;q=0.2", firefox("de-AT", "de", "en-US", "en"))
	world := offering(t, "fr en af am az be bn bs cy eu ga gl hy is ka kk km kn ko-KR ky lo mk mn mr my nb-NO ne pa ps si sq sr-Latn sw ta te uz zh-Hans zh-Hant zu "+
		"yi ro fil lb pt-BR es-MX en-IN zh-HK")
	for locale, want := range map[string]string{
		"af-ZA": "af", "am-ET": "am", "az-AZ": "az", "az-Latn-AZ": "az", "az-Cyrl-AZ": "", "az-IR": "", "be-BY": "be", "bn-BD": "bn", "bn-IN": "bn",
		"bs-BA": "bs", "bs-Cyrl-BA": "bs", "cy-GB": "cy", "eu-ES": "eu", "ga-IE": "ga", "gl-ES": "gl", "hy-AM": "hy", "is-IS": "is", "ka-GE": "ka",
		"kk-KZ": "kk", "kk-CN": "", "km-KH": "km", "kn-IN": "kn", "ko-KR": "ko-KR", "ko-KP": "ko-KR", "ky-KG": "ky", "lo-LA": "lo", "mk-MK": "mk",
		"mn-MN": "mn", "mn-Mong-CN": "", "mr-IN": "mr", "my-MM": "my", "nb-NO": "nb-NO", "no-NO": "nb-NO", "nn-NO": "nb-NO", "ne-NP": "ne",
		"pa-IN": "pa", "pa-Guru-IN": "pa", "pa-PK": "", "pa-Arab-PK": "", "ps-AF": "ps", "si-LK": "si", "sq-AL": "sq", "sr-RS": "sr-Latn",
		"sr-Cyrl-ME": "sr-Latn", "sr-Latn-RS": "sr-Latn", "sh-BA": "sr-Latn", "cnr-ME": "sr-Latn", "hr-HR": "", "sw-KE": "sw", "sw-TZ": "sw",
		"ta-IN": "ta", "te-IN": "te", "uz-UZ": "uz", "uz-Latn-UZ": "uz", "uz-Cyrl-UZ": "", "uz-AF": "", "zu-ZA": "zu", "yi-001": "yi", "ji-US": "yi",
		"ro-MD": "ro", "mo-MD": "ro", "tl-PH": "fil", "fil-PH": "fil", "lb-LU": "lb", "pt-PT": "pt-BR", "es-AR": "es-MX", "es-ES": "es-MX",
		"zh-CN": "zh-Hans", "zh-SG": "zh-Hans", "zh-Hans-CN": "zh-Hans", "zh-TW": "zh-Hant", "zh-Hant-TW": "zh-Hant", "zh-HK": "zh-HK", "zh-MO": "zh-HK",
		"zh-Hant-HK": "zh-HK", "yue-HK": "", "wuu-CN": "", "ku-TR": "", "ckb-IQ": "", "gsw-CH": "", "ms-MY": "", "id-ID": "", "in-ID": "", "ca-ES": "",
		"uk-UA": "", "ru-RU": "", "sk-SK": "", "cs-CZ": "", "da-DK": "", "sv-SE": "", "fo-FO": "", "he-IL": "", "iw-IL": "", "fa-AF": "", "prs-AF": "",
		"tg-TJ": "", "tk-TM": "", "ht-HT": "", "br-FR": "", "co-FR": "", "wa-BE": "", "oc-FR": "",
	} {
		language, _, _ := strings.Cut(locale, "-")
		for browser, header := range map[string]string{
			"Chrome, Edge":                chrome(locale, "en-US"),
			"Chrome without English":      chrome(locale),
			"Chrome, the language alone":  locale,
			"Samsung Internet":            chrome(locale, "en-GB", "de-DE"),
			"Firefox":                     firefox(locale, language, "en-US", "en"),
			"Firefox, the locale alone":   firefox(locale, "en-US", "en"),
			"Safari of macOS":             locale + "," + language + ";q=0.9",
			"Safari of macOS before 2020": strings.ToLower(locale),
			"Safari of iOS":               locale + "," + language + ";q=0.9,en-US;q=0.8,en;q=0.7",
			"an app on Android":           strings.ReplaceAll(locale, "-", "_"),
		} {
			v := world.Resolve(defaults.Input{AcceptLanguage: header})
			expected := from{want, defaults.SourceAcceptLanguage}
			switch {
			case want == "" && strings.Contains(header, "en"):
				expected.value = "en"
			case want == "":
				expected = from{"fr", defaults.SourceSiteLanguage}
			}
			assert.Equal(t, expected, valueOf(v, defaults.FieldLanguage), "%s: %s", browser, header)
		}
	}
}
