package sessionctx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/directory"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// dependencies are what a resolution depends on besides the request and the record: the answers of
// the Directory. An Answer says itself whether it is still in force.
type dependencies struct {
	sites      *directory.Answer[*tenantSites]
	profile    *directory.Answer[defaults.Customer] // nil: no customer, or missing
	customerID string                               // whose profile it is; empty: nobody's
	missing    bool                                 // the profile could not be had
}

// tenantSites are the sites of a tenant as the rules read them, with the values that its sessions
// share.
type tenantSites struct {
	given    []defaults.Site // as the Directory has given them
	table    *defaults.Sites // nil: there is no such tenant
	mistakes []*defaults.SiteError
	// refused are the mistakes of a later answer that did not come into force; nil: there is none.
	refused atomic.Pointer[[]*defaults.SiteError]
	// noDefault says why the tenant has no default site; nil: it has one.
	noDefault error
	again     func() // asks for the sites again: see askAgain
	shared    sharedTable
	// confirmed is the table of the last answer that said the same. It knows when each site was
	// last valid, and is not used for anything else.
	confirmed atomic.Pointer[defaults.Sites]
}

// same reports whether two answers make the same resolutions. A site that has become invalid keeps
// its last valid form for a limited time. When that time ends, only the mistakes change, so they
// are compared too.
func (t *tenantSites) same(u *tenantSites) bool {
	return (t.table == nil) == (u.table == nil) && reflect.DeepEqual(t.given, u.given) && reflect.DeepEqual(t.mistakes, u.mistakes)
}

// lastMistakes are those of the last answer, also if it did not come into force.
func (t *tenantSites) lastMistakes() []*defaults.SiteError {
	if refused := t.refused.Load(); refused != nil {
		return *refused
	}
	return t.mistakes
}

// dependenciesOf asks for the sites of a tenant, and for the profile of the customer unless
// customerID is empty. It fails only without sites.
func (r *Resolver) dependenciesOf(ctx context.Context, tenant, customerID string) (d dependencies, err error) {
	d.sites, err = r.sites.Get(ctx, tenant)
	if err != nil {
		return d, r.directoryError(ctx, err)
	}
	if d.sites.Value.table == nil {
		d.sites.Value.again()
		return dependencies{}, fmt.Errorf("%w: %q", ErrUnknownTenant, tenant)
	}
	r.askProfile(ctx, &d, tenant, customerID)
	return d, nil
}

// askAgain returns the function that a request calls if the sites of the tenant cannot serve it.
// The function asks the Directory for these sites again, at most once a second, so that repaired
// data are soon in force.
func (r *Resolver) askAgain(tenant string) func() {
	var last atomic.Int64
	last.Store(r.near.Now())
	return func() {
		now, before := r.near.Now(), last.Load()
		if now-before >= int64(time.Second) && last.CompareAndSwap(before, now) {
			r.sites.Invalidate(tenant)
		}
	}
}

// askProfile gives d the profile of a customer. If there is no answer, that is no error: d.missing
// is set, and the session is resolved without the profile. The wait for a profile that is not known
// yet takes at most half of the time that ctx has left. The other half is for the session itself.
func (r *Resolver) askProfile(ctx context.Context, d *dependencies, tenant, customerID string) {
	d.customerID, d.profile, d.missing = customerID, nil, false
	if customerID == "" {
		return
	}
	if end, ok := ctx.Deadline(); ok {
		half, cancel := context.WithTimeout(ctx, time.Until(end)/2)
		defer cancel()
		ctx = half
	}
	var err error
	d.profile, err = r.profiles.Get(ctx, profileKey{tenant, customerID})
	d.missing = err != nil
}

// customer returns the profile as the rules take it.
func (d *dependencies) customer() *defaults.Customer {
	if d.profile == nil {
		return nil
	}
	return &d.profile.Value
}

// superseded reports whether other answers have come since.
func (d *dependencies) superseded() bool {
	return d.sites.Superseded() || d.profile != nil && d.profile.Superseded()
}

// inForceSince reports whether the answers were in force at begun already. before are the answers
// that were asked for before that.
func (d *dependencies) inForceSince(begun int64, before *dependencies) bool {
	return (d.sites == before.sites || d.sites.Answered() < begun) &&
		(d.profile == before.profile || d.profile == nil || d.profile.Answered() < begun)
}

// profileKey names a customer's profile.
type profileKey struct{ tenant, customerID string }

// record names the customer's record, whose changes the Store reports.
func (k profileKey) record() store.Key {
	return store.Key{Tenant: k.tenant, Kind: store.KindCustomer, ID: k.customerID}
}

const typicalProfile = 512 // bytes

