package rest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/sessionctx"
)

func TestManagement_SeesAnySessionThatHasARecord(t *testing.T) {
	s := newShop(t)
	op := s.operator()
	op.do("GET", "/context/s1", "").must(404)
	op.do("GET", "/context/s1?explain=true", "").must(404)
	c := s.bearer(claims{Session: "s1", Customer: "anna"})
	c.do("GET", "/me/context", "").must(200)
	op.do("GET", "/context/s1", "").must(404)
	c.do("PATCH", "/me/context", `{"context":{"a":1}}`).must(204)

	own, managed := c.do("GET", "/me/context", ""), op.do("GET", "/context/s1", "")
	assert.JSONEq(t, own.must(200).body, managed.must(200).body)
	assert.Equal(t, own.Header.Get("ETag"), managed.Header.Get("ETag"))
	assert.Equal(t, "anna", managed.context().CustomerID)
	assert.Equal(t, "customer.shippingAddress", op.do("GET", "/context/s1?explain=true", "").context().Sources["targetLocation"])

	browser := s.browser(sessionPatch("CHF"))
	secret := browser.header.Get("Cookie")[len(cookieName)+1:]
	b := op.do("GET", "/context/"+secret, "").context()
	assert.Equal(t, "CHF", b.Currency)
	assert.Equal(t, secret, b.SessionID, "the operator knows it already")
	s.shopper(secret).do("GET", "/me/context", "").must(404)
}

func TestPut_ReplacesTheWholeContext(t *testing.T) {
	before := `{"siteCode":"main","currency":"CHF","targetLocation":"AT","cartId":"cart-1","context":{"a":1,"b":2}}`
	cases := []struct {
		desc, body              string
		values, sources, cartID string
		context                 map[string]json.RawMessage
	}{
		{"by nothing", `{"x":0}`, "main EUR DE de", "site.default site.currency site.homeBase site.defaultLanguage", "", nil},
		{"by nulls", `{"siteCode":null,"currency":null,"targetLocation":null,"language":null,"cartId":null,"context":null}`, "main EUR DE de", "site.default site.currency site.homeBase site.defaultLanguage", "", nil},
		{"by what it was", `{"siteCode":"main","currency":"CHF","targetLocation":"AT","language":"de","cartId":"cart-1","context":{"a":1,"b":2}}`, "main CHF AT de", "site.default choice choice site.defaultLanguage", "cart-1", map[string]json.RawMessage{"a": []byte("1"), "b": []byte("2")}},
		{"by defaults where there were choices", `{"siteCode":"main","currency":"EUR","targetLocation":"DE","language":"de"}`, "main EUR DE de", "site.default site.currency choice site.defaultLanguage", "", nil},
		{"by a default alone", `{"language":"DE"}`, "main EUR DE de", "site.default site.currency site.homeBase choice", "", nil},
		{"by defaults in another spelling", `{"language":"DE","currency":"eur"}`, "main EUR DE de", "site.default site.currency site.homeBase site.defaultLanguage", "", nil},
		{"by another value where there was a default", `{"language":"en-GB","currency":"gbp"}`, "main GBP DE en", "site.default choice site.homeBase choice", "", nil},
		{"by another site, the default language sent along", `{"siteCode":"us","language":"de"}`, "us USD US en", "choice site.currency site.homeBase site.defaultLanguage", "", nil},
		{"by other attributes", `{"context":{"b":3,"c":null}}`, "main EUR DE de", "site.default site.currency site.homeBase site.defaultLanguage", "", map[string]json.RawMessage{"b": []byte("3")}},
		{"by another cart", `{"cartId":"cart-2"}`, "main EUR DE de", "site.default site.currency site.homeBase site.defaultLanguage", "cart-2", nil},
		{"by a body with what it cannot change", `{"sessionId":"s9","customerId":"","tenant":"x"}`, "main EUR DE de", "site.default site.currency site.homeBase site.defaultLanguage", "", nil},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			s := newShop(t)
			op := s.operator()
			op.do("PUT", "/context/s1?upsert=true", `{}`).must(204)
			op.do("PUT", "/context/s1", s.stating("s1", 0, before)).must(204)
			was := s.version("s1")
			a := op.do("PUT", "/context/s1", s.stating("s1", 0, tc.body)).must(204)
			assert.Empty(t, a.body)
			now := op.do("GET", "/context/s1", "")
			assert.Empty(t, a.Header.Get("ETag"), "what is kept is not what was sent")
			assert.NotEmpty(t, now.Header.Get("ETag"))
			b := op.do("GET", "/context/s1?explain=true", "").context()
			assert.Equal(t, tc.values, b.values())
			assert.Equal(t, tc.sources, b.Sources["siteCode"]+" "+b.Sources["currency"]+" "+b.Sources["targetLocation"]+" "+b.Sources["language"])
			assert.Equal(t, tc.cartID, b.CartID)
			if tc.context == nil {
				tc.context = map[string]json.RawMessage{}
			}
			assert.Equal(t, tc.context, b.Context)
			assert.Equal(t, "s1", b.SessionID)
			assert.Empty(t, b.CustomerID)
			assert.Equal(t, was+1, b.Metadata.Version)
		})
	}
}

