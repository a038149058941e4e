package sessionctx

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// baseOf returns the version that a write is based on, to be compared with the versions at which
// the fields changed last. known is false if this record never had the revision: then everything
// may have changed.
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
// p is based on, and names those fields as ConflictError.Fields does. Versions decide, not values.
// cartConflicts decides about the cart.
func (p *Patch) conflicts(cur *store.Record) (fields []string, found bool) {
	if p.Base == nil {
		return nil, false
	}
	base, known := baseOf(*p.Base, cur)
	if known && base == cur.Version {
		return nil, false
	}
	for f, c := range p.fields() {
		if c.set && (!known || cur.Changed[f] > base) {
			fields = append(fields, defaults.Field(f).String())
		}
	}
	if p.touchesAttributes() {
		if !known || p.attributesConflict(cur, base) {
			fields = append(fields, conflictAttributes)
		}
	}
	if !known && p.CartID.set {
		fields = append(fields, conflictCart)
	}
	return fields, !known || len(fields) > 0
}

// The names in ConflictError.Fields, besides those of defaults.Field.
const (
	conflictCart       = "cart"
	conflictAttributes = "attributes"
)

// attributesConflict reports whether an attribute that p touches has changed since base.
func (p *Patch) attributesConflict(cur *store.Record, base int64) bool {
	for name := range p.Attributes {
		if i, ok := findAttribute(cur.Attributes, name); ok && cur.Attributes[i].Changed > base || !ok && cur.RemovedAttributes > base {
			return true
		}
	}
	return p.ReplaceAttributes && (cur.RemovedAttributes > base ||
		slices.ContainsFunc(cur.Attributes, func(a store.Attribute) bool { return a.Changed > base }))
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

// maxConflicts bounds what Resolver.Conflicts returns.
const maxConflicts = 32

// conflictLog keeps the last conflicts.
type conflictLog struct {
	mu   sync.Mutex
	last []ConflictError // the oldest first
}

// note keeps err if it is a conflict.
func (l *conflictLog) note(req *Request, err error) {
	var c *ConflictError
	if !errors.As(err, &c) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.last) == maxConflicts {
		l.last = slices.Delete(l.last, 0, 1)
	}
	l.last = append(l.last, ConflictError{Fields: slices.Clone(c.Fields), Tenant: req.Tenant, At: time.Now()})
}

// Conflicts returns the last writes of this process that were refused with a *ConflictError, 32 at
// most, the newest first. An element says what two writers wanted at once and when, not whose
// session it was: its Revision is zero. Stats.Conflicts counts something else: compare-and-sets,
// most of which are retried with success. It is safe for concurrent use by multiple goroutines.
func (r *Resolver) Conflicts() []ConflictError {
	l := &r.conflicts
	l.mu.Lock()
	defer l.mu.Unlock()
	all := slices.Clone(l.last)
	slices.Reverse(all)
	for i := range all {
		all[i].Fields = slices.Clone(all[i].Fields)
	}
	return all
}
