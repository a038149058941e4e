package defaults

// languageSet are the languages of a site, ready to be matched. The zero languageSet offers every language. It is immutable.
type languageSet struct {
	tags []languageTag // the site's own language first
}

// newLanguageSet returns the set of the languages given, canonical, with the site's own language first.
func newLanguageSet(offered []string) languageSet {
	tags := make([]languageTag, len(offered))
	for i, l := range offered {
		tags[i] = newLanguageTag(l)
	}
	return languageSet{tags}
}

// match returns the offered language, as it is spelled in the set, that serves somebody who asks for another, or why there is none.
// read turns what was asked for into canonical spelling.
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
	if best, ok := l.best(newLanguageTag(canonical), nil); ok {
		return best.text, accepted
	}
	return "", ReasonNotOffered
}

// best returns the offered tag that serves t best and is not excluded. A set of every language offers t itself. Of several with the same rank it is the
// site's own language, else one without region and variant, else the first.
func (l *languageSet) best(t languageTag, excluded func(languageTag) bool) (languageTag, bool) {
	if l.tags == nil {
		return t, excluded == nil || !excluded(t)
	}
	best, rank := -1, rankNone
	for i := range l.tags {
		r := t.rank(l.tags[i])
		plainer := best > 0 && r == rank && l.tags[i].plain() && !l.tags[best].plain()
		if (r < rank || plainer) && (excluded == nil || !excluded(l.tags[i])) {
			best, rank = i, r
		}
	}
	if best < 0 {
		return languageTag{}, false
	}
	return l.tags[best], true
}
