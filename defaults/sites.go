package defaults

import (
	"maps"
	"slices"

	"github.com/sessionctx/storefront/defaults/codes"
)

// Sites is the compiled site table of one tenant: immutable, and safe for concurrent use by
// multiple goroutines. It comes from [NewSites] or [CompileSites]; the zero Sites is of no use.
type Sites struct {
	list   []*storefront
	byCode map[string]*storefront // the active site of a code, else the first inactive one
	def    *storefront
	extra  extraCurrencies
	// unrestricted offers every code that is known.
	unrestricted *storefront
}

// List returns the sites that are in force, in the order given, as a copy that is the caller's. The
// codes of active sites are in canonical spelling, and each is in its list once. Sites and codes
// that were left out are missing. If nothing is left of a list that was given, it holds the site's
// own value. Inactive sites are as they were given.
func (s *Sites) List() []Site {
	list := make([]Site, len(s.list))
	for i, st := range s.list {
		list[i] = clone(st.Site)
	}
	return list
}

// Site returns the site of that code as [Sites.List] has it, as a copy that is the caller's. ok is
// false for a code that no site in force has; an inactive site is in force.
func (s *Sites) Site(code string) (site Site, ok bool) {
	st, ok := s.byCode[code]
	if !ok {
		return Site{}, false
	}
	return clone(st.Site), true
}

// Offered returns what a shopper may choose for a field at a site, in canonical spelling and as a
// copy that is the caller's. [Sites.Check] accepts each of the values. The site's own value comes
// first if the site's list does not contain it; the others are in the order of the list. For
// FieldSite it returns the codes of the active sites, whatever site is.
//
// all says that the site has no list for the field, and takes every code. Then offered has all
// current codes, the extra currencies of the tenant and the site's own value, sorted. A list of all
// languages does not exist: offered then has the site's own language alone. For a site that is
// inactive or not known offered is empty. Safe for concurrent use by multiple goroutines.
func (s *Sites) Offered(site string, f Field) (offered []string, all bool) {
	if f == FieldSite {
		for _, st := range s.list {
			if !st.Inactive {
				offered = append(offered, st.Code)
			}
		}
		return offered, false
	}
	st, reason := s.lookup(site)
	if reason != accepted {
		return nil, false
	}
	switch f {
	case FieldCurrency:
		return withOwn(st.Currencies, st.Currency, func() []string {
			return append(codes.Currencies(), slices.Collect(maps.Keys(s.extra))...)
		})
	case FieldCountry:
		return withOwn(st.ShipTo, st.Country, codes.Countries)
	case FieldLanguage:
		return withOwn(st.Languages, st.Language, func() []string { return nil })
	}
	return nil, false
}

// withOwn returns the list of a site with the site's own value in it, or, where the site has no
// list, every code and the site's own.
func withOwn(list []string, own string, every func() []string) (offered []string, all bool) {
	switch {
	case len(list) == 0:
		offered = every()
		if !slices.Contains(offered, own) {
			offered = append(offered, own) // a currency that has been withdrawn, or a language
		}
		slices.Sort(offered)
		return offered, true
	case slices.Contains(list, own):
		return slices.Clone(list), false
	}
	return append([]string{own}, list...), false
}

// lookup returns the active site of that code, or why there is none.
func (s *Sites) lookup(code string) (*storefront, Reason) {
	st, ok := s.byCode[code]
	switch {
	case !ok:
		return nil, ReasonUnknownSite
	case st.Inactive:
		return nil, ReasonInactiveSite
	}
	return st, accepted
}
