package nearcache

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"math/bits"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/sessionctx/storefront/internal/boundedcache"
	"github.com/sessionctx/storefront/internal/singleflight"
	"github.com/sessionctx/storefront/internal/stamp"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// ErrForeign is the error of a load if the Store returns the record of another tenant. This check
// is the last one that keeps one tenant's record from another tenant's shopper.
var ErrForeign = errors.New("sessionctx: the store returned a record of another tenant")

// ErrBusy is the error of a write that cannot begin because too many are under way.
var ErrBusy = errors.New("sessionctx: too many writes are under way")

const endless = math.MaxInt64

// Config configures a Cache. A field is required unless it says that it is optional.
type Config[R any] struct {
	// Load reads the store. It must not panic.
	Load func(ctx context.Context, key store.Key) (store.Record, error)
	// Timeout bounds each load.
	Timeout time.Duration
	// SessionBytes, CustomerBytes and StampBytes bound what the cache takes: for entries of
	// sessions, for entries of customers, and for stamps.
	SessionBytes, CustomerBytes, StampBytes int64
	// MaxStale is for how long a record is reused. Negative: for as long as a Watcher grants a
	// lease.
	MaxStale time.Duration
	// Cost returns the bytes that a resolution keeps alive beyond its own size.
	Cost func(R) int64
	// Spawn starts a goroutine.
	Spawn func(func())
	// OnInvalidate is called with each key that a Watcher reports. Optional.
	OnInvalidate func(store.KeyHash)
}

// Cache is the near-cache: see the package. It is safe for concurrent use by multiple goroutines.
// It is the Sink of a Watcher.
type Cache[R any] struct {
	cfg    Config[R]
	seed   maphash.Seed
	mask   uint64 // of hashes: all ones; fewer in tests that force collisions
	clock  *clock
	stamps *stamp.Table
	calls  singleflight.Group[call, *Entry[R]]
	front  front[R] // of sessions
	hits   hits
	// One for each kind of record, so that customers' records cannot evict sessions.
	sessions  *boundedcache.Cache[*Entry[R]]
	customers *boundedcache.Cache[*Entry[R]]

	lease  atomic.Int64 // monotonic; nothing is valid after it
	window atomic.Int64 // how long after its beginning a load may be joined; 0: nothing is shared or kept

	// Counters, for whoever shows them.
	Loads, Joined, DroppedFills, Invalidations atomic.Int64
}

var _ store.Sink = (*Cache[int])(nil)

// call names a load by what it will find: a load that began under other stamps is not joined.
type call struct {
	key               Key
	session, customer stamp.Stamp
	fresh             bool
}

const (
	bytesPerStamp = 8
	bucketBytes   = 64
	// sessionsPerBucket is how many sessions there are for each bucket of the front, which has four
	// places, when the cache is full. Then 3 % of the sessions find their bucket full.
	sessionsPerBucket = 2
	typicalEntry      = 560 // bytes of a session without attributes
)

// New returns a cache. Close it after use.
func New[R any](cfg Config[R]) (*Cache[R], error) {
	c := &Cache[R]{
		cfg: cfg, seed: maphash.MakeSeed(), mask: ^uint64(0), clock: newClock(),
		stamps: stamp.NewTable(cfg.StampBytes / bytesPerStamp),
	}
	c.calls.Spawn, c.calls.Timeout = cfg.Spawn, cfg.Timeout
	buckets := max(cfg.SessionBytes/(sessionsPerBucket*typicalEntry), 1)
	c.front.buckets = make([]bucket[R], buckets)
	var err error
	if c.sessions, err = boundedcache.New[*Entry[R]](cfg.SessionBytes-buckets*bucketBytes, typicalEntry, c.front.remove); err != nil {
		return nil, err
	}
	if c.customers, err = boundedcache.New[*Entry[R]](cfg.CustomerBytes, typicalEntry, nil); err != nil {
		c.sessions.Close()
		return nil, err
	}
	if cfg.MaxStale >= 0 {
		c.window.Store(int64(cfg.MaxStale) / 4)
		c.lease.Store(endless)
	}
	return c, nil
}

// Close frees the cache. After Close the cache finds and keeps nothing, and loads still work. The
// caller stops the Watcher first.
func (c *Cache[R]) Close() {
	c.window.Store(0)
	c.lease.Store(0)
	c.sessions.Close()
	c.customers.Close()
}

// Now returns the monotonic time in nanoseconds, above 0.
func (c *Cache[R]) Now() int64 {
	now, jumped := c.clock.now()
	if jumped {
		c.InvalidateAll()
	}
	return now
}

