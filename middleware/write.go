package middleware

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sessionctx/storefront/internal/tenants"
	"github.com/sessionctx/storefront/sessionctx"
)

// Update applies a patch to the session of the request and returns the session as it is then.
//
// Call Update, Start, Login and Logout before the response is written: they set the cookie, if it
// has to change or to be renewed. With the cookie they set Cache-Control: private, no-store, which
// must stay. The cookie changes only for a session that the cookie names, and for a request without
// a session. For an identity of Config.Identify only Logout changes it. Several calls for one
// response build on each other: an Update after a Login writes to the customer's session, and the
// response carries one session cookie. With Config.Identify this holds only for the request that
// Wrap passes on or Attach returns.
//
// The errors are those of Request and of the Resolver's method of the same name, and these.
// ErrUnauthenticated says that there is no session to write to: NoCookie is set, or the identity
// has no session id. ErrNoSession says that Config.Customer is set, and that the request has a
// token and no session cookie. Nothing begins then, because a client that keeps no cookies would
// begin a session with each write. ErrCrossSite says that the browser has withheld the cookie. If
// Update or Login fails, it sets no cookie for a new session. With Config.Customer a guest's
// session becomes the customer's before the write, and it stays so, with its cookie, if the write
// then fails. sessionctx.ErrNotFound says that the session of the cookie has ended less than a
// minute ago: to go on with a new session, call Logout and then Update again. Update does not do so
// by itself, because the browser may have a newer cookie by then. A minute after the end Update
// begins a new session, and sets the cookie.
func (m *Middleware) Update(w http.ResponseWriter, r *http.Request, p sessionctx.Patch) (sessionctx.Session, error) {
	return m.update(w, r, p, writing{})
}

func (m *Middleware) update(w http.ResponseWriter, r *http.Request, p sessionctx.Patch, why writing) (sessionctx.Session, error) {
	var before time.Time // of the last write before this one
	require := p.Require
	p.Require = func(current sessionctx.Session) error {
		before = current.ModifiedAt
		if require != nil {
			return require(current)
		}
		return nil
	}
	why.before = &before
	return m.write(w, r, why, func(ctx context.Context, req sessionctx.Request) (sessionctx.Session, error) {
		return m.resolver.Update(ctx, req, p)
	})
}

// Start begins the session of a request that has none, and returns the session. It is for a page
// whose scripts send several first writes at once: without a session each of them would begin one
// of its own, and the browser would keep the last. A session that exists stays as it is. Every call
// without a session leaves a record, so do not call it for each visitor. See Update for the cookie.
func (m *Middleware) Start(w http.ResponseWriter, r *http.Request) (sessionctx.Session, error) {
	return m.write(w, r, writing{begins: true}, func(ctx context.Context, req sessionctx.Request) (sessionctx.Session, error) {
		return m.resolver.Update(ctx, req, sessionctx.Patch{Upsert: true})
	})
}

// Login makes the session of the request the customer's. It is for a host that has just checked who
// the customer is. See Update for the cookie.
//
// With the cookie the session gets a new id, so that an id that somebody planted or saw before the
// login is worth nothing after it. Two logins of one customer with one cookie, such as a double
// click, give the same session. With Config.Customer a host need not call Login; if it does, the
// rest of this request is the customer's. That holds only for the request that Wrap passes on or
// Attach returns: for any other one Update asks Config.Customer again.
//
// Security: customerID must be unique over all issuers and logins of the tenant. Put
// http.CrossOriginProtection around the handler, so that no other site logs a visitor in.
func (m *Middleware) Login(w http.ResponseWriter, r *http.Request, customerID string) (sessionctx.Session, error) {
	s, err := m.write(w, r, writing{begins: true, login: customerID}, func(ctx context.Context, req sessionctx.Request) (sessionctx.Session, error) {
		return m.login(ctx, req, customerID)
	})
	if err == nil {
		m.hostAnswersIn(r.Context()).replace(customerID)
	}
	return s, err
}

