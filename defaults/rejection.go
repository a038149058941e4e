package defaults

import "fmt"

// Rejection is a value that was not taken, and why: a candidate that [Sites.Explain] passed over,
// or, as an error, a value that a caller sent and that [Sites.Check] refuses.
type Rejection struct {
	Field  Field
	Value  string // as it was found or sent
	Source Source // of the candidate; zero in an error
	Reason Reason
}

// Error says in a sentence for people what is wrong with the value. It shows at most 64 characters
// of the value.
func (e *Rejection) Error() string {
	return fmt.Sprintf("defaults: %s %.64q: %s", e.Field, e.Value, e.sentence())
}

func (e *Rejection) sentence() string {
	switch e.Reason {
	case ReasonMalformed, ReasonUnknownCode:
		return codeSentence(e.Field, e.Reason)
	case ReasonUnknownSite:
		return "there is no such site"
	case ReasonInactiveSite:
		return "the site is not active"
	case ReasonNotOffered:
		if e.Field == FieldCountry {
			return "the site does not ship there"
		}
		return "not offered by the site"
	case ReasonOverruled:
		return "the request is bound to another " + e.Field.String()
	}
	return e.Reason.String()
}

// codeSentence says what is wrong with a code, whoever wrote it.
func codeSentence(f Field, r Reason) string {
	malformed := r == ReasonMalformed
	switch {
	case f == FieldCurrency && malformed:
		return "not a three-letter ISO 4217 code"
	case f == FieldCurrency:
		return "not a current ISO 4217 code"
	case f == FieldCountry && malformed:
		return "not a two-letter ISO 3166-1 code"
	case f == FieldCountry:
		return "not a current ISO 3166-1 code"
	case f == FieldLanguage && malformed:
		return "not a BCP 47 language tag"
	case f == FieldLanguage:
		return "not a known BCP 47 language"
	}
	return r.String()
}
