package sessionctx

import (
	"strings"
	"time"
	"unique"
	"unsafe"

	"github.com/sessionctx/storefront/defaults"
)

// entry is what the near-cache holds of one key: the record as it was loaded, what it was loaded under, and
// the last resolution. It is immutable. There is one per cached session, so its fields are packed, and in the order
// in which a warm read needs them: it touches the first three cache lines alone.
type entry struct {
	tenant, id string
	word       uint64 // of the key's stripe, before the load
	stripe     uint32
	epoch      uint32
	kind       Kind
	flags      entryFlags
	proof      Proof // of the memo
	sources    [defaults.NumFields]defaults.Source

	// The memo: the last resolution from this record, good for the same question only.
	memo memo

	// The record.
	incarnation         uint64
	version             int64
	created, modified   int64 // Unix milliseconds
	cartID              string
	attributes          *[]Attribute // nil: none
	expires             int64        // Unix milliseconds; 0: never
	generation, removed int64
	customerID          string
	choices             unique.Handle[defaults.Choices]
	changed             unique.Handle[[numChanged]int64]

	deadline int64 // monotonic; never later than the record's expiry
	touchAt  int64 // monotonic; when the record's expiry wants to be moved
}

type entryFlags uint8

const (
	entryExists entryFlags = 1 << iota
	entrySecret
	entryEnded
	entryMemo   // there is a memo
	entryNobody // the memo says: there is no session
	entryDegraded
)

// memo is a resolution: the answer, and all that it depends on besides the record.
type memo struct {
	question     unique.Handle[question]
	answer       unique.Handle[answer]
	customerID   string // the effective customer
	sitesWord    uint64
	customerWord uint64
	sites        uint32 // stripe
	customer     uint32 // stripe; that of the sites for an anonymous session
	deadline     int64  // the earliest deadline of record, sites and profile
}

// question is what a request says beyond its identity. Few different ones exist, so they are shared.
type question struct {
	site  string
	hints defaults.Hints
}

// answer is the resolved values: shared, for few different ones exist.
type answer struct {
	site, currency, country, language string
}

const entrySize = int64(unsafe.Sizeof(entry{}))

// The bag's own bookkeeping of one value (map slots, cost, frequency counters), measured.
const bagOverhead = 160

// cost returns the bytes that e keeps alive, about.
func (e *entry) cost() int64 {
	n := entrySize + bagOverhead + int64(len(e.id)+len(e.customerID)+len(e.cartID))
	if e.flags&entryMemo != 0 { // shared with others, mostly, but nobody promises that
		q := e.memo.question.Value()
		n += int64(len(q.site) + len(q.hints.Country) + len(q.hints.AcceptLanguage))
	}
	if e.attributes != nil {
		for _, a := range *e.attributes {
			n += int64(unsafe.Sizeof(a)) + int64(len(a.Name)+len(a.Value))
		}
	}
	return n
}

// set packs the id of key and, if there is one, rec into e.
func (e *entry) set(key Key, rec *Record) {
	e.tenant, e.kind = unique.Make(key.Tenant).Value(), key.Kind
	if !rec.exists() {
		e.id = strings.Clone(key.ID)
		return
	}
	// One piece of memory for the three: a warm read touches them together.
	ids := key.ID + rec.CustomerID + rec.CartID
	e.id, ids = ids[:len(key.ID)], ids[len(key.ID):]
	e.customerID, e.cartID = ids[:len(rec.CustomerID)], ids[len(rec.CustomerID):]
	e.flags |= entryExists
	if rec.Secret {
		e.flags |= entrySecret
	}
	if rec.Ended {
		e.flags |= entryEnded
	}
	e.incarnation, e.version = rec.Incarnation, rec.Version
	e.generation, e.removed = rec.Generation, rec.Removed
	e.created, e.modified = rec.CreatedAt.UnixMilli(), rec.ModifiedAt.UnixMilli()
	if !rec.ExpiresAt.IsZero() {
		e.expires = rec.ExpiresAt.UnixMilli()
	}
	e.choices = unique.Make(rec.Choices)
	e.changed = unique.Make(rec.Changed)
	if len(rec.Attributes) > 0 {
		e.attributes = &rec.Attributes
	}
}

// record unpacks the record: all of it but the write id.
func (e *entry) record() Record {
	if e.flags&entryExists == 0 {
		return Record{}
	}
	rec := Record{
		Tenant: e.tenant, Incarnation: e.incarnation, Version: e.version,
		Secret: e.flags&entrySecret != 0, Ended: e.flags&entryEnded != 0,
		CustomerID: e.customerID, Generation: e.generation,
		Choices: e.choices.Value(), CartID: e.cartID, Attributes: e.attrs(),
		Changed: e.changed.Value(), Removed: e.removed,
		CreatedAt: milli(e.created), ModifiedAt: milli(e.modified),
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

// is reports whether e is about the key.
func (e *entry) is(kind Kind, tenant, id string) bool {
	return e.id == id && e.tenant == tenant && e.kind == kind
}

// fits reports whether the memo answers this request, as far as the request itself goes.
func (e *entry) fits(req *Request) bool {
	if e.flags&entryMemo == 0 || e.proof != req.Proof {
		return false
	}
	if e.proof == Asserted && e.memo.customerID != req.CustomerID {
		return false
	}
	q := e.memo.question.Value()
	return q.site == req.Site && q.hints == req.Hints
}

// session writes the memo's answer to s.
func (e *entry) session(s *Session) {
	a := e.memo.answer.Value()
	s.Tenant, s.CustomerID = e.tenant, e.memo.customerID
	s.Site, s.Currency, s.Country, s.Language = a.site, a.currency, a.country, a.language
	s.sources = e.sources
	if e.flags&entryDegraded != 0 {
		s.Version, s.Degraded = -1, true
	}
	if e.flags&entryNobody != 0 {
		return
	}
	s.ID = e.id
	s.secret = e.proof == BySecret || e.flags&entrySecret != 0
	if e.flags&entryExists == 0 {
		return
	}
	s.CartID, s.Version, s.incarnation = e.cartID, e.version, e.incarnation
	s.CreatedAt, s.ModifiedAt = milli(e.created), milli(e.modified)
	s.attributes = e.attrs()
}
