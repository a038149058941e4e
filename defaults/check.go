package defaults

import "errors"

// Check judges values that a caller sends now. in is the session as it would be after the write, with the sent values as they
// were sent; sent, indexed by Field, marks those fields of in.Choices that the caller sent. A sent empty value clears the
// choice and is always right; values that were not sent are not judged.
//
// A sent site must exist, be active and, where a request site is in force, be that site. The other sent values are judged
// against the site that the session would have; where the sent site itself is refused they need only be current codes.
//
// Check returns in.Choices with the sent values in canonical spelling, or the zero Choices and the joined errors, each an
// [*Invalid]. What Check accepts, Resolve takes, and from the choice, as long as the sites do not change; a site that is also the
// request site it takes from the request. Safe for concurrent use by multiple goroutines.
func (s *Sites) Check(in Input, sent [NumFields]bool) (Choices, error) {
	customer := in.Customer
	if customer == nil {
		customer = &Customer{}
	}
	st, _ := s.siteOf(&in, customer, nil)
	var errs []error
	if code := in.Choices.Site; sent[FieldSite] && code != "" {
		_, reason := s.lookup(code)
		if reason == accepted && code != st.Code {
			reason = ReasonOverruled
		}
		if reason != accepted {
			errs = append(errs, &Invalid{Field: FieldSite, Value: code, Reason: reason})
			st = unrestricted
		}
	}
	for f := FieldCurrency; f < NumFields; f++ {
		value := in.Choices.of(f)
		if !sent[f] || *value == "" {
			continue
		}
		canonical, reason := st.judge(f, *value)
		if reason != accepted {
			errs = append(errs, &Invalid{Field: f, Value: *value, Reason: reason})
			continue
		}
		*value = canonical
	}
	if len(errs) > 0 {
		return Choices{}, errors.Join(errs...)
	}
	return in.Choices, nil
}
