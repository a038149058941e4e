package middleware

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/sessionctx/storefront/sessionctx"
)

// Update applies a patch to the session of the request and returns the session as it is then.
//
// Call Update, Login and Logout before the response is written: they set the cookie, if it has to
// change. With the cookie they set Cache-Control: private, no-store, which must stay. The cookie
// changes only for a session that the cookie names, and for a guest without a session; it never
// changes for an identity of Config.Identify. Several calls for one response build on each other:
// an Update after a Login writes to the customer's session, and the response carries one session
// cookie.
//
// The errors are those of Request and of the Resolver's method of the same name. ErrUnauthenticated
// says that there is no session to write to: NoCookie is set, or the identity has no session id. No
// error of Update or Login changes the cookie. sessionctx.ErrNotFound says that the session of the
// cookie has ended less than a minute ago: a Logout, then the Update again, goes on with a new
// session. Update does not do so by itself, because the browser may have a newer cookie by then. A
// minute after the end Update begins a new session, and sets the cookie.
func (m *Middleware) Update(w http.ResponseWriter, r *http.Request, p sessionctx.Patch) (sessionctx.Session, error) {
	return m.write(w, r, false, func(ctx context.Context, req sessionctx.Request) (sessionctx.Session, error) {
		return m.resolver.Update(ctx, req, p)
	})
}

// Login makes the session of the request the customer's. It is for a host that has just checked who
// the customer is. See Update for the cookie.
//
// With the cookie the session gets a new id, so that an id that somebody planted or saw before the
// login is worth nothing after it. Two logins of one customer with one cookie, such as a double
// click, give the same session.
func (m *Middleware) Login(w http.ResponseWriter, r *http.Request, customerID string) (sessionctx.Session, error) {
	return m.write(w, r, false, func(ctx context.Context, req sessionctx.Request) (sessionctx.Session, error) {
		return m.resolver.Login(ctx, req, customerID)
	})
}

// Logout ends the session of the request. With the cookie it returns the anonymous session that
// takes the place of the ended one: it keeps the four choices and nothing else. Without choices
// that session has no id, and the cookie is deleted, whatever it named. See Update for the cookie.
//
// An error of the Resolver deletes the cookie, too: this browser is logged out although the session
// may go on. Call Resolver.End or Resolver.EndAll later if the session must end as well.
func (m *Middleware) Logout(w http.ResponseWriter, r *http.Request) (sessionctx.Session, error) {
	return m.write(w, r, true, m.resolver.Logout)
}

// write calls the resolver for the session of r, and makes w carry the cookie of the session that
// the call returns. Only with drop does an error, or a session without an id, delete the cookie: a
// write that changed nothing, sent with an old cookie, must not delete a newer cookie.
func (m *Middleware) write(w http.ResponseWriter, r *http.Request, drop bool,
	call func(context.Context, sessionctx.Request) (sessionctx.Session, error),
) (sessionctx.Session, error) {
	var req sessionctx.Request
	byCookie, err := m.requestFor(r, &req)
	if err != nil {
		return sessionctx.Session{}, err
	}
	if !byCookie {
		if req.SessionID == "" {
			return sessionctx.Session{}, fmt.Errorf("%w: there is no session to write to", ErrUnauthenticated)
		}
		return call(r.Context(), req)
	}
	if id, ok := m.cookie.pending(w.Header(), req.Tenant); ok {
		req.SessionID = id
	}
	s, err := call(r.Context(), req)
	if err != nil {
		// The name of an unknown tenant may be anything, and is no part of a cookie's name.
		if drop && req.SessionID != "" && !errors.Is(err, sessionctx.ErrUnknownTenant) {
			m.cookie.set(w.Header(), req.Tenant, "")
		}
		return sessionctx.Session{}, err
	}
	// An id that stays is not set again: the answer may be late, and the browser have a newer
	// cookie.
	if s.ID != req.SessionID && (s.ID != "" || drop) {
		m.cookie.set(w.Header(), req.Tenant, s.ID)
	}
	return s, nil
}
