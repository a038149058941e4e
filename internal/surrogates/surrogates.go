// Package surrogates finds halves of surrogate pairs in JSON. Package encoding/json puts U+FFFD in
// their place, so that two different names or ids could become one.
package surrogates

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Lone reports whether an escape in a string of the document is half of a surrogate pair (RFC 8259,
// section 8.2). A document that is no JSON is read as far as it has strings.
func Lone(doc []byte) bool {
	for i, inString := 0, false; i < len(doc); i++ {
		switch {
		case doc[i] == '"':
			inString = !inString
		case !inString || doc[i] != '\\':
		case !utf16.IsSurrogate(escaped(doc[i:])):
			i++ // the escaped character ends no string and begins no escape
		case utf16.DecodeRune(escaped(doc[i:]), escaped(doc[i+6:])) == utf8.RuneError:
			return true
		default:
			i += 11
		}
	}
	return false
}

// escaped returns the UTF-16 code unit of the escape \uXXXX at the beginning of b, and 0 if b
// begins with none.
func escaped(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	if err != nil {
		return 0
	}
	return rune(n)
}
