package tokens_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults/sitefile"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

const manage = "sessioncontext.context_manage"

func TestService_GetsItsScopes(t *testing.T) {
	s := newShop(t)
	for _, tc := range []struct{ desc, client, scope, want string }{
		{"all of them without being asked", "backoffice", "", manage},
		{"those that it asks for", "backoffice", manage, manage},
		{"once, however often it asks", "backoffice", manage + " " + manage, manage},
		{"all of them when it only says where, as clients do", "backoffice", "tenant=demoshop", manage},
		{"those that it asks for beside that", "reports", "tenant=demoshop order.order_read", "order.order_read"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			a := s.ok(s.token("grant_type", "client_credentials", "tenant", "demoshop", "client_id", tc.client, "client_secret", secret, "scope", tc.scope))
			assert.Equal(t, []string{"access_token", "expires_in", "scope", "token_type"}, a.names())
			assert.Equal(t, "Bearer", a.text("token_type"))
			assert.EqualValues(t, 3600, a.json["expires_in"])
			assert.Equal(t, tc.want, a.text("scope"))

			r := withBearer(httptest.NewRequest(http.MethodGet, "/", nil), a.text("access_token"))
			c, err := s.issuer.Verifier().Verify(r)
			require.NoError(t, err)
			assert.Equal(t, tc.want, c.Scopes)
			assert.Equal(t, tc.want == manage, c.HasScope(manage))
			id, err := s.issuer.Verifier().Identify(r)
			require.NoError(t, err)
			assert.Equal(t, sessionctx.Identity{Tenant: "demoshop", Proof: sessionctx.Asserted}, id, "a service is no customer")
		})
	}
}

func TestService_GetsTheSubsetThatItAsksFor(t *testing.T) {
	files, err := sitefile.FromFS(withClients(t, `[{"clientId": "erp", "secretHash": %q, "scopes": ["a", "b", "c"]}, {"clientId": "idle", "secretHash": %q}, {"clientId": "app", "public": true, "secretHash": %q, "scopes": ["a"]}]`))
	require.NoError(t, err)
	s := newShopOf(t, files, &memstore.Store{})
	token := func(client, scope string) answer {
		return s.token("grant_type", "client_credentials", "tenant", "demoshop", "client_id", client, "client_secret", secret, "scope", scope)
	}
	assert.Equal(t, "a b c", s.ok(token("erp", "")).text("scope"))
	assert.Equal(t, "c a", s.ok(token("erp", "c a")).text("scope"))
	assert.Empty(t, s.ok(token("idle", "")).text("scope"))
	assert.Equal(t, "invalid_scope", token("erp", "a d").text("error"))
	assert.Equal(t, "invalid_scope", token("idle", "a").text("error"))
	assert.Equal(t, "invalid_client", token("app", "a").text("error"), "a secret that everybody has")
}

// withClients are the sample shops with other clients of the demo shop; each %q stands for the hash
// of the secret.
func withClients(t *testing.T, clients string) fstest.MapFS {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, file := range cheapHashes().(fstest.MapFS) {
		fsys[name] = file
	}
	_, hash, _ := strings.Cut(string(fsys["demoshop/clients.json"].Data), `"secretHash": `)
	hash, _, _ = strings.Cut(hash, ",")
	fsys["demoshop/clients.json"] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(clients, "%q", hash))}
	return fsys
}

func TestService_AuthenticatesInItsHeaderToo(t *testing.T) {
	s := newShop(t)
	request := func(user, password, body string) *http.Request {
		r := formRequest("grant_type=client_credentials&tenant=demoshop" + body)
		r.SetBasicAuth(user, password)
		return r
	}
	s.ok(s.do(request("backoffice", secret, "")))
	s.ok(s.do(request("back%6Fffice", "service%2Dsecret-3", "&client_id=backoffice")))
	for _, tc := range []struct {
		desc, user, password, body, want string
		status                           int
	}{
		{"a wrong secret", "backoffice", "wrong", "", "invalid_client", 401},
		{"in both ways", "backoffice", secret, "&client_secret=" + secret, "invalid_request", 400},
		{"for another client", "backoffice", secret, "&client_id=reports", "invalid_request", 400},
		{"badly encoded", "%zz", secret, "", "invalid_request", 400},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			a := s.do(request(tc.user, tc.password, tc.body))
			assert.Equal(t, tc.status, a.StatusCode)
			assert.Equal(t, tc.want, a.text("error"))
		})
	}
	for _, mediaType := range []string{"application/x-www-form-urlencoded; charset=UTF-8", "APPLICATION/X-WWW-FORM-URLENCODED", "application/x-www-form-urlencoded;"} {
		r := request("backoffice", secret, "")
		r.Header.Set("Content-Type", mediaType)
		s.ok(s.do(r))
	}
	bearing := formRequest("grant_type=client_credentials&tenant=demoshop&client_id=backoffice&client_secret=" + secret)
	s.ok(s.do(withBearer(bearing, "whatever")))
}

