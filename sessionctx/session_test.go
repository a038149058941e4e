package sessionctx_test

import (
	"bytes"
	"context"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html/template"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
)

// fullSession is the snapshot of a session that has all that a session can have.
const fullSession = `{
	"v": 1, "tenant": "acme", "id": "5e55-id", "customerId": "cu5t-id", "proof": "bySecret",
	"site": "main", "currency": "EUR", "country": "DE", "language": "de", "cartId": "c4rt-id",
	"incarnation": "00000000007d0917", "version": 7,
	"createdAt": "2026-01-02T03:04:05.006Z", "modifiedAt": "2026-01-02T03:04:06.007Z",
	"sources": {"site": "choice", "currency": "choice", "country": "choice", "language": "choice"},
	"attributes": [{"name": "attr-a", "value": "{\"x\" : 1.0}", "changed": 3}, {"name": "attr-b", "value": "\"<attr-v>\""}]
}`

// identifiers are all parts of fullSession that a log must not show.
var identifiers = []string{"5e55-id", "cu5t-id", "c4rt-id", "attr-a", "attr-b", "attr-v", "8194327", "7d0917"}

func sessionFrom(t testing.TB, doc string) sessionctx.Session {
	t.Helper()
	var snap sessionctx.Snapshot
	require.NoError(t, json.Unmarshal([]byte(doc), &snap))
	return snap.Session()
}

// changed returns fullSession with one member set to another value, or without it for nil.
func changed(t testing.TB, member string, value any) string {
	t.Helper()
	var doc map[string]any
	require.NoError(t, json.Unmarshal([]byte(fullSession), &doc))
	doc[member] = value
	if value == nil {
		delete(doc, member)
	}
	b, err := json.Marshal(doc)
	require.NoError(t, err)
	return string(b)
}

func assertRedacted(t *testing.T, shown map[string]string) {
	t.Helper()
	for desc, text := range shown {
		assert.Contains(t, text, "acme", desc)
		for _, id := range identifiers {
			assert.NotContains(t, text, id, desc)
			assert.NotContains(t, strings.ToLower(text), fmt.Sprintf("%x", id), desc)
		}
	}
}

func TestSession_AttributesAreCopiesInTheOrderOfTheirNames(t *testing.T) {
	s := sessionFrom(t, fullSession)
	for range 2 { // the second time shows what the first one could spoil
		var names []string
		for name, value := range s.Attributes() {
			names = append(names, name)
			one, ok := s.Attribute(name)
			require.True(t, ok)
			assert.Equal(t, string(one), string(value))
			require.True(t, json.Valid(value), "%s", value)
			clear(one)
			clear(value)
		}
		assert.Equal(t, []string{"attr-a", "attr-b"}, names)
	}
	for name := range s.Attributes() {
		assert.Equal(t, "attr-a", name)
		break
	}
	a, ok := s.Attribute("attr-a")
	assert.True(t, ok)
	assert.Equal(t, `{"x" : 1.0}`, string(a), "byte for byte")
	for _, absent := range []string{"", "attr", "attr-aa", "z"} {
		v, ok := s.Attribute(absent)
		assert.False(t, ok, absent)
		assert.Nil(t, v)
	}
	_, ok = sessionctx.Session{}.Attribute("attr-a")
	assert.False(t, ok)
}

func TestSession_WithAttributesLeavesTheRestOut(t *testing.T) {
	s := sessionFrom(t, fullSession)
	for _, tt := range []struct {
		desc        string
		names, want []string
		sameETag    bool
	}{
		{"none", nil, nil, false},
		{"one, and one that is not there", []string{"attr-b", "attr-z"}, []string{"attr-b"}, false},
		{"all, in any order", []string{"attr-b", "attr-a"}, []string{"attr-a", "attr-b"}, true},
	} {
		t.Run(tt.desc, func(t *testing.T) {
			got := s.WithAttributes(tt.names...)
			var names []string
			for name, value := range got.Attributes() {
				names = append(names, name)
				of, _ := s.Attribute(name)
				assert.Equal(t, of, value)
			}
			assert.Equal(t, tt.want, names)
			assert.Equal(t, tt.sameETag, s.ETag() == got.ETag())
			assert.Equal(t, s.Snapshot().Request(), got.Snapshot().Request())
		})
	}
	assert.Equal(t, sessionFrom(t, fullSession), s, "s itself has not changed")
}

