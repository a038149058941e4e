package defaults

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-playground/validator/v10"

	"github.com/sessionctx/storefront/defaults/codes"
	"github.com/sessionctx/storefront/internal/letters"
)

// retained is how long a site that is not valid any more keeps its last valid form.
const retained = 24 * time.Hour

// The effects of a mistake, for people.
const (
	effectNotOffered = "not offered"
	effectServes     = "the site keeps it all the same"
	effectReplaced   = "%q takes its place"
	effectLeftOut    = "the site is left out"
	effectRetained   = "the site keeps its last valid form for 24 hours"
	effectNotUsed    = "this declaration is not used"
	effectIgnored    = "this site is not used"
	effectNoDefault  = "there is no default site"
)

// NewSites compiles the sites of one tenant, and accepts no mistake: it is for literals, and for
// data that somebody can correct now. An inactive site is not judged. NewSites copies what it needs
// and never writes to what it was given. The error joins every mistake in the list, each a
// [*SiteError].
func NewSites(sites []Site) (*Sites, error) {
	c := compiler{sites: sites}
	table := c.compile()
	if len(c.mistakes) == 0 {
		return table, nil
	}
	slices.SortStableFunc(c.mistakes, func(a, b *SiteError) int { return place(a, len(sites)) - place(b, len(sites)) })
	errs := make([]error, len(c.mistakes))
	for i, m := range c.mistakes {
		m.Effect = ""
		errs[i] = m
	}
	return nil, errors.Join(errs...)
}

// place returns the sort key of a mistake: mistakes of the list come after those of its sites.
func place(e *SiteError, last int) int {
	if e.Index < 0 {
		return last
	}
	return e.Index
}

// CompileSites compiles the sites of one tenant as far as they are valid. It is for data that a
// running shop reads: codes are withdrawn, and that must not close the shop. The mistakes say what
// was wrong, and their effects what CompileSites did about it:
//
//   - Codes are read generously: surrounding blanks and case do not count, except for the case of a
//     site's code; a country may also be written with three letters, or as UK or EL. None of this
//     is a mistake.
//   - An entry of a list that is no current code is not offered. A list that was given stays a
//     restriction, however little is left of it.
//   - A declaration of an extra currency is not used if it is malformed, if it contradicts an
//     earlier one, or if it gives a current code of ISO 4217 other decimals.
//   - A site keeps its own currency of three letters, also if the currency was withdrawn or is
//     unknown.
//   - An unusable country of the home base is replaced by the first usable one of ShipTo, an
//     unusable language by the first usable one of Languages.
//   - A site that then has no country or no language is left out. So is a site whose currency is no
//     code, or whose own code is invalid. If previous has a valid form of the site, the site keeps
//     that form until 24 hours after it was last valid.
//   - An inactive site is not judged. Of active sites with the same code the first counts.
//
// An empty list, no usable default site and several default sites are an error, because a shopper
// must not get another site as the default. The error joins each [*SiteError] of the site that it
// is about, and the mistakes contain them, too. Unless the list is empty, a table without a default
// site comes with the error, for a caller that has no better table. It serves shoppers whose site
// is named: by the request, by a choice or by a profile. CompileSites never writes to what it was
// given.
//
// previous is the last table that was compiled for the tenant, or nil, and now is the time at which
// sites were read. Compile an unchanged list again, too: a site that keeps its last valid form
// loses that form after 24 hours.
func CompileSites(sites []Site, previous *Sites, now time.Time) (*Sites, []*SiteError, error) {
	c := compiler{sites: sites, generous: true, previous: previous, now: now}
	table := c.compile()
	if c.failed == nil {
		return table, c.mistakes, nil
	}
	failed := *c.failed
	failed.Effect = ""
	errs := []error{&failed}
	for _, m := range c.mistakes {
		if m != c.failed && m.Index == failed.Index && m.Index >= 0 {
			errs = append(errs, m) // why the default site cannot be used
		}
	}
	if table != nil {
		table.def = nil
	}
	return table, c.mistakes, errors.Join(errs...)
}

// compiler makes a table of a list of sites.
type compiler struct {
	sites    []Site
	generous bool
	previous *Sites
	now      time.Time
	extra    extraCurrencies // that the sites declare
	mistakes []*SiteError
	failed   *SiteError // the first mistake that leaves the table without a default site
}

