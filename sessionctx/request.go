package sessionctx

import "github.com/sessionctx/storefront/defaults"

// Proof is how an identity was established, and with it what may be believed of it.
type Proof uint8

const (
	// Asserted: a bearer token or the host's own login says session id and customer.
	// What it says must match the record. This is the zero value.
	Asserted Proof = iota
	// BySecret: knowing the session id is the proof (the anonymous cookie); the customer is read
	// from the record, and only such ids are replaced at login and logout.
	BySecret
	// Management: an operator addresses any session that has a record; the record says whose it is.
	Management
)

// Identity says who is asking. It is established by the server: from a verified token, a cookie, a login.
type Identity struct {
	Tenant     string // ^[a-z][a-z0-9]+$, 3 to 16 characters
	SessionID  string // empty: no session yet; at most 256 bytes
	CustomerID string // asserted customer, empty: anonymous; ignored unless Proof is Asserted; at most 256 bytes
	Proof      Proof
}

// Request is all that a resolution depends on, besides what is stored and what the directory knows.
type Request struct {
	Identity
	Site  string         // request site: decided by the server from host or path by its own mapping; empty: none
	Hints defaults.Hints // what the request suggests: untrusted, never persisted
}

// key names the record of the session that id names.
func (id *Identity) key() Key { return Key{id.Tenant, KindSession, id.SessionID} }
