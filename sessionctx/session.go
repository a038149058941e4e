package sessionctx

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"sort"
	"strconv"
	"time"

	"github.com/sessionctx/storefront/defaults"
)

// Session is the resolved context of one shopper's visit: an immutable value. Copying it shares nothing
// that can change, so it may be handed to any goroutine.
//
// Its ID may be a secret and its CustomerID names a person, so a Session does not show them by itself: package fmt (every verb)
// and log/slog print the redacted form of LogValue and String. What goes around these two shows all of it: MarshalJSON, which a job queue
// needs, package reflect, and with it package fmt where the Session is in an unexported field.
type Session struct {
	Tenant     string
	ID         string // empty: there is no session yet, or the one named has ended
	CustomerID string // empty: anonymous; as ID it may be a part of something larger: clone what is kept for long

	Site     string // code of the site
	Currency string // ISO 4217
	Country  string // ISO 3166-1 alpha-2; the service calls it targetLocation
	Language string // BCP 47, as the site spells it
	CartID   string

	Version    int64     // 0: no record yet; -1: degraded
	CreatedAt  time.Time // zero without a record, as ModifiedAt
	ModifiedAt time.Time

	// Degraded: the store could not be asked. The values are computed defaults; choices, cart and
	// attributes are not known.
	Degraded bool

	secret      bool
	sources     [defaults.NumFields]defaults.Source
	incarnation uint64
	attributes  []Attribute // shared with the record, never changed
}

var (
	_ slog.LogValuer = Session{}
	_ fmt.Stringer   = Session{}
	_ fmt.Formatter  = Session{}
)

// Source says why the value of a field is what it is.
func (s Session) Source(f defaults.Field) defaults.Source { return s.sources[f] }

// Revision returns the state of the record that s was resolved from: the first two parts of the ETag. It is zero without a record.
func (s Session) Revision() Revision {
	if s.incarnation == 0 {
		return Revision{}
	}
	return Revision{s.incarnation, s.Version}
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

// ETag returns a strong entity tag (RFC 9110, section 8.8.3) of the session, quotes included: "incarnation.version.hash", the incarnation
// as 16 hexadecimal digits and the hash over all that the session shows, so that two sessions with one tag are
// shown byte for byte alike, by whichever process. It is empty for a session that is degraded or has no id.
func (s Session) ETag() string {
	if s.Degraded || s.ID == "" {
		return ""
	}
	var room [512]byte
	b := append(room[:0], 1) // the version of this very list
	for _, t := range [...]string{s.Tenant, s.ID, s.CustomerID, s.Site, s.Currency, s.Country, s.Language, s.CartID} {
		b = appendText(b, t)
	}
	for _, t := range [...]time.Time{s.CreatedAt, s.ModifiedAt} {
		b = binary.AppendVarint(b, t.Unix())
		b = binary.AppendUvarint(b, uint64(t.Nanosecond()))
	}
	for _, src := range s.sources {
		b = append(b, byte(src))
	}
	for i := range s.attributes {
		b = appendText(b, s.attributes[i].Name)
		b = appendText(b, s.attributes[i].Value)
	}
	hash := sha256.Sum256(b)

	tag := append(room[:0], '"')
	tag = appendIncarnation(tag, s.incarnation)
	tag = append(tag, '.')
	tag = strconv.AppendInt(tag, s.Version, 10)
	tag = append(tag, '.')
	tag = base64.RawURLEncoding.AppendEncode(tag, hash[:16])
	tag = append(tag, '"')
	return string(tag)
}

func appendIncarnation(b []byte, n uint64) []byte {
	var raw [8]byte
	binary.BigEndian.PutUint64(raw[:], n)
	return hex.AppendEncode(b, raw[:])
}

// LogValue implements slog.LogValuer: a group of tenant, shopper ("anonymous" or "customer"), the four values, and
// version or degraded. Session id, customer id, cart id and attributes are left out.
func (s Session) LogValue() slog.Value {
	shopper := "anonymous"
	if s.CustomerID != "" {
		shopper = "customer"
	}
	state := slog.Int64("version", s.Version)
	if s.Degraded {
		state = slog.Bool("degraded", true)
	}
	return slog.GroupValue(
		slog.String("tenant", s.Tenant), slog.String("shopper", shopper),
		slog.String("site", s.Site), slog.String("currency", s.Currency),
		slog.String("country", s.Country), slog.String("language", s.Language),
		state,
	)
}

// String returns the attributes of LogValue as a text for people.
func (s Session) String() string {
	var b bytes.Buffer
	b.WriteString("session{")
	for i, a := range s.LogValue().Group() {
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

type contextKey struct{}

// sessionContext is a context that carries a session. One type of its own instead of
// context.WithValue saves the allocation that puts the session into an interface.
type sessionContext struct {
	context.Context
	session Session
}

func (c *sessionContext) Value(key any) any {
	if key == (contextKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// String says as much as the contexts of package context do, and nothing of the session.
func (c *sessionContext) String() string {
	if parent, ok := c.Context.(fmt.Stringer); ok {
		return parent.String() + ".WithSession"
	}
	return fmt.Sprintf("%T.WithSession", c.Context)
}

// entryContext is a context that carries the answer in an entry, which is immutable.
type entryContext struct {
	context.Context
	entry *entry
	id    string // the session's, as the request has it
}

func (c *entryContext) Value(key any) any {
	if key == (contextKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// String says as much as the contexts of package context do, and nothing of the session.
func (c *entryContext) String() string { return (&sessionContext{Context: c.Context}).String() }

// NewContext returns a context that carries s. It costs one allocation. Like the functions of package
// context it panics if ctx is nil.
func NewContext(ctx context.Context, s Session) context.Context {
	if ctx == nil {
		panic("sessionctx: NewContext with a nil context")
	}
	return &sessionContext{ctx, s}
}

// FromContext returns the session that NewContext put into ctx, or one of its parents. Without one it
// returns the zero Session and false. It does not allocate.
func FromContext(ctx context.Context) (Session, bool) {
	switch c := ctx.Value(contextKey{}).(type) {
	case *sessionContext:
		return c.session, true
	case *entryContext:
		var s Session
		c.entry.session(c.id, &s)
		return s, true
	}
	return Session{}, false
}
