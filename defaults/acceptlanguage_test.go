package defaults_test

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/defaults/codes"
)

func TestAcceptLanguage(t *testing.T) {
	sites := demoSites(t) // the default site offers de, its own, en and fr
	none := func(values ...string) (list []defaults.Rejection) {
		for i := 0; i < len(values); i += 2 {
			var reason defaults.Reason
			if err := reason.UnmarshalText([]byte(values[i+1])); err != nil {
				panic(err)
			}
			list = append(list, defaults.Rejection{Field: defaults.FieldLanguage, Value: values[i], Source: defaults.SourceAcceptLanguage, Reason: reason})
		}
		return list
	}
	for _, tc := range []struct {
		desc     string
		header   string
		want     string // empty: the header leads to nothing
		rejected []defaults.Rejection
	}{
		{"one language", "fr", "fr", nil},
		{"the site's own language, asked for", "de", "de", nil},
		{"a browser", "fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", "fr", nil},
		{"the first that the site has", "uk-UA,uk;q=0.9,en-US;q=0.8,fr;q=0.7", "en", none("uk-UA", "notOffered", "uk", "notOffered")},
		{"by weight, not by place", "en;q=0.5,fr;q=0.8,de;q=0.1", "fr", nil},
		{"of equal weight the first", "ja;q=0.5,fr;q=0.5,en;q=0.5", "fr", none("ja", "notOffered")},
		{"weight 1 where there is none", "en;q=0.9,fr", "fr", nil},
		{"weights of many decimals", "en;q=0.30000000000000004,fr;q=0.4", "fr", nil},
		{"a tiny weight is one", "fr;q=0.0001", "fr", nil},
		{"white space", " \tfr ; q = 0.5 , en;q=0.4 ", "fr", nil},
		{"a weight in upper case", "fr;Q=0.2,en;Q=0.4", "en", nil},
		{"other parameters", "fr;level=1;q=0.2,en;q=0.4;x", "en", nil},
		{"underscores and case", "EN_gb", "en", nil},
		{"nothing offered", "ja,uk;q=0.5", "", none("ja", "notOffered", "uk", "notOffered")},
		{"any language is no suggestion", "*", "", nil},
		{"any language, but not this one", "*,fr;q=0", "", nil},
		{"a weight without a zero", "en;q=.5,fr;q=.8", "fr", nil},
		{"a weight that ends in a dot", "fr;q=1.,en;q=1.0", "fr", nil},
		{"a weight with an exponent", "en;q=1e-1,fr;q=2e-1", "fr", nil},
		{"a decimal comma", "fr;q=0,8,en;q=0,6", "fr", nil},
		{"a decimal comma by weight", "de-DE, en;q=0,3, fr;q=0,55", "de", nil},
		{"a decimal comma with zeros", "fr;q=0,000,ja", "", none("ja", "notOffered")},
		{"a number without a weight", "8,fr", "fr", none("8", "malformed")},
		{"a weight of many zeros", "fr;q=0.0000,en;q=0.1", "en", nil},
		{"a negative zero", "fr;q=-0,en;q=0.1", "en", nil},
		{"a weight in quotes is junk", `en;q="0.9",fr;q=0.1`, "fr", nil},
		{"the same language twice counts once, by its best weight", "fr;q=0.1,en;q=0.5,fr;q=0.9", "fr", nil},
		{"POSIX's locale of no language", "C,POSIX,fr;q=0.1", "fr", none("C", "malformed", "POSIX", "malformed")},
		{"private use alone", "x-pirate,fr", "fr", none("x-pirate", "unknownCode")},
		{"any region of a language", "fr-*,en", "fr", nil},
		{"any language of a region", "*-CH,en", "en", none("*-CH", "malformed")},
		{"a country of three letters", "fr-CHE,en;q=0.5", "fr", nil},
		{"weight 0 is not acceptable", "fr;q=0,en;q=0.000,ja", "", none("ja", "notOffered")},
		{"weight 0 holds for what a near language would lead to", "en-GB,en;q=0,fr;q=0.5", "fr", none("en-GB", "notOffered")},
		{"weight 0 in another spelling", "en-GB,EN;q=0", "", none("en-GB", "notOffered")},
		{"weight 0 of a language excludes its regions", "fr-CA,fr;q=0,de;q=0.1", "de", none("fr-CA", "notOffered")},
		{"weight 0 of another language does not", "fr,de;q=0,zh;q=0", "fr", nil},
		{"weight 0 of a tag that cannot be parsed excludes nothing more", "en-GB,en-foobar;q=0", "en", nil},
		{"any language with weight 0 excludes nothing", "fr-CA,*;q=0", "fr", nil},
		{"an unparsable tail is cut off", "fr_FR.UTF-8,en", "fr", nil},
		{"weight 0 of another region does not", "en,en-GB;q=0", "en", nil},
		{"junk does not spoil the rest", "-,english,fr;q=0.5", "fr", none("-", "malformed", "english", "malformed")},
		{"unknown languages do not spoil the rest", "xx,fr;q=0.5", "fr", none("xx", "unknownCode")},
		{"a malformed weight is junk", "en;q=high,en;q=2,en;q=-1,en;q=NaN,en;q=,en;q,fr;q=0.1", "fr", nil},
		{"only junk", "en;q=high,;q=1,,", "", none("en", "malformed")},
		{"empty elements", ",, ,fr,,", "fr", nil},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			in := defaults.Input{AcceptLanguage: tc.header}
			v, rejected := sites.Explain(in)
			want := from{tc.want, defaults.SourceAcceptLanguage}
			if tc.want == "" {
				want = from{"de", defaults.SourceSiteLanguage}
			}
			assert.Equal(t, want, valueOf(v, defaults.FieldLanguage))
			assert.Equal(t, tc.rejected, rejected)
			assert.Equal(t, v, sites.Resolve(in))
		})
	}
}