func TestService_IsRefusedAsTheRFCSays(t *testing.T) {
	s := newShop(t)
	s.issuer.OnCompare(func(_, given []byte) error {
		if string(given) == secret {
			return nil
		}
		return errWrong
	})
	const good = "grant_type=client_credentials&tenant=demoshop&client_id=backoffice&client_secret=" + secret
	for _, tc := range []struct {
		desc, body string
		status     int
		want       string
	}{
		{"nothing", "", 400, "invalid_request"},
		{"no grant", "tenant=demoshop&client_id=backoffice&client_secret=" + secret, 400, "invalid_request"},
		{"another grant", strings.Replace(good, "client_credentials", "password", 1), 400, "unsupported_grant_type"},
		{"a malformed tenant", strings.Replace(good, "demoshop", "Demo", 1), 400, "invalid_request"},
		{"an unknown tenant", strings.Replace(good, "demoshop", "nobody", 1), 401, "invalid_client"},
		{"an unknown client", strings.Replace(good, "backoffice", "nobody", 1), 401, "invalid_client"},
		{"no client", strings.Replace(good, "client_id=backoffice&", "", 1), 401, "invalid_client"},
		{"a wrong secret", good + "x", 401, "invalid_client"},
		{"no secret", strings.Replace(good, "&client_secret="+secret, "", 1), 401, "invalid_client"},
		{"a public client", strings.Replace(good, "backoffice", "storefront", 1), 401, "invalid_client"},
		{"a public client without a secret", "grant_type=client_credentials&tenant=demoshop&client_id=storefront", 401, "invalid_client"},
		{"a scope that the client does not have", good + "&scope=order.order_read", 400, "invalid_scope"},
		{"one of two", good + "&scope=" + manage + "+order.order_read", 400, "invalid_scope"},
		{"a scope in other letter case", good + "&scope=" + strings.ToUpper(manage), 400, "invalid_scope"},
		{"a prefix of a scope", good + "&scope=sessioncontext", 400, "invalid_scope"},
		{"a malformed scope", good + "&scope=" + manage + "++" + manage, 400, "invalid_scope"},
		{"a scope hidden behind a tab", good + "&scope=" + manage + "%09order.order_read", 400, "invalid_scope"},
		{"another tenant in the scope", good + "&scope=tenant%3Dothershop", 400, "invalid_scope"},
		{"a repeated parameter", good + "&client_id=reports", 400, "invalid_request"},
		{"a bad escape", good + "&x=%", 400, "invalid_request"},
		{"too much", good + "&x=" + strings.Repeat("x", 8<<10), 400, "invalid_request"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			a := s.do(formRequest(tc.body))
			assert.Equal(t, tc.status, a.StatusCode, a.body)
			assert.Equal(t, tc.want, a.text("error"))
			assert.Equal(t, []string{"error", "error_description"}, a.names())
		})
	}
	r := formRequest(`{"grant_type": "client_credentials"}`)
	r.Header.Set("Content-Type", "application/json")
	assert.Equal(t, "invalid_request", s.do(r).text("error"))

	r = formRequest("")
	r.URL.RawQuery = good
	assert.Equal(t, "invalid_request", s.do(r).text("error"), "secrets in a query do not count")
}

func TestService_NamesItsTenantInTheScopeAlone(t *testing.T) {
	s := newShop(t)
	a := s.ok(s.token("grant_type", "client_credentials", "client_id", "backoffice", "client_secret", secret, "scope", "tenant=othershop "+manage))
	c, err := s.issuer.Verifier().VerifyToken(a.text("access_token"))
	require.NoError(t, err)
	assert.Equal(t, "othershop", c.Identity.Tenant)
	assert.Equal(t, manage, a.text("scope"))
}

