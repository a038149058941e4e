package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/sessionctx/storefront/examples/storefront/data"
	"github.com/sessionctx/storefront/examples/storefront/server"
)

const clientSecret = "service-secret-3"

// cheapData is the sample shop with passwords that cost little to compare, twenty more sites, two
// of them inactive, and a client that manages sites.
func cheapData(t *testing.T) string {
	t.Helper()
	hash := func(secret string) string {
		b, err := bcrypt.GenerateFromPassword([]byte(secret), bcrypt.MinCost)
		require.NoError(t, err)
		return string(b)
	}
	password := hash(data.Password)
	dir := t.TempDir()
	require.NoError(t, fs.WalkDir(data.Shops(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(data.Shops(), name)
		if err != nil {
			return err
		}
		text := regexp.MustCompile(`\$2a\$10\$[./A-Za-z0-9]{53}`).ReplaceAllLiteralString(string(content), password)
		text = strings.TrimSuffix(strings.TrimSpace(text), "]")
		switch name {
		case "demoshop/sites.json":
			for i := range 20 {
				text += fmt.Sprintf(`, {"code": "s%02d", "name": "S", "active": %t, "default": false, "currency": "EUR",
					"homeBase": {"address": {"country": "DE"}}, "defaultLanguage": "de"}`, i, i >= 2)
			}
		case "demoshop/clients.json":
			text += fmt.Sprintf(`, {"clientId": "sites", "secretHash": %q, "scopes": ["site.site_manage"]}`, hash(clientSecret))
		}
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		return os.WriteFile(name, []byte(text+"]"), 0o600)
	}))
	return dir
}

// customer returns the access token of a customer who logs in.
func customer(t *testing.T, client *http.Client, shop, email string) string {
	t.Helper()
	code, body := send(t, client, http.MethodPost, shop+"/customer/demoshop/login", "", fmt.Sprintf(`{"email": %q, "password": %q}`, email, data.Password))
	require.Equal(t, http.StatusOK, code, body)
	var token struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &token))
	return token.AccessToken
}

func service(t *testing.T, client *http.Client, shop string) string {
	t.Helper()
	res, err := client.PostForm(shop+"/oauth/token", url.Values{
		"grant_type": {"client_credentials"}, "tenant": {"demoshop"}, "client_id": {"sites"}, "client_secret": {clientSecret},
	})
	code, body := answer(t, res, err)
	require.Equal(t, http.StatusOK, code, body)
	var token struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &token))
	return token.AccessToken
}

func TestMe_IsTheCustomerOfTheToken(t *testing.T) {
	client, shop, _ := start(t, server.Config{DataDir: cheapData(t)})
	anna := customer(t, client, shop, "anna@demo.example")
	code, body := send(t, client, http.MethodGet, shop+"/customer/demoshop/me", anna, "")
	require.Equal(t, http.StatusOK, code, body)
	assert.JSONEq(t, `{"id": "C100", "customerNumber": "C100", "contactEmail": "anna@demo.example", "preferredSite": "main",
		"preferredCurrency": "EUR", "preferredLanguage": "de_DE", "active": true, "onHold": false}`, body)
	_, body = send(t, client, http.MethodGet, shop+"/customer/demoshop/me?expand=addresses", anna, "")
	assert.Contains(t, body, `"addresses":[{"country":"AT","tags":["SHIPPING"],"isDefault":false},{"country":"DE","tags":["BILLING"],"isDefault":true}]`)
	assert.NotContains(t, body, "Hash")

	code, body = send(t, client, http.MethodGet, shop+"/customer/demoshop/me", anonymous(t, client, shop), "")
	require.Equal(t, http.StatusOK, code)
	assert.Contains(t, body, `"customerNumber":"00000000"`, "as the service answers for a guest")

	for _, tc := range []struct {
		desc, path, token string
		code              int
	}{
		{"no token", "/customer/demoshop/me", "", http.StatusUnauthorized},
		{"no valid token", "/customer/demoshop/me", anna + "x", http.StatusUnauthorized},
		{"another tenant", "/customer/othershop/me", anna, http.StatusForbidden},
		{"a tenant that is none", "/customer/nosuchshop/me", anna, http.StatusForbidden},
		{"a service", "/customer/demoshop/me", service(t, client, shop), http.StatusForbidden},
	} {
		code, body := send(t, client, http.MethodGet, shop+tc.path, tc.token, "")
		assert.Equal(t, tc.code, code, tc.desc)
		assert.NotContains(t, body, "anna@", tc.desc)
		assert.True(t, json.Valid([]byte(body)), tc.desc)
	}
	code, _ = get(t, client, shop+"/customer/demoshop/logout?accessToken="+anna)
	require.Equal(t, http.StatusNoContent, code)
	code, _ = send(t, client, http.MethodGet, shop+"/customer/demoshop/me", anna, "")
	assert.Equal(t, http.StatusUnauthorized, code, "the session has ended")
}