func (c *compiler) add(m SiteError) *SiteError {
	if m.Index >= 0 {
		m.Code = c.sites[m.Index].Code
	}
	c.mistakes = append(c.mistakes, &m)
	return &m
}

func (c *compiler) fail(m SiteError) {
	m.Effect = effectNoDefault
	if added := c.add(m); c.failed == nil {
		c.failed = added
	}
}

func (c *compiler) compile() *Sites {
	if len(c.sites) == 0 {
		c.fail(SiteError{Index: -1, Rule: "there must be at least one site"})
		return nil
	}
	c.declareExtra()
	table := &Sites{byCode: make(map[string]*storefront, len(c.sites)), extra: c.extra, unrestricted: &storefront{extra: c.extra}}
	first := make(map[string]int, len(c.sites)) // active site by code
	def, inactiveDefault := -1, -1
	for i := range c.sites {
		site := &c.sites[i]
		if site.Inactive {
			if site.Default {
				inactiveDefault = i
			}
			table.list = append(table.list, &storefront{Site: clone(*site)})
			continue
		}
		code := c.trim(site.Code)
		if other, ok := first[code]; ok && code != "" {
			c.add(SiteError{Index: i, Field: "code", Value: site.Code, Rule: fmt.Sprintf("is also the code of site %d", other), Effect: effectIgnored})
			if c.generous {
				continue
			}
		} else {
			first[code] = i
		}
		st := c.site(i)
		if st != nil {
			table.list = append(table.list, st)
			table.byCode[st.Code] = st
		}
		switch {
		case !site.Default:
		case def >= 0:
			c.fail(SiteError{Index: i, Field: "default", Rule: fmt.Sprintf("only one active site can be the default site, and site %d %q is", def, c.sites[def].Code)})
		default:
			def, table.def = i, st
		}
	}
	for _, st := range table.list {
		if _, ok := table.byCode[st.Code]; !ok {
			table.byCode[st.Code] = st // inactive
		}
	}
	switch {
	case def >= 0 && table.def == nil && c.generous:
		c.fail(SiteError{Index: def, Field: "default", Rule: "the default site must be usable"})
	case def >= 0:
	case inactiveDefault >= 0:
		c.fail(SiteError{Index: inactiveDefault, Field: "default", Rule: "an inactive site cannot be the default site, and no active one is"})
	default:
		c.fail(SiteError{Index: -1, Field: "default", Rule: "one active site must be the default site"})
	}
	return table
}

// declareExtra collects the extra currencies of the active sites. It runs first, because the
// currencies of the sites are judged by them.
func (c *compiler) declareExtra() {
	c.extra = make(extraCurrencies)
	for i := range c.sites {
		if c.sites[i].Inactive {
			continue
		}
		for _, given := range slices.Sorted(maps.Keys(c.sites[i].ExtraCurrencies)) {
			digits := c.sites[i].ExtraCurrencies[given]
			m := SiteError{Index: i, Field: "extraCurrencies[" + given + "]", Value: fmt.Sprint(digits), Effect: effectNotUsed}
			code, ok := letters.Upper(c.trim(given), 3)
			current, isCurrent := codes.MinorUnits(code)
			known, twice := c.extra[code]
			switch {
			case !ok:
				m.Value, m.Rule, m.Reason = given, "must be three letters", ReasonMalformed
			case digits < 0 || digits > maxDigits:
				m.Rule = fmt.Sprintf("must have 0 to %d decimals", maxDigits)
			case isCurrent && current != digits:
				m.Rule = fmt.Sprintf("is a current ISO 4217 code, of %d decimals", current)
			case twice && known != digits:
				m.Rule = fmt.Sprintf("is declared before, with %d decimals", known)
			default:
				if !isCurrent {
					c.extra[code] = digits
				}
				continue
			}
			c.add(m)
		}
	}
}

func (c *compiler) isExtra(s string) bool {
	_, reason := c.extra.code(s)
	return reason == accepted
}

// trim removes the blanks around a code, if it is read generously.
func (c *compiler) trim(s string) string {
	if c.generous {
		return strings.Trim(s, blanks)
	}
	return s
}

