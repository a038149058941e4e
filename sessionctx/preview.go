package sessionctx

import (
	"context"

	"github.com/sessionctx/storefront/defaults"
)

// Explanation is a session, and for every value the candidates that were passed over before it.
type Explanation struct {
	Session  Session
	Rejected []defaults.Rejection
	// Input is what the values were computed from, besides the sites: choices, profile and hints.
	// Its Customer is shared with a cache and must not be changed.
	Input defaults.Input
}

// Preview says what Update would do now, and why; the zero Patch explains the present. It writes
// nothing, and makes no id. Its errors are those of Update.
func (r *Resolver) Preview(ctx context.Context, req Request, p Patch) (Explanation, error) {
	leave, err := r.enter(&req)
	if err != nil {
		return Explanation{}, err
	}
	defer leave()
	if err := r.cfg.checkPatch(&p); err != nil {
		return Explanation{}, err
	}
	key := r.cacheKey(&req)
	hash, profileOf := r.hash(&key, &req), req.asserted()
	want, err := r.want(&key, &req)
	if err != nil {
		return Explanation{}, unavailable(ctx, err)
	}
	started := r.near.Now()
	for try := 1; ; try++ {
		before, err := r.dependenciesOf(ctx, req.Tenant, profileOf) // first, as in Resolve
		if err != nil {
			return Explanation{}, err
		}
		begun := r.near.Now()
		if req.Fresh {
			want.Since = begun
		}
		own, err := r.loadOwned(ctx, &key, hash, &req, want)
		if err != nil {
			return Explanation{}, unavailable(ctx, err)
		}
		c, err := r.change(ctx, &req, &p, &own.record, true)
		if err != nil {
			return Explanation{}, err
		}
		own.ownership = c.own
		consistent, err := r.consistent(ctx, &own, &c.d, &before, begun, rereads(&req, try))
		if err != nil {
			return Explanation{}, unavailable(ctx, err)
		}
		if profileOf = c.own.customerID; !consistent && r.lastTry(try, started) {
			return Explanation{}, errChanging
		} else if !consistent {
			continue
		}
		in := r.input(&req, &c.next, c.own.customerID, &c.d)
		_, rejected := c.d.sites.Value.table.Explain(in)
		s := r.sessionAfter(&req, &c, &c.next)
		if c.newID { // sessionAfter shows a guest, because there is no id yet
			s.CartID, s.attributes = cartAt(&c.next, s.Site), c.next.Attributes
		}
		return Explanation{Session: s, Rejected: rejected, Input: in}, nil
	}
}
