package middleware_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

// A handler that outlives its request, such as a long poll, asks the resolver by itself: Request
// says for whom.
func ExampleMiddleware_Request() {
	resolver := newResolver()
	defer resolver.Close()
	mw, err := middleware.New(middleware.Config{
		Resolver: resolver, Tenant: middleware.Tenant("demoshop"), Sites: map[string]middleware.SiteLanguage{"shop.example.ch": {Site: "ch"}},
	})
	if err != nil {
		log.Fatal(err)
	}

	poll := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		req, err := mw.Request(r)
		if err != nil {
			log.Fatal(err)
		}
		now, err := resolver.Resolve(r.Context(), req) // as the session is now, and not as the request found it
		fmt.Println(now.Site, now.Currency, err)
	})
	poll.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "http://shop.example.ch/poll", nil))

	// Where there is no HTTP at all, code says who is asking.
	job := sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: "order-4711", CustomerID: "anna", Proof: sessionctx.Asserted}}
	s, err := resolver.Resolve(context.Background(), job)
	fmt.Println(s.Country, s.Language, err)
	// Output:
	// ch CHF <nil>
	// AT en <nil>
}
