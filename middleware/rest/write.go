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
	s, err := x.update(st.patch())
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
	s, err := x.update(sessionctx.Patch{Attributes: map[string]json.RawMessage{name: value}})
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
	s, err := x.update(sessionctx.Patch{Attributes: map[string]json.RawMessage{x.to.name: nil}})
	if err != nil {
		return err
	}
	x.tag(s)
	x.w.WriteHeader(http.StatusNoContent)
	return nil
}

// update writes to the session of the request, if its preconditions hold.
func (x *exchange) update(p sessionctx.Patch) (s sessionctx.Session, err error) {
	if c := readPreconditions(x.r); p.Require == nil && c.sent() {
		p.Require = func(now sessionctx.Session) error { return c.check(now, now.ID != "") }
	}
	if x.req.Proof == sessionctx.Management {
		return x.resolver.Update(x.r.Context(), x.req, p)
	}
	if s, err = x.mw.Update(x.w, x.r, p); err == nil && s.ID == "" {
		err = sessionctx.ErrNotFound // nothing to change, and no session either
	}
	return s, err
}

// errChanged says that a replacement was built for another state of the session than the present
// one.
var errChanged = errors.New("rest: the session has changed")

// replace answers PUT /context/{sessionId}.
//
// What a replacement changes depends on the state of the session (see state.replacement), and the
// write itself is the first to know that state for certain. So the first try is for a session
// without any value. It is refused, the refusal says what the session is, and the second try is for
// that state.
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
	c := readPreconditions(x.r)
	var over, now sessionctx.Session
	known := false
	for range replaceTries {
		p := st.replacement(over)
		p.Upsert = upsert
		p.Require = func(s sessionctx.Session) error {
			now = s
			exists := s.Revision() != sessionctx.Revision{}
			switch err := c.check(s, exists); {
			case err != nil:
				return err
			case exists && s.CustomerID != "" && s.CustomerID != customerID:
				return errSaasToken
			case exists && !st.versioned:
				return errVersion
			case exists && s.Version != st.version:
				return &sessionctx.ConflictError{Revision: s.Revision()}
			case !known || s.Revision() != over.Revision():
				return errChanged
			}
			return nil
		}
		s, err := x.update(p)
		if errors.Is(err, errChanged) {
			over, known = now, true
			continue
		}
		if err != nil {
			return err
		}
		x.tag(s)
		x.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return &sessionctx.ConflictError{Revision: now.Revision()}
}

// replaceTries bounds how often a replacement is tried. Its version allows one state of the
// session, so a second try is the rule, and more tries happen only where a session is created and
// ended all the time.
const replaceTries = 4

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
