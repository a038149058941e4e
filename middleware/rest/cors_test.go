package rest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware/rest"
)

func TestCORS_AnswersAllowedOriginsAlone(t *testing.T) {
	const origin = "https://app.example"
	s := newShop(t, func(c *settings) { c.rest.AllowedOrigins = []string{origin, "http://localhost:3000"} })
	c := s.shopper("s1")
	for _, tc := range []struct {
		desc, origin string
		want         string
	}{
		{"the origin", origin, origin}, {"another of the list", "http://localhost:3000", "http://localhost:3000"},
		{"another scheme", "http://app.example", ""}, {"another port", "https://app.example:8443", ""},
		{"a host that ends alike", "https://evil-app.example", ""}, {"a sandboxed frame", "null", ""}, {"none", "", ""},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			cross := c.with("Origin", tc.origin)
			for _, a := range []*answer{cross.do("GET", "/me/context", "").must(200), cross.do("PATCH", "/me/context", `{`).must(400)} {
				assert.Equal(t, tc.want, a.Header.Get("Access-Control-Allow-Origin"))
				assert.Equal(t, "Origin", a.Header.Get("Vary"))
				assert.Empty(t, a.Header.Get("Access-Control-Allow-Credentials"))
				assert.Equal(t, tc.want != "", a.Header.Get("Access-Control-Expose-Headers") != "")
			}
			preflight := s.client("Origin", tc.origin, "Access-Control-Request-Method", "PATCH", "Access-Control-Request-Headers", "authorization,if-match")
			if tc.want == "" {
				preflight.do("OPTIONS", "/me/context", "").must(405)
				return
			}
			a := preflight.do("OPTIONS", "/me/context", "").must(204)
			assert.Contains(t, a.Header.Get("Access-Control-Allow-Methods"), "PATCH")
			assert.Contains(t, a.Header.Get("Access-Control-Allow-Headers"), "Authorization")
		})
	}
	// A cookie gains nothing.
	s.browser(sessionPatch("CHF")).with("Origin", origin, "Sec-Fetch-Site", "cross-site").do("PATCH", "/me/context", `{"currency":"GBP"}`).must(403)
	assert.Empty(t, newShop(t).shopper("s1").with("Origin", origin).do("GET", "/me/context", "").Header.Get("Access-Control-Allow-Origin"))
}

func TestNew_RefusesWhatIsNoOrigin(t *testing.T) {
	for _, o := range []string{"*", "null", " ", "app.example", "https://app.example/", "https://APP.example", "https://app.example:443", "http://app.example:80", "https://*.example", "https://u@app.example", "https://app.example?x"} {
		_, err := rest.New(rest.Config{AllowedOrigins: []string{o}})
		require.ErrorContains(t, err, fmt.Sprintf("%q", o))
		require.ErrorContains(t, err, "AllowedOrigins")
	}
}

func TestConditions_OfReadsAndBodies(t *testing.T) {
	s := newShop(t)
	c, op := s.shopper("s1"), s.operator()
	etag := c.do("PATCH", "/me/context", `{"currency":"CHF"}`).must(204).Header.Get("ETag")
	for _, path := range []string{"/me/context", "/me/context?explain=true"} {
		c.with("If-Match", `"x"`).do("GET", path, "").must(412)
		c.with("If-Match", etag).do("GET", path, "").must(200)
		c.with("If-Match", "W/"+etag).do("GET", path, "").must(200)
		c.with("If-Match", "*").do("GET", path, "").must(200)
	}
	op.with("If-Match", `"x"`).do("HEAD", "/context/s1", "").must(412)
	for _, query := range []string{"?explain=true;x", "?explain=%zz", "?explain=true&explain=false", "?explain=1"} {
		c.do("GET", "/me/context"+query, "").must(400)
	}
	op.do("PUT", "/context/s1?upsert=true;x", `{}`).must(400)
	for _, coding := range []string{"gzip", "br", "gzip, identity", "x"} {
		a := c.with("Content-Encoding", coding).do("PATCH", "/me/context", `{"currency":"GBP"}`).must(415)
		assert.Equal(t, "identity", a.Header.Get("Accept-Encoding"))
	}
	c.with("Content-Encoding", "identity").do("PATCH", "/me/context", `{}`).must(204)
	op.with("Content-Range", "bytes 0-1/2").do("PUT", "/context/s1", s.stating("s1", 0, `{}`)).must(400)
	assert.Empty(t, op.do("PUT", "/context/s1", s.stating("s1", 0, `{"currency":"chf"}`)).must(204).Header.Get("ETag"))
}

func TestPut_CustomerIDIsThatOfTheToken(t *testing.T) {
	s := newShop(t)
	op := s.operator()
	const body = `{"customerId":"anna","currency":"CHF"}`
	for _, token := range []string{"", "rubbish", s.token("bob")} {
		p := op.with("saas-token", token).do("PUT", "/context/new?upsert=true", body).must(400).problem()
		assert.Equal(t, []map[string]string{{"field": "customerId", "reason": "notProven"}}, p.Details)
	}
	op.do("GET", "/context/new", "").must(404)
	proven := op.with("saas-token", s.token("anna"))
	proven.do("PUT", "/context/new", s.statingNothing(body)).must(404)
	proven.do("PUT", "/context/new?upsert=true", body).must(204)
	assert.Equal(t, "anna", op.do("GET", "/context/new", "").context().CustomerID)
	op.do("PUT", "/context/guest?upsert=true", `{}`).must(204)
	proven.do("PUT", "/context/guest", s.stating("guest", 0, body)).must(204)
	assert.Equal(t, "anna", op.do("GET", "/context/guest", "").context().CustomerID)
	secret := s.browser(sessionPatch("CHF")).header.Get("Cookie")[len(cookieName)+1:]
	proven.do("PUT", "/context/"+secret, s.stating(secret, 0, body)).must(400)
}

// statingNothing returns a body with version 0.
func (s *shop) statingNothing(body string) string {
	return body[:len(body)-1] + `,"metadata":{"version":0}}`
}
