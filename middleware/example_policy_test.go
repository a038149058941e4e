package middleware_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

// late is a login service that knows the visitor, but refuses her credentials.
func late(*http.Request) (sessionctx.Identity, error) {
	return sessionctx.Identity{}, fmt.Errorf("%w: logged in too long ago", middleware.ErrUnauthenticated)
}

// Whatever goes wrong, the shop stays open: with defaults, where there are any.
func ExampleRenderDefaults() {
	resolver := newResolver()
	defer resolver.Close()
	mw, err := middleware.New(middleware.Config{
		Resolver: resolver, Tenant: middleware.Tenant("demoshop"), Identify: late,
		OnError: middleware.RenderDefaults,
	})
	if err != nil {
		log.Fatal(err)
	}
	show(mw.Wrap(page), httptest.NewRequest("GET", "/", nil))
	// Output:
	// 200 guest: main EUR DE de
}

// Whatever goes wrong, the request fails, here with a line in a log of the host's.
func ExampleFail() {
	resolver := newResolver()
	defer resolver.Close()
	mw, err := middleware.New(middleware.Config{
		Resolver: resolver, Tenant: middleware.Tenant("demoshop"), Identify: late,
		OnError: func(w http.ResponseWriter, r *http.Request, err error, next http.Handler) {
			fmt.Println("log:", err)
			middleware.Fail(w, r, err, next)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	show(mw.Wrap(page), httptest.NewRequest("GET", "/", nil))
	// Output:
	// log: middleware: unauthenticated: logged in too long ago
	// 401 Unauthorized
}
