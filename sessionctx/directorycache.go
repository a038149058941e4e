package sessionctx

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessionctx/storefront/defaults"
)

const (
	kindSites   Kind = 0x80 + iota // the sites of a tenant, in keys of this process alone
	kindProfile                    // a customer's preferences

	directoryRetry    = time.Second      // after a refresh that failed
	directoryMaxStale = 24 * time.Hour   // for how long an old answer serves while refreshing fails
	unknownTenantAge  = 5 * time.Second  // at most
	maxUnknownTenants = 1024             // of which nothing is known, remembered at once: anybody can make up a tenant
	directoryLogEvery = 10 * time.Second // an outage is told of that often, for sites and for customers, whoever is asked for
	typicalProfile    = 512              // bytes
)

// directoryAnswer is what the Directory said, about a tenant's sites or about one customer. It is immutable.
type directoryAnswer struct {
	key             Key
	word, sitesWord uint64 // of the key, and for a customer of the tenant's sites, before the load
	stripe          uint16
	sitesStripe     uint16
	number          int64 // of the answers so far
	fetched         int64 // monotonic
	deadline        int64

	err      error           // the directory failed and nothing was known: not asked again for a moment
	unknown  bool            // no such tenant
	sites    []defaults.Site // as the directory gave them
	table    *defaults.Sites
	customer *defaults.Customer
}

// directoryCache asks the Directory once for each tenant and each customer, and again when the answer is old or was
// invalidated. Its words are its own, so that a write to a session never costs a question to the Directory.
type directoryCache struct {
	src     Directory
	log     *slog.Logger
	stats   *counters
	now     func() int64
	maxAge  time.Duration
	timeout time.Duration
	memos   *words // the near-cache's: moved when an answer changes
	asked   *words
	seed    maphash.Seed

	flights flights[*directoryAnswer]
	answers atomic.Int64    // how many the Directory gave
	logNext [2]atomic.Int64 // monotonic, of sites and of customers: not before then is a failure logged again

	mu       sync.RWMutex
	tenants  map[string]*directoryAnswer // never evicted while known: without sites nothing can be served
	profiles *bag[*directoryAnswer]
}

func (d *directoryCache) hash(key Key) uint64 { return maphash.Comparable(d.seed, key) }

func sitesKey(tenant string) Key { return Key{tenant, kindSites, ""} }

// customerStripe is the stripe of all that a resolution reads of a customer: the profile and the generation. Of nobody it is noStripe.
func customerStripe(ws *words, tenant, customerID string) uint16 {
	if customerID == "" {
		return noStripe
	}
	return ws.stripe(Key{tenant, KindCustomer, customerID}.Hash())
}

// sitesOf returns the tenant's compiled sites.
func (d *directoryCache) sitesOf(ctx context.Context, tenant string) (*directoryAnswer, error) {
	d.mu.RLock()
	a := d.tenants[tenant]
	d.mu.RUnlock()
	a, err := d.fresh(ctx, a, sitesKey(tenant))
	if err != nil {
		return nil, err
	}
	if a.unknown {
		return nil, fmt.Errorf("%w: %q", ErrUnknownTenant, tenant)
	}
	return a, nil
}

// customerOf returns what the directory knows of a customer.
func (d *directoryCache) customerOf(ctx context.Context, tenant, customerID string) (*directoryAnswer, error) {
	key := Key{tenant, kindProfile, customerID}
	a, ok := d.profiles.Get(d.hash(key))
	if !ok || a.key != key {
		a = nil
	}
	return d.fresh(ctx, a, key)
}

// fresh returns a if it is still good, and asks the Directory otherwise.
func (d *directoryCache) fresh(ctx context.Context, a *directoryAnswer, key Key) (*directoryAnswer, error) {
	if a != nil && d.usable(a) {
		return a, a.err
	}
	next := &directoryAnswer{key: key, stripe: d.asked.sites(key.Tenant)}
	next.word = d.asked.load(next.stripe)
	if key.Kind == kindProfile {
		next.sitesStripe, next.sitesWord = next.stripe, next.word
		next.stripe = d.asked.stripe(key.Hash())
		next.word = d.asked.load(next.stripe)
	}
	hash, fk := d.hash(key), flightKey{key: key, word: next.word, epoch: next.sitesWord}
	f, lead := d.flights.join(hash, fk, d.now(), endless, d.usable)
	if lead {
		d.flights.detach(ctx, f, func(ctx context.Context) (*directoryAnswer, error) {
			ctx, cancel := context.WithTimeout(ctx, d.timeout)
			defer cancel()
			return d.ask(ctx, a, next, hash), nil
		})
	}
	got, err := f.wait(ctx)
	if err != nil {
		return nil, err
	}
	return got, got.err
}

func (d *directoryCache) usable(a *directoryAnswer) bool {
	if d.now() >= a.deadline || d.asked.load(a.stripe) != a.word {
		return false
	}
	return a.key.Kind != kindProfile || d.asked.load(a.sitesStripe) == a.sitesWord
}

