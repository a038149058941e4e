package sessionctx

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// unknownBase stands for a base that the record never had. It is lower than every version, so every
// field counts as changed since.
const unknownBase = -1

// baseOf returns the version that a write is based on, or unknownBase. conflicts compares it with
// the versions at which the fields were last changed.
func baseOf(base Revision, cur *store.Record) int64 {
	switch {
	case base == Revision{}: // there was no record: every field that has been set since conflicts
		return 0
	case base.Incarnation != 0 && base.Incarnation != cur.Incarnation, base.Version < cur.First, base.Version > cur.Version:
		return unknownBase
	}
	return base.Version
}

// conflicts reports whether a field or attribute that p touches has changed since the revision that
// p is based on, and names those fields as ConflictError.Fields does. Versions decide, not values.
// An unknown base always conflicts. cartConflicts decides about the cart.
func (p *Patch) conflicts(cur *store.Record) (fields []string, found bool) {
	if p.Base == nil {
		return nil, false
	}
	base := baseOf(*p.Base, cur)
	for f, c := range p.fields() {
		if c.set && cur.Changed[f] > base {
			fields = append(fields, defaults.Field(f).String())
		}
	}
	if p.attributesConflict(cur, base) {
		fields = append(fields, conflictAttributes)
	}
	if base == unknownBase && p.CartID.set {
		fields = append(fields, conflictCart)
	}
	return fields, base == unknownBase || len(fields) > 0
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

// cartConflicts reports whether the cart at a site, which p touches, has changed since the revision
// that p is based on.
func (p *Patch) cartConflicts(cur *store.Record, site string) bool {
	if p.Base == nil {
		return false
	}
	base := baseOf(*p.Base, cur)
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
