// Package sessiontest helps to test code that uses sessions: sessions from literals, for tests that
// need no Resolver, and a Store and a Directory that fail, stall and conflict as a script says.
//
// It is for tests alone. A shop that imports it in its program has a mistake.
package sessiontest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
)

// Literal is a session with the parts that a literal of sessionctx.Session cannot have.
type Literal struct {
	sessionctx.Session

	// Sources say why the values are what they are. A field that is not named keeps the source that
	// Session has: in a literal, none.
	Sources map[defaults.Field]defaults.Source
	// Attributes are JSON documents by name, such as "coupon": `"SUMMER"`. An attribute that is not
	// named stays as Session has it.
	Attributes map[string]string
	// Proof is how the identity was established; the Request of a Snapshot needs it. Default: that
	// of Session, and of a literal with an ID, sessionctx.BySecret.
	Proof sessionctx.Proof
}

// New returns the session that l describes. A session with a Version has a record, and so a
// Revision; with an ID, too, it has an ETag. Values and sources are taken as they are, so they can
// be ones that no Resolver gives. An attribute that is not JSON, and an unknown field or source,
// fail the test.
func New(t testing.TB, l Literal) sessionctx.Session {
	t.Helper()
	s, err := l.session()
	if err != nil {
		t.Fatalf("sessiontest: %v", err)
	}
	return s
}

// Request returns a request as a handler below Middleware.Wrap gets it: its context carries the
// session that l describes. See httptest.NewRequest for method and target, and New for what fails
// the test.
func Request(t testing.TB, l Literal, method, target string) *http.Request {
	t.Helper()
	return httptest.NewRequest(method, target, nil).WithContext(sessionctx.NewContext(t.Context(), New(t, l)))
}

// attribute is an attribute in the JSON form of a Snapshot.
type attribute struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Changed int64  `json:"changed,omitempty"`
}

// session goes through the JSON form of a Snapshot, which is public and complete.
func (l Literal) session() (s sessionctx.Session, err error) {
	text, err := json.Marshal(l.Session.Snapshot())
	if err != nil {
		return s, err
	}
	form := map[string]any{}
	var known struct {
		Sources    map[string]string `json:"sources"`
		Attributes []attribute       `json:"attributes"`
	}
	if err := json.Unmarshal(text, &form); err != nil {
		return s, err
	}
	if err := json.Unmarshal(text, &known); err != nil {
		return s, err
	}
	if l.Version > 0 { // as a number of 64 bits, which any cannot hold
		form["version"] = l.Version
		if form["incarnation"] == nil {
			form["incarnation"] = fmt.Sprintf("%016x", 1)
		}
	}
	switch {
	case l.Proof == sessionctx.Asserted:
		form["proof"] = "asserted"
	case l.Proof == sessionctx.Management:
		form["proof"] = "management"
	case l.Proof == sessionctx.BySecret, l.ID != "" && form["proof"] == nil:
		form["proof"] = "bySecret"
	case l.Proof != 0:
		return s, fmt.Errorf("field Proof has the value %d: it must be Asserted, BySecret or Management", l.Proof)
	}
	sources := map[string]string{}
	maps.Copy(sources, known.Sources)
	members := map[defaults.Field]string{
		defaults.FieldSite: "site", defaults.FieldCurrency: "currency",
		defaults.FieldCountry: "country", defaults.FieldLanguage: "language",
	}
	for field, source := range l.Sources {
		if members[field] == "" {
			return s, fmt.Errorf("field Sources has the Field %d: it must be FieldSite, FieldCurrency, FieldCountry or FieldLanguage", field)
		}
		name, err := source.MarshalText()
		if err != nil {
			return s, err
		}
		sources[members[field]] = string(name)
	}
	form["sources"] = sources
	attributes := slices.DeleteFunc(known.Attributes, func(a attribute) bool { _, again := l.Attributes[a.Name]; return again })
	for name, value := range l.Attributes {
		attributes = append(attributes, attribute{name, value, max(l.Version, 0)})
	}
	if len(attributes) > 0 {
		form["attributes"] = attributes
	}
	if text, err = json.Marshal(form); err != nil {
		return s, err
	}
	var snapshot sessionctx.Snapshot
	if err := json.Unmarshal(text, &snapshot); err != nil {
		return s, err
	}
	return snapshot.Session(), nil
}