// ask fills next with the Directory's answer and keeps it. old is what was known before, or nil.
func (d *directoryCache) ask(ctx context.Context, old, next *directoryAnswer, hash uint64) *directoryAnswer {
	d.stats.directoryLoads.Add(1)
	next.fetched = d.now()
	// Jitter, so that what was learned together does not grow old together.
	next.deadline = next.fetched + int64(d.maxAge) - rand.Int64N(int64(d.maxAge)/8+1)
	if old != nil && old.err != nil {
		old = nil
	}
	if err := d.answer(ctx, next); err != nil {
		d.stats.directoryErrors.Add(1)
		level, verdict := slog.LevelError, "nothing is known"
		if old != nil && d.now()-old.fetched < int64(directoryMaxStale) {
			level, verdict = slog.LevelWarn, "the last answer stays in force"
			kept := *old
			kept.word, kept.sitesWord = next.word, next.sitesWord
			next = &kept
		} else {
			next.err = fmt.Errorf("%w: directory: %w", ErrUnavailable, err)
		}
		next.deadline = d.now() + int64(directoryRetry)
		if now, due := d.now(), &d.logNext[next.key.Kind-kindSites]; now >= due.Load() {
			due.Store(now + int64(directoryLogEvery))
			d.log.LogAttrs(ctx, level, "sessionctx: directory failed, "+verdict, slog.String("tenant", next.key.Tenant),
				slog.Bool("customer", next.key.Kind == kindProfile), slog.Any("error", err), slog.Int64("errors", d.stats.directoryErrors.Load()))
		}
	}
	if next.err == nil && next.number == 0 {
		next.number = d.answers.Add(1)
	}
	d.keep(next, hash)
	if old != nil && !old.same(next) {
		stripe := d.memos.sites(next.key.Tenant)
		if next.key.Kind == kindProfile {
			stripe = customerStripe(d.memos, next.key.Tenant, next.key.ID)
		}
		d.memos.changed(stripe)
	}
	return next
}

// answer asks the Directory.
func (d *directoryCache) answer(ctx context.Context, next *directoryAnswer) error {
	if next.key.Kind == kindProfile {
		c, err := d.src.Customer(ctx, next.key.Tenant, next.key.ID)
		if err != nil {
			return err
		}
		next.customer = &c
		return nil
	}
	sites, err := d.src.Sites(ctx, next.key.Tenant)
	if errors.Is(err, ErrUnknownTenant) {
		next.unknown = true
		next.deadline = min(next.deadline, next.fetched+int64(unknownTenantAge))
		return nil
	}
	if err != nil {
		return err
	}
	d.mu.Lock()
	previous := d.tenants[next.key.Tenant]
	d.mu.Unlock()
	if previous == nil {
		previous = &directoryAnswer{}
	}
	table, mistakes, err := defaults.CompileSites(sites, previous.table, time.Now())
	if len(mistakes) > 0 && !reflect.DeepEqual(previous.sites, sites) {
		for _, m := range mistakes[:min(10, len(mistakes))] {
			d.log.LogAttrs(ctx, slog.LevelWarn, "sessionctx: a value of a site is not used",
				slog.String("tenant", next.key.Tenant), slog.Any("error", m), slog.Int("mistakes", len(mistakes)))
		}
	}
	if err != nil {
		return err
	}
	next.sites, next.table = sites, table
	return nil
}

// keep remembers an answer, in the place of an older one.
func (d *directoryCache) keep(a *directoryAnswer, hash uint64) {
	if a.key.Kind == kindProfile {
		cost := int64(typicalProfile + len(a.key.ID))
		if a.customer != nil {
			cost += int64(128 * len(a.customer.Addresses))
		}
		if !d.profiles.Set(hash, a, cost) {
			d.stats.droppedFills.Add(1)
		}
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if a.table == nil && len(d.tenants) >= maxUnknownTenants {
		for t, o := range d.tenants {
			if o.table == nil {
				delete(d.tenants, t)
			}
		}
	}
	d.tenants[a.key.Tenant] = a
}

// same reports whether two answers say the same.
func (a *directoryAnswer) same(b *directoryAnswer) bool {
	return a.unknown == b.unknown && reflect.DeepEqual(a.sites, b.sites) && reflect.DeepEqual(a.customer, b.customer)
}

// invalidate forgets a customer, or with an empty customerID all that is known of the tenant.
// First the answers, then the memos that were made of them: whoever sees the moved memo word asks anew.
func (d *directoryCache) invalidate(tenant, customerID string) {
	if customerID == "" {
		d.asked.changed(d.asked.sites(tenant))
		d.memos.changed(d.memos.sites(tenant))
		return
	}
	d.asked.changed(d.asked.stripe(Key{tenant, kindProfile, customerID}.Hash()))
	d.memos.changed(customerStripe(d.memos, tenant, customerID))
}
