package sessionctx

import (
	"context"
	"hash/maphash"
	"log/slog"
	"math/bits"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessionctx/storefront/defaults"
)

// Resolver resolves, caches and guards session contexts. It is safe for concurrent use by multiple goroutines.
type Resolver struct {
	cfg   Config
	near  nearCache
	dir   directoryCache
	gate  gate // all calls but warm ones
	bg    sync.WaitGroup
	stop  []func()
	done  chan struct{} // closed by Close
	stats counters

	touching    sync.Map      // Key: touches under way
	touches     chan struct{} // how many
	degradedLog atomic.Int64  // monotonic; not before then is a degraded answer logged again
}

// New returns a Resolver. The error joins every mistake in cfg. Close it after use.
func New(cfg Config) (*Resolver, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &Resolver{cfg: cfg, touches: make(chan struct{}, maxTouches), done: make(chan struct{})}
	started := time.Now()
	r.near = nearCache{
		store: hostStore{cfg.Store}, seed: maphash.MakeSeed(), mask: ^uint64(0), started: started, timeout: cfg.Timeout,
		maxStale: cfg.MaxStale, words: newWords(), touchDue: r.touchDue, stats: &r.stats,
	}
	r.near.flights.bg = &r.bg
	r.dir = directoryCache{
		src: hostDirectory{cfg.Directory}, log: cfg.Logger, stats: &r.stats, now: r.near.now, maxAge: cfg.DirectoryMaxAge, timeout: cfg.Timeout,
		memos: r.near.words, asked: newWords(), seed: r.near.seed, tenants: make(map[string]*directoryAnswer),
	}
	r.dir.flights.bg = &r.bg
	const typical = entrySize + bagOverhead + 64
	share := cfg.CacheBytes / 12
	if r.near.bags[KindSession], err = newBag[*entry](8*share, typical); err != nil {
		return nil, err
	}
	if r.near.bags[KindCustomer], err = newBag[*entry](3*share, typical); err != nil {
		r.near.bags[KindSession].Close()
		return nil, err
	}
	if r.dir.profiles, err = newBag[*directoryAnswer](share, typicalProfile); err != nil {
		r.near.close()
		return nil, err
	}
	if w, ok := cfg.Store.(Watcher); ok {
		r.near.maxStale = endless
		r.stop = append(r.stop, w.Watch(&r.near))
	} else {
		r.near.window.Store(int64(cfg.MaxStale) / 4)
		r.near.lease.Store(endless)
	}
	if w, ok := cfg.Directory.(DirectoryWatcher); ok {
		r.stop = append(r.stop, w.Watch(r.dir.invalidate))
	}
	r.near.soon.Store(2 * int64(tickEvery))
	r.bg.Go(func() { r.near.tick(r.done) })
	return r, nil
}

// Close refuses new calls with ErrClosed, waits for those inside, and frees the cache. It closes neither Store nor Directory.
// A second Close does nothing.
func (r *Resolver) Close() error {
	if !r.gate.close() {
		return nil
	}
	close(r.done)
	r.bg.Wait()
	for _, stop := range r.stop {
		stop()
	}
	r.near.close()
	r.dir.profiles.Close()
	return nil
}

// Resolve returns the session context of a request. It never writes, except that it moves the expiry of a session that
// is in use.
//
// A secret id that is unknown or has ended, and a request without a session id, resolve to computed defaults with an
// empty ID. An asserted session that has ended, or is not this identity's, is ErrNotFound. When the store cannot be
// asked the answer is computed defaults marked Degraded, or ErrUnavailable if Config.FailDegraded says so; without
// the tenant's sites it is always ErrUnavailable.
func (r *Resolver) Resolve(ctx context.Context, req Request) (s Session, err error) {
	req.Hints = bounded(req.Hints)
	hash := r.hash(&req)
	if e := r.near.hot(hash, &req); e != nil {
		e.session(req.SessionID, &s)
		return s, nil
	}
	if !r.gate.enter() {
		return s, ErrClosed
	}
	defer r.gate.leave()
	r.stats.slow.Add(1)
	err = r.resolve(ctx, hash, &req, &s)
	return s, err
}

// Attach returns ctx with the session of req, for FromContext, and whether it is Degraded. It is Resolve and NewContext at less
// than half their price, because the session is put together when it is asked for. Its errors are those of Resolve.
func (r *Resolver) Attach(ctx context.Context, req Request) (attached context.Context, degraded bool, err error) {
	req.Hints = bounded(req.Hints)
	hash := r.hash(&req)
	if e := r.near.hot(hash, &req); e != nil {
		return &entryContext{ctx, e, req.SessionID}, false, nil // a degraded answer is never kept
	}
	if !r.gate.enter() {
		return nil, false, ErrClosed
	}
	defer r.gate.leave()
	r.stats.slow.Add(1)
	var s Session
	if err := r.resolve(ctx, hash, &req, &s); err != nil {
		return nil, false, err
	}
	return NewContext(ctx, s), s.Degraded, nil
}

