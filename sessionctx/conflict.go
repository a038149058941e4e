package sessionctx

import (
	"slices"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// baseOf returns the version that a write is based on, for a comparison with the versions that
// fields remember. known is false if this record never had the revision: then everything may have
// changed.
func baseOf(base Revision, cur *store.Record) (version int64, known bool) {
	switch {
	case base == Revision{}: // there was no record: every field that has been set since conflicts
		return 0, true
	case !cur.Exists(), base.Incarnation != 0 && base.Incarnation != cur.Incarnation:
		return 0, false
	}
	return base.Version, base.Version >= cur.First && base.Version <= cur.Version
}

// conflicts reports whether a field or attribute that p touches has changed since the revision that
// p is based on. It is judged by version and not by value. The cart is judged by cartConflicts.
func (p *Patch) conflicts(cur *store.Record) bool {
	if p.Base == nil {
		return false
	}
	base, known := baseOf(*p.Base, cur)
	switch {
	case !known:
		return true
	case base == cur.Version:
		return false
	}
	for f, c := range p.fields() {
		if c.set && cur.Changed[f] > base {
			return true
		}
	}
	for name := range p.Attributes {
		if i, ok := findAttribute(cur.Attributes, name); ok && cur.Attributes[i].Changed > base || !ok && cur.RemovedAttributes > base {
			return true
		}
	}
	if p.ReplaceAttributes {
		return cur.RemovedAttributes > base ||
			slices.ContainsFunc(cur.Attributes, func(a store.Attribute) bool { return a.Changed > base })
	}
	return false
}

// cartConflicts reports whether the cart at a site has changed since the revision that p is based
// on.
func (p *Patch) cartConflicts(cur *store.Record, site string) bool {
	if p.Base == nil || !p.CartID.set {
		return false
	}
	base, known := baseOf(*p.Base, cur)
	if !known || base == cur.Version {
		return !known
	}
	if i, ok := findCart(cur.Carts, site); ok {
		return cur.Carts[i].Changed > base
	}
	return cur.RemovedCarts > base
}
