package main

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"slices"

	"github.com/gofiber/fiber/v3"
)

// adapt makes net/http middleware a handler of fiber. The context of the request that the
// middleware hands on becomes that of the fiber.Ctx, and what the middleware writes becomes the
// answer. See [pair] for handlers.
//
// adapt does not use adaptor.HTTPMiddleware, which looks for values in contexts by reflection, and
// knows context.WithValue alone. It would lose the context of a session, without an error.
func adapt(wrap func(http.Handler) http.Handler) fiber.Handler {
	return func(c fiber.Ctx) (err error) {
		r, err := request(c)
		if err != nil {
			return fiber.ErrBadRequest
		}
		w := &writer{c: c, header: http.Header{}}
		wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			w.flush() // before the handlers, so that they can say otherwise
			c.SetContext(r.Context())
			c.Locals(pairKey{}, func() (http.ResponseWriter, *http.Request) { return w, r })
			err = c.Next()
		})).ServeHTTP(w, r)
		w.flush()
		for _, cookie := range w.header["Set-Cookie"] { // last: a later call can have replaced a cookie
			c.Response().Header.Add("Set-Cookie", cookie)
		}
		return err
	}
}

type pairKey struct{}

// pair returns what a handler below adapt gives to functions that want an http.ResponseWriter and
// an *http.Request. They are good until the handler returns.
func pair(c fiber.Ctx) (http.ResponseWriter, *http.Request) {
	return c.Locals(pairKey{}).(func() (http.ResponseWriter, *http.Request))()
}

// request returns a copy of the request. It does not use adaptor.ConvertRequest, whose result
// shares its texts with buffers that fasthttp uses again, and has only one line of a header that
// has several.
func request(c fiber.Ctx) (*http.Request, error) {
	in := &c.RequestCtx().Request
	u, err := url.ParseRequestURI(string(in.Header.RequestURI()))
	if err != nil {
		return nil, err
	}
	r := &http.Request{
		Method: string(in.Header.Method()), URL: u, RequestURI: string(in.Header.RequestURI()),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Host: string(in.Host()), RemoteAddr: c.RequestCtx().RemoteAddr().String(), TLS: c.RequestCtx().TLSConnectionState(),
		Header: http.Header{}, ContentLength: int64(len(in.Body())), Body: io.NopCloser(bytes.NewReader(in.Body())),
	}
	for name, value := range in.Header.All() {
		if string(name) != "Host" {
			r.Header.Add(string(name), string(value))
		}
	}
	return r.WithContext(c.Context()), nil
}

// writer is an http.ResponseWriter that writes to the answer of a fiber.Ctx.
type writer struct {
	c               fiber.Ctx
	header, flushed http.Header
}

func (w *writer) Header() http.Header  { return w.header }
func (w *writer) WriteHeader(code int) { w.c.Status(code) }

func (w *writer) Write(b []byte) (int, error) {
	w.c.Response().AppendBody(b)
	return len(b), nil
}

// flush gives the answer each header that has changed since the last flush, but no cookies.
func (w *writer) flush() {
	for name, values := range w.header {
		if name == "Set-Cookie" || slices.Equal(values, w.flushed[name]) {
			continue
		}
		w.c.Response().Header.Del(name)
		for _, value := range values {
			w.c.Response().Header.Add(name, value)
		}
	}
	w.flushed = w.header.Clone()
}