// Until returns the monotonic time of a wall time.
func (c *Cache[R]) Until(t time.Time) int64 { return until(c.clock.mono(), c.clock.wall(), t) }

// Wall returns a monotonic time of this moment as Unix time in nanoseconds. It is right to
// maxDrift, which is more precise than a wall clock that somebody sets.
func (c *Cache[R]) Wall(now int64) int64 { return now + c.clock.lead.Load() }

// Stamps returns the table of stamps.
func (c *Cache[R]) Stamps() *stamp.Table { return c.stamps }

// Hash returns the seeded hash of a key. Of the view it uses only the length, so that a warm read
// need not wait for the text: nearly every session has one view, a customer's or the empty one.
// Keys with equal hashes replace each other in the cache. So for an id that has many views, such as
// the empty id, the caller adds the view by HashMore.
func (c *Cache[R]) Hash(k *Key) uint64 {
	h := maphash.String(c.seed, k.ID) ^ mix(k.Tenant)
	return (h + uint64(k.Kind) + uint64(len(k.View))<<8) & c.mask
}

// mix returns a number for the name of a tenant, which has 3 to 16 bytes. It is quick, and needs no
// seed: it tells apart the few tenants that have a session of the same id.
func mix(tenant string) (h uint64) {
	if n := len(tenant); n >= 8 {
		h = word(tenant) ^ bits.RotateLeft64(word(tenant[n-8:]), 29)
	} else {
		for i := range n {
			h = h<<8 | uint64(tenant[i])
		}
	}
	return h * 0x9e3779b97f4a7c15
}

