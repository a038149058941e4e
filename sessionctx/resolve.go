package sessionctx

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sessionctx/storefront/internal/nearcache"
	"github.com/sessionctx/storefront/internal/stamp"
)

// Resolve returns the session context of a request. It never writes, except that it moves the
// expiry of a session that is in use.
//
// A secret id that is unknown or has ended, and a request without a session id, resolve to computed
// defaults with an empty ID. An asserted session that has ended, or is not this identity's, is
// ErrNotFound. When the store cannot be asked, the answer is computed defaults marked Degraded.
// With Config.FailDegraded, for a Management identity, and for a request with Fresh or AtLeast it
// is ErrUnavailable instead. Without the tenant's sites it is always an error: ErrUnavailable, or
// ErrUnknownTenant if there is no such tenant. A customer whose profile cannot be had is served
// without it: see Session.ProfileMissing.
func (r *Resolver) Resolve(ctx context.Context, req Request) (s Session, err error) {
	e, _, err := r.resolveEntry(ctx, &req)
	if err == nil {
		e.Resolved.session(&req.Identity, &s)
	}
	return s, err
}

// Attached is what Attach says of a session beside the context that carries it.
type Attached struct {
	// Transient: the session is Degraded or has ProfileMissing. Nobody may store what is made of it.
	Transient bool
	// SinceWrite is the time since the ModifiedAt of the session, to a tenth of a second; 0 without a
	// record.
	SinceWrite time.Duration
}

// Attach returns ctx with the session of req, for FromContext. It is Resolve and NewContext in one,
// and cheaper, because the session is put together when it is asked for. The errors are those of
// Resolve.
func (r *Resolver) Attach(ctx context.Context, req Request) (context.Context, Attached, error) {
	e, now, err := r.resolveEntry(ctx, &req)
	if err != nil {
		return nil, Attached{}, err
	}
	n := &e.Resolved
	a := Attached{Transient: n.flags&(degradedValue|noProfile) != 0}
	if n.incarnation != 0 {
		a.SinceWrite = max(time.Duration(r.near.Wall(now))-time.Duration(n.modified)*time.Millisecond, 0)
	}
	return &entryContext{ctx, e}, a, nil
}

// resolveEntry returns an entry with the answer to req, and the monotonic time: from the
// near-cache, or by resolveSlow.
func (r *Resolver) resolveEntry(ctx context.Context, req *Request) (e *entry, now int64, err error) {
	var done func(Outcome)
	if r.cfg.Observe != nil {
		ctx, done = r.cfg.Observe(ctx, callResolve, req.Tenant)
	}
	req.cutTexts()
	var key nearcache.Key
	req.setKey(&key)
	hash := r.hash(&key, req)
	var cached bool
	if !req.Fresh {
		e, now = r.near.Lookup(&key, hash)
		cached = e != nil && e.Resolved.answers(req, now)
	}
	if cached {
		r.near.Answered(hash)
	} else {
		e, err = r.resolveSlow(ctx, key, hash, *req)
		now = r.near.Now()
	}
	if done != nil {
		done(outcomeOf(e, err, cached))
	}
	return e, now, err
}

// resolveTries bounds how often a resolution begins again because something that it read has
// changed meanwhile. From the third try on only a change of a record or of an answer counts.
const resolveTries = 100

// lastTry reports whether a resolution that began at begun must not begin again: its tries or
// Config.Timeout are used up. With a slow Store the time ends first.
func (r *Resolver) lastTry(try int, begun int64) bool {
	return try == resolveTries || r.near.Now()-begun >= int64(r.cfg.Timeout)
}

// errChanging says that no try of a resolution saw one state.
var errChanging = fmt.Errorf("%w: what the session depends on has changed during each try to read it", ErrUnavailable)

// resolveSlow is resolveEntry past the warm path. It takes copies, so that the warm path allocates
// nothing.
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
	begun := r.near.Now()
	for try := 1; ; try++ {
		a, err := r.attempt(ctx, key, hash, req, want, profileOf, rereads(req, try))
		if err == nil && !a.consistent && r.lastTry(try, begun) {
			err = errChanging
		}
		switch {
		case err != nil && a.deps.sites == nil: // without sites not even defaults can be computed
			return nil, err
		case err != nil:
			return r.degraded(ctx, key, req, &a.deps, err)
		case !a.consistent:
			profileOf = a.customerID // asked for before the record from now on
		case a.resolved == nil:
			return nil, ErrNotFound
		default:
			return a.resolved, nil
		}
	}
}

