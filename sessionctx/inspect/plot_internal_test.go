package inspect

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
)

// Whoever adds a source or a reason to package defaults must give it a place and words here.
func TestWords_ThereAreSomeForEverySourceAndReason(t *testing.T) {
	sources := 0
	for source := defaults.Source(1); ; source++ {
		name, err := source.MarshalText()
		if err != nil {
			break
		}
		sources++
		assert.NotEmpty(t, sourceLabels[string(name)], source)
		places := 0
		for _, order := range precedence {
			for _, s := range order {
				if s == source {
					places++
				}
			}
		}
		want := 1
		if source == defaults.SourceChoice {
			want = defaults.NumFields
		}
		assert.Equal(t, want, places, source)
	}
	assert.Equal(t, 14, sources)
	assert.Len(t, sourceLabels, sources)
	for reason := defaults.Reason(1); ; reason++ {
		name, err := reason.MarshalText()
		if err != nil {
			break
		}
		assert.NotEmpty(t, reasonTexts[string(name)], reason)
	}
	for _, order := range precedence {
		assert.Contains(t, order, weakChoice)
	}
}

func TestShown_ValueOfAProfileIsShownOnlyAsACode(t *testing.T) {
	for _, tc := range []struct {
		desc   string
		field  defaults.Field
		source defaults.Source
		value  string
		want   string
	}{
		{"a country", defaults.FieldCountry, defaults.SourceShippingAddress, " de ", "de"},
		{"a country of three letters", defaults.FieldCountry, defaults.SourceBillingAddress, "GBR", "GBR"},
		{"a town", defaults.FieldCountry, defaults.SourceShippingAddress, "Springfield", redacted},
		{"a currency", defaults.FieldCurrency, defaults.SourcePreferredCurrency, "EUR", "EUR"},
		{"a name", defaults.FieldCurrency, defaults.SourcePreferredCurrency, "Ann Jones", redacted},
		{"a language", defaults.FieldLanguage, defaults.SourcePreferredLanguage, "zh-Hant-TW", "zh-Hant-TW"},
		{"a word that is no language", defaults.FieldLanguage, defaults.SourcePreferredLanguage, "jones", redacted},
		{"a site", defaults.FieldSite, defaults.SourcePreferredSite, "shop_de.1", "shop_de.1"},
		{"a mail address", defaults.FieldSite, defaults.SourcePreferredSite, "ann@example.org", redacted},
		{"nothing", defaults.FieldSite, defaults.SourcePreferredSite, " ", ""},
		{"what the form says", defaults.FieldCountry, defaults.SourceGeo, "Springfield", "Springfield"},
		{"a long header", defaults.FieldLanguage, defaults.SourceAcceptLanguage, strings.Repeat("de,", 100), strings.Repeat("de,", 40) + "…"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			assert.Equal(t, tc.want, shown(tc.field, tc.source, tc.value))
		})
	}
}

func TestScale_TopIsRoundAndHasARoundMiddle(t *testing.T) {
	for _, tc := range []struct{ v, want float64 }{
		{0, 1}, {-1, 1}, {.03, .04}, {1, 1}, {1.1, 2}, {2.5, 4}, {5, 6}, {7, 8}, {9, 10}, {10, 10}, {220, 400}, {999, 1000}, {1e6, 1e6},
	} {
		assert.InDelta(t, tc.want, roundUp(tc.v), 1e-12*tc.want, tc.v)
	}
}

func TestText_IsShortAndGrouped(t *testing.T) {
	for _, tc := range []struct {
		v    float64
		want string
	}{
		{math.NaN(), "–"}, {0, "0"}, {2, "2"}, {999, "999"}, {.04, "0.04"}, {.25, "0.2"}, {9.94, "9.9"}, {12.3, "12"}, {1234, "1\u202f234"}, {1234567.8, "1\u202f234\u202f568"},
	} {
		assert.Equal(t, tc.want, text(tc.v))
	}
	assert.Equal(t, "-1\u202f234", grouped(-1234))
	assert.Equal(t, "100", grouped(100))
}

