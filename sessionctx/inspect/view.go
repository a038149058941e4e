package inspect

import (
	"fmt"
	"strings"
	"time"

	"github.com/sessionctx/storefront/defaults"
)

// The levels of a state. The page shows them by colour, and by a mark or a height.
const (
	good = "good"
	warn = "warn"
	bad  = "bad"
)

// view is what the page shows.
type view struct {
	Report         *report
	Form           asked
	Tenants        []string
	Level          string
	Headline, Lead string
	Tiles          []tile
	Times          string // of the intervals, for the readout
	Plots          []plot
	About          string // whose request is explained
	Refusal        string // why none is
	Fields         []fieldView
	Facts          []string // about the session
	Conflicts      []conflict
	More           int // conflicts that are not shown
	Counters       []group
}

const maxShown = 8 // conflicts

// tile is the state of one thing.
type tile struct {
	Title, Level, Text, Note string
	Cells                    []cell
	History                  string
}

// fieldView is a field as the page shows it.
type fieldView struct {
	Label, Value, From string
	Candidates         []candidateView
}

type candidateView struct{ Mark, Label, Value, Verdict, Says string }

type group struct {
	Title string
	Rows  []row
}

type row struct {
	Label string
	Count string
}

func viewOf(r *report, f asked, tenants []string) view {
	v := view{Report: r, Form: f, Tenants: tenants, Plots: plotsOf(r.Intervals, r.At), Tiles: tilesOf(r), Counters: countersOf(&r.Since)}
	v.Level, v.Headline, v.Lead = headline(&r.State)
	var times []string
	for i := range r.Intervals {
		times = append(times, r.Intervals[i].At.UTC().Format(time.TimeOnly))
	}
	v.Times = strings.Join(times, "|")
	v.About, v.Refusal = abouts[r.Why.About], refusals[r.Why.Error]
	if r.Why.Degraded {
		v.Refusal = "The store could not be asked, so nothing is known of the session. This is what a guest gets meanwhile; " +
			"a customer whom a token names also has the values of the profile."
	}
	v.Facts = factsOf(&r.Why)
	if v.Conflicts = r.Conflicts; len(v.Conflicts) > maxShown {
		v.Conflicts, v.More = v.Conflicts[:maxShown], len(v.Conflicts)-maxShown
	}
	for _, f := range r.Why.Fields {
		v.Fields = append(v.Fields, viewOfField(f))
	}
	return v
}

// headline says how things are, and what that means for shoppers.
func headline(s *state) (level, title, lead string) {
	switch {
	case s.Store == storeClosed:
		return bad, "The resolver is closed", "This process is about to end."
	case s.Store == storeHangs:
		return bad, "The store hangs", "It has not answered several calls in time, and is only probed. Cached sessions still serve; other pages show the shop's defaults at once, and writes fail."
	case s.Store == storeFails:
		return bad, "The store does not answer", "Cached sessions still serve; other pages show the shop's defaults, and writes fail."
	case s.Cache == cacheOff:
		return warn, "The cache is off", "The lease has ended, so every read asks the store. Answers are right, and slower."
	case s.Directory == directoryFails:
		return warn, "The directory does not answer", "Pages show the sites as they were last known, for 24 hours at most."
	}
	return good, "Everything answers", "Store, cache and directory are well."
}

var stateTexts = map[string][3]string{ // level, text, note
	"store." + storeAnswers: {good, "Answers", "Asked just now"},
	"store." + storeFails:   {bad, "Does not answer", "Asked just now; the log says why"},
	"store." + storeHangs:   {bad, "Hangs", "Probed until it answers"},
	"store." + storeClosed:  {bad, "Closed", "By the host"},

	"cache." + cacheValid: {good, "Valid", ""},
	"cache." + cacheOff:   {warn, "Off", "Every read asks the store"},

	"directory." + directoryAnswers: {good, "Answers", "No refresh has failed"},
	"directory." + directoryFails:   {warn, "Does not answer", "Earlier answers serve; the log says why"},
}

func tilesOf(r *report) []tile {
	make := func(title, key string, level func(*interval) string) tile {
		texts := stateTexts[key]
		t := tile{Title: title, Level: texts[0], Text: texts[1], Note: texts[2]}
		var trouble time.Duration
		if t.Cells, trouble = strip(r.Intervals, r.At, level); len(r.Intervals) == 0 {
			t.History = "The first values come after five seconds"
		} else if t.History = "No trouble in ten minutes"; trouble > 0 {
			t.History = fmt.Sprintf("%s of trouble in ten minutes", spoken(trouble))
		}
		return t
	}
	cache := make("Cache", "cache."+r.State.Cache, func(i *interval) string {
		switch {
		case i.Lease < 0:
			return bad
		case i.InvalidatedAll > 0:
			return warn
		}
		return good
	})
	switch l := r.State.Lease; {
	case l.endless():
		cache.Note = "A lease without end, or a store that reports no changes"
	case l >= 0:
		cache.Note = fmt.Sprintf("The lease has %.1f s left", time.Duration(l).Seconds())
	}
	return []tile{
		make("Store", "store."+r.State.Store, func(i *interval) string {
			switch {
			case i.StoreHangs, i.Degraded > 0:
				return bad
			case i.Unknown > 0:
				return warn
			}
			return good
		}),
		cache,
		make("Directory", "directory."+r.State.Directory, func(i *interval) string {
			if i.DirectoryErrors > 0 {
				return warn
			}
			return good
		}),
	}
}

