package display

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/bidi"
)

// The marks around a part of a text whose direction is its own (Unicode Standard Annex 9, section
// 2.4): the text between them has the direction of its first letter, and does not move the text
// around it.
const (
	fsi = "\u2068"
	pdi = "\u2069"
)

// Isolate returns a text from somewhere else, such as the name of a site, in a form that is safe in
// a line of any direction. The text is on one line, without control characters and without marks
// that turn the text after it. If it has letters that are written from right to left, marks of
// isolation are around it. Use Isolate where no markup can isolate: in options, titles and
// attributes. Elsewhere use the element <bdi>.
func Isolate(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == '\f' || r == '\u2028' { // they have the bidi class of blanks, and end a line or a page
			return ' '
		}
		properties, _ := bidi.LookupRune(r)
		switch properties.Class() {
		case bidi.LRE, bidi.RLE, bidi.LRO, bidi.RLO, bidi.PDF, bidi.LRI, bidi.RLI, bidi.FSI, bidi.PDI, bidi.B, bidi.S, bidi.BN, bidi.Control:
			if unicode.IsSpace(r) {
				return ' '
			}
			switch r {
			case '\u00ad', '\u200b', '\u200c', '\u200d', '\u2060': // they join or part letters and have no direction
				return r
			}
			return -1
		}
		return r
	}, text)
	if strings.ContainsFunc(text, isRightToLeft) {
		return fsi + text + pdi
	}
	return text
}

func isRightToLeft(r rune) bool {
	properties, _ := bidi.LookupRune(r)
	class := properties.Class()
	return class == bidi.R || class == bidi.AL || class == bidi.AN
}
