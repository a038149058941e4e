package sessionctx

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/breaker"
	"github.com/sessionctx/storefront/internal/nearcache"
	"github.com/sessionctx/storefront/internal/redact"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// guardedStore is the host's Store as the resolver uses it. Its errors name neither session nor
// customer, since errors end up in logs. A panic in it is an error, since it would end the process:
// calls run on goroutines of their own, on which nobody else recovers. And while it hangs, nothing
// is asked of it.
type guardedStore struct {
	store.Store
	breaker *breaker.Breaker
	observe observe
	late    lateCalls
}

var (
	keySeed = maphash.MakeSeed() // tells keys apart for the breaker
	// errHanging is the error of a call that has not set out.
	errHanging = fmt.Errorf("%w: the store has not answered several calls in time, and is probed until it does", ErrUnavailable)
	// errKeyHangs is the error of a call for a record while lateCalls has maxLate calls for it.
	errKeyHangs = fmt.Errorf("%w: the store has not returned from several calls for this record", ErrUnavailable)
)

// lateCalls counts, by key, the calls that still run after the end of their context. Each of them
// keeps a goroutine. The breaker does not bound their number while the Store answers for other
// keys.
type lateCalls struct {
	any atomic.Int64 // late calls of all keys; mostly 0, and then full takes no lock
	mu  sync.Mutex
	of  map[uint64]lateOfKey // by the hash of the key
}

type lateOfKey struct {
	calls int
	last  time.Time // when the last of them became late
}

// While maxLate calls for a key are late, no other call for that key sets out, until lateFor has
// passed since the last of them became late. The pause ends because a few calls that never return
// must not lock a record for ever.
const (
	maxLate = 4
	lateFor = 10 * time.Minute
)

// full reports whether no other call for the key may set out.
func (l *lateCalls) full(hash uint64) bool {
	if l.any.Load() < maxLate {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	of := l.of[hash]
	return of.calls >= maxLate && time.Since(of.last) < lateFor
}

// add adds n to the late calls of a key: 1 when a call becomes late, -1 when it returns. For one
// call the two may come in any order.
func (l *lateCalls) add(hash uint64, n int) {
	l.any.Add(int64(n))
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil {
		l.of = make(map[uint64]lateOfKey)
	}
	of := l.of[hash]
	of.calls += n
	switch {
	case of.calls == 0:
		delete(l.of, hash)
		return
	case n > 0:
		of.last = time.Now()
	}
	l.of[hash] = of
}

// ready returns an error while the Store hangs. A call that cannot do without the Store, such as a
// fresh read, asks ready first.
func (s *guardedStore) ready() error {
	if s.breaker.Open() {
		return errHanging
	}
	return nil
}

// Load implements store.Store. ctx ends by the resolver's own timer alone.
func (s *guardedStore) Load(ctx context.Context, key store.Key) (rec store.Record, err error) {
	leave, err := s.enter(ctx, key)
	if err != nil {
		return rec, err
	}
	defer func() { leave(err) }()
	return s.load(ctx, key)
}

// load asks the Store, whatever the breaker says: it is the probe, too.
func (s *guardedStore) load(ctx context.Context, key store.Key) (rec store.Record, err error) {
	ctx, done := s.observe.begin(ctx, callLoad, key.Tenant)
	defer func() { done(Outcome{Err: err}) }()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("sessionctx: panic in Store.Load: %s", redact.Panic(p, key.ID))
		}
	}()
	rec, err = s.Store.Load(ctx, key)
	return rec, noAnswer(redact.Error(err, key.ID), ErrUnknownTenant)
}

