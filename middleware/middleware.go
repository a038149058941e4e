package middleware

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/middleware/internal/failure"
	"github.com/sessionctx/storefront/sessionctx"
)

// The refusals of a request, besides those of package sessionctx. Compare with errors.Is.
var (
	// ErrUnauthenticated: the request's credentials are not valid, or credentials are needed and
	// the request has none. HTTP answers 401.
	ErrUnauthenticated = failure.ErrUnauthenticated
	// ErrWrongTenant: the credentials are another tenant's. HTTP answers 403.
	ErrWrongTenant = failure.ErrWrongTenant
	// ErrNoSession is an ErrUnauthenticated: the credentials say who is asking, and the request
	// names no session to write to. HTTP answers 401.
	ErrNoSession = failure.ErrNoSession
	// ErrCrossSite: the request comes from another site, and nothing was written. The browser has
	// withheld the cookie, and a new one would replace it: redirect with 303 to a GET, which has
	// the cookie. With Config.Partitioned browsers send the cookie, and every write from another
	// site is refused. HTTP answers 403.
	ErrCrossSite = failure.ErrCrossSite
)

// Middleware says who is asking, resolves the session and attaches it to the request's context.
// It is safe for concurrent use by multiple goroutines.
type Middleware struct {
	resolver *sessionctx.Resolver
	tenant   func(*http.Request) string
	identify func(*http.Request) (sessionctx.Identity, error)
	customer func(*http.Request) (string, error)
	skip     func(*http.Request) bool
	onError  ErrorPolicy
	cookie   cookie
	sites    *siteMap
	hints    hinter
	caching  caching
	variant  variant
}

// Wrap returns a handler that resolves the session of each request and calls next with a request
// whose context carries it: see sessionctx.FromContext. As a method value it is the
// func(http.Handler) http.Handler of routers.
//
// The session in the context stays the one from the beginning of the request; Update, Login and
// Logout return the new one. The ResponseWriter is passed on as it is, unless Config.Variant
// is set or Wrap sets a session cookie. Panics are not caught.
//
// Wrap sets two headers before it calls next, for guests too, and next may change both:
//
//   - Cache-Control: private, unless the host has set another one. It is private, no-store for a
//     session that is Degraded or has ProfileMissing, where a cookie is set, and where OnError
//     answers.
//   - Vary: what the session depends on is added. That is Cookie; Authorization with an Identify or
//     a Customer; Accept-Language and the CountryHeader where they are hints.
//
// With Config.Variant it also sets Session-Variant, which Vary names then, and the variant cookie
// where the browser has another one.
//
// A page that is the same for all guests may go to shared caches: see Shareable. See Attach for the
// cookies.
func (m *Middleware) Wrap(next http.Handler) http.Handler {
	return &handler{m, next}
}

// handler is a struct and not a closure, so that stack traces name it.
type handler struct {
	m    *Middleware
	next http.Handler
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m := h.m
	if m.skip != nil && m.skip(r) {
		h.next.ServeHTTP(w, r)
		return
	}
	if m.variant.on {
		g := &guard{ResponseWriter: w, asked: r.Header[variantHeader]}
		defer g.check() // the handler may write nothing
		w = g
	}
	attached, setsCookie, err := m.attach(w, r)
	if setsCookie && !m.variant.on {
		g := &guard{ResponseWriter: w} // of no variant: no shared cache may keep the response
		defer g.check()
		w = g
	}
	if err == nil {
		h.next.ServeHTTP(w, attached)
		return
	}
	m.onError(w, attached, err, h.next)
}

// Attach resolves the session of r and returns r with a context that carries it. Wrap calls it;
// call it where no Wrap is around the handler. With an error the session is that of a guest, and if
// that could not be resolved either, there is none.
//
// Attach sets Cache-Control and Vary as Wrap does. It sets cookies where an anonymous session
// becomes a customer's (Config.Customer), where a top-level navigation renews the cookie
// (Config.CookieMaxAge), and where the browser has another variant (Config.Variant). No other read
// sets one.
func (m *Middleware) Attach(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	attached, _, err := m.attach(w, r)
	return attached, err
}

// attach is Attach. It also reports whether it has set a session cookie.
func (m *Middleware) attach(w http.ResponseWriter, r *http.Request) (_ *http.Request, setsCookie bool, err error) {
	ctx := r.Context()
	a := m.hostAnswersIn(ctx)
	if a == nil && (m.identify != nil || m.customer != nil) {
		a = &hostAnswers{Context: ctx, m: m}
		ctx = a
	}
	var req sessionctx.Request
	byCookie, err := m.buildRequest(a, r, nil, &req, "")
	if err == nil {
		var attached context.Context
		if attached, setsCookie, err = m.resolve(ctx, w, r, &req, byCookie); err == nil {
			if m.variant.on && req.Proof != sessionctx.Management {
				m.tellVariant(attached, w.Header(), r, req)
			}
			return r.WithContext(attached), setsCookie, nil
		}
	}
	// The policy may want to show the defaults of a guest. They are a substitute, so the response
	// must not be stored.
	m.caching.set(w.Header(), true)
	req = m.guest(req)
	if attached, _, guestErr := m.resolve(ctx, w, r, &req, false); guestErr == nil {
		ctx = attached
	}
	return r.WithContext(ctx), setsCookie, err
}

