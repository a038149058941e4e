package sessionctx

import (
	"context"
	"errors"
	"hash/maphash"
	"math"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"
)

// nearCache is the in-process cache in front of the store. What it holds are hints: every hit is validated when
// it is read, against the word of its key, the epoch and the lease.
type nearCache struct {
	store   Store
	seed    maphash.Seed
	mask    uint64 // all ones; fewer in tests that force collisions
	started time.Time
	timeout time.Duration
	ends    ends
	// An entry lives for maxStale from the start of its load: endless for a Store that is a Watcher.
	maxStale time.Duration

	words   *words
	bags    [2]*bag[*entry] // by Kind: to find a session no look is taken at generations, nor at memory that they fill
	flights flights[*entry]

	// soon is a time that is not over yet, moved on every second: what is good until later needs no look at the clock,
	// which is the dearest single thing on the warm path. A lease is always held against the clock.
	soon   atomic.Int64
	epoch  atomic.Uint32
	lease  atomic.Int64 // monotonic; entries count until then
	window atomic.Int64 // how long after its start a load may be joined

	touchDue func(Record) time.Time // when a record's expiry wants to be moved; zero: not at all
	stats    *counters
}

// tickEvery is how often soon is moved on.
const tickEvery = time.Second

// hitSample is of how many warm answers one is counted: a shared counter would cost more than most of what it counts.
const hitSample = 64

const endless = math.MaxInt64

// errForeignRecord is a store's grave fault, and the last thing between one tenant's record and another's shopper.
var errForeignRecord = errors.New("sessionctx: the store returned a record of another tenant")

// now returns the monotonic time.
func (n *nearCache) now() int64 { return int64(time.Since(n.started)) }

// tick moves soon on until stop is closed.
func (n *nearCache) tick(stop <-chan struct{}) {
	t := time.NewTicker(tickEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			n.soon.Store(n.now() + 2*int64(tickEvery))
		case <-stop:
			return
		}
	}
}

// hash returns the seeded hash of a key under which the bag keeps it. Of the tenant a few bytes are enough: ids are as good as
// unique, and two tenants that share one cost each other a reload.
func (n *nearCache) hash(kind Kind, tenant, id string) uint64 {
	h := maphash.String(n.seed, id) + uint64(kind)
	if l := len(tenant); l > 0 {
		h ^= (uint64(l)<<24 | uint64(tenant[0])<<16 | uint64(tenant[l/2])<<8 | uint64(tenant[l-1])) * 0x9e3779b97f4a7c15
	}
	return h & n.mask
}

// Invalidate implements Sink.
func (n *nearCache) Invalidate(h KeyHash) {
	n.words.changed(n.words.stripe(h))
	n.stats.invalidations.Add(1)
}

// InvalidateAll implements Sink.
func (n *nearCache) InvalidateAll() { n.epoch.Add(1) }

// exclusive reports whether nobody but this process can write to the store.
func (n *nearCache) exclusive() bool { return n.maxStale == endless && n.lease.Load() == endless }

// Exclusive implements Sink.
func (n *nearCache) Exclusive() {
	n.window.Store(endless)
	n.lease.Store(endless)
}

// ExtendLease implements Sink.
func (n *nearCache) ExtendLease(until time.Time) {
	d := int64(time.Until(until))
	n.window.Store(d / 4)
	lease := n.now() + d
	for old := n.lease.Load(); old < lease && !n.lease.CompareAndSwap(old, lease); old = n.lease.Load() {
	}
}

// hot returns the entry whose memo answers a request, nil if there is none, and does nothing else: it is the warm path.
// Every check holds at the moment of the first of them, or the entry is younger than that: words and epoch never come back. Lost moves the epoch before
// a new lease is given, so the lease is looked at before the epoch.
//
// What comes from afar comes together only if it is asked for together. A look at the clock holds everything up, so it is taken before anything is
// asked for; then the shortest checks, which ask for the second cache line of the entry; and the long comparisons of strings, which ask for the first,
// when all is under way.
func (n *nearCache) hot(hash uint64, req *Request) *entry {
	if req.Freshness == FreshRead {
		return nil
	}
	now := n.soon.Load() // or later than now, which does as well for what is good for longer
	if lease := n.lease.Load(); lease != endless {
		if now = n.now(); now >= lease {
			return nil
		}
	}
	e, ok := n.bags[KindSession].Get(hash)
	if !ok || now >= e.memoUntil && n.now() >= e.memoUntil {
		return nil
	}
	if n.words.load(e.stripe)+n.words.load(e.sites)+n.words.load(e.customer) != e.wordSum || n.epoch.Load() != e.epoch {
		return nil
	}
	if !e.is(KindSession, req.Tenant, req.SessionID) || !e.fits(req) {
		return nil
	}
	if rand.Uint32()%hitSample == 0 {
		n.stats.hits.Add(hitSample)
	}
	return e
}

