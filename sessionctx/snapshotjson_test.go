package sessionctx_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// queued returns what a worker decodes of s: as a part of a job, and through a service that reads
// the document and writes it in its own spelling.
func queued(t testing.TB, s sessionctx.Session) sessionctx.Snapshot {
	t.Helper()
	type job struct {
		Order   string
		Session sessionctx.Snapshot `json:"session"`
	}
	b, err := json.MarshalIndent(job{"o1", s.Snapshot()}, "", "  ")
	require.NoError(t, err)
	var anything any
	require.NoError(t, json.Unmarshal(b, &anything))
	b, err = json.Marshal(anything)
	require.NoError(t, err)
	var got job
	require.NoError(t, json.Unmarshal(b, &got))
	return got.Session
}

func TestSnapshot_RoundTrips(t *testing.T) {
	full := sessionFrom(t, strings.Replace(fullSession, `"v": 1`, `"v": 1, "degraded": true, "profileMissing": true, "hostLogin": true`, 1))
	for f, v := range reflect.ValueOf(full).Fields() {
		require.False(t, v.IsZero(), "the test must fill the new field %s", f.Name)
	}
	docs := []string{
		fullSession,
		`{"v":1}`,
		changed(t, "degraded", true),
		changed(t, "profileMissing", true),
		changed(t, "hostLogin", true),
		changed(t, "version", -1),
		changed(t, "proof", "asserted"),
		changed(t, "proof", "management"),
		changed(t, "attributes", nil),
		changed(t, "sources", nil),
		changed(t, "createdAt", nil),
		changed(t, "createdAt", "2026-01-02T03:04:05.123456789Z"),
		changed(t, "incarnation", "ffffffffffffffff"),
		changed(t, "id", "<&>\u2028\x00/ü\ufffd\\ud800"),
	}
	for src := defaults.SourceChoice; src.String() != fmt.Sprintf("Source(%d)", src); src++ {
		docs = append(docs, changed(t, "sources", map[string]any{"site": src, "language": src}))
	}
	require.Greater(t, len(docs), 20, "all sources")
	for _, doc := range docs {
		s := sessionFrom(t, doc)
		got := queued(t, s).Session()
		assert.Equal(t, s, got, doc)
		assert.Equal(t, s.ETag(), got.ETag())
		assert.Equal(t, s.Revision(), got.Revision())
	}
}

func TestSnapshot_RoundTripsWhatAResolverReturns(t *testing.T) {
	records := &shaky{}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = records })
	write := sessionctx.Patch{Currency: sessionctx.Set("CHF"), CartID: sessionctx.Set("cart"), Attributes: attributes("a", `{"x" : 1.0}`, "b", `"\ud800"`)}
	secret := update(t, r, cookie(""), write)
	asserted := update(t, r, by("s1", "C100"), write)
	hinted, onSite, operator := by("s3"), by("s4"), by(asserted.ID)
	hinted.GeoCountry, hinted.AcceptLanguage = "AT", "fr"
	onSite.Site = "ch"
	operator.Proof = sessionctx.Management
	for _, tc := range []struct {
		desc string
		req  sessionctx.Request
		down bool
	}{
		{"cookie", cookie(secret.ID), false},
		{"no session yet", cookie(""), false},
		{"asserted", by("s2"), false},
		{"asserted customer", by("s1", "C100"), false},
		{"customer without a session", by("", "C100"), false},
		{"operator", operator, false},
		{"hints decide", hinted, false},
		{"the server decides the site", onSite, false},
		{"degraded", by("s5", "C100"), true},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			records.down.Store(tc.down)
			defer records.down.Store(false)
			s := resolve(t, r, tc.req)
			require.Equal(t, tc.down, s.Degraded)
			snap := queued(t, s)
			assert.Equal(t, s, snap.Session())
			assert.Equal(t, s.ETag(), snap.Session().ETag())
			assert.Equal(t, tc.req.Identity, snap.Request().Identity)
			again := snap.Request()
			if tc.down {
				assert.Zero(t, again.AtLeast, "a degraded session knows no version")
			}
			assert.Equal(t, s, resolve(t, r, again), "the worker sees what the shopper saw")
		})
	}
}