func TestPut_OfWhatAGetShowedMakesNoDefaultAChoice(t *testing.T) {
	s := newShop(t)
	c := s.bearer(claims{Session: "s1", Customer: "anna"})
	c.do("PATCH", "/me/context", `{"currency":"CHF","context":{"a":[1]}}`).must(204)
	shown := s.operator().do("GET", "/context/s1", "").must(200).body
	explained := s.operator().do("GET", "/context/s1?explain=true", "").context()
	s.operator().with("saas-token", s.token("anna")).do("PUT", "/context/s1", shown).must(204)
	again := s.operator().do("GET", "/context/s1?explain=true", "").context()
	assert.Equal(t, explained.Sources, again.Sources)
	assert.Equal(t, explained.values(), again.values())
	assert.Equal(t, explained.Context, again.Context)
}

func TestPut_DropsAChoiceThatIsNotOfferedNow(t *testing.T) {
	s := newShop(t)
	op := s.operator()
	op.do("PUT", "/context/s1?upsert=true", `{"siteCode":"main","currency":"CHF"}`).must(204)
	op.do("PUT", "/context/s2?upsert=true", `{"siteCode":"us","currency":"USD"}`).must(204)
	s.shopper("s1").do("PATCH", "/me/context", `{"siteCode":"us"}`).must(204) // CHF sleeps
	op.do("PUT", "/context/s1", s.stating("s1", 0, `{"siteCode":"us","currency":"USD"}`)).must(204)
	s.shopper("s1").do("PATCH", "/me/context", `{"siteCode":"main"}`).must(204)
	assert.Equal(t, "EUR", op.do("GET", "/context/s1", "").context().Currency, "what was replaced does not come back")
}

func TestPut_StatesTheVersionThatItReplaces(t *testing.T) {
	s := newShop(t)
	op := s.operator()
	c := s.shopper("s1")
	c.do("PATCH", "/me/context", `{"currency":"CHF"}`).must(204)
	c.do("PATCH", "/me/context", `{"language":"fr"}`).must(204)
	cases := []struct {
		desc, query, metadata string // NOW, BEFORE and NEXT stand for versions
		want                  int
	}{
		{"no metadata", "", ``, 400},
		{"metadata null", "", `"metadata":null`, 400},
		{"no version", "", `"metadata":{}`, 400},
		{"version null", "", `"metadata":{"version":null}`, 400},
		{"no metadata, upsert, but the session is there", "?upsert=true", ``, 400},
		{"a wrong type", "", `"metadata":{"version":"2"}`, 400},
		{"version 0", "", `"metadata":{"version":0}`, 409},
		{"version 0, upsert", "?upsert=true", `"metadata":{"version":0}`, 409},
		{"a stale version", "", `"metadata":{"version":BEFORE}`, 409},
		{"a version to come", "", `"metadata":{"version":NEXT}`, 409},
		{"the largest version", "", `"metadata":{"version":9223372036854775807}`, 409},
		{"a flag that is none", "?upsert=maybe", `"metadata":{"version":NOW}`, 400},
		{"the present version", "", `"metadata":{"version":NOW}`, 204},
		{"the version that was present", "", `"metadata":{"version":BEFORE}`, 409},
		{"the present version, upsert", "?upsert=true", `"metadata":{"version":NOW,"createdAt":"x","modifiedAt":null}`, 204},
		{"the present version, upsert false", "?upsert=false", `"metadata":{"version":NOW}`, 204},
	}
	version := s.version("s1")
	untouched := version
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			metadata := strings.NewReplacer("NOW", fmt.Sprint(version), "BEFORE", fmt.Sprint(version-1), "NEXT", fmt.Sprint(version+1)).Replace(tc.metadata)
			a := op.do("PUT", "/context/s1"+tc.query, `{`+metadata+`}`).must(tc.want)
			switch tc.want {
			case 204:
				version++
			case 409:
				assert.Equal(t, version, *a.problem().CurrentVersion)
			}
			b := c.do("GET", "/me/context", "").context()
			assert.Equal(t, version, b.Metadata.Version)
			if version == untouched {
				assert.Equal(t, "main CHF DE fr", b.values(), "nothing changed")
			}
		})
	}
}

