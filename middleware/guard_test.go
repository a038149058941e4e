package middleware_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

// storable reports whether some shared cache keeps a response: what RFC 9111 says, and the headers
// of CDNs and proxies that have more weight.
func storable(h http.Header) bool {
	for _, name := range []string{
		"X-Accel-Expires", "Surrogate-Control", "Edge-Control", "CDN-Cache-Control", "Cloudflare-CDN-Cache-Control", "X-LiteSpeed-Cache-Control",
	} {
		if len(h.Values(name)) > 0 {
			return true
		}
	}
	for _, line := range h["Cache-Control"] {
		for member := range strings.SplitSeq(line, ",") {
			if m := strings.ToLower(strings.TrimSpace(member)); m == "private" || m == "no-store" {
				return false
			}
		}
	}
	return true
}

// Handlers say and do all of this in any order, and begin the response in every way.
func TestGuard_NoStorableResponseSetsACookieOrIsOfAnotherVariant(t *testing.T) {
	type action struct {
		desc string
		do   func(*middleware.Middleware, http.ResponseWriter, *http.Request)
	}
	header := func(name, value string) action {
		return action{name + ": " + value, func(_ *middleware.Middleware, w http.ResponseWriter, _ *http.Request) { w.Header().Set(name, value) }}
	}
	actions := []action{
		{"Shareable", func(mw *middleware.Middleware, w http.ResponseWriter, r *http.Request) {
			_ = mw.Shareable(w, r, time.Minute)
		}},
		{"Update", func(mw *middleware.Middleware, w http.ResponseWriter, r *http.Request) {
			_, err := mw.Update(w, r, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			assert.NoError(t, err)
		}},
		{"Update of the cart", func(mw *middleware.Middleware, w http.ResponseWriter, r *http.Request) {
			_, err := mw.Update(w, r, sessionctx.Patch{CartID: sessionctx.Set("cart-1")})
			assert.NoError(t, err)
		}},
		{"Login", func(mw *middleware.Middleware, w http.ResponseWriter, r *http.Request) {
			_, err := mw.Login(w, r, "anna")
			assert.NoError(t, err)
		}},
		{"Logout", func(mw *middleware.Middleware, w http.ResponseWriter, r *http.Request) {
			_, err := mw.Logout(w, r)
			assert.NoError(t, err)
		}},
		header("Cache-Control", "public, max-age=60"),
		header("Cache-Control", `private="Set-Cookie", max-age=60`),
		header("X-Accel-Expires", "60"),
		header("CDN-Cache-Control", "max-age=60"),
		header("Surrogate-Control", "max-age=60"),
		header("Set-Cookie", "theme=dark"), // in place of ours: the host's own cookie counts, too
		{"no Cache-Control and no Vary", func(_ *middleware.Middleware, w http.ResponseWriter, _ *http.Request) {
			w.Header().Del("Cache-Control")
			w.Header().Del("Vary")
		}},
	}
	begin := map[string]func(http.ResponseWriter){
		"nothing":     func(http.ResponseWriter) {},
		"WriteHeader": func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) },
		"Write":       func(w http.ResponseWriter) { _, _ = w.Write([]byte("page")) },
		"io.Copy":     func(w http.ResponseWriter) { _, _ = io.Copy(w, strings.NewReader("page")) },
		"ReadFrom":    func(w http.ResponseWriter) { _, _ = w.(io.ReaderFrom).ReadFrom(strings.NewReader("page")) },
		"Flush":       func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
		"controller":  func(w http.ResponseWriter) { assert.NoError(t, http.NewResponseController(w).Flush()) },
		"early hints": func(w http.ResponseWriter) { w.WriteHeader(http.StatusEarlyHints); w.WriteHeader(http.StatusOK) },
	}
	mw := newShop(t).middleware(withVariants)
	shared, private := 0, 0
	try := func(desc string, confirmed bool, do []action, begin func(http.ResponseWriter)) {
		b := newBrowser(t, mw)
		b.jar[variantCookie] = guestVariant
		r := b.request("/")
		if confirmed {
			r.Header.Set(variantHeader, guestVariant)
		}
		res := serve(mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for _, a := range do {
				a.do(mw, w, r)
			}
			begin(w)
			w.Header().Set("Cache-Control", "public, max-age=60") // too late to count
			w.Header().Del("Vary")
		})), r)
		if !storable(res.Header) {
			private++
			return
		}
		shared++
		assert.Empty(t, res.Header["Set-Cookie"], desc)
		assert.Equal(t, guestVariant, r.Header.Get(variantHeader), "%s: the variant that the request names", desc)
		assert.Equal(t, guestVariant, res.Header.Get(variantHeader), "%s: the variant of the page", desc)
		assert.Contains(t, strings.Join(res.Header["Vary"], ", "), variantHeader, desc)
	}
	for way, begins := range begin {
		for i, one := range actions {
			for _, confirmed := range []bool{true, false} {
				try(fmt.Sprint(way, " after ", one.desc), confirmed, actions[i:i+1], begins)
			}
		}
	}
	for _, one := range actions {
		for _, two := range actions {
			for _, three := range actions {
				for _, confirmed := range []bool{true, false} {
					try(fmt.Sprint(one.desc, ", ", two.desc, ", ", three.desc), confirmed, []action{one, two, three}, begin["Write"])
				}
			}
		}
	}
	assert.Greater(t, shared, 50, "some pages are shared")
	assert.Greater(t, private, 1000)
}