func TestService_IsNotToldWhatItLacks(t *testing.T) {
	s := newShop(t)
	wrong := s.token("grant_type", "client_credentials", "tenant", "demoshop", "client_id", "backoffice", "client_secret", "wrong")
	for desc, other := range map[string]answer{
		"unknown": s.token("grant_type", "client_credentials", "tenant", "demoshop", "client_id", "nobody", "client_secret", "wrong"),
		"public":  s.token("grant_type", "client_credentials", "tenant", "demoshop", "client_id", "storefront", "client_secret", "wrong"),
	} {
		assert.Equal(t, wrong.body, other.body, desc)
		assert.Equal(t, wrong.Header, other.Header, desc)
	}
}

func TestServiceToken_TheClientSaysTheTenant(t *testing.T) {
	files, err := sitefile.FromFS(withClients(t, `[{"clientId": "erp", "secretHash": %q, "scopes": ["a"]}, {"clientId": "backoffice", "secretHash": %q, "scopes": ["b"]}]`))
	require.NoError(t, err)
	s := newShopOf(t, files, &memstore.Store{})
	for _, tc := range []struct{ desc, client, secret, query, scope, want string }{
		{"a client of one tenant", "erp", secret, "", "", "demoshop a"},
		{"a client of one tenant that asks for a scope", "erp", secret, "", "a", "demoshop a"},
		{"a client of the second tenant", "reports", secret, "", "", "othershop order.order_read"},
		{"a client of two tenants: the first by name", "backoffice", secret, "", "", "demoshop b"},
		{"a client of two tenants that says which", "backoffice", secret, "tenant=othershop", "", "othershop " + manage},
		{"the same by the old name", "backoffice", secret, "hybris-tenant=othershop", "", "othershop " + manage},
		{"both names", "backoffice", secret, "hybris-tenant=othershop&tenant=othershop", "", "othershop " + manage},
		{"both names, two tenants", "backoffice", secret, "hybris-tenant=othershop&tenant=demoshop", "", "invalid_request"},
		{"the old name and another tenant in the scope", "backoffice", secret, "hybris-tenant=othershop", "tenant=demoshop", "invalid_scope"},
		{"a tenant without a value", "erp", secret, "tenant=", "", "demoshop a"},
		{"a tenant without a value in the scope", "erp", secret, "", "tenant=", "demoshop a"},
		{"a tenant of which it is no client", "erp", secret, "tenant=othershop", "", "invalid_client"},
		{"the same in the scope", "backoffice", secret, "", "tenant=othershop", "othershop " + manage},
		{"a wrong secret", "erp", "x", "", "", "invalid_client"},
		{"a client that nobody knows", "nosuch", secret, "", "", "invalid_client"},
		{"no client", "", secret, "", "", "invalid_client"},
		{"a malformed tenant", "erp", secret, "tenant=X", "", "invalid_request"},
		{"the name of a client in capitals", "ERP", secret, "", "", "invalid_client"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			a := s.do(formRequest(url.Values{
				"grant_type": {"client_credentials"}, "client_id": {tc.client}, "client_secret": {tc.secret}, "scope": {tc.scope},
			}.Encode() + "&" + tc.query))
			if a.StatusCode != http.StatusOK {
				assert.Equal(t, tc.want, a.text("error"))
				return
			}
			c, err := s.issuer.Verifier().VerifyToken(a.text("access_token"))
			require.NoError(t, err)
			assert.Equal(t, tc.want, c.Identity.Tenant+" "+c.Scopes)
		})
	}
}

func TestEndpoints_RefuseACompressedBody(t *testing.T) {
	s := newShop(t)
	for path, contentType := range map[string]string{"/oauth/token": "application/x-www-form-urlencoded", "/customer/demoshop/login": "application/json"} {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader("x"))
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Content-Encoding", "br")
		a := s.do(r)
		if path != "/oauth/token" { // RFC 6749, section 5.2, knows 400 alone
			assert.Equal(t, http.StatusUnsupportedMediaType, a.StatusCode)
			assert.Equal(t, "identity", a.Header.Get("Accept-Encoding"))
		} else {
			assert.Equal(t, "invalid_request", a.text("error"))
		}
	}
}
