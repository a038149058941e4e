package rest_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
)

func TestIfMatch_HoldsForTheNamedRevisionAlone(t *testing.T) {
	s := newShop(t)
	c, op := s.shopper("s1"), s.operator()
	first := c.do("GET", "/me/context", "").Header.Get("ETag")
	c.with("If-Match", first).do("PATCH", "/me/context", `{"currency":"CHF"}`).must(204)
	c.with("If-Match", first).do("PATCH", "/me/context", `{"currency":"CHF"}`).must(412)
	other := s.shopper("s2").do("PATCH", "/me/context", `{"currency":"CHF"}`).must(204).Header.Get("ETag")

	part := func(etag string, i int) string { return strings.Split(strings.Trim(etag, `"`), ".")[i] }
	cases := []struct {
		desc   string
		header func(now string) string
		want   bool
	}{
		{"the tag", func(now string) string { return now }, true},
		{"the revision, whatever is shown", func(now string) string { return `"` + part(now, 0) + "." + part(now, 1) + `.x"` }, true},
		{"a list with the tag", func(now string) string { return `"x", W/"y" , ` + now + ` , "z"` }, true},
		{"a list without commas", func(now string) string { return `"x" ` + now }, true},
		{"any", func(string) string { return "*" }, true},
		{"the tag, made weak by a proxy that compresses", func(now string) string { return "W/" + now }, true},
		{"the tag, its end changed by a proxy that compresses", func(now string) string { return strings.TrimSuffix(now, `"`) + `-gzip"` }, true},
		{"the tag, both weak and changed", func(now string) string { return `"x", W/` + strings.TrimSuffix(now, `"`) + `;br"` }, true},
		{"the earlier tag, weak", func(string) string { return "W/" + first }, false},
		{"the revision alone", func(now string) string { return `"` + part(now, 0) + "." + part(now, 1) + `"` }, false},
		{"another version", func(now string) string { return `"` + part(now, 0) + "." + "9999999999." + part(now, 2) + `"` }, false},
		{"a version that begins alike", func(now string) string { return `"` + part(now, 0) + "." + part(now, 1) + "0." + part(now, 2) + `"` }, false},
		{"another incarnation", func(now string) string { return `"0000000000000000.` + part(now, 1) + "." + part(now, 2) + `"` }, false},
		{"another session's tag", func(string) string { return other }, false},
		{"the earlier tag", func(string) string { return first }, false},
		{"without quotes", func(now string) string { return strings.Trim(now, `"`) }, false},
		{"no end", func(now string) string { return strings.TrimSuffix(now, `"`) }, false},
		{"rubbish before the tag", func(now string) string { return "x," + now }, false},
		{"nothing", func(string) string { return "" }, false},
		{"any, quoted", func(string) string { return `"*"` }, false},
		{"any, in a list", func(now string) string { return "*, " + now }, false},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			status := map[bool]int{true: 204, false: 412}[tc.want]
			created := map[bool]int{true: 201, false: 412}[tc.want]
			for _, w := range []struct {
				c                  *client
				method, path, body string
				want               int
			}{
				{c, "PATCH", "/me/context", `{"currency":"GBP"}`, status},
				{c, "PATCH", "/me/context", `{"currency":"CHF","language":"fr"}`, status},
				{c, "PATCH", "/me/context", `{"siteCode":"us"}`, status},
				{c, "PATCH", "/me/context", `{"siteCode":"main","currency":"CHF","context":{"a":1}}`, status},
				{c, "PATCH", "/me/context", `{"context":{"a":2}}`, status},
				{c, "PATCH", "/me/context", `{"context":null}`, status},
				{c, "PATCH", "/me/context", `{"currency":null,"language":null}`, status},
				{c, "POST", "/me/context/attributes", `{"key":"k","value":1}`, created},
				{c, "DELETE", "/me/context/attributes/k", "", status},
				{op, "PUT", "/context/s1", `{"metadata":{"version":%d}}`, status},
				{op, "POST", "/context/s1/attributes", `{"key":"k","value":1}`, status},
				{op, "DELETE", "/context/s1/attributes/k", "", status},
			} {
				shown := c.do("GET", "/me/context", "")
				etag := shown.Header.Get("ETag")
				conditional := w.c.with()
				conditional.header["If-Match"] = []string{tc.header(etag)}
				body := strings.ReplaceAll(w.body, "%d", fmt.Sprint(shown.context().Metadata.Version))
				conditional.do(w.method, w.path, body).must(w.want)
				if !tc.want {
					assert.Equal(t, etag, c.do("GET", "/me/context", "").Header.Get("ETag"), "nothing changed")
				}
			}
		})
	}
}

func TestIfMatch_IsNotMerged(t *testing.T) {
	s := newShop(t)
	c := s.shopper("s1")
	etag := c.do("PATCH", "/me/context", `{"currency":"CHF"}`).Header.Get("ETag")
	c.do("PATCH", "/me/context", `{"language":"fr"}`).must(204)
	c.with("If-Match", etag).do("PATCH", "/me/context", `{"currency":"GBP"}`).must(412)
	c.do("PATCH", "/me/context", s.stating("s1", -1, `{"currency":"GBP"}`)).must(204)
}