// newDirectory makes the caches of the Directory's answers.
func (r *Resolver) newDirectory() (err error) {
	source := guardedDirectory{r.cfg.Directory, r.cfg.Observe}
	r.sites, err = directory.New(directory.Config[string, *tenantSites]{
		Now: r.near.Now, Timeout: r.cfg.Timeout, MaxAge: r.cfg.DirectoryMaxAge, Go: r.spawn,
		Ask: func(ctx context.Context, tenant string) (*tenantSites, error) {
			return r.askSites(ctx, source, tenant)
		},
		Equal:  (*tenantSites).same,
		Hash:   func(tenant string) uint64 { return r.near.HashMore(0, tenant) },
		Cost:   func(string, *tenantSites) int64 { return 0 },
		Asked:  func() { r.stats.directoryLoads.Add(1) },
		Failed: func(tenant string, err error, known bool) { r.directoryFailed("sites", tenant, err, known) },
	})
	if err != nil {
		return err
	}
	r.profiles, err = directory.New(directory.Config[profileKey, defaults.Customer]{
		Now: r.near.Now, Timeout: r.cfg.Timeout, MaxAge: r.cfg.DirectoryMaxAge, Go: r.spawn,
		Ask: func(ctx context.Context, k profileKey) (defaults.Customer, error) {
			c, err := source.Customer(ctx, k.tenant, k.customerID)
			return c, noAnswer(err, ErrUnknownTenant) // only Sites says that a tenant is unknown
		},
		Equal:    func(a, b defaults.Customer) bool { return reflect.DeepEqual(a, b) },
		Hash:     func(k profileKey) uint64 { return r.profileHash(k.record().Hash()) },
		Group:    func(k profileKey) string { return k.tenant },
		Cost:     profileCost,
		Changed:  func(k profileKey) { r.near.Bump(k.record()) },
		MaxBytes: profileShare * r.cfg.CacheBytes / shares,
		Asked:    func() { r.stats.directoryLoads.Add(1) },
		Failed:   func(k profileKey, err error, known bool) { r.directoryFailed("profile", k.tenant, err, known) },
	})
	return err
}

// askSites asks the source for the sites of a tenant, and compiles them as far as they are valid.
func (r *Resolver) askSites(ctx context.Context, source Directory, tenant string) (*tenantSites, error) {
	known := &tenantSites{}
	answer := r.sites.Known(tenant)
	if answer != nil {
		known = answer.Value
	}
	given, err := source.Sites(ctx, tenant)
	if errors.Is(err, ErrUnknownTenant) && answer != nil {
		return &tenantSites{again: r.askAgain(tenant)}, nil // the tenant was known and is gone: that is an answer
	}
	if err != nil {
		return nil, noAnswer(err)
	}
	next := &tenantSites{given: given, again: r.askAgain(tenant)}
	next.table, next.mistakes, err = defaults.CompileSites(given, known.confirmed.Load(), time.Now())
	refused := err != nil && (next.table == nil || known.table != nil && known.noDefault == nil)
	if (known.table != nil || !refused) && !reflect.DeepEqual(known.lastMistakes(), next.mistakes) {
		r.logMistakes(ctx, tenant, next.mistakes)
	}
	switch {
	case refused:
		known.refused.Store(&next.mistakes)
		return nil, err
	case err != nil: // no default site, now or before: the sites that a request names serve
		r.logDirectory(slog.LevelError, "sessionctx: no site is the default: only requests that name a site are answered", "sites", tenant, err)
	}
	known.refused.Store(nil)
	next.noDefault = err
	next.confirmed.Store(next.table)
	if known.same(next) {
		known.confirmed.Store(next.table)
	}
	return next, nil
}

// noAnswer returns err, an error of a Directory or of a Load, as one that says only that there is
// no answer. The host's code may return an error of this package, which a caller of the Resolver
// would misread: ErrNotFound, for example, would say that the session has ended. noAnswer keeps the
// text of such an error, and not its identity. others are more errors to treat so.
func noAnswer(err error, others ...error) error {
	for _, known := range append(others, ErrNotFound, ErrConflict, ErrFull, ErrUnknownOutcome, ErrClosed) {
		if errors.Is(err, known) {
			return errors.New(err.Error())
		}
	}
	return err
}

// maxLoggedMistakes bounds the lines of one answer.
const maxLoggedMistakes = 10

func (r *Resolver) logMistakes(ctx context.Context, tenant string, mistakes []*defaults.SiteError) {
	r.stats.siteMistakes.Add(int64(len(mistakes)))
	for _, m := range mistakes[:min(len(mistakes), maxLoggedMistakes)] {
		r.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "sessionctx: mistake in the data of a site",
			slog.String("tenant", tenant), slog.Any("error", m), slog.String("effect", m.Effect), slog.Int("mistakes", len(mistakes)))
	}
}

