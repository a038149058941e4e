package display

import (
	"cmp"
	"slices"
	"strings"

	"github.com/sessionctx/storefront/defaults/codes"
	"github.com/sessionctx/storefront/internal/languages"
)

// Language writes names and prices for readers of one language. It is immutable, and safe for
// concurrent use by multiple goroutines. The zero Language is English.
type Language struct {
	asked  string
	data   *locale
	narrow bool
}

const fallback = "en"

// For returns the Language of a BCP 47 tag, such as the language of a session. It is English for a
// language that CLDR does not cover, and for a text that is not a tag.
func For(tag string) Language {
	l := Language{asked: tag, data: data().find(tag)}
	if l.data == nil {
		l.data = data().locale(fallback)
	}
	return l
}

// list returns the languages that have all names, sorted.
func (t *tables) list() (tags []string) {
	for tag := range t.parents {
		canonical, ok := codes.Language(tag)
		if ok && canonical == tag && languages.Split(tag).Region == "" && !t.basic[tag] && tag != "no" { // nb and nn
			tags = append(tags, tag)
		}
	}
	slices.Sort(tags)
	return tags
}

func (l Language) locale() *locale {
	if l.data == nil {
		return data().locale(fallback)
	}
	return l.data
}

// Tag returns the language in which the names are: the one that was asked for, the one whose names
// it takes over, or "en". It is a value for the attribute lang of HTML.
func (l Language) Tag() string { return l.locale().tag }

// rightToLeft are the scripts in use today that are written from right to left (ISO 15924).
var rightToLeft = []string{"Adlm", "Arab", "Hebr", "Mand", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa"}

// Dir returns the direction in which the language that was asked for is written, as the attribute
// dir of HTML has it: "ltr" or "rtl".
func (l Language) Dir() string {
	if l.asked != "" && slices.Contains(rightToLeft, scriptOf(l.asked).String()) {
		return "rtl"
	}
	return "ltr"
}

// Narrow returns l with the narrow symbols of currencies: $ for every dollar. They are for a page
// that says elsewhere which currency it has.
func (l Language) Narrow() Language {
	l.narrow = true
	return l
}

// Country returns the name of a country, ISO 3166-1 alpha-2. A text that is no code is returned
// isolated.
func (l Language) Country(code string) string {
	canonical, ok := codes.Country(code)
	if !ok {
		return Isolate(code)
	}
	return l.nameOf(canonical)
}

// nameOf returns the name of a code, in English if the language has none.
func (l Language) nameOf(code string) string {
	return cmp.Or(l.locale().text(code), data().locale(fallback).text(code), code)
}

// Currency returns the name of a currency, ISO 4217: Swiss Franc. Currencies that were withdrawn
// since 2015 have names, too. Every other text is returned isolated: the extra currencies of a shop
// have no names.
func (l Language) Currency(code string) string {
	if english := (Language{}).ofCurrency(code, ""); english != "" {
		return cmp.Or(l.ofCurrency(code, ""), english)
	}
	return Isolate(code)
}

// Symbol returns what stands beside an amount of a currency: $, US$, CHF. Where the language has no
// symbol it is the code. Every other text is returned isolated.
func (l Language) Symbol(code string) string {
	kind := "$"
	if l.narrow {
		kind = "~"
	}
	if symbol := l.ofCurrency(code, kind); symbol != "" {
		return symbol
	}
	return Isolate(code)
}

// ofCurrency returns the text of a currency and a kind: "" is the name, "$" the symbol, "~" the
// narrow symbol.
func (l Language) ofCurrency(code, kind string) string {
	if len(code) != 3 {
		return ""
	}
	return l.locale().text(strings.ToUpper(code) + kind)
}

// Language returns the name of a language, BCP 47: German, and Austrian German.
// For(tag).Language(tag) is the name of a language in the language itself, which its own readers
// understand. A text that is no tag, or of a language without a name, is returned isolated.
func (l Language) Language(tag string) string {
	canonical, ok := codes.Language(tag)
	if !ok {
		return Isolate(tag)
	}
	says := l.locale()
	tagged := languages.Split(canonical)
	lang, script, region := tagged.Language, tagged.Script, tagged.Region
	for _, has := range [...]struct{ name, and, more string }{
		{join(lang, script, region), "", ""},
		{join(lang, script), region, ""},
		{join(lang, region), script, ""},
		{lang, script, region},
	} {
		name := says.text(has.name)
		if name == "" {
			continue
		}
		besides := ""
		for _, subtag := range [...]string{has.and, has.more} {
			if subtag == "" {
				continue
			}
			said := l.nameOf(subtag)
			if besides != "" {
				said = fill(says, "@s", "{0}, {1}", besides, said)
			}
			besides = said
		}
		if besides != "" {
			name = fill(says, "@l", "{0} ({1})", name, besides)
		}
		return name
	}
	if present, ok := data().aliases[lang]; ok {
		return l.Language(present)
	}
	if says.tag != fallback {
		return For(fallback).Language(tag)
	}
	return Isolate(canonical)
}

func join(subtags ...string) string {
	return strings.Join(slices.DeleteFunc(subtags, func(s string) bool { return s == "" }), "-")
}

// fill fills in the pattern of CLDR under a key, or the usual pattern if the language has none.
func fill(l *locale, key, usual, first, second string) string {
	pattern := l.text(key)
	if pattern == "" {
		pattern = usual
	}
	return strings.NewReplacer("{0}", first, "{1}", second).Replace(pattern)
}
