package sessionctx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// Update applies a patch and returns the session as it is then.
//
// A BySecret identity without a session, or with an id that is not known, gets a new session under
// a new random id: look at Session.ID. An asserted identity's first write creates its record. A
// patch that changes nothing writes nothing.
//
// Errors: either every *InputError, joined, or once there is none every *defaults.Rejection,
// joined; ErrConflict; ErrNotFound for a session that has ended or is not this identity's;
// ErrUnavailable; ErrFull; and what Patch.Require returned. After each of them nothing of the patch
// was written. A session that EndAll has ended may have become a tombstone. After ErrUnknownOutcome
// the patch may have been applied, or may still be. The whole call takes Config.Timeout at most.
func (r *Resolver) Update(ctx context.Context, req Request, p Patch) (Session, error) {
	leave, err := r.enter(&req)
	if err != nil {
		return Session{}, err
	}
	defer leave()
	if err := r.cfg.checkPatch(&p); err != nil {
		return Session{}, err
	}
	b, cancel := r.newBudget(ctx)
	defer cancel()
	var c change
	decide := func(cur *store.Record) (next store.Record, write bool, err error) {
		c, err = r.change(b.firstHalf, &req, &p, cur, false)
		switch {
		case c.own.byEndAll:
			return r.cfg.refuseEnded(cur, c.endedAt, cmp.Or(err, errNoEffect))
		case err == nil && !c.write && p.touchesAttributes():
			err = errNoEffect
		}
		return c.next, c.write && !c.newID, err
	}
	if req.SessionID == "" {
		_, _, err = decide(&store.Record{})
	} else {
		_, _, err = r.compareAndSet(&b, r.cacheKey(&req), decide)
	}
	if errors.Is(err, errNoEffect) {
		err = nil
	}
	met := req // the session that the write has met, whatever id the result has
	if err == nil && c.write && c.newID {
		// A new id, whatever the old one was: nobody can plant an id of his own in another browser.
		req.SessionID = newSecretID()
		c.newID = false
		err = r.create(&b, r.cacheKey(&req), func(*store.Record) (store.Record, bool, error) { return c.next, true, nil })
	}
	if err != nil {
		r.conflicts.note(&req, err)
		return Session{}, b.final(err)
	}
	s := r.sessionAfter(&req, &c, &c.next)
	if c.write {
		r.notifyChange(&b, &req, met.SessionID, &c.cur, s)
	}
	return s, nil
}

// errNoEffect says that a patch does not change the record that it has met. Either the record has
// none of the attributes that the patch removes, or its session has ended and a new session takes
// the patch. Update does not return it. Like a refusal it needs a fresh read: another process may
// have set what a cached record lacks.
var errNoEffect = errors.New("the patch does not change this record")

// change is what a write makes of a record.
type change struct {
	cur, next store.Record
	write     bool // next differs from cur
	newID     bool // the session needs a new secret id
	own       ownership
	curID     string    // of a login: the id of cur
	endedAt   time.Time // when the session ended, if it has ended
	d         dependencies
}

// conflict returns the error of a write that touches fields which have changed since its base.
func (c *change) conflict(req *Request, now time.Time, fields ...string) error {
	return &ConflictError{Revision: c.cur.Revision(), Fields: fields, Tenant: req.Tenant, At: now}
}

// change decides what p makes of cur. It writes nothing. For a preview no generation need be fresh.
func (r *Resolver) change(ctx context.Context, req *Request, p *Patch, cur *store.Record, preview bool) (c change, err error) {
	if c.own, c.endedAt, err = r.ownershipForWrite(ctx, req, cur, preview); err != nil {
		return c, unavailable(ctx, err)
	}
	if c.d, err = r.dependenciesOf(ctx, req.Tenant, c.own.customerID); err != nil {
		return c, err
	}
	if err := r.checkSite(req, cur, c.own.customerID, &c.d); err != nil {
		return c, err
	}
	now := time.Now()
	switch {
	case c.own.unbound && !(preview && p.zero()):
		return c, fmt.Errorf("%w: the session is not the customer's yet: Bind comes first", ErrNotFound)
	case c.own.state == live:
		if c.cur = *cur; c.own.unbound { // to be viewed as in resolvedEntry: no record of the customer's
			c.cur.Incarnation, c.cur.Version = 0, 0
		}
	case req.Proof == BySecret && (c.own.state == absent || p.zero() || c.own.replaceable(c.endedAt, now)):
		c.newID = true
	case c.own.state != absent, req.Proof == Management && !p.Upsert:
		return c, ErrNotFound
	case req.SessionID == "" && !p.zero():
		return c, fmt.Errorf("%w: the identity names no session to write to", ErrNotFound)
	}
	if p.Require != nil {
		if err := p.Require(r.sessionAfter(req, &c, &c.cur)); err != nil {
			return c, err
		}
	}
	if fields, found := p.conflicts(&c.cur); found {
		return c, c.conflict(req, now, fields...)
	}
	c.next = c.cur
	if c.write, err = r.apply(ctx, req, p, &c, now, preview); err != nil || !c.write {
		c.next = c.cur
	}
	return c, err
}

// sessionAfter returns the session that rec is to req: c.cur or c.next.
func (r *Resolver) sessionAfter(req *Request, c *change, rec *store.Record) Session {
	s := r.sessionOf(req, rec, c.newID, c.own.customerID, &c.d)
	if c.own.unbound {
		s.Version, s.Degraded = -1, true
	}
	return s
}

// apply applies p to c.next and reports whether anything is to be written.
func (r *Resolver) apply(ctx context.Context, req *Request, p *Patch, c *change, now time.Time, preview bool) (write bool, err error) {
	next := &c.next
	creates := !next.Exists() && p.Upsert
	if !p.touchesFields() && !creates && !setAttributes(new(*next), p) {
		return false, nil
	}
	if !next.Exists() {
		*next = newRecord(req.Tenant, req.Proof == BySecret, now)
	}
	if err := nextVersion(next, now); err != nil {
		return false, err
	}
	if c.own.customerID != next.CustomerID {
		since := r.near.Now() // as in login
		if preview {
			since = 0
		}
		customer, err := r.customerRecord(ctx, req.Tenant, c.own.customerID, since)
		if err != nil {
			return false, unavailable(ctx, err)
		}
		if customer.Ended {
			return false, fmt.Errorf("%w: the customer was erased", ErrNotFound)
		}
		// The login is recorded one version before this write, so that the choices of this write
		// count as made after the login.
		assignCustomer(next, c.own.customerID, customer.Generation, next.Version-1)
	}
	setAttributes(next, p)
	sent := setChoices(next, p)
	if next.Choices, err = c.d.sites.Value.table.Check(r.input(req, next, c.own.customerID, &c.d), sent); err != nil {
		return false, err
	}
	if id, touched := p.CartID.Value(); touched {
		site := c.d.sites.Value.table.Resolve(r.input(req, next, c.own.customerID, &c.d)).Site
		if p.cartConflicts(&c.cur, site) {
			return false, c.conflict(req, now, conflictCart)
		}
		setCart(next, site, id)
	}
	r.cfg.setExpiry(next, now)
	return true, r.cfg.checkRecord(next)
}
