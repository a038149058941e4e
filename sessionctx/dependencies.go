package sessionctx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"time"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/directory"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// dependencies are what a resolution depends on besides the request and the record: the answers of
// the Directory. The identity of an answer says whether it is still in force.
type dependencies struct {
	sites      *directory.Answer[*tenantSites]
	profile    *directory.Answer[defaults.Customer] // nil: no customer, or missing
	customerID string                               // whose profile it is; empty: nobody's
	missing    bool                                 // the profile could not be had
}

// tenantSites are the sites of a tenant as the rules read them, with the outcomes that its sessions
// share.
type tenantSites struct {
	given    []defaults.Site // as the Directory has given them
	table    *defaults.Sites // nil: there is no such tenant
	outcomes outcomes
}

// dependenciesOf asks for the sites of a tenant, and for the profile of a customer unless there is
// none. It fails only without sites.
func (r *Resolver) dependenciesOf(ctx context.Context, tenant, customerID string) (d dependencies, err error) {
	d.sites, err = r.sites.Get(ctx, tenant)
	if err != nil {
		return d, r.directoryError(ctx, err)
	}
	if d.sites.Value.table == nil {
		return dependencies{}, fmt.Errorf("%w: %q", ErrUnknownTenant, tenant)
	}
	r.askProfile(ctx, &d, tenant, customerID)
	return d, nil
}

// askProfile gives d the profile of a customer. A profile that cannot be had is missing, and no
// error: the session is worth more.
func (r *Resolver) askProfile(ctx context.Context, d *dependencies, tenant, customerID string) {
	d.customerID, d.profile, d.missing = customerID, nil, false
	if customerID == "" {
		return
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

// answeredAfter reports whether the profile became known after that time.
func (d *dependencies) answeredAfter(t int64) bool {
	return d.profile != nil && d.profile.Answered() > t || d.sites.Answered() > t
}

// profileKey names a customer's profile.
type profileKey struct{ tenant, customerID string }

// record names the customer's record, whose changes the Store reports.
func (k profileKey) record() store.Key {
	return store.Key{Tenant: k.tenant, Kind: store.KindCustomer, ID: k.customerID}
}

const (
	directoryLogEvery = 10 * time.Second // an outage is logged that often, for sites and for profiles
	typicalProfile    = 512              // bytes
)

// newDirectory makes the caches of the Directory's answers.
func (r *Resolver) newDirectory() (err error) {
	source := guardedDirectory{r.cfg.Directory}
	r.sites, err = directory.New(directory.Config[string, *tenantSites]{
		Now: r.near.Now, Timeout: r.cfg.Timeout, MaxAge: r.cfg.DirectoryMaxAge, Go: r.spawn,
		Ask: func(ctx context.Context, tenant string) (*tenantSites, error) {
			return r.askSites(ctx, source, tenant)
		},
		Equal: func(a, b *tenantSites) bool {
			return (a.table == nil) == (b.table == nil) && reflect.DeepEqual(a.given, b.given)
		},
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
			return source.Customer(ctx, k.tenant, k.customerID)
		},
		Equal:    func(a, b defaults.Customer) bool { return reflect.DeepEqual(a, b) },
		Hash:     func(k profileKey) uint64 { return r.profileHash(k.record().Hash()) },
		Group:    func(k profileKey) string { return k.tenant },
		Cost:     profileCost,
		MaxBytes: profileShare * r.cfg.CacheBytes / shares,
		Asked:    func() { r.stats.directoryLoads.Add(1) },
		Failed:   func(k profileKey, err error, known bool) { r.directoryFailed("profile", k.tenant, err, known) },
	})
	return err
}

// askSites asks the source for the sites of a tenant, and compiles them.
func (r *Resolver) askSites(ctx context.Context, source Directory, tenant string) (*tenantSites, error) {
	given, err := source.Sites(ctx, tenant)
	if errors.Is(err, ErrUnknownTenant) && r.sites.Known(tenant) != nil {
		return &tenantSites{}, nil // it was known: this is news, and no failure
	}
	if err != nil {
		return nil, err
	}
	table, err := defaults.NewSites(given)
	if err != nil {
		return nil, err
	}
	return &tenantSites{given: given, table: table}, nil
}

// profileHash returns the hash under which a profile is kept: from the key of the customer's
// record, so that a report about that record finds the profile.
func (r *Resolver) profileHash(h store.KeyHash) uint64 {
	return r.near.HashMore(0, string(h[:]))
}

func profileCost(k profileKey, c defaults.Customer) int64 {
	return typicalProfile + int64(len(k.customerID)+128*len(c.Addresses))
}

// directoryFailed counts a failed question, and logs it if none was logged lately.
func (r *Resolver) directoryFailed(what, tenant string, err error, known bool) {
	if errors.Is(err, ErrUnknownTenant) {
		return
	}
	failures := r.stats.directoryErrors.Add(1)
	next := &r.logNext[logSites]
	if what == "profile" {
		next = &r.logNext[logProfiles]
	}
	now := r.near.Now()
	if due := next.Load(); now < due || !next.CompareAndSwap(due, now+int64(directoryLogEvery)) {
		return
	}
	level, message := slog.LevelError, "sessionctx: directory failed, nothing is known"
	if known {
		level, message = slog.LevelWarn, "sessionctx: directory failed, the last answer stays in force"
	}
	r.cfg.Logger.LogAttrs(context.Background(), level, message, slog.String("tenant", tenant),
		slog.String("asked", what), slog.Any("error", err), slog.Int64("errors", failures))
}

// directoryError returns the error of a call that cannot go on without the sites.
func (r *Resolver) directoryError(ctx context.Context, cause error) error {
	if errors.Is(cause, ErrUnknownTenant) {
		return cause
	}
	return unavailable(ctx, fmt.Errorf("directory: %w", cause))
}
