package sessionctx

import (
	"fmt"
	"strings"
	"unique"

	"github.com/sessionctx/storefront/internal/nearcache"
	"github.com/sessionctx/storefront/internal/tenants"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// Revision names one state of a session's record. Session.Revision returns it; Patch.Base and
// Request.AtLeast take it. The zero Revision says that there is no record.
type Revision = store.Revision

// Proof is how an identity was established, and with it what may be believed of it. The zero Proof
// proves nothing: an identity that names a session or a customer needs another one.
type Proof uint8

const (
	// Asserted: a bearer token, or the host's own login, says session id and customer. What it says
	// must match the record.
	Asserted Proof = 1 + iota
	// BySecret: knowing the session id is the proof, as with a cookie. The customer is read from
	// the record. Only such ids are replaced at login and logout.
	BySecret
	// Management: an operator addresses any session that has a record. The record says whose it is.
	Management
)

// Identity says who is asking. The server establishes it: from a verified token, a cookie, a login.
type Identity struct {
	Tenant     string // ^[a-z][a-z0-9]+$, 3 to 16 characters
	SessionID  string // empty: no session yet; at most 256 bytes
	CustomerID string // asserted customer, empty: nobody; ignored unless Proof is Asserted or HostLogin is set; at most 256 bytes
	Proof      Proof
	// HostLogin, with the Proof BySecret: the session id says which session, and a login of the
	// host's own says who the customer is. A customer's session is then this identity's only if
	// that customer is CustomerID. An anonymous session must become the customer's by Resolver.Bind
	// first: until then Resolve shows its choices alone, marked Degraded, and Update refuses it.
	HostLogin bool
}

// Request is all that a resolution depends on, besides what is stored and what the directory knows.
type Request struct {
	Identity
	// GuestID is the id of an anonymous session, by secret, that the same request names beside
	// SessionID. Only Bind reads it. At most 256 bytes.
	GuestID string
	// Site and Language are the request site and the request language, BCP 47: what the server
	// derived from host or path by its own mapping. Empty: none. They outrank the shopper's choices,
	// hold for this request alone and are never persisted.
	Site, Language string
	// GeoCountry and AcceptLanguage are hints, what the request suggests, see defaults.Input: the
	// country where the visitor seems to be, and the header of the browser. Empty: none. They are
	// untrusted and never persisted.
	GeoCountry, AcceptLanguage string

	// Fresh asks the Store: the answer is never older than a write that any process has finished
	// before the call. Without it the near-cache may answer: never older than a write that this
	// process has finished, and older than a write of another process for less than the lease of
	// the Store. What the Directory says is not asked again; that is Resolver.Refresh.
	//
	// If the Store cannot be asked the error is ErrUnavailable, and no answer is Degraded.
	Fresh bool
	// AtLeast refuses states of the session that are older than this revision, which a message of a
	// queue, or another server, has named. If the Store itself has no record so new, the error is
	// ErrNotFound: the session has expired, or the Store has lost a write. An Incarnation of 0
	// stands for every incarnation. The zero Revision, and a request that names no session, ask for
	// nothing. As with Fresh no answer is Degraded.
	AtLeast Revision
}

// needsStore reports whether a degraded answer would not do.
func (req *Request) needsStore() bool { return req.Fresh || req.AtLeast != Revision{} }

// accepts reports whether a record is as new as AtLeast asks.
func (req *Request) accepts(rec *store.Record) bool { return newEnough(req.AtLeast, rec.Revision()) }

func newEnough(least, have Revision) bool {
	return have.Version >= least.Version && (least.Incarnation == 0 || least.Incarnation == have.Incarnation)
}

const maxID = 256 // bytes of a session, customer or cart id

// check judges the form of an identity. What an id looks like is its issuer's business.
func (id *Identity) check() error {
	switch {
	case !tenants.Valid(id.Tenant):
		return fmt.Errorf("%w: Tenant %q: %s", ErrUnknownTenant, cut(id.Tenant), tenants.Rule)
	case len(id.SessionID) > maxID:
		return fmt.Errorf("%w: SessionID has %d bytes: it must have %d or less", ErrNotFound, len(id.SessionID), maxID)
	case len(id.CustomerID) > maxID:
		return fmt.Errorf("%w: CustomerID has %d bytes: it must have %d or less", ErrNotFound, len(id.CustomerID), maxID)
	case id.Proof > Management:
		return fmt.Errorf("%w: Proof %d: must be Asserted, BySecret or Management", ErrNotFound, id.Proof)
	case id.Proof == 0 && (id.SessionID != "" || id.CustomerID != ""):
		return fmt.Errorf("%w: Proof 0 proves nothing: it must be another one, because the identity names a session or a customer", ErrNotFound)
	}
	return nil
}

// byHostLogin reports whether the host's own login says who the customer of a session by secret is.
func (id *Identity) byHostLogin() bool { return id.HostLogin && id.Proof == BySecret }

// asserted returns the customer that id asserts, empty if it asserts none.
func (id *Identity) asserted() string {
	if id.Proof == Asserted || id.byHostLogin() {
		return id.CustomerID
	}
	return ""
}

// cloneStrings gives the identity a tenant and a customer id of their own: the caller's may be
// parts of a whole request, and caches keep them. A session id is copied where it is kept.
func (id *Identity) cloneStrings() {
	id.Tenant, id.CustomerID = unique.Make(id.Tenant).Value(), strings.Clone(id.CustomerID)
}

// cut shortens hostile input for an error message.
func cut(s string) string { return s[:min(len(s), 64)] }

// Hints, request sites and request languages longer than this are cut: what is kept of them must be
// bounded, whoever sends them.
const (
	maxAcceptLanguage  = 256
	maxGeo             = 16
	maxRequestLanguage = 36 // one byte more than a tag may have: what was cut stays malformed
	maxRequestSite     = 65 // one byte more than a code may have: what was cut is no code
)

// cutTexts cuts the hints, the request site and the request language.
func (req *Request) cutTexts() {
	req.Site = req.Site[:min(len(req.Site), maxRequestSite)]
	req.Language = req.Language[:min(len(req.Language), maxRequestLanguage)]
	if len(req.AcceptLanguage) > maxAcceptLanguage {
		req.AcceptLanguage = req.AcceptLanguage[:maxAcceptLanguage]
		req.AcceptLanguage = req.AcceptLanguage[:strings.LastIndexByte(req.AcceptLanguage, ',')+1] // no half languages
	}
	req.GeoCountry = req.GeoCountry[:min(len(req.GeoCountry), maxGeo)]
}

// cacheKey names what is cached for req.
func (r *Resolver) cacheKey(req *Request) nearcache.Key {
	return nearcache.Key{Tenant: req.Tenant, ID: req.SessionID, View: req.asserted(), Kind: store.KindSession}
}

// setKey is cacheKey for the warm path. It writes the key in place and returns no copy: the copy
// would read, in wide pieces, what was just written in narrow ones, and processors must wait for
// such writes to finish.
func (req *Request) setKey(k *nearcache.Key) {
	k.Tenant, k.ID, k.View, k.Kind = req.Tenant, req.SessionID, req.asserted(), store.KindSession
}

// hash returns the hash under which the entry is cached that answers req. Without a session id many
// requests have the same key, so the hash takes in customer, site, language and hints, too.
func (r *Resolver) hash(key *nearcache.Key, req *Request) uint64 {
	h := r.near.Hash(key)
	if req.SessionID == "" {
		h = r.near.HashMore(h, key.View, req.Site, req.Language, req.GeoCountry, req.AcceptLanguage)
	}
	return h
}

// enter lets a call in after a check of its request. Resolve and Attach have a way of their own:
// resolveSlow.
func (r *Resolver) enter(req *Request) (leave func(), err error) {
	if !r.gate.enter() {
		return nil, ErrClosed
	}
	if err := req.check(); err != nil {
		r.gate.leave()
		return nil, err
	}
	if len(req.GuestID) > maxID {
		req.GuestID = "" // too long to be the id of a session
	}
	req.cloneStrings()
	req.cutTexts()
	return r.gate.leave, nil
}
