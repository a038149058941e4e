package middleware

import (
	"context"
	"net/http"
	"sync"

	"github.com/sessionctx/storefront/sessionctx"
)

// asked is a context that remembers what Identify and Customer have answered for a request. It is
// found under its Middleware.
type asked struct {
	context.Context
	m *Middleware

	mu         sync.Mutex
	identified bool
	identity   sessionctx.Identity
	refused    error

	customerKnown bool
	customerID    string
	customerErr   error
}

// Value implements context.Context.
func (a *asked) Value(key any) any {
	if m, ok := key.(*Middleware); ok && m == a.m {
		return a
	}
	return a.Context.Value(key)
}

// String says nothing about the shopper.
func (a *asked) String() string { return "middleware.asked" }

// askedIn returns what was asked before for the request with this context, nil if nothing was.
func (m *Middleware) askedIn(ctx context.Context) *asked {
	if m.identify == nil && m.customer == nil {
		return nil
	}
	a, _ := ctx.Value(m).(*asked)
	return a
}

// identityOf is Config.Identify, asked once where a is not nil.
func (m *Middleware) identityOf(a *asked, r *http.Request) (sessionctx.Identity, error) {
	if a == nil {
		return m.identify(r)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.identified {
		a.identity, a.refused = m.identify(r)
		a.identified = true
	}
	return a.identity, a.refused
}

// customerOf is Config.Customer, likewise.
func (m *Middleware) customerOf(a *asked, r *http.Request) (string, error) {
	if a == nil {
		return m.customer(r)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.customerKnown {
		a.customerID, a.customerErr = m.customer(r)
		a.customerKnown = true
	}
	return a.customerID, a.customerErr
}

// replace replaces the remembered customer: after Login, and after Logout by nobody.
func (a *asked) replace(customerID string) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.customerKnown, a.customerID, a.customerErr = true, customerID, nil
}
