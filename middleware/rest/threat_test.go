package rest_test

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// secretOf returns the id in a browser's cookie.
func (c *client) secretOf() string { return strings.TrimPrefix(c.header.Get("Cookie"), cookieName+"=") }

func (s *shop) identity(id string, customer ...string) sessionctx.Request {
	return sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: id, CustomerID: strings.Join(customer, ""), Proof: sessionctx.Asserted}}
}

// Whoever has kept a token, a cookie or a tab of a session that was ended has nothing.
func TestThreat_UseAfterLogout(t *testing.T) {
	ends := []struct {
		desc string
		end  func(s *shop, token, browser *client) error
	}{
		{"logout", func(s *shop, _, browser *client) error {
			if _, err := s.resolver.Logout(t.Context(), s.identity("s1", "anna")); err != nil {
				return err
			}
			r := httptest.NewRequest(http.MethodPost, "https://shop.example/session-context/demoshop/logout", nil)
			r.Header = browser.header
			_, err := s.mw.Logout(httptest.NewRecorder(), r)
			return err
		}},
		{"the end of all sessions of the customer", func(s *shop, _, _ *client) error {
			return s.resolver.EndAll(t.Context(), "demoshop", "anna")
		}},
	}
	for _, tc := range ends {
		t.Run(tc.desc, func(t *testing.T) {
			s := newShop(t)
			token, bob := s.bearer(claims{Session: "s1", Customer: "anna"}), s.bearer(claims{Session: "s2", Customer: "bob"})
			browser := s.client("Cookie", cookieName+"="+s.loginBySecret("anna"))
			for _, c := range []*client{token, bob} {
				c.do("PATCH", "/me/context", `{"currency":"CHF","context":{"a":"of the customer"}}`).must(204)
			}
			etag := token.do("GET", "/me/context", "").must(200).Header.Get("ETag")
			assert.Equal(t, "anna", browser.do("GET", "/me/context", "").context().CustomerID)
			require.NoError(t, tc.end(s, token, browser))

			for _, c := range []*client{token, token.with("If-Match", etag), token.with("If-Match", "*"), token.with("If-None-Match", "*"), s.shopper("s1"), browser} {
				for _, r := range ownRequests {
					a := c.do(r.method, r.path, r.body).must(404)
					assert.NotContains(t, a.body, "anna")
					assert.NotContains(t, a.body, "of the customer")
				}
			}
			op := s.operator().with("saas-token", s.token("anna"))
			op.do("GET", "/context/s1", "").must(404)
			op.do("PUT", "/context/s1?upsert=true", `{"metadata":{"version":1}}`).must(404)
			op.do("POST", "/context/s1/attributes", `{"key":"k","value":1}`).must(404)
			_, err := s.resolver.Login(t.Context(), s.identity("s1"), "anna")
			assert.ErrorIs(t, err, sessionctx.ErrNotFound, "nor is it revived by a login")
			var page sessionctx.Session
			r := httptest.NewRequest(http.MethodGet, "https://shop.example/session-context/demoshop/", nil)
			r.Header = token.header
			s.mw.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { page, _ = sessionctx.FromContext(r.Context()) })).ServeHTTP(httptest.NewRecorder(), r)
			assert.Equal(t, "main", page.Site, "a page shows a guest's defaults")
			assert.Empty(t, page.ID+page.CustomerID+page.CartID)

			assert.Equal(t, "CHF", bob.do("GET", "/me/context", "").context().Currency, "others do not notice")
			again := s.bearer(claims{Session: "s3"})
			again.do("PATCH", "/me/context", `{"currency":"CHF"}`).must(204)
			_, err = s.resolver.Login(t.Context(), s.identity("s3"), "anna")
			require.NoError(t, err)
			assert.Equal(t, "CHF", s.bearer(claims{Session: "s3", Customer: "anna"}).do("GET", "/me/context", "").context().Currency, "and anna can come back")
		})
	}
}

// loginBySecret returns the secret id of a session of the customer's.
func (s *shop) loginBySecret(customer string) string {
	s.t.Helper()
	in, err := s.resolver.Login(s.t.Context(), sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", Proof: sessionctx.BySecret}}, customer)
	require.NoError(s.t, err)
	return in.ID
}

// The same ids, a cookie, a token or a scope mean nothing in another tenant.
func TestThreat_TenantConfusion(t *testing.T) {
	s := newShop(t)
	here, there := s.bearer(claims{Session: "s1", Customer: "anna"}), s.bearer(claims{Tenant: "othershop", Session: "s1", Customer: "anna"})
	here.do("PATCH", "/me/context", `{"context":{"note":"of demoshop"}}`).must(204)
	browser := s.browser(sessionPatch("CHF"))
	const demo, other = "/session-context/demoshop", "/session-context/othershop"
	renamed := s.client("Cookie", "__Host-session-othershop="+browser.secretOf())
	attacks := []struct {
		desc, base string
		c          *client
		want       int
	}{
		{"a token on another tenant's path", other, here, 403},
		{"the other tenant's token on ours", demo, there, 403},
		{"a cookie on another tenant's path", other, browser, 401},
		{"a token, and the other tenant's cookie", other, here.with("Cookie", renamed.header.Get("Cookie")), 403},
		{"the tenant in capitals", "/session-context/DEMOSHOP", here, 400},
		{"the tenant and a null byte", demo + "%00", here, 400},
		{"a tenant in the tenant", demo + "%2Fothershop", here, 400},
		{"a tenant behind the tenant", demo + "/..%2Fothershop", here, 404},
		{"no tenant", "/session-context/", here, 400},
	}
	for _, tc := range attacks {
		t.Run(tc.desc, func(t *testing.T) {
			for _, r := range ownRequests {
				a := tc.c.do(r.method, tc.base+r.path, r.body).must(tc.want)
				assert.NotContains(t, a.body, "of demoshop")
			}
		})
	}
	t.Run("a cookie under the other tenant's name", func(t *testing.T) {
		renamed.do("GET", other+"/me/context", "").must(404)
	})
	t.Run("the operator of another tenant", func(t *testing.T) {
		op := s.bearer(claims{Tenant: "othershop", Customer: "backoffice", Scope: manage})
		op.do("GET", demo+"/context/s1", "").must(403)
		op.do("GET", other+"/context/s1", "").must(404)
		op.do("PUT", demo+"/context/s1", `{"metadata":{"version":1}}`).must(403)
	})
	t.Run("the same ids are two sessions", func(t *testing.T) {
		there.do("PATCH", other+"/me/context", `{"context":{"note":"of othershop"}}`).must(204)
		require.NoError(t, s.resolver.EndAll(t.Context(), "othershop", "anna"))
		there.do("GET", other+"/me/context", "").must(404)
		b := here.do("GET", "/me/context", "").context()
		assert.Equal(t, `"of demoshop"`, string(b.Context["note"]))
		assert.Equal(t, "GBP", b.Currency)
		assert.Equal(t, "CHF", browser.do("GET", "/me/context", "").context().Currency)
	})
}

// One request with two credentials is one identity: the token's, for better or worse.
func TestThreat_BearerAgainstCookie(t *testing.T) {
	s := newShop(t)
	victim := s.client("Cookie", cookieName+"="+s.loginBySecret("bob"))
	mine := s.shopper("s1")
	token := mine.header.Get("Authorization")
	victim.do("PATCH", "/me/context", `{"currency":"CHF"}`).must(204)
	cases := []struct {
		desc, authorization string
		want                int
	}{
		{"a good token", token, 200},
		{"a token that has expired", "Bearer " + claims{Tenant: "demoshop", Session: "s1", Life: -time.Hour}.sign(t), 401},
		{"a token of another key", "Bearer " + signed([]byte(strings.Repeat("x", 32)), map[string]any{"tenant": "demoshop", "sid": "s1"}), 401},
		{"rubbish", "Bearer rubbish", 401},
		{"nothing after the scheme", "Bearer ", 401},
		{"a token without a session", "Bearer " + claims{Tenant: "demoshop", Customer: "backoffice"}.sign(t), 403},
		{"another tenant's token", "Bearer " + claims{Tenant: "othershop", Session: "s1"}.sign(t), 403},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			both := victim.with("Authorization", tc.authorization, "Sec-Fetch-Site", "cross-site")
			a := both.do("GET", "/me/context", "").must(tc.want)
			assert.NotContains(t, a.body, "bob", "the cookie is not read")
			if tc.want == 200 {
				assert.Equal(t, "s1", a.context().SessionID)
				both.do("PATCH", "/me/context", `{"currency":"GBP"}`).must(204)
			} else if tc.desc == "a token without a session" {
				p := both.do("PATCH", "/me/context", `{"currency":"GBP"}`).must(401).problem()
				assert.Equal(t, "noSession", p.Details[0]["reason"])
			} else {
				both.do("PATCH", "/me/context", `{"currency":"GBP"}`).must(tc.want)
			}
			assert.Empty(t, a.Header.Get("Set-Cookie"))
			assert.Equal(t, "CHF", victim.do("GET", "/me/context", "").context().Currency)
		})
	}
	t.Run("two tokens", func(t *testing.T) {
		two := victim.with()
		two.header["Authorization"] = []string{token, token}
		two.do("GET", "/me/context", "").must(401)
	})
	t.Run("another scheme is no token, and makes no cookie better", func(t *testing.T) {
		c := victim.with("Authorization", "Basic YTpi")
		assert.Equal(t, "bob", c.do("GET", "/me/context", "").context().CustomerID)
		c.with("Sec-Fetch-Site", "cross-site").do("PATCH", "/me/context", `{"currency":"GBP"}`).must(403)
	})
}

