package sessionctx

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/breaker"
	"github.com/sessionctx/storefront/internal/directory"
	"github.com/sessionctx/storefront/internal/nearcache"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// Resolver resolves, caches and guards session contexts. It is safe for concurrent use by multiple
// goroutines.
type Resolver struct {
	cfg      Config
	store    *guardedStore
	near     *nearcache.Cache[resolution]
	sites    *directory.Cache[string, *tenantSites]
	profiles *directory.Cache[profileKey, defaults.Customer]
	gate     gate // all calls but warm ones
	stats    counters
	stop     []func() // of the watchers

	conflicts conflictLog

	background gate                  // goroutines
	touching   sync.Map              // store.Key: touches under way
	touches    chan struct{}         // how many
	logNext    [numLogs]atomic.Int64 // monotonic; before it nothing more of the kind is logged
}

// The kinds of lines that an outage makes, for logDue.
const (
	logDegraded = iota
	logSites
	logProfiles
	numLogs
)

// logEvery keeps an outage from becoming an outage of the log.
const logEvery = 10 * time.Second

// logDue reports whether a line of this kind may be logged now.
func (r *Resolver) logDue(kind int) bool {
	now, next := r.near.Now(), &r.logNext[kind]
	due := next.Load()
	return now >= due && next.CompareAndSwap(due, now+int64(logEvery))
}

// The shares of Config.CacheBytes, in twelfths. At the default of 96 MiB there are 2^20 stamps.
const (
	sessionShare  = 7
	customerShare = 3
	profileShare  = 1
	stampShare    = 1
	shares        = sessionShare + customerShare + profileShare + stampShare
)

// New returns a Resolver. The error joins every mistake in cfg, each a *ConfigError. Close the
// Resolver after use.
func New(cfg Config) (*Resolver, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &Resolver{cfg: cfg, touches: make(chan struct{}, maxTouches)}
	r.store = &guardedStore{Store: cfg.Store, observe: cfg.Observe}
	watcher, watched := cfg.Store.(store.Watcher)
	maxStale := cfg.MaxStale
	switch {
	case watched:
		maxStale = -1
	case maxStale == 0:
		cfg.Logger.Warn("sessionctx: nothing is cached, because the Store is no store.Watcher and Config.MaxStale is 0: " +
			"a Store that wraps another one must pass on its Watch")
	}
	r.near, err = nearcache.New(nearcache.Config[resolution]{
		Load: r.store.Load, Timeout: cfg.Timeout, MaxStale: maxStale,
		SessionBytes: sessionShare * cfg.CacheBytes / shares, CustomerBytes: customerShare * cfg.CacheBytes / shares,
		StampBytes: stampShare * cfg.CacheBytes / shares,
		Cost:       resolution.cost, Spawn: r.spawn, OnInvalidate: r.customerChanged,
	})
	if err != nil {
		return nil, err
	}
	r.store.breaker = r.newBreaker()
	if err := r.newDirectory(); err != nil {
		r.near.Close()
		return nil, err
	}
	if watched {
		r.stop = append(r.stop, watcher.Watch(r.near))
	}
	if w, ok := cfg.Directory.(DirectoryWatcher); ok {
		r.stop = append(r.stop, w.Watch(r.Invalidate))
	}
	return r, nil
}

// spawn starts a goroutine that Close waits for.
func (r *Resolver) spawn(f func()) {
	r.background.enter() // it is never closed: a call that Close has not waited for goes on
	go func() {
		defer r.background.leave()
		f()
	}()
}

// Close refuses new calls with ErrClosed. It waits for the calls inside, and for calls of the Store
// that go on after their caller has left. Then it stops the Watchers and frees the cache. It closes
// neither Store nor Directory. A second Close does nothing, and returns nil.
//
// Close takes Config.Timeout at most, and up to 100 ms more if a Watcher does not stop. There are
// two kinds of errors, which may be joined.
//
// Calls go on: after Config.Timeout a caller was still inside, or a call of the Store had not
// returned. Such calls go on without the cache, and the Store must not be closed yet. There are
// four causes: Config.OnChange calls Close, so that its own call is still inside; OnChange is slow;
// an Erase takes longer than Config.Timeout; the Store ignores the end of its context.
//
// A Watcher fails: that of the Store or of the Directory does not stop in time, or panics.
func (r *Resolver) Close() error {
	if !r.gate.close() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), r.cfg.Timeout)
	defer cancel()
	inside := r.gate.wait(ctx)
	r.store.breaker.Close()
	r.sites.Close()
	r.profiles.Close()
	// The Watchers stop last. A write whose caller has left may still be under way, and some Stores
	// report it to other Resolvers only while this one watches.
	behind := r.background.wait(ctx)
	var errs []error
	switch {
	case inside > 0:
		errs = append(errs, fmt.Errorf("sessionctx: Close: calls still inside after %v: %d", r.cfg.Timeout, inside))
	case behind > 0:
		errs = append(errs, fmt.Errorf("sessionctx: Close: work that no caller waits for, such as a call of the Store, still goes on after %v", r.cfg.Timeout))
	}
	errs = append(errs, r.stopWatching(ctx))
	r.near.Close()
	return errors.Join(errs...)
}

