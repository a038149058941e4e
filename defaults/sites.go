package defaults

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

// List returns the sites that are in force, in the order given, as a copy that is the caller's.
// Codes of active sites are in canonical spelling and each once; what was left out is not in it.
// Where nothing is left of a list that was given, the list holds the site's own value. Inactive
// sites are as they were given.
func (s *Sites) List() []Site {
	list := make([]Site, len(s.list))
	for i, st := range s.list {
		list[i] = clone(st.Site)
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
