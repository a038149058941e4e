// Package redact takes identifiers and secrets out of texts that others have written, before they
// reach a log.
package redact

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// mark stands where something was taken out.
const mark = "[redacted]"

// Text returns text without the secrets, also where they are spelled as in a URL, in quotes or in
// base64. An empty secret is ignored. It is for errors: not fast, and a secret of a letter or two
// takes much of the text with it.
func Text(text string, secrets ...string) string {
	var all []string
	for _, s := range secrets {
		quoted := strconv.Quote(s)
		all = append(all, s, url.QueryEscape(s), url.PathEscape(s), quoted[1:len(quoted)-1],
			base64.StdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)))
	}
	all = slices.DeleteFunc(all, func(s string) bool { return s == "" || !strings.Contains(text, s) })
	// The longest first: one secret may be a part of another.
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, s := range slices.Compact(all) {
		pairs = append(pairs, s, mark)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// Error returns err with a message without the secrets, and nil for nil. It wraps err.
func Error(err error, secrets ...string) error {
	if err == nil {
		return nil
	}
	was := err.Error()
	if text := Text(was, secrets...); text != was {
		return &redacted{text, err}
	}
	return err
}

// Panic returns the value of a panic as a text without the secrets.
func Panic(value any, secrets ...string) string { return Text(fmt.Sprint(value), secrets...) }

type redacted struct {
	text string
	err  error
}

// Error implements error.
func (e *redacted) Error() string { return e.text }

// Unwrap returns the error as it was.
func (e *redacted) Unwrap() error { return e.err }
