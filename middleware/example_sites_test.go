package middleware_test

import (
	"fmt"
	"log"
	"net/http/httptest"

	"github.com/sessionctx/storefront/middleware"
)

// The site from the host, or from host and path, by an exact list.
func ExampleConfig_sites() {
	resolver := newResolver()
	defer resolver.Close()
	mw, err := middleware.New(middleware.Config{
		Resolver: resolver,
		Tenant:   middleware.Tenant("demoshop"),
		Sites: map[string]middleware.SiteLanguage{
			"shop.example":    {Site: "main"},
			"shop.example/ch": {Site: "ch"},
			"shop.example.ch": {Site: "ch"},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	handler := mw.Wrap(page)

	for _, url := range []string{
		"http://shop.example/shoes", "http://shop.example/ch/shoes", "http://shop.example/chairs", "http://Shop.Example.CH.:8080/shoes",
	} {
		show(handler, httptest.NewRequest("GET", url, nil))
	}

	// The attack: a cache in front, keyed by path, would keep what a Host or X-Forwarded-Host of
	// the attacker's choice made of the page. An unlisted host has no request site, and forwarded
	// headers are not read.
	fmt.Println("attacks:")
	poisoned := httptest.NewRequest("GET", "/shoes", nil)
	poisoned.Host = "shop.example.ch.attacker.example"
	show(handler, poisoned)
	forwarded := httptest.NewRequest("GET", "http://shop.example/shoes", nil)
	forwarded.Header.Set("X-Forwarded-Host", "shop.example.ch")
	show(handler, forwarded)
	// Output:
	// 200 guest: main EUR DE de
	// 200 guest: ch CHF CH de
	// 200 guest: main EUR DE de
	// 200 guest: ch CHF CH de
	// attacks:
	// 200 guest: main EUR DE de
	// 200 guest: main EUR DE de
}