func TestIfMatch_MatchesWhenOnlyTheDefaultsChanged(t *testing.T) {
	dir := demoshop()
	s := newShop(t, func(c *settings) { c.sessions.Directory = dir })
	c := s.shopper("s1")
	etag := c.do("PATCH", "/me/context", `{"context":{"a":1}}`).Header.Get("ETag")
	demo := dir["demoshop"]
	demo.Sites = slices.Clone(demo.Sites)
	demo.Sites[0].Language = "fr"
	dir["demoshop"] = demo
	require.NoError(t, s.resolver.Refresh(t.Context(), "demoshop", ""))
	assert.Equal(t, "fr", c.do("GET", "/me/context", "").context().Language)
	c.with("If-None-Match", etag).do("GET", "/me/context", "").must(200)
	c.with("If-Match", etag).do("PATCH", "/me/context", `{"context":{"a":2}}`).must(204)
}

func TestIfNoneMatch_LetsAWriteOnlyCreate(t *testing.T) {
	s := newShop(t)
	op := s.operator().with("If-None-Match", "*")
	op.with("If-Match", "*").do("PUT", "/context/s1?upsert=true", `{}`).must(412)
	op.do("PUT", "/context/s1?upsert=true", `{"currency":"CHF"}`).must(204)
	op.do("PUT", "/context/s1?upsert=true", s.stating("s1", 0, `{"currency":"GBP"}`)).must(412)
	op.do("POST", "/context/s1/attributes", `{"key":"k","value":1}`).must(412)
	shown := s.shopper("s1").do("GET", "/me/context", "")
	assert.Equal(t, "CHF", shown.context().Currency)
	s.shopper("s1").with("If-None-Match", shown.Header.Get("ETag")).do("PATCH", "/me/context", `{"currency":"GBP"}`).must(412)
	s.shopper("s1").with("If-None-Match", `"x"`).do("PATCH", "/me/context", `{"currency":"GBP"}`).must(204)
	// The own session is there from the beginning.
	s.shopper("s2").with("If-None-Match", "*").do("PATCH", "/me/context", `{"currency":"GBP"}`).must(412)
	s.shopper("s2").with("If-None-Match", "*").do("PATCH", "/me/context", `{"currency":"GBP","language":"fr"}`).must(412)
	s.shopper("s2").with("If-None-Match", "*").do("PATCH", "/me/context", `{"siteCode":"main"}`).must(412)
	s.shopper("s2").with("If-Match", "*").do("PATCH", "/me/context", `{"currency":"GBP","language":"fr"}`).must(204)
}

// A client, or a proxy, adds the header twice. The write must still not replace what is there.
func TestIfNoneMatch_AnyCountsWhereverItStands(t *testing.T) {
	for _, tc := range []struct {
		desc  string
		lines []string
		any   bool
	}{
		{"in two lines", []string{"*", "*"}, true},
		{"in one line twice", []string{"*, *"}, true},
		{"before a tag", []string{`*, "x"`}, true},
		{"after a tag", []string{`"x", *`}, true},
		{"after a tag and no comma", []string{`W/"x" *`}, true},
		{"beside a line without anything", []string{"", " *\t"}, true},
		{"beside a line with a tag", []string{`"x"`, "*"}, true},
		{"beside rubbish", []string{"x", "*"}, true},
		{"in a tag", []string{`"*"`}, false},
		{"in a weak tag", []string{`W/"*", "x*"`}, false},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			s := newShop(t)
			shopper, op := s.shopper("s1"), s.operator()
			shopper.header["If-None-Match"], op.header["If-None-Match"] = tc.lines, tc.lines
			op.do("PUT", "/context/s1?upsert=true", `{"currency":"CHF"}`).must(204)
			want := map[bool]int{true: 412, false: 204}[tc.any]
			op.do("PUT", "/context/s1?upsert=true", s.stating("s1", 0, `{"currency":"GBP"}`)).must(want)
			op.do("DELETE", "/context/s1/attributes/k", "").must(want)
			shopper.do("PATCH", "/me/context", `{"currency":"EUR"}`).must(want)
			shopper.do("GET", "/me/context", "").must(map[bool]int{true: 304, false: 200}[tc.any])
			assert.Equal(t, map[bool]string{true: "CHF", false: "EUR"}[tc.any], s.shopper("s1").do("GET", "/me/context", "").context().Currency)
		})
	}
}

