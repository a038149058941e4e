package sessionctx

import (
	"encoding/json"

	"github.com/sessionctx/storefront/defaults"
)

// Change is what a Patch does to one field. The zero Change leaves the field alone.
type Change struct {
	value string
	set   bool
}

// Set makes value the choice of the field. Set("") is the same as Clear().
func Set(value string) Change { return Change{value: value, set: true} }

// Clear removes the choice of the field: the field shows its default again.
func Clear() Change { return Change{set: true} }

// Value returns the value to set, empty for Clear, and whether the Patch touches the field at all.
func (c Change) Value() (value string, touched bool) { return c.value, c.set }

// Patch is a write: the fields and attributes that it names change, everything else stays.
// The zero Patch changes nothing.
type Patch struct {
	Site, Currency, Country, Language Change
	// CartID is the cart at the site that the session has after the write. The host owns it; at
	// most 256 bytes.
	CartID Change

	// Attributes are merged by name; a nil value or the JSON literal null removes the attribute.
	// Every other value must be one valid JSON document.
	Attributes map[string]json.RawMessage

	// ReplaceAttributes removes every attribute that Attributes does not name.
	ReplaceAttributes bool

	// Base is the revision that this write is based on. Nil states none, and the write is merged
	// onto the newest. The zero Revision says that there was no record; an Incarnation of 0 with a
	// Version stands for the present incarnation. With a stale base the write conflicts if a field
	// or attribute that it touches has changed since, by version and not by value; otherwise it is
	// rebased. A base that the session never had, or had before it expired, conflicts.
	Base *Revision

	// Require, when set, is asked before the write is applied, with the session as it is then,
	// each time the write is tried; an error refuses the write and is returned as it is.
	// It must be a pure function of its argument.
	Require func(current Session) error

	// Upsert creates the record, also if the patch changes nothing else. A Management identity
	// cannot create a session without it. For other identities it begins a session early.
	Upsert bool
}

// fields returns the changes of the four resolved fields, in the order of defaults.Field.
func (p *Patch) fields() [defaults.NumFields]Change {
	return [defaults.NumFields]Change{p.Site, p.Currency, p.Country, p.Language}
}

// zero reports whether p asks for nothing at all.
func (p *Patch) zero() bool {
	return !p.touchesFields() && !p.touchesAttributes() && !p.Upsert
}

func (p *Patch) touchesAttributes() bool { return len(p.Attributes) > 0 || p.ReplaceAttributes }

func (p *Patch) touchesFields() bool {
	return p.Site.set || p.Currency.set || p.Country.set || p.Language.set || p.CartID.set
}
