package sessionctx

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// EndAll ends every session of a customer, on every device and in every process: it gives the
// customer a new generation, and a session remembers the generation of its login. The end holds at
// once in this process, and within the Store's lease in others.
//
// It does not end a session that was never written (an asserted identity without a Login or a
// write), because nothing remembers its generation: let its token expire. A login under way at the
// same time may be ended with the rest. Another process may have logged the customer in, and this
// process may not know it yet. For less than the lease, an identity that does not name the customer
// (a guest's token, Management) still sees that session as it was before the login.
//
// EndAll looks up neither the tenant nor the customer: an unknown one is no error. ErrUnknownTenant
// and ErrNotFound say that the tenant's or the customer's id is malformed, ErrUnavailable and
// ErrFull that nothing was ended, ErrUnknownOutcome that nobody knows.
func (r *Resolver) EndAll(ctx context.Context, tenant, customerID string) error {
	return r.endAll(ctx, tenant, customerID, false)
}

// endAll gives the customer a new generation. With erase the customer's record becomes a tombstone.
func (r *Resolver) endAll(ctx context.Context, tenant, customerID string, erase bool) error {
	req := Request{Identity: Identity{Tenant: tenant, CustomerID: customerID, Proof: Asserted}}
	leave, err := r.enter(&req)
	if err != nil {
		return err
	}
	defer leave()
	if customerID == "" {
		return fmt.Errorf("%w: the customer id has 0 bytes: it must have 1 to %d", ErrNotFound, maxID)
	}
	b, cancel := r.newBudget(ctx)
	defer cancel()
	err = r.saveCustomer(&b, tenant, customerID, func(rec *store.Record) {
		// Random, not a count: where a store has lost this record, the next count would be one that
		// older sessions remember.
		rec.Generation = 1 + rand.Int64N(math.MaxInt64)
		rec.Ended = rec.Ended || erase
	})
	return b.final(err)
}

// saveCustomer edits the record of a customer.
func (r *Resolver) saveCustomer(b *budget, tenant, customerID string, edit func(*store.Record)) error {
	_, _, err := r.compareAndSet(b, generationKey(tenant, customerID), func(cur *store.Record) (store.Record, bool, error) {
		now := time.Now()
		next := *cur
		if !next.Exists() {
			next = newRecord(tenant, false, now)
		}
		err := nextVersion(&next, now)
		edit(&next)
		return next, err == nil, err
	})
	return err
}