// want says how new the record must be that answers req. While the Store hangs the error says so.
func (r *Resolver) want(key *nearcache.Key, req *Request) (w nearcache.Want, err error) {
	switch {
	case req.SessionID == "":
	case req.Fresh:
		w.Since = r.near.Now()
		if req.AtLeast != (Revision{}) {
			w.Accept = req.accepts
		}
		return w, r.store.ready()
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

// attempt is one try to answer a request.
type attempt struct {
	owned
	deps     dependencies
	resolved *entry // nil: the session is not to be found
	// consistent says that all that the answer depends on was in force at one moment.
	consistent bool
}

// attempt makes the answer to req, and caches it if it may. profileOf is the customer that the
// record is expected to be of.
func (r *Resolver) attempt(ctx context.Context, key *nearcache.Key, hash uint64, req *Request, want nearcache.Want, profileOf string, reread bool) (a attempt, err error) {
	// The Directory comes first. The Store can be written by other processes, whose changes this
	// process hears of later: a profile that came after the record may never have been in force
	// together with it.
	if a.deps, err = r.dependenciesOf(ctx, req.Tenant, profileOf); err != nil {
		return a, err
	}
	before, begun := a.deps, r.near.Now()
	if req.Fresh {
		want.Since = begun
	}
	if a.owned, err = r.loadOwned(ctx, key, hash, req, want); err != nil {
		return a, err
	}
	found, asGuest := a.found(&req.Identity)
	if found {
		if a.customerID != a.deps.customerID {
			r.askProfile(ctx, &a.deps, req.Tenant, a.customerID)
		}
		if err := r.checkSite(req, &a.record, a.customerID, &a.deps); err != nil {
			return attempt{}, err // defaults cannot be computed either
		}
		a.resolved = r.resolvedEntry(req, &a.owned, asGuest, &a.deps)
	}
	if a.consistent, err = r.consistent(ctx, &a.owned, &a.deps, &before, begun, reread); err != nil || !found {
		return a, err
	}
	now := r.near.Now()
	if a.consistent && !a.deps.missing && r.unchanged(a.entry.Stamp()) && r.unchanged(a.entry.Customer()) && now < a.entry.Deadline() {
		r.near.Keep(hash, a.resolved)
	}
	if due := r.cfg.touchDue(&a.record); !asGuest && !due.IsZero() && now >= r.near.Until(due) {
		r.touch(ctx, a.resolved)
	}
	return a, nil
}

// rereads reports whether a try reads a record again whose stamp has changed, instead of starting
// over: see consistent. At first a try starts over: after one change many requests do so at once,
// and they share the new load.
func rereads(req *Request, try int) bool { return req.Fresh || try > 2 }

// consistent reports whether record, generation, sites and profile were in force at one moment, at
// or after begun. before are the answers of the Directory that were asked for before begun. An
// answer that came after begun may be newer than a write of another process that this process has
// not seen yet.
//
// A record is proved by its stamp if that has not changed and no write was under way. During a
// write the stamp does not change at the moment at which the Store changes, so the record is read
// again: the same revision says that it was in force from the first reading to the second. All
// first readings come before all second ones, so all was in force when the last first reading was
// done. With reread a record is also read again if its stamp has changed without a write under way.
// Fresh reads move stamps on, so without reread they could make each other, and all other reads,
// start over without end.
func (r *Resolver) consistent(ctx context.Context, own *owned, d, before *dependencies, begun int64, reread bool) (bool, error) {
	if !d.inForceSince(begun, before) {
		return false, nil
	}
	var byStamp []stamp.Stamp
	for _, e := range [...]*entry{own.entry, own.generation} {
		switch {
		case e == nil:
		case e.Key().ID == "", e.Stamp().Quiet() && !reread, r.unchanged(e.Stamp()) && r.near.Current(e.Customer()):
			byStamp = append(byStamp, e.Stamp(), e.Customer())
		default:
			now, err := r.near.Reload(ctx, e.Key())
			if err != nil {
				return false, err
			}
			if was := e.Record(); now.Revision() != was.Revision() {
				return false, nil
			}
		}
	}
	return !slices.ContainsFunc(byStamp, func(s stamp.Stamp) bool { return !r.near.Current(s) }) && !d.superseded(), nil
}

// unchanged reports whether nothing has changed since the stamp was taken, and no write was under
// way then.
func (r *Resolver) unchanged(s stamp.Stamp) bool { return s.Quiet() && r.near.Current(s) }
