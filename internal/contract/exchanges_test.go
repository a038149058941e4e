package contract_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/sessionctx/storefront/sessionctx"
)

// exchanges are requests for which the document promises an answer, each on a shop of its own.
func exchanges(t *testing.T) (all []exchange) {
	t.Helper()
	own, anna, op := shopper("s1", ""), shopper("s2", "anna"), operator("demoshop")
	down := func(c *settings) { c.down = true }
	mute := func(c *settings) { c.mute = true }
	strange := func(c *settings) { c.strange = true }
	broken := func(c *settings) {
		c.identify = func(*http.Request) (sessionctx.Identity, error) { return sessionctx.Identity{}, errors.New("broken") }
	}
	const attribute = `{"key":"gift wrap","value":{"paper":"red"}}`

	// What holds for every operation on a session.
	for _, o := range []struct {
		operation, body string
		header          http.Header
		success         int
	}{
		{"GET-session-context-retrieve-session-context-by-sessionId", "", own, 200},
		{"PATCH-session-context-update-attribute-sessionId-storefront", `{"currency":"GBP"}`, own, 204},
		{"POST-session-context-add-attribute-own-sessionId", attribute, own, 201},
		{"DELETE-session-context-remove-attribute-sessionId", "", own, 204},
		{"GET-session-context-retrieve-session-context", "", op, 200},
		{"PUT-session-context-update-session-context", `{"metadata":{"version":NOW}}`, op, 204},
		{"POST-session-context-add-attribute-sessionId", attribute, op, 204},
		{"DELETE-session-context-remove-attribute", "", op, 204},
	} {
		add := func(status int, desc string, e exchange) {
			e.operation, e.status, e.desc = o.operation, status, desc
			if e.body == "" {
				e.body = o.body
			}
			if e.header == nil {
				e.header = o.header
			}
			all = append(all, e)
		}
		managed, reads := o.header.Get("Authorization") == op.Get("Authorization"), o.body == "" && o.success == 200
		ended := shopper("s3", "")
		if managed {
			ended = op
		}
		add(o.success, "it works", exchange{})
		add(400, "a malformed tenant", exchange{tenant: "DemoShop"})
		add(401, "nobody", exchange{header: http.Header{}})
		add(401, "a token that is none", exchange{header: http.Header{"Authorization": {"Bearer x"}}})
		add(403, "another tenant's token", exchange{header: operator("othershop")})
		add(404, "an ended session", exchange{sessionID: "s3", header: ended})
		add(500, "a mistake of the server", exchange{shop: broken})
		if managed {
			add(401, "a token too few", exchange{header: http.Header{"Cookie": {"x=y"}}})
			add(403, "no scope", exchange{header: own})
			add(404, "a session that never was", exchange{sessionID: "nosuch"})
			add(503, "the store is down", exchange{shop: down})
		} else {
			if reads {
				add(403, "a token without a session", exchange{header: op})
			} else {
				add(401, "a token without a session", exchange{header: op})
			}
			add(404, "an anonymous token of a customer's session", exchange{header: shopper("s2", "")})
			add(o.success, "a customer", exchange{header: anna})
			add(o.success, "a customer without a profile", exchange{header: anna, shop: strange})
		}
		if reads {
			add(412, "another revision", exchange{header: with(o.header, "If-Match", `"x"`)})
			add(200, "any revision", exchange{header: with(o.header, "If-Match", `*`)})
			continue
		}
		add(503, "the store is down", exchange{shop: down})
		write := exchange{shop: mute}
		if o.operation == "DELETE-session-context-remove-attribute-sessionId" || o.operation == "DELETE-session-context-remove-attribute" {
			write.name = "a" // which is there: else nothing is written
		}
		add(503, "the store does not say what it did", write)
		add(412, "another revision", exchange{header: with(o.header, "If-Match", `"x"`)})
		add(o.success, "any revision", exchange{header: with(o.header, "If-Match", `*`)})
		if o.body == "" {
			add(413, "a name that is too long", exchange{name: strings.Repeat("n", 65)})
			continue
		}
		add(400, "no JSON", exchange{body: `{`})
		add(413, "a body that is too large", exchange{body: strings.Repeat(" ", 40000)})
		add(415, "a compressed body", exchange{header: with(o.header, "Content-Encoding", "gzip")})
		add(400, "an error as a problem", exchange{body: `{`, header: with(o.header, "Accept", "application/problem+json")})
		add(415, "a form", exchange{header: with(o.header, "Content-Type", "application/x-www-form-urlencoded")})
		add(o.success, "a merge patch", exchange{header: with(o.header, "Content-Type", "application/merge-patch+json")})
	}

	// What is particular.
	return append(all, []exchange{
		{desc: "a malformed tenant", operation: "GET-session-context-openapi", status: 400, tenant: "x"},
		{desc: "for nobody", operation: "GET-session-context-openapi", status: 200},
		{desc: "with reasons", operation: "GET-session-context-retrieve-session-context-by-sessionId", status: 200, query: "?explain=true", header: anna},
		{desc: "while the store is down", operation: "GET-session-context-retrieve-session-context-by-sessionId", status: 200, header: anna, shop: down},
		{desc: "with reasons, without a profile", operation: "GET-session-context-retrieve-session-context-by-sessionId", status: 200, query: "?explain=true", header: anna, shop: strange},
		{desc: "without a profile", operation: "GET-session-context-retrieve-session-context", status: 200, sessionID: "s2", header: op, shop: strange},
		{desc: "with reasons, while the store is down", operation: "GET-session-context-retrieve-session-context-by-sessionId", status: 503, query: "?explain=true", header: anna, shop: down},
		{desc: "not written yet", operation: "GET-session-context-retrieve-session-context-by-sessionId", status: 200, header: shopper("new", "")},
		{desc: "a flag that is none", operation: "GET-session-context-retrieve-session-context-by-sessionId", status: 400, query: "?explain=1", header: own},
		{desc: "seen already", operation: "GET-session-context-retrieve-session-context-by-sessionId", status: 304, header: with(own, "If-None-Match", "*")},
		{desc: "with reasons", operation: "GET-session-context-retrieve-session-context", status: 200, query: "?explain=true", sessionID: "s2", header: op},
		{desc: "seen already", operation: "GET-session-context-retrieve-session-context", status: 304, header: with(op, "If-None-Match", "*")},
		{desc: "everything", operation: "PATCH-session-context-update-attribute-sessionId-storefront", status: 204, header: own, body: `{"siteCode":"main","currency":null,"targetLocation":"DE","language":"en","context":{"a":null,"b":[{}]},"metadata":{"version":NOW,"createdAt":"x"},"x":1}`},
		{desc: "all attributes away", operation: "PATCH-session-context-update-attribute-sessionId-storefront", status: 204, header: own, body: `{"context":null,"metadata":null}`},
		{desc: "a currency that is not offered", operation: "PATCH-session-context-update-attribute-sessionId-storefront", status: 400, header: own, body: `{"currency":"JPY","language":7}`},
		{desc: "a stale version", operation: "PATCH-session-context-update-attribute-sessionId-storefront", status: 409, header: own, body: `{"context":{"a":2},"metadata":{"version":BEFORE}}`},
		{desc: "no record, but there is one", operation: "PATCH-session-context-update-attribute-sessionId-storefront", status: 409, header: own, body: `{"context":{"a":2},"metadata":{"version":0}}`},
		{desc: "no record, and what is not set yet", operation: "PATCH-session-context-update-attribute-sessionId-storefront", status: 204, header: own, body: `{"language":"en","metadata":{"version":0}}`},
		{desc: "a version that never was", operation: "PATCH-session-context-update-attribute-sessionId-storefront", status: 409, header: own, body: `{"language":"en","metadata":{"version":9223372036854775807}}`},
		{desc: "attributes too large", operation: "PATCH-session-context-update-attribute-sessionId-storefront", status: 413, header: own, body: `{"context":{"a":"` + strings.Repeat("a", 1100) + `"}}`},
		{desc: "from another origin", operation: "PATCH-session-context-update-attribute-sessionId-storefront", status: 403, body: `{}`, header: with(shopperCookie, "Sec-Fetch-Site", "cross-site")},
		{desc: "a stale version", operation: "PUT-session-context-update-session-context", status: 409, header: op, body: `{"metadata":{"version":BEFORE}}`},
		{desc: "no version", operation: "PUT-session-context-update-session-context", status: 400, header: op, body: `{}`},
		{desc: "created", operation: "PUT-session-context-update-session-context", status: 204, header: op, sessionID: "new", query: "?upsert=true", body: `{"siteCode":"main","currency":"EUR","targetLocation":"DE","language":"de","cartId":"c","context":{"a":1}}`},
		{desc: "a customer's, without a token", operation: "PUT-session-context-update-session-context", status: 403, header: op, sessionID: "s2", body: `{"metadata":{"version":NOW}}`},
		{desc: "a customer's", operation: "PUT-session-context-update-session-context", status: 204, header: with(op, "Saas-Token", anna.Get("Authorization")[7:]), sessionID: "s2", body: `{"metadata":{"version":NOW}}`},
	}...)
}

// shopperCookie names no session that is there, which is not looked at before the origin is.
var shopperCookie = http.Header{"Cookie": {"__Host-session-demoshop=" + strings.Repeat("A", 43)}}