// stopAtLeast is how long Close waits at least for the Watchers to stop.
const stopAtLeast = 100 * time.Millisecond

// stopWatching stops the Watchers of Store and Directory. It returns when ctx ends, but not before
// stopAtLeast: the code is the host's and may hang.
func (r *Resolver) stopWatching(ctx context.Context) error {
	stopped := make(chan error, len(r.stop))
	for _, stop := range r.stop {
		go func() {
			defer func() {
				if p := recover(); p != nil {
					stopped <- fmt.Errorf("sessionctx: Close: panic when a Watcher was stopped: %v", p)
				}
			}()
			stop()
			stopped <- nil
		}()
	}
	deadline, _ := ctx.Deadline()
	end := time.NewTimer(max(time.Until(deadline), stopAtLeast))
	defer end.Stop()
	var errs []error
	for range r.stop {
		select {
		case err := <-stopped:
			errs = append(errs, err)
		case <-end.C:
			return errors.Join(append(errs, errors.New("sessionctx: Close: a Watcher has not stopped"))...)
		}
	}
	return errors.Join(errs...)
}

// Invalidate says that what the directory has told about a customer may be wrong. With an empty
// customerID that goes for the sites and all customers of the tenant, and with an empty tenant as
// well it goes for everything. The directory is asked again: about the one customer, or about the
// sites of the one tenant, at once; otherwise when a call needs the answer. Calls that begin after
// Invalidate wait for the new answer, but no longer than 100 ms. It is safe for concurrent use by
// multiple goroutines.
func (r *Resolver) Invalidate(tenant, customerID string) {
	switch {
	case tenant == "" && customerID == "":
		r.sites.InvalidateAll()
		r.profiles.InvalidateAll()
		r.near.InvalidateAll()
	case customerID == "":
		r.profiles.InvalidateGroup(tenant)
		r.sites.Invalidate(tenant) // last: see Resolver.resolution
	default:
		key := profileKey{tenant, customerID}
		r.profiles.Invalidate(key)
		r.near.Bump(key.record()) // entries may outlive the answer that they were made of
	}
}

// Refresh asks the directory about a customer, or with an empty customerID about the sites of the
// tenant, and waits for the answer. Without an error the answer is in force in this process: every
// call that begins after Refresh has returned goes by it. ErrUnavailable says that the old answer
// stays in force. It is safe for concurrent use by multiple goroutines.
func (r *Resolver) Refresh(ctx context.Context, tenant, customerID string) error {
	req := Request{Identity: Identity{Tenant: tenant, CustomerID: customerID, Proof: Asserted}}
	leave, err := r.enter(&req)
	if err != nil {
		return err
	}
	defer leave()
	if customerID == "" {
		err = r.sites.Refresh(ctx, req.Tenant)
	} else {
		err = r.profiles.Refresh(ctx, profileKey{req.Tenant, req.CustomerID})
	}
	if err != nil {
		return r.directoryError(ctx, err)
	}
	return nil
}

// customerChanged is called with each key that the Store reports. The record of a customer changes
// when all sessions end, and when the customer is erased: then what is known of the person is asked
// for again.
func (r *Resolver) customerChanged(h store.KeyHash) { r.profiles.DropHash(r.profileHash(h)) }

// newBreaker returns what protects callers from a Store that hangs.
func (r *Resolver) newBreaker() *breaker.Breaker {
	return breaker.New(breaker.Config{
		Timeout: r.cfg.Timeout, Go: r.spawn,
		Probe: func(ctx context.Context) error {
			_, err := r.store.load(ctx, store.Key{Tenant: "probe", Kind: store.KindCustomer, ID: "probe"})
			return err
		},
		Changed: r.storeHangs,
	})
}
