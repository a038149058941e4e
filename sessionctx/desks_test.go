package sessionctx_test

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
)

// desk is a Directory that can change and fail.
type desk struct {
	sessionctx.Static
	sites     atomic.Pointer[[]defaults.Site]
	customer  atomic.Pointer[defaults.Customer]
	fails     atomic.Bool
	asked     atomic.Int64
	customers atomic.Int64
}

func (d *desk) Sites(ctx context.Context, tenant string) ([]defaults.Site, error) {
	d.asked.Add(1)
	if d.fails.Load() {
		return nil, errDown
	}
	if s := d.sites.Load(); s != nil {
		return *s, nil
	}
	return d.Static.Sites(ctx, tenant)
}

func (d *desk) Customer(ctx context.Context, tenant, id string) (defaults.Customer, error) {
	d.customers.Add(1)
	if d.fails.Load() {
		return defaults.Customer{}, errDown
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

// pacedDesk is a desk whose answers can come late: each is made when the question comes, and then held back.
type pacedDesk struct {
	desk
	noProfiles atomic.Bool
	hold       atomic.Pointer[func(context.Context) error]
}

// holdBy sets what holds an answer back. Nil: nothing does.
func (d *pacedDesk) holdBy(hold func(context.Context) error) {
	if hold == nil {
		d.hold.Store(nil)
		return
	}
	d.hold.Store(&hold)
}

func (d *pacedDesk) pause(ctx context.Context) error {
	if hold := d.hold.Load(); hold != nil {
		return (*hold)(ctx)
	}
	return nil
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

// lasting returns a hold of a length.
func lasting(length time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-time.After(length):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// untilContextEnds is the hold of a call that honours the end of its context.
func untilContextEnds(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// until returns the hold of a call that ignores its context, and ends when a test closes the channel.
func until(over <-chan struct{}) func(context.Context) error {
	return func(context.Context) error {
		<-over
		return nil
	}
}
