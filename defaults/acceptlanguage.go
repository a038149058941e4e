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
	tag     string
	quality int // in thousandths; -1: malformed
}

// acceptLanguage returns the language of the site that serves the header's best reader.
func (st *storefront) acceptLanguage(header string, r *rejections) (string, bool) {
	var buf [maxLanguageRanges]languageRange
	ranges := parseAcceptLanguage(header, buf[:0])
	for _, lr := range ranges {
		if lr.quality == 0 || lr.tag == "*" {
			continue // "not this one" and "any" suggest nothing
		}
		reason := ReasonMalformed
		if lr.quality > 0 {
			var language string
			if language, reason = st.languages.match(lr.tag); reason == accepted {
				if !excluded(ranges, language) {
					return language, true
				}
				reason = ReasonNotOffered
			}
		}
		r.add(FieldLanguage, candidate{lr.tag, SourceAcceptLanguage}, reason)
	}
	return "", false
}

// excluded reports whether the header says of that very language that it is not acceptable.
func excluded(ranges []languageRange, language string) bool {
	for _, lr := range ranges {
		if lr.quality == 0 && strings.EqualFold(strings.ReplaceAll(lr.tag, "_", "-"), language) {
			return true
		}
	}
	return false
}

// parseAcceptLanguage appends the elements of the header to ranges, best first, those of equal quality in the order of the header.
// golang.org/x/text/language.ParseAcceptLanguage gives up the whole header for one tag that it does not know.
func parseAcceptLanguage(header string, ranges []languageRange) []languageRange {
	if len(header) > maxAcceptLanguage {
		header = header[:maxAcceptLanguage]
		header = header[:strings.LastIndexByte(header, ',')+1]
	}
	for element := range strings.SplitSeq(header, ",") {
		tag, parameters, _ := strings.Cut(element, ";")
		if tag = strings.Trim(tag, " \t"); tag == "" {
			continue
		}
		if len(ranges) == maxLanguageRanges {
			break
		}
		ranges = append(ranges, languageRange{tag, qualityOf(parameters)})
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