// login calls Resolver.Login for the session that req names. If req names both a customer's session
// and a guest's, Bind first makes the guest's session a part of the customer's.
func (m *Middleware) login(ctx context.Context, req sessionctx.Request, customerID string) (sessionctx.Session, error) {
	switch {
	case req.GuestID == "":
	case req.SessionID == "":
		req.SessionID = req.GuestID
	default:
		s, _, err := m.resolver.Bind(ctx, req)
		if err != nil || s.ID != "" && s.ID != req.SessionID { // Bind was the login: it has given a new id
			return s, err
		}
	}
	return m.resolver.Login(ctx, req, customerID)
}

// Logout ends every session that the request names, by token and by cookie, and deletes the cookies
// that the request has. In the place of a session by cookie it returns an anonymous one, which
// keeps the four choices and nothing else, and sets the cookie to it. Without choices that session
// has no id.
//
// After an error the cookies are deleted, too, except after ErrCrossSite and
// sessionctx.ErrUnknownTenant: this browser is logged out although a session may go on. Call
// Resolver.End or Resolver.EndAll later if the session must end as well. The errors are joined.
// With Config.Customer, end the host's own login in the same handler: the rest of this request is
// nobody's, as after Login, and the next request is what the host says. Put
// http.CrossOriginProtection around the handler, so that no other site logs a shopper out.
func (m *Middleware) Logout(w http.ResponseWriter, r *http.Request) (sessionctx.Session, error) {
	s, byCookie, err := m.logout(w, r)
	unshare(w.Header())
	if m.variant.on && !byCookie { // Identify says who asks next, and what it will say is not known
		m.variant.forget(w.Header(), r)
		return s, err
	}
	m.variant.written(w.Header(), r, &s, err)
	return s, err
}

// logout also reports whether the cookies decide which session the request has.
func (m *Middleware) logout(w http.ResponseWriter, r *http.Request) (s sessionctx.Session, byCookie bool, err error) {
	var req sessionctx.Request
	byCookie, refused := m.requestFor(r, w.Header(), &req, "")
	if m.cookie.partitioned && crossOrigin.Check(r) != nil {
		return sessionctx.Session{}, byCookie, ErrCrossSite
	}
	m.hostAnswersIn(r.Context()).replace("")
	if refused != nil && req.Tenant == "" {
		req.Tenant = m.tenant(r) // Config.SiteOf has failed, and who logs out does not depend on it
	}
	guest := m.guest(req)
	var cookies [numCookies]sent
	if !m.cookie.off && tenants.Valid(req.Tenant) {
		cookies[guestCookie] = m.cookie.inBrowser(r, w.Header(), guestCookie, req.Tenant)
		if m.customer != nil {
			cookies[customerCookie] = m.cookie.inBrowser(r, w.Header(), customerCookie, req.Tenant)
		}
	}
	errs := []error{refused}
	var left sessionctx.Session
	done := false // a session was ended, and left is in its place
	byToken := "" // the id of left, if the cookies have nothing to do with it
	if refused == nil && !byCookie && req.SessionID != "" {
		var err error
		left, err = m.resolver.Logout(r.Context(), req)
		errs, done, byToken = append(errs, err), true, left.ID
		m.hostAnswersIn(r.Context()).follow(left.ID, "")
	}
	for _, which := range [...]int{customerCookie, guestCookie} {
		if cookies[which].id == "" {
			continue
		}
		named := guest
		named.SessionID = cookies[which].id
		s, err := m.resolver.Logout(r.Context(), named)
		if errs = append(errs, err); left.ID != "" && s.ID != "" { // one in its place is enough
			named.SessionID = s.ID
			errs = append(errs, m.resolver.End(r.Context(), named))
		} else if !done || s.ID != "" {
			left = s
		}
		done = true
	}
	err = errors.Join(errs...)
	if err == nil && !done {
		if !byCookie {
			return sessionctx.Session{}, byCookie, fmt.Errorf("%w: there is no session to end", ErrUnauthenticated)
		}
		left, err = m.resolver.Logout(r.Context(), guest)
	}
	// The name of an unknown tenant may be anything, and is no part of a cookie's name.
	if !errors.Is(err, sessionctx.ErrUnknownTenant) {
		for which, c := range cookies {
			if c.present {
				m.cookie.set(w.Header(), which, req.Tenant, "", false)
			}
		}
	}
	if err != nil {
		return sessionctx.Session{}, byCookie, err
	}
	if left.ID != "" && byToken == "" {
		m.cookie.set(w.Header(), guestCookie, req.Tenant, left.ID, false)
	}
	return left, byCookie, nil
}