func TestSites_AreThoseOfTheTenantInPages(t *testing.T) {
	client, shop, _ := start(t, server.Config{DataDir: cheapData(t)})
	token := anonymous(t, client, shop)
	sites := func(query, token string) (codes []string, count string) {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, shop+"/site/demoshop/sites"+query, nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := client.Do(req)
		code, body := answer(t, res, err)
		require.Equal(t, http.StatusOK, code, body)
		var found []struct{ Code string }
		require.NoError(t, json.Unmarshal([]byte(body), &found))
		for _, s := range found {
			codes = append(codes, s.Code)
		}
		return codes, res.Header.Get("X-Count")
	}
	var sample []struct {
		Code   string
		Active bool
	}
	b, err := fs.ReadFile(data.Shops(), "demoshop/sites.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &sample))
	var want []string
	closed := 2
	for _, s := range sample {
		if s.Active {
			want = append(want, s.Code)
		} else {
			closed++
		}
	}
	for i := range 18 {
		want = append(want, fmt.Sprintf("s%02d", i+2))
	}

	first, count := sites("", token)
	assert.Equal(t, want[:16], first, "a page has 16 unless another size is asked for")
	assert.Empty(t, count)
	second, count := sites("?pageNumber=2&totalCount=true", token)
	assert.Equal(t, want[16:], second)
	assert.Equal(t, fmt.Sprint(len(want)), count)
	none, _ := sites("?pageNumber=3", token)
	assert.Empty(t, none)
	all, _ := sites("?pageSize=100", token)
	assert.Equal(t, want, all)
	all, _ = sites("?pageSize=100&includeInactive=true", service(t, client, shop))
	assert.Len(t, all, len(want)+closed)

	code, body := send(t, client, http.MethodGet, shop+"/site/demoshop/sites/ch", token, "")
	require.Equal(t, http.StatusOK, code)
	assert.JSONEq(t, `{"code": "ch", "name": "Demo Shop Schweiz", "active": true, "default": false, "defaultLanguage": "de",
		"languages": ["de", "fr", "it"], "currency": "CHF", "availableCurrencies": ["CHF", "EUR"],
		"homeBase": {"address": {"country": "CH"}}, "shipToCountries": ["CH", "LI"]}`, body)

	for _, tc := range []struct {
		desc, path, token string
		code              int
		says              string
	}{
		{"no token", "/site/demoshop/sites", "", http.StatusUnauthorized, "oauth.v2.InvalidAccessToken"},
		{"no valid token", "/site/demoshop/sites/ch", "x", http.StatusUnauthorized, "oauth.v2.InvalidAccessToken"},
		{"another tenant", "/site/othershop/sites", token, http.StatusForbidden, "Forbidden"},
		{"inactive ones without the scope", "/site/demoshop/sites?includeInactive=true", token, http.StatusForbidden, "Missing required scopes [site.site_manage]"},
		{"an inactive one without the scope", "/site/demoshop/sites/s00", token, http.StatusNotFound, "Site not Found"},
		{"an inactive one with the scope", "/site/demoshop/sites/s00", service(t, client, shop), http.StatusOK, `"active":false`},
		{"no such site", "/site/demoshop/sites/nope", token, http.StatusNotFound, "Site not Found"},
		{"another spelling", "/site/demoshop/sites/CH", token, http.StatusNotFound, "Site not Found"},
		{"page 0", "/site/demoshop/sites?pageNumber=0", token, http.StatusBadRequest, "pageNumber must be a number from 1"},
		{"a page without sites", "/site/demoshop/sites?pageSize=0", token, http.StatusBadRequest, "pageSize"},
		{"a large page", "/site/demoshop/sites?pageSize=1e9", token, http.StatusBadRequest, "pageSize"},
		{"a far page", "/site/demoshop/sites?pageNumber=9223372036854775807", token, http.StatusBadRequest, "pageNumber"},
		{"a filter", "/site/demoshop/sites?q=code:ch", token, http.StatusBadRequest, "is not supported"},
		{"no truth", "/site/demoshop/sites?totalCount=maybe", token, http.StatusBadRequest, "totalCount must be true or false"},
	} {
		code, body := send(t, client, http.MethodGet, shop+tc.path, tc.token, "")
		assert.Equal(t, tc.code, code, tc.desc)
		assert.Contains(t, body, tc.says, tc.desc)
		assert.True(t, json.Valid([]byte(body)), tc.desc)
	}
}

// A request that ends before its answer, by the client or by a deadline, is no fault of the server.
func TestServer_RequestThatHasEndedIsNoFault(t *testing.T) {
	var log strings.Builder
	s, err := server.New(server.Config{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	ask := func(ctx context.Context, method, path, token, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(body)).WithContext(ctx)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		return w
	}
	const login = "/customerlogin/auth/anonymous/login?tenant=demoshop&client_id=storefront"
	var visitor struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(t, json.Unmarshal(ask(t.Context(), http.MethodGet, login+"&currency=CHF", "", "").Body.Bytes(), &visitor))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tc := range []struct{ desc, method, path, token, body string }{
		{"a page", http.MethodGet, "/", visitor.AccessToken, ""},
		{"the cart", http.MethodPost, "/cart", "", "add=mug"},
		{"a choice", http.MethodPost, "/choices", "", "currency=CHF"},
		{"the customer", http.MethodGet, "/customer/demoshop/me", visitor.AccessToken, ""},
		{"the sites", http.MethodGet, "/site/demoshop/sites", visitor.AccessToken, ""},
		{"an anonymous login", http.MethodGet, login + "&currency=USD", "", ""},
		{"the interface", http.MethodGet, "/session-context/demoshop/me/context", visitor.AccessToken, ""},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			w := ask(ended, tc.method, tc.path, tc.token, tc.body)
			assert.NotEqual(t, http.StatusInternalServerError, w.Code, w.Body)
		})
	}
	assert.Empty(t, log.String())
}
