package defaults

import (
	"errors"
	"strings"

	"golang.org/x/text/language"
)

// maxLanguage bounds a language tag, in bytes: RFC 5646 section 4.4.1 asks for buffers of at least
// that.
const maxLanguage = 35

// CanonicalLanguage returns the canonical spelling of a BCP 47 language tag (RFC 5646 section 4.5,
// and CLDR's replacements for deprecated languages): en_gb is en-GB, iw is he. Not accepted are
// tags that are longer than 35 bytes, as given or as they would be returned, tags with a subtag
// that golang.org/x/text does not know, and tags that name no language of a person: und, mul, mis,
// zxx, and tags of private use alone.
func CanonicalLanguage(s string) (tag string, ok bool) {
	tag, reason := languageCode(s)
	return tag, reason == accepted
}

func languageCode(s string) (string, Reason) {
	tag, reason := parseLanguage(s)
	if reason != accepted {
		return "", reason
	}
	return tag.String(), accepted
}

func parseLanguage(s string) (language.Tag, Reason) {
	if s == "" || len(s) > maxLanguage {
		return language.Und, ReasonMalformed
	}
	tag, err := language.Parse(s)
	if err != nil {
		var unknown language.ValueError
		if errors.As(err, &unknown) {
			return language.Und, ReasonUnknownCode
		}
		return language.Und, ReasonMalformed
	}
	// The parser sorts several variants, and then accepts rubbish behind them that it refuses in a
	// second pass.
	if len(s) > len("zho-Hant-TW") {
		canonical := tag.String()
		again, err := language.Parse(canonical)
		if err != nil || again != tag || len(canonical) > maxLanguage {
			return language.Und, ReasonMalformed
		}
	}
	switch base, _, _ := tag.Raw(); base.String() {
	case "und", "mul", "mis", "zxx":
		return language.Und, ReasonUnknownCode
	}
	return tag, accepted
}

// readLanguage reads a tag as profiles and browsers have it: surrounding blanks do not count, and a
// tail that cannot be parsed is cut off, as in de_DE_formal (WordPress) and de_DE.UTF-8 (POSIX). If
// nothing can be parsed the reason is that of the whole tag.
func readLanguage(s string) (string, Reason) {
	s = strings.Trim(s, blanks)
	tag, reason := languageCode(s)
	if reason == accepted {
		return tag, accepted
	}
	if len(s) > maxLanguage {
		s = s[:maxLanguage+1] // so that a tag that ends at the limit is seen whole
	}
	for {
		end := strings.LastIndexAny(s, "-_.@")
		if end <= 0 {
			return "", reason
		}
		s = s[:end]
		shorter, shorterReason := languageCode(s)
		if shorterReason == accepted {
			return shorter, accepted
		}
		if shorterReason == ReasonUnknownCode {
			reason = shorterReason // xx-DE.UTF-8 is a tag of an unknown language
		}
	}
}

// blanks are what may surround a value in stored data.
const blanks = " \t\r\n\v\f\u00a0"
