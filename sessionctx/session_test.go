package sessionctx_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
)

const fullSession = `{
	"tenant": "acme", "id": "5e55-id", "customerId": "cu5t-id",
	"site": "main", "currency": "EUR", "country": "DE", "language": "de", "cartId": "c4rt-id",
	"version": 7, "createdAt": "2026-01-02T03:04:05.006Z", "modifiedAt": "2026-01-02T03:04:06.007Z",
	"secret": true, "incarnation": "00000000000000ff",
	"sources": {"site": "choice", "currency": "choice", "country": "choice", "language": "choice"},
	"attributes": [{"name": "attr-a", "value": "{\"x\" : 1.0}", "changed": 3}, {"name": "attr-b", "value": "\"<attr-v>\""}]
}`

func sessionFrom(t testing.TB, doc string) sessionctx.Session {
	t.Helper()
	var s sessionctx.Session
	require.NoError(t, json.Unmarshal([]byte(doc), &s))
	return s
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

func TestAttributesAreCopiesInTheOrderOfTheirNames(t *testing.T) {
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

func TestETagNamesRevisionAndAllThatIsShown(t *testing.T) {
	s := sessionFrom(t, fullSession)
	assert.Regexp(t, regexp.MustCompile(`^"00000000000000ff\.7\.[A-Za-z0-9_-]{22}"$`), s.ETag())
	assert.Equal(t, sessionctx.Revision{Incarnation: 255, Version: 7}, s.Revision())
	assert.Equal(t, s.ETag(), sessionFrom(t, fullSession).ETag(), "a function of the session alone")

	tags := map[string]string{s.ETag(): "nothing"}
	one := func(name, value string) any { return map[string]any{"name": name, "value": value} }
	for _, change := range []struct {
		member string
		value  any
	}{
		{"tenant", "bcme"}, {"id", "other"}, {"customerId", nil},
		{"site", "de"}, {"currency", "USD"}, {"country", "FR"}, {"language", "fr"}, {"cartId", nil},
		{"version", 8}, {"createdAt", "2026-01-02T03:04:05.007Z"}, {"modifiedAt", nil}, {"incarnation", "0000000000000100"},
		{"sources", nil}, {"sources", map[string]any{"site": "choice"}},
		{"attributes", nil}, {"attributes", []any{one("attr-a", "1")}}, {"attributes", []any{one("attr-b", "1")}},
		{"attributes", []any{one("attr-a", "2")}}, {"attributes", []any{one("attr-a", "1"), one("attr-b", "1")}},
	} {
		tag := sessionFrom(t, changed(t, change.member, change.value)).ETag()
		if other, ok := tags[tag]; ok {
			assert.Fail(t, "one tag for two sessions", "changed %v, and %s", change, other)
		}
		tags[tag] = fmt.Sprint(change)
	}
	a := sessionFrom(t, `{"tenant":"acme","id":"ab","customerId":"c"}`).ETag()
	b := sessionFrom(t, `{"tenant":"acme","id":"a","customerId":"bc"}`).ETag()
	assert.NotEqual(t, a, b, "texts do not run into each other")
}

func TestETagIsEmptyForWhatCannotBeNamed(t *testing.T) {
	assert.Empty(t, sessionFrom(t, changed(t, "id", nil)).ETag(), "no id")
	assert.Empty(t, sessionFrom(t, changed(t, "degraded", true)).ETag(), "degraded")
	unwritten := sessionctx.Session{Tenant: "acme", ID: "x", Site: "main"}
	assert.Regexp(t, `^"0{16}\.0\..{22}"$`, unwritten.ETag(), "a session without a record has a tag")
	assert.Zero(t, unwritten.Revision())
	degraded := sessionctx.Session{Version: -1, Degraded: true}
	assert.Zero(t, degraded.Revision())
}

func TestContextCarriesTheSession(t *testing.T) {
	s := sessionFrom(t, fullSession)
	type key struct{}
	base := context.WithValue(t.Context(), key{}, "kept")
	_, ok := sessionctx.FromContext(base)
	assert.False(t, ok, "no session before")

	ctx, cancel := context.WithCancel(sessionctx.NewContext(base, s))
	got, ok := sessionctx.FromContext(ctx)
	assert.True(t, ok)
	assert.Equal(t, s, got)
	assert.Equal(t, "kept", ctx.Value(key{}))
	assert.Nil(t, ctx.Value("unknown"))

	inner := sessionctx.NewContext(ctx, sessionctx.Session{Tenant: "inner"})
	got, _ = sessionctx.FromContext(inner)
	assert.Equal(t, "inner", got.Tenant, "the nearest one counts")
	cancel()
	assert.ErrorIs(t, inner.Err(), context.Canceled, "the end of the parent is its own")
	var none context.Context
	assert.Panics(t, func() { sessionctx.NewContext(none, s) })
}

func TestContextCostsOneAllocation(t *testing.T) {
	s := sessionFrom(t, fullSession)
	base := t.Context()
	var ctx context.Context
	assert.Equal(t, 1.0, testing.AllocsPerRun(100, func() { ctx = sessionctx.NewContext(base, s) }))
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		if got, ok := sessionctx.FromContext(ctx); !ok || got.ID == "" {
			t.Error("no session")
		}
	}))
}

