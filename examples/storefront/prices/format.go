package prices

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"

	"github.com/sessionctx/storefront/defaults/codes"
)

// Where languages put the symbol: # stands for the number and ¤ for the symbol, the spaces do not
// break.
const (
	symbolLast   = "#\u00a0¤"
	symbolFirst  = "¤#"
	symbolSpaced = "¤\u00a0#"
	symbolClose  = "#¤"
)

// patterns are CLDR 48's (currencyFormats, standard) of the languages that differ from symbolLast,
// the most frequent one. What is not listed inherits from its parent in CLDR: en-NZ from en-001 and
// that from en, es-MX from es-419, pt-AO from pt-PT.
var patterns = func() map[string]string {
	m := map[string]string{
		"ar": "\u200f#\u00a0¤", "he": "\u200f#\u00a0\u200f¤", "fa": "\u200e¤#", // with marks that hold number and symbol together
	}
	for pattern, tags := range map[string]string{
		symbolFirst: "af am bm ceb cy en es-419 fil ga gd gu haw hi id ig ja kn ko kok ks lo ml mr ms mt om or pa si sn so su ta te " +
			"th ti tr ug ur yo yue zh zu",
		symbolSpaced: "as bo de-AT de-CH de-LI en-AT en-CH en-NL es-AR es-CO es-PE es-PY es-UY fy gn ha it-CH jv mai mg mi mn ne nl ps " +
			"pt sw ts wo",
		symbolClose: "bn km lb lg",
		symbolLast:  "en-150 pt-PT",
	} {
		for tag := range strings.FieldsSeq(tags) {
			m[tag] = pattern
		}
	}
	return m
}()

// patternOf returns the pattern of a language or of the nearest of its parents that has one.
func patternOf(tag language.Tag) string {
	for t := tag; t != language.Und; t = t.Parent() {
		if p, ok := patterns[t.String()]; ok {
			return p
		}
	}
	base, _ := tag.Base()
	if p, ok := patterns[base.String()]; ok {
		return p
	}
	return symbolLast
}

// Format writes the amount as readers of a language (BCP 47) do: their digits and separators, as
// many decimals as the currency has minor units, and the symbol in its place. A language that is
// not known is English.
func (a Amount) Format(languageTag string) string {
	tag, err := language.Parse(languageTag)
	if err != nil {
		tag, languageTag = language.English, "en"
	}
	digits, _ := codes.MinorUnits(a.Currency)
	value := float64(a.Units)
	for range digits {
		value /= 10
	}
	n := message.NewPrinter(tag).Sprint(number.Decimal(value, number.Scale(digits)))
	symbol := codes.Symbol(a.Currency, languageTag)
	pattern := patternOf(tag)
	if strings.Contains(pattern, "¤#") && endsInLetter(symbol) {
		pattern = strings.Replace(pattern, "¤#", symbolSpaced, 1) // "CHF 5", not "CHF5" (CLDR, currencySpacing)
	}
	return strings.NewReplacer("#", n, "¤", symbol).Replace(pattern)
}

func endsInLetter(s string) bool {
	last, _ := utf8.DecodeLastRuneInString(s)
	return unicode.IsLetter(last)
}
