package sessionctx

import (
	"context"
	crand "crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/sessionctx/storefront/defaults"
)

// newSecretID returns 256 random bits as 43 characters that need no quoting in a cookie.
func newSecretID() string {
	var b [32]byte
	_, _ = crand.Read(b[:]) // never fails, says crypto/rand
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// idle returns for how long a record lives without being used, or never.
func (r *Resolver) idle(rec *Record) time.Duration {
	if rec.CustomerID != "" {
		return r.cfg.CustomerIdle
	}
	return r.cfg.AnonymousIdle
}

// renew sets the expiry of a record that is used now. It lasts a quarter longer than the idle time, so that a session
// in use needs a touch once in that quarter at most.
func (r *Resolver) renew(rec *Record) {
	idle := r.idle(rec)
	rec.ExpiresAt = time.Time{}
	if idle != never {
		rec.ExpiresAt = time.Now().Add(idle + idle/4)
	}
	if r.cfg.MaxAge != never {
		if last := rec.CreatedAt.Add(r.cfg.MaxAge); rec.ExpiresAt.IsZero() || last.Before(rec.ExpiresAt) {
			rec.ExpiresAt = last
		}
	}
	rec.ExpiresAt = rec.ExpiresAt.UTC().Truncate(time.Millisecond)
}

// touchDue returns when the expiry of a record wants to be moved if it is used then; zero: not at all.
func (r *Resolver) touchDue(rec Record) time.Time {
	idle := r.idle(&rec)
	if rec.Ended || idle == never || rec.ExpiresAt.IsZero() {
		return time.Time{}
	}
	if r.cfg.MaxAge != never && !rec.ExpiresAt.Before(rec.CreatedAt.Add(r.cfg.MaxAge)) {
		return time.Time{}
	}
	return rec.ExpiresAt.Add(-idle)
}

const (
	maxTouches = 64 // under way at once; a touch beyond is left to the next read
	touchRetry = 10 * time.Second
)

// touch moves the expiry of the session of e, in the background. It loses against any write, and its failure is ignored: a
// session that is used is touched again.
func (r *Resolver) touch(ctx context.Context, e *entry) {
	key := e.key()
	if _, under := r.touching.LoadOrStore(key, nil); under {
		return
	}
	select {
	case r.touches <- struct{}{}:
	default:
		r.touching.Delete(key)
		return
	}
	rec := e.record()
	r.renew(&rec)
	ctx = context.WithoutCancel(ctx)
	r.bg.Go(func() {
		defer func() { <-r.touches }()
		err := r.saveTouch(ctx, key, rec)
		if err != nil {
			time.AfterFunc(touchRetry, func() { r.touching.Delete(key) })
			return
		}
		r.touching.Delete(key)
	})
}

func (r *Resolver) saveTouch(ctx context.Context, key Key, rec Record) (err error) {
	w, err := r.begin(key)
	if err != nil {
		return err
	}
	defer w.end()
	start := r.near.now()
	ctx, cancel := context.WithTimeout(ctx, r.near.timeout)
	defer cancel()
	_, err = r.near.store.Save(ctx, key, rec, rec.Revision())
	switch {
	case err == nil:
		r.stats.touches.Add(1)
		w.keep(&rec, start)
	case errors.Is(err, ErrConflict):
		return nil // a write was quicker, and set the expiry too
	}
	return err
}

// tombstone returns what is stored in the place of a session that ends. With keep it remembers what the session
// was, so that a second click on "log in" takes the same along.
func (r *Resolver) tombstone(cur *Record, req *Request, keep bool) (Record, error) {
	next := *cur
	if err := r.revise(&next, req); err != nil {
		return next, err
	}
	life := r.cfg.TombstoneLife
	if next.Secret {
		life = secretTombstoneLife
	}
	next.Ended = true
	next.ExpiresAt = time.Time{}
	if life != never {
		next.ExpiresAt = next.ModifiedAt.Add(life)
	}
	if !keep {
		next.CustomerID, next.Generation = "", 0
		next.Choices, next.Carts, next.Attributes = defaults.Choices{}, nil, nil
	}
	return next, nil
}

// End ends the session: a write that comes later never revives it. To end what has ended, or what never was, is no error;
// what is not this identity's is ErrNotFound and stays as it is.
func (r *Resolver) End(ctx context.Context, req Request) error {
	leave, err := r.enter(&req)
	if err != nil {
		return err
	}
	defer leave()
	_, err = r.end(ctx, &req)
	return err
}

// end ends the session of req and returns its record as it was, the zero Record if there was none.
func (r *Resolver) end(ctx context.Context, req *Request) (Record, error) {
	if req.SessionID == "" {
		return Record{}, nil
	}
	var was Record
	_, _, err := r.commit(ctx, req.key(), noStripe, func(cur *Record) (next Record, write bool, err error) {
		was = Record{}
		st, err := r.standToWrite(ctx, req, cur)
		switch {
		case err != nil:
			return next, false, unavailable(ctx, err)
		case st.state == live:
			was = *cur
		case st.state == absent && req.Proof == Asserted:
			// Its token may still be good: the end must be remembered.
		case st.state == foreign, st.state == absent && req.Proof == Management:
			return next, false, ErrNotFound
		default:
			return next, false, nil
		}
		next, err = r.tombstone(&was, req, false)
		return next, true, err
	})
	if err == nil && was.Exists() && r.cfg.OnChange != nil {
		r.committed(ctx, req, &was, r.nobody(ctx, req))
	}
	return was, err
}

// nobody returns the session of somebody who has none.
func (r *Resolver) nobody(ctx context.Context, req *Request) (s Session) {
	guest := Request{Identity: Identity{Tenant: req.Tenant, Proof: BySecret}, Site: req.Site, Hints: req.Hints}
	if err := r.resolve(ctx, r.hash(&guest), &guest, &s); err != nil {
		s = Session{Tenant: req.Tenant, Version: -1, Degraded: true, proof: guest.Proof}
	}
	return s
}

// Logout ends the session. A session by secret gets an anonymous successor under a new id, which keeps the four choices and
// nothing else; where there is nothing to keep, and for every other identity, the ID of the returned session is empty.
// Its errors are those of End.
func (r *Resolver) Logout(ctx context.Context, req Request) (Session, error) {
	leave, err := r.enter(&req)
	if err != nil {
		return Session{}, err
	}
	defer leave()
	was, err := r.end(ctx, &req)
	if err != nil {
		return Session{}, err
	}
	if req.Proof != BySecret || was.Choices == (defaults.Choices{}) {
		return r.nobody(ctx, &req), nil
	}
	req.SessionID = newSecretID()
	err = r.create(ctx, req.key(), func(*Record) (next Record, write bool, err error) {
		err = r.revise(&next, &req)
		carry(&next, was.Choices)
		r.renew(&next)
		return next, true, err
	})
	if err != nil {
		return r.nobody(ctx, &req), nil // the session has ended, and that was the point
	}
	var s Session
	err = r.resolve(ctx, r.hash(&req), &req, &s)
	return s, err
}

// carry gives choices to a new record.
func carry(next *Record, choices defaults.Choices) {
	next.Choices = choices
	for f := range defaults.NumFields {
		if *choice(&choices, defaults.Field(f)) != "" {
			next.Changed[f] = next.Version
		}
	}
}

// EndAll ends every session of a customer, on every device and in every process: it moves the customer's generation, and a
// session remembers the one of its login. A session that never was written (an asserted identity without a Login or a write)
// has nothing to remember it by: let its token expire. A login under way at the same time may be ended with the rest. In this process
// it holds at once, in others within the Store's lease; of a session whose login in another process is no news here yet, whoever asks for it
// without its customer (a guest's token, Management) sees for less than the lease what it was before that login.
//
// Neither the tenant nor the customer is looked up: that there is no such customer is no error. ErrUnknownTenant and ErrNotFound say that the one or the
// other id is not one, ErrUnavailable and ErrFull that nothing was ended, unless the error says that the outcome is unknown.
func (r *Resolver) EndAll(ctx context.Context, tenant, customerID string) error {
	req := Request{Identity: Identity{Tenant: tenant, CustomerID: customerID}}
	leave, err := r.enter(&req)
	if err != nil {
		return err
	}
	defer leave()
	if customerID == "" {
		return fmt.Errorf("%w: the customer id is empty", ErrNotFound)
	}
	_, _, err = r.commit(ctx, Key{req.Tenant, KindCustomer, customerID}, noStripe, func(cur *Record) (Record, bool, error) {
		next := *cur
		err := r.revise(&next, &req)
		// Random, no count: where a store has lost this record, the next count would be one that sessions of before remember.
		next.Generation = 1 + rand.Int64N(math.MaxInt64)
		return next, true, err
	})
	return err
}
