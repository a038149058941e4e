package sessionctx

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/surrogates"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// snapshotVersion is the version of the JSON form of a Snapshot. What an older program may ignore
// becomes a new member and keeps the version. Only what an older program must not ignore raises it.
const snapshotVersion = 1

// snapshotJSON is the JSON form of a Snapshot.
type snapshotJSON struct {
	V              int64           `json:"v"`
	Tenant         string          `json:"tenant,omitempty"`
	ID             string          `json:"id,omitempty"`
	CustomerID     string          `json:"customerId,omitempty"`
	Proof          string          `json:"proof,omitempty"`
	HostLogin      bool            `json:"hostLogin,omitempty"`
	Site           string          `json:"site,omitempty"`
	Currency       string          `json:"currency,omitempty"`
	Country        string          `json:"country,omitempty"`
	Language       string          `json:"language,omitempty"`
	CartID         string          `json:"cartId,omitempty"`
	Incarnation    string          `json:"incarnation,omitempty"`
	Version        int64           `json:"version,omitempty"`
	CreatedAt      time.Time       `json:"createdAt,omitzero"`
	ModifiedAt     time.Time       `json:"modifiedAt,omitzero"`
	Degraded       bool            `json:"degraded,omitempty"`
	ProfileMissing bool            `json:"profileMissing,omitempty"`
	Sources        sourcesJSON     `json:"sources,omitzero"`
	Attributes     []attributeJSON `json:"attributes,omitempty"`
}

type sourcesJSON struct {
	Site     string `json:"site,omitempty"`
	Currency string `json:"currency,omitempty"`
	Country  string `json:"country,omitempty"`
	Language string `json:"language,omitempty"`
}

// byField returns the members in the order of defaults.Field.
func (s *sourcesJSON) byField() [defaults.NumFields]*string {
	return [...]*string{&s.Site, &s.Currency, &s.Country, &s.Language}
}

// attributeJSON carries the value as a text. A value that is JSON inside JSON would come back in
// another spelling from whatever handled the document on the way, and the ETag would change.
type attributeJSON struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Changed int64  `json:"changed,omitempty"`
}

// proofNames are the texts of the proofs. The numbers are not written: a program may count them in
// another order.
var proofNames = []struct {
	proof Proof
	name  string
}{{Asserted, "asserted"}, {BySecret, "bySecret"}, {Management, "management"}}

// texts returns the members that are texts of the caller's.
func (j *snapshotJSON) texts() []member {
	return []member{
		{"tenant", &j.Tenant}, {"id", &j.ID}, {"customerId", &j.CustomerID},
		{"site", &j.Site}, {"currency", &j.Currency}, {"country", &j.Country}, {"language", &j.Language}, {"cartId", &j.CartID},
	}
}

// MarshalJSON implements json.Marshaler. The result shows every id and every attribute. Times keep
// their instant and lose their location. What JSON cannot carry is an error that names the member:
// a text that is not valid UTF-8, a time after the year 9999.
func (s Snapshot) MarshalJSON() ([]byte, error) {
	from := &s.session
	j := snapshotJSON{
		V: snapshotVersion, Tenant: from.Tenant, ID: from.ID, CustomerID: from.CustomerID, HostLogin: from.hostLogin,
		Site: from.Site, Currency: from.Currency, Country: from.Country, Language: from.Language, CartID: from.CartID,
		Version: from.Version, CreatedAt: from.CreatedAt.UTC(), ModifiedAt: from.ModifiedAt.UTC(),
		Degraded: from.Degraded, ProfileMissing: from.ProfileMissing,
	}
	for _, p := range proofNames {
		if p.proof == from.proof {
			j.Proof = p.name
		}
	}
	if from.incarnation != 0 {
		j.Incarnation = string(appendIncarnation(nil, from.incarnation))
	}
	for f, name := range j.Sources.byField() {
		*name = from.sources[f].String()
	}
	for _, a := range from.attributes {
		j.Attributes = append(j.Attributes, attributeJSON{a.Name, string(a.Value), a.Changed})
	}
	if err := j.check(); err != nil {
		return nil, fmt.Errorf("sessionctx: encode snapshot: %w", err)
	}
	b, err := json.Marshal(j)
	if err != nil {
		return nil, fmt.Errorf("sessionctx: encode snapshot: %w", err)
	}
	return b, nil
}

// UnmarshalJSON implements json.Unmarshaler for what MarshalJSON writes, in this version of the
// program or in another one. Members that this program does not know are ignored, members that are
// missing are zero, and a source that this program does not know becomes the zero Source. These are
// errors, which name the member: another version of the form, or none; a member that is named
// twice; null or a value of another type in a member that this program knows; a proof that it does
// not know; an attribute without a name, or whose value is not the text of one JSON document; what
// is not valid UTF-8. After an error s is what it was before.
func (s *Snapshot) UnmarshalJSON(b []byte) error {
	session, err := readSnapshot(b)
	if err != nil {
		return fmt.Errorf("sessionctx: decode snapshot: %w", err)
	}
	s.session = session
	return nil
}

