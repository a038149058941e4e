package defaults

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// What is read of an Accept-Language header at most. Browsers send some 40 bytes and a handful of languages; what
// is longer was made up, and each language costs a match.
const (
	maxAcceptLanguage = 256 // bytes; a language that the cut goes through is dropped
	maxLanguageRanges = 16  // elements of the list, empty ones not counted
)

// languageRange is one element of the header (RFC 9110 section 12.5.4).
type languageRange struct {
	value   string
	quality int // in thousandths; -1: malformed
	tag     languageTag
	reason  Reason // why the value is no language
	read    bool   // tag and reason are set
}

// parse reads the value once. A range of weight 0 loses no tail: a shorter tag would exclude more than was said.
func (lr *languageRange) parse() {
	if lr.read {
		return
	}
	lr.read = true
	read := readLanguage
	if lr.quality == 0 {
		read = languageCode
	}
	var canonical string
	if canonical, lr.reason = read(lr.value); lr.reason == accepted {
		lr.tag = newLanguageTag(canonical)
	}
}

// acceptLanguage returns the language of the site that serves the header's best range.
func (st *storefront) acceptLanguage(header string, r *rejections) (string, bool) {
	var buf [maxLanguageRanges]languageRange
	ranges := parseAcceptLanguage(header, buf[:0])
	var exclude func(languageTag) bool
	if slices.ContainsFunc(ranges, func(lr languageRange) bool { return lr.quality == 0 }) {
		exclude = func(o languageTag) bool { return excluded(ranges, o) }
	}
	for i := range ranges {
		lr := &ranges[i]
		if lr.quality == 0 || lr.value == "*" {
			continue // "not this one" and "any" suggest nothing
		}
		reason := ReasonMalformed
		if lr.quality > 0 {
			lr.parse()
			if reason = lr.reason; reason == accepted {
				if o, ok := st.languages.best(withScript(lr.tag, ranges[:i]), exclude); ok {
					return o.text, true
				}
				reason = ReasonNotOffered
			}
		}
		r.add(FieldLanguage, candidate{lr.value, SourceAcceptLanguage}, reason)
	}
	return "", false
}

// withScript returns a bare language with the script of its first regional form among the ranges before it: browsers write
// zh-TW,zh and mean traditional Chinese, although zh alone is simplified.
func withScript(t languageTag, before []languageRange) languageTag {
	if !t.bare {
		return t
	}
	for i := range before {
		form := &before[i]
		if form.read && form.reason == accepted && form.tag.group == t.group && !form.tag.bare {
			if t.script != form.tag.script {
				t.script = form.tag.script
				t.text = t.language + "-" + t.script
			}
			return t
		}
	}
	return t
}

// excluded reports whether the header says of a language that it is not acceptable: whether the closest range that covers
// the language has weight 0. So en;q=0 excludes en-GB, unless the header also names en-GB with a weight.
func excluded(ranges []languageRange, o languageTag) bool {
	closest, zero := 0, false
	for i := range ranges {
		lr := &ranges[i]
		if lr.quality < 0 || lr.value == "*" {
			continue
		}
		if lr.parse(); lr.reason != accepted {
			continue
		}
		if closeness, ok := lr.tag.covers(o); ok && closeness >= closest {
			closest, zero = closeness, lr.quality == 0 // of two that are as close the one of weight 0 comes last
		}
	}
	return zero
}

// parseAcceptLanguage appends the elements of the header to ranges, best first, those of equal quality in the order of the header.
// golang.org/x/text/language.ParseAcceptLanguage gives up the whole header for one tag that it does not know.
func parseAcceptLanguage(header string, ranges []languageRange) []languageRange {
	if len(header) > maxAcceptLanguage {
		header = header[:maxAcceptLanguage]
		header = header[:strings.LastIndexByte(header, ',')+1]
	}
	for element := range strings.SplitSeq(header, ",") {
		value, parameters, _ := strings.Cut(element, ";")
		if value = strings.Trim(value, " \t"); value == "" {
			continue
		}
		if len(ranges) == maxLanguageRanges {
			break
		}
		ranges = append(ranges, languageRange{value: value, quality: qualityOf(parameters)})
	}
	slices.SortStableFunc(ranges, func(a, b languageRange) int { return b.quality - a.quality })
	return ranges
}

// qualityOf returns the weight among an element's parameters, such as q=0.8, in thousandths: 1000 if there is none, -1 if it
// is malformed. RFC 9110 allows three decimals; programs that compute their weights send more.
func qualityOf(parameters string) int {
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(parameter, "=")
		if !strings.EqualFold(strings.Trim(name, " \t"), "q") {
			continue
		}
		q, err := strconv.ParseFloat(strings.Trim(value, " \t"), 64)
		if err != nil || !(q >= 0 && q <= 1) { // NaN is neither
			return -1
		}
		return int(math.Ceil(q * 1000)) // only 0 is 0
	}
	return 1000
}