func TestSnapshot_RequestReadsItsWrites(t *testing.T) {
	records := &memstore.Store{}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = records })
	s := update(t, r, by("s1", "C100"), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	req := queued(t, s).Request()
	assert.Equal(t, s.Revision(), req.AtLeast)
	newer := update(t, r, req, sessionctx.Patch{Currency: sessionctx.Set("USD")})
	assert.Equal(t, newer.ETag(), resolve(t, r, req).ETag(), "a newer one is good, too")

	lost := newResolver(t, func(c *sessionctx.Config) { c.Store = &memstore.Store{} })
	_, err := lost.Resolve(t.Context(), req)
	assert.ErrorIs(t, err, sessionctx.ErrNotFound, "a store without the write")
}

func TestSnapshot_RequestOfAnEndedSessionFindsNobody(t *testing.T) {
	r := newResolver(t)
	before := update(t, r, cookie(""), sessionctx.Patch{CartID: sessionctx.Set("cart")})
	snap := queued(t, before)
	after, err := r.Login(t.Context(), cookie(before.ID), "C100")
	require.NoError(t, err)
	require.NotEqual(t, before.ID, after.ID)
	s := resolve(t, r, snap.Request())
	assert.NotEqual(t, before.ID, s.ID)
	assert.Empty(t, s.CustomerID+s.CartID, "the old id is worth nothing")
}

func TestSnapshot_RequestOfTheZeroSnapshotIsRefused(t *testing.T) {
	var zero sessionctx.Snapshot
	assert.Zero(t, zero.Session())
	_, err := newResolver(t).Resolve(t.Context(), zero.Request())
	assert.ErrorIs(t, err, sessionctx.ErrUnknownTenant)
}

func TestSnapshot_ReadsWhatOtherProgramsWrite(t *testing.T) {
	full := sessionFrom(t, fullSession)
	// In the lists a member more than this program knows.
	more := strings.NewReplacer(`"site": "choice"`, `"site": "choice", "market": "choice"`, `"changed": 3`, `"changed": 3, "ttl": null`)
	cases := []struct {
		desc, doc string
		want      sessionctx.Session
	}{
		{"a new member", changed(t, "market", map[string]any{"code": "emea", "v": 2}), full},
		{"a new member that is null", `{"v":1,"site":"main","market":null}`, sessionctx.Session{Site: "main"}},
		{"a new member that names one twice", `{"v":1,"site":"main","market":{"a":1,"a":2}}`, sessionctx.Session{Site: "main"}},
		{"new members in the lists", more.Replace(fullSession), full},
		{"a name in another case is another name", `{"v":1,"V":2,"id":"x","ID":"y"}`, sessionctx.Session{ID: "x"}},
		{"a new source", changed(t, "sources", map[string]any{"site": "choice", "currency": "loyalty", "country": "choice", "language": "choice"}),
			sessionFrom(t, changed(t, "sources", map[string]any{"site": "choice", "country": "choice", "language": "choice"}))},
		{"missing members", `{"v":1}`, sessionctx.Session{}},
		{"empty members", `{"v":1,"id":"","proof":"","incarnation":"","sources":{},"attributes":[]}`, sessionctx.Session{}},
		{"attributes in another order", `{"v":1,"attributes":[{"name":"b","value":"2"},{"name":"a","value":"1"}]}`,
			sessionFrom(t, `{"v":1,"attributes":[{"name":"a","value":"1"},{"name":"b","value":"2"}]}`)},
		{"a time of another zone", `{"v":1,"createdAt":"2026-01-02T03:04:05.5+01:00"}`,
			sessionctx.Session{CreatedAt: time.Date(2026, 1, 2, 2, 4, 5, 5e8, time.UTC)}},
		{"a pair of surrogates", `{"v":1,"id":"\ud83d\ude00\\ud800\ufffd"}`, sessionctx.Session{ID: "😀\\ud800\ufffd"}},
		{"blanks around the object", " \t\r\n" + fullSession + "\n", full},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			got := sessionFrom(t, tc.doc)
			assert.Equal(t, tc.want.Snapshot(), got.Snapshot())
			assert.Equal(t, tc.want.ETag(), got.ETag())
			for name := range got.Attributes() {
				_, found := got.Attribute(name)
				assert.True(t, found, name)
			}
		})
	}
}

