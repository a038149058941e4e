package rest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/sessionctx"
)

// A script of the page changes the session by PATCH, and the next page comes from a page cache.
func TestVariant_IsToldByTheInterface(t *testing.T) {
	const name, euro, francs = "__Host-Session-Variant", "1-demoshop:main:EUR:DE:de", "1-demoshop:main:CHF:DE:de"
	s := newShop(t, func(s *settings) { s.middleware.Variant = true })
	variant := func(a *answer) *http.Cookie {
		for _, c := range a.Cookies() {
			if c.Name == name {
				return c
			}
		}
		return nil
	}
	browser := s.browser(sessionctx.Patch{Currency: sessionctx.Set("EUR")})
	browser.header.Add("Cookie", name+"="+euro)
	a := browser.do("PATCH", "/me/context", `{"currency":"CHF"}`).must(204)
	if c := variant(a); assert.NotNil(t, c, "a choice") {
		assert.Equal(t, francs, c.Value)
	}
	assert.Equal(t, francs, a.Header.Get("Session-Variant"))
	assert.Equal(t, "private, no-store", a.Header.Get("Cache-Control"))

	a = browser.do("PATCH", "/me/context", `{"currency":"EUR"}`).must(204)
	assert.Nil(t, variant(a), "the browser has this variant")
	a = s.shopper("s1").do("POST", "/me/context/attributes", `{"key":"a","value":1}`)
	assert.Nil(t, variant(a), "a token says nothing of the browser's pages")
	a = browser.do("PATCH", "/me/context", `{"currency":"JPY"}`).must(400)
	if c := variant(a); assert.NotNil(t, c, "refused: the next request comes through") {
		assert.Negative(t, c.MaxAge)
	}
}
