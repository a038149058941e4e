package sessionctx

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sessionctx/storefront/defaults"
)

// sessionJSON is the JSON form of a Session. Its members are named as the fields of Session.
type sessionJSON struct {
	Tenant      string          `json:"tenant,omitempty"`
	ID          string          `json:"id,omitempty"`
	CustomerID  string          `json:"customerId,omitempty"`
	Site        string          `json:"site,omitempty"`
	Currency    string          `json:"currency,omitempty"`
	Country     string          `json:"country,omitempty"`
	Language    string          `json:"language,omitempty"`
	CartID      string          `json:"cartId,omitempty"`
	Version     int64           `json:"version,omitempty"`
	CreatedAt   time.Time       `json:"createdAt,omitzero"`
	ModifiedAt  time.Time       `json:"modifiedAt,omitzero"`
	Degraded    bool            `json:"degraded,omitempty"`
	Secret      bool            `json:"secret,omitempty"`
	Incarnation string          `json:"incarnation,omitempty"`
	Sources     sourcesJSON     `json:"sources,omitzero"`
	Attributes  []attributeJSON `json:"attributes,omitempty"`
}

type sourcesJSON struct {
	Site     defaults.Source `json:"site,omitempty"`
	Currency defaults.Source `json:"currency,omitempty"`
	Country  defaults.Source `json:"country,omitempty"`
	Language defaults.Source `json:"language,omitempty"`
}

// byField returns the members in the order of defaults.Field.
func (s *sourcesJSON) byField() [defaults.NumFields]*defaults.Source {
	return [...]*defaults.Source{&s.Site, &s.Currency, &s.Country, &s.Language}
}

// attributeJSON carries the value as the text that it is: as JSON inside JSON it would come back
// respelled by whatever has handled the document in between, and the ETag with it.
type attributeJSON struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Changed int64  `json:"changed,omitempty"`
}

// MarshalJSON implements json.Marshaler, without loss: a job queue may carry a session whole, unexported state included. The
// result therefore shows every identifier. Times keep their instant and lose their location. A text that is not valid UTF-8 cannot be
// carried, and is an error.
func (s Session) MarshalJSON() ([]byte, error) {
	j := sessionJSON{
		Tenant: s.Tenant, ID: s.ID, CustomerID: s.CustomerID,
		Site: s.Site, Currency: s.Currency, Country: s.Country, Language: s.Language, CartID: s.CartID,
		Version: s.Version, CreatedAt: s.CreatedAt.UTC(), ModifiedAt: s.ModifiedAt.UTC(),
		Degraded: s.Degraded, Secret: s.secret,
	}
	if s.incarnation != 0 {
		j.Incarnation = string(appendIncarnation(nil, s.incarnation))
	}
	for f, src := range j.Sources.byField() {
		*src = s.sources[f]
	}
	for _, a := range s.attributes {
		j.Attributes = append(j.Attributes, attributeJSON{a.Name, string(a.Value), a.Changed})
	}
	if err := j.check(); err != nil {
		return nil, fmt.Errorf("sessionctx: encode session: %w", err)
	}
	b, err := json.Marshal(j)
	if err != nil {
		return nil, fmt.Errorf("sessionctx: encode session: %w", err)
	}
	return b, nil
}

// check reports what package json would change on the way. It does not quote it: it may be a secret.
func (j *sessionJSON) check() error {
	for name, text := range map[string]string{
		"tenant": j.Tenant, "id": j.ID, "customerId": j.CustomerID,
		"site": j.Site, "currency": j.Currency, "country": j.Country, "language": j.Language, "cartId": j.CartID,
	} {
		if !utf8.ValidString(text) {
			return fmt.Errorf("member %q is not valid UTF-8", name)
		}
	}
	for _, a := range j.Attributes {
		if !utf8.ValidString(a.Name) || !utf8.ValidString(a.Value) || !json.Valid([]byte(a.Value)) {
			return fmt.Errorf("attribute %q is not valid JSON in UTF-8", cut(a.Name))
		}
	}
	return nil
}

