package sessionctx

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/sessionctx/storefront/internal/nearcache"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// Resolve returns the session context of a request. It never writes, except that it moves the expiry of a
// session that is in use.
//
// A secret id that is unknown or has ended, and a request without a session id, resolve to computed defaults
// with an empty ID. An asserted session that has ended, or is not this identity's, is ErrNotFound. When the
// store cannot be asked, the answer is computed defaults marked Degraded, or ErrUnavailable if
// Config.FailDegraded says so. Without the tenant's sites it is always ErrUnavailable. A customer whose
// profile cannot be had is served without it: see Session.ProfileMissing.
func (r *Resolver) Resolve(ctx context.Context, req Request) (s Session, err error) {
	e, err := r.resolveEntry(ctx, &req)
	if err == nil {
		e.Resolved.session(req.Tenant, req.SessionID, &s)
	}
	return s, err
}

// Attach returns ctx with the session of req, for FromContext, and whether it is Degraded. It is Resolve and
// NewContext in one, and cheaper, because the session is put together when it is asked for. Its errors are
// those of Resolve.
func (r *Resolver) Attach(ctx context.Context, req Request) (attached context.Context, degraded bool, err error) {
	e, err := r.resolveEntry(ctx, &req)
	if err != nil {
		return nil, false, err
	}
	return &entryContext{ctx, e, req.Tenant, req.SessionID}, e.Resolved.flags&degradedValue != 0, nil
}

// resolveEntry returns an entry with the answer to req.
func (r *Resolver) resolveEntry(ctx context.Context, req *Request) (*entry, error) {
	req.Hints = boundedHints(req.Hints)
	key := r.cacheKey(req)
	hash := r.hash(&key, req)
	if !req.Fresh {
		if e, now := r.near.Lookup(&key, hash); e != nil && e.Resolved.answers(req, now) {
			if rand.Uint32()%hitSample == 0 {
				r.stats.hits.Add(hitSample)
			}
			return e, nil
		}
	}
	return r.resolveSlow(ctx, key, hash, *req)
}

// hitSample is of how many warm answers one is counted: a shared counter would cost more than most of what it
// counts.
const hitSample = 64

// cacheKey names what is cached for req.
func (r *Resolver) cacheKey(req *Request) nearcache.Key {
	return nearcache.Key{Tenant: req.Tenant, ID: req.SessionID, View: req.asserted(), Kind: store.KindSession}
}

// hash returns the hash under which the entry is cached that answers req. Without a session id the answer
// depends on the question alone.
func (r *Resolver) hash(key *nearcache.Key, req *Request) uint64 {
	h := r.near.Hash(key)
	if req.SessionID == "" {
		h = r.near.HashMore(h, req.Site, req.Hints.Country, req.Hints.AcceptLanguage)
	}
	return h
}

// resolveTries bounds how often a resolution begins again because something that it read has changed
// meanwhile.
const resolveTries = 16

// resolveSlow is resolveEntry past the warm path. It takes copies, so that the warm path allocates nothing.
func (r *Resolver) resolveSlow(ctx context.Context, key nearcache.Key, hash uint64, req Request) (*entry, error) {
	if !r.gate.enter() {
		return nil, ErrClosed
	}
	defer r.gate.leave()
	r.stats.slow.Add(1)
	return r.resolve(ctx, &key, hash, &req)
}

// resolve answers req for a caller who is inside the gate.
func (r *Resolver) resolve(ctx context.Context, key *nearcache.Key, hash uint64, req *Request) (*entry, error) {
	if err := req.check(); err != nil {
		return nil, err
	}
	req.cloneStrings()
	want, err := r.want(key, req)
	if err != nil {
		return nil, unavailable(ctx, err)
	}
	profileOf := req.asserted()
	for try := 1; ; try++ {
		e, own, consistent, err := r.resolveOnce(ctx, key, hash, req, want, profileOf)
		if err == nil && !consistent && try < resolveTries {
			profileOf = own.customerID // asked for before the record from now on
			continue
		}
		switch {
		case err != nil:
			return nil, err
		case e == nil:
			return nil, ErrNotFound
		}
		return e, nil
	}
}

// want says how new the record must be that answers req. What a fresh read finds must not be taken back by
// what was read before it, so a fresh read begins with a change of all that it will read. While the Store hangs
// the error says so, and nothing has changed.
func (r *Resolver) want(key *nearcache.Key, req *Request) (w nearcache.Want, err error) {
	switch {
	case req.SessionID == "":
	case req.Fresh:
		if err := r.store.ready(); err != nil {
			return w, err
		}
		if customerID := req.asserted(); customerID != "" {
			key := generationKey(req.Tenant, customerID)
			r.near.Fresh(key.Store())
		}
		w.Since = r.near.Fresh(req.recordKey())
	case req.AtLeast != Revision{}:
		w.Accept = req.accepts
		if err := r.store.ready(); err != nil {
			if e := r.near.Peek(*key); e == nil || !w.Accept(new(e.Record())) {
				return w, err
			}
		}
	}
	return w, nil
}

