package middleware

import (
	"context"
	"net/http"
	"sync"

	"github.com/sessionctx/storefront/sessionctx"
)

// hostAnswers is a context that remembers what Identify and Customer have answered for a request.
// The key of the context value is the Middleware.
type hostAnswers struct {
	context.Context
	m *Middleware

	mu            sync.Mutex
	identityKnown bool
	identity      sessionctx.Identity
	identityErr   error

	customerKnown bool
	customerID    string
	customerErr   error
}

// Value implements context.Context.
func (a *hostAnswers) Value(key any) any {
	if m, ok := key.(*Middleware); ok && m == a.m {
		return a
	}
	return a.Context.Value(key)
}

// String says nothing about the shopper.
func (a *hostAnswers) String() string { return "middleware.hostAnswers" }

// hostAnswersIn returns the answers for the request with this context. Without Identify and
// Customer, and before Attach has made a place for the answers, it returns nil.
func (m *Middleware) hostAnswersIn(ctx context.Context) *hostAnswers {
	if m.identify == nil && m.customer == nil {
		return nil
	}
	a, _ := ctx.Value(m).(*hostAnswers)
	return a
}

// identityOf is Config.Identify, which is called once for each a that is not nil.
func (m *Middleware) identityOf(a *hostAnswers, r *http.Request) (sessionctx.Identity, error) {
	if a == nil {
		return m.identify(r)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.identityKnown {
		a.identity, a.identityErr = m.identify(r)
		a.identityKnown = true
	}
	return a.identity, a.identityErr
}

// customerOf is Config.Customer, which is called once for each a that is not nil.
func (m *Middleware) customerOf(a *hostAnswers, r *http.Request) (string, error) {
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

// replace sets the remembered customer: after Login the customer, and after Logout the empty text.
func (a *hostAnswers) replace(customerID string) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.customerKnown, a.customerID, a.customerErr = true, customerID, nil
}

// follow updates the remembered identity after a write: id is the id that the session has now, and
// customerID is the customer who has logged in, or empty. Of an identity by secret only the id
// changes, because the record names the customer. follow does nothing if the identity names no
// session.
func (a *hostAnswers) follow(id, customerID string) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.identityKnown || a.identity.SessionID == "" || id == "" {
		return
	}
	a.identity.SessionID = id
	if customerID != "" && a.identity.Proof != sessionctx.BySecret {
		a.identity.CustomerID = customerID
	}
}
