package sessionctx

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Login makes the session a customer's. What the shopper chose survives, unless Config.LoginPolicy says otherwise; cart and
// attributes survive. It always writes a record: from then on the anonymous identity reads and changes nothing of it.
//
// A BySecret identity gets a new random id: look at Session.ID. The old id is dead. A session of
// another customer is ended, and the new one keeps its four choices alone. An Asserted identity keeps its id; it is
// ErrNotFound if the session has ended or is another customer's: that takes End and a new id. The other errors are those of Update.
func (r *Resolver) Login(ctx context.Context, req Request, customerID string) (Session, error) {
	leave, err := r.enter(&req)
	if err != nil {
		return Session{}, err
	}
	defer leave()
	customerID = strings.Clone(customerID) // as in Identity.own
	switch {
	case customerID == "" || len(customerID) > maxID:
		return Session{}, fmt.Errorf("%w: a customer id has 1 to %d bytes, this one has %d", ErrNotFound, maxID, len(customerID))
	case req.Proof == BySecret:
		return r.loginBySecret(ctx, &req, customerID)
	case req.Proof == Management:
		return Session{}, fmt.Errorf("%w: an operator cannot log in as a customer", ErrNotFound)
	case req.SessionID == "":
		return Session{}, fmt.Errorf("%w: the identity names no session", ErrNotFound)
	case req.CustomerID != "" && req.CustomerID != customerID:
		return Session{}, fmt.Errorf("%w: the identity is another customer's", ErrNotFound)
	}
	req.CustomerID = customerID
	var c change
	_, _, err = r.commit(ctx, req.key(), noStripe, func(cur *Record) (next Record, write bool, err error) {
		c, err = r.login(ctx, &req, customerID, cur)
		if err == nil && c.st.state != live && c.st.state != absent {
			err = ErrNotFound
		}
		return c.next, true, err
	})
	if err != nil {
		return Session{}, err
	}
	r.vouch(c.st)
	s := r.compose(&req, &c.next, false, customerID, &c.p)
	r.committed(ctx, &req, &c.cur, s)
	return s, nil
}

// login decides what a login makes of cur: c.next is the customer's record.
func (r *Resolver) login(ctx context.Context, req *Request, customerID string, cur *Record) (c change, err error) {
	now := *req // a session that remembered a generation from before an EndAll in another process would be dead from the beginning
	now.Freshness = FreshRead
	req = &now
	if c.st, err = r.stand(ctx, req, cur); err != nil {
		return c, unavailable(ctx, err)
	}
	if c.p, err = r.surroundings(ctx, req.Tenant, standing{customerID: customerID}); err != nil {
		return c, err
	}
	// One reading of the generation decides what the old session is and what the new one remembers: between two an
	// EndAll could fall, and the new session would carry on what that has ended.
	g := c.st.generation
	if g == nil || cur.CustomerID != customerID {
		if g, err = r.generation(ctx, req.Tenant, customerID, req.Freshness); err != nil {
			return c, unavailable(ctx, err)
		}
	}
	c.st.anew = g
	if c.st.state == live {
		c.cur = *cur
	}
	if req.Proof != BySecret {
		c.next = c.cur
	}
	if err := r.revise(&c.next, req); err != nil {
		return c, err
	}
	if req.Proof == BySecret {
		inherit(&c.next, cur, c.st.state, customerID, g.more().generation())
	}
	if c.next.CustomerID != customerID {
		r.adopt(&c.next, customerID, g.more().generation(), c.p.profile)
	}
	r.renew(&c.next)
	return c, nil
}

// inherit gives the first version of a new record what it takes along from the session that it succeeds.
func inherit(next, old *Record, st state, customerID string, generation int64) {
	own := old.CustomerID == "" || old.CustomerID == customerID && old.Generation == generation
	switch {
	case own && (st == live || st == ended && old.Ended): // ended by a login a moment ago, else its tombstone holds nothing
		carry(next, old.Choices)
		if id := cartOf(old); id != "" {
			setCart(next, id)
		}
		next.Attributes = slices.Clone(old.Attributes)
		for i := range next.Attributes {
			next.Attributes[i].Changed = next.Version
		}
	case st == live:
		carry(next, old.Choices)
	}
}

// loginBySecret saves the customer's record under a new id, and then puts a tombstone in the place of the old one. If that meets a
// write to the old session, the new record is saved again with what that write left. Whoever dies in between leaves a
// record under an id that nobody has.
func (r *Resolver) loginBySecret(ctx context.Context, req *Request, customerID string) (Session, error) {
	old, oldID := *req, req.SessionID
	var was *writer
	var cur Record
	var epoch uint32 // in which it was read
	var err error
	if oldID != "" {
		if was, err = r.begin(old.key()); err != nil {
			return Session{}, err
		}
		defer was.end()
		epoch = was.epoch
		if cur, err = was.load(ctx); err != nil {
			return Session{}, err
		}
	}
	req.SessionID = newSecretID()
	w, err := r.begin(req.key())
	if err != nil {
		return Session{}, err
	}
	defer w.end()

	var next Record
	for range commitTries {
		c, err := r.login(ctx, &old, customerID, &cur)
		if err != nil {
			return Session{}, err
		}
		if was != nil && was.lost(&cur, epoch) { // and with it, maybe, the EndAll after which nothing may be taken along
			epoch = r.near.epoch.Load()
			if cur, err = was.load(ctx); err != nil {
				return Session{}, err
			}
			continue
		}
		base := next.Revision()
		if next.Exists() {
			c.next.Incarnation, c.next.Version = base.Incarnation, base.Version+1
		}
		saved, applied, err := w.save(ctx, c.next, base)
		if err != nil {
			return Session{}, err
		}
		if !applied {
			return Session{}, fmt.Errorf("%w: a new random id was taken", ErrUnavailable)
		}
		next = saved
		done := true
		if c.st.state == live {
			tombstone, err := r.tombstone(&cur, &old, cur.CustomerID == "" || cur.CustomerID == customerID)
			if err != nil {
				return Session{}, err
			}
			epoch = r.near.epoch.Load()
			if cur, done, err = was.save(ctx, tombstone, cur.Revision()); err != nil {
				return Session{}, err
			}
		}
		if done {
			r.vouch(c.st)
			s := r.compose(req, &next, false, customerID, &c.p)
			r.committed(ctx, &old, &c.cur, s)
			return s, nil
		}
	}
	return Session{}, fmt.Errorf("%w: %d tries met other writes", ErrUnavailable, commitTries)
}
