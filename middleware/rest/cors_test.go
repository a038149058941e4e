package rest_test

import (
	"fmt"
	"strings"
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
		{"a name below", "https://x.app.example", ""}, {"a name that goes on", "https://app.example.evil.example", ""},
		{"its own port written out", "https://app.example:443", ""}, {"capitals", "https://APP.example", ""}, {"a slash at the end", "https://app.example/", ""},
		{"two at once", "https://app.example, https://evil.example", ""}, {"a blank before", " https://evil.example", ""},
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
	for _, tc := range []struct {
		desc, saas, body string // saas: whose saas-token is sent; "-": none, "?": one that is not valid
		want             int
	}{
		{"no token", "-", `{"customerId":"anna","currency":"CHF"}`, 400},
		{"an empty token", "", `{"customerId":"anna","currency":"CHF"}`, 400},
		{"a token that is not valid", "?", `{"customerId":"anna","currency":"CHF"}`, 400},
		{"another customer's token", "bob", `{"customerId":"anna","currency":"CHF"}`, 400},
		{"another letter case", "anna", `{"customerId":"Anna","currency":"CHF"}`, 400},
		{"a blank behind", "anna", `{"customerId":"anna ","currency":"CHF"}`, 400},
		{"a customer of a number", "anna", `{"customerId":4711}`, 400},
		{"a list of customers", "anna", `{"customerId":["anna"]}`, 400},
		{"the customer of the token", "anna", `{"customerId":"anna","currency":"CHF"}`, 204},
		{"a token alone: nothing says that the session is to be its customer's", "anna", `{"currency":"CHF"}`, 204},
		{"null, with a token", "anna", `{"customerId":null,"currency":"CHF"}`, 204},
		{"the empty text, with a token", "anna", `{"customerId":"","currency":"CHF"}`, 204},
		{"null, without a token", "-", `{"customerId":null,"currency":"CHF"}`, 204},
		{"nothing, without a token", "-", `{"currency":"CHF"}`, 204},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			s := newShop(t)
			op := s.operator()
			managed := op
			switch tc.saas {
			case "-":
			case "?":
				managed = op.with("saas-token", "rubbish")
			case "":
				managed = op.with("saas-token", "")
			default:
				managed = op.with("saas-token", s.token(tc.saas))
			}
			customer := ""
			if strings.Contains(tc.body, `"customerId":"anna"`) {
				customer = "anna"
			}
			op.do("PUT", "/context/guest?upsert=true", `{}`).must(204)
			managed.do("PUT", "/context/new", s.statingNothing(tc.body)).must(map[int]int{204: 404, 400: 400}[tc.want])
			for path, body := range map[string]string{"new?upsert=true": tc.body, "guest": s.stating("guest", 0, tc.body)} {
				a := managed.do("PUT", "/context/"+path, body).must(tc.want)
				id, _, _ := strings.Cut(path, "?")
				shown := op.do("GET", "/context/"+id, "")
				if tc.want == 204 {
					assert.Equal(t, customer, shown.must(200).context().CustomerID, path)
					continue
				}
				require.Len(t, a.problem().Details, 1)
				assert.Equal(t, "customerId", a.problem().Details[0]["field"])
				if id == "new" {
					shown.must(404)
				} else {
					assert.Empty(t, shown.must(200).context().CustomerID, "an anonymous session stays one")
				}
			}
		})
	}
	s := newShop(t)
	secret := s.browser(sessionPatch("CHF")).header.Get("Cookie")[len(cookieName)+1:]
	s.operator().with("saas-token", s.token("anna")).do("PUT", "/context/"+secret, s.stating(secret, 0, `{"customerId":"anna"}`)).must(400)
}

// statingNothing returns a body with version 0.
func (s *shop) statingNothing(body string) string {
	return body[:len(body)-1] + `,"metadata":{"version":0}}`
}