func TestPatch_StaleVersionIsMergedOrAConflict(t *testing.T) {
	cases := []struct {
		desc, between, write string
		want                 int
	}{
		{"another field", `{"language":"fr"}`, `{"currency":"GBP"`, 204},
		{"another attribute", `{"context":{"b":1}}`, `{"context":{"a":2}`, 204},
		{"an attribute and a field", `{"context":{"b":1}}`, `{"currency":"GBP"`, 204},
		{"the same field", `{"currency":"GBP"}`, `{"currency":"CHF"`, 409},
		{"the same field, the same value", `{"currency":"GBP"}`, `{"currency":"GBP"`, 409},
		{"the same field, and back", `{"currency":"CHF"}`, `{"currency":null`, 409},
		{"one of two fields", `{"currency":"GBP"}`, `{"language":"fr","currency":"EUR"`, 409},
		{"the same attribute", `{"context":{"a":2}}`, `{"context":{"a":3}`, 409},
		{"an attribute that was removed", `{"context":{"a":null}}`, `{"context":{"a":3}`, 409},
		{"an absent attribute after a removal", `{"context":{"a":null}}`, `{"context":{"c":3}`, 409},
		{"all attributes", `{"context":{"b":1}}`, `{"context":null`, 409},
		{"nothing", `{"currency":"GBP"}`, `{"x":1`, 204},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			for _, c := range []*client{newShop(t).shopper("s1"), newShop(t).browser(sessionctx.Patch{Site: sessionctx.Set("main")})} {
				c.do("PATCH", "/me/context", `{"currency":"CHF","context":{"a":1}}`).must(204)
				base := c.do("GET", "/me/context", "").context().Metadata.Version
				c.do("PATCH", "/me/context", tc.between).must(204)
				before := c.do("GET", "/me/context", "")
				a := c.do("PATCH", "/me/context", fmt.Sprintf(`%s,"metadata":{"version":%d}}`, tc.write, base)).must(tc.want)
				if tc.want == 409 {
					assert.Equal(t, base+1, *a.problem().CurrentVersion)
					assert.Equal(t, before.body, c.do("GET", "/me/context", "").body)
					c.do("PATCH", "/me/context", fmt.Sprintf(`%s,"metadata":{"version":%d}}`, tc.write, base+1)).must(204)
				}
			}
		})
	}
}

func TestPatch_VersionThatTheSessionNeverHadIsAConflict(t *testing.T) {
	for _, tc := range []struct {
		desc  string
		state func(now int64) int64
	}{
		{"before the first", func(now int64) int64 { return now - 2 }},
		{"to come", func(now int64) int64 { return now + 1 }},
		{"the largest", func(int64) int64 { return math.MaxInt64 }},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			s := newShop(t)
			c := s.shopper("s1")
			c.do("PATCH", "/me/context", `{"currency":"CHF"}`).must(204)
			c.do("PATCH", "/me/context", `{"currency":"EUR"}`).must(204)
			now := s.version("s1")
			version := max(tc.state(now), 1) // of one in 2^30 sessions the first version is 1
			// The language has not changed since any version.
			a := c.do("PATCH", "/me/context", fmt.Sprintf(`{"language":"fr","metadata":{"version":%d}}`, version)).must(409)
			assert.Equal(t, now, *a.problem().CurrentVersion)
			assert.Equal(t, now, s.version("s1"))
		})
	}
	t.Run("where there is no record", func(t *testing.T) {
		c := newShop(t).shopper("s1")
		a := c.do("PATCH", "/me/context", `{"currency":"CHF","metadata":{"version":7}}`).must(409)
		assert.Zero(t, *a.problem().CurrentVersion)
	})
}

func TestPatch_Version0SaysThatThereWasNoRecord(t *testing.T) {
	cases := []struct {
		desc, before, write string
		want                int
	}{
		{"there is none", ``, `{"currency":"GBP"}`, 204},
		{"another field was chosen", `{"language":"fr"}`, `{"currency":"GBP"}`, 204},
		{"the field was chosen", `{"currency":"CHF"}`, `{"currency":"GBP"}`, 409},
		{"the field was cleared", `{"currency":null}`, `{"currency":"GBP"}`, 409},
		{"another attribute was set", `{"context":{"b":1}}`, `{"context":{"a":1}}`, 204},
		{"the attribute was set", `{"context":{"a":1}}`, `{"context":{"a":2}}`, 409},
		{"an attribute was set, and all are removed", `{"context":{"a":1}}`, `{"context":null}`, 409},
		{"nothing is touched", `{"currency":"CHF"}`, `{}`, 204},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			c := newShop(t).shopper("s1")
			if tc.before != "" {
				c.do("PATCH", "/me/context", tc.before).must(204)
			}
			before := c.do("GET", "/me/context", "")
			body := strings.TrimSuffix(tc.write, "}") + `,"metadata":{"version":0}}`
			a := c.do("PATCH", "/me/context", strings.Replace(body, "{,", "{", 1)).must(tc.want)
			if tc.want == 409 {
				assert.Equal(t, before.context().Metadata.Version, *a.problem().CurrentVersion)
				assert.Equal(t, before.body, c.do("GET", "/me/context", "").body)
			}
		})
	}
}