func TestAcceptLanguage_IsReadUpToALimit(t *testing.T) {
	sites := demoSites(t)
	language := func(header string) from {
		return valueOf(sites.Resolve(defaults.Input{AcceptLanguage: header}), defaults.FieldLanguage)
	}
	french, none := from{"fr", defaults.SourceAcceptLanguage}, from{"de", defaults.SourceSiteLanguage}

	assert.Equal(t, french, language(strings.Repeat("ja,", 15)+"fr"), "16 languages")
	assert.Equal(t, none, language(strings.Repeat("ja,", 16)+"fr"), "17 languages")
	assert.Equal(t, french, language(strings.Repeat(",", 254)+"fr"), "256 bytes")
	assert.Equal(t, none, language(strings.Repeat(",", 255)+"fr"), "257 bytes")
	assert.Equal(t, none, language(strings.Repeat(",", 254)+"fr-CA"), "a language that is cut is not taken for a shorter one")
	assert.Equal(t, french, language("fr,"+strings.Repeat("x", 1<<20)), "what is before the limit counts")
	assert.Equal(t, none, language(strings.Repeat("x", 1<<20)), "one element of a megabyte")
}

func TestAcceptLanguage_EqualWeightsAreTriedInOrder(t *testing.T) {
	var header, want []string
	for i, tag := range strings.Fields("ja ko zh vi th hi ta te mr bn gu pa uk ru bg be") { // 16, so that no sort is stable by chance
		weight := []string{"0.5", "0.7"}[i%2]
		header = append(header, tag+";q="+weight)
		if i%2 == 1 {
			want = append(want, tag)
		}
	}
	for i := 0; i < len(header); i += 2 {
		tag, _, _ := strings.Cut(header[i], ";")
		want = append(want, tag)
	}
	sites := newSites(t, oneSite(func(s *defaults.Site) { s.Languages = []string{"de"} })...)
	_, rejected := sites.Explain(defaults.Input{AcceptLanguage: strings.Join(header, ",")})
	var got []string
	for _, r := range rejected {
		got = append(got, r.Value)
	}
	assert.Equal(t, want, got)
}