func (m *Middleware) resolve(
	ctx context.Context, w http.ResponseWriter, r *http.Request, req *sessionctx.Request, byCookie bool,
) (attached context.Context, setsCookie bool, err error) {
	attached, about, err := m.resolver.Attach(ctx, *req)
	if err != nil {
		return nil, false, err
	}
	h := w.Header()
	if req.HostLogin && req.CustomerID != "" {
		attached, about, err = m.bind(ctx, w, r, req, attached, about)
		setsCookie = m.cookie.isIn(h)
		if err != nil {
			return nil, setsCookie, err
		}
	}
	m.caching.set(h, about.Transient)
	if byCookie && about.SinceWrite >= m.cookie.renewedAfter && isNavigation(r) {
		s, _ := sessionctx.FromContext(attached)
		if s.ID != "" && !s.Degraded && m.cookie.renewedByUse(&s) {
			m.cookie.set(h, cookieOf(req), req.Tenant, s.ID, s.CustomerID != "")
			setsCookie = true
		}
	}
	return attached, setsCookie, nil
}

// tellVariant tells which variant the session of a read has. ctx carries the session that req was
// resolved to.
func (m *Middleware) tellVariant(ctx context.Context, h http.Header, r *http.Request, req sessionctx.Request) {
	s, _ := sessionctx.FromContext(ctx)
	key := s.Variant()
	if key == "" { // as in an outage: the browser keeps the cookie that it has
		return
	}
	h[variantHeader] = []string{key}
	isRead := r.Method == http.MethodGet || r.Method == http.MethodHead
	if !isRead || !m.variant.isBrowsers(r) || m.variant.sent(r) == key {
		return
	}
	// The browser may have the newer variant: another process may have changed the session a moment
	// ago, and this process does not know it yet. A cookie with the stale variant would outlive
	// that moment. So the session is read from the store.
	if req.SessionID != "" {
		var err error
		req.Fresh = true
		if s, err = m.resolver.Resolve(ctx, req); err != nil || s.Variant() == "" {
			return
		}
	}
	m.variant.keep(h, r, s.Variant())
}

// cookieOf returns which cookie carries the id of the session of req.
func cookieOf(req *sessionctx.Request) int {
	if req.HostLogin && req.CustomerID != "" {
		return customerCookie
	}
	return guestCookie
}

// bind assigns the guest's session that req names to the customer who is asking. attached has the
// session as it was resolved before. While the session cannot be assigned, the page shows what may
// be shown of the guest's session.
func (m *Middleware) bind(ctx context.Context, w http.ResponseWriter, r *http.Request, req *sessionctx.Request,
	attached context.Context, about sessionctx.Attached,
) (context.Context, sessionctx.Attached, error) {
	if req.SessionID == "" && req.GuestID == "" {
		return attached, about, nil
	}
	s, _ := sessionctx.FromContext(attached)
	isCustomers := s.ID != "" && !s.Degraded
	if isCustomers && req.GuestID == "" {
		return attached, about, nil
	}
	err := errPrefetch
	if !isPrefetch(r) {
		err = m.bindCookies(ctx, w.Header(), req)
	}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return nil, about, err
	case isCustomers || req.GuestID == "":
		return attached, about, nil
	default:
		req.SessionID, req.GuestID = req.GuestID, ""
	}
	return m.resolver.Attach(ctx, *req)
}

var errNoTenant = fmt.Errorf("middleware: neither Config.Tenant nor Config.Identify names a tenant: %w", sessionctx.ErrUnknownTenant)

var errPrefetch = errors.New("middleware: nothing is bound for a prefetch")

// bindToCustomer is bindCookies for the request of a customer whose cookies name a session.
func (m *Middleware) bindToCustomer(ctx context.Context, h http.Header, req *sessionctx.Request) error {
	if cookieOf(req) != customerCookie || req.SessionID == "" && req.GuestID == "" {
		return nil
	}
	return m.bindCookies(ctx, h, req)
}

// bindCookies is Resolver.Bind for req, which then names the customer's session. h is the header of
// the response.
func (m *Middleware) bindCookies(ctx context.Context, h http.Header, req *sessionctx.Request) error {
	s, bound, err := m.resolver.Bind(ctx, *req)
	if err != nil {
		return err
	}
	if s.ID != "" && s.ID != req.SessionID {
		m.cookie.set(h, customerCookie, req.Tenant, s.ID, true)
		req.SessionID = s.ID
	}
	if bound {
		m.cookie.set(h, guestCookie, req.Tenant, "", false)
	}
	req.GuestID = ""
	return nil
}

