package sessionctx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// Login makes the session a customer's. The choices, the carts and the attributes survive; under
// Config.PreferProfile the choices from before the login rank below the profile. From then on the
// anonymous identity reads and changes nothing of the session.
//
// A BySecret identity gets a new random id: look at Session.ID. The old id is dead, but for an hour
// a second login of the same customer with the old id finds the new session: after a double click,
// or after an answer that was lost. If the Store fails between the new record and the end of the
// old one, the login has succeeded all the same: the old id lives on as it was until it expires,
// and the log says so. If the session was another customer's, it ends, and the new session keeps
// only its four choices; with HostLogin it stays as it is, and the new session keeps nothing of it.
// If the session has ended, the new session begins empty.
//
// An Asserted identity keeps its id. If its session has ended or is another customer's, the error
// is ErrNotFound: such a login needs a new id. ErrNotFound also says that an Asserted identity
// names no session or another customer, that the Proof is Management, or that customerID does not
// have 1 to 256 bytes.
//
// The other errors are those of Update. ErrUnavailable may say "a part was written". Login reads
// only SessionID, and not GuestID: Bind joins two sessions.
func (r *Resolver) Login(ctx context.Context, req Request, customerID string) (Session, error) {
	leave, err := r.enter(&req)
	if err != nil {
		return Session{}, err
	}
	defer leave()
	customerID = strings.Clone(customerID) // as in Identity.cloneStrings
	if customerID == "" || len(customerID) > maxID {
		return Session{}, fmt.Errorf("%w: the customer id has %d bytes: it must have 1 to %d", ErrNotFound, len(customerID), maxID)
	}
	asserted := req.Proof != BySecret
	switch {
	case req.Proof == Management:
		return Session{}, fmt.Errorf("%w: an operator cannot log in as a customer", ErrNotFound)
	case asserted && req.SessionID == "":
		return Session{}, fmt.Errorf("%w: the identity names no session", ErrNotFound)
	case asserted && req.CustomerID != "" && req.CustomerID != customerID:
		return Session{}, fmt.Errorf("%w: the identity is another customer's", ErrNotFound)
	}
	req.CustomerID = customerID
	b, cancel := r.newBudget(ctx)
	defer cancel()
	d, err := r.dependenciesOf(b.firstHalf, req.Tenant, customerID)
	if err != nil {
		return Session{}, b.final(err)
	}
	var c change
	if asserted {
		c, err = r.loginAsserted(&b, &req, &d)
	} else {
		c, err = r.loginBySecret(&b, &req, &d)
	}
	if err != nil {
		return Session{}, b.final(err)
	}
	s := r.sessionOf(&req, &c.next, false, customerID, &d)
	if c.write {
		r.notifyChange(&b, &req, c.curID, &c.cur, s)
	}
	return s, nil
}

// loginAsserted makes the record under the id a customer's.
func (r *Resolver) loginAsserted(b *budget, req *Request, d *dependencies) (c change, err error) {
	_, _, err = r.compareAndSet(b, r.cacheKey(req), func(cur *store.Record) (next store.Record, write bool, err error) {
		if c, err = r.login(b, req, cur, d); c.own.byEndAll {
			return r.cfg.refuseEnded(cur, c.endedAt, err)
		}
		return c.next, err == nil, err
	})
	return c, err
}

// login decides what a login of req.CustomerID makes of cur: c.next is the customer's record.
func (r *Resolver) login(b *budget, req *Request, cur *store.Record, d *dependencies) (c change, err error) {
	var customer store.Record
	c.curID = req.SessionID
	if c.own, customer, err = r.ownershipForLogin(b, req, cur); err != nil {
		return c, unavailable(b, err)
	}
	c.endedAt = customer.ModifiedAt
	if req.Proof != BySecret && c.own.state != live && c.own.state != absent {
		return c, ErrNotFound
	}
	c.write = true
	now := time.Now()
	otherCustomer := cur.CustomerID != "" && cur.CustomerID != req.CustomerID
	if c.own.state == live {
		c.cur = *cur
	}
	if c.next = c.cur; c.own.state != live || otherCustomer { // a live one of another customer: by secret
		c.next = newRecord(req.Tenant, req.Proof == BySecret, now)
	}
	if err := nextVersion(&c.next, now); err != nil {
		return c, err
	}
	if otherCustomer {
		copyChoices(&c.next, c.cur.Choices)
	}
	if c.next.CustomerID != req.CustomerID {
		assignCustomer(&c.next, req.CustomerID, customer.Generation, c.next.Version)
	}
	r.cfg.setExpiry(&c.next, now)
	return c, r.checkSite(req, &c.next, req.CustomerID, d)
}