// covers reports whether a session's entry is no older than what this process did to the customer who is asserted to the session. Whose session
// it is may be news from another process that has not come yet: then an EndAll of here meant it, and its word would not say so. Once
// the record has a customer, the generation says it.
func (n *nearCache) covers(e *entry, customer uint16) bool {
	return customer == noStripe || n.exclusive() || e.flags&entryEnded != 0 || e.owner() != "" ||
		e.customer == customer && e.seen == changesIn(n.words.load(customer))
}

// usable reports whether e, which is about the right key, is still good: in the order of hot.
func (n *nearCache) usable(e *entry, now int64) bool {
	return now < n.lease.Load() && now < e.deadline && n.words.load(e.stripe) == e.word && n.epoch.Load() == e.epoch
}

// peek returns the entry of a key, if it has a good one.
func (n *nearCache) peek(key Key, hash uint64) (*entry, bool) {
	e, ok := n.bags[key.Kind].Get(hash)
	if !ok || !e.is(key.Kind, key.Tenant, key.ID) || !n.usable(e, n.now()) {
		return nil, false
	}
	return e, true
}

// read returns the entry of a key: from the bag, from a flight, or from the store. While a writer is in
// flight the store is read, nothing is shared and nothing kept. What has to be fresh is neither taken from the bag nor joined, but takes the
// place of flights that began before it, lest what it finds be taken back.
//
// The first to ask leads the flight, on its own goroutine: a change of goroutine would cost more than all the rest. Its end is not the
// load's, for others wait for the same, and for the same connection. So it stays until the store has answered, Timeout at most; whose
// deadline comes before that has another goroutine lead.
//
// customer is the stripe of the customer who is asserted to the session, noStripe if nobody is: see covers.
func (n *nearCache) read(ctx context.Context, key Key, hash uint64, fresh Freshness, customer uint16) (*entry, error) {
	for {
		if fresh != FreshRead {
			if e, ok := n.peek(key, hash); ok && fresh.allows(e) && n.covers(e, customer) {
				return e, nil
			}
		}
		l := n.begin(key, customer)
		f, lead := n.board(&l, hash, fresh)
		switch {
		case f == nil:
			return n.alone(ctx, &l, hash)
		case lead && n.inTime(ctx):
			return n.lead(ctx, &l, hash, f)
		case lead:
			n.detach(ctx, l, hash, f)
		default:
			n.stats.joined.Add(1)
		}
		if e, err := f.wait(ctx); !errors.Is(err, errAbandoned) {
			return e, err
		}
	}
}

// ahead begins to load a key that read will be asked for in a moment, so that the two loads of one request are under way together.
func (n *nearCache) ahead(ctx context.Context, key Key, hash uint64) {
	if _, ok := n.peek(key, hash); ok {
		return
	}
	l := n.begin(key, noStripe)
	if f, lead := n.board(&l, hash, 0); lead {
		n.detach(ctx, l, hash, f)
	}
}

// loading is a load, and what it begins under: what it finds is good for that.
type loading struct {
	key      Key
	start    int64 // monotonic
	stripe   uint16
	customer uint16 // who is asserted to the session, noStripe if nobody is
	seen     uint32 // of that customer's changes
	epoch    uint32
	word     uint64
}

func (l *loading) flight() flightKey {
	k := flightKey{key: l.key, word: l.word, epoch: uint64(l.epoch)}
	if l.customer != noStripe {
		k.since = uint64(l.customer+1)<<32 | uint64(l.seen)
	}
	return k
}

// begin returns a load of the key that begins now.
func (n *nearCache) begin(key Key, customer uint16) loading {
	key.ID = strings.Clone(key.ID) // the caller's may be a part of a whole header
	l := loading{key: key, start: n.now(), stripe: n.words.stripe(key.Hash()), epoch: n.epoch.Load(), customer: customer}
	l.word, l.seen = n.words.load(l.stripe), changesIn(n.words.load(customer))
	return l
}

// shareable reports whether others may have what a load finds.
func (n *nearCache) shareable(l *loading) bool { return quiet(l.word) && n.window.Load() != 0 }