// What the handler sets after the header is written is not sent; httptest's recorder shows it, and
// so does the handler's own view. This server is a real one.
func TestGuard_PassesOnWhatTheServerCanDo(t *testing.T) {
	mw := newShop(t).middleware(withVariants)
	mux := http.NewServeMux()
	mux.HandleFunc("/hints", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("Cache-Control", "public, max-age=60") // after the first header, before the last
		fmt.Fprint(w, "page")
	})
	mux.HandleFunc("/deadline", func(w http.ResponseWriter, _ *http.Request) {
		assert.NoError(t, http.NewResponseController(w).SetReadDeadline(time.Time{}))
		fmt.Fprint(w, "page")
	})
	mux.HandleFunc("/hijack", func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if assert.NoError(t, err) {
			fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\npage")
			assert.NoError(t, conn.Close())
		}
	})
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "page.txt", time.Time{}, strings.NewReader("page"))
	})
	server := httptest.NewServer(mw.Wrap(mux))
	defer server.Close()
	for _, path := range []string{"/hints", "/deadline", "/hijack", "/file"} {
		r, err := http.NewRequest(http.MethodGet, server.URL+path, nil)
		require.NoError(t, err)
		var hints int
		r = r.WithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(code int, _ textproto.MIMEHeader) error { hints = code; return nil },
		}))
		res, err := server.Client().Do(r)
		require.NoError(t, err, path)
		body, err := io.ReadAll(bufio.NewReader(res.Body))
		require.NoError(t, err, path)
		require.NoError(t, res.Body.Close())
		assert.Equal(t, "page", string(body), path)
		if path == "/hints" {
			assert.Equal(t, http.StatusEarlyHints, hints)
		}
		if path != "/hijack" {
			assert.NotEmpty(t, res.Cookies(), path)
			assert.Equal(t, []string{"private, no-store"}, res.Header["Cache-Control"], path)
		}
	}
}

// A middleware around Wrap may answer the panic, with what the handler has set.
func TestGuard_StandsAfterAPanic(t *testing.T) {
	mw := newShop(t).middleware(withVariants)
	inner := mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=60")
		panic("a bug")
	}))
	res := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			assert.Equal(t, "a bug", recover())
			w.WriteHeader(http.StatusInternalServerError)
		}()
		inner.ServeHTTP(w, r)
	}), get("/"))
	assert.NotEmpty(t, res.Cookies())
	assert.Equal(t, []string{"private, no-store"}, res.Header["Cache-Control"])
}

// bare is a ResponseWriter that can do nothing else, as some of logging and compressing middleware.
type bare struct{ w http.ResponseWriter }

func (b bare) Header() http.Header               { return b.w.Header() }
func (b bare) WriteHeader(code int)              { b.w.WriteHeader(code) }
func (b bare) Write(content []byte) (int, error) { return b.w.Write(content) }