func TestSession_LogsAreRedacted(t *testing.T) {
	s := sessionFrom(t, fullSession)
	type job struct {
		Session sessionctx.Session
		Again   *sessionctx.Session
	}
	var logs bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&logs, nil), slog.NewJSONHandler(&logs, nil)} {
		slog.New(h).Info("m", "session", s, "pointer", &s, "deep", slog.GroupValue(slog.Any("s", s)), "job", job{s, nil})
	}
	shown := map[string]string{
		"slog":    logs.String(),
		"String":  s.String(),
		"context": fmt.Sprint(sessionctx.NewContext(t.Context(), s), s.Tenant),
		"child":   fmt.Sprint(context.WithoutCancel(sessionctx.NewContext(t.Context(), s)), s.Tenant),
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X"} {
		shown[verb] = fmt.Sprintf(verb, s)
		shown["pointer "+verb] = fmt.Sprintf(verb, &s)
		shown["nested "+verb] = fmt.Sprintf(verb, job{s, nil})
	}
	assertRedacted(t, shown)
	assert.Contains(t, logs.String(), "session.shopper=customer")
	assert.Contains(t, logs.String(), `"session":{"tenant":"acme","shopper":"customer","site":"main"`)
}

var redactedForms = []struct {
	desc       string
	doc        string
	text, json string
}{
	{
		"a customer", fullSession,
		"{tenant=acme shopper=customer site=main currency=EUR country=DE language=de version=7}",
		`{"tenant":"acme","shopper":"customer","site":"main","currency":"EUR","country":"DE","language":"de","version":7}`,
	},
	{
		"degraded", `{"v":1,"tenant":"acme","id":"x","version":-1,"degraded":true}`,
		"{tenant=acme shopper=anonymous site= currency= country= language= degraded=true}",
		`{"tenant":"acme","shopper":"anonymous","site":"","currency":"","country":"","language":"","degraded":true}`,
	},
	{
		"without a profile", `{"v":1,"tenant":"acme","id":"x","customerId":"c","version":9,"profileMissing":true}`,
		"{tenant=acme shopper=customer site= currency= country= language= version=9 profileMissing=true}",
		`{"tenant":"acme","shopper":"customer","site":"","currency":"","country":"","language":"","version":9,"profileMissing":true}`,
	},
	{
		"text that JSON must escape", `{"v":1,"tenant":"<\"&"}`,
		`{tenant=<"& shopper=anonymous site= currency= country= language= version=0}`,
		`{"tenant":"\u003c\"\u0026","shopper":"anonymous","site":"","currency":"","country":"","language":"","version":0}`,
	},
}

func TestSession_TextIsRedacted(t *testing.T) {
	for _, tc := range redactedForms {
		t.Run(tc.desc, func(t *testing.T) {
			s := sessionFrom(t, tc.doc)
			assert.Equal(t, "session"+tc.text, s.String())
			text, err := s.MarshalText()
			require.NoError(t, err)
			assert.Equal(t, s.String(), string(text))
		})
	}
}

func TestSession_JSONIsRedacted(t *testing.T) {
	for _, tc := range redactedForms {
		t.Run(tc.desc, func(t *testing.T) {
			s := sessionFrom(t, tc.doc)
			b, err := json.Marshal(s)
			require.NoError(t, err)
			assert.Equal(t, tc.json, string(b))
			var log bytes.Buffer
			slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "s", s)
			var line struct{ S json.RawMessage }
			require.NoError(t, json.Unmarshal(log.Bytes(), &line))
			assert.JSONEq(t, tc.json, string(line.S), "as LogValue")
		})
	}
	b, err := json.Marshal(sessionctx.Session{Tenant: "acme\xff"})
	require.NoError(t, err, "what is only shown is never an error")
	assert.True(t, json.Valid(b))
}