func TestAcceptLanguage_SiteWithEveryLanguageKeepsTheTag(t *testing.T) {
	sites := demoSites(t)
	v, rejected := sites.Explain(defaults.Input{RequestSite: "open", AcceptLanguage: "xx,zh_hant_tw;q=0.9,fr"})
	assert.Equal(t, from{"fr", defaults.SourceAcceptLanguage}, valueOf(v, defaults.FieldLanguage))
	assert.Equal(t, []defaults.Rejection{{Field: defaults.FieldLanguage, Value: "xx", Source: defaults.SourceAcceptLanguage, Reason: defaults.ReasonUnknownCode}}, rejected)
	v = sites.Resolve(defaults.Input{RequestSite: "open", AcceptLanguage: "zh_hant_tw"})
	assert.Equal(t, "zh-Hant-TW", v.Language)
}

func TestAcceptLanguage_OfOtherSites(t *testing.T) {
	for _, tc := range []struct{ desc, offered, header, want string }{ // the first offered is the site's own; empty: the header leads to nothing
		{"bokmål of a browser and no", "en da no", "nb-NO,nb;q=0.9,no;q=0.8,en;q=0.5", "no"},
		{"nynorsk of a browser and nb", "en nb", "nn-NO,nn;q=0.9,en;q=0.5", "nb"},
		{"bokmål of an Android app and nn", "en sv nn", "nb-NO,en-US;q=0.9", "nn"},
		{"Faroese, then Danish, then bokmål", "en no", "fo-FO,da;q=0.9,nb;q=0.8", "no"},
		{"Filipino of Firefox, which says Tagalog, and fil", "en es fil", "tl,en-US;q=0.7,en;q=0.3", "fil"},
		{"Serbian in Latin script and a Croatian shop", "en hr", "sr-Latn-RS,sr;q=0.9,en;q=0.5", "en"},
		{"zh after zh-TW is traditional", "en zh-CN", "zh-TW,zh;q=0.9,en-US;q=0.8,en;q=0.7", "en"},
		{"zh after zh-HK is traditional", "en zh", "zh-HK,zh;q=0.9", ""},
		{"zh after zh-Hant is traditional", "en zh-CN", "zh-Hant,zh", ""},
		{"zh after zh-TW by weight", "en zh-CN", "zh;q=0.5,zh-TW;q=0.8", ""},
		{"zh after zh-TW is traditional also where it is offered as zh", "en zh", "zh-TW,zh;q=0.9", ""},
		{"zh before zh-TW is simplified", "en zh-CN", "zh,zh-TW;q=0.9", "zh-CN"},
		{"zh after zh-CN is simplified", "en zh-TW zh-SG", "zh-CN,zh;q=0.9", "zh-SG"},
		{"zh alone is simplified", "en zh-TW zh-CN", "zh", "zh-CN"},
		{"zh after zh-AU, whose likely script is traditional", "en zh-CN", "zh-AU,zh;q=0.9,en-AU;q=0.8", "en"},
		{"ku after ku-IQ is in Arabic script", "en ku", "ku-IQ,ku;q=0.9,en;q=0.5", "en"},
		{"az after az-Cyrl-AZ", "en az", "az-Cyrl-AZ,az;q=0.9,ru;q=0.8", ""},
		{"both scripts by name", "en zh-CN", "zh-TW,zh-CN;q=0.8,zh;q=0.7", "zh-CN"},
		{"sr after sr-Latn", "en sr sr-Latn", "sr-Latn-RS,sr;q=0.9", "sr-Latn"},
		{"pt after pt-BR", "en pt-PT", "pt-BR,pt;q=0.9,en;q=0.8", "pt-PT"},
		{"en among regions is the site's own", "en-GB en-US", "en", "en-GB"},
		{"en-AU among regions", "en-US en-GB", "en-AU,en;q=0.9", "en-GB"},
		{"fr among regions is the site's own", "fr-CH fr-FR", "fr,en;q=0.5", "fr-CH"},
		{"pt among regions is the site's own", "pt-PT pt-BR", "pt,en;q=0.5", "pt-PT"},
		{"es-US among regions", "es-ES es-419", "es-US,es;q=0.9", "es-419"},
		{"es-AR among regions", "es es-419", "es-AR,es;q=0.9", "es-419"},

		{"weight 0 excludes all below", "de en-GB en-US", "en-GB;q=0.5,en;q=0,fr", "en-GB"},
		{"weight 0 excludes what is not named", "de en-US", "en-GB,en;q=0", ""},
		{"weight 0 of a region alone", "de en-GB en-US", "en,en-GB;q=0", "en-US"},
		{"weight 0 of the only region", "de en-GB", "en,en-GB;q=0", ""},
		{"weight 0 of a language and the site's other", "de fr-CH en-US", "fr,en-US;q=0.8,fr;q=0", "en-US"},
		{"weight 0 of en-001 excludes en-GB", "de en-GB", "en-AU,en-001;q=0", ""},
		{"weight 0 of a script", "de zh-TW", "zh-HK,zh-Hant;q=0", ""},
		{"weight 0 of the other script", "de zh-TW", "zh-HK,zh-Hans;q=0", "zh-TW"},
		{"weight 0 under an old code", "de he", "he-IL,iw;q=0", ""},
		{"weight 0 of no excludes nb", "de nb", "nb-NO,no;q=0", ""},
		{"weight 0 of nb leaves no", "de no", "nn,nb;q=0", "no"},
		{"weight 0 twice", "de en", "en,en;q=0", ""},
		{"weight 0 of a region that is less wanted by name", "de en-GB fr", "en-AU,en;q=0,fr;q=0.5,en-GB;q=0.1", "fr"},
		{"weight 0 of a region that is wanted by name", "de en-GB fr", "en-AU,en;q=0,fr;q=0.5,en-GB;q=0.7", "en-GB"},
		{"weight 0 of es-419 leaves es", "de es es-MX", "es-AR,es-419;q=0", "es"},
		{"weight 0 of es excludes es-419", "de es-419", "es-AR,es;q=0", ""},
		{"weight 0 of zh excludes both scripts", "de zh-TW zh-CN", "zh-TW;q=0.5,zh;q=0", "zh-TW"},
		{"weight 0 of a macrolanguage's member", "de zh", "zh-CN,cmn;q=0", ""},

		{"pa after pa-PK is in Arabic script", "en pa", "pa-PK,pa;q=0.9", ""},
		{"uz after uz-Cyrl", "en uz uz-Cyrl", "uz-Cyrl-UZ,uz;q=0.9", "uz-Cyrl"},
		{"az after az-IR", "en az az-Arab", "az-IR,az;q=0.9", "az-Arab"},
		{"zh after zh-Hant-HK under an old code", "en zh", "cmn-Hant-HK,zh;q=0.9", ""},
		{"zh after yue is simplified", "en zh", "yue-HK,zh;q=0.9", "zh"},
		{"he after iw-IL", "en he", "iw-IL,iw;q=0.9", "he"},
		{"pt-AO and pt", "pt-BR pt-PT", "pt-AO,pt;q=0.9", "pt-PT"},
		{"en-GB before the site's own en-US", "en-US en-GB", "en-IE,en;q=0.9", "en-GB"},
		{"a less wanted region of the language", "en-US en-GB", "en,en-GB;q=0.9", "en-US"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			v := offering(t, tc.offered).Resolve(defaults.Input{AcceptLanguage: tc.header})
			want := from{tc.want, defaults.SourceAcceptLanguage}
			if tc.want == "" {
				want = from{strings.Fields(tc.offered)[0], defaults.SourceSiteLanguage}
			}
			assert.Equal(t, want, valueOf(v, defaults.FieldLanguage))
		})
	}
}