// A client sends members that are the server's to set.
func TestThreat_MassAssignment(t *testing.T) {
	members := []string{
		`"sessionId":"s2"`, `"customerId":"bob"`, `"cartId":"bobs-cart"`, `"CartId":"bobs-cart"`, `"tenant":"othershop"`, `"secret":true`, `"ended":true`,
		`"generation":7`, `"incarnation":1`, `"changed":[9,9,9,9,9]`, `"expiresAt":"2999-01-01T00:00:00Z"`, `"sources":{"currency":"choice"}`, `"rejected":{}`,
		`"metadata":{"createdAt":"1999-01-01T00:00:00Z","modifiedAt":"1999-01-01T00:00:00Z","owner":"bob"}`,
		`"__proto__":{"customerId":"bob"}`, `"id":"s2"`, `"upsert":true`, `"require":null`,
	}
	s := newShop(t)
	mine, bob := s.bearer(claims{Session: "s1", Customer: "anna"}), s.bearer(claims{Session: "s2", Customer: "bob"})
	for _, c := range []*client{mine, bob} {
		c.do("PATCH", "/me/context", `{"currency":"CHF"}`).must(204)
	}
	browser := s.browser(sessionPatch("CHF"))
	before, bobs, browsers := mine.do("GET", "/me/context", "").body, bob.do("GET", "/me/context", "").body, browser.do("GET", "/me/context", "").body
	for _, m := range members {
		t.Run(m, func(t *testing.T) {
			mine.do("PATCH", "/me/context", "{"+m+"}").must(204)
			browser.do("PATCH", "/me/context", "{"+m+"}").must(204)
			assert.Equal(t, before, mine.do("GET", "/me/context", "").body)
			assert.Equal(t, browsers, browser.do("GET", "/me/context", "").body)
			assert.Equal(t, bobs, bob.do("GET", "/me/context", "").body)
		})
	}
	t.Run("beside something that may be sent", func(t *testing.T) {
		mine.do("PATCH", "/me/context", "{"+strings.Join(members[:2], ",")+`,"cartId":"bobs-cart","currency":"EUR"}`).must(204)
		b := mine.do("GET", "/me/context", "").context()
		assert.Equal(t, "s1 anna EUR ", strings.Join([]string{b.SessionID, b.CustomerID, b.Currency, b.CartID}, " "))
	})
	t.Run("by an operator, who may set the cart and not the owner", func(t *testing.T) {
		op := s.operator().with("saas-token", s.token("anna"))
		op.do("PUT", "/context/s1", s.stating("s1", 0, `{"customerId":"bob"}`)).must(400)
		op.do("PUT", "/context/s1", fmt.Sprintf(`{"sessionId":"s2","customerId":"anna","cartId":"annas-cart","metadata":{"version":%d,"createdAt":"1999-01-01T00:00:00Z"}}`, s.version("s1"))).must(204)
		b := op.do("GET", "/context/s1", "").context()
		assert.Equal(t, "s1 anna annas-cart", strings.Join([]string{b.SessionID, b.CustomerID, b.CartID}, " "))
		assert.NotEqual(t, 1999, b.Metadata.CreatedAt.Year())
		op.do("PUT", "/context/s9?upsert=true", `{"customerId":"bob"}`).must(400)
		op.do("GET", "/context/s9", "").must(404)
	})
	assert.Equal(t, bobs, bob.do("GET", "/me/context", "").body)
}

