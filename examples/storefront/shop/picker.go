package shop

import (
	"slices"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
)

// picker lets the shopper choose a field's value among what the site offers.
type picker struct {
	Field     string
	Label     string
	Chosen    bool // the value is the shopper's choice
	Elsewhere bool // the value is none of those that can be chosen
	Options   []option
}

type option struct {
	Value, Text string
	Lang        string // of Text, if it is not the page's
	Selected    bool
}

// value returns a session's value of a field.
func value(s sessionctx.Session, f defaults.Field) string {
	return [defaults.NumFields]string{s.Site, s.Currency, s.Country, s.Language}[f]
}

func (v *view) picker(f defaults.Field) picker {
	p := picker{Field: f.String(), Label: v.Text("field." + f.String()), Chosen: v.Session.Source(f) == defaults.SourceChoice}
	offer := offered(f, v.site, v.names.sites)
	current := value(v.Session, f)
	values := offer.values
	if !slices.Contains(values, current) {
		if p.Elsewhere = !offer.all; offer.all {
			values = append(slices.Clone(values), current)
		}
	}
	for _, code := range values {
		o := option{Value: code, Text: v.names.of(f, code), Selected: code == current}
		if f == defaults.FieldLanguage {
			o.Lang = code
		}
		p.Options = append(p.Options, o)
	}
	if f == defaults.FieldCountry || f == defaults.FieldLanguage && offer.all {
		v.names.sort(p.Options)
	}
	if p.Elsewhere {
		// The form cannot be sent with it: it has no value and the list is required.
		p.Options = append([]option{{Text: v.Text("not-offered", "value", v.names.of(f, current)), Selected: true}}, p.Options...)
	}
	return p
}