// board returns a flight for a load, and whether the caller leads it; nil while it may not be shared.
func (n *nearCache) board(l *loading, hash uint64, fresh Freshness) (f *flight[*entry], lead bool) {
	if !n.shareable(l) {
		return nil, false
	}
	window := n.window.Load()
	if fresh != 0 {
		window = 0
	}
	usable := func(e *entry) bool { return fresh == 0 && n.usable(e, n.now()) && n.covers(e, l.customer) }
	return n.flights.join(hash, l.flight(), l.start, window, usable)
}

// inTime reports whether a caller can stay for as long as a load may take.
func (n *nearCache) inTime(ctx context.Context) bool {
	end, ok := ctx.Deadline()
	return !ok || time.Until(end) > n.timeout
}

// lead loads for all who join.
func (n *nearCache) lead(ctx context.Context, l *loading, hash uint64, f *flight[*entry]) (*entry, error) {
	defer n.flights.land(f)
	f.err = errAbandoned // should the load not return
	f.value, f.err = n.load(n.ends.of(ctx, hash, l.start, n.timeout), l, hash)
	return f.value, f.err
}

// detach has another goroutine load for all who join. l is a copy, so that it need not be on the heap where nothing is detached.
func (n *nearCache) detach(ctx context.Context, l loading, hash uint64, f *flight[*entry]) {
	n.flights.detach(ctx, f, func(ctx context.Context) (*entry, error) {
		return n.load(n.ends.of(ctx, hash, n.now(), n.timeout), &l, hash)
	})
}

// alone is a load that nobody may join: it ends with its caller.
func (n *nearCache) alone(ctx context.Context, l *loading, hash uint64) (*entry, error) {
	ctx, cancel := context.WithTimeout(ctx, n.timeout)
	defer cancel()
	return n.load(ctx, l, hash)
}

// load reads the store until ctx ends. The entry is good for what was known before the load began.
func (n *nearCache) load(ctx context.Context, l *loading, hash uint64) (*entry, error) {
	rec, at, err := n.fetch(ctx, l.key)
	if err != nil {
		return nil, err
	}
	e := n.entry(&rec, at, l)
	// What is made of a session's record is kept, with its memo: of two Sets of a new key in flight ristretto keeps the older one.
	if e.kind != KindSession && n.shareable(l) && n.words.load(l.stripe) == l.word && n.epoch.Load() == l.epoch {
		n.fill(hash, e)
	}
	return e, nil
}

// record reads the store, for its caller alone.
func (n *nearCache) record(ctx context.Context, key Key) (Record, error) {
	ctx, cancel := context.WithTimeout(ctx, n.timeout)
	defer cancel()
	rec, _, err := n.fetch(ctx, key)
	return rec, err
}

// fetch reads the store until ctx ends. at is when a record that expires was found not to have.
func (n *nearCache) fetch(ctx context.Context, key Key) (rec Record, at time.Time, err error) {
	n.stats.loads.Add(1)
	rec, err = n.store.Load(ctx, key)
	switch {
	case err != nil:
		return Record{}, at, err
	case rec.Exists() && rec.Tenant != key.Tenant:
		return Record{}, at, errForeignRecord
	case rec.ExpiresAt.IsZero():
		return rec, at, nil
	}
	if at = time.Now(); rec.Expired(at) {
		return Record{}, at, nil
	}
	return rec, at, nil
}

// entry makes an entry of what a load has found at some time.
func (n *nearCache) entry(rec *Record, at time.Time, l *loading) *entry {
	e := newEntry(l.key, rec)
	e.stripe, e.word, e.epoch = l.stripe, l.word, l.epoch
	e.customer, e.seen = l.customer, l.seen
	if n.maxStale != endless {
		e.deadline = l.start + int64(n.maxStale)
	}
	if !rec.ExpiresAt.IsZero() {
		now := int64(at.Sub(n.started))
		e.deadline = min(e.deadline, now+int64(rec.ExpiresAt.Sub(at)))
		if due := n.touchDue(*rec); !due.IsZero() {
			e.touchAt = now + int64(due.Sub(at))
		}
	}
	return e
}

func (n *nearCache) fill(hash uint64, e *entry) {
	if !n.bags[e.kind].Set(hash, e, e.cost()) {
		n.stats.droppedFills.Add(1)
	}
}

// close empties the cache.
func (n *nearCache) close() {
	for _, b := range n.bags {
		b.Close()
	}
	n.ends.close()
}
