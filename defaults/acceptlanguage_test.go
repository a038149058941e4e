package defaults_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/defaults"
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
		{"weight 0 is not acceptable", "fr;q=0,en;q=0.000,ja", "", none("ja", "notOffered")},
		{"weight 0 holds for what a near language would lead to", "en-GB,en;q=0,fr;q=0.5", "fr", none("en-GB", "notOffered")},
		{"weight 0 in another spelling", "en-GB,EN;q=0", "", none("en-GB", "notOffered")},
		{"weight 0 of another region does not", "en,en-GB;q=0", "en", nil},
		{"junk does not spoil the rest", "-,english,fr;q=0.5", "fr", none("-", "malformed", "english", "malformed")},
		{"unknown languages do not spoil the rest", "xx,fr;q=0.5", "fr", none("xx", "unknownCode")},
		{"a malformed weight is junk", "en;q=high,en;q=2,en;q=-1,en;q=NaN,en;q=,en;q,fr;q=0.1", "fr", nil},
		{"only junk", "en;q=high,;q=1,,", "", none("en", "malformed")},
		{"empty elements", ",, ,fr,,", "fr", nil},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			in := defaults.Input{Hints: defaults.Hints{AcceptLanguage: tc.header}}
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

func TestAcceptLanguageIsReadUpToALimit(t *testing.T) {
	sites := demoSites(t)
	language := func(header string) from {
		return valueOf(sites.Resolve(defaults.Input{Hints: defaults.Hints{AcceptLanguage: header}}), defaults.FieldLanguage)
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

func TestLanguagesOfEqualWeightAreTriedInOrder(t *testing.T) {
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
	_, rejected := sites.Explain(defaults.Input{Hints: defaults.Hints{AcceptLanguage: strings.Join(header, ",")}})
	var got []string
	for _, r := range rejected {
		got = append(got, r.Value)
	}
	assert.Equal(t, want, got)
}

func TestAcceptLanguageOfASiteWithEveryLanguage(t *testing.T) {
	sites := demoSites(t)
	v, rejected := sites.Explain(defaults.Input{RequestSite: "open", Hints: defaults.Hints{AcceptLanguage: "xx,zh_hant_tw;q=0.9,fr"}})
	assert.Equal(t, from{"fr", defaults.SourceAcceptLanguage}, valueOf(v, defaults.FieldLanguage))
	assert.Equal(t, []defaults.Rejection{{Field: defaults.FieldLanguage, Value: "xx", Source: defaults.SourceAcceptLanguage, Reason: defaults.ReasonUnknownCode}}, rejected)
	v = sites.Resolve(defaults.Input{RequestSite: "open", Hints: defaults.Hints{AcceptLanguage: "zh_hant_tw"}})
	assert.Equal(t, "zh-Hant-TW", v.Language)
}