func TestSession_EveryEncodingIsRedactedOrRefused(t *testing.T) {
	s := sessionFrom(t, fullSession)
	type field struct{ Session sessionctx.Session }
	type pointer struct{ Session *sessionctx.Session }
	type anything struct{ Session any }
	type embedded struct {
		sessionctx.Session
		Order string
	}
	type embeddedPointer struct {
		*sessionctx.Session
		Order string
	}
	type attribute struct {
		Session sessionctx.Session `xml:"s,attr"`
	}
	for _, tc := range []struct {
		desc  string
		value any
		noXML bool // package xml takes no maps
	}{
		{"value", s, false},
		{"pointer", &s, false},
		{"field", field{s}, false},
		{"pointer to a field", &field{s}, false},
		{"pointer in a field", pointer{&s}, false},
		{"interface in a field", anything{s}, false},
		{"embedded", embedded{s, "o1"}, false},
		{"embedded pointer", embeddedPointer{&s, "o1"}, false},
		{"attribute", attribute{s}, false},
		{"list", []sessionctx.Session{s}, false},
		{"array", [1]sessionctx.Session{s}, false},
		{"list of anything", []any{s, &s, field{s}}, false},
		{"map", map[string]sessionctx.Session{"s": s}, true},
		{"map of anything", map[string]any{"s": []any{field{s}}}, true},
		{"key of a map", map[*sessionctx.Session]int{&s: 1}, true},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			b, err := json.Marshal(tc.value)
			require.NoError(t, err)
			shown := map[string]string{"json": string(b)}
			if !tc.noXML {
				b, err = xml.Marshal(tc.value)
				require.NoError(t, err)
				shown["xml"] = string(b)
			}
			assertRedacted(t, shown)

			var sent bytes.Buffer
			assert.Error(t, gob.NewEncoder(&sent).Encode(tc.value))
			assert.NotContains(t, sent.String(), "5e55-id")
		})
	}
	var page bytes.Buffer
	require.NoError(t, template.Must(template.New("").Parse(`<p>{{.}}</p><script>s = {{.}}</script>`)).Execute(&page, s))
	assertRedacted(t, map[string]string{"html/template": page.String()})
	assert.ErrorContains(t, gob.NewEncoder(&bytes.Buffer{}).Encode(s), "Snapshot()")
}

func TestSession_DecodingIsRefusedAndNamesSnapshot(t *testing.T) {
	redacted, err := json.Marshal(sessionFrom(t, fullSession))
	require.NoError(t, err)
	cases := []struct {
		desc   string
		decode func(*sessionctx.Session) error
	}{
		{"its own JSON", func(s *sessionctx.Session) error { return json.Unmarshal(redacted, s) }},
		{"the JSON of a Snapshot", func(s *sessionctx.Session) error { return json.Unmarshal([]byte(fullSession), s) }},
		{"an empty object", func(s *sessionctx.Session) error { return json.Unmarshal([]byte(`{}`), s) }},
		{"null", func(s *sessionctx.Session) error { return json.Unmarshal([]byte(`null`), s) }},
		{"a field in JSON", func(s *sessionctx.Session) error {
			return json.Unmarshal([]byte(`{"Session":{}}`), &struct{ Session *sessionctx.Session }{s})
		}},
		{"XML", func(s *sessionctx.Session) error { return xml.Unmarshal([]byte(`<Session><ID>x</ID></Session>`), s) }},
		{"text", func(s *sessionctx.Session) error { return s.UnmarshalText([]byte(s.String())) }},
		{"binary", func(s *sessionctx.Session) error { return s.UnmarshalBinary(nil) }},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			s := sessionctx.Session{ID: "before"}
			assert.ErrorContains(t, tc.decode(&s), "decode that into a Snapshot")
			assert.Equal(t, sessionctx.Session{ID: "before"}, s)
		})
	}
}