// Attributes that are too many, too large, too deep or called oddly, at once or little by little.
func TestThreat_AttributeBomb(t *testing.T) {
	many := func(from, n int, value string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"%s%d":%s`, "k", from+i, value)
		}
		return `{"context":{` + b.String()[1:] + `}}`
	}
	one := func(name, value string) string { return `{"context":{` + quote(name) + `:` + value + `}}` }
	kilo := quote(strings.Repeat("v", 1022))
	cases := []struct {
		desc, body string
		want       int
	}{
		{"65 attributes", many(0, 65, "1"), 413},
		{"2,000 attributes", many(0, 2000, "1"), 413},
		{"10,000 attributes", many(0, 10_000, "1"), 413},
		{"a value over 1 KiB", one("k", quote(strings.Repeat("v", 1023))), 413},
		{"a value over 1 KiB after it was unescaped and escaped", one("k", `"`+strings.Repeat(`\u0076`, 171)+`"`), 413},
		{"a body over 32 KiB", one("k", quote(strings.Repeat("v", 33<<10))), 413},
		{"a body over 32 KiB of white space", `{"context":{"k":1}}` + strings.Repeat(" ", 33<<10), 413},
		{"16 values of 1 KiB", many(0, 16, kilo), 413},
		{"a name of 65 bytes", one(strings.Repeat("n", 65), "1"), 413},
		{"a name of 33 letters of two bytes", one(strings.Repeat("ü", 33), "1"), 413},
		{"no name", one("", "1"), 400},
		{"a name with a line break", one("a\r\nSet-Cookie: x=y", "1"), 400},
		{"a name with a null byte", one("a\x00", "1"), 400},
		{"a name that writes backwards", one("a\u202eb", "1"), 400},
		{"a name that nobody sees", one("a\u200b", "1"), 400},
		{"a depth of nine", one("k", "[[[[[[[1]]]]]]]"), 400},
		{"a depth of 5,000", one("k", strings.Repeat("[", 5000)+strings.Repeat("]", 5000)), 400},
		{"a number of 30,000 digits", one("k", strings.Repeat("9", 30_000)), 400},
	}
	s := newShop(t)
	token, browser, op := s.shopper("s1"), s.browser(sessionPatch("CHF")), s.operator()
	token.do("PATCH", "/me/context", `{"currency":"CHF"}`).must(204)
	before, browsers := token.do("GET", "/me/context", "").body, browser.do("GET", "/me/context", "").body
	version := fmt.Sprintf(`{"metadata":{"version":%d},`, s.version("s1"))
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			token.do("PATCH", "/me/context", tc.body).must(tc.want)
			browser.do("PATCH", "/me/context", tc.body).must(tc.want)
			op.do("PUT", "/context/s1", version+tc.body[1:]).must(tc.want)
			op.do("PUT", "/context/new?upsert=true", tc.body).must(tc.want)
			assert.Equal(t, before, token.do("GET", "/me/context", "").body)
			assert.Equal(t, browsers, browser.do("GET", "/me/context", "").body)
			op.do("GET", "/context/new", "").must(404)
		})
	}
	t.Run("little by little", func(t *testing.T) {
		for i := range 64 {
			token.do("POST", "/me/context/attributes", fmt.Sprintf(`{"key":"k%d","value":1}`, i)).must(201)
		}
		token.do("POST", "/me/context/attributes", `{"key":"one more","value":1}`).must(413)
		op.do("POST", "/context/s1/attributes", `{"key":"one more","value":1}`).must(413)
		for i := range 64 {
			if a := token.do("PATCH", "/me/context", one(fmt.Sprint("k", i), kilo)); a.StatusCode != 204 {
				a.must(413)
				assert.GreaterOrEqual(t, i, 14)
			}
		}
		held := 0
		b := token.do("GET", "/me/context", "").context()
		for name, value := range b.Context {
			held += len(name) + len(value)
		}
		assert.Len(t, b.Context, 64)
		assert.Less(t, held, 16<<10)
		token.do("PATCH", "/me/context", `{"context":null}`).must(204)
	})
	t.Run("what is within the limits is taken", func(t *testing.T) {
		token.do("PATCH", "/me/context", many(0, 64, "1")).must(204)
		token.do("PATCH", "/me/context", one("__proto__", kilo)).must(413)
		token.do("PATCH", "/me/context", `{"context":{"k0":null,"__proto__":`+kilo+`}}`).must(204)
		assert.Equal(t, kilo, string(token.do("GET", "/me/context", "").context().Context["__proto__"]))
	})
}

// A session id is used again after its record has gone: what an old tab knows of the old one must
// not count for the new one.
func TestThreat_ReplayAfterReCreation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, func(c *settings) { c.sessions.AnonymousIdle = time.Minute })
		token := s.shopper("s1")
		token.do("PATCH", "/me/context", `{"currency":"CHF","context":{"a":1}}`).must(204)
		first := token.do("GET", "/me/context", "").must(200).Header.Get("ETag")
		firstVersion := s.version("s1")
		token.do("PATCH", "/me/context", `{"currency":"GBP"}`).must(204)
		second := token.do("GET", "/me/context", "").must(200).Header.Get("ETag")
		<-time.After(10 * time.Minute)
		assert.Equal(t, "EUR", token.do("GET", "/me/context", "").context().Currency, "the record is gone")
		token.do("PATCH", "/me/context", `{"currency":"CHF","context":{"a":1}}`).must(204) // as before, and yet another
		now := token.do("GET", "/me/context", "").must(200)

		op := s.operator()
		for desc, old := range map[string]string{"of the same version": first, "of another version": second} {
			t.Log(desc)
			token := token.with("If-Match", old)
			token.do("PATCH", "/me/context", `{"currency":"GBP"}`).must(412)
			token.do("POST", "/me/context/attributes", `{"key":"b","value":1}`).must(412)
			token.do("DELETE", "/me/context/attributes/a", "").must(412)
			op.with("If-Match", old).do("PUT", "/context/s1", s.stating("s1", 0, `{}`)).must(412)
			token.with("If-Match", "", "If-None-Match", old).do("GET", "/me/context", "").must(200)
		}
		for _, version := range []int64{firstVersion, firstVersion + 1, s.version("s1") + 1, math.MaxInt64} {
			body := fmt.Sprintf(`{"currency":"GBP","metadata":{"version":%d}}`, version)
			token.do("PATCH", "/me/context", body).must(409)
			op.do("PUT", "/context/s1", body).must(409)
			body = fmt.Sprintf(`{"language":"fr","metadata":{"version":%d}}`, version)
			token.do("PATCH", "/me/context", body).must(409) // the old record may have had another language
		}
		assert.Equal(t, now.body, token.do("GET", "/me/context", "").body)
		token.with("If-Match", now.Header.Get("ETag")).do("PATCH", "/me/context", `{"currency":"GBP"}`).must(204)
	})
}

// Versions beyond what a version can be, sent or reached.
func TestThreat_VersionOverflow(t *testing.T) {
	backend := &memstore.Store{}
	s := newShop(t, func(c *settings) { c.sessions.Store = backend })
	token, op := s.shopper("s1"), s.operator()
	token.do("PATCH", "/me/context", `{"currency":"CHF"}`).must(204)
	before := token.do("GET", "/me/context", "").body
	for _, version := range []string{"-1", "-9223372036854775808", "9223372036854775808", "18446744073709551617", "1.5", "1e0", `"1"`, "[1]", "true"} {
		body := `{"currency":"GBP","metadata":{"version":` + version + `}}`
		token.do("PATCH", "/me/context", body).must(400)
		op.do("PUT", "/context/s1", body).must(400)
	}
	token.do("PATCH", "/me/context", `{"currency":"GBP","metadata":{"version":9223372036854775807}}`).must(409)
	assert.Equal(t, before, token.do("GET", "/me/context", "").body)

	last := store.Record{Tenant: "demoshop", Incarnation: 1, First: math.MaxInt64 - 1, Version: math.MaxInt64 - 1, Carts: []store.Cart{{Site: "main", ID: "cart"}}}
	_, err := backend.Save(t.Context(), store.Key{Tenant: "demoshop", ID: "old"}, last, sessionctx.Revision{})
	require.NoError(t, err)
	old := s.shopper("old")
	old.do("PATCH", "/me/context", `{"currency":"CHF"}`).must(204)
	old.do("PATCH", "/me/context", `{"currency":"GBP"}`).must(503)
	b := old.do("GET", "/me/context", "").context()
	assert.Equal(t, int64(math.MaxInt64), b.Metadata.Version, "it does not begin again")
	assert.Equal(t, "CHF cart", b.Currency+" "+b.CartID)
	token.do("PATCH", "/me/context", s.stating("s1", 0, `{"currency":"GBP"}`)).must(204)
}
