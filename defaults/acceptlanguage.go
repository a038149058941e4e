package defaults

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// What is read of an Accept-Language header at most. Browsers send some 40 bytes and a handful of
// languages; what is longer was made up, and each language costs a match.
const (
	maxAcceptLanguage = 256 // bytes; a language that the cut goes through is dropped
	maxLanguageRanges = 16  // elements of the list, empty ones not counted
)

// languageRange is one element of the header (RFC 9110 section 12.5.4).
type languageRange struct {
	value   string
	quality int // in thousandths; -1: malformed
}

// languageRanges are the elements of a header, best first, and what is known of their tags.
type languageRanges struct {
	list  [maxLanguageRanges]languageRange
	size  int  // of list
	zeros bool // one has weight 0
	read  [maxLanguageRanges]struct {
		done   bool
		tag    languageTag
		reason Reason // why the value is no language
	}
}

// tag reads the tag of an element, once. An element of weight 0 loses no tail: a shorter tag would
// exclude more than was said.
func (h *languageRanges) tag(i int) (*languageTag, Reason) {
	r := &h.read[i]
	if !r.done {
		r.done = true
		read := readLanguage
		if h.list[i].quality == 0 {
			read = languageCode
		}
		var canonical string
		if canonical, r.reason = read(h.list[i].value); r.reason == accepted {
			r.tag = newLanguageTag(canonical)
		}
	}
	return &r.tag, r.reason
}

// acceptLanguage returns the language of the site that serves the header's best range.
func (st *storefront) acceptLanguage(header string, r *rejections) (string, bool) {
	var h languageRanges
	h.size = len(parseAcceptLanguage(header, h.list[:0]))
	h.zeros = slices.ContainsFunc(h.list[:h.size], func(lr languageRange) bool { return lr.quality == 0 })
	for i := range h.size {
		lr := h.list[i]
		if lr.quality == 0 || lr.value == "*" {
			continue // "not this one" and "any" suggest nothing
		}
		reason := ReasonMalformed
		if lr.quality > 0 {
			var tag *languageTag
			if tag, reason = h.tag(i); reason == accepted {
				if language, ok := st.languages.best(h.withScript(*tag, i), &h, i); ok {
					return language, true
				}
				reason = ReasonNotOffered
			}
		}
		r.add(FieldLanguage, candidate{lr.value, SourceAcceptLanguage}, reason)
	}
	return "", false
}

// withScript returns the tag of element i. A bare tag gets the script of its first regional form
// before it: browsers write zh-TW,zh and mean traditional Chinese, although zh alone is simplified.
func (h *languageRanges) withScript(t languageTag, i int) languageTag {
	if !t.bare {
		return t
	}
	for j := range i {
		form, reason := h.tag(j)
		if h.list[j].quality <= 0 || reason != accepted || form.group != t.group || form.bare {
			continue
		}
		if t.script != form.script {
			t.script = form.script
			t.text = t.language + "-" + t.script
		}
		break
	}
	return t
}

// excludes reports whether the header says that a language is not acceptable: the closest range
// that covers the language has weight 0. So en;q=0 excludes en-GB, unless element i or one before
// it names en-GB with a weight. Elements after i are less wanted and cannot bring a language back.
// The nil pointer excludes nothing.
func (h *languageRanges) excludes(o *languageTag, i int) bool {
	if h == nil || !h.zeros {
		return false
	}
	closest, zero := 0, false
	for j := range h.size {
		lr := h.list[j]
		if lr.quality < 0 || lr.quality > 0 && j > i || lr.value == "*" {
			continue
		}
		tag, reason := h.tag(j)
		if reason != accepted {
			continue
		}
		if closeness, ok := tag.covers(o); ok && closeness >= closest {
			closest, zero = closeness, lr.quality == 0 // of two equally close ranges that of weight 0 comes last
		}
	}
	return zero
}

// parseAcceptLanguage appends the elements of the header to ranges, best first, those of equal
// quality in the order of the header. It is not golang.org/x/text/language.ParseAcceptLanguage,
// which rejects the whole header for one tag that it does not know.
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
		if last := len(ranges) - 1; last >= 0 && ranges[last].quality == 0 && strings.Trim(element, " \t0123456789") == "" {
			ranges[last].quality = qualityOf("q=0." + value) // a decimal comma: de;q=0,8
			continue
		}
		if len(ranges) == maxLanguageRanges {
			break
		}
		ranges = append(ranges, languageRange{value, qualityOf(parameters)})
	}
	slices.SortStableFunc(ranges, func(a, b languageRange) int { return b.quality - a.quality })
	return ranges
}

// qualityOf returns the weight among an element's parameters, such as q=0.8, in thousandths: 1000
// if there is none, -1 if it is malformed. RFC 9110 allows three decimals; programs that compute
// their weights send more.
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
		return int(math.Ceil(q * 1000)) // rounded up: only 0 becomes 0
	}
	return 1000
}
