package server_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/examples/storefront/server"
)

const browserAccept = "text/html,application/xhtml+xml,*/*;q=0.8"

func TestPath_NoRedirectLeavesTheShop(t *testing.T) {
	h := newServer(t, server.Config{}).Handler()
	for _, path := range []string{
		"/shop/demoshop%2F..%2F..%2F%5Cevil.example/choices",
		"/shop/demoshop%2F..%2F..%2F%2Fevil.example/choices",
		"/shop/%2Fevil.example/choices",
		"/shop/%5Cevil.example/choices",
		"/shop/%5C%5Cevil.example/",
		"/shop/demoshop%2Fchoices/choices",
		"/shop/demoshop%00/choices",
		"/shop/DEMOSHOP/choices",
		"/%2Fevil.example/choices",
		"/%5Cevil.example/choices",
		"//evil.example/choices",
		"//evil.example/%2e%2e/choices",
		"/%73hop/nosuchshop/choices",
		"/session-context/demoshop%2F..%2F..%2F%5Cevil.example/me/context",
		"/session-context/othershop%2F/me/context",
		"/site/demoshop%2F..%2Fothershop/sites",
		"/shop/demoshop%2e%2e%2fothershop/choices",
		"/shop/%2e%2e%5Cevil.example/choices",
		"/shop/demoshop%C0%AF..%C0%AFevil.example/choices",
		"/shop/demoshop%E2%80%AE/choices",
		"/shop/demoshop%0D%0ALocation:%20%2F%2Fevil.example/choices",
		"/shop/demoshop;x=%2F%2Fevil.example/choices",
		"/shop/%E4%BD%A0/choices",
		"/shop/%2F%2Fevil.example%2F%2e%2e/choices",
		"/shop/%3Fdemoshop/choices",
		"/%5C/evil.example/choices",
		"/%09/evil.example/choices",
		"///evil.example/choices",
		"/.//evil.example/choices",
		"/x/..//evil.example/choices",
		"/session-context/othershop%00/me/context",
		"/%73ession-context/demoshop/me/context",
		"/session-context%2Fdemoshop/me/context",
		"/site/othershop%00/sites",
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r := httptest.NewRequest(method, "http://shop.example"+path, nil)
			r.Header.Set("Accept", browserAccept)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			to := w.Header().Get("Location")
			assert.False(t, strings.HasPrefix(to, "//") || strings.Contains(to, `\`) || strings.Contains(to, ":"), "%s %s redirects to %q", method, path, to)
			if strings.HasPrefix(path, "/shop/") {
				assert.Equal(t, http.StatusNotFound, w.Code, "%s %s", method, path)
				assert.NotContains(t, w.Body.String(), "evil.example", "%s %s", method, path)
			}
			assert.Len(t, w.Header().Values("Location"), min(len(to), 1), "%s %s", method, path)
			if strings.HasPrefix(path, "/session-context/") || strings.HasPrefix(path, "/site/") {
				assert.GreaterOrEqual(t, w.Code, 400, "%s %s", method, path)
			}
		}
	}
	// What is another spelling of the same tenant leads to that tenant.
	for _, path := range []string{"/shop/%64emoshop/choices", "/%73hop/demoshop/choices", "/shop/demosho%70/sign-out", "/shop/demoshop/c%68oices"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		assert.Equal(t, http.StatusSeeOther, w.Code, path)
		assert.Equal(t, "/shop/demoshop/", w.Header().Get("Location"), path)
	}
}

func TestMethod_OthersAre405WithAllow(t *testing.T) {
	h := newServer(t, server.Config{}).Handler()
	for _, tc := range []struct{ method, path, allow string }{
		{"DELETE", "/cart", "GET, HEAD, POST"},
		{"PUT", "/shop/demoshop/cart", "GET, HEAD, POST"},
		{"POST", "/", "GET, HEAD"},
		{"POST", "/preview", "GET, HEAD"},
		{"PATCH", "/choices", "GET, HEAD, POST"},
		{"OPTIONS", "/sign-in", "GET, HEAD, POST"},
		{"TRACE", "/sign-out", "GET, HEAD, POST"},
		{"POST", "/healthz", "GET, HEAD"},
		{"DELETE", "/readyz", "GET, HEAD"},
		{"POST", "/assets/x/shop.css", "GET, HEAD"},
		{"POST", "/customer/demoshop/me", "GET, HEAD"},
		{"DELETE", "/site/demoshop/sites", "GET, HEAD"},
		{"PUT", "/site/demoshop/sites/main", "GET, HEAD"},
		{"GET", "/oauth/token", "POST"},
		{"DELETE", "/sign-in", "GET, HEAD, POST"},
		{"PROPFIND", "/", "GET, HEAD"},
		{"get", "/cart", "GET, HEAD, POST"},
		{"POST", "/shop/othershop/preview", "GET, HEAD"},
		{"DELETE", "/shop/othershop/choices", "GET, HEAD, POST"},
		{"HEAD", "/customer/demoshop/logout", "GET"},
		{"DELETE", "/customerlogin/auth/anonymous/login", "GET"},
		{"PUT", "/session-context/demoshop/openapi.json", "GET, HEAD"},
	} {
		for _, accept := range []string{browserAccept, "application/json"} {
			r := httptest.NewRequest(tc.method, tc.path, nil)
			r.Header.Set("Accept", accept)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			assert.Equal(t, http.StatusMethodNotAllowed, w.Code, "%s %s", tc.method, tc.path)
			assert.Equal(t, tc.allow, w.Header().Get("Allow"), "%s %s", tc.method, tc.path)
			assert.Contains(t, w.Header().Get("Cache-Control"), "no-store", "%s %s", tc.method, tc.path)
		}
	}
	for _, path := range []string{"/", "/cart", "/healthz", "/readyz", "/sign-in"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodHead, path, nil))
		assert.Equal(t, http.StatusOK, w.Code, "HEAD %s", path)
	}
}

func TestNothing_IsJSONForWhoReadsNoHTML(t *testing.T) {
	h := newServer(t, server.Config{}).Handler()
	for _, tc := range []struct {
		desc, accept string
		html         bool
	}{
		{"a browser", browserAccept, true},
		{"HTML alone", "text/html", true},
		{"in capitals, with parameters", "TEXT/HTML;level=1", true},
		{"any text", "text/*", true},
		{"JSON", "application/json", false},
		{"problems", "application/problem+json, application/json", false},
		{"anything", "*/*", false},
		{"none", "", false},
		{"HTML refused", "application/json, text/html;q=0", false},
		{"nonsense", ";;;", false},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			for path, code := range map[string]int{
				"/nowhere": 404, "/price/demoshop/match-prices": 404, "/shop/nosuchshop/": 404, "/shop/demoshop/nowhere": 404, "/shop/demoshop": 307, "/cart": 405,
			} {
				r := httptest.NewRequest(http.MethodDelete, path, nil)
				if tc.accept != "" {
					r.Header.Set("Accept", tc.accept)
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				require.Equal(t, code, w.Code, path)
				if code == 307 {
					continue
				}
				if tc.html {
					assert.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"), path)
					continue
				}
				assert.Equal(t, "application/json", w.Header().Get("Content-Type"), path)
				var body struct {
					Code, Status int
					Message      string
				}
				require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
				assert.Equal(t, [2]int{code, code}, [2]int{body.Code, body.Status})
				assert.NotEmpty(t, body.Message)
			}
		})
	}
}

// serve serves until stop is called; ended is what Serve returned.
func serve(t *testing.T, cfg server.Config) (shop string, listener net.Listener, stop func(), ended chan error) {
	t.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	s, err := server.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	listener, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended = make(chan error, 1)
	go func() { ended <- s.Serve(ctx, listener) }()
	return "http://" + listener.Addr().String(), listener, stop, ended
}

func TestStop_ReadyzSaysSoWhileRequestsAreStillAnswered(t *testing.T) {
	shop, listener, stop, ended := serve(t, server.Config{Drain: time.Hour})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	code, _ := get(t, client, shop+"/readyz")
	require.Equal(t, http.StatusOK, code)
	stop()
	for code == http.StatusOK { // until the server has seen it
		code, _ = get(t, client, shop+"/readyz")
	}
	assert.Equal(t, http.StatusServiceUnavailable, code)
	for _, tc := range []struct{ desc, method, path, body string }{
		{"the other probe", "GET", "/healthz", ""},
		{"a page", "GET", "/", ""},
		{"the cart", "GET", "/cart", ""},
		{"a form", "POST", "/choices", "currency=CHF"},
		{"a token", "GET", "/customerlogin/auth/anonymous/login?tenant=demoshop&client_id=storefront", ""},
		{"the interface", "GET", "/session-context/demoshop/openapi.json", ""},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			req, err := http.NewRequest(tc.method, shop+tc.path, strings.NewReader(tc.body))
			require.NoError(t, err)
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			res, err := client.Transport.RoundTrip(req)
			code, _ := answer(t, res, err)
			assert.Equal(t, map[string]int{"GET": http.StatusOK, "POST": http.StatusSeeOther}[tc.method], code)
		})
	}
	require.NoError(t, listener.Close()) // the hour is not waited for
	assert.ErrorIs(t, <-ended, net.ErrClosed)
}

func TestStop_EndsAfterTheDrain(t *testing.T) {
	_, listener, stop, ended := serve(t, server.Config{Drain: time.Millisecond})
	stop()
	assert.NoError(t, <-ended)
	_, err := listener.Accept()
	assert.ErrorIs(t, err, net.ErrClosed)
}

func TestForm_OverPlainHTTPIsRefusedAndWritesNothing(t *testing.T) {
	for _, tc := range []struct {
		desc, origin string
		insecure     bool // -insecure-cookie
		want         int
	}{
		{"plain HTTP", "http://shop.example", false, http.StatusForbidden},
		{"plain HTTP with a port", "http://shop.example:8080", false, http.StatusForbidden},
		{"an address", "http://192.0.2.1", false, http.StatusForbidden},
		{"a name that begins alike", "http://localhost.example", false, http.StatusForbidden},
		{"HTTPS at a proxy", "https://shop.example", false, http.StatusSeeOther},
		{"this machine", "http://localhost:8080", false, http.StatusSeeOther},
		{"a name of this machine", "http://shop.localhost", false, http.StatusSeeOther},
		{"an address of this machine", "http://127.0.0.2", false, http.StatusSeeOther},
		{"an IPv6 address of this machine", "http://[::1]:8080", false, http.StatusSeeOther},
		{"no browser", "", false, http.StatusSeeOther},
		{"a name of the local network", "http://shop.local", false, http.StatusForbidden},
		{"an address of the local network", "http://192.168.1.20:8080", false, http.StatusForbidden},
		{"an IPv6 address of the local network", "http://[fe80::1]:8080", false, http.StatusForbidden},
		{"all addresses of this machine", "http://0.0.0.0:8080", false, http.StatusForbidden},
		{"this machine in capitals", "http://LOCALHOST:8080", false, http.StatusSeeOther},
		{"this machine, with a dot at the end", "http://localhost.:8080", false, http.StatusSeeOther},
		{"plain HTTP, and it is meant", "http://shop.example", true, http.StatusSeeOther},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			h := newServer(t, server.Config{InsecureCookie: tc.insecure}).Handler()
			for path, form := range map[string]string{
				"/choices": "currency=CHF", "/cart": "add=mug", "/shop/othershop/cart": "add=mug",
			} {
				r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set("Accept", browserAccept)
				if tc.origin != "" {
					r.Header.Set("Origin", tc.origin)
					_, r.Host, _ = strings.Cut(tc.origin, "://")
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				require.Equal(t, tc.want, w.Code, path)
				if tc.want == http.StatusForbidden {
					assert.Contains(t, w.Body.String(), "https://")
					assert.NotContains(t, w.Body.String(), "allow cookies")
					assert.Empty(t, w.Header().Get("Set-Cookie"), "no session was begun")
					continue
				}
				assert.Equal(t, !tc.insecure, strings.Contains(w.Header().Get("Set-Cookie"), "Secure"), path)
			}
		})
	}
}
