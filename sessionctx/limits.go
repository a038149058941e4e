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

	"github.com/sessionctx/storefront/sessionctx/store"
)

// maxCarts is at how many sites a session may have a cart.
const maxCarts = 32

// InputError says that what a caller sent has a form or a size that no write can have, or would
// leave more than the Config allows. Nothing was written. A code that cannot be chosen is a
// *defaults.Rejection instead.
type InputError struct {
	// Field is "cartId", "context" or "context[name]". Of the form of a picker, for
	// middleware.Middleware.Switch, it is the name of a field, Content-Type, Content-Encoding, or
	// empty for the whole form.
	Field string
	Value string // the name or value at fault, cut to 64 bytes; empty where it would not help
	Rule  string // the rule, as a sentence
	Limit int    // the limit that the rule speaks of, in bytes or entries; 0 where there is none
	// Size says that the rule is about size: HTTP answers 413. Else the rule is about form: HTTP
	// answers 400, and 415 for Content-Type and Content-Encoding.
	Size bool
}

// Error names the field, the value and the rule.
func (e *InputError) Error() string {
	text := "sessionctx: "
	if e.Field == "" {
		text += "form"
	} else {
		text += e.Field
	}
	if e.Value != "" {
		text += fmt.Sprintf(" %q", e.Value)
	}
	return text + ": " + e.Rule
}

// tooLarge returns a InputError about size. format takes the limit.
func tooLarge(field, value, format string, limit int) *InputError {
	return &InputError{Field: field, Value: cut(value), Rule: fmt.Sprintf(format, limit), Limit: limit, Size: true}
}

// checkPatch judges the form of what p carries: all that can be said without the record.
func (cfg *Config) checkPatch(p *Patch) error {
	var errs []error
	if v := p.CartID.value; len(v) > maxID {
		errs = append(errs, tooLarge("cartId", v, "has at most %d bytes", maxID))
	} else if !printable(v) {
		errs = append(errs, &InputError{Field: "cartId", Value: cut(v), Rule: "must be printable text"})
	}
	for _, name := range slices.Sorted(maps.Keys(p.Attributes)) {
		field := "context[" + strconv.Quote(cut(name)) + "]"
		switch {
		case name == "":
			errs = append(errs, &InputError{Field: "context", Rule: "the name of an attribute must not be empty"})
		case len(name) > cfg.MaxAttributeName:
			errs = append(errs, tooLarge(field, "", "the name of an attribute has at most %d bytes", cfg.MaxAttributeName))
		case !printable(name):
			errs = append(errs, &InputError{Field: field, Rule: "the name of an attribute must be printable text"})
		}
		switch v := p.Attributes[name]; {
		case removes(v):
		case len(v) > cfg.MaxAttributeValue:
			errs = append(errs, tooLarge(field, "", "the value of an attribute has at most %d bytes", cfg.MaxAttributeValue))
		case !json.Valid(v) || !utf8.Valid(v):
			errs = append(errs, &InputError{Field: field, Rule: "the value of an attribute must be one JSON document in UTF-8"})
		}
	}
	return errors.Join(errs...)
}

// removes reports whether the value of an attribute in a patch stands for its removal.
func removes(v json.RawMessage) bool { return v == nil || string(bytes.TrimSpace(v)) == "null" }

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) })
}

// checkRecord judges the result of a write.
func (cfg *Config) checkRecord(rec *store.Record) error {
	switch {
	case len(rec.Attributes) > cfg.MaxAttributes:
		return tooLarge("context", "", "a session has at most %d attributes", cfg.MaxAttributes)
	case len(rec.Carts) > maxCarts:
		return tooLarge("cartId", "", "a session has carts at %d sites at most", maxCarts)
	}
	b, err := rec.AppendBinary(nil)
	if err != nil {
		return err
	}
	if len(b) > cfg.MaxRecord {
		return tooLarge("context", "", "a session takes at most %d bytes", cfg.MaxRecord)
	}
	return nil
}
