package store

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sessionctx/storefront/defaults"
)

// Revision names one state of a record: two records under one key with the same revision differ in
// their expiry at most. The zero Revision stands for "no record".
type Revision struct {
	Incarnation uint64
	Version     int64
}

// String returns the revision as a text that a form or a header can carry, such as
// "cab6b58b7514ec30.58281951": the incarnation with 16 hexadecimal digits, a dot and the version.
// It holds nothing secret.
func (r Revision) String() string { return fmt.Sprintf("%016x.%d", r.Incarnation, r.Version) }

// MarshalText returns what String returns.
func (r Revision) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what String returns. A revision with an incarnation and no version, or the
// other way round, and every other text are an error and leave r alone.
func (r *Revision) UnmarshalText(text []byte) error {
	incarnation, version, ok := strings.Cut(string(text), ".")
	i, iErr := strconv.ParseUint(incarnation, 16, 64)
	v, vErr := strconv.ParseInt(version, 10, 64)
	read := Revision{i, v}
	if !ok || iErr != nil || vErr != nil || v < 0 || (i == 0) != (v == 0) || read.String() != string(text) {
		return fmt.Errorf("store: revision %.64q: must be 16 hexadecimal digits, a dot and a number", text)
	}
	*r = read
	return nil
}

// Indexes of Record.Changed. Those of the four resolved values are the fields of package defaults.
const (
	// ChangedCompany is the index of the acting company.
	ChangedCompany = int(defaults.NumFields)
	// NumChanged is the length of Record.Changed.
	NumChanged = ChangedCompany + 1
)

// Record is what is persisted of a session: the shopper's choices, never a default. A Record is
// immutable after it was handed to a Store or returned by one. The zero Record stands for "no
// record".
type Record struct {
	Tenant      string // always the key's
	Incarnation uint64 // random, not 0; chosen when the session is created, kept when its id changes
	First       int64  // version of the first write of the incarnation: random, 1 to 2^30-1
	Version     int64  // +1 for each applied write; a touch keeps it
	WriteID     uint64 // random, one for each write: says after a time-out whether the write was applied

	Secret     bool   // the id is a secret: knowing it is the proof
	Ended      bool   // a tombstone
	Heir       []byte // of a tombstone that a login has left: the sealed id of the session that goes on
	CustomerID string // empty: anonymous
	// Generation is the customer's generation at the login: 0, or the random number of an EndAll.
	// In a KindCustomer record it is the present generation.
	Generation int64
	Login      int64 // version of the last login; 0: none

	Choices    defaults.Choices
	Carts      []Cart      // at most one for each site, sorted by site
	Attributes []Attribute // sorted by name, names unique
	Company    string      // the company that a customer acts for; not in use yet
	Dimensions []Dimension // further values that the host declares, sorted by name; not in use yet

	// Changed has the versions that last changed site, currency, country, language and company.
	Changed           [NumChanged]int64
	RemovedAttributes int64 // version of the last removal of an attribute
	RemovedCarts      int64 // version of the last removal of a cart

	CreatedAt  time.Time // whole milliseconds, UTC, as the two below
	ModifiedAt time.Time
	ExpiresAt  time.Time // zero: never

	// Unknown are fields that a newer program has written, in their binary form. This program keeps
	// them as they are.
	Unknown []byte
}

// Cart is the cart of a session at one site.
type Cart struct {
	Site     string
	ID       string
	Country  string // as the host has stated it with the cart; empty: not stated
	Currency string // likewise
	Changed  int64  // version that last changed the cart
}

// Attribute is one named JSON value of a session.
type Attribute struct {
	Name    string
	Value   json.RawMessage
	Changed int64 // version that last changed the attribute
}

// Dimension is one named value besides the four that this library resolves.
type Dimension struct {
	Name    string
	Value   string
	Changed int64 // version that last changed the dimension
}

// Revision returns the record's revision, zero for the zero Record.
func (r *Record) Revision() Revision { return Revision{r.Incarnation, r.Version} }

// Exists reports whether there is a record at all; a tombstone is one.
func (r *Record) Exists() bool { return r.Incarnation != 0 }

// Expired reports whether the record has reached its expiry at now.
func (r *Record) Expired(now time.Time) bool {
	return !r.ExpiresAt.IsZero() && !now.Before(r.ExpiresAt)
}