// resolveOnce makes the answer to req, nil if the session is not to be found, and caches it if it may. It
// reports whether all that the answer depends on was in force at one moment. profileOf is the customer that
// the record is expected to be of.
func (r *Resolver) resolveOnce(ctx context.Context, key *nearcache.Key, hash uint64, req *Request, want nearcache.Want, profileOf string) (*entry, ownership, bool, error) {
	// The Directory comes first. The Store can be written by other processes, whose changes this process
	// hears of later: a profile that came after the record may never have been in force together with it.
	d, err := r.dependenciesOf(ctx, req.Tenant, profileOf)
	if err != nil {
		return nil, ownership{}, false, err
	}
	begun := r.near.Now()
	if req.Fresh {
		want.Since = begun
	}
	own, err := r.loadOwned(ctx, key, hash, req, want)
	if err != nil {
		e, err := r.degraded(ctx, key, req, &d, err)
		return e, own.ownership, true, err
	}
	asGuest := req.SessionID == ""
	switch {
	case own.state == live, own.state == absent && req.Proof != BySecret && req.Proof != Management:
	case req.Proof == BySecret:
		asGuest = true
	default:
		current := r.near.Stamps().Current
		return nil, own.ownership, current(own.entry.Stamp()) && current(own.entry.Customer()), nil
	}
	if own.customerID != d.customerID {
		r.askProfile(ctx, &d, req.Tenant, own.customerID)
	}
	rec := own.record
	if asGuest {
		rec = store.Record{}
	}
	n, rejected := r.resolution(req, &rec, asGuest, own.customerID, &d)
	r.stats.reject(rejected)
	if own.record.Exists() && !asGuest {
		if due := r.cfg.touchDue(&own.record); !due.IsZero() {
			n.until = r.near.Until(due)
		}
	}
	e := own.entry.With(n)
	consistent, err := r.consistent(ctx, &own, &d, begun)
	if err != nil {
		e, err := r.degraded(ctx, key, req, &d, err)
		return e, own.ownership, true, err
	}
	now := r.near.Now()
	if consistent && !d.missing && e.Stamp().Quiet() && e.Customer().Quiet() && now < e.Deadline() {
		r.near.Keep(hash, e)
	}
	if now >= n.until {
		r.touch(ctx, e)
	}
	return e, own.ownership, consistent, nil
}

// consistent reports whether record, generation, sites and profile were in force at one moment, at or after
// begun.
//
// If no writer is under way, an unchanged stamp says so. While one is, the stamp does not move when the store
// does, so what was read from the store is read again, after everything else was.
func (r *Resolver) consistent(ctx context.Context, own *owned, d *dependencies, begun int64) (bool, error) {
	if d.answeredAfter(begun) {
		return false, nil
	}
	for _, e := range [...]*entry{own.entry, own.generation} {
		if e == nil || e.Key().ID == "" || e.Stamp().Quiet() {
			continue
		}
		now, err := r.near.Reload(ctx, e.Key())
		if err != nil {
			return false, err
		}
		if was := e.Record(); now.Revision() != was.Revision() {
			return false, nil
		}
	}
	current := r.near.Stamps().Current
	return current(own.entry.Stamp()) && current(own.entry.Customer()) &&
		(own.generation == nil || current(own.generation.Stamp())) && !d.superseded(), nil
}

// owned is the record of a session, and what it is to an identity.
type owned struct {
	ownership
	entry      *entry // hangs on the generation, too, if there is one
	record     store.Record
	generation *entry // of the record's customer; nil: not asked for
}

// loadOwned loads the record that req names, and applies the rules of ownership. A request that names none
// has an entry that hangs on no session.
func (r *Resolver) loadOwned(ctx context.Context, key *nearcache.Key, hash uint64, req *Request, want nearcache.Want) (own owned, err error) {
	if req.SessionID == "" {
		own.entry = r.near.New(*key)
		own.customerID = req.asserted()
		return own, nil
	}
	if key.View != "" && want.Since == 0 {
		r.prefetchGeneration(ctx, key.Tenant, key.View)
	}
	if own.entry, err = r.near.Get(ctx, key, hash, want); err != nil {
		return own, err
	}
	own.record = own.entry.Record()
	if want.Accept != nil && !want.Accept(&own.record) {
		return own, fmt.Errorf("%w: its version is %d, version %d was asked for", ErrNotFound, own.record.Version, req.AtLeast.Version)
	}
	own.ownership = ownershipOf(&req.Identity, &own.record)
	if own.generationOf == "" {
		return own, nil
	}
	if want.Since != 0 && key.View == "" { // the customer was not known before
		own.generation, err = r.freshGeneration(ctx, req.Tenant, own.generationOf)
	} else {
		own.generation, err = r.generation(ctx, req.Tenant, own.generationOf, want.Since)
	}
	if err != nil {
		return own, err
	}
	g := own.generation.Record()
	own.ownership = own.confirm(&own.record, g.Generation)
	if key.View == "" {
		own.entry = own.entry.DependsOn(own.generation.Stamp())
	}
	return own, nil
}
