package linear

import (
	"encoding/json"
	"fmt"

	"github.com/sessionctx/storefront/sessionctx"
)

// kind is what a client does.
type kind uint8

const (
	resolve kind = iota
	preview
	update
	login
	end
	logout
	endAll
	changing // a topic of the directory begins to change
	changed  // and every Resolver has taken the change in
)

func (k kind) String() string {
	return [...]string{"Resolve", "Preview", "Update", "Login", "End", "Logout", "EndAll", "changing", "changed"}[k]
}

// call is what a client asks.
type call struct {
	kind     kind
	tenant   string
	proof    sessionctx.Proof
	id       string
	customer int // as asserted
	patch    patch
	to       int // the customer of login and endAll, the topic of changing and changed

	fresh   bool                // of resolve
	atLeast sessionctx.Revision // of resolve

	// What had come back before the call: EndAlls by customer, refreshes by topic.
	ended     [1 + numCustomers]int64
	refreshed [numTopics]int
	at        int64 // milliseconds of the wall clock
}

func (c *call) request() sessionctx.Request {
	return sessionctx.Request{Identity: sessionctx.Identity{
		Tenant: c.tenant, SessionID: c.id, CustomerID: customers[c.customer], Proof: c.proof,
	}, Fresh: c.fresh, AtLeast: c.atLeast}
}

// fields that are patched; the first two are resolved.
const (
	currency = iota
	country
	cart
	numFields
)

// patch is the part of a sessionctx.Patch that shoppers use here. It is comparable.
type patch struct {
	set             [numFields]bool
	value           [numFields]string // empty: clear
	touch           [len(attributeNames)]bool
	attribute       [len(attributeNames)]string // empty: remove
	replace, upsert bool
	based           bool
	base            sessionctx.Revision // if based
	match           sessionctx.Revision // required, if not zero
}

// errMatch is how a patch refuses a session that has another revision than it requires.
type errMatch struct{}

func (errMatch) Error() string { return "another revision" }

func (p *patch) patch() sessionctx.Patch {
	sp := sessionctx.Patch{ReplaceAttributes: p.replace, Upsert: p.upsert}
	if p.based {
		sp.Base = new(p.base)
	}
	for i, ch := range [...]*sessionctx.Change{&sp.Currency, &sp.Country, &sp.CartID} {
		if p.set[i] {
			*ch = sessionctx.Set(p.value[i])
		}
	}
	for i, name := range attributeNames {
		if !p.touch[i] {
			continue
		}
		if sp.Attributes == nil {
			sp.Attributes = make(map[string]json.RawMessage)
		}
		sp.Attributes[name] = nil
		if p.attribute[i] != "" {
			sp.Attributes[name] = json.RawMessage(p.attribute[i])
		}
	}
	if want := p.match; want != (sessionctx.Revision{}) {
		sp.Require = func(s sessionctx.Session) error {
			if s.Revision() != want {
				return errMatch{}
			}
			return nil
		}
	}
	return sp
}

// zero reports whether p asks for nothing at all.
func (p *patch) zero() bool {
	return p.set == [numFields]bool{} && p.touch == [len(attributeNames)]bool{} && !p.replace && !p.upsert
}

// fault is the error of a call, as far as a client tells errors apart.
type fault uint8

const (
	none fault = iota
	notFound
	conflict
	mismatch
	other
)

func (f fault) String() string {
	return [...]string{"ok", "not found", "conflict", "mismatch", "other"}[f]
}

// reply is what a client got.
type reply struct {
	fault    fault
	text     string              // of another error
	conflict sessionctx.Revision // of a conflict
	view     view
	footprint
	latest [numTopics]int // versions of the directory when the call came back
	at     int64          // milliseconds of the wall clock
}

func (c *call) describe(r *reply) string {
	s := fmt.Sprintf("%s %s %d [proof %d, id %.8s, %q]", c.tenant, c.kind, c.to, c.proof, c.id, customers[c.customer])
	switch c.kind {
	case update, preview:
		s += fmt.Sprintf(" %+v", c.patch)
	case resolve:
		s += fmt.Sprintf(" fresh %v, at least %v", c.fresh, c.atLeast)
	}
	switch s += " -> " + r.fault.String(); r.fault {
	case none:
		s += fmt.Sprintf(" %+v left %+v, directory %v..%v", r.view, r.footprint, c.refreshed, r.latest)
	case conflict:
		s += fmt.Sprintf(" at %v", r.conflict)
	}
	return s + " " + r.text
}
