package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/sessiontest"
)

// visitor returns a browser with a cookie jar, and the address of the shop. The cookie is Secure:
// hence TLS.
func visitor(t *testing.T) (*http.Client, string) {
	t.Helper()
	return visitorOf(t, new(sessiontest.Store))
}

func visitorOf(t *testing.T, backend *sessiontest.Store) (*http.Client, string) {
	t.Helper()
	resolver, err := sessionctx.New(sessionctx.Config{
		Store: backend,
		Directory: sessionctx.Static{"myshop": {Sites: []defaults.Site{{
			Code: "main", Default: true, Country: "DE", Currency: "EUR", Currencies: []string{"CHF"}, Language: "de",
		}}}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, resolver.Close()) })
	mw, err := middleware.New(middleware.Config{Resolver: resolver, Tenant: middleware.Tenant("myshop")})
	require.NoError(t, err)
	server := httptest.NewTLSServer(shop(mw))
	t.Cleanup(server.Close)
	client := server.Client()
	client.Jar, err = cookiejar.New(nil)
	require.NoError(t, err)
	return client, server.URL
}

func body(t *testing.T, res *http.Response, err error) string {
	t.Helper()
	require.NoError(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return string(b)
}

func TestShop_ReadingSetsNoCookie(t *testing.T) {
	client, shop := visitor(t)
	res, err := client.Get(shop)
	assert.Equal(t, "site main, currency EUR (site.currency), country DE, language de\n", body(t, res, err))
	assert.Equal(t, "private", res.Header.Get("Cache-Control"))
	assert.Equal(t, "Cookie", res.Header.Get("Vary"))
	assert.Empty(t, res.Cookies())
}

func TestShop_ChosenCurrencyStays(t *testing.T) {
	client, shop := visitor(t)
	res, err := client.PostForm(shop+"/currency", url.Values{"currency": {"chf"}})
	assert.Equal(t, "site main, currency CHF (choice), country DE, language de\n", body(t, res, err))
	res, err = client.Get(shop)
	assert.Equal(t, "site main, currency CHF (choice), country DE, language de\n", body(t, res, err))
}

func TestShop_CurrencyThatIsNotOfferedIsRefused(t *testing.T) {
	client, shop := visitor(t)
	res, err := client.PostForm(shop+"/currency", url.Values{"currency": {"JPY"}})
	body(t, res, err)
	assert.Equal(t, http.StatusBadRequest, res.StatusCode)
}

func TestShop_OtherOriginsCannotChoose(t *testing.T) {
	client, shop := visitor(t)
	req, err := http.NewRequest(http.MethodPost, shop+"/currency", nil)
	require.NoError(t, err)
	req.Header.Set("Origin", "https://elsewhere.example")
	res, err := client.Do(req)
	body(t, res, err)
	assert.Equal(t, http.StatusForbidden, res.StatusCode)
}

func TestShop_WithoutItsStoreRefusesChoicesAndGoesOn(t *testing.T) {
	backend := new(sessiontest.Store)
	backend.Loads.Always(sessiontest.Fail(sessionctx.ErrUnavailable))
	backend.Saves.Always(sessiontest.Fail(sessionctx.ErrUnavailable))
	client, shop := visitorOf(t, backend)
	res, err := client.PostForm(shop+"/currency", url.Values{"currency": {"CHF"}})
	body(t, res, err)
	assert.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	res, err = client.Get(shop)
	assert.Contains(t, body(t, res, err), "currency EUR")
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Positive(t, backend.Saves.Calls())
}
