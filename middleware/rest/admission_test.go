package rest_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/middleware/rest"
	"github.com/sessionctx/storefront/sessionctx"
)

// ownRequests are one of each operation on the own session.
var ownRequests = []struct{ method, path, body string }{
	{"GET", "/me/context", ""},
	{"GET", "/me/context?explain=true", ""},
	{"PATCH", "/me/context", `{"currency":"GBP"}`},
	{"POST", "/me/context/attributes", `{"key":"k","value":1}`},
	{"DELETE", "/me/context/attributes/a", ""},
}

func TestAdmission_WhoMayNotSeeASessionChangesNothing(t *testing.T) {
	s := newShop(t)
	owner := s.bearer(claims{Session: "s1", Customer: "anna"})
	owner.do("PATCH", "/me/context", `{"currency":"CHF","context":{"a":1}}`).must(204)
	before := owner.do("GET", "/me/context", "").must(200).body

	token := claims{Tenant: "demoshop", Session: "s1", Customer: "anna"}.sign(t)
	parts := strings.Split(token, ".")
	m := jwt.MapClaims{"iss": issuer, "aud": audience, "exp": time.Now().Add(time.Hour).Unix(), "tenant": "demoshop", "sid": "s1", "sub": "anna"}
	none, err := jwt.NewWithClaims(jwt.SigningMethodNone, m).SignedString(jwt.UnsafeAllowNoneSignatureType)
	require.NoError(t, err)
	hs512, err := jwt.NewWithClaims(jwt.SigningMethodHS512, m).SignedString(key)
	require.NoError(t, err)
	other, err := jwt.NewWithClaims(jwt.SigningMethodHS256, m).SignedString([]byte(strings.Repeat("x", 32)))
	require.NoError(t, err)
	payload := base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"` + issuer + `","aud":"storefront","exp":9999999999,"tenant":"demoshop","sid":"s1","sub":"anna"}`))

	auth := func(value string) *client { return s.client("Authorization", value) }
	cases := []struct {
		desc string
		c    *client
		want int
	}{
		{"nobody", s.client(), 401},
		{"an empty token", auth("Bearer "), 401},
		{"no scheme", auth(token), 401},
		{"another scheme", auth("Basic " + token), 401},
		{"alg none", auth("Bearer " + none), 401},
		{"alg none, the signature of another", auth("Bearer " + none + parts[2]), 401},
		{"no signature", auth("Bearer " + parts[0] + "." + parts[1] + "."), 401},
		{"another payload", auth("Bearer " + parts[0] + "." + payload + "." + parts[2]), 401},
		{"another algorithm", auth("Bearer " + hs512), 401},
		{"another key", auth("Bearer " + other), 401},
		{"expired", s.bearer(claims{Session: "s1", Customer: "anna", Life: -time.Hour}), 401},
		{"another issuer", s.bearer(claims{Session: "s1", Customer: "anna", Issuer: "https://evil.example"}), 401},
		{"rubbish", auth("Bearer a.b.c"), 401},
		{"another tenant's token of the same session id", s.bearer(claims{Tenant: "othershop", Session: "s1", Customer: "anna"}), 403},
		{"a token without a session", s.bearer(claims{Customer: "anna"}), 403},
		{"a service", s.operator(), 403},
		{"an anonymous token of the session id", s.shopper("s1"), 404},
		{"another customer's token of the session id", s.bearer(claims{Session: "s1", Customer: "bob"}), 404},
		{"the session id as a cookie", s.client("Cookie", cookieName+"=s1"), 401},
		{"a bad token and a good cookie", s.browser(sessionPatch("CHF")).with("Authorization", "Bearer a.b.c"), 401},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			for _, r := range ownRequests {
				want := tc.want
				if r.method != "GET" && (tc.desc == "a token without a session" || tc.desc == "a service") {
					want = 401 // noSession
				}
				a := tc.c.do(r.method, r.path, r.body).must(want)
				for _, secret := range []string{"anna", "CHF", "AT"} {
					assert.NotContains(t, strings.ReplaceAll(a.body, "PATCH", ""), secret)
				}
				if tc.want == 401 {
					assert.Regexp(t, `^Bearer realm="session-context"(, error="invalid_token")?$`, a.Header.Get("WWW-Authenticate"))
				}
			}
			assert.Equal(t, before, owner.do("GET", "/me/context", "").body)
		})
	}
}

func TestAdmission_TenantInThePathIsThatOfTheCredentials(t *testing.T) {
	s := newShop(t, func(c *settings) { c.middleware.Tenant = middleware.Tenant("demoshop") })
	for _, c := range []*client{s.shopper("s1"), s.browser(sessionPatch("CHF")), s.bearer(claims{Tenant: "othershop", Session: "s1"})} {
		for _, r := range ownRequests {
			c.do(r.method, "/session-context/othershop"+r.path, r.body).must(403)
		}
	}
	for _, c := range []*client{s.operator(), s.bearer(claims{Tenant: "othershop", Scope: manage})} {
		c.do("GET", "/session-context/othershop/context/s1", "").must(403)
	}
	s.client().do("GET", "/session-context/othershop/me/context", "").must(401)
	s.client().do("GET", "/session-context/othershop/openapi.json", "").must(200)
}

func TestAdmission_TokenDecidesOverCookie(t *testing.T) {
	s := newShop(t)
	c := s.browser(sessionPatch("CHF")).with("Authorization", s.shopper("s1").header.Get("Authorization"))
	assert.Equal(t, "EUR", c.do("GET", "/me/context", "").context().Currency)
	c.do("PATCH", "/me/context", `{"currency":"GBP"}`).must(204)
	assert.Equal(t, "CHF", c.with("Authorization", "").do("GET", "/me/context", "").context().Currency)
	assert.Equal(t, "GBP", c.do("GET", "/me/context", "").context().Currency)
}

func TestThreat_CrossSiteWrite(t *testing.T) {
	trusting := http.NewCrossOriginProtection()
	require.NoError(t, trusting.AddTrustedOrigin("https://checkout.example"))
	cases := []struct {
		desc    string
		headers []string
		want    int // of a write by cookie
		trusted int // with the origin trusted
	}{
		{"neither header: no browser of these days", nil, 204, 204},
		{"the same origin", []string{"Sec-Fetch-Site", "same-origin"}, 204, 204},
		{"the shopper's own doing", []string{"Sec-Fetch-Site", "none"}, 204, 204},
		{"a neighbouring host", []string{"Sec-Fetch-Site", "same-site"}, 403, 403},
		{"another site", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, 403, 403},
		{"another origin, in an old browser", []string{"Origin", "https://evil.example"}, 403, 403},
		{"no origin, in an old browser", []string{"Origin", "null"}, 403, 403},
		{"the own origin, in an old browser", []string{"Origin", "https://shop.example"}, 204, 204},
		{"an origin that is trusted", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://checkout.example"}, 403, 204},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			for _, guard := range []*http.CrossOriginProtection{nil, trusting} {
				s := newShop(t, func(c *settings) { c.rest.CrossOrigin = guard })
				want := tc.want
				if guard != nil {
					want = tc.trusted
				}
				browser, token := s.browser(sessionPatch("CHF")).with(tc.headers...), s.shopper("s1").with(tc.headers...)
				for _, r := range ownRequests {
					written := want
					switch {
					case r.method == "GET":
						written = 200
					case r.method == "POST" && want == 204:
						written = 201
					}
					browser.do(r.method, r.path, r.body).must(written)
					if token.do(r.method, r.path, r.body).StatusCode >= 400 {
						t.Errorf("a bearer token is sent by nobody but the script: %s %s", r.method, r.path)
					}
				}
				currency := browser.do("GET", "/me/context", "").context().Currency
				assert.Equal(t, want == 204, currency == "GBP")
			}
		})
	}
	t.Run("a token that nobody reads makes no cookie better", func(t *testing.T) {
		s := newShop(t, func(c *settings) { c.middleware.Identify = nil })
		c := s.browser(sessionPatch("CHF")).with("Authorization", "Bearer x", "Sec-Fetch-Site", "cross-site")
		c.do("PATCH", "/me/context", `{"currency":"EUR"}`).must(403)
	})
	t.Run("a host's own login without a token is as good as a cookie", func(t *testing.T) {
		s := newShop(t, func(c *settings) {
			c.middleware.Identify = func(*http.Request) (sessionctx.Identity, error) {
				return sessionctx.Identity{Tenant: "demoshop", SessionID: "s1", CustomerID: "anna", Proof: sessionctx.Asserted}, nil
			}
		})
		c := s.client()
		c.do("PATCH", "/me/context", `{"currency":"CHF"}`).must(204)
		c.with("Sec-Fetch-Site", "cross-site").do("PATCH", "/me/context", `{"currency":"EUR"}`).must(403)
		c.with("Content-Type", "-").do("PATCH", "/me/context", `{"currency":"EUR"}`).must(415)
	})
}

func TestAdmission_BodyIsJSONAndSaysSo(t *testing.T) {
	s := newShop(t)
	cases := []struct {
		desc, contentType string
		byToken, byCookie int
	}{
		{"JSON", "application/json", 204, 204},
		{"JSON with a charset", "application/json; charset=utf-8", 204, 204},
		{"JSON with parameters", "Application/JSON;charset=UTF-8;x=\"y\"", 204, 204},
		{"JSON with a parameter that is broken", "application/json; charset", 204, 204},
		{"a merge patch", "application/merge-patch+json", 204, 204},
		{"a merge patch in other letters", "APPLICATION/Merge-Patch+JSON; a=b", 204, 204},
		{"nothing said", "-", 204, 415},
		{"a JSON patch", "application/json-patch+json", 415, 415},
		{"text", "text/plain", 415, 415},
		{"text that says JSON", "text/plain; application/json", 415, 415},
		{"text/json", "text/json", 415, 415},
		{"a form", "application/x-www-form-urlencoded", 415, 415},
		{"a form with files", "multipart/form-data; boundary=x", 415, 415},
		{"anything", "*/*", 415, 415},
		{"rubbish", ";;;", 415, 415},
	}
	token, browser, op := s.shopper("s1"), s.browser(sessionPatch("CHF")), s.operator()
	token.do("PATCH", "/me/context", `{"currency":"CHF"}`).must(204)
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			for c, want := range map[*client]int{token: tc.byToken, browser: tc.byCookie} {
				c = c.with("Content-Type", tc.contentType)
				a := c.do("PATCH", "/me/context", `{"context":{"k":1}}`).must(want)
				assert.Equal(t, want == 415, a.Header.Get("Accept-Patch") == "application/merge-patch+json, application/json")
				created := want
				if want == 204 {
					created = 201
				}
				c.do("POST", "/me/context/attributes", `{"key":"k","value":1}`).must(created)
				c.do("DELETE", "/me/context/attributes/k", "").must(204)
			}
			a := op.with("Content-Type", tc.contentType).do("PUT", "/context/s2?upsert=true", `{}`)
			assert.Equal(t, tc.byToken == 415, a.StatusCode == 415)
			assert.Equal(t, tc.byToken == 415, a.Header.Get("Accept") != "")
			assert.Empty(t, a.Header.Get("Accept-Patch"), "there is no PATCH here")
			op.with("Content-Type", tc.contentType).do("POST", "/context/s1/attributes", `{"key":"k","value":1}`).must(tc.byToken)
		})
	}
}

func TestAdmission_CookieThatNamesNothingIsNoSession(t *testing.T) {
	s := newShop(t)
	ended := s.browser(sessionPatch("CHF"))
	id := sessionctx.Identity{Tenant: "demoshop", SessionID: ended.header.Get("Cookie")[len(cookieName)+1:], Proof: sessionctx.BySecret}
	require.NoError(t, s.resolver.End(t.Context(), sessionctx.Request{Identity: id}))
	unknown := s.client("Cookie", cookieName+"="+strings.Repeat("A", 43))
	for _, c := range []*client{ended, unknown} {
		c.do("GET", "/me/context", "").must(404)
		c.do("GET", "/me/context?explain=true", "").must(404)
	}
	for _, r := range ownRequests[2:] {
		a := ended.do(r.method, r.path, r.body).must(404)
		assert.Empty(t, a.Header["Set-Cookie"], "the browser may have a newer one")
	}
	unknown.do("DELETE", "/me/context/attributes/a", "").must(404)
	unknown.do("PATCH", "/me/context", `{}`).must(404)
	unknown.with("If-Match", "*").do("PATCH", "/me/context", `{"currency":"GBP"}`).must(412)

	a := unknown.do("PATCH", "/me/context", `{"currency":"GBP"}`).must(204)
	require.Len(t, a.Cookies(), 1, "a new session, under an id that nobody could have planted")
	cookie := a.Cookies()[0]
	assert.Equal(t, cookieName, cookie.Name)
	assert.NotEqual(t, strings.Repeat("A", 43), cookie.Value)
	assert.True(t, cookie.HttpOnly && cookie.Secure)
	assert.Equal(t, "GBP", s.client("Cookie", cookieName+"="+cookie.Value).do("GET", "/me/context", "").context().Currency)
	unknown.do("GET", "/me/context", "").must(404)
}

func TestNew_NamesEveryMistake(t *testing.T) {
	mistakes := func(cfg rest.Config) map[string]string { // by field
		h, err := rest.New(cfg)
		require.Nil(t, h)
		found := make(map[string]string)
		for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
			var mistake *sessionctx.ConfigError
			require.ErrorAs(t, err, &mistake)
			found[strings.TrimPrefix(mistake.Field, "rest.Config.")] = mistake.Value + " " + mistake.Rule
		}
		return found
	}
	want := map[string]string{"Resolver": " is required", "Middleware": " is required"}
	assert.Equal(t, want, mistakes(rest.Config{}))
	for value, cfg := range map[string]rest.Config{
		"MaxBody -1":       {MaxBody: -1},
		"MaxBody 16777217": {MaxBody: 16<<20 + 1},
		"MaxDepth 2":       {MaxDepth: 2},
		"MaxDepth 1001":    {MaxDepth: 1001},
		"MaxDepth -1":      {MaxDepth: -1},
	} {
		field, value, _ := strings.Cut(value, " ")
		rule := map[string]string{"MaxBody": "must be 1 byte to 16 MiB (16777216)", "MaxDepth": "must be 3 to 1000"}[field]
		found := mistakes(cfg)
		assert.Equal(t, value+" "+rule, found[field])
		assert.Len(t, found, 3)
	}
}
