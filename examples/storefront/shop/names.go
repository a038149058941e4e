package shop

import (
	"cmp"
	"slices"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/defaults/codes"
	"github.com/sessionctx/storefront/examples/storefront/wording"
)

// names say values to a shopper, in the shopper's language where there are data for it.
type names struct {
	tag     language.Tag
	regions display.Namer
	sites   []defaults.Site
}

// newNames returns the names for readers of a language, in a tenant with these sites.
func newNames(tag string, sites []defaults.Site) names {
	t, err := language.Parse(tag)
	if err != nil {
		t = language.English
	}
	regions := display.Regions(t)
	if regions == nil {
		regions = display.Regions(language.English)
	}
	return names{tag: t, regions: regions, sites: sites}
}

// of returns the name of a field's value; a value that has none is its own.
func (n names) of(f defaults.Field, value string) string {
	name := ""
	switch f {
	case defaults.FieldSite:
		if site, ok := n.site(value); ok {
			name = wording.Isolate(site.Name)
		}
	case defaults.FieldCurrency:
		name = n.currency(value)
	case defaults.FieldCountry:
		name = n.country(value)
	case defaults.FieldLanguage:
		name = n.language(value)
	}
	return cmp.Or(name, wording.Isolate(value))
}

func (n names) site(code string) (defaults.Site, bool) {
	i := slices.IndexFunc(n.sites, func(s defaults.Site) bool { return s.Code == code })
	if i < 0 {
		return defaults.Site{}, false
	}
	return n.sites[i], true
}

func (n names) currency(code string) string {
	if symbol := codes.Symbol(code, n.tag.String()); symbol != code {
		return code + " (" + wording.Isolate(symbol) + ")" // the dot of "أ.م." stays where it is
	}
	return code
}

func (n names) country(code string) string {
	region, err := language.ParseRegion(code)
	if err != nil {
		return ""
	}
	return n.regions.Name(region)
}

// language returns a language's name in that very language: whoever looks for it can read that.
func (n names) language(tag string) string {
	t, err := language.Parse(tag)
	if err != nil {
		return ""
	}
	return cmp.Or(display.Self.Name(t), display.English.Tags().Name(t))
}

// sort brings options into the order in which readers of the language look for them.
func (n names) sort(options []option) {
	c := collate.New(n.tag)
	slices.SortStableFunc(options, func(a, b option) int { return c.CompareString(a.Text, b.Text) })
}
