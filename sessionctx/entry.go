package sessionctx

import (
	"strings"
	"time"
	"unique"
	"unsafe"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/intern"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// entry is what the near-cache holds of one key: the record as it was loaded, what it was loaded under, and
// the last resolution. It is immutable. There is one per cached session, so it is packed into three cache lines, of which a warm
// read begins with the first two: the order of the fields is that of the lines. What most sessions do not have lies elsewhere.
type entry struct {
	// The key.
	tenant  unique.Handle[string]
	kind    Kind
	proof   Proof // of the memo
	flags   entryFlags
	idLen   uint8
	sources [defaults.NumFields]defaults.Source // of the memo
	inline  [maxInline]byte                     // the id, and after it the customer's, each if there is room
	ownLen  uint8                               // of the customer's id

	// The memo, which is the last resolution from this record, good for the same question only, and what it depends on.
	wordSum  uint64 // of the words of key, sites and customer as they were: words only grow, so none has moved while the sum has not
	stripe   uint16 // of the key
	sites    uint16 // stripe
	customer uint16 // stripe; until there is a memo that of who was asserted to the session
	seen     uint32 // of the changes of who was asserted, before the load: see covers
	epoch    uint32
	memo     *memo

	memoUntil   int64 // the earliest deadline of record, sites and profile, monotonic
	incarnation uint64
	version     int64
	rest        *rest // nil: there is none

	created, modified int64 // Unix milliseconds
	choices           unique.Handle[defaults.Choices]
	changes           unique.Handle[changes]
	word              uint64 // of the key's stripe, before the load
	expires           int64  // Unix milliseconds; 0: never
	deadline          int64  // monotonic; never later than the record's expiry
	touchAt           int64  // monotonic; when the record's expiry wants to be moved
}

// rest is what most sessions have nothing of: they have neither cart nor attributes, and the ids fit into the entry.
type rest struct {
	texts         string // id, customer and cart, one after the other; what lies in the entry is empty here
	idEnd, ownEnd uint32
	rare          *rare // nil: there is none
}

// rare is what most sessions have nothing of though they have a rest.
type rare struct {
	generation int64
	attributes []Attribute
}

var none rest

func (r *rest) id() string         { return r.texts[:r.idEnd] }
func (r *rest) customerID() string { return r.texts[r.idEnd:r.ownEnd] }
func (r *rest) cartID() string     { return r.texts[r.ownEnd:] }

func (r *rest) generation() int64 {
	if r.rare == nil {
		return 0
	}
	return r.rare.generation
}

func (r *rest) attributes() []Attribute {
	if r.rare == nil {
		return nil
	}
	return r.rare.attributes
}

const (
	maxInline = 47   // a UUID has 36 bytes, a secret id 43
	elsewhere = 0xff // a length: there is no room, the string itself is to be read
)

type entryFlags uint8

const (
	entryExists entryFlags = 1 << iota
	entrySecret
	entryEnded
	entryMemo   // there is a memo
	entryNobody // the memo says: there is no session
	entryGuest  // the memo is about no customer, whosever the record is
	entryViewed // the customer is not the record's, which has none, but was asserted on it
	entryDegraded
)

// changes are the versions that a record remembers besides its own. Few different ones exist, so they are shared.
type changes struct {
	changed                                      [numChanged]int64
	removedAttributes, removedCarts, cartChanged int64
	first                                        int64
}

// memo is what a request said beyond its identity, and what it resolved to. Sessions of one site share it, or most of it. It fills one cache line,
// and lies in no second one.
type memo struct {
	requestSite, site string
	hints             *defaults.Hints
	answer            *answer
	_                 [2]uint64
}

// answer is what a memo resolved to besides the site: sites share it.
type answer struct{ currency, country, language string }

// memoKey is what a memo is known by: all that it says, in one piece.
type memoKey struct {
	requestSite, site string
	hints             defaults.Hints
	answer            answer
}

// shared are what entries point to.
var shared struct {
	memos   intern.Values[memoKey, memo]
	hints   intern.Values[defaults.Hints, defaults.Hints]
	answers intern.Values[answer, answer]
}

// newMemo returns a memo, and what it is known by, without the memory of the request that k came from.
func newMemo(k memoKey) (memoKey, *memo) {
	h := shared.hints.Pointer(k.hints, func(h defaults.Hints) (defaults.Hints, *defaults.Hints) {
		h = defaults.Hints{Country: strings.Clone(h.Country), AcceptLanguage: strings.Clone(h.AcceptLanguage)}
		return h, &h
	})
	a := shared.answers.Pointer(k.answer, func(a answer) (answer, *answer) {
		a = answer{strings.Clone(a.currency), strings.Clone(a.country), strings.Clone(a.language)}
		return a, &a
	})
	k = memoKey{strings.Clone(k.requestSite), strings.Clone(k.site), *h, *a}
	return k, &memo{requestSite: k.requestSite, site: k.site, hints: h, answer: a}
}

const entrySize = int64(unsafe.Sizeof(entry{}))

// The bag's own bookkeeping of one value (map slots, cost, frequency counters), measured.
const bagOverhead = 160

// cost returns the bytes that e keeps alive, about.
func (e *entry) cost() int64 {
	n := entrySize + bagOverhead
	if r := e.rest; r != nil {
		n += int64(unsafe.Sizeof(*r)) + int64(len(r.texts))
		if r.rare != nil {
			n += int64(unsafe.Sizeof(*r.rare))
		}
		for _, a := range r.attributes() {
			n += int64(unsafe.Sizeof(a)) + int64(len(a.Name)+len(a.Value))
		}
	}
	if e.flags&entryMemo != 0 { // shared with others, mostly, but nobody promises that
		n += int64(len(e.memo.requestSite) + len(e.memo.hints.Country) + len(e.memo.hints.AcceptLanguage))
	}
	return n
}

// newEntry packs a record, or that there is none, under its key.
func newEntry(key Key, rec *Record) *entry {
	e := &entry{tenant: unique.Make(key.Tenant), kind: key.Kind, deadline: endless, touchAt: endless}
	var more *rare
	if rec.Generation != 0 || len(rec.Attributes) > 0 {
		more = &rare{rec.Generation, rec.Attributes}
	}
	e.lay(key.ID, rec.CustomerID, cartOf(rec), more)
	if !rec.Exists() {
		return e
	}
	e.flags |= entryExists
	if rec.Secret {
		e.flags |= entrySecret
	}
	if rec.Ended {
		e.flags |= entryEnded
	}
	e.incarnation, e.version = rec.Incarnation, rec.Version
	e.created, e.modified = rec.CreatedAt.UnixMilli(), rec.ModifiedAt.UnixMilli()
	if !rec.ExpiresAt.IsZero() {
		e.expires = rec.ExpiresAt.UnixMilli()
	}
	e.choices = unique.Make(rec.Choices)
	e.changes = unique.Make(changes{rec.Changed, rec.RemovedAttributes, rec.RemovedCarts, cartChanged(rec), rec.First})
	return e
}

// lay puts the ids into e as far as there is room, and all else that is not nothing elsewhere.
func (e *entry) lay(id, customerID, cartID string, more *rare) {
	e.idLen, e.ownLen, e.rest = elsewhere, 0, nil
	if len(id) <= maxInline {
		e.idLen = uint8(copy(e.inline[:], id))
		id = ""
	}
	switch {
	case customerID == "":
	case e.idLen != elsewhere && int(e.idLen)+len(customerID) <= maxInline:
		e.ownLen = uint8(copy(e.inline[e.idLen:], customerID))
		customerID = ""
	default:
		e.ownLen = elsewhere
	}
	texts := id + customerID + cartID
	if texts == "" && more == nil {
		return
	}
	if texts == id || texts == customerID || texts == cartID {
		texts = strings.Clone(texts) // the caller's may be a part of a whole header
	}
	e.rest = &rest{texts, uint32(len(id)), uint32(len(id) + len(customerID)), more}
}

// record unpacks the record: all of it but the write id.
func (e *entry) record() Record {
	if e.flags&entryExists == 0 {
		return Record{}
	}
	c, more := e.changes.Value(), e.more()
	rec := Record{
		Tenant: e.tenant.Value(), Incarnation: e.incarnation, Version: e.version,
		Secret: e.flags&entrySecret != 0, Ended: e.flags&entryEnded != 0, Generation: more.generation(),
		CustomerID: strings.Clone(e.owner()), // a store may keep it, and it would keep e
		Choices:    e.choices.Value(), Attributes: more.attributes(),
		Changed: c.changed, RemovedAttributes: c.removedAttributes, RemovedCarts: c.removedCarts, First: c.first,
		CreatedAt: milli(e.created), ModifiedAt: milli(e.modified),
	}
	if id := more.cartID(); id != "" {
		rec.Carts = []store.Cart{{ID: id, Changed: c.cartChanged}}
	}
	if e.expires != 0 {
		rec.ExpiresAt = milli(e.expires)
	}
	return rec
}

// more returns the rest, to read.
func (e *entry) more() *rest {
	if e.rest == nil {
		return &none
	}
	return e.rest
}

// id returns the id. As all texts that lie in an entry, which nobody changes, it is not copied: to follow a string would cost a warm read one
// more line of memory from afar.
func (e *entry) id() string {
	if e.idLen == elsewhere {
		return e.rest.id()
	}
	return unsafe.String(&e.inline[0], e.idLen)
}

// customerID returns the customer of the record or, with entryViewed, the last one who was asserted on it; empty if there is none.
func (e *entry) customerID() string {
	switch e.ownLen {
	case 0:
		return ""
	case elsewhere:
		return e.rest.customerID()
	}
	return unsafe.String(&e.inline[e.idLen], e.ownLen)
}

// owner returns the customer of the record, empty if it has none.
func (e *entry) owner() string {
	if e.flags&entryViewed != 0 {
		return ""
	}
	return e.customerID()
}

// about returns the customer whom the memo is about, empty if it is about none.
func (e *entry) about() string {
	if e.flags&entryGuest != 0 {
		return ""
	}
	return e.customerID()
}

func milli(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// key returns the key that e is about.
func (e *entry) key() Key { return Key{e.tenant.Value(), e.kind, strings.Clone(e.id())} }

// is reports whether e is about the key.
func (e *entry) is(kind Kind, tenant, id string) bool {
	return e.id() == id && e.tenant.Value() == tenant && e.kind == kind
}

// remember returns a copy of e with a memo: what e resolves to for req, seen as this customer's: the record's, if it has one and is shown.
func (e *entry) remember(req *Request, nobody bool, customerID string, v defaults.Values, p *surroundings) *entry {
	c := *e
	c.flags = c.flags&^(entryNobody|entryGuest) | entryMemo
	if nobody {
		c.flags |= entryNobody
	}
	switch customerID {
	case e.customerID():
	case "":
		c.flags |= entryGuest
	default:
		c.lay(e.id(), customerID, e.more().cartID(), e.more().rare)
		c.flags |= entryViewed
	}
	c.proof, c.sources = req.Proof, v.Sources
	c.memo = shared.memos.Pointer(memoKey{req.Site, v.Site, req.Hints, answer{v.Currency, v.Country, v.Language}}, newMemo)
	c.sites, c.customer, c.wordSum = p.sites, p.customer, e.word+p.sitesWord+p.customerWord
	c.memoUntil = min(c.deadline, c.touchAt, p.deadline)
	return &c
}

// fits reports whether the memo answers this request, as far as the request itself goes.
func (e *entry) fits(req *Request) bool {
	if e.flags&entryMemo == 0 || e.proof != req.Proof || e.proof == Asserted && e.about() != req.CustomerID {
		return false
	}
	m := e.memo
	return m.requestSite == req.Site && m.hints.Country == req.Hints.Country &&
		m.hints.AcceptLanguage == req.Hints.AcceptLanguage && req.Freshness.allows(e)
}

// session writes the memo's answer to the request that it fits to s.
func (e *entry) session(id string, s *Session) {
	m, a := e.memo, e.memo.answer
	s.Tenant = e.tenant.Value()
	s.Site, s.Currency, s.Country, s.Language = m.site, a.currency, a.country, a.language
	s.sources, s.proof = e.sources, e.proof
	if e.flags&entryDegraded != 0 {
		s.Version, s.Degraded = -1, true
	}
	if e.flags&entryNobody != 0 {
		if e.proof == Asserted {
			s.CustomerID = e.about() // without a session, but known to the host
		}
		return
	}
	s.ID = id
	if e.proof == Asserted {
		s.CustomerID = e.about()
	} else {
		s.CustomerID = e.owner()
	}
	if e.flags&entryExists == 0 {
		return
	}
	s.Version, s.incarnation = e.version, e.incarnation
	s.CreatedAt, s.ModifiedAt = milli(e.created), milli(e.modified)
	if e.rest != nil {
		s.CartID, s.attributes = e.rest.cartID(), e.rest.attributes()
	}
}
