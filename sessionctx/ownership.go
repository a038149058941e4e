package sessionctx

import "github.com/sessionctx/storefront/sessionctx/store"

// state is what a record is to an identity.
type state uint8

const (
	absent  state = iota // there is no record that could be this identity's
	live                 // the record is this identity's
	ended                // the session was ended
	foreign              // the session is another identity's: it may be neither read nor changed nor ended
)

// ownership is what a record is to an identity.
type ownership struct {
	state state
	// customerID says whose session it is to this identity: as asserted on an anonymous record,
	// else as recorded; empty: a guest's.
	customerID string
	// byEndAll: EndAll has ended the session, and its record is no tombstone yet: it still has all its
	// data.
	byEndAll bool
	// unbound: the session is anonymous, and must first become the session of the customer whom the
	// host's own login names, under a new id.
	unbound bool
}

// ownershipOf applies the rules of ownership. EndAll has ended a session that remembers another
// generation than its customer has now. generation returns the customer's generation. It is called
// only where it decides, so that an identity that does not own the session neither waits for it nor
// fails with it.
func ownershipOf(id *Identity, rec *store.Record, generation func(customerID string) (int64, error)) (ownership, error) {
	own := ownershipByRecord(id, rec)
	if own.state != live || rec.CustomerID == "" {
		return own, nil
	}
	present, err := generation(rec.CustomerID)
	if err != nil {
		return ownership{}, err
	}
	if rec.Generation != present {
		own.state, own.byEndAll = ended, true
		if !id.byHostLogin() {
			own.customerID = ""
		}
	}
	return own, nil
}

// ownershipByRecord applies the rules of ownership to a session that EndAll has not ended.
func ownershipByRecord(id *Identity, rec *store.Record) ownership {
	if id.byHostLogin() {
		return ownershipByHostLogin(id, rec)
	}
	asserted := id.asserted()
	switch {
	case !rec.Exists(), id.Proof == BySecret && !rec.Secret:
		// An id that is no secret proves nothing: to a cookie it is merely unknown.
		return ownership{state: absent, customerID: asserted}
	case id.Proof == Asserted && rec.Secret:
		return ownership{state: foreign}
	case rec.Ended:
		return ownership{state: ended}
	case rec.CustomerID == "":
		return ownership{state: live, customerID: asserted}
	case id.Proof == Asserted && rec.CustomerID != asserted:
		return ownership{state: foreign}
	}
	return ownership{state: live, customerID: rec.CustomerID}
}

// ownershipByHostLogin is ownershipByRecord for a session by secret whose customer the host's own
// login says. A session that belongs to another customer is foreign. While nobody is logged in,
// every customer's session is foreign. In every state the values that are shown are those of the
// customer who asks.
func ownershipByHostLogin(id *Identity, rec *store.Record) ownership {
	own := ownership{state: live, customerID: id.CustomerID}
	switch {
	case !rec.Exists(), !rec.Secret:
		own.state = absent
	case rec.Ended:
		own.state = ended
	case unbound(rec):
		own.unbound = id.CustomerID != ""
	case rec.CustomerID != id.CustomerID:
		own.state = foreign
	}
	return own
}

// unbound reports whether a record is an anonymous session by secret.
func unbound(rec *store.Record) bool {
	return rec.Exists() && rec.Secret && !rec.Ended && rec.CustomerID == ""
}

// found reports whether there is a session, or a guest, to show to the identity. A cookie with an
// unknown or dead id is a guest's. An asserted id without a record is a session that was not
// written yet.
func (o *ownership) found(id *Identity) (found, asGuest bool) {
	switch {
	case o.state == live, o.state == absent && id.Proof != BySecret && id.Proof != Management:
		return true, id.SessionID == ""
	case id.Proof == BySecret:
		return true, true
	}
	return false, false
}
