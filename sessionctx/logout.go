package sessionctx

import (
	"context"
	"time"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// End ends the session: a write that comes later never revives it. To end a session that has ended,
// or that never was, is no error; only a Management identity gets ErrNotFound for a session without
// a record. Another identity's session is ErrNotFound, and stays as it is. The other errors are
// those of Update.
func (r *Resolver) End(ctx context.Context, req Request) error {
	leave, err := r.enter(&req)
	if err != nil {
		return err
	}
	defer leave()
	b, cancel := r.newBudget(ctx)
	defer cancel()
	_, err = r.end(&b, &req)
	return b.final(err)
}

// end ends the session of req and returns its record as it was, the zero Record if there was none.
func (r *Resolver) end(b *budget, req *Request) (was store.Record, err error) {
	if req.SessionID == "" {
		return was, nil
	}
	_, _, err = r.compareAndSet(b, r.cacheKey(req), func(cur *store.Record) (next store.Record, write bool, err error) {
		was = store.Record{}
		own, endedAt, err := r.ownershipForWrite(b, req, cur, false)
		now := time.Now()
		switch {
		case err != nil:
			return next, false, unavailable(b, err)
		case own.state == live:
			was, next, endedAt = *cur, *cur, now
		case own.byEndAll: // its data goes now
			next = *cur
		case own.state == absent && req.Proof != BySecret && req.Proof != Management:
			// Its token may still be good: the end must be remembered.
			next, endedAt = newRecord(req.Tenant, false, now), now
		case own.state == foreign, own.state == absent && req.Proof == Management:
			return next, false, ErrNotFound
		default:
			return next, false, nil
		}
		next, err = r.cfg.tombstone(next, endedAt)
		return next, err == nil, err
	})
	if err == nil && was.Exists() && r.cfg.OnChange != nil {
		r.notifyChange(b, req, req.SessionID, &was, r.guest(b, req))
	}
	return was, err
}

// guest returns the session of a guest without an id.
func (r *Resolver) guest(b *budget, req *Request) (s Session) {
	ctx, cancel := b.afterwards()
	defer cancel()
	guest := Request{Identity: Identity{Tenant: req.Tenant, Proof: BySecret}, Site: req.Site, Language: req.Language, GeoCountry: req.GeoCountry, AcceptLanguage: req.AcceptLanguage}
	key := r.cacheKey(&guest)
	e, err := r.resolve(ctx, &key, r.hash(&key, &guest), &guest)
	if err != nil {
		return Session{Tenant: req.Tenant, Version: -1, Degraded: true}
	}
	e.Resolved.session(&guest.Identity, &s)
	return s
}

// Logout ends the session. A session by secret gets an anonymous successor under a new id, which
// keeps the four choices and nothing else. Where there is nothing to keep, and for every other
// identity, the ID of the returned session is empty. Its errors are those of End.
func (r *Resolver) Logout(ctx context.Context, req Request) (Session, error) {
	leave, err := r.enter(&req)
	if err != nil {
		return Session{}, err
	}
	defer leave()
	b, cancel := r.newBudget(ctx)
	defer cancel()
	was, err := r.end(&b, &req)
	if err != nil {
		return Session{}, b.final(err)
	}
	if req.Proof != BySecret || was.Choices == (defaults.Choices{}) {
		return r.guest(&b, &req), nil
	}
	req.SessionID = newSecretID()
	var next store.Record
	err = r.create(&b, r.cacheKey(&req), func(*store.Record) (store.Record, bool, error) {
		now := time.Now()
		next = newRecord(req.Tenant, true, now)
		err := nextVersion(&next, now)
		copyChoices(&next, was.Choices)
		r.cfg.setExpiry(&next, now)
		return next, err == nil, err
	})
	if err != nil {
		return r.guest(&b, &req), nil // the session has ended, and that was the point
	}
	d, err := r.dependenciesOf(ctx, req.Tenant, "")
	if err != nil {
		return r.guest(&b, &req), nil
	}
	return r.sessionOf(&req, &next, false, "", &d), nil
}
