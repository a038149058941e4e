package defaults_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/defaults/codes"
)

const trials = 3000

// world makes random shops and requests from a small stock of good, odd and bad values, so that
// they meet often.
type world struct{ *rand.Rand }

func newWorld(seed uint64) world { return world{rand.New(rand.NewPCG(seed, 17))} }

var (
	goodCurrencies = strings.Fields("EUR usd GBP CHF jpy MRU SLE XCG")
	goodCountries  = strings.Fields("DE at FR CH us GB mr XK")
	goodLanguages  = strings.Fields("de en_GB fr-CH it ja zh_Hant pt-BR nb iw")
	siteCodes      = strings.Fields("main us ch jp closed")

	anyCurrency = append(strings.Fields("DEM XAU XYZ Euro €"), goodCurrencies...)
	anyCountry  = append(strings.Fields("UK EL GBR EU XX Germany T1"), goodCountries...)
	anyLanguage = append(strings.Fields("de_DE.UTF-8 de-1996 zh-Hant-HK zh-MO es-AR sr-Latn no tl de_CH en zh-TW zh nn pt uk xx german und en-ekavsk-1996-GB"), goodLanguages...)
	anySite     = append(strings.Fields("default MAIN nowhere"), siteCodes...)
)

func (w world) one(of []string) string { return of[w.IntN(len(of))] }

// maybe returns one of the values, or none.
func (w world) maybe(of []string) string {
	if w.IntN(3) == 0 {
		return ""
	}
	return w.one(of)
}

func (w world) some(of []string) (list []string) {
	for range w.IntN(4) {
		list = append(list, w.one(of))
	}
	return list
}

func (w world) sites(t *testing.T) *defaults.Sites {
	list := make([]defaults.Site, 1+w.IntN(len(siteCodes)))
	for i := range list {
		list[i] = defaults.Site{
			Code: siteCodes[i], Default: i == 0, Inactive: i > 0 && w.IntN(4) == 0,
			Currency: w.one(goodCurrencies), Currencies: w.some(goodCurrencies),
			Country: w.one(goodCountries), ShipTo: w.some(goodCountries),
			Language: w.one(goodLanguages), Languages: w.some(goodLanguages),
		}
	}
	w.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return newSites(t, list...)
}

func (w world) choices() defaults.Choices {
	return defaults.Choices{Site: w.maybe(anySite), Currency: w.maybe(anyCurrency), Country: w.maybe(anyCountry), Language: w.maybe(anyLanguage)}
}

func (w world) input() defaults.Input {
	in := defaults.Input{Choices: w.choices()}
	if w.IntN(2) == 0 {
		in.RequestSite = w.maybe(anySite)
	}
	if w.IntN(4) == 0 {
		in.RequestLanguage = w.maybe(anyLanguage)
	}
	for f := range in.Weak {
		in.Weak[f] = w.IntN(4) == 0
	}
	in.HasCart = w.IntN(2) == 0
	if w.IntN(3) > 0 {
		c := &defaults.Customer{Site: w.maybe(anySite), Currency: w.maybe(anyCurrency), Language: w.maybe(anyLanguage)}
		for range w.IntN(4) {
			c.Addresses = append(c.Addresses, defaults.Address{
				Country: w.maybe(anyCountry), Tags: w.some([]string{"shipping", "BILLING", "home"}), Default: w.IntN(3) == 0,
			})
		}
		in.Customer = c
	}
	if w.IntN(2) == 0 {
		in.GeoCountry, in.AcceptLanguage = w.maybe(anyCountry), strings.Join(w.some(anyLanguage), ";q=0.5,")
	}
	return in
}

func profileDecides(source defaults.Source) bool {
	switch source {
	case defaults.SourcePreferredSite, defaults.SourcePreferredCurrency, defaults.SourceShippingAddress, defaults.SourceBillingAddress, defaults.SourcePreferredLanguage:
		return true
	}
	return false
}

