package rest

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/sessionctx/storefront/sessionctx"
)

// merge answers PATCH /me/context.
func (x *exchange) merge() error {
	body, err := x.body()
	if err != nil {
		return err
	}
	st, err := parseState(body, x.maxDepth, false)
	if err != nil {
		return err
	}
	if x.req.HostLogin && x.req.CustomerID != "" {
		// What the values mean is decided for the session that is written to.
		if err := x.bind(&x.req); err != nil {
			return err
		}
	}
	e := echo{ctx: x.r.Context(), resolver: x.resolver, req: x.req, sent: x.conditional(st.patch())}
	s, err := e.update(x.update)
	if err != nil {
		return err
	}
	x.tag(s)
	x.w.WriteHeader(http.StatusNoContent)
	return nil
}

// addAttribute answers POST .../attributes.
func (x *exchange) addAttribute() error {
	body, err := x.body()
	if err != nil {
		return err
	}
	name, value, err := parseAttribute(body, x.maxDepth)
	if err != nil {
		return err
	}
	s, err := x.update(x.conditional(sessionctx.Patch{Attributes: map[string]json.RawMessage{name: value}}))
	if err != nil {
		return err
	}
	x.tag(s)
	if !x.to.resource.own() { // as the service does it
		x.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	x.write(http.StatusCreated, "application/json", name)
	return nil
}

// removeAttribute answers DELETE .../attributes/{name}. An attribute that does not exist is no
// error.
func (x *exchange) removeAttribute() error {
	s, err := x.update(x.conditional(sessionctx.Patch{Attributes: map[string]json.RawMessage{x.to.name: nil}}))
	if err != nil {
		return err
	}
	x.tag(s)
	x.w.WriteHeader(http.StatusNoContent)
	return nil
}

// conditional returns p, which is refused if a precondition of the request does not hold.
func (x *exchange) conditional(p sessionctx.Patch) sessionctx.Patch {
	if c := readPreconditions(x.r); c.sent() {
		p.Require = func(now sessionctx.Session) error { return c.check(now, now.ID != "") }
	}
	return p
}

// update writes to the session of the request.
func (x *exchange) update(p sessionctx.Patch) (s sessionctx.Session, err error) {
	if x.req.Proof == sessionctx.Management {
		return x.resolver.Update(x.r.Context(), x.req, p)
	}
	if s, err = x.mw.Update(x.w, x.r, p); err == nil && s.ID == "" {
		err = sessionctx.ErrNotFound // nothing to change, and no session either
	}
	return s, err
}

// replace answers PUT /context/{sessionId}.
//
// The answer has no ETag: what is kept is never what was sent (RFC 9110, section 9.3.4). Codes are
// made canonical, values that are defaults are not kept, and the version moves on.
func (x *exchange) replace() error {
	upsert, err := x.flag("upsert")
	if err != nil {
		return err
	}
	body, err := x.body()
	if err != nil {
		return err
	}
	st, err := parseState(body, x.maxDepth, true)
	if err != nil {
		return err
	}
	if !st.versioned && !upsert {
		return errVersion
	}
	customerID, err := x.saasCustomer()
	if err != nil {
		return err
	}
	names := st.customerID.value != ""
	if names && st.customerID.value != customerID {
		return errCustomerID
	}
	c := readPreconditions(x.r)
	anonymous := false // the session is anonymous, and the body names a customer
	p := st.replacement()
	p.Upsert = upsert
	p.Require = func(s sessionctx.Session) error {
		exists := s.Revision() != sessionctx.Revision{}
		switch err := c.check(s, exists); {
		case err != nil:
			return err
		case !exists && !upsert:
			return sessionctx.ErrNotFound
		case exists && s.CustomerID != "" && s.CustomerID != customerID:
			return errSaasToken
		case exists && !st.versioned:
			return errVersion
		case exists && s.Version != st.version:
			return &sessionctx.ConflictError{Revision: s.Revision()}
		case names && s.CustomerID == "":
			anonymous = true
			return errAnonymous
		}
		return nil
	}
	replace := func(req sessionctx.Request) error {
		e := echo{ctx: x.r.Context(), resolver: x.resolver, req: req, sent: p}
		_, err := e.update(func(p sessionctx.Patch) (sessionctx.Session, error) {
			return x.resolver.Update(x.r.Context(), req, p)
		})
		return err
	}
	if err = replace(x.req); anonymous && errors.Is(err, errAnonymous) {
		// The saas-token has proved the customer, as the customer's own access token would.
		asCustomer := x.req
		asCustomer.Proof, asCustomer.CustomerID = sessionctx.Asserted, customerID
		if err = replace(asCustomer); errors.Is(err, sessionctx.ErrNotFound) {
			err = errAnonymous // a session by cookie
		}
	}
	if err != nil {
		return err
	}
	x.w.WriteHeader(http.StatusNoContent)
	return nil
}

// saasCustomer returns the customer of the token in the header saas-token, and the empty text
// without a valid token.
func (x *exchange) saasCustomer() (string, error) {
	tokens := x.r.Header.Values("saas-token")
	if len(tokens) != 1 || x.saas == nil {
		return "", nil
	}
	customerID, err := x.saas(x.to.tenant, tokens[0])
	switch {
	case errors.Is(err, sessionctx.ErrUnavailable):
		return "", err
	case err != nil:
		return "", nil
	}
	return customerID, nil
}
