package downstream_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/nginx"
	"github.com/sessionctx/storefront/middleware/downstream"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/sessiontest"
)

// The bound of a token is one that a proxy with its default settings lets through.
func TestNginx_LargestTokenPasses(t *testing.T) {
	backend := httptest.NewServer(newVerifier(t, nil).Wrap(http.HandlerFunc(show)))
	defer backend.Close()
	proxy := "http://" + nginx.Start(t, "", "location / { proxy_pass "+backend.URL+"; }")

	// The longest attribute with which the token is within the bound.
	transport := newTransport(t, func(cfg *downstream.TransportConfig) { cfg.Audiences = map[string]string{proxy: "prices"} })
	session := func(n int) sessionctx.Session {
		return sessiontest.New(t, sessiontest.Literal{
			Session: anna(t), Attributes: map[string]string{"long": `"` + strings.Repeat("x", n) + `"`},
		})
	}
	fits := 0
	for step := 4096; step > 0; step /= 2 {
		if _, err := transport.Token("prices", session(fits+step)); err == nil {
			fits += step
		}
	}
	require.Greater(t, fits, 4000)
	get := func(r *http.Request, client *http.Client) int {
		resp, err := client.Do(r)
		require.NoError(t, err)
		resp.Body.Close()
		return resp.StatusCode
	}
	r, err := http.NewRequestWithContext(sessionctx.NewContext(t.Context(), session(fits)), "GET", proxy, nil)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, get(r, &http.Client{Transport: transport}))

	r, err = http.NewRequestWithContext(t.Context(), "GET", proxy, nil)
	require.NoError(t, err)
	r.Header.Set(downstream.Header, strings.Repeat("x", 8192))
	assert.Equal(t, http.StatusBadRequest, get(r, http.DefaultClient), "nginx refuses a larger one by itself: the test sees the bound")
}