func siteByCode(sites *defaults.Sites, code string) (defaults.Site, bool) {
	list := sites.List()
	i := slices.IndexFunc(list, func(s defaults.Site) bool { return s.Code == code })
	if i < 0 {
		return defaults.Site{}, false
	}
	return list[i], true
}

func TestResolve_ValuesAreOfferedOrTheSitesOwn(t *testing.T) {
	w := newWorld(1)
	for range trials {
		sites, in := w.sites(t), w.input()
		v := sites.Resolve(in)
		site, ok := siteByCode(sites, v.Site)
		require.True(t, ok, "%+v", v)
		require.False(t, site.Inactive)

		require.True(t, len(site.Currencies) == 0 || v.Currency == site.Currency || slices.Contains(site.Currencies, v.Currency), "%+v of %+v", v, site)
		require.True(t, len(site.ShipTo) == 0 || v.Country == site.Country || slices.Contains(site.ShipTo, v.Country), "%+v of %+v", v, site)
		require.True(t, len(site.Languages) == 0 || v.Language == site.Language || slices.Contains(site.Languages, v.Language), "%+v of %+v", v, site)

		for _, canonical := range []struct {
			of    func(string) (string, bool)
			value string
		}{{codes.Currency, v.Currency}, {codes.Country, v.Country}, {codes.Language, v.Language}} {
			c, ok := canonical.of(canonical.value)
			require.True(t, ok)
			require.Equal(t, c, canonical.value)
		}
		require.NotContains(t, v.Sources, defaults.Source(0))
	}
}

func TestResolve_IsDeterministicAndExplained(t *testing.T) {
	w := newWorld(2)
	for range trials {
		sites, in := w.sites(t), w.input()
		v, rejected := sites.Explain(in)
		again, rejectedAgain := sites.Explain(in)
		require.Equal(t, v, again)
		require.Equal(t, rejected, rejectedAgain)
		require.Equal(t, v, sites.Resolve(in))
		require.Equal(t, v, newSites(t, sites.List()...).Resolve(in), "a table made of its own list")

		// A choice either decides its field or is listed with a reason.
		choices := [defaults.NumFields]string{in.Choices.Site, in.Choices.Currency, in.Choices.Country, in.Choices.Language}
		for f, choice := range choices {
			f := defaults.Field(f)
			listed := slices.ContainsFunc(rejected, func(r defaults.Rejection) bool {
				return r.Field == f && r.Source == defaults.SourceChoice && r.Value == choice
			})
			requestSite := f == defaults.FieldSite && v.Sources[f] == defaults.SourceRequestSite && choice == v.Site
			requestLanguage := f == defaults.FieldLanguage && v.Sources[f] == defaults.SourceRequestLanguage && !listed
			if requestLanguage && choice != "" {
				requireSameLanguage(t, choice, v.Language)
			}
			profile := in.Weak[f] && profileDecides(v.Sources[f])
			require.Equal(t, choice != "" && v.Sources[f] != defaults.SourceChoice && !requestSite && !requestLanguage && !profile, listed, "%s %q of %+v", f, choice, v)
		}
	}
}

func TestSites_AreSafeForConcurrentUse(t *testing.T) {
	w := newWorld(6)
	sites := w.sites(t)
	inputs := make([]defaults.Input, 50)
	want := make([]defaults.Values, len(inputs))
	for i := range inputs {
		inputs[i] = w.input()
		want[i] = sites.Resolve(inputs[i])
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i, in := range inputs {
				v, _ := sites.Explain(in)
				assert.Equal(t, want[i], v)
				_, _ = sites.Check(in, everyField)
				sites.List()
			}
		})
	}
	group.Wait()
}

