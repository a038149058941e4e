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

	// Freshness is for reads that need more than the near-cache promises; a write is made onto the newest record anyhow.
	Freshness Freshness
}

// Freshness says how new the record must be that answers Resolve, Attach or Preview. The zero Freshness takes what the
// near-cache holds: never older than a write that this process has finished, and older than another process' write
// for less than the lease of the Store.
//
// What is asked for is held against the store itself: if that cannot be asked the error is ErrUnavailable, and no answer is Degraded.
type Freshness int64

// FreshRead asks the Store: the answer is never older than a write that anybody has finished before the call. What the
// directory says is not asked anew; that is Resolver.Invalidate.
const FreshRead Freshness = -1

// AtLeast takes no version of the session before this one: the version that a queue's message, or another server, has spoken of.
// If the Store itself has no record so new, the error is ErrNotFound: it has lost a write, or the session has expired.
// A version below 1 asks for nothing, and so does a request that names no session.
func AtLeast(version int64) Freshness { return Freshness(max(version, 0)) }

// allows reports whether an entry of the near-cache is new enough.
func (f Freshness) allows(e *entry) bool { return f == 0 || f > 0 && e.version >= int64(f) }

// key names the record of the session that id names.
func (id *Identity) key() Key { return Key{id.Tenant, KindSession, id.SessionID} }