func readSnapshot(b []byte) (s Session, err error) {
	var j snapshotJSON
	var sources, attributes json.RawMessage
	if !json.Valid(b) {
		return s, errors.New("the document is not valid JSON")
	}
	members, err := splitObject("", b)
	if err != nil {
		return s, err
	}
	// The version first: in a later one the other members may mean something else.
	if err := readVersion(members); err != nil {
		return s, err
	}
	err = readMembers("", members, append(j.texts(), []member{
		{"v", &j.V}, {"proof", &j.Proof}, {"hostLogin", &j.HostLogin}, {"incarnation", &j.Incarnation}, {"version", &j.Version},
		{"createdAt", &j.CreatedAt}, {"modifiedAt", &j.ModifiedAt},
		{"degraded", &j.Degraded}, {"profileMissing", &j.ProfileMissing},
		{"sources", &sources}, {"attributes", &attributes},
	}...))
	if err != nil {
		return s, err
	}
	if j.Attributes, err = readAttributes(attributes); err != nil {
		return s, err
	}
	if err := j.check(); err != nil {
		return s, err
	}
	s = Session{
		Tenant: j.Tenant, ID: j.ID, CustomerID: j.CustomerID,
		Site: j.Site, Currency: j.Currency, Country: j.Country, Language: j.Language, CartID: j.CartID,
		Version: j.Version, CreatedAt: j.CreatedAt, ModifiedAt: j.ModifiedAt,
		Degraded: j.Degraded, ProfileMissing: j.ProfileMissing,
	}
	s.hostLogin = j.HostLogin
	if s.proof, err = parseProof(j.Proof); err != nil {
		return s, err
	}
	if s.incarnation, err = parseIncarnation(j.Incarnation); err != nil {
		return s, err
	}
	if s.sources, err = readSources(sources); err != nil {
		return s, err
	}
	for _, a := range j.Attributes {
		s.attributes = append(s.attributes, store.Attribute{Name: a.Name, Value: json.RawMessage(a.Value), Changed: a.Changed})
	}
	slices.SortFunc(s.attributes, func(a, b store.Attribute) int { return strings.Compare(a.Name, b.Name) })
	return s, nil
}

// check reports what cannot be written and read back. Ids and attributes are not quoted: an error
// text ends in a log.
func (j *snapshotJSON) check() error {
	for _, m := range j.texts() {
		if !utf8.ValidString(*m.into.(*string)) {
			return memberError(m.name, "is not valid UTF-8")
		}
	}
	for _, t := range [...]struct {
		name string
		at   time.Time
	}{{"createdAt", j.CreatedAt}, {"modifiedAt", j.ModifiedAt}} {
		if y := t.at.Year(); y < 0 || y > 9999 {
			return memberError(t.name, "is in the year %d of UTC: RFC 3339 has the years 0 to 9999", y)
		}
	}
	named := make(map[string]int, len(j.Attributes))
	for i, a := range j.Attributes {
		path := element("attributes", i)
		first, twice := named[a.Name]
		named[a.Name] = i
		switch {
		case a.Name == "":
			return memberError(join(path, "name"), "must not be empty")
		case !utf8.ValidString(a.Name):
			return memberError(join(path, "name"), "is not valid UTF-8")
		case twice:
			return memberError(join(path, "name"), "is the name of %s, too", element("attributes", first))
		case !utf8.ValidString(a.Value):
			return memberError(join(path, "value"), "is not valid UTF-8")
		case !json.Valid([]byte(a.Value)):
			return memberError(join(path, "value"), "must be the text of one JSON document")
		}
	}
	return nil
}

func readVersion(members []rawMember) error {
	i := slices.IndexFunc(members, func(m rawMember) bool { return m.name == "v" })
	if i < 0 {
		return memberError("v", "is missing: the document is not a Snapshot")
	}
	var v int64
	if err := readMembers("", members[i:i+1], []member{{"v", &v}}); err != nil {
		return err
	}
	if v != snapshotVersion {
		return memberError("v", "is %d: this program reads only version %d", v, snapshotVersion)
	}
	return nil
}

func parseProof(name string) (p Proof, err error) {
	if name == "" {
		return p, nil
	}
	var known []string
	for _, p := range proofNames {
		if p.name == name {
			return p.proof, nil
		}
		known = append(known, p.name)
	}
	return p, memberError("proof", "is %q: this program knows %s", cut(name), strings.Join(known, ", "))
}

func parseIncarnation(t string) (n uint64, err error) {
	if t == "" {
		return 0, nil
	}
	raw, err := hex.DecodeString(t)
	if err != nil || len(raw) != 8 {
		return 0, memberError("incarnation", "is %q: it must have 16 hexadecimal digits", cut(t))
	}
	for _, c := range raw {
		n = n<<8 | uint64(c)
	}
	return n, nil
}

