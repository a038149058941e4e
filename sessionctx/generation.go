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

// generationSince returns the entry of the customer's record. The load of the record began at since
// or later.
func (r *Resolver) generationSince(ctx context.Context, tenant, customerID string, since int64) (*entry, error) {
	key := generationKey(tenant, customerID)
	return r.near.Get(ctx, &key, r.near.Hash(&key), nearcache.Want{Since: since})
}

// generation returns the entry of the customer's record, from the near-cache if the entry there is
// valid.
func (r *Resolver) generation(ctx context.Context, tenant, customerID string) (*entry, error) {
	return r.generationSince(ctx, tenant, customerID, 0)
}

// freshGeneration reads the generation from the Store. Another process may have changed it, and
// this process may not know it yet. After the read, nothing that depends on an older generation is
// used.
func (r *Resolver) freshGeneration(ctx context.Context, tenant, customerID string) (*entry, error) {
	return r.generationSince(ctx, tenant, customerID, r.near.Now())
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
// as ended only after the generation was read again from the Store, unless this is a preview.
// endedAt is when the session ended, if it did.
func (r *Resolver) ownershipForWrite(ctx context.Context, req *Request, rec *store.Record, preview bool) (own ownership, endedAt time.Time, err error) {
	own = ownershipOf(&req.Identity, rec)
	if own.generationOf == "" {
		return own, rec.ModifiedAt, nil
	}
	g, err := r.generation(ctx, req.Tenant, own.generationOf)
	if err != nil {
		return own, endedAt, err
	}
	customer := g.Record()
	if confirmed := own.confirm(rec, customer.Generation); confirmed.state != ended || preview {
		return confirmed, customer.ModifiedAt, nil
	}
	if g, err = r.freshGeneration(ctx, req.Tenant, own.generationOf); err != nil {
		return own, endedAt, err
	}
	customer = g.Record()
	return own.confirm(rec, customer.Generation), customer.ModifiedAt, nil
}

// owned is the record of a session, and what it is to an identity.
type owned struct {
	ownership
	entry      *entry // depends on the generation, too, if there is one
	record     store.Record
	generation *entry // of the record's customer; nil: not asked for
}

// loadOwned loads the record that req names, and applies the rules of ownership. For a request that
// names no session the entry depends on none.
func (r *Resolver) loadOwned(ctx context.Context, key *nearcache.Key, hash uint64, req *Request, want nearcache.Want) (own owned, err error) {
	if req.SessionID == "" {
		own.entry = r.near.Empty(*key)
		own.ownership = ownership{id: &req.Identity, customerID: req.asserted()}
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
	own.ownership = ownershipOf(&req.Identity, &own.record)
	if own.generationOf == "" {
		return own, nil
	}
	if want.Since != 0 && key.View == "" { // the customer was not known before
		own.generation, err = r.freshGeneration(ctx, req.Tenant, own.generationOf)
	} else {
		own.generation, err = r.generationSince(ctx, req.Tenant, own.generationOf, want.Since)
	}
	if err != nil {
		return own, err
	}
	g := own.generation.Record()
	own.ownership = own.confirm(&own.record, g.Generation)
	// Without a view the entry depends on no customer yet. A fresh read of the generation has moved
	// the customer's stamp on.
	if key.View == "" || want.Since != 0 {
		own.entry = own.entry.DependsOn(own.generation.Stamp())
	}
	return own, nil
}

// ownershipForLogin applies the rules of ownership for a login, and returns the record of the
// customer who logs in. The generations are read fresh: a session that remembered one from before
// an EndAll of another process would be dead from the beginning. One read decides both what the old
// session is and what the new one remembers: an EndAll could come between two reads.
func (r *Resolver) ownershipForLogin(ctx context.Context, req *Request, customerID string, rec *store.Record) (own ownership, customer store.Record, err error) {
	own = ownershipOf(&req.Identity, rec)
	g, err := r.freshGeneration(ctx, req.Tenant, customerID)
	if err != nil {
		return own, customer, err
	}
	customer = g.Record()
	generation := customer.Generation
	if own.generationOf != "" && own.generationOf != customerID {
		if g, err = r.freshGeneration(ctx, req.Tenant, own.generationOf); err != nil {
			return own, customer, err
		}
		other := g.Record()
		generation = other.Generation
	}
	return own.confirm(rec, generation), customer, nil
}