// loginBySecret saves the customer's record under a new id, and then puts a tombstone in the place
// of the old one, which remembers the new id as its heir. If the tombstone meets a write to the old
// session, the new record is saved again with what that write left. A process that dies in between
// leaves a record under an id that nobody has. req gets the new id.
func (r *Resolver) loginBySecret(b *budget, req *Request, d *dependencies) (c change, err error) {
	old := *req
	var was *saving
	var cur store.Record
	if old.SessionID != "" {
		if was, err = r.beginSave(b, r.cacheKey(&old)); err != nil {
			return c, err
		}
		defer was.end()
		if cur, err = was.load(); err != nil {
			return c, err
		}
	}
	req.SessionID = newSecretID()
	w, err := r.beginSave(b, r.cacheKey(req))
	if err != nil {
		return c, err
	}
	defer w.end()

	var saved store.Record
	for range saveTries {
		if id, heir, found, err := r.heirOf(b, &old, &cur); err != nil {
			return c, err
		} else if found { // a login before, or beside this one: nothing is copied twice
			if saved.Exists() {
				w.discard(&saved)
			}
			req.SessionID = id
			return change{next: heir}, r.checkSite(req, &heir, req.CustomerID, d)
		}
		if c, err = r.login(b, &old, &cur, d); err != nil {
			return c, err
		}
		if was != nil && was.lost(&cur) { // the store may have lost an EndAll, too: look again
			if cur, err = was.load(); err != nil {
				return c, err
			}
			continue
		}
		var applied bool
		if saved, applied, err = w.save(c.next, saved.Revision()); err != nil { // over what a try before has saved
			return c, err
		}
		switch {
		case applied:
		case saved.Exists():
			return c, b.notWritten(errors.New("a new random id was taken"))
		default: // what an earlier try has saved has expired or was lost: start over
			continue
		}
		c.next = saved
		if w.lost(&saved) { // then the old session must not end yet
			if saved, err = w.load(); err != nil {
				return c, err
			}
			if !saved.Exists() {
				continue
			}
		}
		heir := sealHeir(&old.Identity, req.SessionID)
		if c.own.state != live && !c.own.byEndAll || was.replaceByTombstone(&cur, heir) {
			return c, nil
		}
	}
	return c, b.notWritten(errOtherWrites)
}

// replaceByTombstone puts a tombstone in the place of the old session. It reports false if another
// write was quicker: then cur is the record of that write. A login whose new record is saved has
// succeeded, whatever becomes of the tombstone: an error is only logged.
func (w *saving) replaceByTombstone(cur *store.Record, heir []byte) (done bool) {
	tombstone, err := w.r.cfg.tombstone(*cur, time.Now())
	if err == nil {
		tombstone.Heir = heir
		var stored store.Record
		var applied bool
		if stored, applied, err = w.save(tombstone, cur.Revision()); err == nil {
			*cur = stored
			return applied
		}
	}
	w.r.cfg.Logger.LogAttrs(w.b, slog.LevelWarn, "sessionctx: login succeeded, but the old session could not be ended",
		slog.String("tenant", tombstone.Tenant), slog.Any("error", err))
	return true
}

// discard ends a session that nobody has the id of. It is best effort: the session expires anyhow.
func (w *saving) discard(rec *store.Record) {
	if tombstone, err := w.r.cfg.tombstone(*rec, time.Now()); err == nil {
		_, _, _ = w.save(tombstone, rec.Revision())
	}
}
