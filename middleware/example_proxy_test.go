package middleware_test

import (
	"fmt"
	"log"
	"net/http/httptest"
	"net/netip"

	"github.com/sessionctx/storefront/middleware"
)

// The country that a CDN found out, believed from the CDN's addresses alone.
func ExampleConfig_trustedProxies() {
	resolver := newResolver()
	defer resolver.Close()
	mw, err := middleware.New(middleware.Config{
		Resolver:       resolver,
		Tenant:         middleware.Tenant("demoshop"),
		CountryHeader:  "CF-IPCountry",
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
	})
	if err != nil {
		log.Fatal(err)
	}
	handler := mw.Wrap(page)

	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "192.0.2.17:31337"
	r.Header.Set("CF-IPCountry", "FR")
	show(handler, r)

	// The attack: past the CDN, straight to the server, with headers that claim otherwise.
	fmt.Println("attack:")
	r.RemoteAddr = "203.0.113.66:31337"
	r.Header.Set("X-Forwarded-For", "192.0.2.17")
	r.Header.Set("X-Real-IP", "192.0.2.17")
	show(handler, r)
	// Output:
	// 200 guest: main EUR FR de
	// attack:
	// 200 guest: main EUR DE de
}
