package sessionctx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

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
	CartID                            Change // owned by the host, at most 256 bytes

	// Attributes are merged by name; a nil value or the JSON literal null removes the attribute.
	// Every other value must be one valid JSON document.
	Attributes map[string]json.RawMessage

	// ReplaceAttributes removes every attribute that Attributes does not name.
	ReplaceAttributes bool

	// Version is the version that this write is based on; 0 states none, and the write is merged
	// onto the newest. With a stale version the write conflicts if a field or attribute that it
	// touches has changed since, by version and not by value; otherwise it is rebased.
	Version int64

	// Require, when set, is asked before the write is applied, with the session as it is then,
	// each time the write is tried; an error refuses the write and is returned as it is.
	// It must be a pure function of its argument.
	Require func(current Session) error

	// Upsert lets a Management identity create the session. Other identities need no leave:
	// their sessions exist as soon as the identity is valid.
	Upsert bool
}

// fields returns the changes of the four resolved fields, in the order of defaults.Field.
func (p *Patch) fields() [defaults.NumFields]Change {
	return [defaults.NumFields]Change{p.Site, p.Currency, p.Country, p.Language}
}

// zero reports whether p asks for nothing at all.
func (p *Patch) zero() bool {
	return !p.touchesFields() && len(p.Attributes) == 0 && !p.ReplaceAttributes && !p.Upsert
}

func (p *Patch) touchesFields() bool {
	return p.Site.set || p.Currency.set || p.Country.set || p.Language.set || p.CartID.set
}

// removes reports whether the value of an attribute in a patch stands for its removal.
func removes(v json.RawMessage) bool { return v == nil || string(bytes.TrimSpace(v)) == "null" }

// conflicts reports whether a field or attribute that p touches has changed since the version that p is based on.
// What counts is that it was written, not what was written.
func (p *Patch) conflicts(cur *Record) bool {
	base := p.Version
	if base == 0 || base == cur.Version {
		return false
	}
	if base > cur.Version || base < 0 {
		return true // no version that this session ever had
	}
	for f, c := range p.fields() {
		if c.set && cur.Changed[f] > base {
			return true
		}
	}
	if p.CartID.set && cartChanged(cur) > base {
		return true
	}
	for name := range p.Attributes {
		if i, ok := find(cur.Attributes, name); ok && cur.Attributes[i].Changed > base || !ok && cur.RemovedAttributes > base {
			return true
		}
	}
	if p.ReplaceAttributes {
		return cur.RemovedAttributes > base || slices.ContainsFunc(cur.Attributes, func(a Attribute) bool { return a.Changed > base })
	}
	return false
}

func find(attributes []Attribute, name string) (int, bool) {
	return slices.BinarySearchFunc(attributes, name, func(a Attribute, name string) int { return strings.Compare(a.Name, name) })
}

// merge returns the attributes as p leaves them, without changing the slice that it is given.
func (p *Patch) merge(old []Attribute, version int64) (merged []Attribute, changed, removed bool) {
	if len(p.Attributes) == 0 && !p.ReplaceAttributes {
		return old, false, false
	}
	for _, a := range old {
		v, named := p.Attributes[a.Name]
		if named && removes(v) || !named && p.ReplaceAttributes {
			removed = true
		} else if !named {
			merged = append(merged, a)
		}
	}
	for name, v := range p.Attributes {
		if !removes(v) {
			merged = append(merged, Attribute{Name: strings.Clone(name), Value: bytes.Clone(v), Changed: version})
			changed = true
		}
	}
	slices.SortFunc(merged, func(a, b Attribute) int { return strings.Compare(a.Name, b.Name) })
	return merged, changed, removed
}

// check judges the form of what p carries: all that can be said without the record.
func (p *Patch) check(l *Limits) error {
	var errs []error
	if v := p.CartID.value; len(v) > maxID {
		errs = append(errs, &LimitError{Field: "cartId", Value: cut(v), Rule: fmt.Sprintf("has at most %d bytes", maxID), Limit: maxID, Size: true})
	} else if !printable(v) {
		errs = append(errs, &LimitError{Field: "cartId", Value: cut(v), Rule: "must be printable text"})
	}
	for _, name := range slices.Sorted(maps.Keys(p.Attributes)) {
		field := "context[" + strconv.Quote(cut(name)) + "]"
		v := p.Attributes[name]
		switch {
		case name == "":
			errs = append(errs, &LimitError{Field: "context", Rule: "the name of an attribute must not be empty"})
		case len(name) > l.AttributeName:
			errs = append(errs, &LimitError{Field: field, Rule: fmt.Sprintf("the name of an attribute has at most %d bytes", l.AttributeName), Limit: l.AttributeName, Size: true})
		case !printable(name):
			errs = append(errs, &LimitError{Field: field, Rule: "the name of an attribute must be printable text"})
		}
		switch {
		case removes(v):
		case len(v) > l.AttributeValue:
			errs = append(errs, &LimitError{Field: field, Rule: fmt.Sprintf("the value of an attribute has at most %d bytes", l.AttributeValue), Limit: l.AttributeValue, Size: true})
		case !json.Valid(v) || !utf8.Valid(v):
			errs = append(errs, &LimitError{Field: field, Rule: "the value of an attribute must be one JSON document in UTF-8"})
		}
	}
	return errors.Join(errs...)
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) })
}

// checkRecord judges the result of a write.
func (l *Limits) checkRecord(rec *Record) error {
	if n := len(rec.Attributes); n > l.Attributes {
		return &LimitError{Field: "context", Rule: fmt.Sprintf("a session has at most %d attributes", l.Attributes), Limit: l.Attributes, Size: true}
	}
	b, err := rec.AppendBinary(nil)
	if err != nil {
		return fmt.Errorf("sessionctx: %w", err)
	}
	if len(b) > l.Record {
		return &LimitError{Field: "context", Rule: fmt.Sprintf("a session takes at most %d bytes", l.Record), Limit: l.Record, Size: true}
	}
	return nil
}
