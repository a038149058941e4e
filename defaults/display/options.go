package display

import (
	"cmp"
	"slices"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/defaults/codes"
)

// Option is one value that a picker offers.
type Option struct {
	Value string // what the form sends: the code
	// Name is for people, ready for an <option>: isolated where it has letters that are written
	// from right to left. The name of a site is what the shop gave, or its code; that of a language
	// is in that very language.
	Name string
	// Lang is the language of Name, BCP 47, for the attribute lang; empty for the name of a site.
	Lang     string
	Selected bool
	// Offered is false for the session's value where the site does not offer it. A picker shows it
	// and does not let it be chosen.
	Offered bool
}

// Options returns what a picker for a field offers at a site: what [defaults.Sites.Offered] says,
// with names. site and current are the session's: its site, and its value of the field.
//
// Countries are sorted by name, as readers of the language look for them. The others are in the
// order of the site's list, which is the shop's own. Where a site offers every currency they are
// sorted by code. Where it offers every language, the options are the languages that have all
// names, without their regional forms, sorted by name. The value of the session is Selected. If the
// site does not offer it, it is the first option, and not Offered. Safe for concurrent use by
// multiple goroutines.
func (l Language) Options(sites *defaults.Sites, f defaults.Field, site, current string) []Option {
	values, all := sites.Offered(site, f)
	options := make([]Option, 0, len(values)+1)
	if missing := current != "" && !slices.Contains(values, current); missing && all {
		values = append(values, current)
	} else if missing {
		o := l.option(sites, f, current)
		o.Selected = true
		options = append(options, o)
	}
	add := func(o Option) {
		o.Selected, o.Offered = o.Value == current, true
		options = append(options, o)
	}
	switch {
	case f == defaults.FieldCountry:
		offered := setOf(values)
		for _, o := range l.locale().countries() {
			if offered[o.Value] {
				add(o)
			}
		}
	case f == defaults.FieldLanguage && all:
		known := l.locale().languages()
		for _, o := range known {
			add(o)
		}
		named := setOf(data().languages())
		for _, value := range values {
			if !named[value] {
				add(l.option(sites, f, value))
			}
		}
		if len(options) > len(known) {
			sortByName(options, l.Tag())
		}
	default:
		for _, value := range values {
			add(l.option(sites, f, value))
		}
	}
	return options
}

func setOf(values []string) map[string]bool {
	set := make(map[string]bool, len(values))
	for _, value := range values {
		set[value] = true
	}
	return set
}

func (l Language) option(sites *defaults.Sites, f defaults.Field, value string) Option {
	o := Option{Value: value, Lang: l.Tag()}
	switch f {
	case defaults.FieldSite:
		site, _ := sites.Site(value)
		o.Name, o.Lang = Isolate(cmp.Or(site.Name, value)), ""
	case defaults.FieldCurrency:
		o.Name = Isolate(l.Currency(value))
	case defaults.FieldCountry:
		o.Name = Isolate(l.Country(value))
	case defaults.FieldLanguage:
		o.Name, o.Lang = Isolate(ownName(value)), value
	}
	return o
}

// ownName returns the name of a language in the language itself. The language is unpacked only if
// the index does not have the name.
func ownName(tag string) string {
	if name := data().own[tag]; name != "" {
		return name
	}
	return For(tag).Language(tag)
}

// sortByName sorts options as readers of a language look for them.
func sortByName(options []Option, tag string) {
	t, err := language.Parse(tag)
	if err != nil {
		t = language.Und
	}
	c := collate.New(t) // for one goroutine
	slices.SortStableFunc(options, func(a, b Option) int { return c.CompareString(a.Name, b.Name) })
}

func (l *locale) sortCountries() (all []Option) {
	for _, code := range codes.Countries() {
		all = append(all, Language{data: l}.option(nil, defaults.FieldCountry, code))
	}
	sortByName(all, l.tag)
	return all
}

func (l *locale) sortLanguages() (all []Option) {
	for _, tag := range data().languages() {
		all = append(all, Language{data: l}.option(nil, defaults.FieldLanguage, tag))
	}
	sortByName(all, l.tag)
	return all
}