// at returns intervals of five seconds, the last of which ends at now.
func at(now time.Time, all ...interval) []interval {
	for i := range all {
		all[i].Seconds = 5
		all[i].At = now.Add(-time.Duration(len(all)-1-i) * every)
	}
	return all
}

func TestPlots_DrawWhatThereIs(t *testing.T) {
	now := time.Unix(1e9, 0)
	find := func(all []interval, id string) plot {
		for _, p := range plotsOf(all, now) {
			if p.ID == id {
				return p
			}
		}
		t.Fatal(id)
		return plot{}
	}
	all := at(now, interval{Resolves: 100, Hits: 50, Lease: lease(time.Second)}, interval{}, interval{Resolves: 200, Hits: 200, Conflicts: 3, Lease: lease(-time.Second)})

	ratio := find(all, "ratio")
	assert.Equal(t, "100", ratio.Now)
	assert.Equal(t, []string{"100", "50"}, []string{ratio.Top, ratio.Middle})
	assert.Equal(t, "M117 20L118 20M119 0L120 0", ratio.Series[0].Line, "there is no line where nothing was asked")
	assert.Equal(t, "50|–|100", ratio.Series[0].Values)
	assert.Equal(t, "Hit ratio, %. hits: now 100, at most 100.", ratio.About)

	requests := find(all, "requests")
	assert.Equal(t, "40", requests.Now, "the sum of both")
	assert.Equal(t, []string{"40", "0"}, []string{requests.Series[0].Now, requests.Series[1].Now})
	assert.Equal(t, "M117 30L118 30L119 40L120 0L120 40L119 40L118 40L117 40Z", requests.Series[0].Area)
	assert.Equal(t, "M117 20L118 20L119 40L120 0L120 0L119 40L118 30L117 30Z", requests.Series[1].Area, "it stands on the first")

	conflicts := find(all, "conflicts")
	assert.Equal(t, "3", conflicts.Now)
	assert.Equal(t, "M119.1 40V10H119.9V40Z", conflicts.Series[0].Area)
	assert.Empty(t, conflicts.Series[1].Area)
	assert.True(t, conflicts.Bars)

	leases := find(all, "lease")
	assert.Equal(t, "M117 0L118 0L119 40L120 40", leases.Series[0].Line, "a lease that has ended is 0")
	all[2].Lease = math.MaxInt64
	assert.Equal(t, "∞", find(all, "lease").Now)
	assert.NotEmpty(t, find(all, "lease").Message)

	for _, p := range plotsOf(nil, now) {
		assert.NotEmpty(t, p.Top, p.ID)
		for _, s := range p.Series {
			assert.Empty(t, s.Line+s.Area+s.Values, p.ID)
		}
	}
	for _, p := range plotsOf(at(now, make([]interval, 300)...), now) {
		for _, s := range p.Series {
			assert.NotContains(t, s.Line, "-", "what is older is not drawn")
		}
	}
}

func TestStrip_JoinsWhatIsAlike(t *testing.T) {
	now := time.Unix(1e9, 0)
	all := at(now, interval{}, interval{}, interval{StoreHangs: true}, interval{StoreHangs: true}, interval{})
	level := func(i *interval) string {
		if i.StoreHangs {
			return bad
		}
		return good
	}
	cells, trouble := strip(all, now, level)
	assert.Equal(t, []cell{{"115", "2", good}, {"117", "2", bad}, {"119", "1", good}}, cells)
	assert.Equal(t, 10*time.Second, trouble)

	cells, _ = strip(append(all[:1:1], all[4]), now, level)
	assert.Equal(t, []cell{{"115", "1", good}, {"119", "1", good}}, cells, "a gap stays one")
	cells, trouble = strip(nil, now, level)
	require.Empty(t, cells)
	assert.Zero(t, trouble)
}

func TestSpoken_IsForPeople(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", 5 * time.Second: "5 s", time.Minute: "1 min", 85*time.Second + 400*time.Millisecond: "1 min 25 s", 10 * time.Minute: "10 min",
	} {
		assert.Equal(t, want, spoken(d))
	}
}
