package defaults

import "strings"

// Values are the resolved values. Values is comparable. Where a site was found, no value is empty;
// otherwise all are.
type Values struct {
	Site, Currency, Country, Language string
	Sources                           [NumFields]Source // indexed by Field
}

// Resolve decides the four values. For each field the first candidate that the rules accept wins:
//
//   - site: the request site; the choice; the customer's preferred site; the default site
//   - currency: the choice; the customer's preferred currency; the site's currency
//   - country: the choice; the countries of the customer's shipping addresses; of the billing
//     addresses; the geo hint, unless the session has a cart; the country of the site's home base
//   - language: the request language; the choice; the customer's preferred language; the
//     Accept-Language hint; the site's language
//
// A choice that Input.Weak marks is tried after the customer's values instead. Among the addresses
// of a kind those flagged default are tried first, then the others, both in order.
//
// A site is accepted if it exists and is active. A currency, a country or a language is accepted if
// it is a current code, or an extra currency of the tenant, and the session's site offers it.
// Values are compared and returned in canonical spelling, a language as the site spells it. A
// site's own currency, country and language are always offered. Resolve never fails, because the
// last candidate is always accepted. The one exception is a table without a default site, which
// comes with an error of [CompileSites]: it gives the zero Values where no other site is accepted.
//
// A language is accepted if the site offers the same language in the same script. Serbian and
// Bosnian match in both of their scripts, Norwegian (no), bokmål (nb) and nynorsk (nn) match each
// other, and old codes match the present ones (iw and he). No other two languages match, however
// near they are. Among several that match, the best is the same tag; then the nearest on CLDR's
// chain of regional parents (es-419 for es-AR, en-GB for en-AU, zh-HK for zh-MO); then the site's
// own language; then the tag without a region; then the first in the site's order.
//
// Resolve does not allocate if the candidates are in canonical spelling and the hints have no
// language. Safe for concurrent use by multiple goroutines.
func (s *Sites) Resolve(in Input) Values {
	return s.resolve(&in, nil)
}

// Explain decides as Resolve does and also gives the candidates that were rejected, field by field
// in the order in which they were tried. Candidates that rank below the accepted one were not tried
// and are not listed. Where a request site or a request language is in force, a choice of another
// one is listed as overruled. Safe for concurrent use by multiple goroutines.
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

// overruled adds a choice that differs from what the request says.
func (r *rejections) overruled(f Field, choice, value string) {
	if choice != "" && choice != value {
		r.add(f, candidate{choice, SourceChoice}, ReasonOverruled)
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
	if st == nil {
		return Values{}
	}
	currency := st.currencyOf(in, customer, r)
	country := st.countryOf(in, customer, r)
	language := st.languageOf(in, customer, r)
	return Values{
		Site: st.Code, Currency: currency.value, Country: country.value, Language: language.value,
		Sources: [NumFields]Source{FieldSite: siteSource, FieldCurrency: currency.source, FieldCountry: country.source, FieldLanguage: language.source},
	}
}

// siteOf decides the session's site. The site is nil if no candidate is accepted and the table has
// no default site.
func (s *Sites) siteOf(in *Input, customer *Customer, r *rejections) (*storefront, Source) {
	choice, weak := in.choice(FieldSite)
	candidates := [...]candidate{
		{in.RequestSite, SourceRequestSite},
		choice,
		{customer.Site, SourcePreferredSite},
		weak,
	}
	for i, c := range candidates {
		if c.value == "" {
			continue
		}
		code := c.value
		if c.source == SourcePreferredSite {
			code = strings.Trim(code, blanks)
		}
		st, reason := s.lookup(code)
		if reason != accepted {
			r.add(FieldSite, c, reason)
			continue
		}
		if i == 0 {
			r.overruled(FieldSite, in.Choices.Site, st.Code)
		}
		return st, c.source
	}
	return s.def, SourceDefaultSite
}

func (st *storefront) currencyOf(in *Input, customer *Customer, r *rejections) candidate {
	choice, weak := in.choice(FieldCurrency)
	candidates := [...]candidate{
		choice,
		{customer.Currency, SourcePreferredCurrency},
		weak,
	}
	for _, c := range candidates {
		if c, ok := st.try(FieldCurrency, c, r); ok {
			return c
		}
	}
	return candidate{st.Currency, SourceSiteCurrency}
}

func (st *storefront) countryOf(in *Input, customer *Customer, r *rejections) candidate {
	choice, weak := in.choice(FieldCountry)
	if c, ok := st.try(FieldCountry, choice, r); ok {
		return c
	}
	if c, ok := st.tryAddresses(customer, shipping, SourceShippingAddress, r); ok {
		return c
	}
	if c, ok := st.tryAddresses(customer, billing, SourceBillingAddress, r); ok {
		return c
	}
	if c, ok := st.try(FieldCountry, weak, r); ok {
		return c
	}
	if !in.HasCart {
		if c, ok := st.try(FieldCountry, candidate{in.GeoCountry, SourceGeo}, r); ok {
			return c
		}
	}
	return candidate{st.Country, SourceHomeBase}
}

// tryAddresses tries the addresses of a kind, those flagged default first.
func (st *storefront) tryAddresses(customer *Customer, kind string, source Source, r *rejections) (candidate, bool) {
	for _, flagged := range [...]bool{true, false} {
		for i := range customer.Addresses {
			a := &customer.Addresses[i]
			if a.Default != flagged || a.Country == "" || !a.is(kind) {
				continue
			}
			if c, ok := st.try(FieldCountry, candidate{a.Country, source}, r); ok {
				return c, true
			}
		}
	}
	return candidate{}, false
}

func (st *storefront) languageOf(in *Input, customer *Customer, r *rejections) candidate {
	choice, weak := in.choice(FieldLanguage)
	candidates := [...]candidate{
		{in.RequestLanguage, SourceRequestLanguage},
		choice,
		{customer.Language, SourcePreferredLanguage},
		weak,
	}
	for i, c := range candidates {
		if c, ok := st.try(FieldLanguage, c, r); ok {
			if i == 0 && r != nil {
				if shown, _ := st.judge(FieldLanguage, in.Choices.Language, false); shown != c.value {
					r.overruled(FieldLanguage, in.Choices.Language, c.value)
				}
			}
			return c
		}
	}
	if in.AcceptLanguage != "" {
		if language, ok := st.acceptLanguage(in.AcceptLanguage, r); ok {
			return candidate{language, SourceAcceptLanguage}
		}
	}
	return candidate{st.Language, SourceSiteLanguage}
}

// try returns a candidate in canonical spelling if the site accepts it.
func (st *storefront) try(f Field, c candidate, r *rejections) (candidate, bool) {
	if c.value == "" {
		return candidate{}, false
	}
	canonical, reason := st.judge(f, c.value, c.source.stored())
	if reason != accepted {
		r.add(f, c, reason)
		return candidate{}, false
	}
	return candidate{canonical, c.source}, true
}
