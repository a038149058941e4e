package sessionctx

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// Login makes the session a customer's. The choices, the carts and the attributes survive; under
// LoginPolicy PreferProfile the choices from before the login rank below the profile. From then on the
// anonymous identity reads and changes nothing of the session.
//
// A BySecret identity gets a new random id: look at Session.ID. The old id is dead, but a second login of the
// same customer with it finds the new session, for an hour: a double click, or an answer that was lost. A
// session of another customer is ended, and the new one keeps its four choices alone. An Asserted identity
// keeps its id; the error is ErrNotFound if the session has ended or is another customer's: that takes End
// and a new id. The other errors are those of Update.
func (r *Resolver) Login(ctx context.Context, req Request, customerID string) (Session, error) {
	leave, err := r.enter(&req)
	if err != nil {
		return Session{}, err
	}
	defer leave()
	customerID = strings.Clone(customerID) // as in Identity.cloneStrings
	b, cancel := r.bound(ctx)
	defer cancel()
	switch {
	case customerID == "" || len(customerID) > maxID:
		return Session{}, fmt.Errorf("%w: a customer id has 1 to %d bytes, this one has %d", ErrNotFound, maxID, len(customerID))
	case req.Proof == BySecret:
		s, err := r.loginBySecret(&b, &req, customerID)
		return s, b.final(err)
	case req.Proof == Management:
		return Session{}, fmt.Errorf("%w: an operator cannot log in as a customer", ErrNotFound)
	case req.SessionID == "":
		return Session{}, fmt.Errorf("%w: the identity names no session", ErrNotFound)
	case req.CustomerID != "" && req.CustomerID != customerID:
		return Session{}, fmt.Errorf("%w: the identity is another customer's", ErrNotFound)
	}
	req.CustomerID = customerID
	var c change
	_, _, err = r.compareAndSet(&b, r.cacheKey(&req), func(cur *store.Record) (next store.Record, write bool, err error) {
		c, err = r.login(&b, &req, customerID, cur)
		if err == nil && c.own.state != live && c.own.state != absent {
			err = ErrNotFound
		}
		return c.next, true, err
	})
	if err != nil {
		r.buryEnded(&b, &req, &c)
		return Session{}, b.final(err)
	}
	s := r.sessionOf(&req, &c.next, false, customerID, &c.d)
	r.notifyChange(ctx, &req, &c.cur, s)
	return s, nil
}

// login decides what a login makes of cur: c.next is the customer's record.
func (r *Resolver) login(b *bound, req *Request, customerID string, cur *store.Record) (c change, err error) {
	if c.d, err = r.dependenciesOf(b, req.Tenant, customerID); err != nil {
		return c, err
	}
	// The generations are read fresh: a session that remembered one from before an EndAll of another process
	// would be dead from the beginning. And one reading decides both what the old session is and what the new
	// one remembers: between two, an EndAll could fall.
	g, err := r.freshGeneration(b, req.Tenant, customerID)
	if err != nil {
		return c, unavailable(b, err)
	}
	customer := g.Record()
	c.own = ownershipOf(&req.Identity, cur)
	if of := c.own.generationOf; of != "" {
		theirs := customer
		if of != customerID {
			if g, err = r.freshGeneration(b, req.Tenant, of); err != nil {
				return c, unavailable(b, err)
			}
			theirs = g.Record()
		}
		c.own = c.own.confirm(cur, theirs.Generation)
	}
	now := time.Now()
	own := cur.CustomerID == "" || cur.CustomerID == customerID
	switch {
	case c.own.state != live:
		c.next = newRecord(req.Tenant, req.Proof == BySecret, now)
	case own:
		c.cur, c.next = *cur, *cur
	default: // by secret, of another customer
		c.cur = *cur
		c.next = newRecord(req.Tenant, true, now)
	}
	if err := nextVersion(&c.next, now); err != nil {
		return c, err
	}
	if c.own.state == live && !own {
		copyChoices(&c.next, cur.Choices)
	}
	if c.next.CustomerID != customerID {
		assignCustomer(&c.next, customerID, customer.Generation, c.next.Version)
	}
	r.cfg.setExpiry(&c.next, now)
	if customer.Ended { // erased, and back
		err = r.saveCustomer(b, req.Tenant, customerID, func(rec *store.Record) { rec.Ended = false })
	}
	return c, err
}

