package defaults

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"

	"github.com/sessionctx/storefront/defaults/internal/letters"
)

// maxLanguage bounds a language tag, in bytes: RFC 5646 section 4.4.1 asks for buffers of at least
// that.
const maxLanguage = 35

// CanonicalLanguage returns the canonical spelling of a BCP 47 language tag (RFC 5646 section 4.5,
// and CLDR's replacements for deprecated languages): en_gb is en-GB, iw is he. Not accepted are
// tags that are longer than 35 bytes, as given or as they would be returned, tags with a subtag
// that golang.org/x/text does not know, and tags that name no language of a person: und, mul, mis,
// zxx, tags of private use alone, and a country of three letters, as in de-CHE.
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
	if !validExtlang(s) {
		return language.Und, ReasonUnknownCode
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

// extlangs are the extended languages by the language before them (RFC 5646 section 2.2.2), sign
// languages left out, and the old tags no-bok and no-nyn.
var extlangs = map[string]string{
	"ar":  "aao abh abv acm acq acw acx acy adf aeb aec afb ajp apc apd arb arq ars ary arz auz avl ayh ayl ayn ayp bbz pga shu ssh",
	"kok": "gom knn",
	"lv":  "ltg lvs",
	"ms": "bjn btj bve bvu coa dup hji jak jax kvb kvr kxd lce lcf liw max meo mfa mfb min mqg msi mui orn ors pel pse tmw urk vkk vkt " +
		"xmm zlm zmi zsm",
	"no": "bok nyn",
	"sw": "swc swh",
	"uz": "uzn uzs",
	"zh": "cdo cjy cmn cnp cpx csp czh czo gan hak hsn lzh min mnp nan wuu yue",
}

// validExtlang reports whether a second subtag of three letters, if there is one, is an extended
// language of the first. x/text takes any language there: it reads Chechen in de-CHE.
func validExtlang(s string) bool {
	language, second, _ := cutSubtags(s)
	if _, ok := letters.Upper(second, 3); !ok || len(language) < 2 { // i-hak
		return true
	}
	return strings.Contains(extlangs[strings.ToLower(language)], strings.ToLower(second))
}

// cutSubtags takes the first two subtags off a tag. rest begins with a separator or is empty.
func cutSubtags(s string) (first, second, rest string) {
	end := strings.IndexFunc(s, isSeparator)
	if end < 0 {
		return s, "", ""
	}
	_, width := utf8.DecodeRuneInString(s[end:])
	first, second = s[:end], s[end+width:]
	if end = strings.IndexFunc(second, isSeparator); end >= 0 {
		second, rest = second[:end], second[end:]
	}
	return first, second, rest
}

// isSeparator reports whether r comes between the parts of a tag in stored data. Letters of other
// alphabets are none: română is not rom, which is Romany.
func isSeparator(r rune) bool {
	return r != utf8.RuneError && !unicode.In(r, unicode.Letter, unicode.Mark, unicode.Digit)
}

// readLanguage reads a tag as profiles and browsers have it: surrounding blanks do not count, the
// country may have three letters, and a tail that cannot be parsed is cut off, as in de_DE_formal
// (WordPress) and de_DE.UTF-8 (POSIX), except for the script that it may name. If nothing can be
// parsed the reason is that of the whole tag.
func readLanguage(s string) (string, Reason) {
	s = strings.Trim(s, blanks)
	tag, reason := languageCode(s)
	if reason == accepted {
		return tag, accepted
	}
	if len(s) > maxLanguage {
		s = s[:maxLanguage+1] // so that a tag that ends at the limit is seen whole
	}
	if first, second, rest := cutSubtags(s); len(second) == 3 {
		if country, ok := alpha3Countries[strings.ToUpper(second)]; ok {
			s = first + "-" + country + rest
			if tag, reason := languageCode(s); reason == accepted {
				return tag, accepted
			}
		}
	}
	whole := s
	for {
		end := strings.LastIndexFunc(s, isSeparator)
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

// scriptModifiers are the scripts that POSIX names in a tail, as in uz_UZ@cyrillic, and Windows
// named in zh-CHS and zh-CHT.
var scriptModifiers = map[string]string{"latin": "Latn", "cyrillic": "Cyrl", "devanagari": "Deva", "chs": "Hans", "cht": "Hant"}

// addScript adds to a canonical tag the script that the tail names which was cut off: POSIX writes
// sr_RS@latin, Java zh__#Hant, and Windows wrote uz-UZ-Cyrl.
func addScript(tag, tail string) string {
	language, rest, _ := strings.Cut(tag, "-")
	for _, word := range strings.FieldsFunc(tail, isSeparator) {
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
