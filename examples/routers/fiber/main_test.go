package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/adaptor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/examples/routers/internal/shoptest"
)

// serve serves app until the test ends, and returns its URL.
func serve(t *testing.T, app *fiber.App) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- app.Listener(listener, fiber.ListenConfig{DisableStartupMessage: true, GracefulContext: ctx})
	}()
	t.Cleanup(func() {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections() // the app waits for their end
		stop()
		require.NoError(t, <-done)
	})
	return "http://" + listener.Addr().String()
}

func TestApp_ShowsAndChanges(t *testing.T) {
	mw := shoptest.Open(t)
	shoptest.Run(t, serve(t, app(mw, adapt(mw.Wrap))))
}

// The obvious adapter loses the session. If this test fails, it does so no longer: then
// docs/routers.md can say so.
func TestHTTPMiddleware_LosesTheSession(t *testing.T) {
	mw := shoptest.Open(t)
	b := &shoptest.Browser{Base: serve(t, app(mw, adaptor.HTTPMiddleware(mw.Wrap)))}
	answer, page := b.Do(t, http.MethodGet, "/", nil)
	assert.Equal(t, http.StatusOK, answer.StatusCode)
	assert.Equal(t, "no session\n", page)
}

func TestAdapt_ResponseIsOfMiddlewareAndHandler(t *testing.T) {
	type wrap = func(http.Handler) http.Handler
	before := func(name, value string) wrap {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Add(name, value)
				next.ServeHTTP(w, r)
			})
		}
	}
	tests := []struct {
		desc    string
		wrap    wrap
		handler fiber.Handler
		status  int
		header  http.Header // of those that are named
		body    string
	}{
		{
			"a header of the middleware stays", before("X-From", "middleware"),
			func(c fiber.Ctx) error { return c.SendString("page") },
			200, http.Header{"X-From": {"middleware"}}, "page",
		},
		{
			"a handler can say otherwise", before("Cache-Control", "private"),
			func(c fiber.Ctx) error { c.Set("Cache-Control", "public"); return c.SendString("page") },
			200, http.Header{"Cache-Control": {"public"}}, "page",
		},
		{
			"what a handler gives to the http.ResponseWriter comes last", before("Cache-Control", "private"),
			func(c fiber.Ctx) error {
				c.Set("Cache-Control", "public")
				w, _ := pair(c)
				w.Header().Set("Cache-Control", "no-store")
				return c.SendString("page")
			},
			200, http.Header{"Cache-Control": {"no-store"}}, "page",
		},
		{
			"a cookie is replaced, and another one stays", before("Set-Cookie", "id=old"),
			func(c fiber.Ctx) error {
				w, _ := pair(c)
				w.Header()["Set-Cookie"] = []string{"id=new", "other=1"}
				return c.SendString("page")
			},
			200, http.Header{"Set-Cookie": {"id=new", "other=1"}}, "page",
		},
		{
			"an error of the handler keeps the headers", before("X-From", "middleware"),
			func(c fiber.Ctx) error { return fiber.NewError(http.StatusTeapot, "no coffee") },
			418, http.Header{"X-From": {"middleware"}}, "no coffee",
		},
		{
			"a middleware answers, and the handler is not called",
			func(http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					http.Error(w, r.Host+" is closed", http.StatusServiceUnavailable)
				})
			},
			func(c fiber.Ctx) error { return c.SendString("page") },
			503, http.Header{"Content-Type": {"text/plain; charset=utf-8"}, "X-Content-Type-Options": {"nosniff"}}, "shop.example is closed\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			app := fiber.New()
			app.Use(adapt(tt.wrap))
			app.Get("/", tt.handler)
			answer, err := app.Test(httptest.NewRequest(http.MethodGet, "http://shop.example/", nil))
			require.NoError(t, err)
			defer answer.Body.Close()
			assert.Equal(t, tt.status, answer.StatusCode)
			for name, values := range tt.header {
				assert.Equal(t, values, answer.Header.Values(name), name)
			}
			body := make([]byte, 100)
			n, _ := answer.Body.Read(body)
			assert.Equal(t, tt.body, string(body[:n]))
		})
	}
}

// fasthttp uses the memory of a request again: nothing that a session keeps may be in it.
func TestAdapt_RequestIsACopy(t *testing.T) {
	var kept *http.Request
	app := fiber.New()
	app.Use(adapt(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if kept == nil {
				kept = r
			}
			next.ServeHTTP(w, r)
		})
	}))
	base := serve(t, app)
	b := &shoptest.Browser{Base: base, Cookie: "id=aaaaaaaaaa", Header: http.Header{
		"Authorization": {"Bearer aaaaaaaaaa"}, "Accept-Language": {"de", "en;q=0.5"},
	}}
	b.Do(t, http.MethodGet, "/aaaaaaaaaa", nil)
	b.Cookie, b.Header = "id=zzzzzzzzzz", http.Header{"Authorization": {"Bearer zzzzzzzzzz"}}
	b.Do(t, http.MethodGet, "/zzzzzzzzzz", nil)

	assert.Equal(t, "/aaaaaaaaaa", kept.URL.Path)
	assert.Equal(t, "/aaaaaaaaaa", kept.RequestURI)
	assert.Equal(t, "Bearer aaaaaaaaaa", kept.Header.Get("Authorization"))
	assert.Equal(t, "id=aaaaaaaaaa", kept.Header.Get("Cookie"))
	assert.Equal(t, []string{"de", "en;q=0.5"}, kept.Header.Values("Accept-Language"))
	assert.Equal(t, base, "http://"+kept.Host)
}
