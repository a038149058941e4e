package sessionctx

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"

	"github.com/sessionctx/storefront/defaults"
)

// Snapshot is a Session in the form that leaves the process: for a job queue, a webhook, another
// service. json.Marshal writes all of it, the ids included, and json.Unmarshal reads it back
// without loss: values, sources, attributes, Revision and ETag. It also carries the identity of the
// request that the session was resolved for, so that a worker can ask a Resolver as the same
// shopper.
//
// The JSON object is public: its members are named as the fields of Session, and the member "v" is
// the version of the form, 1. It has no other encoded form. A Snapshot prints redacted with package
// fmt and log/slog, but a log handler that encodes a struct around it as JSON shows all of it.
//
// A Snapshot is trusted as a verified token is: it says who is asking. Decode it only where nobody
// but your own servers can write, or authenticate it (a MAC, a signature) on the way, as package
// middleware/downstream does for HTTP.
//
// The zero Snapshot is of the zero Session; a Resolver refuses its Request.
type Snapshot struct{ session Session }

var (
	_ slog.LogValuer   = Snapshot{}
	_ fmt.Stringer     = Snapshot{}
	_ fmt.Formatter    = Snapshot{}
	_ json.Marshaler   = Snapshot{}
	_ json.Unmarshaler = (*Snapshot)(nil)
)

// Snapshot returns s in the form that may leave the process.
func (s Session) Snapshot() Snapshot { return Snapshot{s} }

// Session returns the session as it was when the snapshot was taken.
func (s Snapshot) Session() Session { return s.session }

// Request returns the request with which a Resolver resolves, or changes, the session as it is now.
//
//   - The identity is that of the request that the session was resolved for.
//   - A site or language that the first request decided, and a country or language that it only
//     suggested, are in this request too, where the session shows them: both requests see the same
//     values and cart.
//   - AtLeast is the revision of the snapshot, so that a worker in another process sees every write
//     that the snapshot saw. If the record is gone, Resolve returns ErrNotFound.
//
// The session may have ended in the meantime, and a login or logout gives a session by secret a new
// id. So a worker that writes must first look at the ID of what Resolve returns: if it is not the
// ID of the snapshot, Update would begin a session that no browser knows.
func (s Snapshot) Request() Request {
	from := &s.session
	req := Request{
		Identity: Identity{Tenant: from.Tenant, SessionID: from.ID, Proof: from.proof, HostLogin: from.hostLogin},
		AtLeast:  from.Revision(),
	}
	if from.proof == Asserted || from.hostLogin { // else the record says who the customer is
		req.CustomerID = from.CustomerID
	}
	if from.sources[defaults.FieldSite] == defaults.SourceRequestSite {
		req.Site = from.Site
	}
	if from.sources[defaults.FieldCountry] == defaults.SourceGeo {
		req.GeoCountry = from.Country
	}
	switch from.sources[defaults.FieldLanguage] {
	case defaults.SourceRequestLanguage:
		req.Language = from.Language
	case defaults.SourceAcceptLanguage:
		req.AcceptLanguage = from.Language
	}
	return req
}

// LogValue implements slog.LogValuer: it returns that of the Session.
func (s Snapshot) LogValue() slog.Value { return s.session.LogValue() }

// String returns the members of LogValue as a text for people.
func (s Snapshot) String() string { return s.session.text("snapshot") }

// Format implements fmt.Formatter: every verb, %+v and %#v included, prints String.
func (s Snapshot) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }
