package sessionctx

import (
	"strings"
	"time"
	"unique"
	"unsafe"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/intern"
)

// entry is what the near-cache holds of one key: the record as it was loaded, what it was loaded under, and
// the last resolution. It is immutable. There is one per cached session, so it is packed into four cache lines, of which a warm
// read does not touch the fourth: the order of the fields is that of the lines.
type entry struct {
	// The key.
	tenant  unique.Handle[string]
	kind    Kind
	proof   Proof // of the memo
	flags   entryFlags
	idLen   uint8
	sources [defaults.NumFields]defaults.Source // of the memo
	inline  [maxInline]byte                     // the id and after it the customerID, each if there is room
	ownLen  uint8                               // of the customerID

	// The memo, which is the last resolution from this record, good for the same question only, and what it depends on.
	wordSum  uint64 // of the words of key, sites and customer as they were: words only grow, so none has moved while the sum has not
	stripe   uint32 // of the key
	sites    uint32 // stripe
	customer uint32 // stripe; that of the sites for an anonymous session
	epoch    uint32
	memo     *memo

	// The record, and between its parts what fills a line.
	incarnation       uint64
	version           int64
	attributes        *[]Attribute // nil: none
	word              uint64       // of the key's stripe, before the load
	memoUntil         int64        // the earliest deadline of record, sites and profile, monotonic
	customerID        string       // of the record or, with entryViewed, as asserted on one that has none
	cartID            string
	created, modified int64 // Unix milliseconds
	choices           unique.Handle[defaults.Choices]
	changes           unique.Handle[changes]
	generation        int64
	expires           int64 // Unix milliseconds; 0: never

	deadline int64 // monotonic; never later than the record's expiry
	touchAt  int64 // monotonic; when the record's expiry wants to be moved
	long     *string
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
	entryViewed // the memo says: seen as after a login
	entryDegraded
)

// changes are the versions that a record remembers besides its own. Few different ones exist, so they are shared.
type changes struct {
	changed [numChanged]int64
	removed int64
}

// memo is what a request said beyond its identity, and what it resolved to: shared too.
type memo struct {
	requestSite                       string
	hints                             defaults.Hints
	site, currency, country, language string
}

var memos intern.Values[memo]

// ownMemo returns m without the memory of the request that it came from.
func ownMemo(m memo) memo {
	m.requestSite = strings.Clone(m.requestSite)
	m.hints.Country, m.hints.AcceptLanguage = strings.Clone(m.hints.Country), strings.Clone(m.hints.AcceptLanguage)
	m.site, m.currency = strings.Clone(m.site), strings.Clone(m.currency)
	m.country, m.language = strings.Clone(m.country), strings.Clone(m.language)
	return m
}

const entrySize = int64(unsafe.Sizeof(entry{}))

// The bag's own bookkeeping of one value (map slots, cost, frequency counters), measured.
const bagOverhead = 160

// cost returns the bytes that e keeps alive, about.
func (e *entry) cost() int64 {
	n := entrySize + bagOverhead + int64(len(e.customerID)+len(e.cartID))
	if e.long != nil {
		n += int64(len(*e.long))
	}
	if e.flags&entryMemo != 0 { // shared with others, mostly, but nobody promises that
		n += int64(len(e.memo.requestSite) + len(e.memo.hints.Country) + len(e.memo.hints.AcceptLanguage))
	}
	for _, a := range e.attrs() {
		n += int64(unsafe.Sizeof(a)) + int64(len(a.Name)+len(a.Value))
	}
	return n
}

// newEntry packs a record, or that there is none, under its key.
func newEntry(key Key, rec *Record) *entry {
	e := &entry{tenant: unique.Make(key.Tenant), kind: key.Kind, deadline: endless, touchAt: endless}
	e.ownLen = elsewhere
	if len(key.ID) <= maxInline {
		e.idLen = uint8(copy(e.inline[:], key.ID))
	} else {
		id := strings.Clone(key.ID) // the caller's may be a part of a whole header
		e.idLen, e.long = elsewhere, &id
	}
	if !rec.exists() {
		return e
	}
	e.flags |= entryExists
	if rec.Secret {
		e.flags |= entrySecret
	}
	if rec.Ended {
		e.flags |= entryEnded
	}
	e.incarnation, e.version, e.generation = rec.Incarnation, rec.Version, rec.Generation
	e.created, e.modified = rec.CreatedAt.UnixMilli(), rec.ModifiedAt.UnixMilli()
	if !rec.ExpiresAt.IsZero() {
		e.expires = rec.ExpiresAt.UnixMilli()
	}
	ids := rec.CustomerID + rec.CartID // one piece of memory
	e.customerID, e.cartID = ids[:len(rec.CustomerID)], ids[len(rec.CustomerID):]
	e.choices = unique.Make(rec.Choices)
	e.changes = unique.Make(changes{rec.Changed, rec.Removed})
	if len(rec.Attributes) > 0 {
		attributes := rec.Attributes // a pointer into rec would keep all of it
		e.attributes = &attributes
	}
	return e
}

