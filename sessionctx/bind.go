package sessionctx

import (
	"context"
	"time"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// Bind makes the anonymous session that a customer's request names the session of the customer,
// under a new random id, and returns the session. It is for the host's own login: an identity with
// HostLogin and a customer. For any other identity, and where nothing is to be bound, it is
// Resolve.
//
// SessionID and GuestID are the two ids of the request. If SessionID names a session of the
// customer already, that session stays. It takes over from the guest's session the choices, the
// carts for sites where it has none, and the attributes that it lacks. If both ids name sessions of
// the customer, the same happens to the session under GuestID. Config.OnChange shows both sessions,
// so that the host can merge carts. The guest's id is then dead. For an hour a request of the same
// customer that still has this id finds the session.
//
// bound says that the session under GuestID has become a part of the returned session, so the
// cookie with GuestID can go. The returned session is Degraded only if nothing was bound. After
// Erase no guest's session becomes the erased customer's: only Login begins a session of that
// customer.
//
// The errors are those of Login and Resolve. After an error keep both cookies, and call Bind again:
// the second call goes on where the first one stopped. Until a session is bound, Resolve shows its
// choices.
func (r *Resolver) Bind(ctx context.Context, req Request) (s Session, bound bool, err error) {
	leave, err := r.enter(&req)
	if err != nil {
		return Session{}, false, err
	}
	defer leave()
	b, cancel := r.newBudget(ctx)
	defer cancel()
	if req.asserted() != "" && req.byHostLogin() {
		if bound, err = r.bind(&b, &req); err != nil {
			return Session{}, false, b.final(err)
		}
	}
	key := r.cacheKey(&req)
	e, err := r.resolve(ctx, &key, r.hash(&key, &req), &req)
	if err != nil {
		return Session{}, false, b.final(err)
	}
	e.Resolved.session(&req.Identity, &s)
	return s, bound, nil
}

// bind gives req the id of the customer's session, if there is one. bound says that the session
// that GuestID named has become a part of it.
func (r *Resolver) bind(b *budget, req *Request) (bound bool, err error) {
	d, err := r.dependenciesOf(b.firstHalf, req.Tenant, req.CustomerID)
	if err != nil {
		return false, err
	}
	ids := [...]string{req.SessionID, req.GuestID}
	var session string
	var guests []string
	for i, id := range ids {
		if id == "" || i > 0 && id == ids[0] {
			continue
		}
		one := *req
		one.SessionID = id
		rec, own, err := r.ownedBySecret(b, &one)
		switch {
		case err != nil:
			return false, err
		case own.state == live && !own.unbound && i == 0:
			session = id
		case own.state == live:
			guests = append(guests, id)
		case own.state == ended && session == "":
			if heir, _, ok, err := r.heirOf(b, &one, &rec); err != nil {
				return false, err
			} else if ok { // another request was quicker
				session, bound = heir, id == ids[1]
			}
		case own.state == ended && i > 0: // bound before, but perhaps the answer that said so was lost
			heir, ok := openHeir(&one.Identity, rec.Heir)
			bound = ok && heir == session
		}
	}
	if len(guests) > 0 {
		customer, err := r.customerRecord(b, req.Tenant, req.CustomerID, r.near.Now())
		if err != nil {
			return false, unavailable(b, err)
		}
		if customer.Ended { // erased: only Login begins a session of this customer
			guests = nil
		}
	}
	for _, id := range guests {
		one := *req
		one.SessionID = id
		if session == "" {
			c, err := r.loginBySecret(b, &one, &d)
			if err != nil {
				return false, err
			}
			if session = one.SessionID; c.write {
				r.notifyChange(b, &one, id, &c.cur, r.sessionOf(&one, &c.next, false, req.CustomerID, &d))
			}
		} else {
			one.SessionID = session
			if err := r.mergeGuest(b, &one, id, &d); err != nil {
				return false, err
			}
		}
		bound = bound || id == ids[1]
	}
	if session != "" {
		if bound || session != req.SessionID {
			// A degraded answer has no id. A caller who does not learn the new id loses the session.
			req.AtLeast.Version = max(req.AtLeast.Version, 1)
		}
		req.SessionID = session
	}
	return bound, nil
}

// ownedBySecret returns the record that req names, and what it is to req.
func (r *Resolver) ownedBySecret(b *budget, req *Request) (rec store.Record, own ownership, err error) {
	key := r.cacheKey(req)
	if cached := r.near.Peek(key); cached != nil {
		rec = cached.Record()
	} else if err = r.store.ready(); err != nil {
		return rec, own, b.notWritten(err)
	} else if rec, err = r.near.Reload(b.firstHalf, key); err != nil {
		return rec, own, b.notWritten(err)
	}
	if own, _, err = r.ownershipForWrite(b, req, &rec, false); err != nil {
		return rec, own, unavailable(b, err)
	}
	return rec, own, nil
}

// mergeGuest copies the data of a guest's session to the customer's session that req names, and
// puts a tombstone in the place of the guest's session. The data is copied first: a process that
// dies before the tombstone leaves both sessions, and the next Bind copies again. Only the call
// that saves the tombstone calls Config.OnChange.
func (r *Resolver) mergeGuest(b *budget, req *Request, guestID string, d *dependencies) error {
	old := *req
	old.SessionID = guestID
	w, err := r.beginSave(b, r.cacheKey(&old))
	if err != nil {
		return err
	}
	defer w.end()
	cur, err := w.load()
	if err != nil {
		return err
	}
	for range saveTries {
		own, _, err := r.ownershipForWrite(b, &old, &cur, false)
		if err != nil {
			return unavailable(b, err)
		}
		if own.state != live { // another request was quicker
			return nil
		}
		guest := cur
		_, after, err := r.compareAndSet(b, r.cacheKey(req), func(rec *store.Record) (next store.Record, write bool, err error) {
			own, _, err := r.ownershipForWrite(b, req, rec, false)
			switch {
			case err != nil:
				return next, false, unavailable(b, err)
			case own.state != live:
				return next, false, ErrNotFound
			}
			return r.inherited(rec, &guest)
		})
		if err != nil {
			return err
		}
		if cur = guest; !w.replaceByTombstone(&cur, sealHeir(&old.Identity, req.SessionID)) {
			continue
		}
		r.notifyChange(b, req, guestID, &guest, r.sessionOf(req, &after, false, req.CustomerID, d))
		return nil
	}
	return b.notWritten(errOtherWrites)
}

// inherited returns rec with what it takes over from a guest's session. If the result would exceed
// the limits, no attributes are taken over; if it still would, nothing is. What is not taken over
// is lost, because the guest's session ends.
func (r *Resolver) inherited(rec, guest *store.Record) (next store.Record, write bool, err error) {
	now := time.Now()
	for _, withAttributes := range [...]bool{true, false} {
		next = *rec
		if err := nextVersion(&next, now); err != nil {
			return next, false, err
		}
		if !inherit(&next, guest, withAttributes) {
			return *rec, false, nil
		}
		r.cfg.setExpiry(&next, now)
		if r.cfg.checkRecord(&next) == nil {
			return next, true, nil
		}
	}
	return *rec, false, nil
}