func TestSnapshot_RefusesWhatItCannotRead(t *testing.T) {
	cases := []struct{ desc, doc, says string }{
		{"null", `null`, `the document must be an object, not null`},
		{"list", `[]`, `the document must be an object, not a list`},
		{"text", `"x"`, `the document must be an object, not a text`},
		{"nothing", ``, `the document is not valid JSON`},
		{"unfinished", `{"v":1,"id":"x"`, `the document is not valid JSON`},
		{"two documents", `{"v":1} {"v":1}`, `the document is not valid JSON`},

		{"no version", `{"id":"x"}`, `member "v" is missing: the document is not a Snapshot`},
		{"a redacted session", `{"tenant":"acme","shopper":"customer","version":7}`, `member "v" is missing: the document is not a Snapshot`},
		{"a later version", `{"id":{"of":"another shape"},"v":2}`, `member "v" is 2: this program reads only version 1`},
		{"an older version", `{"v":0}`, `member "v" is 0: this program reads only version 1`},
		{"a version as a text", `{"v":"1"}`, `member "v" must be a whole number of 64 bits, not a text`},
		{"a version that is null", `{"v":null}`, `member "v" must not be null`},

		{"invalid UTF-8", "{\"v\":1,\"id\":\"\xff\"}", `member "id" is not valid UTF-8`},
		{"invalid UTF-8 in a new member", "{\"v\":1,\"new\":[\"\xff\"]}", `member "new" is not valid UTF-8`},
		{"invalid UTF-8 in a name", "{\"v\":1,\"new\xff\":1}", "member \"new\ufffd\" is not named in valid UTF-8"},
		{"invalid UTF-8 in a list", "{\"v\":1,\"sources\":{\"site\":\"\xff\"}}", `member "sources.site" is not valid UTF-8`},
		{"half a surrogate pair", `{"v":1,"id":"x\ud83dy"}`, `member "id" has half of a surrogate pair`},
		{"surrogates in the wrong order", `{"v":1,"id":"\ude00\ud83d"}`, `member "id" has half of a surrogate pair`},
		{"half a surrogate pair at the end", `{"v":1,"id":"\\\ud83d"}`, `member "id" has half of a surrogate pair`},

		{"member twice", `{"v":1,"id":"x","id":"x"}`, `member "id" is there twice`},
		{"version twice", `{"v":1,"v":1}`, `member "v" is there twice`},
		{"new member twice", `{"v":1,"new":1,"new":1}`, `member "new" is there twice`},
		{"member of a list twice", `{"v":1,"sources":{"site":"choice","site":"choice"}}`, `member "sources.site" is there twice`},

		{"null for a text", `{"v":1,"id":null}`, `member "id" must not be null`},
		{"null for a list", `{"v":1,"sources":null}`, `member "sources" must not be null`},
		{"null for an attribute", `{"v":1,"attributes":[null]}`, `member "attributes[0]" must be an object, not null`},
		{"number for a text", `{"v":1,"id":17}`, `member "id" must be a text, not 17`},
		{"object for a text", `{"v":1,"id":{}}`, `member "id" must be a text, not an object`},
		{"text for a number", `{"v":1,"version":"1"}`, `member "version" must be a whole number of 64 bits, not a text`},
		{"fraction for a version", `{"v":1,"version":1.5}`, `member "version" must be a whole number of 64 bits, not 1.5`},
		{"number that is too large", `{"v":1,"version":9223372036854775808}`, `member "version" must be a whole number of 64 bits, not 9223372036854775808`},
		{"text for a boolean", `{"v":1,"degraded":"true"}`, `member "degraded" must be true or false, not a text`},
		{"number for a time", `{"v":1,"createdAt":1767323045}`, `member "createdAt" must be a text, not 1767323045`},
		{"no time", `{"v":1,"createdAt":"yesterday"}`, `member "createdAt" is "yesterday": it must be a time in the form of RFC 3339`},
		{"year before the first", `{"v":1,"modifiedAt":"0000-01-01T00:00:00+01:00"}`, `member "modifiedAt" is in the year -1 of UTC: RFC 3339 has the years 0 to 9999`},
		{"year after the last", `{"v":1,"createdAt":"9999-12-31T23:59:59-01:00"}`, `member "createdAt" is in the year 10000 of UTC: RFC 3339 has the years 0 to 9999`},

		{"unknown proof", `{"v":1,"proof":"root"}`, `member "proof" is "root": this program knows asserted, bySecret, management`},
		{"proof as a number", `{"v":1,"proof":2}`, `member "proof" must be a text, not 2`},
		{"short incarnation", `{"v":1,"incarnation":"ff"}`, `member "incarnation" is "ff": it must have 16 hexadecimal digits`},
		{"incarnation that is no number", `{"v":1,"incarnation":"zzzzzzzzzzzzzzzz"}`, `member "incarnation" is "zzzzzzzzzzzzzzzz": it must have 16 hexadecimal digits`},
		{"sources that are no object", `{"v":1,"sources":["choice"]}`, `member "sources" must be an object, not a list`},
		{"source as a number", `{"v":1,"sources":{"site":1}}`, `member "sources.site" must be a text, not 1`},
		{"attributes as an object", `{"v":1,"attributes":{"a":"1"}}`, `member "attributes" must be a list, not an object`},
		{"attribute that is no object", `{"v":1,"attributes":[{"name":"a","value":"1"},"b"]}`, `member "attributes[1]" must be an object, not a text`},
		{"attribute value as JSON", `{"v":1,"attributes":[{"name":"a","value":{}}]}`, `member "attributes[0].value" must be a text, not an object`},
		{"attribute value that is no JSON", `{"v":1,"attributes":[{"name":"a","value":"{"}]}`, `member "attributes[0].value" must be the text of one JSON document`},
		{"attribute without a value", `{"v":1,"attributes":[{"name":"a"}]}`, `member "attributes[0].value" must be the text of one JSON document`},
		{"attribute without a name", `{"v":1,"attributes":[{"value":"1"}]}`, `member "attributes[0].name" must not be empty`},
		{"attribute twice", `{"v":1,"attributes":[{"name":"a","value":"1"},{"name":"b","value":"2"},{"name":"a","value":"2"}]}`,
			`member "attributes[2].name" is the name of attributes[0], too`},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			before := sessionctx.Session{ID: "before"}.Snapshot()
			snap := before
			assert.EqualError(t, snap.UnmarshalJSON([]byte(tc.doc)), "sessionctx: decode snapshot: "+tc.says)
			assert.Equal(t, before, snap, "a failed decoding changes nothing")
		})
	}
}

