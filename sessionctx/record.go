package sessionctx

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"time"

	"github.com/sessionctx/storefront/defaults"
)

// Kind says what a record is about.
type Kind uint8

const (
	// KindSession is the record of one session; Key.ID is the session id.
	KindSession Kind = iota
	// KindCustomer is what is kept of a customer beyond any session, the generation; Key.ID is the customer id.
	KindCustomer
)

// Key names a record. It is comparable.
type Key struct {
	Tenant string
	Kind   Kind
	ID     string
}

// KeyHash names a record where its id must not be seen: in a shared store and in its messages.
type KeyHash [sha256.Size]byte

// Hash returns the SHA-256 of an unambiguous encoding of the key.
func (k Key) Hash() KeyHash {
	var buf [128]byte
	b := append(buf[:0], byte(k.Kind))
	b = binary.AppendUvarint(b, uint64(len(k.Tenant)))
	b = append(b, k.Tenant...)
	b = append(b, k.ID...)
	return sha256.Sum256(b)
}

// Revision names one state of a record: two records under one key with the same revision differ at most in
// expiry. The zero Revision stands for "no record".
type Revision struct {
	Incarnation uint64
	Version     int64
}

// Changeable fields of a record, as indexes of Record.Changed: the four fields of
// defaults.Field, then the cart.
const (
	changedCart = defaults.NumFields
	numChanged  = defaults.NumFields + 1
)

// Record is what is persisted of a session: the shopper's choices, never a default.
// A Record is immutable once it was handed to a Store or returned by one; the zero Record stands for "no record".
type Record struct {
	Tenant      string // always the key's
	Incarnation uint64 // random, not 0; chosen when the record is created
	Version     int64  // 1 at the first write, +1 per applied write; a touch keeps it
	WriteID     uint64 // random, one per write: tells after a time-out whether the write was applied

	Secret     bool   // the id is a secret: knowing it is the proof
	Ended      bool   // a tombstone
	CustomerID string // empty: anonymous
	Generation int64  // the customer's generation at login: 0, or the random number of an EndAll; in a KindCustomer record the generation itself

	Choices    defaults.Choices
	CartID     string
	Attributes []Attribute // sorted by name, names unique

	Changed [numChanged]int64 // the version that last changed site, currency, country, language, cart
	Removed int64             // the version of the last removal of an attribute

	CreatedAt  time.Time // whole milliseconds, UTC, as the two below
	ModifiedAt time.Time
	ExpiresAt  time.Time // zero: never
}

// Attribute is one named JSON value of a session, with the version that last changed it.
type Attribute struct {
	Name    string
	Value   json.RawMessage
	Changed int64
}

// Revision returns the record's revision, zero for the zero Record.
func (r *Record) Revision() Revision { return Revision{r.Incarnation, r.Version} }

// exists reports whether there is a record at all; a tombstone is one.
func (r *Record) exists() bool { return r.Incarnation != 0 }

// expired reports whether the record has outlived its time at now.
func (r *Record) expired(now time.Time) bool {
	return !r.ExpiresAt.IsZero() && !now.Before(r.ExpiresAt)
}
