package sessionctx_test

import (
	"context"
	"sync/atomic"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
)

// desk is a Directory that can change and fail.
type desk struct {
	sessionctx.Static
	sites     atomic.Pointer[[]defaults.Site]
	customer  atomic.Pointer[defaults.Customer]
	fails     atomic.Bool
	gone      atomic.Bool           // no tenant is known
	cause     atomic.Pointer[error] // why it fails; nil: errDown
	asked     atomic.Int64
	customers atomic.Int64
}

func (d *desk) down() error {
	if cause := d.cause.Load(); cause != nil {
		return *cause
	}
	return errDown
}

func (d *desk) Sites(ctx context.Context, tenant string) ([]defaults.Site, error) {
	d.asked.Add(1)
	if d.fails.Load() {
		return nil, d.down()
	}
	if d.gone.Load() {
		return nil, sessionctx.ErrUnknownTenant
	}
	if s := d.sites.Load(); s != nil {
		return *s, nil
	}
	return d.Static.Sites(ctx, tenant)
}

func (d *desk) Customer(ctx context.Context, tenant, id string) (defaults.Customer, error) {
	d.customers.Add(1)
	if d.fails.Load() {
		return defaults.Customer{}, d.down()
	}
	if c := d.customer.Load(); c != nil {
		return *c, nil
	}
	return d.Static.Customer(ctx, tenant, id)
}

// askedDesk is a Directory whose customers answer when a test says so.
type askedDesk struct {
	sessionctx.Static
	asked  chan bool
	answer chan defaults.Customer
}

func (d *askedDesk) Customer(context.Context, string, string) (defaults.Customer, error) {
	d.asked <- true
	return <-d.answer, nil
}

// desks is a Directory that looks customers up by a function.
type desks struct {
	sessionctx.Static
	customer func() defaults.Customer
}

func (d desks) Customer(context.Context, string, string) (defaults.Customer, error) {
	return d.customer(), nil
}

// pacedDesk is a desk whose answers can come late: each is made when the question comes, and then
// held back.
type pacedDesk struct {
	desk
	hold
	noProfiles atomic.Bool
}

func (d *pacedDesk) Sites(ctx context.Context, tenant string) ([]defaults.Site, error) {
	sites, err := d.desk.Sites(ctx, tenant)
	if held := d.pause(ctx); held != nil {
		return nil, held
	}
	return sites, err
}

func (d *pacedDesk) Customer(ctx context.Context, tenant, id string) (defaults.Customer, error) {
	c, err := d.desk.Customer(ctx, tenant, id)
	if held := d.pause(ctx); held != nil {
		return defaults.Customer{}, held
	}
	if d.noProfiles.Load() {
		return defaults.Customer{}, errDown
	}
	return c, err
}
