package sessionctx

import (
	"context"
	"fmt"
)

type contextKey struct{}

// sessionContext is a context that carries a session. context.WithValue would allocate twice: for
// the context, and for the session in an interface.
type sessionContext struct {
	context.Context
	session Session
}

func (c *sessionContext) Value(key any) any {
	if key == (contextKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// String says as much as the contexts of package context do, and nothing about the session.
func (c *sessionContext) String() string {
	if parent, ok := c.Context.(fmt.Stringer); ok {
		return parent.String() + ".WithSession"
	}
	return fmt.Sprintf("%T.WithSession", c.Context)
}

// entryContext is a context that carries the resolved values of an entry, which is immutable.
type entryContext struct {
	context.Context
	entry *entry
}

func (c *entryContext) Value(key any) any {
	if key == (contextKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// String says as much as the contexts of package context do, and nothing about the session.
func (c *entryContext) String() string { return (&sessionContext{Context: c.Context}).String() }

// NewContext returns a context that carries s. It allocates once. Like the functions of package
// context it panics if ctx is nil.
func NewContext(ctx context.Context, s Session) context.Context {
	if ctx == nil {
		panic("sessionctx: NewContext with a nil context")
	}
	return &sessionContext{ctx, s}
}

// FromContext returns the session that NewContext put into ctx or into one of its parents. Without
// one it returns the zero Session and false. It does not allocate.
func FromContext(ctx context.Context) (Session, bool) {
	switch c := ctx.Value(contextKey{}).(type) {
	case *sessionContext:
		return c.session, true
	case *entryContext:
		n, key := &c.entry.Resolved, c.entry.SharedKey()
		var s Session
		n.session(&Identity{Tenant: key.Tenant, SessionID: key.ID, CustomerID: key.View, Proof: n.proof, HostLogin: n.hostLogin}, &s)
		return s, true
	}
	return Session{}, false
}
