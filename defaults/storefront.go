package defaults

// storefront is a compiled Site: what it offers, ready to be asked. It is immutable.
type storefront struct {
	Site                           // canonical
	currencies map[string]struct{} // nil: every one
	shipTo     map[string]struct{} // nil: every one
	languages  languageSet
}

// unrestricted accepts every current code.
var unrestricted = &storefront{}

// newStorefront compiles a valid site.
func newStorefront(site Site) *storefront {
	st := &storefront{Site: site}
	st.Currency, _ = CanonicalCurrency(site.Currency)
	st.Country, _ = CanonicalCountry(site.Country)
	st.Language, _ = CanonicalLanguage(site.Language)
	st.Currencies = canonicalList(site.Currencies, CanonicalCurrency)
	st.ShipTo = canonicalList(site.ShipTo, CanonicalCountry)
	st.Languages = canonicalList(site.Languages, CanonicalLanguage)
	if len(st.Currencies) > 0 {
		st.currencies = setOf(st.Currencies)
		st.currencies[st.Currency] = struct{}{}
	}
	if len(st.ShipTo) > 0 {
		st.shipTo = setOf(st.ShipTo)
	}
	if len(st.Languages) > 0 {
		st.languages = newLanguageSet(append([]string{st.Language}, st.Languages...))
	}
	return st
}

// canonicalList returns the valid codes in canonical spelling, each once, in the order given.
func canonicalList(codes []string, canonical func(string) (string, bool)) []string {
	if len(codes) == 0 {
		return nil
	}
	list := make([]string, 0, len(codes))
	seen := make(map[string]bool, len(codes))
	for _, code := range codes {
		if c, ok := canonical(code); ok && !seen[c] {
			seen[c] = true
			list = append(list, c)
		}
	}
	return list
}

func setOf(codes []string) map[string]struct{} {
	set := make(map[string]struct{}, len(codes)+1)
	for _, c := range codes {
		set[c] = struct{}{}
	}
	return set
}

// judge returns the canonical spelling of a currency, a country or a language that the site offers, or why it is rejected.
func (st *storefront) judge(f Field, value string) (canonical string, reason Reason) {
	switch f {
	case FieldCurrency:
		return judgeCode(value, st.currencies, currencyCode)
	case FieldCountry:
		return judgeCode(value, st.shipTo, countryCode)
	default:
		return st.languages.match(value)
	}
}

func judgeCode(value string, offered map[string]struct{}, parse func(string) (string, Reason)) (string, Reason) {
	if _, ok := offered[value]; ok {
		return value, accepted // the common case: an offered code, in the spelling of the set
	}
	code, reason := parse(value)
	if reason != accepted {
		return "", reason
	}
	if _, ok := offered[code]; !ok && offered != nil {
		return "", ReasonNotOffered
	}
	return code, accepted
}
