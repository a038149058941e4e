package server_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/examples/storefront/data"
	"github.com/sessionctx/storefront/examples/storefront/server"
	"github.com/sessionctx/storefront/examples/storefront/tokens"
)

// signIn sends the form of a shopper to a handler, as the connection's peer with a header.
func signIn(h http.Handler, peer, forwardedFor, email, password string) int {
	form := url.Values{"email": {email}, "password": {password}}
	r := httptest.NewRequest(http.MethodPost, "/sign-in", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, value := range strings.Split(forwardedFor, "|") {
		if value != "" {
			r.Header.Add("X-Forwarded-For", value)
		}
	}
	r.RemoteAddr = peer
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

func newServer(t *testing.T, cfg server.Config) *server.Server {
	t.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	s, err := server.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

func TestSignIn_AGuesserBehindAProxyLocksNobodyElseOut(t *testing.T) {
	const proxy = "10.1.2.3:4567"
	for _, tc := range []struct {
		desc, proxies, guesser, neighbour string
		want                              int
	}{
		{"a trusted proxy", "10.0.0.0/8", "203.0.113.9", "203.0.113.10", http.StatusSeeOther},
		{"the guesser writes another address each time", "10.0.0.0/8", "198.51.100.%d, 203.0.113.9", "203.0.113.9", http.StatusTooManyRequests},
		{"in a line of its own", "10.0.0.0/8", "198.51.100.%d|203.0.113.9", "203.0.113.9", http.StatusTooManyRequests},
		{"two proxies", "10.1.2.3, 192.0.2.0/24", "203.0.113.9, 192.0.2.7", "203.0.113.10, 192.0.2.8", http.StatusSeeOther},
		{"one of them is not trusted", "10.1.2.3", "203.0.113.9, 192.0.2.7", "203.0.113.10, 192.0.2.7", http.StatusTooManyRequests},
		{"a proxy that adds ports", "10.1.2.3", "203.0.113.9:%d", "203.0.113.9:1", http.StatusTooManyRequests},
		{"one IPv6 network", "10.1.2.3", "[2001:db8::%x]:443", "2001:db8::ffff", http.StatusTooManyRequests},
		{"another IPv6 network", "10.1.2.3", "2001:db8::1", "2001:db8:0:1::1", http.StatusSeeOther},
		{"no address", "10.1.2.3", "unknown", "unknown", http.StatusTooManyRequests},
		{"no trusted proxy", "", "203.0.113.%d", "198.51.100.1", http.StatusTooManyRequests},
		{"another proxy is trusted", "10.9.0.0/16", "203.0.113.%d", "198.51.100.1", http.StatusTooManyRequests},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			h := newServer(t, server.Config{DataDir: cheapData(t), TrustedProxies: tc.proxies}).Handler()
			require.Equal(t, http.StatusSeeOther, signIn(h, "203.0.113.77:1", "", "bob@demo.example", data.Password)) // so that guesses are cheap
			for i := range 2*tokens.AddressFailures + 10 {
				from := tc.guesser
				if strings.Contains(from, "%") {
					from = fmt.Sprintf(from, i)
				}
				code := signIn(h, proxy, from, fmt.Sprintf("guess%d@demo.example", i), "wrong")
				require.NotEqual(t, http.StatusSeeOther, code)
			}
			assert.Equal(t, tc.want, signIn(h, proxy, tc.neighbour, "anna@demo.example", data.Password))
			assert.Equal(t, http.StatusSeeOther, signIn(h, "203.0.113.77:1", "", "bob@demo.example", data.Password), "without the proxy")
		})
	}
}

func TestTrustedProxies_AreCheckedAtStart(t *testing.T) {
	for _, tc := range []struct{ desc, flag, says string }{
		{"a name", "proxy", `"proxy": must be an IP address`},
		{"an empty one", "10.0.0.1,", `"": must be an IP address`},
		{"a port", "10.0.0.1:80", "must be an IP address"},
		{"everybody", "0.0.0.0/0", `"0.0.0.0/0": must not be all addresses`},
		{"everybody, IPv6", "::/0", "must not be all addresses"},
		{"bits beyond", "10.0.0.1/8", "10.0.0.0/8 is the network"},
		{"IPv4 in IPv6", "::ffff:10.0.0.0/104", "must be written as an IPv4 network"},
		{"a zone", "fe80::1%eth0", "must be an IP address"},
		{"two mistakes", "x,y", `"y": must be`},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			_, err := server.New(server.Config{TrustedProxies: tc.flag, Logger: slog.New(slog.DiscardHandler)})
			assert.ErrorContains(t, err, "storefront: -trusted-proxy ")
			assert.ErrorContains(t, err, tc.says)
		})
	}
}