// Hints longer than this are cut: what is kept of them must be bounded, whoever sends them.
const (
	maxAcceptLanguage = 256
	maxGeo            = 16
)

func bounded(h defaults.Hints) defaults.Hints {
	if len(h.AcceptLanguage) > maxAcceptLanguage {
		h.AcceptLanguage = h.AcceptLanguage[:maxAcceptLanguage]
		h.AcceptLanguage = h.AcceptLanguage[:strings.LastIndexByte(h.AcceptLanguage, ',')+1] // no half languages
	}
	if len(h.Country) > maxGeo {
		h.Country = h.Country[:maxGeo]
	}
	return h
}

// hash returns the hash under which the bag keeps the entry that answers req.
func (r *Resolver) hash(req *Request) uint64 {
	h := r.near.hash(KindSession, req.Tenant, req.SessionID)
	if req.SessionID == "" { // nobody in particular: the answer depends on the question alone
		for _, s := range [...]string{req.CustomerID, req.Site, req.Hints.Country, req.Hints.AcceptLanguage} {
			h = bits.RotateLeft64(h, 19) ^ maphash.String(r.near.seed, s)
		}
		h &= r.near.mask
	}
	return h
}

// degradedLogEvery keeps an outage from becoming an outage of the log.
const degradedLogEvery = 10 * time.Second

// resolveTries bounds how often a resolution is begun anew because something that it read changed meanwhile.
const resolveTries = 16

// resolve is Resolve past the warm path.
func (r *Resolver) resolve(ctx context.Context, hash uint64, req *Request, s *Session) error {
	if err := req.check(); err != nil {
		return err
	}
	req.own()
	for try := 1; ; try++ {
		e, settled, err := r.answer(ctx, hash, req)
		switch {
		case !settled && (err == nil || err == ErrNotFound) && try < resolveTries:
		case err != nil:
			return err
		default:
			e.session(req.SessionID, s)
			return nil
		}
	}
}

// answer makes an entry with a memo for req, and keeps it if it may. It reports whether the answer is
// settled, be it ErrNotFound: all that it depends on was in force at one moment.
func (r *Resolver) answer(ctx context.Context, hash uint64, req *Request) (*entry, bool, error) {
	p, err := r.sites(ctx, req.Tenant, req.asserted()) // before the record: see settled and covers
	if err != nil {
		return nil, false, unavailable(ctx, err)
	}
	answers := r.dir.answers.Load()
	var rec Record
	e, st, err := r.whose(ctx, hash, req, p.customer, &rec)
	if err != nil {
		return r.degraded(ctx, req, err)
	}
	nobody := false
	switch {
	case st.state == live, st.state == absent && req.Proof == Asserted:
	case req.Proof == BySecret:
		nobody = true
	default:
		return nil, e == nil || r.near.epoch.Load() == e.epoch, ErrNotFound
	}
	if req.SessionID == "" {
		nobody = true
	}
	if err := r.profile(ctx, &p, req.Tenant, st); err != nil {
		return r.degraded(ctx, req, err)
	}
	if e == nil { // nobody in particular: the entry hangs on the sites alone
		e = newEntry(req.key(), &Record{})
		e.stripe, e.word, e.epoch, e.deadline = p.sites, p.sitesWord, r.near.epoch.Load(), p.deadline
	}
	if nobody {
		rec = Record{}
	}
	values, rejected := p.table.Explain(r.input(req, &rec, st.customerID, &p))
	r.stats.reject(rejected)
	e = e.remember(req, nobody, st.customerID, values, &p)
	settled, err := r.settled(ctx, e, st, &p, answers)
	if err != nil {
		return r.degraded(ctx, req, err)
	}
	now := r.near.now()
	if settled && quiet(e.word) && quiet(p.sitesWord) && quiet(p.customerWord) && now < e.deadline {
		r.near.fill(hash, e)
	}
	if !nobody && e.touchAt <= now {
		r.touch(ctx, e)
	}
	return e, settled, nil
}

// whose returns the entry of the session that req names, nil if it names none, and how the identity stands to its record, which it
// writes to rec.
func (r *Resolver) whose(ctx context.Context, hash uint64, req *Request, customer uint16, rec *Record) (*entry, standing, error) {
	if req.SessionID == "" {
		return nil, standing{state: absent, customerID: req.asserted()}, nil
	}
	e, err := r.session(ctx, hash, req, customer)
	if err != nil {
		return nil, standing{}, err
	}
	*rec = e.record()
	st, err := r.stand(ctx, req, rec)
	return e, st, err
}

// surroundings are what a resolution depends on besides the request and the record, and the words under
// which they were read.
type surroundings struct {
	table                   *defaults.Sites
	profile                 *defaults.Customer // nil: anonymous
	sites, customer         uint16             // stripes; noStripe: it depends on no customer
	sitesWord, customerWord uint64
	answer                  int64 // the number of the Directory's later one
	deadline                int64
}

