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
	for _, tc := range []struct {
		desc         string
		client       *client
		method, path string
		header       []string
		body         string
		want         int
	}{
		{"a read, if another tag matches", c, "GET", "/me/context", []string{"If-Match", `"x"`}, "", 412},
		{"a read with reasons, if another tag matches", c, "GET", "/me/context?explain=true", []string{"If-Match", `"x"`}, "", 412},
		{"a read, if one of two other tags matches", c, "GET", "/me/context", []string{"If-Match", `"x", W/"y"`}, "", 412},
		{"a read without a body, if another tag matches", op, "HEAD", "/context/s1", []string{"If-Match", `"x"`}, "", 412},
		{"a read of a session that is not there, if any tag matches", op, "GET", "/context/nosuch", []string{"If-Match", "*"}, "", 404},
		{"a read, if its tag matches", c, "GET", "/me/context", []string{"If-Match", etag}, "", 200},
		{"a read, if its tag that a proxy has made weak matches", c, "GET", "/me/context?explain=true", []string{"If-Match", "W/" + etag}, "", 200},
		{"a read, if any tag matches", c, "GET", "/me/context", []string{"If-Match", "*"}, "", 200},
		{"a read, if none but its tag matches, and not that either", c, "GET", "/me/context", []string{"If-Match", etag, "If-None-Match", etag}, "", 304},

		{"a query with a semicolon", c, "GET", "/me/context?explain=true;x", nil, "", 400},
		{"a query with a bad escape", c, "GET", "/me/context?explain=%zz", nil, "", 400},
		{"a parameter twice", c, "GET", "/me/context?explain=true&explain=false", nil, "", 400},
		{"a parameter of another type", c, "GET", "/me/context?explain=1", nil, "", 400},
		{"a parameter in capitals", c, "GET", "/me/context?explain=TRUE", nil, "", 400},
		{"a parameter with a zero byte", c, "GET", "/me/context?explain=true%00", nil, "", 400},
		{"a query with a semicolon at a write", op, "PUT", "/context/s1?upsert=true;x", nil, `{}`, 400},
		{"a parameter that nobody knows", c, "GET", "/me/context?x=1", nil, "", 200},
		{"an escaped name", c, "GET", "/me/context?%65xplain=true", nil, "", 200},

		{"a body in gzip", c, "PATCH", "/me/context", []string{"Content-Encoding", "gzip"}, `{"currency":"GBP"}`, 415},
		{"a body in br", c, "PATCH", "/me/context", []string{"Content-Encoding", "br"}, `{"currency":"GBP"}`, 415},
		{"a body in two codings", c, "PATCH", "/me/context", []string{"Content-Encoding", "gzip, identity"}, `{"currency":"GBP"}`, 415},
		{"a body in a coding that nobody knows", c, "PATCH", "/me/context", []string{"Content-Encoding", "x"}, `{"currency":"GBP"}`, 415},
		{"an attribute in deflate", c, "POST", "/me/context/attributes", []string{"Content-Encoding", "deflate"}, `{"key":"k","value":1}`, 415},
		{"a whole context in zstd", op, "PUT", "/context/s1", []string{"Content-Encoding", "zstd"}, `{}`, 415},
		{"a body in no coding", c, "PATCH", "/me/context", []string{"Content-Encoding", "identity"}, `{}`, 204},
		{"a part of a body", op, "PUT", "/context/s1", []string{"Content-Range", "bytes 0-1/2"}, "stating", 400},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			body := tc.body
			if body == "stating" {
				body = s.stating("s1", 0, `{}`)
			}
			a := tc.client.with(tc.header...).do(tc.method, tc.path, body).must(tc.want)
			if tc.want == 415 {
				assert.Equal(t, "identity", a.Header.Get("Accept-Encoding"))
			}
			assert.Equal(t, etag, c.do("GET", "/me/context", "").Header.Get("ETag"), "nothing has changed")
		})
	}
}

// RFC 9110, section 9.3.4: a validator in the answer says that what was sent is kept as it is.
func TestPut_AnswersNoValidatorForWhatIsShownOtherwise(t *testing.T) {
	s := newShop(t)
	for _, tc := range []struct{ desc, body, shown string }{
		{"a currency in small letters", `{"currency":"chf"}`, `"currency":"CHF"`},
		{"a country in small letters", `{"targetLocation":"at"}`, `"targetLocation":"AT"`},
		{"a language that the site spells otherwise", `{"language":"en_GB"}`, `"language":"en"`},
		{"a member that nobody knows", `{"currency":"CHF","x":1}`, `"currency":"CHF"`},
		{"white space", `{ "currency" : "CHF" }`, `"currency":"CHF"`},
		{"nothing", `{}`, `"currency":"EUR"`},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			op := s.operator()
			id := "put-" + strings.ReplaceAll(tc.desc, " ", "-")
			for _, a := range []*answer{
				op.do("PUT", "/context/"+id+"?upsert=true", tc.body).must(204),
				op.do("PUT", "/context/"+id, s.stating(id, 0, tc.body)).must(204),
			} {
				assert.Empty(t, a.Header.Get("ETag"))
			}
			shown := op.do("GET", "/context/"+id, "").must(200)
			assert.Contains(t, shown.body, tc.shown)
			assert.NotEmpty(t, shown.Header.Get("ETag"))
		})
	}
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
