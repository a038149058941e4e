package server_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/examples/storefront/server"
	"github.com/sessionctx/storefront/internal/redisserver"
)

func TestAdmin_ServesOperatorsAndNoShopper(t *testing.T) {
	s, err := server.New(server.Config{Admin: true, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	defer s.Close()
	shop := httptest.NewRecorder()
	s.Handler().ServeHTTP(shop, httptest.NewRequest(http.MethodGet, "/", nil))
	require.Equal(t, http.StatusOK, shop.Code)
	for _, tc := range []struct {
		desc, path string
		code       int
		has        string
	}{
		{"the inspector", "/", 200, "Why a request resolves as it does"},
		{"as JSON", "/?format=json", 200, `"tenant":"demoshop"`},
		{"its style", "/?asset=inspect.css", 200, "prefers-color-scheme"},
		{"metrics", "/metrics", 200, "session_context_cache_lookups_total{session_context_cache_result=\"miss\"} 1\n"},
		{"metrics of the program", "/metrics", 200, "go_goroutines "},
		{"liveness", "/healthz", 200, "ok\n"},
		{"readiness", "/readyz", 200, "ready\n"},
		{"nothing of the shop", "/cart", 404, ""},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, tc.path, nil)
			r.Host, r.RemoteAddr = "127.0.0.1:9090", "127.0.0.1:50000"
			w := httptest.NewRecorder()
			s.AdminHandler().ServeHTTP(w, r)
			assert.Equal(t, tc.code, w.Code)
			assert.Contains(t, w.Body.String(), tc.has)
		})
	}
	for _, path := range []string{"/metrics", "/?format=json"} {
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		assert.NotContains(t, w.Body.String(), "session_context_", "shoppers")
		assert.NotContains(t, w.Body.String(), "everySeconds", "shoppers")
	}
}

func TestThreat_NameThatLeadsHere(t *testing.T) {
	s, err := server.New(server.Config{Admin: true, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	defer s.Close()
	for _, tc := range []struct {
		desc, from, host string
		code             int
	}{
		{"this machine", "127.0.0.1:50000", "127.0.0.1:9090", 200},
		{"this machine by name", "127.0.0.1:50000", "localhost:9090", 200},
		{"without a port", "127.0.0.1:50000", "localhost", 200},
		{"this machine, IPv6", "[::1]:50000", "[::1]:9090", 200},
		{"this machine, IPv6, without a port", "[::1]:50000", "[::1]", 200},
		{"another machine's name, without a port", "[::1]:50000", "[::2]", 403},
		{"this machine, IPv4 as IPv6", "[::ffff:127.0.0.1]:50000", "127.0.0.2:9090", 200},
		{"a name that leads here (DNS rebinding)", "127.0.0.1:50000", "evil.example:9090", 403},
		{"a name that begins alike", "127.0.0.1:50000", "localhost.evil.example", 403},
		{"no name", "127.0.0.1:50000", "", 403},
		{"another machine", "192.0.2.1:50000", "127.0.0.1:9090", 403},
		{"nobody", "", "127.0.0.1:9090", 403},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			for _, r := range []*http.Request{
				httptest.NewRequest(http.MethodGet, "/", nil),
				httptest.NewRequest(http.MethodPost, "/", strings.NewReader(url.Values{"tenant": {"demoshop"}}.Encode())),
			} {
				r.Host, r.RemoteAddr = tc.host, tc.from
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set("X-Forwarded-For", "127.0.0.1")
				w := httptest.NewRecorder()
				s.AdminHandler().ServeHTTP(w, r)
				assert.Equal(t, tc.code, w.Code)
			}
		})
	}
}

func TestAdmin_IsOffByDefault(t *testing.T) {
	s, err := server.New(server.Config{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	defer s.Close()
	assert.Nil(t, s.AdminHandler())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.Error(t, s.ServeAdmin(listener))
	_, err = listener.Accept()
	assert.ErrorIs(t, err, net.ErrClosed)
}

func TestAdmin_AnswersWhileTheShopStops(t *testing.T) {
	s, err := server.New(server.Config{Admin: true, Drain: time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		return l
	}
	shop, operators := listen(), listen()
	ctx, stop := context.WithCancel(t.Context())
	ended, adminEnded := make(chan error, 1), make(chan error, 1)
	go func() { ended <- s.Serve(ctx, shop) }()
	go func() { adminEnded <- s.ServeAdmin(operators) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	code, _ := get(t, client, "http://"+operators.Addr().String()+"/readyz")
	assert.Equal(t, http.StatusOK, code)
	stop()
	require.NoError(t, <-ended)
	code, body := get(t, client, "http://"+operators.Addr().String()+"/readyz")
	assert.Equal(t, http.StatusServiceUnavailable, code)
	assert.Equal(t, "stopping\n", body)
	code, _ = get(t, client, "http://"+operators.Addr().String()+"/healthz")
	assert.Equal(t, http.StatusOK, code)
	require.NoError(t, s.Close())
	assert.NoError(t, <-adminEnded)
}

func TestReadyz_FailsForAStoreThatIsDownAndHealthzDoesNot(t *testing.T) {
	redis := redisserver.Start(t)
	s, err := server.New(server.Config{Admin: true, Store: "redis://" + redis.Addr() + "/0", KeyFile: keyFile(t), Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	defer s.Close()
	ask := func(handler http.Handler, path string) (int, string) {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Host, r.RemoteAddr = "localhost:9090", "127.0.0.1:50000"
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	for _, handler := range []http.Handler{s.Handler(), s.AdminHandler()} {
		code, body := ask(handler, "/readyz")
		assert.Equal(t, http.StatusOK, code, body)
	}
	redis.Kill()
	for _, handler := range []http.Handler{s.Handler(), s.AdminHandler()} {
		code, body := ask(handler, "/readyz")
		assert.Equal(t, http.StatusServiceUnavailable, code)
		assert.Equal(t, "the store does not answer\n", body)
		code, _ = ask(handler, "/healthz")
		assert.Equal(t, http.StatusOK, code)
	}
	code, page := ask(s.AdminHandler(), "/")
	assert.Equal(t, http.StatusOK, code)
	assert.Regexp(t, `The store (does not answer|hangs)</h1>`, page)
}
