package sessionctx

import (
	"context"
	"fmt"
	"strings"
	"unique"

	"github.com/sessionctx/storefront/defaults"
)

const tenantRule = "must match ^[a-z][a-z0-9]+$ and have 3 to 16 characters"

const maxID = 256 // bytes of a session, customer or cart id

// check judges the form of an identity. What an id looks like is its issuer's business.
func (id *Identity) check() error {
	switch {
	case !defaults.ValidTenant(id.Tenant):
		return fmt.Errorf("%w: %q: %s", ErrUnknownTenant, cut(id.Tenant), tenantRule)
	case len(id.SessionID) > maxID:
		return fmt.Errorf("%w: a session id has at most %d bytes, this one has %d", ErrNotFound, maxID, len(id.SessionID))
	case len(id.CustomerID) > maxID:
		return fmt.Errorf("%w: a customer id has at most %d bytes, this one has %d", ErrNotFound, maxID, len(id.CustomerID))
	case id.Proof > Management:
		return fmt.Errorf("%w: unknown proof %d", ErrNotFound, id.Proof)
	}
	return nil
}

// asserted returns the customer whom id asserts, empty if it asserts none.
func (id *Identity) asserted() string {
	if id.Proof == Asserted {
		return id.CustomerID
	}
	return ""
}

// own makes the identity's tenant and customer id texts of their own: the caller's may be parts of a whole request, and caches keep
// them. A session id is copied where it is kept.
func (id *Identity) own() {
	id.Tenant, id.CustomerID = unique.Make(id.Tenant).Value(), strings.Clone(id.CustomerID)
}

// cut shortens hostile input for an error message.
func cut(s string) string {
	if len(s) > 64 {
		return s[:64]
	}
	return s
}

// state is what a record is to an identity.
type state uint8

const (
	absent  state = iota // there is no record that could be this identity's
	live                 // the record is this identity's
	ended                // the session was ended
	foreign              // the session is somebody else's: it may be neither read nor changed nor ended
)

// standing is how an identity stands to the record under its session id.
type standing struct {
	state      state
	customerID string // whose session it is to this identity: as asserted on an anonymous record, else as recorded
	// generation is that of the record's customer, if the record has one.
	generation *entry
	// anew is the generation that a write read anew and went by, if it did: see vouch.
	anew *entry
}

// session returns the entry of the session that req names. A customer's generation, which stand will ask for, is loaded at the
// same time. customer is the stripe of the customer whom req asserts, noStripe if it asserts none.
func (r *Resolver) session(ctx context.Context, hash uint64, req *Request, customer uint16) (*entry, error) {
	if customer != noStripe && req.Freshness == 0 {
		key, hash := r.generationKey(req.Tenant, req.CustomerID)
		r.near.ahead(ctx, key, hash)
	}
	e, err := r.near.read(ctx, req.key(), hash, req.Freshness, customer)
	if err == nil && req.Freshness > 0 && !req.Freshness.allows(e) {
		err = fmt.Errorf("%w: its version is %d, version %d was asked for", ErrNotFound, e.version, req.Freshness)
	}
	return e, err
}

// stand applies the rules of ownership. It reads the customer's generation where the record has a customer.
func (r *Resolver) stand(ctx context.Context, req *Request, rec *Record) (standing, error) {
	id, asserted := &req.Identity, req.asserted()
	switch {
	case !rec.Exists(), id.Proof == BySecret && !rec.Secret:
		// An id that is no secret proves nothing: to a cookie it is merely unknown.
		return standing{state: absent, customerID: asserted}, nil
	case id.Proof == Asserted && rec.Secret:
		return standing{state: foreign}, nil
	case rec.Ended:
		return standing{state: ended}, nil
	case rec.CustomerID == "":
		return standing{state: live, customerID: asserted}, nil
	case id.Proof == Asserted && rec.CustomerID != asserted:
		return standing{state: foreign}, nil
	}
	g, err := r.generation(ctx, id.Tenant, rec.CustomerID, req.Freshness)
	if err != nil {
		return standing{}, err
	}
	if g.more().generation() != rec.Generation {
		return standing{state: ended, generation: g}, nil
	}
	return standing{state: live, customerID: rec.CustomerID, generation: g}, nil
}

// standToWrite is stand for a write. Of the generation the near-cache may be behind another process, which ended the customer's sessions
// and began this one: a write, least of all an End, must not take a live session for one that has ended.
func (r *Resolver) standToWrite(ctx context.Context, req *Request, rec *Record) (standing, error) {
	st, err := r.stand(ctx, req, rec)
	if err != nil || st.state != ended || st.generation == nil {
		return st, err
	}
	fresh := *req
	fresh.Freshness = FreshRead
	st, err = r.stand(ctx, &fresh, rec)
	st.anew = st.generation
	return st, err
}

// vouch has nobody here take a session that was just written for one that has ended. The write went by a generation that was read anew, if any:
// another process may have moved it, of which nothing has told yet, so what is known of an older one must not be used any more.
func (r *Resolver) vouch(st standing) {
	if st.anew != nil {
		r.near.words.changed(st.anew.stripe)
	}
}

// generation returns the entry of the customer's generation, which is 0 until the first EndAll. AtLeast speaks of the session
// alone.
func (r *Resolver) generation(ctx context.Context, tenant, customerID string, fresh Freshness) (*entry, error) {
	key, hash := r.generationKey(tenant, customerID)
	return r.near.read(ctx, key, hash, min(fresh, 0), noStripe)
}

func (r *Resolver) generationKey(tenant, customerID string) (key Key, hash uint64) {
	return Key{tenant, KindCustomer, customerID}, r.near.hash(KindCustomer, tenant, customerID)
}
