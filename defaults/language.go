package defaults

import (
	"strings"

	"github.com/sessionctx/storefront/internal/languages"
	"github.com/sessionctx/storefront/internal/letters"
)

// languageCode returns a language tag in canonical spelling, or why s is none.
func languageCode(s string) (string, Reason) {
	tag, wellFormed, ok := languages.Canonical(s)
	switch {
	case ok:
		return tag, accepted
	case wellFormed:
		return "", ReasonUnknownCode
	}
	return "", ReasonMalformed
}

// readLanguage reads a tag as profiles and browsers have it: surrounding blanks do not count, the
// country may have three letters, and a tail that cannot be parsed is cut off, as in de_DE_formal
// (WordPress) and de_DE.UTF-8 (POSIX), except for the script that it may name. If nothing can be
// parsed, the reason is ReasonUnknownCode if a shorter tag has that one, else the reason of the
// whole tag.
func readLanguage(s string) (string, Reason) {
	s = strings.Trim(s, blanks)
	tag, reason := languageCode(s)
	if reason == accepted {
		return tag, accepted
	}
	if len(s) > languages.MaxTag {
		s = s[:languages.MaxTag+1] // so that a tag that ends at the limit is seen whole
	}
	if first, second, rest := languages.Cut(s); len(second) == 3 {
		if country, ok := alpha3Countries[strings.ToUpper(second)]; ok {
			s = first + "-" + country + rest
			if tag, reason := languageCode(s); reason == accepted {
				return tag, accepted
			}
		}
	}
	whole := s
	for {
		end := strings.LastIndexFunc(s, languages.IsSeparator)
		if end <= 0 {
			return "", reason
		}
		s = s[:end]
		shorter, shorterReason := languageCode(s)
		if shorterReason == accepted {
			return addScript(shorter, whole[end:]), accepted
		}
		if shorterReason == ReasonUnknownCode {
			reason = shorterReason // xx-DE.UTF-8 is a tag of an unknown language
		}
	}
}

// scriptModifiers are the names of scripts in tails: of POSIX, as in uz_UZ@cyrillic, and of early
// Windows, as in zh-CHS and zh-CHT.
var scriptModifiers = map[string]string{"latin": "Latn", "cyrillic": "Cyrl", "devanagari": "Deva", "chs": "Hans", "cht": "Hant"}

// addScript adds to a canonical tag the script that the cut-off tail names: POSIX writes
// sr_RS@latin, Java writes zh__#Hant, and Windows wrote uz-UZ-Cyrl.
func addScript(tag, tail string) string {
	language, rest, _ := strings.Cut(tag, "-")
	for _, word := range strings.FieldsFunc(tail, languages.IsSeparator) {
		if script, ok := scriptModifiers[strings.ToLower(word)]; ok {
			word = script
		}
		if _, ok := letters.Upper(word, 4); !ok {
			continue
		}
		if with, reason := languageCode(strings.Trim(language+"-"+word+"-"+rest, "-")); reason == accepted {
			return with
		}
	}
	return tag
}

// blanks are what may surround a value in stored data.
const blanks = " \t\r\n\v\f\u00a0\u2007\u200b\u202f\u3000\ufeff"