// sites asks the directory for the sites of a tenant. For a customer who is known already it begins with his word.
func (r *Resolver) sites(ctx context.Context, tenant, customerID string) (p surroundings, err error) {
	words := r.near.words
	p.sites, p.customer = words.sites(tenant), customerStripe(words, tenant, customerID)
	p.sitesWord, p.customerWord = words.load(p.sites), words.load(p.customer)
	sites, err := r.dir.sitesOf(ctx, tenant)
	if err != nil {
		return p, err
	}
	p.table, p.deadline, p.answer = sites.table, sites.deadline, sites.number
	return p, nil
}

// profile adds to p what the directory knows of the customer of this standing, if there is one.
func (r *Resolver) profile(ctx context.Context, p *surroundings, tenant string, st standing) error {
	if st.generation != nil { // be it by this that a session has ended; it was read before: its word is the older one
		p.customer, p.customerWord = st.generation.stripe, st.generation.word
	}
	if st.customerID == "" {
		return nil
	}
	c, err := r.dir.customerOf(ctx, tenant, st.customerID)
	if err != nil {
		return err
	}
	p.profile, p.deadline, p.answer = c.customer, min(p.deadline, c.deadline), max(p.answer, c.number)
	return nil
}

// surroundings asks the directory for an identity of this standing.
func (r *Resolver) surroundings(ctx context.Context, tenant string, st standing) (surroundings, error) {
	p, err := r.sites(ctx, tenant, st.customerID)
	if err == nil {
		err = r.profile(ctx, &p, tenant, st)
	}
	return p, err
}

// settled reports whether sites, record, generation and profile were in force at one moment.
//
// Under a quiet word an unchanged word says so. While a writer is in flight the word does not move when the
// store does, so what was read from the store is read again, after the directory was.
//
// What others can write moves no word here, or too late: then what the directory said must have been in force when the store was read,
// so it must be one of the answers that were there before. A record that may be reused may be old in any case, within the lease. What is lost
// without a write is no state that was ever in force, so it moves the epoch before it is missed: see Watcher.
func (r *Resolver) settled(ctx context.Context, e *entry, st standing, p *surroundings, answers int64) (bool, error) {
	if p.answer > answers && !r.near.exclusive() {
		return false, nil
	}
	for _, e := range []*entry{e, st.generation} {
		if e == nil || e.idLen == 0 || quiet(e.word) {
			continue
		}
		now, err := r.near.record(ctx, e.key())
		if err != nil {
			return false, err
		}
		if now.Revision() != (Revision{e.incarnation, e.version}) {
			return false, nil
		}
	}
	words := r.near.words
	return words.load(e.stripe) == e.word && words.load(p.sites) == p.sitesWord &&
		words.load(p.customer) == p.customerWord && r.near.epoch.Load() == e.epoch, nil
}

// input returns what the rules of package defaults decide from.
func (r *Resolver) input(req *Request, rec *Record, customerID string, p *surroundings) defaults.Input {
	in := defaults.Input{RequestSite: req.Site, Choices: rec.Choices, Customer: p.profile, Hints: req.Hints}
	if customerID != rec.CustomerID && r.cfg.LoginPolicy == PreferProfile {
		in.Choices, _ = preferProfile(in.Choices, p.profile) // seen as after the login
	}
	return in
}

// degraded answers a request whose record, or customer, could not be read because of cause: with computed
// defaults that are marked, and never kept.
func (r *Resolver) degraded(ctx context.Context, req *Request, cause error) (*entry, bool, error) {
	if r.cfg.FailDegraded || req.Proof == Management || req.Freshness != 0 || ctx.Err() != nil {
		return nil, false, unavailable(ctx, cause)
	}
	customerID := req.asserted()
	p, err := r.surroundings(ctx, req.Tenant, standing{customerID: customerID})
	if p.table == nil {
		return nil, false, err // not even the sites are known
	}
	r.stats.degraded.Add(1)
	if now, next := r.near.now(), r.degradedLog.Load(); now >= next && r.degradedLog.CompareAndSwap(next, now+int64(degradedLogEvery)) {
		r.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "sessionctx: degraded: answering defaults without the record",
			slog.String("tenant", req.Tenant), slog.Any("error", cause), slog.Int64("degraded", r.stats.degraded.Load()))
	}
	values := p.table.Resolve(defaults.Input{RequestSite: req.Site, Customer: p.profile, Hints: req.Hints})
	e := newEntry(req.key(), &Record{})
	e.flags |= entryDegraded
	return e.remember(req, req.Proof != Asserted || req.SessionID == "", customerID, values, &p), true, nil
}

// Invalidate forgets what the directory said of a customer, or with an empty customerID all that it said of the tenant: a call of
// Resolve that begins after it asks anew. It is safe for concurrent use by multiple goroutines.
func (r *Resolver) Invalidate(tenant, customerID string) { r.dir.invalidate(tenant, customerID) }
