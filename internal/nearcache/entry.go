package nearcache

import (
	"strings"
	"time"
	"unique"
	"unsafe"

	"github.com/sessionctx/storefront/internal/boundedcache"
	"github.com/sessionctx/storefront/internal/stamp"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// Key names what is cached. It is comparable.
type Key struct {
	Tenant string
	ID     string
	View   string // the customer who is asserted to the session; empty: nobody is
	Kind   store.Kind
}

// Store returns the key of the record.
func (k *Key) Store() store.Key { return store.Key{Tenant: k.Tenant, Kind: k.Kind, ID: k.ID} }

// entryKey is a Key as an entry holds it. Texts of the usual length lie in the entry itself, so
// that a warm read, which compares them, follows no pointer to them.
type entryKey struct {
	tenant         string // one text for all entries of the tenant
	long           *Key   // nil: the texts lie in place
	kind           store.Kind
	idLen, viewLen uint8
	texts          [maxTexts]byte // the id, and after it the view
}

const maxTexts = 53 // a secret id has 43 bytes, a UUID 36

func newEntryKey(k *Key) (h entryKey) {
	h.tenant, h.kind = unique.Make(k.Tenant).Value(), k.Kind
	if len(k.ID)+len(k.View) > maxTexts {
		// The texts are copied, since they may be parts of a whole request.
		h.long = &Key{Tenant: h.tenant, ID: strings.Clone(k.ID), View: strings.Clone(k.View), Kind: k.Kind}
		return h
	}
	h.idLen = uint8(copy(h.texts[:], k.ID))
	h.viewLen = uint8(copy(h.texts[h.idLen:], k.View))
	return h
}

// is reports whether h is the key. The conversions allocate nothing, because their results are only
// compared.
func (h *entryKey) is(k *Key) bool {
	if h.long != nil {
		return *h.long == *k
	}
	end := int(h.idLen) + int(h.viewLen)
	return string(h.texts[:h.idLen]) == k.ID && string(h.texts[h.idLen:end]) == k.View && h.tenant == k.Tenant && h.kind == k.Kind
}

func (h *entryKey) key() Key {
	if h.long != nil {
		return *h.long
	}
	end := int(h.idLen) + int(h.viewLen)
	return Key{Tenant: h.tenant, ID: string(h.texts[:h.idLen]), View: string(h.texts[h.idLen:end]), Kind: h.kind}
}

// Entry is what the cache holds of one key: the record, or that there is none, the stamps under
// which it was loaded, and what it last resolved to. It is immutable.
type Entry[R any] struct {
	deadline int64       // monotonic; after it the record may have expired
	session  stamp.Stamp // of the key, from before the load
	customer stamp.Stamp // of the customer that the entry depends on
	key      entryKey
	start    int64 // monotonic, of the load
	// The record in one of two forms: decoded after a load, encoded in the copy that Keep stores,
	// since an entry is resolved once and read often. Without a record both are empty.
	decoded *store.Record
	encoded string

	// Resolved is what the caller has made of the record. It is the zero R until then.
	Resolved R
}

// Record returns the record, the zero Record if there is none. The caller must not change it.
func (e *Entry[R]) Record() store.Record {
	if e.decoded != nil {
		return *e.decoded
	}
	var rec store.Record
	if e.encoded != "" {
		// packed has encoded it, so it can be decoded.
		_ = rec.UnmarshalBinary(unsafe.Slice(unsafe.StringData(e.encoded), len(e.encoded)))
	}
	return rec
}

// Key returns the key.
func (e *Entry[R]) Key() Key { return e.key.key() }

// SharedKey is Key without an allocation: the texts lie in the entry, and keep it in memory.
func (e *Entry[R]) SharedKey() Key {
	h := &e.key
	if h.long != nil {
		return *h.long
	}
	texts := unsafe.String(&h.texts[0], int(h.idLen)+int(h.viewLen)) // an entry is immutable
	return Key{Tenant: h.tenant, ID: texts[:h.idLen], View: texts[h.idLen:], Kind: h.kind}
}

// Stamp returns the stamp of the key, from before the load.
func (e *Entry[R]) Stamp() stamp.Stamp { return e.session }

// Customer returns the stamp of the customer that the entry depends on.
func (e *Entry[R]) Customer() stamp.Stamp { return e.customer }

// Deadline returns until when the entry may be valid, in monotonic time.
func (e *Entry[R]) Deadline() int64 { return e.deadline }

// DependsOn returns a copy that is valid only while the stamp, of the record's customer, is
// current.
func (e *Entry[R]) DependsOn(customer stamp.Stamp) *Entry[R] {
	c := *e
	c.customer = customer
	return &c
}

// With returns a copy that has been resolved.
func (e *Entry[R]) With(resolved R) *Entry[R] {
	c := *e
	c.Resolved = resolved
	return &c
}

// packed returns a copy with the record encoded. It reports false for a record that has no binary
// form.
func (e *Entry[R]) packed() (*Entry[R], bool) {
	if e.decoded == nil {
		return e, true
	}
	b, err := e.decoded.MarshalBinary()
	if err != nil {
		return nil, false
	}
	c := *e
	c.encoded, c.decoded = strings.Clone(string(b)), nil
	return &c, true
}

// cost returns about how many bytes the entry keeps alive. The tenant's name is shared.
func (e *Entry[R]) cost(resolved func(R) int64) int64 {
	n := int64(unsafe.Sizeof(*e)) + boundedcache.Overhead + allocated(len(e.encoded))
	if long := e.key.long; long != nil {
		n += int64(unsafe.Sizeof(*long)) + allocated(len(long.ID)) + allocated(len(long.View))
	}
	if rec := e.decoded; rec != nil {
		n += int64(unsafe.Sizeof(*rec))
		if b, err := rec.AppendBinary(nil); err == nil {
			n += allocated(len(b))
		}
	}
	return n + resolved(e.Resolved)
}

// allocated returns about how many bytes an allocation of n bytes takes.
func allocated(n int) int64 {
	if n > 1024 {
		return int64(n) * 9 / 8
	}
	return int64(n+15) &^ 15
}

// expires returns until when a record that was found at some time may be served: now and at are the
// same moment on the two clocks.
func expires(rec *store.Record, now int64, at time.Time) int64 {
	if rec.ExpiresAt.IsZero() {
		return endless
	}
	return until(now, at, rec.ExpiresAt)
}