func TestCheck_ClearedChoiceEqualsNoChoice(t *testing.T) {
	w := newWorld(3)
	for range trials {
		sites, never := w.sites(t), w.input()
		f := defaults.Field(w.IntN(defaults.NumFields))
		set := func(in defaults.Input, value string) defaults.Input {
			*[]*string{&in.Choices.Site, &in.Choices.Currency, &in.Choices.Country, &in.Choices.Language}[f] = value
			return in
		}
		never = set(never, "")
		made := set(never, w.one([][]string{anySite, anyCurrency, anyCountry, anyLanguage}[f]))

		cleared := set(made, "")
		var err error
		cleared.Choices, err = sites.Check(cleared, sent(f))
		require.NoError(t, err, "a clear is always right, whatever else is stored")
		require.Equal(t, never, cleared)

		// Nor does a choice change anything that does not decide.
		if v := sites.Resolve(made); v.Sources[f] != defaults.SourceChoice {
			require.Equal(t, sites.Resolve(never), v, "%s of %+v", f, made.Choices)
		}
	}
}

func TestCheck_AcceptedValueIsWhatResolveTakes(t *testing.T) {
	w := newWorld(4)
	taken := 0
	for range trials {
		sites, in := w.sites(t), w.input()
		var marks [defaults.NumFields]bool
		for f := range marks {
			marks[f] = w.IntN(2) == 0
			in.Weak[f] = in.Weak[f] && !marks[f]
		}
		checked, err := sites.Check(in, marks)
		if err != nil {
			for _, invalid := range invalids(t, err) {
				require.True(t, marks[invalid.Field], "%v was not sent", invalid)
				// The write would not have the value decide, whatever the reason.
				v := sites.Resolve(in)
				require.True(t, v.Sources[invalid.Field] != defaults.SourceChoice)
			}
			continue
		}
		in.Choices = checked
		v := sites.Resolve(in)
		after := [defaults.NumFields]string{v.Site, v.Currency, v.Country, v.Language}
		for f, choice := range [defaults.NumFields]string{checked.Site, checked.Currency, checked.Country, checked.Language} {
			if !marks[f] || choice == "" {
				continue
			}
			taken++
			switch v.Sources[f] {
			case defaults.SourceRequestLanguage: // the choice is stored, and counts on other requests
				continue
			case defaults.SourceRequestSite:
			default:
				require.Equal(t, defaults.SourceChoice, v.Sources[f])
			}
			if defaults.Field(f) == defaults.FieldLanguage {
				requireSameLanguage(t, choice, after[f])
			} else {
				require.Equal(t, choice, after[f])
			}
		}
		again, err := sites.Check(in, marks)
		require.NoError(t, err)
		require.Equal(t, checked, again, "what was accepted is accepted again and stays as it is")
	}
	assert.Greater(t, taken, trials/10, "the trials accept something")
}

// Tags made of real subtags in wrong places find what random bytes do not.
func TestLanguage_CanonicalSpellingIsIdempotentAndIgnoresCase(t *testing.T) {
	subtags := strings.Fields("en sh cmn zh yue no sgn i klingon art lojban x a u t m0 co phonebk hc h12 rg gbzzzz va posix oed 1996 1901 rozaj biske " +
		"ekavsk hepburn heploc arevela polyton Latn Hant Qaaa Zyyy US GB UK DD BU SU YU ZZ 001 419 gan min bokmal mo iw in tl und root BE FR valencia sr hy de")
	sites := demoSites(t)
	w := newWorld(5)
	accepted := 0
	for range 8 * trials {
		tag := w.one(subtags)
		for range w.IntN(6) {
			tag += w.one([]string{"-", "_"}) + w.one(subtags)
		}
		canonical, ok := codes.Language(tag)
		sites.Resolve(defaults.Input{RequestSite: "export", Choices: defaults.Choices{Language: tag}}) // does not panic
		if !ok {
			continue
		}
		accepted++
		for _, spelling := range []string{canonical, strings.ToUpper(tag), strings.ToLower(canonical)} {
			again, ok := codes.Language(spelling)
			require.True(t, ok, "%q of %q", spelling, tag)
			require.Equal(t, canonical, again, "%q of %q", spelling, tag)
		}
	}
	assert.Greater(t, accepted, trials/2, "the trials accept something")
}
