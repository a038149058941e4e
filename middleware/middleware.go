package middleware

import (
	"errors"
	"net/http"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
)

// The refusals of a request, besides those of package sessionctx. Compare with errors.Is.
var (
	// ErrUnauthenticated: the request's credentials are not valid, or credentials are needed and
	// the request has none. HTTP answers 401.
	ErrUnauthenticated = errors.New("middleware: unauthenticated")
	// ErrWrongTenant: the credentials are another tenant's. HTTP answers 403.
	ErrWrongTenant = errors.New("middleware: credentials of another tenant")
)

// Middleware says who is asking, resolves the session and attaches it to the request's context.
// It is safe for concurrent use by multiple goroutines.
type Middleware struct {
	resolver *sessionctx.Resolver
	tenant   func(*http.Request) string
	identify func(*http.Request) (sessionctx.Identity, error)
	skip     func(*http.Request) bool
	onError  ErrorPolicy
	cookie   cookie
	sites    siteMap
	hints    hinter
}

// Wrap returns a handler that resolves the session of each request and calls next with a request
// whose context carries it: see sessionctx.FromContext. As a method value it is the
// func(http.Handler) http.Handler of routers.
//
// The session in the context stays the one from the beginning of the request; Update, Login and
// Logout return the new one. The ResponseWriter is passed on as it is. Wrap writes nothing to the
// response, except Cache-Control: private, no-store for a session that is Degraded or has
// ProfileMissing; a read never sets a cookie. Panics are not caught.
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
	var req sessionctx.Request
	_, err := m.buildRequest(r, &req)
	if err == nil {
		var attached *http.Request
		if attached, err = m.attach(w, r, &req); err == nil {
			h.next.ServeHTTP(w, attached)
			return
		}
	}
	// The policy may want to show the defaults of a guest.
	req = m.guest(req)
	if attached, guestErr := m.attach(w, r, &req); guestErr == nil {
		r = attached
	}
	m.onError(w, r, err, h.next)
}

func (m *Middleware) attach(w http.ResponseWriter, r *http.Request, req *sessionctx.Request) (*http.Request, error) {
	ctx, transient, err := m.resolver.Attach(r.Context(), *req)
	if err != nil {
		return nil, err
	}
	if transient {
		w.Header().Set("Cache-Control", "private, no-store")
	}
	return r.WithContext(ctx), nil
}

// Request says what a request asks the Resolver for: who is asking, the request site and the hints.
// Wrap, Update, Login and Logout use the same Request. It asks neither store nor directory.
//
// A guest is no error: the session id is then empty. Below http.StripPrefix the request site is
// that of the session in the request's context, so that a handler there writes to the site that
// Wrap resolved.
//
// The error is one of Config.Identify, ErrUnauthenticated among them, ErrWrongTenant or
// sessionctx.ErrUnknownTenant. The Request beside an error is a guest's.
func (m *Middleware) Request(r *http.Request) (sessionctx.Request, error) {
	var req sessionctx.Request
	_, err := m.requestFor(r, &req)
	return req, err
}

// requestFor is buildRequest for a request that Wrap may have attached a session to.
func (m *Middleware) requestFor(r *http.Request, req *sessionctx.Request) (byCookie bool, err error) {
	byCookie, err = m.buildRequest(r, req)
	s, ok := sessionctx.FromContext(r.Context())
	if ok && s.Tenant == req.Tenant && s.Source(defaults.FieldSite) == defaults.SourceRequestSite {
		req.Site = s.Site
	}
	return byCookie, err
}

// buildRequest fills req. It reports whether the cookie decided who is asking: only then may the
// response set the cookie.
func (m *Middleware) buildRequest(r *http.Request, req *sessionctx.Request) (byCookie bool, err error) {
	req.Tenant = m.tenant(r)
	if m.sites != nil {
		req.Site = m.sites.find(r)
	}
	if m.hints.any {
		m.hints.read(r, &req.Hints)
	}
	if m.identify != nil {
		id, err := m.identify(r)
		if err != nil {
			*req = m.guest(*req)
			return false, err
		}
		if id != (sessionctx.Identity{}) {
			return false, m.accept(id, req)
		}
	}
	if req.Tenant == "" {
		return false, sessionctx.ErrUnknownTenant
	}
	if m.cookie.off {
		return false, nil
	}
	req.Proof = sessionctx.BySecret
	req.SessionID = m.cookie.read(r.Header["Cookie"], req.Tenant)
	return true, nil
}

// accept puts an identity into req, if its tenant is the request's.
func (m *Middleware) accept(id sessionctx.Identity, req *sessionctx.Request) error {
	switch {
	case id.Tenant == "" && req.Tenant == "":
		return sessionctx.ErrUnknownTenant
	case id.Tenant == "":
		id.Tenant = req.Tenant
	case req.Tenant != "" && req.Tenant != id.Tenant:
		*req = m.guest(*req)
		return ErrWrongTenant
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
