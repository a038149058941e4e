package server_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/examples/storefront/server"
	"github.com/sessionctx/storefront/sessionctx"
)

func TestOrigins_ListedOnesMayCallTheInterfaces(t *testing.T) {
	h := newServer(t, server.Config{Origins: "https://spa.example, http://localhost:3000"}).Handler()
	for _, tc := range []struct {
		desc, path, origin string
		want               string
	}{
		{"the session context", ownContext, "https://spa.example", "https://spa.example"},
		{"the second origin", ownContext, "http://localhost:3000", "http://localhost:3000"},
		{"the anonymous login", "/customerlogin/auth/anonymous/login?tenant=demoshop&client_id=storefront", "https://spa.example", "https://spa.example"},
		{"the customer", "/customer/demoshop/me", "https://spa.example", "https://spa.example"},
		{"the customer's login", "/customer/demoshop/login", "https://spa.example", "https://spa.example"},
		{"the sites", "/site/demoshop/sites", "https://spa.example", "https://spa.example"},
		{"a service's token", "/oauth/token", "https://spa.example", ""},
		{"pages", "/cart", "https://spa.example", ""},
		{"another port", ownContext, "https://spa.example:8443", ""},
		{"another scheme", ownContext, "http://spa.example", ""},
		{"a name below", ownContext, "https://x.spa.example", ""},
		{"a name that ends alike", ownContext, "https://evilspa.example", ""},
		{"null", ownContext, "null", ""},
		{"none", ownContext, "", ""},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			for _, method := range []string{http.MethodGet, http.MethodOptions} {
				r := httptest.NewRequest(method, tc.path, nil)
				if tc.origin != "" {
					r.Header.Set("Origin", tc.origin)
				}
				if method == http.MethodOptions {
					r.Header.Set("Access-Control-Request-Method", http.MethodPatch)
					r.Header.Set("Access-Control-Request-Headers", "authorization,content-type")
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				assert.Equal(t, tc.want, w.Header().Get("Access-Control-Allow-Origin"), method)
				assert.Empty(t, w.Header().Get("Access-Control-Allow-Credentials"), method)
				if tc.want != "" {
					assert.Contains(t, w.Header().Values("Vary"), "Origin", method)
				}
				if tc.want != "" && method == http.MethodOptions {
					assert.Equal(t, http.StatusNoContent, w.Code)
					assert.Contains(t, w.Header().Get("Access-Control-Allow-Methods"), http.MethodPatch)
					assert.Contains(t, w.Header().Get("Access-Control-Allow-Headers"), "Authorization")
				}
			}
		})
	}
}

func TestOrigins_NoneByDefault(t *testing.T) {
	h := newServer(t, server.Config{}).Handler()
	r := httptest.NewRequest(http.MethodGet, ownContext, nil)
	r.Header.Set("Origin", "https://spa.example")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	assert.Empty(t, w.Header().Get("Access-Control-Allow-Origin"))
}

func TestOrigins_AreCheckedAtStart(t *testing.T) {
	for _, tc := range []struct{ desc, flag, value string }{
		{"everybody", "*", "*"},
		{"null", "null", "null"},
		{"a host", "spa.example", "spa.example"},
		{"a slash", "https://spa.example/", "https://spa.example/"},
		{"a user", "https://me@spa.example", "https://me@spa.example"},
		{"capitals", "https://Spa.example", "https://Spa.example"},
		{"other letters", "https://bücher.example", "https://bücher.example"},
		{"its own port", "https://spa.example:443", "https://spa.example:443"},
		{"the second one", "https://spa.example,x", "x"},
		{"an empty one", "https://spa.example,", ""},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			_, err := server.New(server.Config{Origins: tc.flag, Logger: slog.New(slog.DiscardHandler)})
			require.ErrorContains(t, err, "storefront: -cors: ")
			mistake, ok := errors.AsType[*sessionctx.ConfigError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, tc.value, mistake.Value)
			assert.Contains(t, mistake.Rule, "must be an origin")
		})
	}
}
