package sessionctx

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"slices"
	"sort"
	"time"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// Session is the resolved context of one shopper's visit: an immutable value. A copy shares nothing
// that can change, so any goroutine may have one.
//
// The ID may be a secret and the CustomerID names a person, so a Session does not show them by
// itself. Package fmt (every verb), log/slog, and the encoders of JSON, XML, YAML and other texts
// print the redacted form: tenant, kind of shopper, the four values, and the version. Binary
// encoders such as encoding/gob get an error. Nothing can be decoded into a Session: a job queue
// carries a [Snapshot]. Two ways around the redaction remain: the fields themselves, and package
// reflect, which package fmt uses where the Session is in an unexported field of another struct.
type Session struct {
	Tenant string
	ID     string // empty: there is no session yet, or the session has ended

	// CustomerID is empty for an anonymous session. Like ID it may be a part of a larger string:
	// clone what is kept for long.
	CustomerID string

	Site     string // code of the site
	Currency string // ISO 4217
	Country  string // ISO 3166-1 alpha-2; the service calls it targetLocation
	Language string // BCP 47, as the site spells it
	CartID   string // the session's cart of this Site

	Version    int64     // 0: no record yet; -1: degraded
	CreatedAt  time.Time // zero without a record, as ModifiedAt
	ModifiedAt time.Time

	// Degraded: the store could not be asked. The values are computed defaults; choices, cart and
	// attributes are not known. Or the session has not become the session of its customer yet (see
	// Identity.HostLogin): then the values follow the choices, and the rest is not known.
	Degraded bool

	// ProfileMissing: the customer's profile could not be had, so the values were computed without
	// it. Record, choices, cart and attributes are the session's own. The profile is asked for
	// again within seconds, so the values must not be cached: ETag is empty.
	ProfileMissing bool

	proof       Proof // how the identity was established that the session was resolved for
	hostLogin   bool  // Identity.HostLogin of that identity
	sources     [defaults.NumFields]defaults.Source
	incarnation uint64
	attributes  []store.Attribute // shared with the record, never changed
}

var (
	_ slog.LogValuer             = Session{}
	_ fmt.Stringer               = Session{}
	_ fmt.Formatter              = Session{}
	_ json.Marshaler             = Session{}
	_ json.Unmarshaler           = (*Session)(nil)
	_ encoding.TextMarshaler     = Session{}
	_ encoding.TextUnmarshaler   = (*Session)(nil)
	_ encoding.BinaryMarshaler   = Session{}
	_ encoding.BinaryUnmarshaler = (*Session)(nil)
)

// Source says why the value of a field is what it is.
func (s Session) Source(f defaults.Field) defaults.Source { return s.sources[f] }

// Revision returns the state of the record that s was resolved from: the first two parts of the
// ETag. It is zero without a record.
func (s Session) Revision() Revision {
	if s.incarnation == 0 {
		return Revision{}
	}
	return Revision{Incarnation: s.incarnation, Version: s.Version}
}

// Attribute returns a copy of the JSON value of the attribute of that name.
func (s Session) Attribute(name string) (json.RawMessage, bool) {
	i := sort.Search(len(s.attributes), func(i int) bool { return s.attributes[i].Name >= name })
	if i == len(s.attributes) || s.attributes[i].Name != name {
		return nil, false
	}
	return bytes.Clone(s.attributes[i].Value), true
}

// Attributes iterates over the attributes in the order of their names; the values are copies.
func (s Session) Attributes() iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		for i := range s.attributes {
			if !yield(s.attributes[i].Name, bytes.Clone(s.attributes[i].Value)) {
				return
			}
		}
	}
}

// WithAttributes returns a copy of s with only those attributes whose names are given, for a
// Snapshot that carries less. If attributes are left out, the copy has another ETag.
func (s Session) WithAttributes(names ...string) Session {
	var kept []store.Attribute
	for _, a := range s.attributes {
		if slices.Contains(names, a.Name) {
			kept = append(kept, a)
		}
	}
	s.attributes = kept
	return s
}

// LogValue implements slog.LogValuer. The group has the members tenant, shopper ("anonymous" or
// "customer"), site, currency, country, language, and version or degraded; profileMissing only
// where it is true. Session id, customer id, cart id and attributes are left out.
func (s Session) LogValue() slog.Value { return slog.GroupValue(s.redacted()...) }

// redacted returns all that a Session shows by itself. Every printed or encoded form is made of it.
func (s Session) redacted() []slog.Attr {
	shopper := "anonymous"
	if s.CustomerID != "" {
		shopper = "customer"
	}
	state := slog.Int64("version", s.Version)
	if s.Degraded {
		state = slog.Bool("degraded", true)
	}
	attrs := []slog.Attr{
		slog.String("tenant", s.Tenant), slog.String("shopper", shopper),
		slog.String("site", s.Site), slog.String("currency", s.Currency),
		slog.String("country", s.Country), slog.String("language", s.Language),
		state,
	}
	if s.ProfileMissing {
		attrs = append(attrs, slog.Bool("profileMissing", true))
	}
	return attrs
}

// String returns the members of LogValue as a text for people.
func (s Session) String() string { return s.text("session") }

func (s Session) text(name string) string {
	var b bytes.Buffer
	b.WriteString(name)
	b.WriteByte('{')
	for i, a := range s.redacted() {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(a.Key)
		b.WriteByte('=')
		b.WriteString(a.Value.String())
	}
	b.WriteByte('}')
	return b.String()
}

// Format implements fmt.Formatter: every verb, %+v and %#v included, prints String.
func (s Session) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// MarshalJSON implements json.Marshaler: an object with the members of LogValue. It shows no
// session id, customer id, cart id or attribute, so that a Session in a struct that somebody
// encodes gives nothing away. The form that carries a session to another program is a Snapshot.
func (s Session) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, a := range s.redacted() {
		if i > 0 {
			b = append(b, ',')
		}
		value, err := json.Marshal(a.Value.Any())
		if err != nil {
			return nil, fmt.Errorf("sessionctx: encode session: %w", err)
		}
		b = append(b, '"')
		b = append(b, a.Key...)
		b = append(b, '"', ':')
		b = append(b, value...)
	}
	return append(b, '}'), nil
}

// MarshalText implements encoding.TextMarshaler, which the encoders of XML, YAML and TOML use: it
// returns String.
func (s Session) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalBinary implements encoding.BinaryMarshaler, which encoding/gob and the encoders of CBOR
// and MessagePack use: it is always an error. A binary form exists to be decoded, and a redacted
// one would silently lose the session.
func (s Session) MarshalBinary() ([]byte, error) {
	return nil, errors.New("sessionctx: a Session has no binary form: encode Session.Snapshot() as JSON")
}

var errDecodeSession = errors.New("sessionctx: a Session cannot be decoded, its encoded form is redacted: " +
	"encode Session.Snapshot() as JSON and decode that into a Snapshot")

// UnmarshalJSON implements json.Unmarshaler: it is always an error. Decode a Snapshot.
func (s *Session) UnmarshalJSON([]byte) error { return errDecodeSession }

// UnmarshalText implements encoding.TextUnmarshaler: it is always an error. Decode a Snapshot.
func (s *Session) UnmarshalText([]byte) error { return errDecodeSession }

// UnmarshalBinary implements encoding.BinaryUnmarshaler: it is always an error. Decode a Snapshot.
func (s *Session) UnmarshalBinary([]byte) error { return errDecodeSession }
