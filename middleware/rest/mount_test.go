package rest_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
)

type siteList = defaults.Site

// serve starts a server on a port of the machine.
func serve(t testing.TB, h http.Handler) net.Addr {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.Listener.Addr()
}

// send sends a request whose path nothing has cleaned or escaped, and reads the answer.
func send(t testing.TB, to net.Addr, method, path string, header http.Header, body ...string) *answer {
	t.Helper()
	conn, err := net.Dial("tcp", to.String())
	require.NoError(t, err)
	defer conn.Close()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n", method, path)
	require.NoError(t, header.Write(&b))
	if len(body) > 0 {
		fmt.Fprintf(&b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body[0]))
	}
	b.WriteString("\r\n" + strings.Join(body, ""))
	_, err = conn.Write([]byte(b.String()))
	require.NoError(t, err)
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	require.NoError(t, err)
	defer res.Body.Close()
	return read(t, res)
}

func TestHandler_ServesOnAnyMux(t *testing.T) {
	stripped := func(h http.Handler) http.Handler { return http.StripPrefix("/api", h) }
	cases := []struct {
		desc, base string
		mount      func(*shop) http.Handler
	}{
		{"by itself", "", func(s *shop) http.Handler { return s.handler }},
		{"below its prefix", "", func(s *shop) http.Handler {
			mux := http.NewServeMux()
			mux.Handle("/session-context/", s.handler)
			return mux
		}},
		{"below a pattern with a wildcard", "", func(s *shop) http.Handler {
			mux := http.NewServeMux()
			mux.Handle("/session-context/{tenant}/", s.handler)
			return mux
		}},
		{"behind the middleware's Wrap", "", func(s *shop) http.Handler {
			mux := http.NewServeMux()
			mux.Handle("/session-context/", s.handler)
			return s.mw.Wrap(mux)
		}},
		{"inside of StripPrefix", "/api", func(s *shop) http.Handler {
			mux := http.NewServeMux()
			mux.Handle("/api/session-context/", stripped(s.handler))
			return mux
		}},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			s := newShop(t, func(c *settings) { c.middleware.Tenant = func(*http.Request) string { return "demoshop" } })
			server := serve(t, tc.mount(s))
			token := s.shopper("s 1/ü").header
			base := tc.base + "/session-context/demoshop"
			send(t, server, "GET", base+"/openapi.json", nil).must(200)
			send(t, server, "GET", base+"/me/context", nil).must(401)
			send(t, server, "POST", base+"/me/context/attributes", token, `{"key":"gift wrap/ü","value":1}`).must(201)
			send(t, server, "POST", base+"/me/context/attributes", token, `{"key":"a/b/c%2F","value":2}`).must(201)
			send(t, server, "POST", base+"/me/context/attributes", token, `{"key":"..","value":2}`).must(201)
			op := s.operator().header
			for _, path := range []string{"s%201%2F%C3%BC", "s%201%2f%c3%bc", "%73%201%2F%C3%BC"} {
				b := send(t, server, "GET", base+"/context/"+path, op).context()
				assert.Len(t, b.Context, 3)
				assert.Equal(t, "s 1/ü", b.SessionID)
			}
			send(t, server, "DELETE", base+"/me/context/attributes/gift%20wrap%2Fü", token).must(204)
			send(t, server, "DELETE", base+"/context/s%201%2F%C3%BC/attributes/a/b%2Fc%252F", op).must(204)
			send(t, server, "DELETE", base+"/me/context/attributes/%2E%2E", token).must(204)
			b := send(t, server, "GET", base+"/me/context", token).context()
			assert.Empty(t, b.Context)
			send(t, server, "GET", base+"/nothing", token).must(404)
		})
	}
}

func TestHandler_PathSaysExactlyOneThing(t *testing.T) {
	s := newShop(t)
	server := serve(t, s.handler) // no mux that cleans paths
	op := s.operator().header
	cases := []struct {
		desc, path string
		want       int
	}{
		{"a session that is not there", "/session-context/demoshop/context/s1", 404},
		{"no session id", "/session-context/demoshop/context/", 404},
		{"no session id, an attribute", "/session-context/demoshop/context//attributes/a", 404},
		{"a slash too many at the end", "/session-context/demoshop/context/s1/", 404},
		{"something else of a session", "/session-context/demoshop/context/s1/attribute", 404},
		{"a dot segment", "/session-context/demoshop/./me/context", 404},
		{"two dots", "/session-context/demoshop/../demoshop/me/context", 404},
		{"an empty segment", "/session-context/demoshop//me/context", 404},
		{"an empty tenant", "/session-context//me/context", 400},
		{"the prefix alone", "/session-context/", 404},
		{"the tenant alone", "/session-context/demoshop", 404},
		{"the tenant and a slash", "/session-context/demoshop/", 404},
		{"another case", "/session-context/demoshop/Me/Context", 404},
		{"an escaped slash between what is fixed", "/session-context/demoshop/me%2Fcontext", 404},
		{"escapes in what is fixed", "/session-context/demoshop/m%65/context", 404},
		{"an upper-case tenant", "/session-context/DemoShop/me/context", 400},
		{"a short tenant", "/session-context/ab/openapi.json", 400},
		{"a long tenant", "/session-context/a2345678901234567/openapi.json", 400},
		{"a tenant with a digit first", "/session-context/1shop/openapi.json", 400},
		{"a tenant with a slash", "/session-context/demo%2Fshop/openapi.json", 400},
		{"a tenant with a line break", "/session-context/demoshop%0A/openapi.json", 400},
		{"a session id that is no UTF-8", "/session-context/demoshop/context/%FF", 400},
		{"a name that is no UTF-8", "/session-context/demoshop/context/s1/attributes/%C3%28", 400},
		{"no tenant, and nowhere", "/", 404},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) { send(t, server, "GET", tc.path, op).must(tc.want) })
	}
	// net/http itself refuses what cannot be unescaped; other servers might not.
	r := httptest.NewRequest("GET", "/session-context/demoshop/context/s1", nil)
	r.URL.Path, r.URL.RawPath = "/session-context/demoshop/context/100%", ""
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	assert.Equal(t, 401, w.Code, "%25 is how it is escaped")
}

func TestHandler_UnknownMethodIsToldTheAllowedOnes(t *testing.T) {
	s := newShop(t)
	for path, allow := range map[string]string{
		"/openapi.json":            "GET, HEAD",
		"/me/context":              "GET, HEAD, PATCH",
		"/me/context/attributes":   "POST",
		"/me/context/attributes/a": "DELETE",
		"/context/s1":              "GET, HEAD, PUT",
		"/context/s1/attributes":   "POST",
		"/context/s1/attributes/a": "DELETE",
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get"} {
			if strings.Contains(allow+",", method+",") {
				continue
			}
			for _, c := range []*client{s.client(), s.operator()} {
				a := c.do(method, path, "").must(405)
				assert.Equal(t, allow, a.Header.Get("Allow"), "%s %s", method, path)
			}
		}
	}
}
