package sitefile

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Mistake is one thing that is wrong in the data, with the place where it stands. [Open], [FromFS]
// and [Files.Err] return all mistakes at once, joined by errors.Join. Find them with errors.As, or
// with an assertion to interface{ Unwrap() []error }.
//
// A Mistake may be logged and shown to operators: it carries no e-mail address, no hash and no
// value of a customer.
type Mistake struct {
	// File is the path of the file or folder below the root, with slashes ("demoshop/sites.json").
	// For a mistake of the root itself it is the root's name as it was given.
	File string

	// Line and Column say where in File, both from 1, columns counted in bytes. Both are 0
	// where the mistake is one of the whole file or folder.
	Line, Column int

	// Record is the index of the record within the file's array, from 0, and -1 where the mistake
	// is not in a single record.
	Record int

	// ID is the record's code, id or clientId. It is empty where the record has none, and
	// "…" where it could be an address of a person (it has an @), is longer than 64 bytes or
	// is not printable.
	ID string

	// Field is the member's path within the record in the file's own words, such as
	// "homeBase.address.country" or "availableCurrencies[2]". It is empty where the record as
	// a whole is meant.
	Field string

	// Value is what was found in sites.json, cut at 64 bytes, or the name of a folder. It is
	// always empty for customers.json and clients.json.
	Value string

	// Rule is what should hold, as a clause such as "must be a string, is a number".
	Rule string

	offset int   // where in the file; sorts the mistakes of a file
	cause  error // of the file system or the JSON decoder
}

// Error implements error.
func (m *Mistake) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "sitefile: %s", m.File)
	if m.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", m.Line, m.Column)
	}
	if m.Record >= 0 {
		fmt.Fprintf(&b, ": record %d", m.Record)
		if m.ID != "" {
			fmt.Fprintf(&b, " %q", m.ID)
		}
	}
	switch {
	case m.Field != "" && m.Value != "":
		fmt.Fprintf(&b, ": %s %q", m.Field, m.Value)
	case m.Field != "":
		fmt.Fprintf(&b, ": %s", m.Field)
	case m.Value != "":
		fmt.Fprintf(&b, ": %q", m.Value)
	}
	b.WriteString(": " + m.Rule)
	return b.String()
}

// Unwrap returns the error of the file system or of encoding/json behind the mistake, or nil.
func (m *Mistake) Unwrap() error { return m.cause }

// LogValue implements slog.LogValuer: a group with the members file, line, column, record, id,
// field, value and rule, without those that say nothing.
func (m *Mistake) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("file", m.File)}
	if m.Line > 0 {
		attrs = append(attrs, slog.Int("line", m.Line), slog.Int("column", m.Column))
	}
	if m.Record >= 0 {
		attrs = append(attrs, slog.Int("record", m.Record))
	}
	for _, a := range []slog.Attr{slog.String("id", m.ID), slog.String("field", m.Field), slog.String("value", m.Value)} {
		if a.Value.String() != "" {
			attrs = append(attrs, a)
		}
	}
	return slog.GroupValue(append(attrs, slog.String("rule", m.Rule))...)
}

// place sorts the mistakes of one file by where they stand and gives them line and column.
func place(mistakes []*Mistake, data []byte) {
	slices.SortStableFunc(mistakes, func(a, b *Mistake) int { return a.offset - b.offset })
	line, begin, at := 1, 0, 0
	for _, m := range mistakes {
		for ; at < m.offset && at < len(data); at++ {
			if data[at] == '\n' {
				line, begin = line+1, at+1
			}
		}
		m.Line, m.Column = line, at-begin+1
	}
}

// longest is how many bytes of a value or a name a Mistake shows.
const longest = 64

// clip shortens s to what a Mistake shows of a value.
func clip(s string) string {
	if len(s) <= longest {
		return s
	}
	cut := longest
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// label is what a Mistake shows of an id or a member's name: both come from the files, and
// some shops name their customers by their e-mail addresses.
func label(s string) string {
	odd := func(r rune) bool { return r == '@' || !unicode.IsPrint(r) }
	if len(s) > longest || !utf8.ValidString(s) || strings.ContainsFunc(s, odd) {
		return "…"
	}
	return s
}
