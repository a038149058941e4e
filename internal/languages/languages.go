// Package languages reads language tags (BCP 47) and takes them apart.
package languages

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"

	"github.com/sessionctx/storefront/internal/letters"
)

// MaxTag bounds a language tag, in bytes: RFC 5646 section 4.4.1 asks for buffers of at least that.
const MaxTag = 35

// Canonical returns the canonical spelling of a tag that codes.Language accepts: ok says whether it
// does. wellFormed is true, too, for a tag with a subtag that golang.org/x/text does not know, and
// for one that names no language of a person.
func Canonical(s string) (tag string, wellFormed, ok bool) {
	if s == "" || len(s) > MaxTag {
		return "", false, false
	}
	if !validExtlang(s) {
		return "", true, false
	}
	parsed, err := language.Parse(s)
	if err != nil {
		_, unknown := errors.AsType[language.ValueError](err)
		return "", unknown, false
	}
	tag = parsed.String()
	// The parser sorts several variants, and then accepts rubbish behind them that it refuses in a
	// second pass.
	if len(s) > len("zho-Hant-TW") {
		again, err := language.Parse(tag)
		if err != nil || again != parsed || len(tag) > MaxTag {
			return "", false, false
		}
	}
	switch base, _, _ := parsed.Raw(); base.String() {
	case "und", "mul", "mis", "zxx":
		return "", true, false
	}
	return tag, true, true
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
	language, second, _ := Cut(s)
	if _, ok := letters.Upper(second, 3); !ok || len(language) < 2 { // i-hak
		return true
	}
	return strings.Contains(extlangs[strings.ToLower(language)], strings.ToLower(second))
}

// Cut takes the first two subtags off a tag. rest begins with a separator or is empty.
func Cut(s string) (first, second, rest string) {
	end := strings.IndexFunc(s, IsSeparator)
	if end < 0 {
		return s, "", ""
	}
	_, width := utf8.DecodeRuneInString(s[end:])
	first, second = s[:end], s[end+width:]
	if end = strings.IndexFunc(second, IsSeparator); end >= 0 {
		second, rest = second[:end], second[end:]
	}
	return first, second, rest
}

// IsSeparator reports whether r comes between the parts of a tag in stored data. Letters of other
// alphabets are none: română is not rom, which is Romany.
func IsSeparator(r rune) bool {
	return r != utf8.RuneError && !unicode.In(r, unicode.Letter, unicode.Mark, unicode.Digit)
}

// Subtags are those that a tag has and that say something about the language; the others are empty.
type Subtags struct {
	Language string
	Script   string // ISO 15924: Latn
	Region   string // ISO 3166-1 alpha-2, or a number of UN M.49
	Variants string // joined by hyphens
}

// Split takes a tag in canonical spelling apart. Extensions and private use are left out.
func Split(canonical string) (t Subtags) {
	first, rest, _ := strings.Cut(canonical, "-")
	t.Language = first
	variants := ""
	for rest != "" {
		subtag, after, _ := strings.Cut(rest, "-")
		if len(subtag) == 1 {
			break
		}
		switch {
		case variants != "":
		case len(subtag) == 4 && subtag[0] > '9':
			t.Script = subtag
		case len(subtag) <= 3:
			t.Region = subtag
		default:
			variants = rest
		}
		rest = after
	}
	t.Variants = strings.TrimSuffix(strings.TrimSuffix(variants, rest), "-")
	return t
}

// String returns the tag of the subtags.
func (t Subtags) String() string {
	tag := t.Language
	for _, subtag := range [...]string{t.Script, t.Region, t.Variants} {
		if subtag != "" {
			tag += "-" + subtag
		}
	}
	return tag
}