// writing is what a write is for.
type writing struct {
	begins bool          // it may begin a session beside a token
	login  string        // of this customer; empty: no login
	at     *SiteLanguage // of the page that the write is for; nil: that of the request itself
	before *time.Time    // of the last write before this one, once it is known; nil: the write renews no cookie
}

// crossOrigin refuses what another site makes a browser send: for Switch, and for the cookies of
// Config.Partitioned, which no SameSite protects.
var crossOrigin http.CrossOriginProtection

// admit refuses a write by cookie that must not begin a session.
func (m *Middleware) admit(r *http.Request, w http.Header, req *sessionctx.Request, why writing) error {
	if m.cookie.partitioned && crossOrigin.Check(r) != nil {
		return ErrCrossSite
	}
	if m.cookie.inBrowser(r, w, guestCookie, req.Tenant).present ||
		m.customer != nil && m.cookie.inBrowser(r, w, customerCookie, req.Tenant).present {
		return nil
	}
	switch {
	case withheld(r) && !m.cookie.partitioned:
		return ErrCrossSite
	case m.customer != nil && !why.begins && hasAPICredentials(r):
		return ErrNoSession
	}
	return nil
}

// write calls the resolver for the session of r, and makes w carry the cookie of the session that
// the call returns. A session without an id deletes no cookie: a write that changed nothing, sent
// with an old cookie, must not delete a newer cookie.
func (m *Middleware) write(w http.ResponseWriter, r *http.Request, why writing,
	call func(context.Context, sessionctx.Request) (sessionctx.Session, error),
) (s sessionctx.Session, err error) {
	var req sessionctx.Request
	defer func() {
		unshare(w.Header())
		if req.Proof != sessionctx.Management {
			m.variant.written(w.Header(), r, &s, err)
		}
	}()
	byCookie, err := m.requestFor(r, w.Header(), &req, why.login)
	if err != nil {
		return sessionctx.Session{}, err
	}
	if why.at != nil {
		req.Site, req.Language = why.at.Site, why.at.Language
	}
	if !byCookie {
		if req.SessionID == "" {
			return sessionctx.Session{}, fmt.Errorf("%w: there is no session to write to", ErrUnauthenticated)
		}
		if s, err = call(r.Context(), req); err == nil {
			m.hostAnswersIn(r.Context()).follow(s.ID, why.login)
		}
		return s, err
	}
	if err := m.admit(r, w.Header(), &req, why); err != nil {
		return sessionctx.Session{}, err
	}
	guest := req.GuestID
	if why.login == "" {
		if err := m.bindToCustomer(r.Context(), w.Header(), &req); err != nil {
			return sessionctx.Session{}, err
		}
	}
	s, err = call(r.Context(), req)
	if err != nil {
		return sessionctx.Session{}, err
	}
	// An id that stays is not set again, unless the cookie is due: the answer may be late, and the
	// browser may have a newer cookie.
	renewed := why.before != nil && m.cookie.renewedByWrite(&s, *why.before)
	if s.ID != "" && (s.ID != req.SessionID || renewed) {
		m.cookie.set(w.Header(), cookieOf(&req), req.Tenant, s.ID, s.CustomerID != "")
	}
	if why.login != "" && guest != "" { // it has become the customer's
		m.cookie.set(w.Header(), guestCookie, req.Tenant, "", false)
	}
	return s, nil
}