// site compiles an active site, and returns nil if it cannot be used.
func (c *compiler) site(i int) *storefront {
	site := clone(c.sites[i])
	if c.generous {
		c.readSite(&site)
	}
	before, usable := len(c.mistakes), true
	var invalid validator.ValidationErrors
	if err := siteValidator().Struct(&site); errors.As(err, &invalid) {
		for _, f := range invalid {
			if f.Tag() == "currency" && c.isExtra(fmt.Sprint(f.Value())) {
				continue
			}
			m := SiteError{Index: i, Field: fieldName(f.StructField()), Value: fmt.Sprint(f.Value()), Rule: siteRules[f.Tag()]}
			if code, ok := siteCodes[f.Tag()]; ok {
				_, m.Reason = code(m.Value)
			}
			if m.Effect = repair(&site, m.Field); m.Effect == effectLeftOut {
				usable = false
			}
			c.add(m)
		}
	}
	if usable {
		c.canonicalOwn(&site)
		st := newStorefront(site, c.extra)
		st.valid = c.now
		return st
	}
	st := c.lastValid(&site)
	if st != nil {
		for _, m := range c.mistakes[before:] {
			m.Effect = effectRetained
		}
	}
	return st
}

// lastValid returns the last valid form of a site, if it is young enough.
func (c *compiler) lastValid(site *Site) *storefront {
	if c.previous == nil {
		return nil
	}
	last, ok := c.previous.byCode[site.Code]
	if !ok || last.Inactive || c.now.Sub(last.valid) > retained {
		return nil
	}
	st := *last
	st.Default = site.Default // what the shop says now, and it can be read
	return &st
}

// repair corrects a field of an active site where it can, and returns the effect of the mistake.
func repair(site *Site, field string) (effect string) {
	name, _, entry := strings.Cut(field, "[")
	switch {
	case entry:
		return effectNotOffered
	case name == "currency":
		if code, ok := letters.Upper(strings.Trim(site.Currency, blanks), 3); ok {
			site.Currency = code
			return effectServes
		}
	case name == "country":
		return replace(&site.Country, site.ShipTo, countryCode)
	case name == "language":
		return replace(&site.Language, site.Languages, languageCode)
	}
	return effectLeftOut
}

// replace puts the first valid code of a list in the place of one that is not.
func replace(own *string, list []string, canonical func(string) (string, Reason)) (effect string) {
	for _, code := range list {
		if c, reason := canonical(code); reason == accepted {
			*own = c
			return fmt.Sprintf(effectReplaced, c)
		}
	}
	return effectLeftOut
}

// canonicalOwn brings a site's own values into canonical spelling. A currency that is neither
// current nor extra is so already, by repair.
func (c *compiler) canonicalOwn(site *Site) {
	if code, reason := c.extra.code(site.Currency); reason == accepted {
		site.Currency = code
	}
	site.ExtraCurrencies = c.extra.only(site.ExtraCurrencies)
	site.Country, _ = codes.Country(site.Country)
	site.Language, _ = languageCode(site.Language)
}

// readSite brings the codes that can be read generously into canonical spelling, and leaves the
// others as they are.
func (c *compiler) readSite(site *Site) {
	read := func(code *string, read func(string) (string, Reason)) {
		if canonical, reason := read(*code); reason == accepted {
			*code = canonical
		}
	}
	language := func(s string) (string, Reason) { return languageCode(strings.Trim(s, blanks)) }
	site.Code = strings.Trim(site.Code, blanks)
	read(&site.Currency, c.extra.read)
	read(&site.Country, readCountry)
	read(&site.Language, language)
	for i := range site.Currencies {
		read(&site.Currencies[i], c.extra.read)
	}
	for i := range site.ShipTo {
		read(&site.ShipTo[i], readCountry)
	}
	for i := range site.Languages {
		read(&site.Languages[i], language)
	}
}

// clone returns a copy of a site that shares no list with it.
func clone(site Site) Site {
	site.Currencies = slices.Clone(site.Currencies)
	site.ExtraCurrencies = maps.Clone(site.ExtraCurrencies)
	site.ShipTo = slices.Clone(site.ShipTo)
	site.Languages = slices.Clone(site.Languages)
	return site
}
