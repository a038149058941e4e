package sessionctx

import (
	"context"
	"encoding/json"
	"time"

	"github.com/sessionctx/storefront/defaults"
)

// Session is the resolved context of one shopper's visit: an immutable value. Copying it shares nothing
// that can change, so it may be handed to any goroutine.
type Session struct {
	Tenant     string
	ID         string // empty: there is no session yet, or the one named has ended
	CustomerID string // empty: anonymous

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

// Source says why the value of a field is what it is.
func (s Session) Source(f defaults.Field) defaults.Source { return s.sources[f] }

// Attribute returns a copy of the JSON value of the attribute of that name.
func (s Session) Attribute(name string) (json.RawMessage, bool) { panic("skeleton") }

// ETag returns a strong entity tag (RFC 9110, section 8.8.3) of the session: incarnation, version and a hash of all
// that it shows. It is empty for a session that is degraded or has no id.
func (s Session) ETag() string { panic("skeleton") }

type contextKey struct{}

// NewContext returns a context that carries s.
func NewContext(ctx context.Context, s Session) context.Context { panic("skeleton") }

// FromContext returns the session that NewContext put into ctx, or one of its parents.
func FromContext(ctx context.Context) (Session, bool) { panic("skeleton") }
