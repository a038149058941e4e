package middleware

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
)

// guard is a ResponseWriter that keeps a response out of shared caches, unless it is the same for
// everybody whose request names its variant. What the handler has said about caching, and when,
// does not count. guard is the only ResponseWriter of this package, and it is used only with
// Config.Variant: without variants a response with a session cookie is never meant for shared
// caches.
type guard struct {
	http.ResponseWriter
	asked []string // the lines of the request's header
	begun bool     // the header is written
}

// Unwrap is for http.ResponseController.
func (g *guard) Unwrap() http.ResponseWriter { return g.ResponseWriter }

func (g *guard) WriteHeader(code int) {
	g.check()
	g.begun = g.begun || code >= http.StatusOK
	g.ResponseWriter.WriteHeader(code)
}

func (g *guard) Write(b []byte) (int, error) {
	g.begin()
	return g.ResponseWriter.Write(b)
}

// ReadFrom lets net/http send a file without a copy of it.
func (g *guard) ReadFrom(r io.Reader) (int64, error) {
	g.begin()
	return io.Copy(g.ResponseWriter, r)
}

func (g *guard) Flush() { _ = g.FlushError() }

func (g *guard) FlushError() error {
	g.begin()
	return http.NewResponseController(g.ResponseWriter).Flush()
}

func (g *guard) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(g.ResponseWriter).Hijack()
}

// begin is called before the first byte of the body.
func (g *guard) begin() {
	g.check()
	g.begun = true
}

// check makes the response private if no shared cache may keep it, unless its header is written
// already.
func (g *guard) check() {
	h := g.Header()
	switch {
	case g.begun || !isStorable(h):
	case len(h["Set-Cookie"]) == 0 && confirmed(g.asked, h):
		h["Vary"] = addNames(h["Vary"], variantHeader)
	default:
		h["Cache-Control"] = []string{noStore}
		for name := range h {
			if overrides(name) {
				delete(h, name)
			}
		}
	}
}

// confirmed reports whether the lines of the request's header name the variant that the response h
// is of. Caches keep a page under the name that the request has, so they must keep no other.
func confirmed(lines []string, h http.Header) bool {
	return len(lines) == 1 && lines[0] != "" && slices.Equal(lines, h[variantHeader])
}

// isStorable reports whether a shared cache may keep the response.
func isStorable(h http.Header) bool {
	for name := range h {
		if overrides(name) {
			return true
		}
	}
	lines := h["Cache-Control"]
	return !hasMember(lines, "private") && !hasMember(lines, "no-store")
}

// overrides reports whether a header has more weight than Cache-Control for some shared caches: the
// targeted fields of RFC 9213 and those of CDNs, Edge Side Includes and nginx.
func overrides(name string) bool {
	return name == "X-Accel-Expires" || name == "Surrogate-Control" || name == "Edge-Control" ||
		strings.HasSuffix(name, "-Cache-Control")
}
