package defaults

// languageSet are the languages of a site, ready to be matched. The zero languageSet offers every
// language. It is immutable.
type languageSet struct {
	tags []languageTag // the site's own language first
}

// newLanguageSet returns the set of the languages given, canonical, with the site's own language
// first.
func newLanguageSet(offered []string) languageSet {
	tags := make([]languageTag, len(offered))
	for i, l := range offered {
		tags[i] = newLanguageTag(l)
	}
	return languageSet{tags}
}

// match returns the offered language, as it is spelled in the set, that serves somebody who asks
// for another, or why there is none. read turns what was asked for into canonical spelling.
func (l *languageSet) match(value string, read func(string) (string, Reason)) (string, Reason) {
	for i := range l.tags {
		if l.tags[i].text == value {
			return value, accepted
		}
	}
	canonical, reason := read(value)
	if reason != accepted || l.tags == nil {
		return canonical, reason
	}
	tag := newLanguageTag(canonical)
	if best, ok := l.best(tag, nil, 0); ok {
		return best, accepted
	}
	return "", ReasonNotOffered
}

// best returns the offered language that serves t best and that the header does not exclude. t is
// element i of the header, or header is nil. A set of every language offers t itself. Of several
// languages with the same rank best returns the site's own, else one without region and variant,
// else the first.
func (l *languageSet) best(t languageTag, header *languageRanges, i int) (string, bool) {
	if l.tags == nil {
		return t.text, !header.excludes(&t, i)
	}
	best, rank := -1, rankNone
	for n := range l.tags {
		o := &l.tags[n]
		r := t.rank(o)
		plainer := best > 0 && r == rank && o.plain() && !l.tags[best].plain()
		if (r < rank || plainer) && !header.excludes(o, i) {
			best, rank = n, r
		}
	}
	if best < 0 {
		return "", false
	}
	return l.tags[best].text, true
}
