package defaults

import "slices"

// Sites is the compiled site table of one tenant: immutable, and safe for concurrent use by multiple goroutines.
// It comes from [NewSites]; the zero Sites is of no use.
type Sites struct {
	list   []*storefront
	byCode map[string]*storefront
	def    *storefront
}

// NewSites compiles the sites of one tenant. It copies what it needs and never writes to what it was given.
// The error joins every mistake in the list, each a [*SiteError].
func NewSites(sites []Site) (*Sites, error) {
	if err := validateSites(sites); err != nil {
		return nil, err
	}
	s := &Sites{list: make([]*storefront, len(sites)), byCode: make(map[string]*storefront, len(sites))}
	for i, site := range sites {
		st := newStorefront(site)
		s.list[i] = st
		s.byCode[st.Code] = st
		if st.Default && !st.Inactive {
			s.def = st
		}
	}
	return s, nil
}

// List returns the sites in the order given, codes in canonical spelling and each once, as a copy that is the caller's.
func (s *Sites) List() []Site {
	list := make([]Site, len(s.list))
	for i, st := range s.list {
		list[i] = st.Site
		list[i].Currencies = slices.Clone(st.Currencies)
		list[i].ShipTo = slices.Clone(st.ShipTo)
		list[i].Languages = slices.Clone(st.Languages)
	}
	return list
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
