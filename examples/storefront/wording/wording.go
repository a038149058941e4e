// Package wording has the texts of the pages, in seven languages.
package wording

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"

	"golang.org/x/text/language"

	"github.com/sessionctx/storefront/defaults/display"
)

//go:embed texts/*.json
var files embed.FS

// tags are the languages in which there are texts; the first one serves every reader of another
// language.
var tags = []language.Tag{
	language.English, language.German, language.French, language.Spanish, language.Italian, language.Japanese, language.Arabic,
}

var (
	languages = load()
	matcher   = language.NewMatcher(tags)
)

// Language is the wording in one language: immutable, and safe for concurrent use by multiple
// goroutines.
type Language struct {
	Tag string // BCP 47
	Dir string // "ltr" or "rtl"

	texts map[string]string
}

func load() []*Language {
	var all []*Language
	for _, tag := range tags {
		name := "texts/" + tag.String() + ".json"
		b, err := files.ReadFile(name)
		l := &Language{Tag: tag.String(), Dir: display.For(tag.String()).Dir()}
		if err == nil {
			err = json.Unmarshal(b, &l.texts)
		}
		if err != nil {
			panic(fmt.Sprintf("wording: %s: %v", name, err)) // built in, so it never happens after the first test
		}
		all = append(all, l)
	}
	return all
}

// Languages returns all languages in which there are texts, English first.
func Languages() []*Language { return append([]*Language(nil), languages...) }

// For returns the wording for readers of a language: its own, or that of a language which they read
// as well (de for de-AT), else English.
func For(tag string) *Language {
	t, err := language.Parse(tag)
	if err != nil {
		return languages[0]
	}
	if _, i, confidence := matcher.Match(t); confidence >= language.High {
		return languages[i]
	}
	return languages[0]
}

// Text returns a text, with each {name} of it replaced by the value that follows name in pairs. It
// panics for a text that does not exist and for names that are not those of the text: mistakes of a
// programmer.
func (l *Language) Text(key string, pairs ...string) string {
	text, ok := l.texts[key]
	if !ok {
		panic(fmt.Sprintf("wording: %s has no text %q", l.Tag, key))
	}
	if len(pairs) == 0 && !strings.Contains(text, "{") {
		return text
	}
	if len(pairs)%2 != 0 || strings.Count(text, "{") != len(pairs)/2 {
		panic(fmt.Sprintf("wording: %s: text %q, which is %q, does not go with %d values", l.Tag, key, text, len(pairs)/2))
	}
	replace := make([]string, 0, len(pairs))
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, "{"+pairs[i]+"}") {
			panic(fmt.Sprintf("wording: %s: text %q has no {%s}", l.Tag, key, pairs[i]))
		}
		replace = append(replace, "{"+pairs[i]+"}", l.isolate(pairs[i+1]))
	}
	return strings.NewReplacer(replace...).Replace(text)
}

// isolate keeps a value in another script from changing the direction of the sentence around it.
// Isolated parts within the value stay isolated.
func (l *Language) isolate(value string) string {
	if l.Dir == "rtl" || display.Isolate(value) != value {
		return fsi + value + pdi
	}
	return value
}

// The marks around a part of a text whose direction is its own (Unicode Standard Annex 9, section
// 2.4).
const (
	fsi = "\u2068"
	pdi = "\u2069"
)

// Number returns n in the digits of the language.
func (l *Language) Number(n int) string { return display.For(l.Tag).Number(int64(n)) }
