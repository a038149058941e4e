package shop

import (
	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/defaults/display"
	"github.com/sessionctx/storefront/sessionctx"
)

// picker lets the shopper choose a field's value among what the site offers.
type picker struct {
	Field   string
	Label   string
	Chosen  bool // the value is the shopper's choice
	Options []display.Option
}

// value returns a session's value of a field.
func value(s sessionctx.Session, f defaults.Field) string {
	return [defaults.NumFields]string{s.Site, s.Currency, s.Country, s.Language}[f]
}

func (v *view) picker(f defaults.Field) picker {
	p := picker{Field: f.String(), Label: v.Text("field." + f.String()), Chosen: v.Session.Source(f) == defaults.SourceChoice}
	if v.names.sites == nil {
		return p
	}
	p.Options = v.names.Options(v.names.sites, f, v.Session.Site, value(v.Session, f))
	for i := range p.Options {
		o := &p.Options[i]
		if f == defaults.FieldCurrency {
			o.Name = v.names.currency(o.Value)
		}
		if f != defaults.FieldLanguage && o.Lang == v.Tag {
			o.Lang = "" // the page's
		}
		if !o.Offered {
			o.Name = v.Text("not-offered", "value", o.Name)
		}
	}
	return p
}