// Relations that hold for every header, checked on random ones of related and unrelated languages.
func TestAcceptLanguage_AnswerDependsOnNoLessWantedLanguage(t *testing.T) {
	stock := strings.Fields("en en-GB en-AU en-001 en-US de de-AT de_DE.UTF-8 nb nn no no-NO da zh zh-TW zh-HK zh-MO zh-CN zh-Hans-HK zh__#Hant yue cmn " +
		"sr sr-Latn sr-Cyrl-ME cnr sh hr bs bs-Cyrl es es-419 es-AR eu pt pt-PT pt-AO pt-BR fil tl he iw id ms zsm in ar arb arz pa pa-Arab pa-PK uz uz-Cyrl " +
		"de-CHE en-USA x-pirate xx C * i-klingon tlh mo ro")
	w := newWorld(8)
	var near []string // a part of the stock, so that related languages meet
	element := func() string {
		e := w.one(near)
		switch w.IntN(4) {
		case 0:
			return e + ";q=0.000"
		case 1:
			return e
		}
		return fmt.Sprintf("%s;q=%.3f", e, float64(w.IntN(1001))/1000)
	}
	found, exact := 0, 0
	for range 4 * trials {
		i := w.IntN(len(stock) - 8)
		near = stock[i : i+8]
		var tags []string // of them, those that a site can offer
		for _, tag := range append([]string{"fr"}, near...) {
			if _, ok := codes.Language(tag); ok {
				tags = append(tags, tag)
			}
		}
		offered := []string{w.one(tags)}
		for range w.IntN(6) {
			offered = append(offered, w.one(tags))
		}
		sites := offering(t, strings.Join(offered, " "))
		list := append(sites.List()[0].Languages, sites.List()[0].Language)
		var header []string
		for range 1 + w.IntN(6) {
			header = append(header, element())
		}
		language := func(header []string) (from, string) {
			joined := strings.Join(header, ",")
			return valueOf(sites.Resolve(defaults.Input{AcceptLanguage: joined}), defaults.FieldLanguage), joined
		}
		got, joined := language(header)
		require.Contains(t, list, got.value, joined)
		if got.source == defaults.SourceAcceptLanguage {
			found++
			requireAskedFor(t, header, got.value)
			// Less wanted than all: after them, with a weight below theirs.
			least := 1000
			for _, e := range header {
				if _, q, ok := strings.Cut(e, ";q="); ok && q != "0.000" {
					q, err := strconv.ParseFloat(q, 64)
					require.NoError(t, err)
					least = min(least, int(math.Round(q*1000)))
				}
			}
			if least > 1 {
				for range 3 {
					less := fmt.Sprintf("%s;q=%.3f", w.one(near), float64(1+w.IntN(least-1))/1000)
					after, joined := language(slices.Insert(slices.Clone(header), w.IntN(len(header)+1), less))
					require.Equal(t, got, after, "%q was added to %q at a site of %q: %s", less, header, list, joined)
				}
			}
		}
		// An offered tag that is asked for before all others gets itself.
		asked := w.one(list)
		first, joined := language(append([]string{asked}, slices.DeleteFunc(header, func(e string) bool { return strings.HasSuffix(e, "q=0.000") })...))
		exact++
		require.Equal(t, from{asked, defaults.SourceAcceptLanguage}, first, "%s at a site of %q", joined, list)
	}
	assert.Greater(t, found, trials, "the trials find something")
	assert.Less(t, found, exact, "and not always")
}

// requireAskedFor requires that an element of the header, with a weight, is of the language shown.
func requireAskedFor(t *testing.T, header []string, shown string) {
	for _, e := range header {
		tag, q, _ := strings.Cut(e, ";q=")
		language := strings.ToLower(tag[:min(len(tag), strings.IndexFunc(tag+"-", func(r rune) bool { return strings.ContainsRune("-_.", r) }))])
		if tag == "i-klingon" {
			language = "tlh"
		}
		canonical, ok := codes.Language(language)
		if q != "0.000" && ok && group(canonical) == group(shown) {
			return
		}
	}
	require.Fail(t, "another language", "%q is shown for %q", shown, header)
}
