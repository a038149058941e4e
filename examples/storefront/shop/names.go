package shop

import (
	"cmp"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/defaults/display"
)

// names say values to a shopper, in the shopper's language.
type names struct {
	display.Language
	sites *defaults.Sites // nil: not to be had
}

// of returns the name of a field's value, or the value itself if it has no name.
func (n names) of(f defaults.Field, value string) string {
	switch f {
	case defaults.FieldSite:
		return display.Isolate(cmp.Or(n.site(value).Name, value))
	case defaults.FieldCurrency:
		return n.currency(value)
	case defaults.FieldCountry:
		return n.Country(value)
	default:
		return display.Isolate(display.For(value).Language(value))
	}
}

// site returns the site of that code, and a site of which only the code is known if there is none.
func (n names) site(code string) defaults.Site {
	if n.sites != nil {
		if site, ok := n.sites.Site(code); ok {
			return site
		}
	}
	return defaults.Site{Code: code}
}

// currency returns a currency with its symbol, where it has one: both are on price tags.
func (n names) currency(code string) string {
	if symbol := n.Symbol(code); symbol != code {
		return display.Isolate(code) + " (" + display.Isolate(symbol) + ")" // the dot of "أ.م." stays where it is
	}
	return display.Isolate(code)
}