// identifiers are all that a log must not show of fullSession.
var identifiers = []string{"5e55-id", "cu5t-id", "c4rt-id", "attr-a", "attr-b", "attr-v", "255"}

func TestLogsShowNoIdentifiers(t *testing.T) {
	s := sessionFrom(t, fullSession)
	type job struct {
		Session sessionctx.Session
		Again   *sessionctx.Session
	}
	var logs bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&logs, nil), slog.NewJSONHandler(&logs, nil)} {
		slog.New(h).Info("m", "session", s, "pointer", &s, "deep", slog.GroupValue(slog.Any("s", s)))
	}
	shown := map[string]string{
		"slog":    logs.String(),
		"String":  s.String(),
		"context": fmt.Sprint(sessionctx.NewContext(t.Context(), s)),
		"child":   fmt.Sprint(context.WithoutCancel(sessionctx.NewContext(t.Context(), s))),
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X"} {
		shown[verb] = fmt.Sprintf(verb, s)
		shown["pointer "+verb] = fmt.Sprintf(verb, &s)
		shown["nested "+verb] = fmt.Sprintf(verb, job{s, nil})
	}
	for desc, text := range shown {
		for _, id := range identifiers {
			assert.NotContains(t, text, id, desc)
			assert.NotContains(t, strings.ToLower(text), fmt.Sprintf("%x", id), desc)
		}
	}
	assert.Equal(t, "session{tenant=acme shopper=customer site=main currency=EUR country=DE language=de version=7}", s.String())
	assert.Contains(t, logs.String(), "session.shopper=customer")
	assert.Contains(t, logs.String(), `"session":{"tenant":"acme","shopper":"customer","site":"main"`)
	assert.Equal(t, "session{tenant=acme shopper=anonymous site= currency= country= language= degraded=true}",
		sessionctx.Session{Tenant: "acme", ID: "x", Version: -1, Degraded: true}.String())
}

func TestSessionSurvivesAJobQueue(t *testing.T) {
	full := reflect.ValueOf(sessionFrom(t, strings.Replace(fullSession, `"secret"`, `"degraded": true, "secret"`, 1)))
	for f := range full.Type().Fields() {
		require.False(t, full.FieldByIndex(f.Index).IsZero(), "the test must fill the new field %s", f.Name)
	}
	var sources []string
	for src := defaults.SourceChoice; src <= defaults.SourceSiteLanguage; src++ {
		sources = append(sources, fmt.Sprintf(`{"tenant":"acme","id":"x","sources":{"site":%q,"language":%q}}`, src, src))
	}
	for _, doc := range append(sources,
		fullSession,
		`{}`,
		changed(t, "degraded", true),
		changed(t, "version", -1),
		changed(t, "attributes", nil),
		changed(t, "sources", nil),
		changed(t, "incarnation", "ffffffffffffffff"),
		changed(t, "id", "<&>\u2028\x00/ü"),
	) {
		s := sessionFrom(t, doc)
		type job struct{ Session sessionctx.Session }
		b, err := json.MarshalIndent(job{s}, "", "  ") // as a part, and respelled on the way
		require.NoError(t, err)
		var got job
		require.NoError(t, json.Unmarshal(b, &got))
		assert.Equal(t, s, got.Session)
		assert.Equal(t, s.ETag(), got.Session.ETag())
		assert.Equal(t, s.Revision(), got.Session.Revision())
	}
}

func TestAttributesInAnyOrderAreRead(t *testing.T) {
	s := sessionFrom(t, `{"attributes":[{"name":"b","value":"2"},{"name":"a","value":"1"}]}`)
	assert.Equal(t, sessionFrom(t, `{"attributes":[{"name":"a","value":"1"},{"name":"b","value":"2"}]}`), s)
	for _, name := range []string{"a", "b"} {
		_, ok := s.Attribute(name)
		assert.True(t, ok, name)
	}
}

func TestSessionInAnotherTimeZoneKeepsItsInstants(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6789, time.FixedZone("", 3600))
	b, err := json.Marshal(sessionctx.Session{CreatedAt: at})
	require.NoError(t, err)
	assert.Equal(t, at.UTC(), sessionFrom(t, string(b)).CreatedAt)
}