// spoken writes a duration for people.
func spoken(d time.Duration) string {
	d = d.Round(time.Second)
	minutes, seconds := int(d/time.Minute), int(d%time.Minute/time.Second)
	switch {
	case minutes == 0:
		return fmt.Sprintf("%d s", seconds)
	case seconds == 0:
		return fmt.Sprintf("%d min", minutes)
	}
	return fmt.Sprintf("%d min %d s", minutes, seconds)
}

var abouts = map[string]string{
	aboutBrowser:  "The request of this browser",
	aboutGuest:    "A guest without a session",
	aboutSession:  "The session that the form names",
	aboutCustomer: "The customer whom the form names, without a session",
}

var refusals = map[string]string{
	errNoTenant:      "No tenant is known yet. The first request to the shop makes one known; or name one in the form.",
	errUnknownTenant: "There is no such tenant.",
	errNotFound:      "There is no such session at this tenant, or it has ended.",
	errTwoSubjects:   "Name a session or a customer, not both: the record says whose a session is.",
	errRefused:       "The host refuses the credentials of this browser's request.",
	errUnavailable:   "The store or the directory could not be asked, so nothing can be said.",
}

func factsOf(w *why) (facts []string) {
	if w.Session == nil {
		return nil
	}
	facts = append(facts, "tenant "+w.Session.Tenant)
	if w.Degraded {
		return append(facts, "degraded")
	}
	facts = append(facts, w.Session.Shopper)
	if w.Session.Record {
		facts = append(facts, "has a record")
	} else {
		facts = append(facts, "nothing stored")
	}
	if w.Session.Cart {
		facts = append(facts, "has a cart")
	}
	if w.Session.ProfileMissing {
		facts = append(facts, "profile missing")
	}
	return facts
}

var fieldLabels = map[string]string{
	defaults.FieldSite.String(): "Site", defaults.FieldCountry.String(): "Country",
	defaults.FieldCurrency.String(): "Currency", defaults.FieldLanguage.String(): "Language",
}

var sourceLabels = map[string]string{
	defaults.SourceChoice.String():            "The shopper’s choice",
	defaults.SourceRequestSite.String():       "The site of the request",
	defaults.SourcePreferredSite.String():     "The customer’s site",
	defaults.SourceDefaultSite.String():       "The default site",
	defaults.SourcePreferredCurrency.String(): "The customer’s currency",
	defaults.SourceSiteCurrency.String():      "The site’s currency",
	defaults.SourceShippingAddress.String():   "A shipping address",
	defaults.SourceBillingAddress.String():    "A billing address",
	defaults.SourceGeo.String():               "The country of the visit",
	defaults.SourceHomeBase.String():          "The site’s home base",
	defaults.SourcePreferredLanguage.String(): "The customer’s language",
	defaults.SourceAcceptLanguage.String():    "Accept-Language",
	defaults.SourceSiteLanguage.String():      "The site’s language",
	defaults.SourceRequestLanguage.String():   "The language of the request",
}

var reasonTexts = map[string]string{
	defaults.ReasonMalformed.String():    "not a code",
	defaults.ReasonUnknownCode.String():  "no current code",
	defaults.ReasonUnknownSite.String():  "no such site",
	defaults.ReasonInactiveSite.String(): "the site is inactive",
	defaults.ReasonNotOffered.String():   "not offered by the site",
	defaults.ReasonOverruled.String():    "overruled by the request",
}

// verdictTexts are mark and text of the verdicts.
var verdictTexts = map[string][2]string{
	taken:     {"✓", "taken"},
	rejected:  {"✕", ""},
	none:      {"·", "no value"},
	missing:   {"?", "the profile is missing"},
	ignored:   {"✕", "not asked: there is a cart"},
	notNeeded: {"·", "not needed"},
}

func viewOfField(f field) fieldView {
	v := fieldView{Label: fieldLabels[f.Field], Value: f.Value, From: f.Source}
	for _, c := range f.Candidates {
		texts := verdictTexts[c.Verdict]
		says := texts[1]
		if c.Verdict == rejected {
			says = reasonTexts[c.Reason]
		}
		v.Candidates = append(v.Candidates, candidateView{texts[0], sourceLabels[c.Source], c.Value, c.Verdict, says})
	}
	return v
}

// countersOf lists the totals.
func countersOf(t *totals) []group {
	rows := func(pairs ...any) (all []row) {
		for i := 0; i < len(pairs); i += 2 {
			all = append(all, row{pairs[i].(string), grouped(pairs[i+1].(int64))})
		}
		return all
	}
	rejections := group{Title: "Candidates passed over"}
	for reason := defaults.ReasonMalformed; reasonTexts[reason.String()] != ""; reason++ {
		rejections.Rows = append(rejections.Rows, row{reasonTexts[reason.String()], grouped(t.Rejected[reason.String()])})
	}
	return []group{
		{"Requests", rows("resolved", t.Resolves, "from the cache", t.Hits, "degraded", t.Degraded, "values not cached", t.DroppedFills)},
		{"Store", rows("reads", t.Loads, "reads that shared one", t.Joined, "writes", t.Writes, "expiries moved", t.Touches,
			"compare-and-sets that met another", t.Conflicts, "unknown outcomes", t.Unknown)},
		{"Changes and directory", rows("records reported as changed", t.Invalidations, "everything invalidated", t.InvalidatedAll,
			"questions to the directory", t.DirectoryLoads, "without an answer", t.DirectoryErrors, "mistakes in sites", t.SiteMistakes)},
		rejections,
	}
}
