package defaults

// Values are the resolved values. They are comparable, and none of them is empty.
type Values struct {
	Site, Currency, Country, Language string
	Sources                           [NumFields]Source // indexed by Field
}

// Rejection is a candidate that was tried and not taken.
type Rejection struct {
	Field  Field
	Value  string // as it was found
	Source Source
	Reason Reason
}

// Resolve decides the four values. For each field the first candidate that the rules accept wins:
//
//   - site: the request site; the choice; the customer's preferred site; the default site
//   - currency: the choice; the customer's preferred currency; the site's currency
//   - country: the choice; the country of the customer's shipping address; of the billing address; the geo hint; the
//     country of the site's home base
//   - language: the choice; the customer's preferred language; the Accept-Language hint; the site's language
//
// A site is accepted if it exists and is active. The others must be codes that are current and that the session's site
// offers; they are compared and returned in canonical spelling, a language as the site spells it. Of several
// addresses of a kind only one is tried: the one flagged default, else the first. Resolve never fails: the
// last candidate always holds.
//
// It costs no allocation where the candidates are in canonical spelling and the hints say no language. Safe for concurrent
// use by multiple goroutines.
func (s *Sites) Resolve(in Input) Values {
	return s.resolve(&in, nil)
}

// Explain decides as Resolve does and also gives the candidates that were rejected, field by field in the
// order in which they were tried. Candidates that rank below the accepted one were not tried and are not listed. Where
// a request site is in force, a choice of another site is listed as overruled. Safe for concurrent use by multiple goroutines.
func (s *Sites) Explain(in Input) (Values, []Rejection) {
	var r rejections
	v := s.resolve(&in, &r)
	return v, r
}

// rejections collects what was not taken. The nil pointer collects nothing.
type rejections []Rejection

func (r *rejections) add(f Field, c candidate, reason Reason) {
	if r != nil {
		*r = append(*r, Rejection{Field: f, Value: c.value, Source: c.source, Reason: reason})
	}
}

// candidate is a value that may decide a field. An empty value is none.
type candidate struct {
	value  string
	source Source
}

func (s *Sites) resolve(in *Input, r *rejections) Values {
	customer := in.Customer
	if customer == nil {
		customer = &Customer{}
	}
	st, siteSource := s.siteOf(in, customer, r)
	v := Values{Site: st.Code}
	v.Sources[FieldSite] = siteSource

	currency := [...]candidate{
		{in.Choices.Currency, SourceChoice},
		{customer.Currency, SourcePreferredCurrency},
	}
	c, ok := st.firstAccepted(FieldCurrency, currency[:], r)
	if !ok {
		c = candidate{st.Currency, SourceSiteCurrency}
	}
	v.Currency, v.Sources[FieldCurrency] = c.value, c.source

	country := [...]candidate{
		{in.Choices.Country, SourceChoice},
		{customer.countryOf(shipping), SourceShippingAddress},
		{customer.countryOf(billing), SourceBillingAddress},
		{in.Hints.Country, SourceGeo},
	}
	c, ok = st.firstAccepted(FieldCountry, country[:], r)
	if !ok {
		c = candidate{st.Country, SourceHomeBase}
	}
	v.Country, v.Sources[FieldCountry] = c.value, c.source

	language := [...]candidate{
		{in.Choices.Language, SourceChoice},
		{customer.Language, SourcePreferredLanguage},
	}
	c, ok = st.firstAccepted(FieldLanguage, language[:], r)
	if !ok && in.Hints.AcceptLanguage != "" {
		c.value, ok = st.acceptLanguage(in.Hints.AcceptLanguage, r)
		c.source = SourceAcceptLanguage
	}
	if !ok {
		c = candidate{st.Language, SourceSiteLanguage}
	}
	v.Language, v.Sources[FieldLanguage] = c.value, c.source
	return v
}

// siteOf decides the session's site.
func (s *Sites) siteOf(in *Input, customer *Customer, r *rejections) (*storefront, Source) {
	candidates := [...]candidate{
		{in.RequestSite, SourceRequestSite},
		{in.Choices.Site, SourceChoice},
		{customer.Site, SourcePreferredSite},
	}
	for i, c := range candidates {
		if c.value == "" {
			continue
		}
		st, reason := s.lookup(c.value)
		if reason != accepted {
			r.add(FieldSite, c, reason)
			continue
		}
		if choice := candidates[1]; i == 0 && choice.value != "" && choice.value != st.Code {
			r.add(FieldSite, choice, ReasonOverruled)
		}
		return st, c.source
	}
	return s.def, SourceDefaultSite
}

// firstAccepted returns the first candidate that the site accepts, in canonical spelling.
func (st *storefront) firstAccepted(f Field, candidates []candidate, r *rejections) (candidate, bool) {
	for _, c := range candidates {
		if c.value == "" {
			continue
		}
		canonical, reason := st.judge(f, c.value)
		if reason == accepted {
			return candidate{canonical, c.source}, true
		}
		r.add(f, c, reason)
	}
	return candidate{}, false
}
