package sessionctx

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/tenants"
)

// Directory is where sites and customers come from: the shop's own services, files, a database.
//
//   - Sites returns all sites of a tenant. An error for which errors.Is(err, ErrUnknownTenant)
//     holds says that there is no such tenant.
//   - Customer returns what the shop knows of a customer's preferences; a customer who is not known
//     is the zero Customer, not an error.
//   - Any other error, or a panic, says that there is no answer now: what was known before stays in
//     force for up to 24 h.
//   - What is returned is not changed afterwards by either side.
//   - Both honour the context's end, and both are safe for concurrent use by multiple goroutines.
//
// The Resolver caches what a Directory answers (see Config.DirectoryMaxAge) and asks for each
// tenant and customer once at a time.
type Directory interface {
	Sites(ctx context.Context, tenant string) ([]defaults.Site, error)
	Customer(ctx context.Context, tenant, customerID string) (defaults.Customer, error)
}

// DirectoryWatcher is implemented by a Directory that learns of changes by itself: the Resolver
// then asks again at once. Watch starts to report, and returns a function that stops it. After stop
// has returned, the Directory calls changed no more.
//
//   - changed(tenant, customerID) says that what is known of the customer may have changed.
//   - changed(tenant, "") says so of the tenant's sites and of all its customers.
//   - changed("", "") says that reports may be missing: everything is asked for again.
type DirectoryWatcher interface {
	Watch(changed func(tenant, customerID string)) (stop func())
}

// Static is a Directory from literals, for table-driven tests and small shops. Its keys are the
// tenants. New checks the tenants and their sites. It must not be changed once it is in use.
type Static map[string]StaticTenant

// StaticTenant is one tenant of a Static directory.
type StaticTenant struct {
	Sites     []defaults.Site
	Customers map[string]defaults.Customer // by customer id
}

// check returns every mistake in the tenants and their sites, each a *ConfigError.
func (s Static) check() (errs []error) {
	const field = "sessionctx.Config.Directory"
	for _, tenant := range slices.Sorted(maps.Keys(s)) {
		if !tenants.Valid(tenant) {
			errs = append(errs, &ConfigError{Field: field, Value: tenant, Rule: tenants.Rule})
		}
		_, err := defaults.NewSites(s[tenant].Sites)
		joined, _ := err.(interface{ Unwrap() []error })
		if joined == nil {
			continue
		}
		for _, err := range joined.Unwrap() {
			e := &ConfigError{Field: fmt.Sprintf("%s[%q].Sites", field, tenant), Rule: err.Error()}
			if m, ok := errors.AsType[*defaults.SiteError](err); ok {
				e.Value, e.Rule = m.Value, m.Rule
				if m.Index >= 0 {
					e.Field += fmt.Sprintf("[%d].%s", m.Index, m.Field)
				}
			}
			errs = append(errs, e)
		}
	}
	return errs
}

// Sites implements Directory.
func (s Static) Sites(_ context.Context, tenant string) ([]defaults.Site, error) {
	t, ok := s[tenant]
	if !ok {
		return nil, ErrUnknownTenant
	}
	return t.Sites, nil
}

// Customer implements Directory.
func (s Static) Customer(_ context.Context, tenant, customerID string) (defaults.Customer, error) {
	return s[tenant].Customers[customerID], nil
}
