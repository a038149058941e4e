package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/examples/storefront/data"
	"github.com/sessionctx/storefront/examples/storefront/server"
)

// TestClients_ReplayedStepByStep sends what two public clients of the service send, in their order.
// A step keeps members of its answer as {name} for the later ones.
func TestClients_ReplayedStepByStep(t *testing.T) {
	type step struct {
		desc, method, path, token, body string
		want                            int
		keep                            map[string]string // name: dotted member
		shows                           string            // a part of the answer
	}
	login := fmt.Sprintf(`{"email":"anna@demo.example","password":%q}`, data.Password)
	const own = "/session-context/demoshop/me/context"
	for name, steps := range map[string][]step{
		"the TypeScript SDK": {
			{"an anonymous session with the configured values", "GET", "/customerlogin/auth/anonymous/login?tenant=demoshop&client_id=storefront&currency=EUR&siteCode=main&targetLocation=DE", "", "", 200, map[string]string{"anon": "access_token", "refresh": "refresh_token", "sid": "sessionId"}, ""},
			{"the version", "GET", own, "{anon}", "", 200, map[string]string{"v": "metadata.version"}, `"version":0`},
			{"a site switch", "PATCH", own, "{anon}", `{"siteCode":"us","currency":"USD","targetLocation":"US","metadata":{"version":{v}}}`, 204, nil, ""},
			{"the context", "GET", own, "{anon}", "", 200, nil, `"currency":"USD"`},
			{"an attribute", "POST", own + "/attributes", "{anon}", `{"key":"gift wrap","value":"red"}`, 201, nil, `"gift wrap"`},
			{"and away", "DELETE", own + "/attributes/gift%20wrap", "{anon}", "", 204, nil, ""},
			{"new tokens", "GET", "/customerlogin/auth/anonymous/refresh?tenant=demoshop&client_id=storefront&currency=EUR&siteCode=main&refresh_token={refresh}", "", "", 200, map[string]string{"anon": "access_token"}, "{sid}"},
			{"a sign-in", "POST", "/customer/demoshop/login", "{anon}", login, 200, map[string]string{"cust": "access_token", "crefresh": "refresh_token"}, "{sid}"},
			{"the site is kept", "GET", own, "{cust}", "", 200, nil, `"siteCode":"us"`},
			{"the customer's refresh, with an anonymous token", "GET", "/customer/demoshop/refreshauthtoken?refreshToken={crefresh}", "{anon}", "", 200, map[string]string{"cust": "access_token"}, "{sid}"},
			{"a check of the token", "GET", "/customer/demoshop/validateauthtoken", "{cust}", "", 200, nil, "anna@demo.example"},
			{"a sign-out", "GET", "/customer/demoshop/logout?accessToken={cust}", "{cust}", "", 204, nil, ""},
			{"null for the client", "GET", own, "{cust}", "", 404, nil, "ession not found"},
		},
		"the showcase front end": {
			{"an anonymous session", "GET", "/customerlogin/auth/anonymous/login?client_id=storefront&hybris-tenant=demoshop", "", "", 200, map[string]string{"anon": "access_token"}, ""},
			{"the context", "GET", own, "{anon}", "", 200, map[string]string{"v": "metadata.version"}, `"currency":"EUR"`},
			{"the whole context with another currency", "PATCH", own + "?upsert=true", "{anon}", `{"sessionId":"x","siteCode":"main","currency":"CHF","targetLocation":"DE","language":"de","context":{},"metadata":{"version":{v}}}`, 204, nil, ""},
			{"a sign-in", "POST", "/customer/demoshop/login", "{anon}", login, 200, map[string]string{"cust": "accessToken", "saas": "saasToken", "life": "expiresIn"}, ""},
			{"the country is the customer's", "GET", own, "{cust}", "", 200, map[string]string{"v": "metadata.version"}, `"targetLocation":"AT"`},
			{"the whole context with another site", "PATCH", own + "?upsert=true", "{cust}", `{"customerId":"C100","siteCode":"us","currency":"USD","targetLocation":"US","language":"de","metadata":{"version":{v}}}`, 204, nil, ""},
			{"the other site", "GET", own, "{cust}", "", 200, nil, `"language":"en"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			client, shop, _ := start(t, server.Config{})
			client.Jar = nil
			kept := []string{}
			for _, s := range steps {
				fill := func(text string) string { // the newest value of a name counts
					for i := len(kept) - 2; i >= 0; i -= 2 {
						text = strings.ReplaceAll(text, kept[i], kept[i+1])
					}
					return text
				}
				code, body := send(t, client, s.method, shop+fill(s.path), fill(s.token), fill(s.body))
				require.Equal(t, s.want, code, "%s: %s", s.desc, body)
				assert.Contains(t, body, fill(s.shows), s.desc)
				var members map[string]any
				if s.keep != nil {
					d := json.NewDecoder(strings.NewReader(body))
					d.UseNumber()
					require.NoError(t, d.Decode(&members))
				}
				for name, path := range s.keep {
					var v any = members
					for part := range strings.SplitSeq(path, ".") {
						v = v.(map[string]any)[part]
					}
					require.NotNil(t, v, "%s: %s", s.desc, path)
					kept = append(kept, "{"+name+"}", fmt.Sprint(v))
				}
			}
		})
	}
	client, shop, _ := start(t, server.Config{})
	res, err := client.Post(shop+"/oauth/token", "application/x-www-form-urlencoded", strings.NewReader("grant_type=client_credentials&client_id=backoffice&client_secret=service-secret-3"))
	code, body := answer(t, res, err)
	require.Equal(t, http.StatusOK, code, body)
}
