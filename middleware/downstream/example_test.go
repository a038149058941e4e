package downstream_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/middleware/bearer"
	"github.com/sessionctx/storefront/middleware/downstream"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// A storefront asks the service for prices, which answers in the shopper's currency.
func Example() {
	secret := []byte("0123456789abcdef0123456789abcdef") // both services have it

	// The service for prices.
	verifier, err := downstream.NewVerifier(downstream.VerifierConfig{
		Audience: "prices",
		Issuers:  map[string][]bearer.Key{"storefront": {{ID: "2026-11", Algorithm: "HS256", Key: secret}}},
	})
	if err != nil {
		log.Fatal(err)
	}
	price := func(w http.ResponseWriter, r *http.Request) {
		s, _ := sessionctx.FromContext(r.Context())
		fmt.Fprintf(w, "lamp: 49 %s", s.Currency)
	}
	service := httptest.NewServer(verifier.Wrap(http.HandlerFunc(price)))
	defer service.Close()

	// The storefront.
	transport, err := downstream.NewTransport(downstream.TransportConfig{
		Issuer: "storefront", KeyID: "2026-11", Key: secret,
		Audiences: map[string]string{service.URL: "prices"}, // "https://prices.internal"
	})
	if err != nil {
		log.Fatal(err)
	}
	client := &http.Client{Transport: transport}
	mw := newMiddleware()
	show := func(w http.ResponseWriter, r *http.Request) {
		ask, err := http.NewRequestWithContext(r.Context(), "GET", service.URL+"/lamp", nil)
		if err != nil {
			log.Fatal(err)
		}
		resp, err := client.Do(ask)
		if err != nil {
			middleware.Fail(w, r, err, nil)
			return
		}
		defer resp.Body.Close()
		w.WriteHeader(resp.StatusCode)
		io.Copy(w, resp.Body)
	}
	choose := func(w http.ResponseWriter, r *http.Request) {
		s, err := mw.Update(w, r, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
		if err != nil {
			middleware.Fail(w, r, err, nil)
			return
		}
		// The session in the context of r is the one from the beginning of the request.
		show(w, r.WithContext(sessionctx.NewContext(r.Context(), s)))
	}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /", show)
	mux.HandleFunc("POST /", choose)
	for _, method := range []string{"GET", "POST"} {
		w := httptest.NewRecorder()
		mw.Wrap(mux).ServeHTTP(w, httptest.NewRequest(method, "/", nil))
		fmt.Println(w.Code, w.Body)
	}

	// Somebody who is no service of the shop.
	resp, err := http.Get(service.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Println(string(body), err)
	// Output:
	// 200 lamp: 49 EUR
	// 200 lamp: 49 CHF
	// {"type":"about:blank","title":"Unauthorized","status":401,"detail":"The request has no Session-Context header."} <nil>
}

// A service that has a Resolver on the store of the storefront sees the session as it is now. It
// answers with what the storefront saw while it cannot reach the store.
func ExampleConfig_resolver() {
	secret := []byte("0123456789abcdef0123456789abcdef")
	resolver, err := sessionctx.New(sessionctx.Config{Store: &memstore.Store{}, Directory: shop})
	if err != nil {
		log.Fatal(err)
	}
	defer resolver.Close()
	verifier, err := downstream.NewVerifier(downstream.VerifierConfig{
		Audience: "orders",
		Issuers:  map[string][]bearer.Key{"storefront": {{ID: "2026-11", Algorithm: "HS256", Key: secret}}},
		Resolver: resolver,
		OnError: func(w http.ResponseWriter, r *http.Request, err error, next http.Handler) {
			if errors.Is(err, sessionctx.ErrUnavailable) && r.Method == http.MethodGet {
				next.ServeHTTP(w, r) // with the session of the token
				return
			}
			downstream.Fail(w, r, err, next)
		},
	})
	if err != nil {
		log.Fatal(err)
	}

	transport, err := downstream.NewTransport(downstream.TransportConfig{
		Issuer: "storefront", KeyID: "2026-11", Key: secret,
		Audiences: map[string]string{"https://orders.internal": "orders"},
		Select: func(audience string, s sessionctx.Session) sessionctx.Session {
			return s.WithAttributes("coupon")
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	ended := sessionctx.Request{Identity: sessionctx.Identity{Tenant: "myshop", SessionID: "s-1", Proof: sessionctx.Asserted}}
	s, err := resolver.Update(httptest.NewRequest("GET", "/", nil).Context(), ended, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	if err != nil {
		log.Fatal(err)
	}
	token, err := transport.Token("orders", s)
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	if err := resolver.End(r.Context(), ended); err != nil {
		log.Fatal(err)
	}
	r.Header.Set(downstream.Header, token)
	w := httptest.NewRecorder()
	verifier.Wrap(http.NotFoundHandler()).ServeHTTP(w, r)
	fmt.Println(w.Body)
	// Output:
	// {"type":"about:blank","title":"Not Found","status":404,"detail":"The session has ended."}
}

func newMiddleware() *middleware.Middleware {
	resolver, err := sessionctx.New(sessionctx.Config{Store: &memstore.Store{}, Directory: shop})
	if err != nil {
		log.Fatal(err)
	}
	mw, err := middleware.New(middleware.Config{Resolver: resolver, Tenant: middleware.Tenant("myshop")})
	if err != nil {
		log.Fatal(err)
	}
	return mw
}

var shop = sessionctx.Static{"myshop": {Sites: []defaults.Site{{
	Code: "main", Default: true, Country: "DE", Currency: "EUR", Currencies: []string{"CHF"}, Language: "de",
}}}}