// Save implements store.Store. ctx ends by the resolver's own timer alone. After a panic nobody
// knows whether rec was stored, as after any other unexpected error.
func (s *guardedStore) Save(ctx context.Context, key store.Key, rec store.Record, base Revision) (got store.Record, err error) {
	leave, err := s.enter(ctx, key)
	if err != nil {
		return got, err
	}
	defer func() { leave(err) }()
	secrets := append([]string{key.ID, rec.CustomerID}, cartIDs(&rec)...)
	ctx, done := s.observe.begin(ctx, callSave, key.Tenant)
	defer func() { done(Outcome{Err: err}) }()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("sessionctx: panic in Store.Save: %s", redact.Panic(p, secrets...))
		}
	}()
	got, err = s.Store.Save(ctx, key, rec, base)
	if errors.Is(err, ErrConflict) {
		// The write goes on from this record, so its tenant is checked, as package nearcache checks it
		// after a Load.
		if got.Exists() && got.Tenant != key.Tenant {
			return store.Record{}, fmt.Errorf("%w: %w: %q", ErrUnavailable, nearcache.ErrForeign, key.Tenant)
		}
		return got, err // it is frequent, and shown to nobody
	}
	return got, redact.Error(err, secrets...)
}

// erase calls Erase of the Store. After a panic, as after any error, some records may be replaced.
func (s *guardedStore) erase(
	ctx context.Context, eraser store.Eraser, tenant, customerID string, tombstone func(store.Record) store.Record,
) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("sessionctx: panic in Store.Erase: %s", redact.Panic(p, customerID))
		}
	}()
	_, err = eraser.Erase(ctx, tenant, customerID, tombstone)
	return redact.Error(err, customerID)
}

func cartIDs(rec *store.Record) (ids []string) {
	for i := range rec.Carts {
		ids = append(ids, rec.Carts[i].ID)
	}
	return ids
}

// enter lets a call set out, or returns the error of a call that must not. When the call returns,
// its caller calls leave. The breaker is told once how the call ended: when ctx ends, or at leave
// if that is earlier.
func (s *guardedStore) enter(ctx context.Context, key store.Key) (leave func(error), err error) {
	hash := maphash.Comparable(keySeed, key)
	if s.late.full(hash) {
		return nil, errKeyHangs
	}
	if !s.breaker.Enter() {
		return nil, errHanging
	}
	var left atomic.Bool
	tell := func(r breaker.Result) {
		if left.CompareAndSwap(false, true) {
			s.breaker.Leave(hash, r)
		}
	}
	stop := context.AfterFunc(ctx, func() {
		s.late.add(hash, 1)
		tell(breaker.TimedOut)
	})
	return func(err error) {
		switch {
		case !stop():
			s.late.add(hash, -1)
			tell(breaker.TimedOut)
		case err == nil, errors.Is(err, ErrConflict), errors.Is(err, ErrFull):
			tell(breaker.Answered)
		case ctx.Err() != nil: // the timer has fired, and its function has not begun yet
			tell(breaker.TimedOut)
		default:
			tell(breaker.Other)
		}
	}, nil
}

// guardedDirectory is the host's Directory, likewise. A panic in it is a failure, so that the last
// answer stays in force.
type guardedDirectory struct {
	Directory
	observe observe
}

// Sites implements Directory.
func (d guardedDirectory) Sites(ctx context.Context, tenant string) (sites []defaults.Site, err error) {
	ctx, done := d.observe.begin(ctx, callSites, tenant)
	defer func() { done(Outcome{Err: err}) }()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("sessionctx: panic in Directory.Sites: %v", p)
		}
	}()
	sites, err = d.Directory.Sites(ctx, tenant)
	return sites, redact.Error(err) // there is no secret; Error calls err.Error, whose panic is caught here
}

// Customer implements Directory.
func (d guardedDirectory) Customer(ctx context.Context, tenant, customerID string) (c defaults.Customer, err error) {
	ctx, done := d.observe.begin(ctx, callCustomer, tenant)
	defer func() { done(Outcome{Err: err}) }()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("sessionctx: panic in Directory.Customer: %s", redact.Panic(p, customerID))
		}
	}()
	c, err = d.Directory.Customer(ctx, tenant, customerID)
	return c, redact.Error(err, customerID)
}

// storeHangs logs that nothing is asked of the Store any more, or that it is asked again.
func (r *Resolver) storeHangs(hangs bool) {
	if hangs {
		r.cfg.Logger.Error("sessionctx: the store does not answer in time: nothing is asked of it until a probe is answered")
		return
	}
	r.cfg.Logger.Info("sessionctx: the store answers again")
}
