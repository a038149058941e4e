package server_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/examples/storefront/server"
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
	for _, tc := range []struct{ desc, flag, says string }{
		{"everybody", "*", "must name each origin"},
		{"null", "null", "must be an origin"},
		{"a host", "spa.example", "must be an origin"},
		{"a slash", "https://spa.example/", "no slash at the end"},
		{"a path", "https://spa.example/x", "no path"},
		{"a user", "https://me@spa.example", "scheme, host and port alone"},
		{"capitals", "https://Spa.example", "in small letters"},
		{"other letters", "https://bücher.example", "xn--"},
		{"its own port", "https://spa.example:443", "browsers leave it out"},
		{"its own port, HTTP", "http://spa.example:80", "browsers leave it out"},
		{"another scheme", "ftp://spa.example", "must be an origin"},
		{"an empty one", "https://spa.example,", `-cors "": must be`},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			_, err := server.New(server.Config{Origins: tc.flag, Logger: slog.New(slog.DiscardHandler)})
			assert.ErrorContains(t, err, "storefront: -cors ")
			assert.ErrorContains(t, err, tc.says)
		})
	}
}
