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
)

func TestShop_LoginOfSCSCarriesTheCartAlong(t *testing.T) {
	handler, resolver, err := shop()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, resolver.Close()) })
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	client := server.Client()
	client.Jar, err = cookiejar.New(nil)
	require.NoError(t, err)
	page := func(res *http.Response, err error) string {
		t.Helper()
		require.NoError(t, err)
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		return string(body)
	}
	post := func(path, id string) string {
		t.Helper()
		return page(client.PostForm(server.URL+path, url.Values{"id": {id}}))
	}
	assert.Equal(t, "guest, currency EUR, cart \"\"\n", page(client.Get(server.URL)))
	assert.Equal(t, "guest, currency EUR, cart \"cart-1\"\n", post("/cart", "cart-1"))
	assert.Equal(t, "anna, currency CHF, cart \"cart-1\"\n", post("/login", ""))
	assert.Equal(t, "anna, currency CHF, cart \"cart-1\"\n", page(client.Get(server.URL)))
	assert.Equal(t, "guest, currency EUR, cart \"\"\n", post("/logout", ""))
}