// Request says what a request asks the Resolver for: who is asking, the request site and language,
// and the hints. Wrap, Update, Login and Logout use the same Request. Request asks neither the
// store nor the directory.
//
// A guest is no error: the session id is then empty. Below http.StripPrefix the request site and
// language are those of the session in the request's context, so that a handler there writes to the
// site that Wrap resolved.
//
// The error is one of Config.Identify or Config.Customer, ErrUnauthenticated among them, one of
// Config.SiteOf, ErrWrongTenant or sessionctx.ErrUnknownTenant. The Request beside an error is a
// guest's, and the zero Request beside one of Config.SiteOf.
func (m *Middleware) Request(r *http.Request) (sessionctx.Request, error) {
	var req sessionctx.Request
	_, err := m.requestFor(r, nil, &req, "")
	return req, err
}

// requestFor is buildRequest for a request that Wrap may have attached a session to.
func (m *Middleware) requestFor(r *http.Request, w http.Header, req *sessionctx.Request, login string) (byCookie bool, err error) {
	byCookie, err = m.buildRequest(m.hostAnswersIn(r.Context()), r, w, req, login)
	s, ok := sessionctx.FromContext(r.Context())
	if ok && s.Tenant == req.Tenant {
		if s.Source(defaults.FieldSite) == defaults.SourceRequestSite {
			req.Site = s.Site
		}
		if s.Source(defaults.FieldLanguage) == defaults.SourceRequestLanguage {
			req.Language = s.Language
		}
	}
	return byCookie, err
}

// buildRequest fills req. It reports whether the cookies decide which session it is: only then may
// the response set them. What the header w of the response sets already counts as sent. login is
// the customer who is logging in now, empty for nobody.
func (m *Middleware) buildRequest(a *hostAnswers, r *http.Request, w http.Header, req *sessionctx.Request, login string) (byCookie bool, err error) {
	req.Tenant = m.tenant(r)
	if m.sites != nil {
		of, err := m.sites.find(r)
		if err != nil {
			*req = sessionctx.Request{} // the defaults of another site would be wrong
			return false, err
		}
		req.Site, req.Language = of.Site, of.Language
	}
	if m.hints.any {
		m.hints.read(r, req)
	}
	if m.identify != nil {
		id, err := m.identityOf(a, r)
		if err != nil {
			*req = m.guest(*req)
			return false, err
		}
		// With Customer, an identity that names no session leaves the session to the cookies.
		open := m.customer != nil && id.SessionID == "" && id.Proof != sessionctx.Management
		if id != (sessionctx.Identity{}) {
			if err := m.accept(id, req); err != nil || !open {
				return false, err
			}
			req.Identity = sessionctx.Identity{Tenant: req.Tenant}
		}
	}
	if req.Tenant == "" {
		return false, errNoTenant
	}
	if m.customer != nil {
		req.HostLogin = true
		if req.CustomerID = login; login == "" {
			if req.CustomerID, err = m.customerOf(a, r); err != nil {
				*req = m.guest(*req)
				return false, err
			}
		}
	}
	if req.HostLogin || !m.cookie.off {
		req.Proof = sessionctx.BySecret
	}
	if m.cookie.off {
		return false, nil
	}
	if req.SessionID = m.cookie.inBrowser(r, w, cookieOf(req), req.Tenant).id; cookieOf(req) == customerCookie {
		req.GuestID = m.cookie.inBrowser(r, w, guestCookie, req.Tenant).id
	}
	return true, nil
}

// accept puts an identity into req, if its tenant is the request's.
func (m *Middleware) accept(id sessionctx.Identity, req *sessionctx.Request) error {
	switch {
	case id.Tenant == "" && req.Tenant == "":
		return errNoTenant
	case id.Tenant == "":
		id.Tenant = req.Tenant
	case req.Tenant != "" && req.Tenant != id.Tenant:
		*req = m.guest(*req)
		return fmt.Errorf("%w: the identity is for %.64q, and the request is for %.64q", ErrWrongTenant, id.Tenant, req.Tenant)
	}
	if id.Proof == 0 { // the host checked who is asking, and has no reason to say how
		id.Proof = sessionctx.Asserted
	}
	req.Identity = id
	return nil
}

// guest returns req for a visitor without an identity.
func (m *Middleware) guest(req sessionctx.Request) sessionctx.Request {
	req.Identity = sessionctx.Identity{Tenant: req.Tenant}
	if !m.cookie.off {
		req.Proof = sessionctx.BySecret
	}
	return req
}
