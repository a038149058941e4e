package defaults

import (
	"errors"

	"golang.org/x/text/language"
)

// maxLanguage bounds a language tag, in bytes: RFC 5646 section 4.4.1 asks for buffers of at least that.
const maxLanguage = 35

// CanonicalLanguage returns the canonical spelling of a BCP 47 language tag (RFC 5646 section 4.5, and CLDR's replacements for
// deprecated languages): en_gb is en-GB, iw is he. Not accepted are tags that are longer than 35 bytes, as given or as they would be
// returned, tags with a subtag that golang.org/x/text does not know, and tags that name no language of a person: und, mul, mis, zxx,
// and tags of private use alone.
func CanonicalLanguage(s string) (tag string, ok bool) {
	t, reason := parseLanguage(s)
	if reason != accepted {
		return "", false
	}
	return t.String(), true
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
	// Where it has to sort several variants the parser lets rubbish behind them pass, which it refuses when it meets it again.
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

// languageSet are the languages of a site, ready to be matched. The zero languageSet offers every language. It is immutable.
type languageSet struct {
	offered []string
	matcher language.Matcher
}

// newLanguageSet returns the set of the languages given, canonical and in order of preference.
func newLanguageSet(offered []string) languageSet {
	tags := make([]language.Tag, len(offered))
	for i, l := range offered {
		tags[i], _ = parseLanguage(l)
	}
	return languageSet{offered, language.NewMatcher(tags)}
}

// match returns the offered language, as it is spelled in the set, that serves a reader of another, or why there is none.
func (l *languageSet) match(value string) (string, Reason) {
	for _, o := range l.offered {
		if o == value {
			return o, accepted
		}
	}
	tag, reason := parseLanguage(value)
	if reason != accepted {
		return "", reason
	}
	if l.matcher == nil {
		return tag.String(), accepted
	}
	i, ok := l.index(tag)
	if !ok {
		return "", ReasonNotOffered
	}
	return l.offered[i], accepted
}

// index returns the index of the offered language that serves a reader of tag. The tag that the matcher returns is of no use:
// it carries the reader's region as an extension. Without a demand on confidence the matcher serves everybody something.
func (l *languageSet) index(tag language.Tag) (i int, ok bool) {
	// The parser of x/text guards itself against panics on strange tags, its matcher does not. None is known; one in a
	// stored choice would bring down whatever goroutine resolves it, at every request.
	defer func() {
		if recover() != nil {
			i, ok = 0, false
		}
	}()
	_, i, confidence := l.matcher.Match(tag)
	return i, confidence >= language.High
}
