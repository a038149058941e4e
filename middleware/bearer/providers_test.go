package bearer_test

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/middleware/bearer"
)

// provider is a Config for the tokens of an identity provider, as docs/tokens.md has it, and one of
// its tokens.
type provider struct {
	desc   string
	cfg    bearer.Config
	typ    any // nil: the header has none
	claims string

	wantCustomer, wantSession, wantScopes string
}

// without returns a Check that deletes the customer claim of tokens that the condition holds for.
func without(claim string, condition func(map[string]any) bool) func(map[string]any) error {
	return func(c map[string]any) error {
		if condition(c) {
			delete(c, claim)
		}
		return nil
	}
}

func tokenUse(want string) func(map[string]any) error {
	return func(c map[string]any) error {
		if c["token_use"] != want {
			return errors.New("token_use is not " + want)
		}
		return nil
	}
}

// slas takes the ids of Salesforce's tokens out of the claims that hold several ids.
func slas(c map[string]any) error {
	parts := map[string]string{}
	for _, claim := range []string{"sub", "isb"} {
		text, _ := c[claim].(string)
		for part := range strings.SplitSeq(text, "::") {
			if name, value, ok := strings.Cut(part, ":"); ok {
				parts[name] = value
			}
		}
	}
	c["usid"] = parts["usid"]
	if id, registered := parts["rcid"]; registered && parts["upn"] != "Guest" {
		c["rcid"] = id
	}
	if agent, ok := parts["agent"]; ok {
		c["act"] = map[string]any{"sub": agent}
	}
	return nil
}

