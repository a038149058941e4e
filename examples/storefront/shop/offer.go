package shop

import (
	"slices"
	"strings"
	"sync"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/defaults/codes"
)

// offer is what a shopper may choose for a field. all: everything that is a code is offered, the
// values are those to show.
type offer struct {
	values []string
	all    bool
}

// offered returns what a site offers for a field, and for FieldSite the sites that serve.
func offered(f defaults.Field, site defaults.Site, sites []defaults.Site) offer {
	switch f {
	case defaults.FieldSite:
		var open offer
		for _, s := range sites {
			if !s.Inactive {
				open.values = append(open.values, s.Code)
			}
		}
		return open
	case defaults.FieldCurrency:
		return restricted(site.Currencies, site.Currency, allCurrencies)
	case defaults.FieldCountry:
		return restricted(site.ShipTo, "", allCountries)
	default:
		return restricted(site.Languages, site.Language, func() []string { return widelyRead })
	}
}

// restricted returns what a list of a site means: without any entry there is no restriction, and
// own is always offered.
func restricted(list []string, own string, all func() []string) offer {
	if len(list) == 0 {
		return offer{values: all(), all: true}
	}
	if own == "" || slices.Contains(list, own) {
		return offer{values: list}
	}
	return offer{values: append([]string{own}, list...)}
}

var allCurrencies = sync.OnceValue(func() []string { return known(3, codes.Currency) })

var allCountries = sync.OnceValue(func() []string { return known(2, codes.Country) })

// known returns all codes of so many letters that are known.
func known(letters int, canonical func(string) (string, bool)) []string {
	var found []string
	var extend func(prefix string)
	extend = func(prefix string) {
		if len(prefix) == letters {
			if code, ok := canonical(prefix); ok {
				found = append(found, code)
			}
			return
		}
		for c := 'A'; c <= 'Z'; c++ {
			extend(prefix + string(c))
		}
	}
	extend("")
	return found
}

// widelyRead is what a site shows that names no languages: no list of all is of use to a shopper.
var widelyRead = strings.Fields(`ar bg bn ca cs da de el en es et fa fi fr he hi hr hu id is it ja ko lt lv ms nb nl pl pt pt-BR
	ro ru sk sl sr sv sw ta th tr uk ur vi zh zh-Hant`)