// Not all that looks like the begin of a response writes the header, and some ResponseWriters send
// what the header has at the end.
func TestGuard_HeaderThatIsNotWrittenYetIsStillLookedAt(t *testing.T) {
	mw := newShop(t).middleware(withVariants)
	say := func(w http.ResponseWriter) {
		w.Header().Set("Cache-Control", "public, max-age=60")
		w.Header().Set("Set-Cookie", "theme=dark")
	}
	begin := map[string]func(http.ResponseWriter){
		"a Flush that the server does not have": func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
		"the same by a controller": func(w http.ResponseWriter) {
			if err := http.NewResponseController(w).Flush(); err != nil {
				assert.ErrorIs(t, err, http.ErrNotSupported)
			}
		},
		"a Hijack that the server does not have": func(w http.ResponseWriter) {
			_, _, err := w.(http.Hijacker).Hijack()
			assert.ErrorIs(t, err, http.ErrNotSupported)
		},
		"an empty file":     func(w http.ResponseWriter) { _, _ = w.(io.ReaderFrom).ReadFrom(strings.NewReader("")) },
		"a broken file":     func(w http.ResponseWriter) { _, _ = w.(io.ReaderFrom).ReadFrom(iotest.ErrReader(io.ErrUnexpectedEOF)) },
		"early hints":       func(w http.ResponseWriter) { w.WriteHeader(http.StatusEarlyHints) },
		"a page":            func(w http.ResponseWriter) { _, _ = io.WriteString(w, "page") },
		"a status":          func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) },
		"an empty Write":    func(w http.ResponseWriter) { _, _ = w.Write(nil) },
		"a file":            func(w http.ResponseWriter) { _, _ = w.(io.ReaderFrom).ReadFrom(strings.NewReader("page")) },
		"nothing before it": func(http.ResponseWriter) {},
	}
	around := map[string]func(http.Handler) http.Handler{
		"a bare ResponseWriter": func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(bare{w}, r) })
		},
		"a ResponseWriter that sends the header at the end": func(h http.Handler) http.Handler { return http.TimeoutHandler(h, time.Hour, "") },
	}
	for way, begins := range begin {
		for desc, wrap := range around {
			for _, ends := range []bool{false, true} {
				h := wrap(mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					begins(w)
					say(w)
					if ends {
						_, _ = io.WriteString(w, "page")
					}
				})))
				res := serve(h, get("/"))
				assert.NotEmpty(t, res.Cookies(), "%s: %s", desc, way)
				assert.False(t, storable(res.Header), "%s: %s: %v", desc, way, res.Header)
			}
		}
	}
}

// The files of net/http answer errors without Cache-Control, and hosts write public.
func TestWrap_NoSharedCacheKeepsASessionCookieThatWrapSets(t *testing.T) {
	next := map[string]http.HandlerFunc{
		"a file that is missing": http.FileServerFS(fstest.MapFS{}).ServeHTTP,
		"a part that no file has": func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("Range", "bytes=99-")
			http.ServeContent(w, r, "page.txt", time.Time{}, strings.NewReader("page"))
		},
		"a page that is public": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", "public, max-age=60")
			_, _ = io.WriteString(w, "page")
		},
		"a header of a CDN":    func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("CDN-Cache-Control", "max-age=60") },
		"no word about caches": func(w http.ResponseWriter, _ *http.Request) { w.Header().Del("Cache-Control") },
	}
	for desc, handler := range next {
		t.Run(desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newShop(t)
				navigation := func(b *browser) *http.Request {
					r := b.request("/page")
					r.Header.Set("Sec-Fetch-Mode", "navigate")
					r.Header.Set("Sec-Fetch-Dest", "document")
					return r
				}
				mw := s.middleware(nil)
				b := newBrowser(t, mw)
				b.update("/", sessionctx.Patch{Currency: sessionctx.Set("CHF")})
				for range 3 { // a quarter of the cookie's life after the last write
					time.Sleep(30 * time.Minute)
					b.get("/")
				}
				res := serve(mw.Wrap(handler), navigation(b))
				assert.NotEmpty(t, res.Cookies(), "renewed")
				assert.False(t, storable(res.Header), "%v", res.Header)

				who := ""
				mw = s.middleware(func(cfg *middleware.Config) {
					cfg.Customer = func(*http.Request) (string, error) { return who, nil }
				})
				b = newBrowser(t, mw)
				b.update("/", sessionctx.Patch{Currency: sessionctx.Set("CHF")})
				who = "anna"
				res = serve(mw.Wrap(handler), navigation(b))
				assert.Len(t, res.Cookies(), 2, "the customer's, and the end of the guest's")
				assert.False(t, storable(res.Header), "%v", res.Header)
			})
		})
	}
}