func providers() []provider {
	var (
		auth0 = bearer.Config{
			Issuer: "https://shop.eu.auth0.com/", Audience: "https://shop.example/api",
			Check: without("sub", func(c map[string]any) bool { return c["gty"] == "client-credentials" }),
		}
		okta = bearer.Config{
			Issuer: "https://shop.okta.com/oauth2/default", Audience: "api://default",
			CustomerClaim: "uid", ScopesClaim: "scp",
		}
		isApp   = func(c map[string]any) bool { return c["idtyp"] == "app" }
		entraV1 = bearer.Config{
			Issuer:   "https://sts.windows.net/aaaabbbb-0000-cccc-1111-dddd2222eeee/",
			Audience: "api://11112222-bbbb-3333-cccc-4444dddd5555", CustomerClaim: "oid", ScopesClaim: "scp", Check: without("oid", isApp),
		}
		entraV2 = bearer.Config{
			Issuer:   "https://login.microsoftonline.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/v2.0",
			Audience: "11112222-bbbb-3333-cccc-4444dddd5555", CustomerClaim: "oid", ScopesClaim: "scp", Check: without("oid", isApp),
		}
		cognitoAccess = bearer.Config{
			Issuer:   "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_ABC123",
			Audience: "7tgb5c3v1q9o2m8k4e6i0u2y4t", AudienceClaim: "client_id", Check: tokenUse("access"),
		}
		cognitoID = bearer.Config{
			Issuer:   "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_ABC123",
			Audience: "7tgb5c3v1q9o2m8k4e6i0u2y4t", Check: tokenUse("id"),
		}
		keycloak = bearer.Config{
			Issuer: "https://id.example/realms/shop", Audience: "storefront",
			Check: func(c map[string]any) error {
				if c["typ"] != "Bearer" {
					return errors.New("typ is not Bearer")
				}
				if name, _ := c["preferred_username"].(string); strings.HasPrefix(name, "service-account-") {
					delete(c, "sub")
				}
				return nil
			},
		}
		firebase = bearer.Config{
			Issuer: "https://securetoken.google.com/shop-4711", Audience: "shop-4711",
			Check: without("sub", func(c map[string]any) bool {
				f, _ := c["firebase"].(map[string]any)
				return f["sign_in_provider"] == "anonymous"
			}),
		}
		google = bearer.Config{
			Issuer: "https://accounts.google.com", IssuerAliases: []string{"accounts.google.com"},
			Audience: "407408718192.apps.googleusercontent.com",
		}
		salesforce = bearer.Config{
			Issuer: "slas/prod/zzrf_001", Audience: "commercecloud/prod/zzrf_001",
			SessionClaim: "usid", CustomerClaim: "rcid", ScopesClaim: "scp", Check: slas,
		}
		service = bearer.Config{Issuer: "storefront-example", Audience: "storefront"}
	)
	keycloakByClient := keycloak
	keycloakByClient.AudienceClaim = "azp"
	keycloakByCookie := keycloak
	keycloakByCookie.SessionClaim = "-"
	auth0AccessOnly := auth0
	auth0AccessOnly.Type = "at+jwt"
	all := []provider{
		{"Auth0", auth0, "JWT", `{"iss":"https://shop.eu.auth0.com/","sub":"auth0|6553da60a54af58e29493993",
			"aud":["https://shop.example/api","https://shop.eu.auth0.com/userinfo"],"azp":"K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja","scope":"openid profile read:orders"}`,
			"auth0|6553da60a54af58e29493993", "", "openid profile read:orders"},
		{"Auth0, profile of RFC 9068", auth0AccessOnly, "at+jwt", `{"iss":"https://shop.eu.auth0.com/","sub":"auth0|6553da60a54af58e29493993",
			"aud":"https://shop.example/api","client_id":"K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja","jti":"SfA1m9","scope":"read:orders"}`,
			"auth0|6553da60a54af58e29493993", "", "read:orders"},
		{"Auth0, a client's", auth0, "JWT", `{"iss":"https://shop.eu.auth0.com/","sub":"K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja@clients",
			"aud":"https://shop.example/api","azp":"K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja","gty":"client-credentials","scope":"sync"}`,
			"", "", "sync"},
		{"Okta", okta, nil, `{"ver":1,"jti":"AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE","iss":"https://shop.okta.com/oauth2/default",
			"aud":"api://default","cid":"0oabv6kx4qq6h1U5l0h7","uid":"00ujmkLgagxeRrAg20g3","scp":["openid","orders"],"auth_time":1792000000,"sub":"anna@shop.example"}`,
			"00ujmkLgagxeRrAg20g3", "", "openid orders"},
		{"Okta, a client's", okta, nil, `{"ver":1,"jti":"AT.1","iss":"https://shop.okta.com/oauth2/default","aud":"api://default",
			"cid":"0oabv6kx4qq6h1U5l0h7","scp":["sync"],"sub":"0oabv6kx4qq6h1U5l0h7"}`,
			"", "", "sync"},
		{"Entra ID, version 1", entraV1, "JWT", `{"aud":"api://11112222-bbbb-3333-cccc-4444dddd5555","iss":"https://sts.windows.net/aaaabbbb-0000-cccc-1111-dddd2222eeee/",
			"acr":"1","appid":"00001111-aaaa-2222-bbbb-3333cccc4444","appidacr":"0","oid":"aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb","scp":"Shop.Read","sub":"l3_roISQU222bULS9yi2k0XpqpOiMz5H3ZACo1GeXA",
			"tid":"aaaabbbb-0000-cccc-1111-dddd2222eeee","upn":"anna@shop.example","ver":"1.0"}`,
			"aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb", "", "Shop.Read"},
		{"Entra ID, version 2", entraV2, "JWT", `{"aud":"11112222-bbbb-3333-cccc-4444dddd5555","iss":"https://login.microsoftonline.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/v2.0",
			"azp":"00001111-aaaa-2222-bbbb-3333cccc4444","azpacr":"0","oid":"aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb","scp":"Shop.Read","sub":"HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
			"tid":"aaaabbbb-0000-cccc-1111-dddd2222eeee","ver":"2.0"}`,
			"aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb", "", "Shop.Read"},
		{"Entra ID, an application's", entraV2, "JWT", `{"aud":"11112222-bbbb-3333-cccc-4444dddd5555","iss":"https://login.microsoftonline.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/v2.0",
			"azp":"00001111-aaaa-2222-bbbb-3333cccc4444","idtyp":"app","oid":"cccccccc-0000-1111-2222-dddddddddddd","roles":["Sync"],"sub":"cccccccc-0000-1111-2222-dddddddddddd","ver":"2.0"}`,
			"", "", ""},
		{"Cognito, access token", cognitoAccess, nil, `{"sub":"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee","cognito:groups":["shoppers"],"iss":"https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_ABC123",
			"client_id":"7tgb5c3v1q9o2m8k4e6i0u2y4t","origin_jti":"b1","event_id":"c1","token_use":"access","scope":"openid profile","auth_time":1792000000,"jti":"d1","username":"anna"}`,
			"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "", "openid profile"},
		{"Cognito, access token of a client", cognitoAccess, nil, `{"sub":"7tgb5c3v1q9o2m8k4e6i0u2y4t","token_use":"access","scope":"shop/sync","iss":"https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_ABC123",
			"version":2,"jti":"e1","client_id":"7tgb5c3v1q9o2m8k4e6i0u2y4t"}`,
			"", "", "shop/sync"},
		{"Cognito, ID token", cognitoID, nil, `{"sub":"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee","email_verified":true,"iss":"https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_ABC123",
			"cognito:username":"anna","origin_jti":"b1","aud":"7tgb5c3v1q9o2m8k4e6i0u2y4t","token_use":"id","auth_time":1792000000,"email":"anna@shop.example"}`,
			"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "", ""},
		{"Keycloak", keycloak, "JWT", keycloakClaims, "f8b2a2a5-4f0a-4f3a-9d0e-0d6c7f7d7b11", "3c1a9a2e-7d55-4b0f-8a77-9a4ad2f5d1c2", "openid profile email"},
		{"Keycloak, without an audience mapper", keycloakByClient, "JWT", keycloakClaims, "f8b2a2a5-4f0a-4f3a-9d0e-0d6c7f7d7b11", "3c1a9a2e-7d55-4b0f-8a77-9a4ad2f5d1c2", "openid profile email"},
		{"Keycloak, the session by cookie", keycloakByCookie, "JWT", keycloakClaims, "f8b2a2a5-4f0a-4f3a-9d0e-0d6c7f7d7b11", "", "openid profile email"},
		{"Keycloak, a service account's", keycloak, "JWT", `{"iss":"https://id.example/realms/shop","aud":"storefront","sub":"1d1ba4a8-6a33-4a33-8b0f-5c7f5c0a7a55","typ":"Bearer","azp":"sync",
			"scope":"profile email","clientHost":"192.0.2.7","preferred_username":"service-account-sync","client_id":"sync"}`,
			"", "", "profile email"},
		{"Firebase", firebase, "JWT", `{"iss":"https://securetoken.google.com/shop-4711","aud":"shop-4711","auth_time":1792000000,"user_id":"Zk3pV0nX1yR8qT5wL2mB7cD9eF42","sub":"Zk3pV0nX1yR8qT5wL2mB7cD9eF42",
			"email":"anna@shop.example","firebase":{"identities":{"email":["anna@shop.example"]},"sign_in_provider":"password"}}`,
			"Zk3pV0nX1yR8qT5wL2mB7cD9eF42", "", ""},
		{"Firebase, anonymous", firebase, "JWT", `{"provider_id":"anonymous","iss":"https://securetoken.google.com/shop-4711","aud":"shop-4711","user_id":"a1B2c3","sub":"a1B2c3",
			"firebase":{"identities":{},"sign_in_provider":"anonymous"}}`,
			"", "", ""},
		{"Google", google, "JWT", `{"iss":"https://accounts.google.com","azp":"407408718192.apps.googleusercontent.com","aud":"407408718192.apps.googleusercontent.com",
			"sub":"110169484474386276334","email":"anna@gmail.com","email_verified":true,"at_hash":"HK6E_P6Dh8Y93mRNtsDB1Q","nonce":"n"}`,
			"110169484474386276334", "", ""},
		{"Google, its other name", google, "JWT", `{"iss":"accounts.google.com","azp":"407408718192.apps.googleusercontent.com","aud":"407408718192.apps.googleusercontent.com","sub":"110169484474386276334"}`,
			"110169484474386276334", "", ""},
		{"Salesforce SLAS, registered", salesforce, "jwt", `{"aut":"GUID","scp":"sfcc.shopper-baskets-orders.rw","sub":"cc-slas::zzrf_001::scid:c9c45bfd-0ed3-4aa2-9971-40f88962b836::usid:02ccab32-d01e-4abc-809a-a457fa0512c2",
			"ctx":"slas","iss":"slas/prod/zzrf_001","ist":1,"aud":"commercecloud/prod/zzrf_001","sty":"User","isb":"uido:ecom::upn:anna@shop.example::uidn:Anna Muster::gcid:bcmHk0mXhHkHgRmr::rcid:ab2xVHmXhIkHhRkb::chid:RefArch"}`,
			"ab2xVHmXhIkHhRkb", "02ccab32-d01e-4abc-809a-a457fa0512c2", "sfcc.shopper-baskets-orders.rw"},
		{"Salesforce SLAS, guest", salesforce, "jwt", `{"aut":"GUID","scp":"sfcc.shopper-baskets-orders.rw","sub":"cc-slas::zzrf_001::scid:c9c45bfd-0ed3-4aa2-9971-40f88962b836::usid:b4865233-de92-4039-b9c1-aa2dfc8c1ea5",
			"ctx":"slas","iss":"slas/prod/zzrf_001","ist":1,"aud":"commercecloud/prod/zzrf_001","sty":"User","isb":"uido:slas::upn:Guest::uidn:Guest User::gcid:bckbhXmbdJwKwRlH::chid:RefArch"}`,
			"", "b4865233-de92-4039-b9c1-aa2dfc8c1ea5", "sfcc.shopper-baskets-orders.rw"},
		{"the service itself, as the example issues it", service, "JWT", `{"iss":"storefront-example","aud":["storefront"],"tenant":"demoshop","sid":"62528895-b561-4518-bfdc-000000000001","sub":"C00000001","scope":"tenant=demoshop","jti":"x"}`,
			"C00000001", "62528895-b561-4518-bfdc-000000000001", "tenant=demoshop"},
		{"the service itself, anonymous", service, "JWT", `{"iss":"storefront-example","aud":["storefront"],"tenant":"demoshop","sid":"62528895-b561-4518-bfdc-000000000001","scope":"tenant=demoshop","jti":"x"}`,
			"", "62528895-b561-4518-bfdc-000000000001", "tenant=demoshop"},
	}
	for i := range all {
		p := &all[i]
		if p.cfg.Issuer != service.Issuer {
			p.cfg.Tenant = "demoshop"
		}
		p.cfg.Keys = []bearer.Key{{ID: "rsa", Algorithm: "RS256", Key: &issuer().rsa.PublicKey}}
		if p.cfg.Issuer == salesforce.Issuer {
			p.cfg.Keys = []bearer.Key{{ID: "ec", Algorithm: "ES256", Key: &issuer().ecdsa.PublicKey}}
		}
	}
	return all
}

const keycloakClaims = `{"iss":"https://id.example/realms/shop","aud":["storefront","account"],"sub":"f8b2a2a5-4f0a-4f3a-9d0e-0d6c7f7d7b11","typ":"Bearer","azp":"storefront",
	"sid":"3c1a9a2e-7d55-4b0f-8a77-9a4ad2f5d1c2","acr":"1","realm_access":{"roles":["offline_access"]},"scope":"openid profile email","preferred_username":"anna"}`

// token signs the provider's token, with some claims changed; a nil removes one.
func (p *provider) token(t *testing.T, header map[string]any, changed jwt.MapClaims) string {
	t.Helper()
	if p.cfg.Keys[0].Algorithm == "ES256" {
		return p.sign(t, jwt.SigningMethodES256, issuer().ecdsa, header, changed)
	}
	return p.sign(t, jwt.SigningMethodRS256, issuer().rsa, header, changed)
}

func (p *provider) sign(t *testing.T, method jwt.SigningMethod, key any, header map[string]any, changed jwt.MapClaims) string {
	t.Helper()
	now := time.Now()
	c := jwt.MapClaims{"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix()}
	require.NoError(t, json.Unmarshal([]byte(p.claims), &c))
	maps.Copy(c, changed)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	token := jwt.NewWithClaims(method, c)
	token.Header["kid"] = p.cfg.Keys[0].ID
	token.Header["typ"] = p.typ
	maps.Copy(token.Header, header)
	maps.DeleteFunc(token.Header, func(_ string, v any) bool { return v == nil })
	signed, err := token.SignedString(key)
	require.NoError(t, err)
	return signed
}

func TestProviders_TokenSaysCustomerAndSession(t *testing.T) {
	for _, p := range providers() {
		t.Run(p.desc, func(t *testing.T) {
			v, err := bearer.New(p.cfg)
			require.NoError(t, err)
			r := bearing(p.token(t, nil, nil))
			for _, again := range []string{"verified", "cached"} {
				customer, err := v.Customer(middleware.Tenant("demoshop"))(r)
				require.NoError(t, err, again)
				assert.Equal(t, p.wantCustomer, customer, again)
				id, err := v.Identify(r)
				require.NoError(t, err, again)
				assert.Equal(t, "demoshop", id.Tenant, again)
				assert.Equal(t, p.wantSession, id.SessionID, again)
				if p.wantSession == "" {
					assert.Empty(t, id.CustomerID, again)
				} else {
					assert.Equal(t, p.wantCustomer, id.CustomerID, again)
				}
				_, scopes, err := v.Scopes(r)
				require.NoError(t, err, again)
				assert.Equal(t, p.wantScopes, scopes, again)
			}
		})
	}
}

func TestProviders_RefuseWhatIsNotTheirs(t *testing.T) {
	for _, p := range providers() {
		audience := "aud"
		if p.cfg.AudienceClaim != "" {
			audience = p.cfg.AudienceClaim
		}
		key := p.cfg.Keys[0].Key
		cases := []struct {
			desc, reason string
			token        string
		}{
			{"another audience", "another audience", p.token(t, nil, jwt.MapClaims{audience: "backoffice"})},
			{"no audience", "another audience", p.token(t, nil, jwt.MapClaims{audience: nil})},
			{"a longer audience", "another audience", p.token(t, nil, jwt.MapClaims{audience: p.cfg.Audience + "/"})},
			{"expired", "has expired", p.token(t, nil, jwt.MapClaims{"exp": time.Now().Add(-time.Minute).Unix()})},
			{"no expiry", "does not say when", p.token(t, nil, jwt.MapClaims{"exp": nil})},
			{"an expiry that is no number", "malformed", p.token(t, nil, jwt.MapClaims{"exp": "1792000000"})},
			{"another issuer", "another issuer", p.token(t, nil, jwt.MapClaims{"iss": "https://evil.example"})},
			{"a longer issuer", "another issuer", p.token(t, nil, jwt.MapClaims{"iss": p.cfg.Issuer + "x"})},
			{"no issuer", "another issuer", p.token(t, nil, jwt.MapClaims{"iss": nil})},
			{"alg none", "algorithm or signature", p.sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, nil)},
			{"HS256 with the public key", "not known for its algorithm", p.sign(t, jwt.SigningMethodHS256, der(t, key), nil, nil)},
			{"a refresh token's typ", "another type", p.token(t, map[string]any{"typ": "refresh+jwt"}, nil)},
			{"a kid that is no text", "a kid that is no text", p.token(t, map[string]any{"kid": 7}, nil)},
		}
		v, err := bearer.New(p.cfg)
		require.NoError(t, err)
		for _, tc := range cases {
			t.Run(p.desc+"/"+tc.desc, func(t *testing.T) {
				r := bearing(tc.token)
				c, err := v.Verify(r)
				require.ErrorIs(t, err, middleware.ErrUnauthenticated)
				assert.ErrorContains(t, err, tc.reason)
				assert.Zero(t, c)
				customer, err := v.Customer(middleware.Tenant("demoshop"))(r)
				require.ErrorIs(t, err, middleware.ErrUnauthenticated)
				assert.Empty(t, customer)
			})
		}
	}
}

func TestProviders_CheckTellsTokensOfOneIssuerApart(t *testing.T) {
	all := providers()
	named := func(desc string) *provider {
		i := slices.IndexFunc(all, func(p provider) bool { return p.desc == desc })
		require.GreaterOrEqual(t, i, 0, desc)
		return &all[i]
	}
	cases := []struct {
		desc, cfg, token string
		changed          jwt.MapClaims
		reason           string
	}{
		{"an ID token as an access token, by its audience", "Cognito, access token", "Cognito, ID token", nil, "another audience"},
		{"an ID token as an access token, by token_use", "Cognito, access token", "Cognito, ID token",
			jwt.MapClaims{"client_id": "7tgb5c3v1q9o2m8k4e6i0u2y4t"}, "token_use is not access"},
		{"an access token as an ID token, by its audience", "Cognito, ID token", "Cognito, access token", nil, "another audience"},
		{"an access token as an ID token, by token_use", "Cognito, ID token", "Cognito, access token",
			jwt.MapClaims{"aud": "7tgb5c3v1q9o2m8k4e6i0u2y4t"}, "token_use is not id"},
		{"a refresh token", "Keycloak", "Keycloak", jwt.MapClaims{"typ": "Refresh"}, "typ is not Bearer"},
		{"an ID token", "Keycloak", "Keycloak", jwt.MapClaims{"typ": "ID"}, "typ is not Bearer"},
		{"a token without typ, where at+jwt is wanted", "Auth0, profile of RFC 9068", "Okta",
			jwt.MapClaims{"iss": "https://shop.eu.auth0.com/", "aud": "https://shop.example/api"}, "another type"},
		{"an ID token, where at+jwt is wanted", "Auth0, profile of RFC 9068", "Auth0", nil, "another type"},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			v, err := bearer.New(named(tc.cfg).cfg)
			require.NoError(t, err)
			_, err = v.VerifyToken(named(tc.token).token(t, nil, tc.changed))
			require.ErrorIs(t, err, middleware.ErrUnauthenticated)
			assert.ErrorContains(t, err, tc.reason)
		})
	}
}

func TestProviders_OneVerifierTakesThemAll(t *testing.T) {
	var configs []bearer.Config
	taken := map[string]bool{}
	all := slices.DeleteFunc(providers(), func(p provider) bool {
		if taken[p.cfg.Issuer] {
			return true // one Config for each issuer
		}
		taken[p.cfg.Issuer] = true
		return false
	})
	for i := range all {
		all[i].cfg.CustomerPrefix = string(rune('a'+i)) + ":"
		configs = append(configs, all[i].cfg)
	}
	v, err := bearer.New(configs[0], configs[1:]...)
	require.NoError(t, err)
	customers := map[string]bool{}
	for i := range all {
		p := &all[i]
		customer, err := v.Customer(middleware.Tenant("demoshop"))(bearing(p.token(t, nil, nil)))
		require.NoError(t, err, p.desc)
		require.NotEmpty(t, p.wantCustomer, p.desc)
		assert.Equal(t, p.cfg.CustomerPrefix+p.wantCustomer, customer, p.desc)
		customers[customer] = true
	}
	assert.Len(t, customers, len(all))
}

func der(t *testing.T, key any) []byte {
	t.Helper()
	b, err := x509.MarshalPKIXPublicKey(key)
	require.NoError(t, err)
	return b
}