func TestPut_UpsertCreatesAnAbsentSession(t *testing.T) {
	s := newShop(t)
	op := s.operator()
	for _, tc := range []struct{ desc, id, query, body string }{
		{"without upsert", "a", "", `{"metadata":{"version":1}}`},
		{"with upsert false", "a", "?upsert=false", `{"metadata":{"version":0}}`},
	} {
		op.do("PUT", "/context/a"+tc.query, tc.body).must(404)
		op.do("GET", "/context/a", "").must(404)
	}
	for _, tc := range []struct{ desc, id, body string }{
		{"without metadata", "s1", `{"currency":"CHF"}`},
		{"with version 0", "s2", `{"currency":"CHF","metadata":{"version":0}}`},
		{"with a version of a session that is gone", "s3", `{"currency":"CHF","metadata":{"version":7}}`},
		{"with nothing but defaults", "s4", `{"siteCode":"main","currency":"EUR","targetLocation":"DE","language":"de"}`},
		{"with nothing at all", "s5", `{}`},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			op.do("PUT", "/context/"+tc.id+"?upsert=true", tc.body).must(204)
			b := op.do("GET", "/context/"+tc.id+"?explain=true", "").context()
			assert.Positive(t, b.Metadata.Version)
			assert.Equal(t, b.Metadata.CreatedAt, b.Metadata.ModifiedAt, "one write")
			assert.Equal(t, tc.id > "s3", b.Sources["currency"] == "site.currency", "a default is not made a choice")
			// The shopper whose token names the session finds it.
			assert.Equal(t, b.Currency, s.shopper(tc.id).do("GET", "/me/context", "").context().Currency)
		})
	}
	op.do("PUT", "/context/s6?upsert=true", `{"currency":"DEM"}`).must(400)
	op.do("GET", "/context/s6", "").must(404)
}

// token returns the token of a customer as it stands in the header saas-token.
func (s *shop) token(customerID string) string {
	return claims{Tenant: "demoshop", Customer: customerID}.sign(s.t)
}

func TestThreat_ManagementForAnotherCustomer(t *testing.T) {
	s := newShop(t)
	s.bearer(claims{Session: "annas", Customer: "anna"}).do("PATCH", "/me/context", `{"currency":"CHF"}`).must(204)
	s.shopper("anonymous").do("PATCH", "/me/context", `{"currency":"CHF"}`).must(204)
	op := s.operator()
	const put = `{"currency":"GBP"}`
	cases := []struct {
		desc, token string
		want        int
	}{
		{"none", "", 403},
		{"another customer's", s.token("bob"), 403},
		{"nobody's", s.token(""), 403},
		{"of another tenant", claims{Tenant: "othershop", Customer: "anna"}.sign(t), 403},
		{"expired", claims{Tenant: "demoshop", Customer: "anna", Life: -3600e9}.sign(t), 403},
		{"rubbish", "rubbish", 403},
		{"the customer's", s.token("anna"), 204},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			op.with("saas-token", tc.token).do("PUT", "/context/annas", s.stating("annas", 0, put)).must(tc.want)
		})
	}
	two := op.with()
	two.header["Saas-Token"] = []string{s.token("anna"), s.token("anna")}
	two.do("PUT", "/context/annas", s.stating("annas", 0, `{}`)).must(403)
	op.do("PUT", "/context/annas?upsert=true", s.stating("annas", 0, `{}`)).must(403)
	assert.Equal(t, "GBP", op.do("GET", "/context/annas", "").context().Currency)

	op.do("PUT", "/context/anonymous", s.stating("anonymous", 0, put)).must(204)
	op.with("saas-token", "rubbish").do("PUT", "/context/anonymous", s.stating("anonymous", 0, `{}`)).must(204)
	op.do("POST", "/context/annas/attributes", `{"key":"k","value":1}`).must(204)
	op.do("DELETE", "/context/annas/attributes/k", "").must(204)

	none := newShop(t, func(c *settings) { c.rest.SaasToken = nil })
	none.bearer(claims{Session: "annas", Customer: "anna"}).do("PATCH", "/me/context", `{"currency":"CHF"}`).must(204)
	none.operator().with("saas-token", none.token("anna")).do("PUT", "/context/annas", none.stating("annas", 0, put)).must(403)

	unasked := newShop(t, func(c *settings) {
		c.rest.SaasToken = func(string, string) (string, error) { return "", sessionctx.ErrUnavailable }
	})
	unasked.operator().with("saas-token", "x").do("PUT", "/context/s1?upsert=true", `{}`).must(503)
}

