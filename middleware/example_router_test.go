package middleware_test

import (
	"log"
	"net/http"
	"net/http/httptest"
	"slices"

	"github.com/sessionctx/storefront/middleware"
)

// router stands for any router with a Use method, such as chi's.
type router struct {
	http.ServeMux
	chain []func(http.Handler) http.Handler
}

func (rt *router) Use(wraps ...func(http.Handler) http.Handler) {
	rt.chain = append(rt.chain, wraps...)
}

func (rt *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var h http.Handler = &rt.ServeMux
	for _, wrap := range slices.Backward(rt.chain) {
		h = wrap(h)
	}
	h.ServeHTTP(w, r)
}

// Wrap is a method value for routers that take a func(http.Handler) http.Handler.
func ExampleMiddleware_Wrap() {
	resolver := newResolver()
	defer resolver.Close()
	mw, err := middleware.New(middleware.Config{Resolver: resolver, Tenant: middleware.Tenant("demoshop")})
	if err != nil {
		log.Fatal(err)
	}

	r := new(router)
	r.Use(mw.Wrap)
	r.Handle("GET /", page)

	show(r, httptest.NewRequest("GET", "/", nil))
	// Output:
	// 200 guest: main EUR DE de
}