func TestSessionThatJSONCannotCarryIsAnError(t *testing.T) {
	_, err := json.Marshal(sessionctx.Session{ID: "secret\xff"})
	require.ErrorContains(t, err, `sessionctx: encode session: member "id" is not valid UTF-8`)
	assert.NotContains(t, err.Error(), "secret", "an error ends in a log")
	_, err = json.Marshal(sessionctx.Session{CreatedAt: time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC)})
	assert.ErrorContains(t, err, "sessionctx: encode session: ")
}

func TestSessionOfUnknownShapeIsRefused(t *testing.T) {
	cases := []struct{ desc, doc, says string }{
		{"null", `null`, "not a JSON object"},
		{"array", `[]`, "not a JSON object"},
		{"text", `"x"`, "not a JSON object"},
		{"nothing", ``, "not a JSON object"},
		{"unfinished", `{"id":"x"`, "decode session"},
		{"two documents", `{} {}`, "more than one"},
		{"invalid UTF-8", "{\"id\":\"\xff\"}", "UTF-8"},
		{"unknown member", `{"sessionId":"x"}`, `unknown member "sessionId"`},
		{"name in another case", `{"ID":"x"}`, `unknown member "ID"`},
		{"member twice", `{"id":"x","id":"y"}`, `member "id" is there twice`},
		{"null member", `{"id":null}`, `member "id": must not be null`},
		{"number for a text", `{"id":1}`, `member "id"`},
		{"text for a number", `{"version":"1"}`, `member "version"`},
		{"fraction for a version", `{"version":1.5}`, `member "version"`},
		{"no time", `{"createdAt":"yesterday"}`, `member "createdAt"`},
		{"short incarnation", `{"incarnation":"ff"}`, "16 hexadecimal digits"},
		{"incarnation that is no number", `{"incarnation":"zzzzzzzzzzzzzzzz"}`, "16 hexadecimal digits"},
		{"sources that are no object", `{"sources":["choice"]}`, "not a JSON object"},
		{"unknown source", `{"sources":{"site":"guess"}}`, `member "sources.site"`},
		{"source of an unknown field", `{"sources":{"cart":"choice"}}`, `unknown member "sources.cart"`},
		{"attributes as an object", `{"attributes":{"a":"1"}}`, `member "attributes"`},
		{"attribute that is no object", `{"attributes":["a"]}`, "not a JSON object"},
		{"attribute of unknown shape", `{"attributes":[{"name":"a","val":"1"}]}`, `unknown member "attributes.val"`},
		{"attribute value as JSON", `{"attributes":[{"name":"a","value":{}}]}`, `member "attributes.value"`},
		{"attribute value that is no JSON", `{"attributes":[{"name":"a","value":"{"}]}`, "not valid JSON"},
		{"attribute without a value", `{"attributes":[{"name":"a"}]}`, "not valid JSON"},
		{"attribute twice", `{"attributes":[{"name":"a","value":"1"},{"name":"a","value":"2"}]}`, `"a" is there twice`},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			s := sessionctx.Session{ID: "before"}
			err := s.UnmarshalJSON([]byte(tc.doc))
			require.ErrorContains(t, err, "sessionctx: decode session: ")
			assert.ErrorContains(t, err, tc.says)
			assert.Equal(t, sessionctx.Session{ID: "before"}, s, "a failed decoding changes nothing")
		})
	}
}

func FuzzSessionUnmarshalJSON(f *testing.F) {
	f.Add(fullSession)
	f.Add(`{"attributes":[{"name":"b","value":"1"},{"name":"a","value":"\"\\ud800\""}]}`)
	f.Fuzz(func(t *testing.T, doc string) {
		var s, again sessionctx.Session
		if s.UnmarshalJSON([]byte(doc)) != nil {
			return
		}
		b, err := json.Marshal(s)
		require.NoError(t, err, "what was decoded can be encoded")
		require.NoError(t, json.Unmarshal(b, &again), "%s", b)
		require.Equal(t, s, again)
		require.Equal(t, s.ETag(), again.ETag())
	})
}

func BenchmarkSessionETag(b *testing.B) {
	s := sessionFrom(b, fullSession)
	b.ReportAllocs()
	for b.Loop() {
		_ = s.ETag()
	}
}

func BenchmarkContext(b *testing.B) {
	s := sessionFrom(b, fullSession)
	type key struct{}
	base := context.WithValue(b.Context(), key{}, "value")
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := sessionctx.FromContext(sessionctx.NewContext(base, s)); !ok {
			b.Fatal("no session")
		}
	}
}