func TestThreat_ManagementWithoutTheScope(t *testing.T) {
	requests := []struct{ method, path, body string }{
		{"GET", "/context/s1", ""},
		{"PUT", "/context/s1", `{"currency":"GBP","metadata":{"version":1}}`},
		{"PUT", "/context/s1?upsert=true", `{}`},
		{"POST", "/context/s1/attributes", `{"key":"k","value":1}`},
		{"DELETE", "/context/s1/attributes/a", ""},
	}
	s := newShop(t)
	owner := s.shopper("s1")
	owner.do("PATCH", "/me/context", `{"currency":"CHF","context":{"a":1}}`).must(204)
	before := owner.do("GET", "/me/context", "").must(200).body
	cases := []struct {
		desc string
		c    *client
		want int
	}{
		{"nobody", s.client(), 401},
		{"a cookie", s.browser(sessionPatch("CHF")), 401},
		{"the session's own token", owner, 403},
		{"a customer's token", s.bearer(claims{Session: "s9", Customer: "anna"}), 403},
		{"a service without scope", s.bearer(claims{Customer: "reports"}), 403},
		{"a service with another scope", s.bearer(claims{Customer: "reports", Scope: "order.order_read"}), 403},
		{"a scope that begins alike", s.bearer(claims{Customer: "reports", Scope: manage + "s x" + manage}), 403},
		{"a scope behind a tab", s.bearer(claims{Customer: "reports", Scope: "x\t" + manage}), 403},
		{"a service of another tenant", s.bearer(claims{Tenant: "othershop", Customer: "backoffice", Scope: manage}), 403},
		{"an expired token", s.bearer(claims{Customer: "backoffice", Scope: manage, Life: -3600e9}), 401},
		{"another issuer's token", s.bearer(claims{Customer: "backoffice", Scope: manage, Issuer: "https://evil.example"}), 401},
		{"rubbish", s.client("Authorization", "Bearer rubbish"), 401},
		{"basic credentials", s.client("Authorization", "Basic YTpi"), 401},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			for _, r := range requests {
				a := tc.c.do(r.method, r.path, r.body).must(tc.want)
				assert.NotContains(t, a.body, "CHF")
				assert.NotContains(t, a.body, "sessionId", "who may not look learns nothing")
			}
			assert.Equal(t, before, owner.do("GET", "/me/context", "").body)
		})
	}
	a := cases[4].c.do("GET", "/context/s1", "")
	assert.Equal(t, `Bearer realm="session-context", error="insufficient_scope", scope="`+manage+`"`, a.Header.Get("WWW-Authenticate"))
	s.bearer(claims{Customer: "backoffice", Scope: "a " + manage + " b"}).do("GET", "/context/s1", "").must(200)

	// A host may leave tokens to the management alone.
	half := newShop(t, func(c *settings) { c.middleware.Identify = nil })
	half.operator().do("PUT", "/context/s1?upsert=true", `{}`).must(204)
	half.bearer(claims{Tenant: "othershop", Scope: manage}).do("GET", "/context/s1", "").must(403)

	without := newShop(t, func(c *settings) { c.rest.Scopes = nil })
	without.operator().do("GET", "/context/s1", "").must(403)
	without.client().do("GET", "/context/s1", "").must(401)
	unasked := newShop(t, func(c *settings) {
		c.rest.Scopes = func(*http.Request) (tenant, scopes string, err error) { return "", "", sessionctx.ErrUnavailable }
	})
	unasked.operator().do("GET", "/context/s1", "").must(503)
	nowhere := newShop(t, func(c *settings) {
		c.rest.Scopes = func(*http.Request) (tenant, scopes string, err error) { return "", manage, nil }
	})
	nowhere.operator().do("PUT", "/context/s1?upsert=true", "{}").must(403)
	nowhere.client().do("GET", "/context/s1", "").must(401)
}

func TestManagement_CannotSetWhatAShopperCouldNot(t *testing.T) {
	s := newShop(t, func(c *settings) { c.sessions.MaxAttributes = 1 })
	op := s.operator()
	d := op.do("PUT", "/context/s1?upsert=true", `{"currency":"JPY","cartId":7,"siteCode":"us"}`).must(400).problem().Details
	assert.Equal(t, []map[string]string{{"field": "cartId", "value": "7", "reason": "wrongType"}}, d)
	d = op.do("PUT", "/context/s1?upsert=true", `{"currency":"JPY","siteCode":"us"}`).must(400).problem().Details
	assert.Equal(t, []map[string]string{{"field": "currency", "value": "JPY", "reason": "notOffered"}}, d)
	op.do("PUT", "/context/s1?upsert=true", `{"cartId":"`+strings.Repeat("c", 257)+`"}`).must(413)
	op.do("PUT", "/context/s1?upsert=true", `{"context":{"a":1,"b":2}}`).must(413)
	op.do("GET", "/context/s1", "").must(404)
}