// record unpacks the record: all of it but the write id.
func (e *entry) record() Record {
	if e.flags&entryExists == 0 {
		return Record{}
	}
	c := e.changes.Value()
	rec := Record{
		Tenant: e.tenant.Value(), Incarnation: e.incarnation, Version: e.version,
		Secret: e.flags&entrySecret != 0, Ended: e.flags&entryEnded != 0, Generation: e.generation,
		Choices: e.choices.Value(), CartID: e.cartID, Attributes: e.attrs(),
		Changed: c.changed, Removed: c.removed,
		CreatedAt: milli(e.created), ModifiedAt: milli(e.modified),
	}
	if e.flags&entryViewed == 0 {
		rec.CustomerID = e.customerID
	}
	if e.expires != 0 {
		rec.ExpiresAt = milli(e.expires)
	}
	return rec
}

func (e *entry) attrs() []Attribute {
	if e.attributes == nil {
		return nil
	}
	return *e.attributes
}

func milli(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// key returns the key that e is about.
func (e *entry) key() Key {
	if e.idLen == elsewhere {
		return Key{e.tenant.Value(), e.kind, *e.long}
	}
	return Key{e.tenant.Value(), e.kind, string(e.inline[:e.idLen])}
}

// is reports whether e is about the key.
func (e *entry) is(kind Kind, tenant, id string) bool {
	if e.idLen == elsewhere {
		return *e.long == id && e.tenant.Value() == tenant && e.kind == kind
	}
	return string(e.inline[:e.idLen]) == id && e.tenant.Value() == tenant && e.kind == kind
}

// remember returns a copy of e with a memo.
func (e *entry) remember(req *Request, nobody bool, customerID string, v defaults.Values, p *surroundings) *entry {
	c := *e
	c.flags = c.flags&^(entryNobody|entryViewed) | entryMemo
	if nobody {
		c.flags |= entryNobody
	}
	if e.customerID == "" || e.flags&entryViewed != 0 {
		// The record has no customer, so there is room for the one who is asserted.
		c.customerID = strings.Clone(customerID)
		if customerID != "" {
			c.flags |= entryViewed
		}
	}
	c.ownLen = elsewhere
	if c.idLen != elsewhere && int(c.idLen)+len(c.customerID) <= maxInline {
		c.ownLen = uint8(copy(c.inline[c.idLen:], c.customerID))
	}
	c.proof, c.sources = req.Proof, v.Sources
	c.memo = memos.Pointer(memo{req.Site, req.Hints, v.Site, v.Currency, v.Country, v.Language}, ownMemo)
	c.sites, c.customer, c.wordSum = p.sites, p.customer, e.word+p.sitesWord+p.customerWord
	c.memoUntil = min(c.deadline, c.touchAt, p.deadline)
	return &c
}

// fits reports whether the memo answers this request, as far as the request itself goes.
func (e *entry) fits(req *Request) bool {
	if e.flags&entryMemo == 0 || e.proof != req.Proof || e.proof == Asserted && !e.owned(req.CustomerID) {
		return false
	}
	m := e.memo
	return m.requestSite == req.Site && m.hints.Country == req.Hints.Country &&
		m.hints.AcceptLanguage == req.Hints.AcceptLanguage && req.Freshness.allows(e)
}

// owned reports whether the memo is about this customer. What is compared lies beside the id: to follow the string would cost
// a warm read one more line of memory from afar.
func (e *entry) owned(customerID string) bool {
	if e.ownLen == elsewhere {
		return e.customerID == customerID
	}
	return string(e.inline[e.idLen:e.idLen+e.ownLen]) == customerID
}

// session writes the memo's answer to the request that it fits to s.
func (e *entry) session(id string, s *Session) {
	m := e.memo
	s.Tenant = e.tenant.Value()
	s.Site, s.Currency, s.Country, s.Language = m.site, m.currency, m.country, m.language
	s.sources = e.sources
	if e.flags&entryDegraded != 0 {
		s.Version, s.Degraded = -1, true
	}
	if e.flags&entryNobody != 0 {
		if e.proof == Asserted {
			s.CustomerID = e.customerID // without a session, but known to the host
		}
		return
	}
	s.ID, s.CustomerID = id, e.customerID
	s.secret = e.proof == BySecret || e.flags&entrySecret != 0
	if e.flags&entryExists == 0 {
		return
	}
	s.CartID, s.Version, s.incarnation = e.cartID, e.version, e.incarnation
	s.CreatedAt, s.ModifiedAt = milli(e.created), milli(e.modified)
	s.attributes = e.attrs()
}
