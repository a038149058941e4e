package sessionctx

import (
	"context"
	"fmt"
	"time"

	"github.com/sessionctx/storefront/internal/nearcache"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// The generation of a customer is a random number in the customer's record: 0 until the first
// EndAll. Every session of the customer remembers the generation of its login, and has ended if
// that is not the present one.

func generationKey(tenant, customerID string) nearcache.Key {
	return nearcache.Key{Tenant: tenant, ID: customerID, Kind: store.KindCustomer}
}

// generationSince returns the entry of the customer's record. If since is 0, the entry may come
// from the near-cache. Otherwise its load began at since or later, because another process may have
// changed the generation, and this process may not know it yet. After such a load the near-cache
// uses nothing that depends on an older generation.
func (r *Resolver) generationSince(ctx context.Context, tenant, customerID string, since int64) (*entry, error) {
	key := generationKey(tenant, customerID)
	return r.near.Get(ctx, &key, r.near.Hash(&key), nearcache.Want{Since: since})
}

// customerRecord returns the record of generationSince, not its entry.
func (r *Resolver) customerRecord(ctx context.Context, tenant, customerID string, since int64) (rec store.Record, err error) {
	e, err := r.generationSince(ctx, tenant, customerID, since)
	if err != nil {
		return rec, err
	}
	return e.Record(), nil
}

// prefetchGeneration begins to load the generation that ownership will ask for, so that it is under
// way together with the record.
func (r *Resolver) prefetchGeneration(ctx context.Context, tenant, customerID string) {
	key := generationKey(tenant, customerID)
	r.near.Prefetch(ctx, &key, r.near.Hash(&key))
}

// ownershipForWrite applies the rules of ownership for a write. Another process may have called
// EndAll and then logged the customer in again, while the near-cache still holds the old
// generation. A write must not take this live session for one that has ended, so a session counts
// as ended only after the generation was read again from the Store, unless this is a preview. If
// the session has ended, endedAt is when.
func (r *Resolver) ownershipForWrite(ctx context.Context, req *Request, rec *store.Record, preview bool) (_ ownership, endedAt time.Time, err error) {
	for since := int64(0); ; since = r.near.Now() {
		var customer store.Record
		present := func(customerID string) (_ int64, err error) {
			customer, err = r.customerRecord(ctx, req.Tenant, customerID, since)
			return customer.Generation, err
		}
		own, err := ownershipOf(&req.Identity, rec, present)
		switch {
		case err != nil:
			return own, endedAt, err
		case !own.byEndAll:
			return own, rec.ModifiedAt, nil
		case preview || since != 0:
			return own, customer.ModifiedAt, nil
		}
	}
}

// owned is the record of a session, and what it is to an identity.
type owned struct {
	ownership
	entry      *entry // depends on the generation, too, if there is one
	record     store.Record
	generation *entry // of the record's customer; nil: it was not needed
}

// loadOwned loads the record that req names, and applies the rules of ownership. For a request that
// names no session the entry depends on none.
func (r *Resolver) loadOwned(ctx context.Context, key *nearcache.Key, hash uint64, req *Request, want nearcache.Want) (own owned, err error) {
	if req.SessionID == "" {
		own.entry = r.near.Empty(*key)
		own.ownership = ownership{customerID: req.asserted()}
		return own, nil
	}
	if key.View != "" && want.Since == 0 {
		r.prefetchGeneration(ctx, key.Tenant, key.View)
	}
	if own.entry, err = r.near.Get(ctx, key, hash, want); err != nil {
		return own, err
	}
	own.record = own.entry.Record()
	if want.Accept != nil && !want.Accept(&own.record) {
		return own, fmt.Errorf("%w: its version is %d, version %d was asked for", ErrNotFound, own.record.Version, req.AtLeast.Version)
	}
	present := func(customerID string) (_ int64, err error) {
		since := want.Since
		if since != 0 && key.View == "" { // the customer was not known before
			since = r.near.Now()
		}
		if own.generation, err = r.generationSince(ctx, req.Tenant, customerID, since); err != nil {
			return 0, err
		}
		// Without a view the entry depends on no customer yet. A fresh read of the generation has
		// moved the customer's stamp on.
		if key.View == "" || since != 0 {
			own.entry = own.entry.DependsOn(own.generation.Stamp())
		}
		return own.generation.Record().Generation, nil
	}
	own.ownership, err = ownershipOf(&req.Identity, &own.record, present)
	return own, err
}

// ownershipForLogin applies the rules of ownership for a login of req.CustomerID, and returns the
// customer's record. The generations are read fresh: a new session that remembered a generation
// from before an EndAll of another process would have ended already. One read decides both what the
// old session is and which generation the new one remembers, because an EndAll could come between
// two reads.
func (r *Resolver) ownershipForLogin(ctx context.Context, req *Request, rec *store.Record) (own ownership, customer store.Record, err error) {
	if customer, err = r.customerRecord(ctx, req.Tenant, req.CustomerID, r.near.Now()); err != nil {
		return own, customer, err
	}
	present := func(customerID string) (int64, error) {
		if customerID == req.CustomerID {
			return customer.Generation, nil
		}
		other, err := r.customerRecord(ctx, req.Tenant, customerID, r.near.Now())
		return other.Generation, err
	}
	own, err = ownershipOf(&req.Identity, rec, present)
	return own, customer, err
}