func TestSnapshot_ErrorsShowNoIDs(t *testing.T) {
	for member, value := range map[string]any{
		"id": []any{"5e55-id"}, "customerId": []any{"cu5t-id"}, "cartId": map[string]any{"c4rt-id": 1},
		"attributes": []any{map[string]any{"name": "attr-a", "value": "attr-v"}},
	} {
		err := new(sessionctx.Snapshot).UnmarshalJSON([]byte(changed(t, member, value)))
		require.ErrorContains(t, err, member)
		for _, id := range identifiers {
			assert.NotContains(t, err.Error(), id)
		}
	}
	long := new(sessionctx.Snapshot).UnmarshalJSON([]byte(`{"v":1,"proof":"` + strings.Repeat("x", 1<<16) + `"}`))
	assert.Less(t, len(long.Error()), 300, "hostile input does not fill a log")
}

func TestSnapshot_WhatJSONCannotCarryIsAnError(t *testing.T) {
	for member, s := range map[string]sessionctx.Session{
		"tenant":     {Tenant: "secret\xff"},
		"id":         {ID: "secret\xff"},
		"customerId": {CustomerID: "secret\xff"},
		"cartId":     {CartID: "secret\xff"},
		"language":   {Language: "secret\xff"},
		"createdAt":  {CreatedAt: time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC)},
		"modifiedAt": {ModifiedAt: time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		_, err := json.Marshal(s.Snapshot())
		require.ErrorContains(t, err, fmt.Sprintf("sessionctx: encode snapshot: member %q is ", member))
		assert.NotContains(t, err.Error(), "secret", "an error ends in a log")
	}
	assert.Error(t, gob.NewEncoder(&bytes.Buffer{}).Encode(sessionFrom(t, fullSession).Snapshot()), "JSON is the only form")
}