func word(s string) uint64 {
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// HashMore returns the hash of a key together with more texts, for entries that depend on these.
func (c *Cache[R]) HashMore(h uint64, texts ...string) uint64 {
	for _, s := range texts {
		h = bits.RotateLeft64(h, 19) ^ maphash.String(c.seed, s)
	}
	return h & c.mask
}

// StripeOf returns the stripe of a record's key.
func (c *Cache[R]) StripeOf(k store.Key) stamp.Stripe {
	h := k.Hash()
	return c.stripe(&h)
}

func (c *Cache[R]) stripe(h *store.KeyHash) stamp.Stripe { return c.stamps.StripeOf(h.Slot(), h[2:10]) }

// Invalidate implements store.Sink.
func (c *Cache[R]) Invalidate(h store.KeyHash) {
	c.stamps.Bump(c.stripe(&h))
	c.Invalidations.Add(1)
	if c.cfg.OnInvalidate != nil {
		c.cfg.OnInvalidate(h)
	}
}

// InvalidateAll implements store.Sink.
func (c *Cache[R]) InvalidateAll() { c.stamps.BumpAll() }

func (c *Cache[R]) of(kind store.Kind) *boundedcache.Cache[*Entry[R]] {
	if kind == store.KindCustomer {
		return c.customers
	}
	return c.sessions
}

// Bump makes all entries of a record invalid. It is for a change of the record, or of what the
// caller has resolved it with, such as a profile.
func (c *Cache[R]) Bump(k store.Key) { c.stamps.Bump(c.StripeOf(k)) }

// Lookup returns a valid entry of the key, and the time at which it was valid; nil if ristretto
// shows none. It is the whole of a warm read, and allocates nothing.
func (c *Cache[R]) Lookup(k *Key, hash uint64) (*Entry[R], int64) {
	now := c.Now()
	if e, session, customer := c.front.get(hash); e != nil && c.valid(e, session, customer, k, now) {
		return e, now
	}
	e, _ := c.of(k.Kind).Get(hash)
	if e == nil || !c.valid(e, e.session.Stripe(), e.customer.Stripe(), k, now) {
		return nil, now
	}
	if rand.Uint64()%getsToFront == 0 {
		c.toFront(hash, e)
	}
	return e, now
}

// Ristretto decides what to keep by the Gets that it sees, and it sees none of the reads that the
// front answers. So it gets some getsToFront of them before the front has the entry, and one of
// readsPerGet of all that are answered. See docs/evidence/performance.md for what that costs.
const (
	getsToFront = 4
	readsPerGet = 64
)

// toFront puts an entry that ristretto shows into the front. If ristretto has let it go meanwhile,
// it may have told the front of that too early.
func (c *Cache[R]) toFront(hash uint64, e *Entry[R]) {
	c.front.put(hash, e)
	if shown, _ := c.sessions.Get(hash); shown != e {
		c.front.remove(hash)
	}
}

// valid reports whether the entry is about the key, and good at this time. session and customer are
// the stripes of its stamps. InvalidateAll comes before the lease that follows it, so the lease is
// looked at before the stamps. All is read before anything is compared, so that the processor
// fetches the entry and both stamps at the same time.
func (c *Cache[R]) valid(e *Entry[R], session, customer stamp.Stripe, k *Key, now int64) bool {
	lease := c.lease.Load()
	sessionNow, customerNow := c.stamps.Read(session), c.stamps.Read(customer)
	return now < lease && now < e.deadline && sessionNow == e.session && customerNow == e.customer && e.key.is(k)
}

// peek is like Lookup, and also finds entries that were set a moment ago, which ristretto does not
// show yet.
func (c *Cache[R]) peek(k *Key, hash uint64) *Entry[R] {
	e, now := c.Lookup(k, hash)
	if e != nil {
		return e
	}
	if e, ok := c.of(k.Kind).Recent(hash); ok && c.valid(e, e.session.Stripe(), e.customer.Stripe(), k, now) {
		return e
	}
	return nil
}

// Want says how new an entry must be. The zero Want takes any valid entry.
type Want struct {
	// Since makes the read fresh: it finds every write that had finished at this time of Now, and
	// later reads of this process find nothing older. 0: the read is not fresh.
	Since int64
	// Accept refuses records that are too old. Nil: every record will do.
	Accept func(*store.Record) bool
}

// Peek returns the entry of a key if a valid one is cached, nil otherwise.
func (c *Cache[R]) Peek(k Key) *Entry[R] { return c.peek(&k, c.Hash(&k)) }

// Get returns the entry of a key: a cached one, that of a load under way, or that of a new load. It
// waits for the load until ctx ends.
func (c *Cache[R]) Get(ctx context.Context, k *Key, hash uint64, want Want) (*Entry[R], error) {
	if want.Since == 0 {
		if e := c.peek(k, hash); e != nil {
			if want.Accept == nil {
				return e, nil
			}
			if rec := e.Record(); want.Accept(&rec) {
				return e, nil
			}
		}
	}
	if want.Accept != nil && want.Since == 0 { // a load under way may find what is too old, too
		want.Since = c.Now()
	}
	return c.load(ctx, k, hash, want.Since)
}

// Prefetch begins to load a key that Get will ask for in a moment.
func (c *Cache[R]) Prefetch(ctx context.Context, k *Key, hash uint64) {
	if c.peek(k, hash) != nil || c.window.Load() == 0 {
		return
	}
	ended, cancel := context.WithCancel(ctx)
	cancel() // so that nobody waits; the load goes on
	_, _ = c.load(ended, k, hash, 0)
}

// load reads the store. While a writer is under way nobody may share what is found, and nothing is
// kept.
//
// A fresh read, since a time, moves the stamp on when it has read the store, and before it returns.
// So nothing that was read before counts from then on, whenever it is kept: neither what an earlier
// load has found nor what a write under way has stored. Fresh reads share loads among themselves.
func (c *Cache[R]) load(ctx context.Context, k *Key, hash uint64, since int64) (*Entry[R], error) {
	key, fresh := *k, since != 0
	e := c.begin(&key)
	window := c.window.Load()
	shared := e.session.Quiet() && window != 0
	read := func(ctx context.Context) (*Entry[R], error) {
		if shared && !fresh {
			// The load that the caller wanted to join may have ended since the caller looked.
			if known := c.peek(&key, hash); known != nil {
				return known, nil
			}
		}
		if err := c.fill(ctx, e, key.Store()); err != nil {
			return nil, err
		}
		if fresh {
			c.advance(e)
		}
		if shared && c.stamps.Current(e.session) && c.stamps.Current(e.customer) {
			c.keepLoaded(hash, e)
		}
		return e, nil
	}
	if !shared {
		return singleflight.Run(ctx, c.cfg.Timeout, c.cfg.Spawn, read)
	}
	place := hash
	if fresh { // fresh reads and others must not take the place from each other
		place = ^hash
	}
	got, joined, err := c.calls.Do(ctx, place, call{key, e.session, e.customer, fresh}, e.start, max(since, e.start-window), read)
	if joined {
		c.Joined.Add(1)
	}
	return got, err
}

// advance moves the stamp of an entry on. The customer of the view may share the stripe.
func (c *Cache[R]) advance(e *Entry[R]) {
	was := e.session
	e.session = c.stamps.Advance(was)
	if e.customer == was {
		e.customer = e.session
	}
}

// begin returns the entry of a load that begins now, without a record.
func (c *Cache[R]) begin(k *Key) *Entry[R] {
	e := c.Empty(*k)
	e.session = c.stamps.Read(c.StripeOf(k.Store()))
	return e
}

// Empty returns an entry without a record. It depends on no session, only on the customer of its
// view.
func (c *Cache[R]) Empty(k Key) *Entry[R] {
	e := &Entry[R]{key: newEntryKey(&k), start: c.Now(), deadline: endless}
	e.session = c.stamps.Read(c.stamps.Never())
	e.customer = e.session
	if k.View != "" {
		e.customer = c.CustomerStamp(k.Tenant, k.View)
	}
	return e
}

// CustomerStamp returns the present stamp of a customer.
func (c *Cache[R]) CustomerStamp(tenant, customerID string) stamp.Stamp {
	return c.stamps.Read(c.StripeOf(store.Key{Tenant: tenant, Kind: store.KindCustomer, ID: customerID}))
}

// Reload reads the store for its caller alone, and keeps nothing.
func (c *Cache[R]) Reload(ctx context.Context, k Key) (store.Record, error) {
	e, err := singleflight.Run(ctx, c.cfg.Timeout, c.cfg.Spawn, func(ctx context.Context) (*Entry[R], error) {
		e := c.Empty(k)
		return e, c.fill(ctx, e, k.Store())
	})
	if err != nil {
		return store.Record{}, err
	}
	return e.Record(), nil
}

// fill reads the store into an entry that nobody else has.
func (c *Cache[R]) fill(ctx context.Context, e *Entry[R], key store.Key) error {
	c.Loads.Add(1)
	rec, err := c.cfg.Load(ctx, key)
	if err != nil {
		return err
	}
	if rec.Exists() && rec.Tenant != key.Tenant {
		return fmt.Errorf("%w: %q", ErrForeign, key.Tenant)
	}
	c.put(e, &rec)
	return nil
}

// put gives an entry its record and deadline. A record that has expired is none.
func (c *Cache[R]) put(e *Entry[R], rec *store.Record) {
	now, at := c.clock.mono(), c.clock.wall()
	e.decoded, e.deadline = nil, endless
	if c.cfg.MaxStale >= 0 {
		e.deadline = e.start + int64(c.cfg.MaxStale)
	}
	if rec.Exists() && !rec.Expired(at) {
		e.decoded = rec
		e.deadline = min(e.deadline, expires(rec, now, at))
	}
}

// keepLoaded keeps what a load has found. The entry of a session will be resolved in a moment, and
// kept then: of two entries that are set one after the other ristretto may keep the older one.
func (c *Cache[R]) keepLoaded(hash uint64, e *Entry[R]) {
	if e.key.kind == store.KindCustomer {
		c.Keep(hash, e)
		return
	}
	c.sessions.SetRecent(hash, e, e.cost(c.cfg.Cost))
}

// Keep caches an entry under the hash of its key.
func (c *Cache[R]) Keep(hash uint64, e *Entry[R]) {
	if c.window.Load() == 0 {
		return
	}
	packed, ok := e.packed()
	if ok {
		c.front.replace(hash, packed)
	}
	if !ok || !c.of(e.key.kind).Set(hash, packed, packed.cost(c.cfg.Cost)) {
		c.front.remove(hash)
		c.DroppedFills.Add(1)
	}
}

// Current reports whether nothing has changed under the stamp since it was taken.
func (c *Cache[R]) Current(s stamp.Stamp) bool { return c.stamps.Current(s) }

// Write is a write under way. While it is, reads of its key go to the store.
type Write[R any] struct {
	c     *Cache[R]
	key   Key
	entry *Entry[R]
	stamp stamp.Write
	// known: the entry has what is stored now.
	known bool
}

// BeginWrite counts a write in. End or EndLater must follow: they count it out.
func (c *Cache[R]) BeginWrite(k Key) (*Write[R], error) {
	e := c.Empty(k)
	s, ok := c.stamps.Begin(c.StripeOf(k.Store()))
	if !ok {
		return nil, ErrBusy
	}
	return &Write[R]{c: c, key: k, entry: e, stamp: s}, nil
}

// Stored says that the store has this record now, by a call that began at start.
func (w *Write[R]) Stored(rec *store.Record, start int64) {
	w.entry.start = start
	w.c.put(w.entry, rec)
	w.known = true
}

// End counts the write out. If it was alone, what it stored is kept.
func (w *Write[R]) End() {
	if !w.known {
		w.c.stamps.End(w.stamp)
		return
	}
	s, alone := w.c.stamps.EndAlone(w.stamp)
	if !alone {
		return
	}
	w.entry.session = s
	w.c.Keep(w.c.Hash(&w.key), w.entry)
}

// EndLater counts the write out after d: its outcome is unknown, and it may still take effect.
func (w *Write[R]) EndLater(d time.Duration) {
	time.AfterFunc(d, func() { w.c.stamps.End(w.stamp) })
}
