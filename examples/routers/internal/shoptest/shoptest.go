// Package shoptest tests the shop of package shop on any router, by what a browser sees.
package shoptest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/examples/routers/internal/shop"
	"github.com/sessionctx/storefront/middleware"
)

// Open returns the middleware of a new shop.
func Open(t *testing.T) *middleware.Middleware {
	t.Helper()
	mw, err := shop.New()
	require.NoError(t, err)
	return mw
}

// RunHandler tests the shop that handler is.
func RunHandler(t *testing.T, handler http.Handler) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	Run(t, server.URL)
}

// Run tests the shop at a URL.
func Run(t *testing.T, base string) {
	t.Helper()
	b := &Browser{Base: base}

	answer, page := b.Do(t, http.MethodGet, "/", nil)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Equal(t, "site main, currency EUR (site.currency)\n", page)
	require.Empty(t, answer.Header.Values("Set-Cookie"), "a visitor who only looks gets no cookie")

	answer, page = b.Do(t, http.MethodPost, "/currency", url.Values{"currency": {"JPY"}})
	require.Equal(t, http.StatusBadRequest, answer.StatusCode, "a currency that the site does not offer")
	require.Equal(t, "Bad Request\n", page)
	require.Empty(t, answer.Header.Values("Set-Cookie"))

	answer, _ = b.Do(t, http.MethodPost, "/currency", url.Values{"currency": {"CHF"}})
	require.Equal(t, http.StatusSeeOther, answer.StatusCode)
	require.Equal(t, "/", answer.Header.Get("Location"))
	require.Len(t, answer.Header.Values("Set-Cookie"), 1)
	assert.Contains(t, answer.Header.Get("Set-Cookie"), "HttpOnly; Secure; SameSite=Lax")
	assert.Equal(t, "private, no-store", answer.Header.Get("Cache-Control"))

	_, page = b.Do(t, http.MethodGet, "/", nil)
	require.Equal(t, "site main, currency CHF (choice)\n", page)
	_, page = (&Browser{Base: base}).Do(t, http.MethodGet, "/", nil)
	require.Equal(t, "site main, currency EUR (site.currency)\n", page, "another browser")

	foreign := &Browser{Base: base, Cookie: b.Cookie, Header: http.Header{"Sec-Fetch-Site": {"cross-site"}}}
	answer, _ = foreign.Do(t, http.MethodPost, "/currency", url.Values{"currency": {"GBP"}})
	require.Equal(t, http.StatusForbidden, answer.StatusCode, "a form of another site")
	_, page = b.Do(t, http.MethodGet, "/", nil)
	require.Equal(t, "site main, currency CHF (choice)\n", page)
}

// Browser keeps the last cookie. It does not use net/http/cookiejar, which sends no Secure cookie
// over plain HTTP.
type Browser struct {
	Base   string
	Cookie string      // as "name=value"
	Header http.Header // of each request
}

// Do sends a request, with a form if there is one, and follows no redirect.
func (b *Browser) Do(t *testing.T, method, path string, form url.Values) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, b.Base+path, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	for name, values := range b.Header {
		r.Header[name] = values
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if b.Cookie != "" {
		r.Header.Set("Cookie", b.Cookie)
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	for _, c := range answer.Cookies() {
		b.Cookie = c.Name + "=" + c.Value
	}
	return answer, string(page)
}