func TestSnapshot_PrintsRedacted(t *testing.T) {
	snap := sessionFrom(t, fullSession).Snapshot()
	type job struct{ Session sessionctx.Snapshot }
	var logs bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&logs, nil), slog.NewJSONHandler(&logs, nil)} {
		slog.New(h).Info("m", "snapshot", snap, "pointer", &snap, "deep", slog.GroupValue(slog.Any("s", snap)))
	}
	slog.New(slog.NewTextHandler(&logs, nil)).Info("m", "job", job{snap})
	shown := map[string]string{"slog": logs.String(), "String": snap.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X"} {
		shown[verb] = fmt.Sprintf(verb, snap)
		shown["pointer "+verb] = fmt.Sprintf(verb, &snap)
		shown["nested "+verb] = fmt.Sprintf(verb, job{snap})
	}
	assertRedacted(t, shown)
	assert.Equal(t, "snapshot{tenant=acme shopper=customer site=main currency=EUR country=DE language=de version=7}", snap.String())
}

// A document that is accepted is encoded to a document that is accepted, too, and means the same.
func FuzzSnapshot_WhatIsReadCanBeWritten(f *testing.F) {
	f.Add(fullSession)
	f.Add(`{"v":1,"degraded":true,"profileMissing":true,"proof":"management","new":{"a":null},"sources":{"site":"new"}}`)
	f.Add(`{"v":1,"attributes":[{"name":"b","value":"1"},{"name":"a","value":"\"\\ud800\""}]}`)
	f.Add(`{"v":1,"createdAt":"0000-01-01T00:00:00+01:00","modifiedAt":"9999-12-31T23:59:59.999999999Z"}`)
	f.Add(`{"v":1,"id":"\ud83d\ude00\ud83d"}`)
	f.Fuzz(func(t *testing.T, doc string) {
		before := sessionctx.Session{ID: "before"}.Snapshot()
		snap := before
		if snap.UnmarshalJSON([]byte(doc)) != nil {
			require.Equal(t, before, snap)
			return
		}
		b, err := json.Marshal(snap)
		require.NoError(t, err, "what was decoded can be encoded")
		var again sessionctx.Snapshot
		require.NoError(t, json.Unmarshal(b, &again), "%s", b)
		require.Equal(t, snap, again)
		require.Equal(t, snap.Session().ETag(), again.Session().ETag())
		canonical, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(b), string(canonical))
	})
}

// What is encoded is decoded to what it was. Only text that is not UTF-8, and a time outside the
// years of RFC 3339, cannot be encoded.
func FuzzSnapshot_RoundTrips(f *testing.F) {
	f.Add("acme", "5e55-id", "cu5t-id", "main", "de", "c4rt-id", int64(7), int64(1767323045), int64(6789), false, false)
	f.Add("", "\x00<\u2028\ufffd", "\xff", "", "", "", int64(-1), int64(1)<<60, int64(-1), true, true)
	f.Fuzz(func(t *testing.T, tenant, id, customer, site, language, cart string, version, sec, nsec int64, degraded, missing bool) {
		s := sessionctx.Session{
			Tenant: tenant, ID: id, CustomerID: customer, Site: site, Currency: "EUR", Country: "DE", Language: language, CartID: cart,
			Version: version, CreatedAt: time.Unix(sec, nsec).UTC(), ModifiedAt: time.Unix(nsec, sec%1e9).UTC(),
			Degraded: degraded, ProfileMissing: missing,
		}
		b, err := json.Marshal(s.Snapshot())
		carried := utf8.ValidString(tenant + "\n" + id + "\n" + customer + "\n" + site + "\n" + language + "\n" + cart)
		for _, at := range []time.Time{s.CreatedAt, s.ModifiedAt} {
			carried = carried && 0 <= at.Year() && at.Year() <= 9999
		}
		if !carried {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		var snap sessionctx.Snapshot
		require.NoError(t, json.Unmarshal(b, &snap), "%s", b)
		require.Equal(t, s, snap.Session())
		require.Equal(t, s.ETag(), snap.Session().ETag())
	})
}
