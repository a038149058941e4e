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
// does not count. guard is the only ResponseWriter of this package. It is used only with
// Config.Variant, and where Attach has set a session cookie: http.FileServer and http.ServeContent
// delete Cache-Control from their errors.
type guard struct {
	http.ResponseWriter
	asked []string // the lines of the request's header
	begun bool     // the header is written, if the ResponseWriter below keeps none back
}

// Unwrap is for http.ResponseController.
func (g *guard) Unwrap() http.ResponseWriter { return g.ResponseWriter }

func (g *guard) WriteHeader(code int) {
	g.begin()
	g.begun = g.begun || code >= http.StatusOK
	g.ResponseWriter.WriteHeader(code)
}

func (g *guard) Write(b []byte) (int, error) {
	g.begin()
	g.begun = true
	return g.ResponseWriter.Write(b)
}

// ReadFrom lets net/http send a file without a copy of it.
func (g *guard) ReadFrom(r io.Reader) (int64, error) {
	g.begin()
	n, err := io.Copy(g.ResponseWriter, r)
	g.begun = g.begun || n > 0 // an empty file writes no header
	return n, err
}

func (g *guard) Flush() { _ = g.FlushError() }

func (g *guard) FlushError() error {
	g.begin()
	err := http.NewResponseController(g.ResponseWriter).Flush()
	g.begun = g.begun || err == nil // a ResponseWriter that cannot flush writes no header
	return err
}

func (g *guard) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(g.ResponseWriter).Hijack()
}

// begin is called before what may write the header.
func (g *guard) begin() {
	if !g.begun {
		g.check()
	}
}

// check makes the response private if no shared cache may keep it. At the end of the handler it
// also counts for a header that is written: http.TimeoutHandler and other ResponseWriters that keep
// the response back send what the header has then.
func (g *guard) check() {
	h := g.Header()
	switch {
	case !isStorable(h):
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
