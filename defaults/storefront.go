package defaults

import (
	"slices"
	"strings"
	"time"
)

// storefront is a compiled Site: what it offers, ready to be asked. It is immutable.
type storefront struct {
	Site                           // canonical; an inactive site as it was given
	currencies map[string]struct{} // nil: every one
	shipTo     map[string]struct{} // nil: every one
	languages  languageSet
	extra      extraCurrencies
	valid      time.Time // when the site was valid last
}

// newStorefront compiles a site whose own values are canonical. Entries of its lists that are no
// codes are left out. A list that was given stays a restriction, also if nothing is left of it:
// then the site offers its own value alone.
func newStorefront(site Site, extra extraCurrencies) *storefront {
	st := &storefront{Site: site, extra: extra}
	st.Currencies = canonicalList(site.Currencies, site.Currency, extra.code)
	st.ShipTo = canonicalList(site.ShipTo, site.Country, countryCode)
	st.Languages = canonicalList(site.Languages, site.Language, languageCode)
	if len(st.Currencies) > 0 {
		st.currencies = setOf(st.Currencies, st.Currency)
	}
	if len(st.ShipTo) > 0 {
		st.shipTo = setOf(st.ShipTo, st.Country)
	}
	if len(st.Languages) > 0 {
		st.languages = newLanguageSet(append([]string{st.Language}, st.Languages...))
	}
	return st
}

// canonicalList returns the valid codes in canonical spelling, each once, in the order given. If
// codes were given and none is valid it returns the site's own.
func canonicalList(given []string, own string, canonical func(string) (string, Reason)) []string {
	if len(given) == 0 {
		return nil
	}
	list := make([]string, 0, len(given))
	for _, code := range given {
		if c, reason := canonical(code); reason == accepted && !slices.Contains(list, c) {
			list = append(list, c)
		}
	}
	if len(list) == 0 {
		list = append(list, own)
	}
	return list
}

func setOf(list []string, own string) map[string]struct{} {
	set := make(map[string]struct{}, len(list)+1)
	set[own] = struct{}{}
	for _, c := range list {
		set[c] = struct{}{}
	}
	return set
}

// judge returns a currency, a country or a language that the site offers, or why it is rejected. A
// currency and a country are returned in canonical spelling, a language as the site spells it. A
// stored value is one of a profile, and is read generously.
func (st *storefront) judge(f Field, value string, stored bool) (canonical string, reason Reason) {
	currency, country, language := st.extra.code, countryCode, languageCode
	if stored {
		currency, country, language = st.extra.read, readCountry, readLanguage
	}
	switch f {
	case FieldCurrency:
		return judgeCode(value, st.Currency, st.currencies, currency)
	case FieldCountry:
		return judgeCode(value, st.Country, st.shipTo, country)
	default:
		return st.languages.match(value, language)
	}
}

func judgeCode(value, own string, offered map[string]struct{}, read func(string) (string, Reason)) (string, Reason) {
	if value == own {
		return value, accepted // also a currency that has been withdrawn
	}
	if _, ok := offered[value]; ok {
		return value, accepted // the common case: an offered code, in the spelling of the set
	}
	code, reason := read(value)
	if reason != accepted {
		if strings.EqualFold(value, own) {
			return own, accepted
		}
		return "", reason
	}
	if _, ok := offered[code]; !ok && offered != nil {
		return "", ReasonNotOffered
	}
	return code, accepted
}
