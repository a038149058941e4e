package sessionctx

import (
	"context"

	"github.com/sessionctx/storefront/internal/nearcache"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// The generation of a customer is a random number in the customer's record: 0 until the first EndAll. Every
// session of the customer remembers the generation of its login, and has ended if that is not the present
// one.

func generationKey(tenant, customerID string) nearcache.Key {
	return nearcache.Key{Tenant: tenant, ID: customerID, Kind: store.KindCustomer}
}

// generation returns the entry of the customer's record, read not before since.
func (r *Resolver) generation(ctx context.Context, tenant, customerID string, since int64) (*entry, error) {
	key := generationKey(tenant, customerID)
	return r.near.Get(ctx, &key, r.near.Hash(&key), nearcache.Want{Since: since})
}

// knownGeneration is generation with what the near-cache may hold.
func (r *Resolver) knownGeneration(ctx context.Context, tenant, customerID string) (*entry, error) {
	return r.generation(ctx, tenant, customerID, 0)
}

// freshGeneration asks the Store. What this process knows of an older generation is not used after it:
// another process may have moved the generation, of which nothing has told yet.
func (r *Resolver) freshGeneration(ctx context.Context, tenant, customerID string) (*entry, error) {
	key := generationKey(tenant, customerID)
	return r.generation(ctx, tenant, customerID, r.near.Fresh(key.Store()))
}

// prefetchGeneration begins to load the generation that ownership will ask for, so that it is under way
// together with the record.
func (r *Resolver) prefetchGeneration(ctx context.Context, tenant, customerID string) {
	key := generationKey(tenant, customerID)
	r.near.Prefetch(ctx, &key, r.near.Hash(&key))
}