func readSources(doc json.RawMessage) (sources [defaults.NumFields]defaults.Source, err error) {
	if doc == nil {
		return sources, nil
	}
	var j sourcesJSON
	members, err := splitObject("sources", doc)
	if err == nil {
		err = readMembers("sources", members, []member{
			{"site", &j.Site}, {"currency", &j.Currency}, {"country", &j.Country}, {"language", &j.Language},
		})
	}
	if err != nil {
		return sources, err
	}
	for f, name := range j.byField() {
		if sources[f].UnmarshalText([]byte(*name)) != nil {
			sources[f] = 0 // none: a newer program knows more of them
		}
	}
	return sources, nil
}

func readAttributes(doc json.RawMessage) (attributes []attributeJSON, err error) {
	if doc == nil {
		return nil, nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(doc, &list); err != nil {
		return nil, memberError("attributes", "must be a list, not %s", kindOf(doc))
	}
	for i, raw := range list {
		var a attributeJSON
		path := element("attributes", i)
		members, err := splitObject(path, raw)
		if err == nil {
			err = readMembers(path, members, []member{{"name", &a.Name}, {"value", &a.Value}, {"changed", &a.Changed}})
		}
		if err != nil {
			return nil, err
		}
		attributes = append(attributes, a)
	}
	return attributes, nil
}

// member is where a value of an object is to be read into: a *string, *int64, *bool, *time.Time,
// or, for what is looked at later, a *json.RawMessage.
type member struct {
	name string
	into any
}

// rawMember is a member of a JSON object as it stands there.
type rawMember struct {
	name string
	raw  json.RawMessage
}

// splitObject returns the members of the object that the valid document doc is. Unlike package json
// it takes no member twice.
func splitObject(path string, doc []byte) (members []rawMember, err error) {
	if kind := kindOf(doc); kind != "an object" {
		if path == "" {
			return nil, fmt.Errorf("the document must be an object, not %s", kind)
		}
		return nil, memberError(path, "must be an object, not %s", kind)
	}
	d := json.NewDecoder(bytes.NewReader(doc))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	seen := make(map[string]bool)
	for d.More() {
		start := d.InputOffset()
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		m := rawMember{name: token.(string)}
		switch name := join(path, cut(m.name)); {
		case !utf8.Valid(doc[start:d.InputOffset()]):
			return nil, memberError(name, "is not named in valid UTF-8")
		case seen[m.name]:
			return nil, memberError(name, "is there twice")
		}
		seen[m.name] = true
		if err := d.Decode(&m.raw); err != nil {
			return nil, err
		}
		members = append(members, m)
	}
	return members, nil
}

// readMembers reads those members that this program knows. Their names are compared exactly, where
// package json would take them in another case.
func readMembers(path string, members []rawMember, known []member) error {
	for _, m := range members {
		var into any
		if i := slices.IndexFunc(known, func(k member) bool { return k.name == m.name }); i >= 0 {
			into = known[i].into
		}
		if rule := readValue(m.raw, into); rule != "" {
			return memberError(join(path, cut(m.name)), "%s", rule)
		}
	}
	return nil
}

// readValue reads a value, and returns the rule that it breaks.
func readValue(raw json.RawMessage, into any) (rule string) {
	if into, later := into.(*json.RawMessage); later && kindOf(raw) != "null" {
		*into = raw
		return ""
	}
	switch {
	case !utf8.Valid(raw):
		return "is not valid UTF-8"
	case into == nil:
		return ""
	case kindOf(raw) == "null":
		return "must not be null"
	}
	shown := kindOf(raw)
	if shown == "a number" {
		shown = cut(string(raw))
	}
	switch into := into.(type) {
	case *int64:
		if json.Unmarshal(raw, into) != nil {
			return "must be a whole number of 64 bits, not " + shown
		}
	case *bool:
		if json.Unmarshal(raw, into) != nil {
			return "must be true or false, not " + shown
		}
	case *string:
		if json.Unmarshal(raw, into) != nil {
			return "must be a text, not " + shown
		}
		if surrogates.Lone(raw) {
			return "has half of a surrogate pair"
		}
	case *time.Time:
		var text string
		if json.Unmarshal(raw, &text) != nil {
			return "must be a text, not " + shown
		}
		var t time.Time
		if t.UnmarshalText([]byte(text)) != nil {
			return fmt.Sprintf("is %q: it must be a time in the form of RFC 3339", cut(text))
		}
		*into = t.UTC()
	}
	return ""
}

// kindOf returns what a valid JSON document is, for an error text.
func kindOf(doc []byte) string {
	switch bytes.TrimLeft(doc, " \t\r\n")[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a text"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// memberError says which member of the document is wrong, and why.
func memberError(path, format string, args ...any) error {
	return fmt.Errorf("member %q "+format, append([]any{path}, args...)...)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func element(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
