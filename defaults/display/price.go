package display

import (
	"cmp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxDigits is the most decimals of an amount in an int64.
const maxDigits = 18

// Price returns an amount as readers of the language write it: with their digits and separators,
// and with the symbol of the currency in its place. units counts the smallest unit: cents of EUR,
// yen of JPY. digits is how many decimals the currency has, 0 to 18, from Resolver.MinorUnits or
// defaults.Sites.MinorUnits. A smaller number counts as 0, a larger one as 18. The currency is a
// code of ISO 4217 or one of the shop's own, which stands beside the amount as it is.
//
// Nothing is rounded, and no float is involved. In a text of another direction than the language's
// put the price in a <bdi> element, or see [Isolate].
func (l Language) Price(units int64, currency string, digits int) string {
	digits = min(max(digits, 0), maxDigits)
	data := l.locale()
	of := func(key string) string {
		if own := l.ofCurrency(currency, key); own != "" {
			return own
		}
		return data.text(key)
	}
	pattern, negative, twoPatterns := strings.Cut(of("@p"), ";")
	magnitude := uint64(units)
	if units < 0 {
		magnitude = -magnitude
		if twoPatterns {
			pattern = negative
		} else {
			pattern = "-" + pattern
		}
	}
	start, end := numberIn(pattern)
	before, number, after := pattern[:start], pattern[start:end], pattern[end:]
	symbol := l.Symbol(currency)
	if strings.HasSuffix(before, "¤") && needsSpace(utf8.DecodeLastRuneInString(symbol)) {
		before += noBreak
	}
	if strings.HasPrefix(after, "¤") && needsSpace(utf8.DecodeRuneInString(symbol)) {
		after = noBreak + after
	}
	var b strings.Builder
	fill := strings.NewReplacer("¤", symbol, "-", data.text("@m"))
	fill.WriteString(&b, before)
	l.writeNumber(&b, magnitude, digits, number, of("@d"), of("@g"))
	fill.WriteString(&b, after)
	return b.String()
}

// Number returns a whole number as readers of the language write it, with their digits and
// separators.
func (l Language) Number(n int64) string {
	data := l.locale()
	magnitude := uint64(n)
	var b strings.Builder
	if n < 0 {
		magnitude = -magnitude
		b.WriteString(data.text("@m"))
	}
	pattern, _, _ := strings.Cut(data.text("@p"), ";")
	start, end := numberIn(pattern)
	l.writeNumber(&b, magnitude, 0, pattern[start:end], "", cmp.Or(data.text("@q"), data.text("@g")))
	return b.String()
}

// numberIn returns where the number is in a pattern.
func numberIn(pattern string) (start, end int) {
	isNumber := func(r rune) bool { return strings.ContainsRune("#,0.", r) }
	start = strings.IndexFunc(pattern, isNumber)
	if start < 0 {
		return len(pattern), len(pattern)
	}
	return start, strings.LastIndexFunc(pattern, isNumber) + 1
}

const noBreak = "\u00a0"

// needsSpace reports whether a space stands between a digit and this end of a symbol: "CHF 5", and
// not "CHF5" (CLDR, currencySpacing, which all languages share).
func needsSpace(r rune, _ int) bool { return !unicode.Is(unicode.S, r) && !unicode.Is(unicode.Z, r) }

// writeNumber writes a number by a pattern such as #,##0.00.
func (l Language) writeNumber(b *strings.Builder, magnitude uint64, digits int, pattern, decimal, group string) {
	data := l.locale()
	text := strconv.FormatUint(magnitude, 10)
	if missing := digits + 1 - len(text); missing > 0 {
		text = strings.Repeat("0", missing) + text
	}
	whole, fraction := text[:len(text)-digits], text[len(text)-digits:]
	first, others := groupsOf(pattern)
	least, err := strconv.Atoi(data.text("@n"))
	if err != nil {
		least = 1
	}
	if len(whole) < first+least {
		first = 0
	}
	own := []rune(data.text("@z"))
	for i, digit := range whole {
		if left := len(whole) - i; i > 0 && first > 0 && left >= first && (left-first)%others == 0 {
			b.WriteString(group)
		}
		writeDigit(b, own, digit)
	}
	if fraction != "" {
		b.WriteString(decimal)
	}
	for _, digit := range fraction {
		writeDigit(b, own, digit)
	}
}

func writeDigit(b *strings.Builder, own []rune, digit rune) {
	if len(own) == 10 {
		digit = own[digit-'0']
	}
	b.WriteRune(digit)
}

// groupsOf returns how many digits the group before the decimal separator has, and how many the
// groups before that one have: 3 and 2 for #,##,##0.00. first is 0 if there are no groups.
func groupsOf(pattern string) (first, others int) {
	whole, _, _ := strings.Cut(pattern, ".")
	last := strings.LastIndexByte(whole, ',')
	if last < 0 {
		return 0, 1
	}
	first = len(whole) - last - 1
	if before := strings.LastIndexByte(whole[:last], ','); before >= 0 {
		return first, last - before - 1
	}
	return first, first
}