// loginBySecret saves the customer's record under a new id, and then puts a tombstone in the place of the old
// one, which remembers the new id as its heir. If the tombstone meets a write to the old session, the new
// record is saved again with what that write left. A process that dies in between leaves a record under an id
// that nobody has.
func (r *Resolver) loginBySecret(b *bound, req *Request, customerID string) (Session, error) {
	old := *req
	var was *saving
	var cur store.Record
	var err error
	if old.SessionID != "" {
		if was, err = r.beginSave(b, r.cacheKey(&old)); err != nil {
			return Session{}, err
		}
		defer was.end()
		if cur, err = was.load(); err != nil {
			return Session{}, err
		}
	}
	req.SessionID = newSecretID()
	w, err := r.beginSave(b, r.cacheKey(req))
	if err != nil {
		return Session{}, err
	}
	defer w.end()

	var next store.Record
	for range saveTries {
		if s, found, err := r.heirOf(b, &old, customerID, &cur); err != nil || found {
			if err == nil && next.Exists() {
				r.discard(w, &next) // a parallel login was quicker, and nothing is copied twice
			}
			return s, err
		}
		c, err := r.login(b, &old, customerID, &cur)
		if err != nil {
			return Session{}, err
		}
		if was != nil && was.lost(&cur) { // and with it, maybe, the EndAll after which nothing may survive
			if cur, err = was.load(); err != nil {
				return Session{}, err
			}
			continue
		}
		base := next.Revision()
		if next.Exists() { // saved by a try before
			c.next.Incarnation, c.next.First = base.Incarnation, next.First
			c.next.Version = base.Version + 1
		}
		saved, applied, err := w.save(c.next, base)
		if err != nil {
			return Session{}, err
		}
		if !applied {
			return Session{}, fmt.Errorf("%w: a new random id was taken; nothing was written", ErrUnavailable)
		}
		next = saved
		if c.own.state != live || r.replaceByTombstone(was, &cur, sealHeir(old.SessionID, req.Tenant, customerID, req.SessionID)) {
			r.buryEnded(b, &old, &c)
			s := r.sessionOf(req, &next, false, customerID, &c.d)
			r.notifyChange(b.caller, &old, &c.cur, s)
			return s, nil
		}
	}
	return Session{}, fmt.Errorf("%w: %d tries met other writes", ErrUnavailable, saveTries)
}

// replaceByTombstone puts a tombstone in the place of the old session. It reports false if another write was
// quicker, which cur is then. A login whose new record is saved has succeeded, whatever becomes of the
// tombstone: an error is logged.
func (r *Resolver) replaceByTombstone(was *saving, cur *store.Record, heir []byte) (done bool) {
	tombstone := *cur
	now := time.Now()
	err := nextVersion(&tombstone, now)
	if err == nil {
		r.cfg.tombstone(&tombstone, now)
		tombstone.Heir = heir
		var applied bool
		var stored store.Record
		if stored, applied, err = was.save(tombstone, cur.Revision()); err == nil {
			*cur = stored
			return applied
		}
	}
	r.cfg.Logger.LogAttrs(was.b, slog.LevelWarn, "sessionctx: login succeeded, but the old session could not be ended",
		slog.String("tenant", tombstone.Tenant), slog.Any("error", err))
	return true
}

// heirOf returns the session that goes on in the place of a tombstone, if it is this customer's and live.
func (r *Resolver) heirOf(b *bound, req *Request, customerID string, tombstone *store.Record) (s Session, found bool, err error) {
	id, rec := req.SessionID, *tombstone
	for range maxHeirs {
		if !rec.Ended || len(rec.Heir) == 0 {
			return s, false, nil
		}
		heir, ok := openHeir(id, req.Tenant, customerID, rec.Heir)
		if !ok {
			return s, false, nil
		}
		id = heir
		next := *req
		next.SessionID = id
		key := r.cacheKey(&next)
		if rec, err = r.near.Reload(b.saving, key); err != nil {
			return s, false, b.nothingWritten(err)
		}
		if !rec.Exists() || rec.Ended {
			continue
		}
		own, _, err := r.ownershipForWrite(b, &next, &rec, false)
		if err != nil {
			return s, false, unavailable(b, err)
		}
		if own.state != live || own.customerID != customerID {
			return s, false, nil
		}
		d, err := r.dependenciesOf(b, req.Tenant, customerID)
		if err != nil {
			return s, false, err
		}
		return r.sessionOf(&next, &rec, false, customerID, &d), true, nil
	}
	return s, false, nil
}

// discard ends a session that nobody has the id of.
func (r *Resolver) discard(w *saving, rec *store.Record) {
	now := time.Now()
	tombstone := *rec
	if nextVersion(&tombstone, now) == nil {
		r.cfg.tombstone(&tombstone, now)
		_, _, _ = w.save(tombstone, rec.Revision()) // or else it expires
	}
}