// UnmarshalJSON implements json.Unmarshaler for what MarshalJSON makes: the session is equal to the one that was marshaled, ETag included.
// An unknown or repeated member, a name in another case, null in any place, and an unknown source are errors, and leave s as it was:
// what this program does not understand it would silently lose.
func (s *Session) UnmarshalJSON(b []byte) error {
	if !utf8.Valid(b) {
		return errors.New("sessionctx: decode session: invalid UTF-8")
	}
	var j sessionJSON
	var sources, attributes json.RawMessage
	err := decodeObject("", b, map[string]any{
		"tenant": &j.Tenant, "id": &j.ID, "customerId": &j.CustomerID,
		"site": &j.Site, "currency": &j.Currency, "country": &j.Country, "language": &j.Language, "cartId": &j.CartID,
		"version": &j.Version, "createdAt": &j.CreatedAt, "modifiedAt": &j.ModifiedAt,
		"degraded": &j.Degraded, "secret": &j.Secret, "incarnation": &j.Incarnation,
		"sources": &sources, "attributes": &attributes,
	})
	if err != nil {
		return fmt.Errorf("sessionctx: decode session: %w", err)
	}
	n := Session{
		Tenant: j.Tenant, ID: j.ID, CustomerID: j.CustomerID,
		Site: j.Site, Currency: j.Currency, Country: j.Country, Language: j.Language, CartID: j.CartID,
		Version: j.Version, CreatedAt: j.CreatedAt.UTC(), ModifiedAt: j.ModifiedAt.UTC(),
		Degraded: j.Degraded, secret: j.Secret,
	}
	if n.incarnation, err = parseIncarnation(j.Incarnation); err == nil {
		n.sources, err = parseSources(sources)
	}
	if err == nil {
		n.attributes, err = parseAttributes(attributes)
	}
	if err != nil {
		return fmt.Errorf("sessionctx: decode session: %w", err)
	}
	*s = n
	return nil
}

func parseIncarnation(t string) (n uint64, err error) {
	if t == "" {
		return 0, nil
	}
	raw, err := hex.DecodeString(t)
	if err != nil || len(raw) != 8 {
		return 0, fmt.Errorf(`member "incarnation": %q: must be 16 hexadecimal digits`, cut(t))
	}
	for _, c := range raw {
		n = n<<8 | uint64(c)
	}
	return n, nil
}

func parseSources(b json.RawMessage) (sources [defaults.NumFields]defaults.Source, err error) {
	if b == nil {
		return sources, nil
	}
	var j sourcesJSON
	err = decodeObject("sources.", b, map[string]any{
		"site": &j.Site, "currency": &j.Currency, "country": &j.Country, "language": &j.Language,
	})
	if err != nil {
		return sources, err
	}
	for f, src := range j.byField() {
		sources[f] = *src
	}
	return sources, nil
}

func parseAttributes(b json.RawMessage) ([]Attribute, error) {
	if b == nil {
		return nil, nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, fmt.Errorf(`member "attributes": %w`, err)
	}
	var attrs []Attribute
	for _, raw := range list {
		var a attributeJSON
		err := decodeObject("attributes.", raw, map[string]any{"name": &a.Name, "value": &a.Value, "changed": &a.Changed})
		if err != nil {
			return nil, err
		}
		if !json.Valid([]byte(a.Value)) {
			return nil, fmt.Errorf(`member "attributes": the value of %q is not valid JSON`, cut(a.Name))
		}
		attrs = append(attrs, Attribute{a.Name, json.RawMessage(a.Value), a.Changed})
	}
	slices.SortFunc(attrs, func(a, b Attribute) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(attrs); i++ {
		if attrs[i-1].Name == attrs[i].Name {
			return nil, fmt.Errorf(`member "attributes": %q is there twice`, cut(attrs[i].Name))
		}
	}
	return attrs, nil
}

// decodeObject decodes the members of a JSON object into what members says. Unlike package json it takes no name in
// another case, no member twice, no unknown one, and no null.
func decodeObject(path string, b []byte, members map[string]any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("%snot a JSON object", path)
	}
	seen := make(map[string]bool, len(members))
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := t.(string)
		into, ok := members[name]
		switch {
		case !ok:
			return fmt.Errorf("unknown member %q", path+cut(name))
		case seen[name]:
			return fmt.Errorf("member %q is there twice", path+name)
		}
		seen[name] = true
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return fmt.Errorf("member %q: %w", path+name, err)
		}
		if string(raw) == "null" {
			return fmt.Errorf("member %q: must not be null", path+name)
		}
		if err := json.Unmarshal(raw, into); err != nil {
			return fmt.Errorf("member %q: %w", path+name, err)
		}
	}
	if _, err := d.Token(); err != nil {
		return err
	}
	if d.More() || len(bytes.TrimSpace(b[d.InputOffset():])) > 0 {
		return errors.New("more than one JSON value")
	}
	return nil
}
