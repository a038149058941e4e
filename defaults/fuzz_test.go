package defaults_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/defaults/codes"
)

// Whatever the header says, the language is one of the site's, and the site's own unless the header
// led to it.
func FuzzAcceptLanguage(f *testing.F) {
	for _, s := range []string{
		"", "*", "de", "de-CH,de;q=0.9,en;q=0.8", "en_GB", "ja,en;q=0.5", "de;q=0,fr", "xx,fr;q=0.1", "fr ; q = 0.5", ";;,,;q=", "fr;q=NaN", "fr;q=-1",
		"fr;q=1e-9", "zh-TW", "gsw-CH", "en-t-de-m0-abc", "sgn-BE-FR", strings.Repeat("a-", 200), strings.Repeat("ja,", 200) + "fr", "fr;q=0.0009,en;q=0", "de;q=0,8,en", "de-CHE,en_USA.UTF-8", "zh__#Hant,zh", "sr_RS@latin",
	} {
		f.Add(s)
	}
	sites := demoSites(f)
	offered := map[string][]string{"main": {"de", "en", "fr"}, "export": {"pl", "en", "nb", "zh-Hant"}}
	f.Fuzz(func(t *testing.T, header string) {
		for site, languages := range offered {
			in := defaults.Input{RequestSite: site, AcceptLanguage: header}
			v, rejected := sites.Explain(in)
			require.Contains(t, languages, v.Language)
			if v.Sources[defaults.FieldLanguage] != defaults.SourceAcceptLanguage {
				require.Equal(t, defaults.SourceSiteLanguage, v.Sources[defaults.FieldLanguage])
				require.Equal(t, languages[0], v.Language)
			}
			assert.LessOrEqual(t, len(rejected), 16)
			for _, r := range rejected {
				assert.Contains(t, header, r.Value)
			}
		}
		// A site that offers every language takes only what is canonical.
		v := sites.Resolve(defaults.Input{RequestSite: "open", AcceptLanguage: header})
		canonical, ok := codes.Language(v.Language)
		require.True(t, ok, "%q", v.Language)
		require.Equal(t, canonical, v.Language)
	})
}

// A choice, once accepted in whatever spelling, is accepted again in the spelling that was
// returned, and means the same.
func FuzzCheckIsStable(f *testing.F) {
	f.Add("eur", "at", "en_GB")
	f.Add("SLE", "xk", "zh-Hant-u-nu-hanidec")
	f.Add("", "Germany", "x")
	sites := demoSites(f)
	f.Fuzz(func(t *testing.T, currency, country, language string) {
		for _, site := range []string{"main", "export", "open"} {
			in := defaults.Input{Choices: defaults.Choices{Site: site, Currency: currency, Country: country, Language: language}}
			first, err := sites.Check(in, everyField)
			if err != nil {
				require.Zero(t, first)
				continue
			}
			raw := sites.Resolve(in)
			in.Choices = first
			second, err := sites.Check(in, everyField)
			require.NoError(t, err)
			require.Equal(t, first, second)
			require.Equal(t, raw, sites.Resolve(in))
		}
	})
}
