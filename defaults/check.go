package defaults

import "errors"

// Check judges values that a caller sends now. in is the session as it would be after the write,
// with the sent values as they were sent; sent, indexed by Field, marks those fields of in.Choices
// that the caller sent. A sent empty value clears the choice and is always right; values that were
// not sent are not judged.
//
// A sent site must exist, be active and, where a request site is in force, be that site. The other
// sent values are judged against the site that the session would have; where the sent site itself
// is refused they need only be current codes.
//
// Check returns in.Choices with the sent values in canonical spelling, or the zero Choices and the
// joined errors, each an [*Rejection]. A language keeps the tag that was sent, also where the site
// spells it otherwise: a site that offers de alone shows a stored de-AT as de. Resolve takes what
// Check accepts, as a choice, as long as the sites do not change. It takes a site or a language
// that the request names from the request. A sent value is not weak: Input.Weak counts for values
// that were not sent. Safe for concurrent use by multiple goroutines.
func (s *Sites) Check(in Input, sent [NumFields]bool) (Choices, error) {
	customer := in.Customer
	if customer == nil {
		customer = &Customer{}
	}
	for f := range sent {
		in.Weak[f] = in.Weak[f] && !sent[f]
	}
	st, _ := s.siteOf(&in, customer, nil)
	if st == nil {
		st = s.unrestricted
	}
	var errs []error
	if code := in.Choices.Site; sent[FieldSite] && code != "" {
		_, reason := s.lookup(code)
		if reason == accepted && code != st.Code {
			reason = ReasonOverruled
		}
		if reason != accepted {
			errs = append(errs, &Rejection{Field: FieldSite, Value: code, Reason: reason})
			st = s.unrestricted
		}
	}
	for f := FieldCurrency; f < NumFields; f++ {
		value := in.Choices.of(f)
		if !sent[f] || *value == "" {
			continue
		}
		canonical, reason := st.judge(f, *value, false)
		if reason == accepted && f == FieldLanguage && canonical != *value {
			canonical, _ = languageCode(*value)
		}
		if reason != accepted {
			errs = append(errs, &Rejection{Field: f, Value: *value, Reason: reason})
			continue
		}
		*value = canonical
	}
	if len(errs) > 0 {
		return Choices{}, errors.Join(errs...)
	}
	return in.Choices, nil
}