// SiteMistakes returns what is wrong with the sites of a tenant, as the Directory gave them last:
// each mistake with its effect. That answer need not be in force: if it has no default site, the
// answer before it stays in force. SiteMistakes neither asks nor waits, and returns nil for a
// tenant that is not known.
func (r *Resolver) SiteMistakes(tenant string) []*defaults.SiteError {
	if a := r.sites.Known(tenant); a != nil {
		return slices.Clone(a.Value.lastMistakes())
	}
	return nil
}

// Tenants returns the tenants whose sites are known, sorted: those that any call has asked about,
// Warm and Sites too. Tenants neither asks nor waits.
func (r *Resolver) Tenants() []string {
	tenants := slices.DeleteFunc(r.sites.Keys(), func(tenant string) bool {
		a := r.sites.Known(tenant)
		return a == nil || a.Value.table == nil
	})
	slices.Sort(tenants)
	return tenants
}

// Sites returns the sites of a tenant that are in force: the table by which sessions are resolved
// at this moment, from the cache. The table is immutable. A table that is kept gets old: ask again
// for each page. The first call about a tenant waits for the Directory, for Config.Timeout at most;
// a call after an Invalidate waits for 100 ms at most.
//
// The error is ErrUnknownTenant, ErrUnavailable while no sites are known, or ErrClosed. It is safe
// for concurrent use by multiple goroutines.
func (r *Resolver) Sites(ctx context.Context, tenant string) (*defaults.Sites, error) {
	req := Request{Identity: Identity{Tenant: tenant}}
	leave, err := r.enter(&req)
	if err != nil {
		return nil, err
	}
	defer leave()
	d, err := r.dependenciesOf(ctx, req.Tenant, "")
	if err != nil {
		return nil, err
	}
	return d.sites.Value.table, nil
}

// MinorUnits returns how many decimals a currency has at a tenant, as [defaults.Sites.MinorUnits]
// does from the sites that the Directory gave. MinorUnits neither asks nor waits: ok is also false
// while the sites of the tenant are not known.
func (r *Resolver) MinorUnits(tenant, currency string) (digits int, ok bool) {
	if a := r.sites.Known(tenant); a != nil && a.Value.table != nil {
		return a.Value.table.MinorUnits(currency)
	}
	return 0, false
}

// profileHash returns the hash under which a profile is kept: from the key of the customer's
// record, so that a report about that record finds the profile.
func (r *Resolver) profileHash(h store.KeyHash) uint64 {
	return r.near.HashMore(0, string(h[:]))
}

func profileCost(k profileKey, c defaults.Customer) int64 {
	texts := len(k.customerID) + len(c.Site) + len(c.Currency) + len(c.Language)
	for i := range c.Addresses {
		a := &c.Addresses[i]
		texts += int(unsafe.Sizeof(*a)) + len(a.Country)
		for _, tag := range a.Tags {
			texts += int(unsafe.Sizeof(tag)) + len(tag)
		}
	}
	return typicalProfile + int64(texts)
}

// directoryFailed counts a failed question, and logs what comes of it.
func (r *Resolver) directoryFailed(what, tenant string, err error, known bool) {
	switch {
	case errors.Is(err, ErrUnknownTenant): // an answer, and no failure
	case known:
		r.logDirectory(slog.LevelWarn, "sessionctx: directory failed, the last answer stays in force", what, tenant, err)
	case what == "profile":
		r.logDirectory(slog.LevelError, "sessionctx: directory failed, and no earlier answer is known: values are computed without the profile", what, tenant, err)
	default:
		r.logDirectory(slog.LevelError, "sessionctx: directory failed, and no earlier answer is known: no session can be resolved", what, tenant, err)
	}
}

// logDirectory counts an error of the Directory, and logs it if none was logged lately.
func (r *Resolver) logDirectory(level slog.Level, message, what, tenant string, err error) {
	kind := logSites
	if what == "profile" {
		kind = logProfiles
	}
	if count := r.stats.directoryErrors.Add(1); r.logDue(kind) {
		r.cfg.Logger.LogAttrs(context.Background(), level, message, slog.String("tenant", tenant),
			slog.String("asked", what), slog.Any("error", err), slog.Int64("errors", count))
	}
}

// directoryError returns the error of a call that cannot go on without the sites.
func (r *Resolver) directoryError(ctx context.Context, cause error) error {
	if errors.Is(cause, ErrUnknownTenant) {
		return cause
	}
	return unavailable(ctx, chain(ErrUnavailable, "directory", cause))
}
