package sessionctx

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sessionctx/storefront/internal/nearcache"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// Health is the state of what a Resolver depends on.
type Health struct {
	// Store is nil if the Store has answered a read just now. Otherwise reads are degraded and
	// writes fail.
	Store error
	// Lease is Stats.Lease. While it is negative every read asks the Store.
	Lease time.Duration
	// Directory is not nil if a refresh of a tenant's known sites has failed since the last answer
	// about sites, of any tenant. It names the tenant and the cause. What was known before serves
	// for 24 h.
	Directory error
}

// Check asks the Store for a record that is not there, and says how Store, lease and Directory are.
// It takes Config.Timeout at most, and no time at all while the Store hangs. A readiness probe
// should fail for Store alone: with a Directory that fails the server still has the earlier
// answers, and another server has no better ones. It is safe for concurrent use by multiple
// goroutines.
func (r *Resolver) Check(ctx context.Context) Health {
	h := Health{Lease: r.near.Lease()}
	if f := r.sites.Failure(); f != nil {
		h.Directory = chain(ErrUnavailable, "directory", fmt.Sprintf("the last refresh of the sites of %q has failed", f.Key), f.Err)
	}
	if !r.gate.enter() {
		h.Store = ErrClosed
		return h
	}
	defer r.gate.leave()
	if _, err := r.near.Reload(ctx, nearcache.Key{Tenant: "probe", Kind: store.KindCustomer, ID: "check"}); err != nil {
		h.Store = unavailable(ctx, err)
	}
	return h
}

// Warm asks the Directory for the sites of these tenants and waits for the answers, so that no
// request waits for them. A server calls it before it takes requests. The error joins one for each
// tenant without sites: ErrUnknownTenant, or ErrUnavailable.
func (r *Resolver) Warm(ctx context.Context, tenants ...string) error {
	var errs []error
	for _, tenant := range tenants {
		req := Request{Identity: Identity{Tenant: tenant}}
		leave, err := r.enter(&req)
		if err == nil {
			_, err = r.dependenciesOf(ctx, tenant, "")
			leave()
		}
		if err != nil {
			errs = append(errs, chain(fmt.Sprintf("tenant %q", tenant), err))
		}
	}
	return errors.Join(errs...)
}
