// Package wording carries the texts of the pages, in the languages in which there are some.
package wording

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"
	"golang.org/x/text/unicode/bidi"
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

	texts   map[string]string
	printer *message.Printer
}

func load() []*Language {
	var all []*Language
	for _, tag := range tags {
		name := "texts/" + tag.String() + ".json"
		b, err := files.ReadFile(name)
		l := &Language{Tag: tag.String(), Dir: Dir(tag.String()), printer: message.NewPrinter(tag)}
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

// isolate keeps a value in another script from turning the sentence around it about.
func (l *Language) isolate(value string) string {
	if l.Dir == "rtl" || strings.ContainsFunc(value, rightToLeftLetter) {
		return fsi + value + pdi
	}
	return value
}

func rightToLeftLetter(r rune) bool {
	properties, _ := bidi.LookupRune(r)
	class := properties.Class()
	return class == bidi.R || class == bidi.AL || class == bidi.AN
}

// The marks around a part of a text whose direction is its own (Unicode Standard Annex 9, section
// 2.4): what is between them is laid out by its first letter, and does not move what is around it.
const (
	fsi = "\u2068"
	pdi = "\u2069"
)

// Isolate returns a text from somewhere else as it can stand in any line: without marks that turn
// what follows about, and within marks of isolation if it has letters that are written from right
// to left. Use it where markup cannot isolate: in options, titles and attributes.
func Isolate(text string) string {
	text = strings.Map(func(r rune) rune {
		properties, _ := bidi.LookupRune(r)
		switch properties.Class() {
		case bidi.LRE, bidi.RLE, bidi.LRO, bidi.RLO, bidi.PDF, bidi.LRI, bidi.RLI, bidi.FSI, bidi.PDI, bidi.B, bidi.S, bidi.BN, bidi.Control:
			if unicode.IsSpace(r) {
				return ' '
			}
			if r == '\u200c' || r == '\u200d' { // they join letters and have no direction
				return r
			}
			return -1
		}
		return r
	}, text)
	if strings.ContainsFunc(text, rightToLeftLetter) {
		return fsi + text + pdi
	}
	return text
}

// Number returns n in the digits of the language.
func (l *Language) Number(n int) string { return l.printer.Sprint(number.Decimal(n)) }

// rightToLeft are the scripts in use today that are written from right to left (ISO 15924).
var rightToLeft = map[string]bool{
	"Adlm": true, "Arab": true, "Hebr": true, "Mand": true, "Nkoo": true, "Rohg": true, "Samr": true, "Syrc": true, "Thaa": true,
}

// Dir returns the direction of a language's script, as HTML's dir attribute has it: "ltr" or "rtl".
func Dir(tag string) string {
	t, err := language.Parse(tag)
	if err != nil {
		return "ltr"
	}
	if script, _ := t.Script(); rightToLeft[script.String()] {
		return "rtl"
	}
	return "ltr"
}
