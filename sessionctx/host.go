package sessionctx

import (
	"context"
	"errors"
	"fmt"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/redact"
)

// hostStore is the host's Store as it is used here: what it says in its errors names neither session nor customer, since errors end up
// in logs, and a panic in it is an error, since others wait for the same load, which may run on a goroutine on which nobody else would catch one.
type hostStore struct{ Store }

// Load implements Store.
func (s hostStore) Load(ctx context.Context, key Key) (rec Record, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("sessionctx: panic in Store.Load: %s", redact.Panic(p, key.ID))
		}
	}()
	rec, err = s.Store.Load(ctx, key)
	return rec, redact.Error(err, key.ID)
}

// Save implements Store. After a panic nobody knows whether rec was stored, as after any other unexpected error.
func (s hostStore) Save(ctx context.Context, key Key, rec Record, base Revision) (got Record, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("sessionctx: panic in Store.Save: %s", redact.Panic(p, key.ID, rec.CustomerID, cartOf(&rec)))
		}
	}()
	got, err = s.Store.Save(ctx, key, rec, base)
	if errors.Is(err, ErrConflict) {
		return got, err // it is frequent, and shown to nobody
	}
	return got, redact.Error(err, key.ID, rec.CustomerID, cartOf(&rec))
}

// hostDirectory is the host's Directory, likewise: a panic in it is a failure, so that the last answer stays in force.
type hostDirectory struct{ Directory }

// Sites implements Directory.
func (d hostDirectory) Sites(ctx context.Context, tenant string) (sites []defaults.Site, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("sessionctx: panic in Directory.Sites: %v", p)
		}
	}()
	return d.Directory.Sites(ctx, tenant)
}

// Customer implements Directory.
func (d hostDirectory) Customer(ctx context.Context, tenant, customerID string) (c defaults.Customer, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("sessionctx: panic in Directory.Customer: %s", redact.Panic(p, customerID))
		}
	}()
	c, err = d.Directory.Customer(ctx, tenant, customerID)
	return c, redact.Error(err, customerID)
}
