package rest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// hostShop is a shop with a login of its own: a header says who is logged in.
func hostShop(t *testing.T, change ...func(*settings)) *shop {
	return newShop(t, append(change, func(s *settings) {
		s.middleware.Customer = func(r *http.Request) (string, error) { return r.Header.Get("X-Login"), nil }
	})...)
}

// following returns the client with the cookies that an answer sets.
func (c *client) following(a *answer) *client {
	jar := map[string]string{}
	for part := range strings.SplitSeq(c.header.Get("Cookie"), "; ") {
		if name, value, ok := strings.Cut(part, "="); ok {
			jar[name] = value
		}
	}
	for _, set := range a.Cookies() {
		if jar[set.Name] = set.Value; set.MaxAge < 0 {
			delete(jar, set.Name)
		}
	}
	var all []string
	for name, value := range jar {
		all = append(all, name+"="+value)
	}
	return c.with("Cookie", strings.Join(all, "; "))
}

func TestHostLogin_ReadMakesTheGuestsSessionTheCustomers(t *testing.T) {
	s := hostShop(t)
	guest := s.browser(sessionctx.Patch{Language: sessionctx.Set("fr"), CartID: sessionctx.Set("cart-1")})
	anna := guest.with("X-Login", "anna")
	a := anna.do("GET", "/me/context", "")
	got := a.context()
	assert.Equal(t, "anna", got.CustomerID)
	assert.Equal(t, "fr", got.Language, "the guest's choice")
	assert.Equal(t, "cart-1", got.CartID)
	assert.False(t, got.Degraded)
	require.NotEmpty(t, a.Cookies(), "the session has a new id")

	anna = anna.following(a)
	assert.Equal(t, "anna", anna.do("GET", "/me/context?explain=true", "").context().CustomerID)
	anna.do("PATCH", "/me/context", `{"currency":"CHF"}`).must(204)
	assert.Equal(t, "CHF", anna.do("GET", "/me/context", "").context().Currency)
	guest.do("GET", "/me/context", "").must(404) // the old cookie is worth nothing
}

func TestHostLogin_WriteMakesTheGuestsSessionTheCustomers(t *testing.T) {
	cases := []struct{ desc, body string }{
		{"one value", `{"currency":"CHF"}`},
		{"two values", `{"currency":"CHF","language":"fr"}`},
		{"a site", `{"siteCode":"main","currency":"CHF"}`},
		{"the context as it was shown", `{"siteCode":"main","currency":"CHF","targetLocation":"DE","language":"fr"}`},
		{"with the version of the guest's session", `{"currency":"CHF","language":"fr","metadata":{"version":%d}}`},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			s := hostShop(t)
			guest := s.browser(sessionctx.Patch{CartID: sessionctx.Set("cart-1")})
			if strings.Contains(tc.body, "%d") {
				tc.body = fmt.Sprintf(tc.body, guest.do("GET", "/me/context", "").context().Metadata.Version)
			}
			anna := guest.with("X-Login", "anna")
			a := anna.do("PATCH", "/me/context", tc.body).must(204)
			got := anna.following(a).do("GET", "/me/context", "").context()
			assert.Equal(t, "CHF", got.Currency)
			assert.Equal(t, "cart-1", got.CartID)
			assert.Equal(t, "anna", got.CustomerID)
			guest.do("GET", "/me/context", "").must(404)
		})
	}
}

func TestHostLogin_CustomerWithoutASession(t *testing.T) {
	s := hostShop(t)
	anna := s.client("X-Login", "anna")
	anna.do("GET", "/me/context", "").must(404)
	a := anna.do("PATCH", "/me/context", `{"currency":"CHF"}`).must(204)
	assert.Equal(t, "CHF", anna.following(a).do("GET", "/me/context", "").context().Currency)
	assert.Equal(t, "anna", anna.following(a).do("GET", "/me/context", "").context().CustomerID)
}

func TestHostLogin_WritesThatBeginNothing(t *testing.T) {
	s := hostShop(t)
	cases := []struct {
		desc   string
		client *client
		want   int
		reason string
	}{
		{"a token that names no session", s.client("X-Login", "anna", "Authorization", "Bearer "+claims{Tenant: "demoshop", Customer: "anna"}.sign(t)), 401, "noSession"},
		{"a request from another site, without cookies", s.client("X-Login", "anna", "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"), 403, ""},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			a := tc.client.do("PATCH", "/me/context", `{"currency":"CHF"}`).must(tc.want)
			assert.Empty(t, a.Cookies())
			if tc.reason != "" {
				assert.Equal(t, tc.reason, a.problem().Details[0]["reason"])
			}
		})
	}
}

func TestHostLogin_FirstWriteOfTwoFieldsBindsTheGuestsSession(t *testing.T) {
	for _, fields := range []string{`{"currency":"CHF"}`, `{"currency":"CHF","language":"fr"}`} {
		t.Run(fields, func(t *testing.T) {
			s := hostShop(t)
			guest := s.browser(sessionctx.Patch{CartID: sessionctx.Set("cart-1")})
			anna := guest.with("X-Login", "anna")
			a := anna.do("PATCH", "/me/context", fields).must(204)
			got := anna.following(a).do("GET", "/me/context", "").context()
			assert.Equal(t, "anna CHF cart-1", got.CustomerID+" "+got.Currency+" "+got.CartID)
		})
	}
}

func TestHostLogin_ExplanationShowsNoMoreOfAGuestsSessionThanARead(t *testing.T) {
	s := hostShop(t)
	guest := s.browser(sessionctx.Patch{Language: sessionctx.Set("fr"), CartID: sessionctx.Set("cart-1")})
	prefetch := guest.with("X-Login", "anna", "Sec-Purpose", "prefetch") // binds nothing
	for _, path := range []string{"/me/context", "/me/context?explain=true"} {
		got := prefetch.do("GET", path, "").context()
		assert.Equal(t, "anna fr ", got.CustomerID+" "+got.Language+" "+got.CartID, path)
		assert.True(t, got.Degraded, path)
	}
}

func TestHostLogin_StoreDown(t *testing.T) {
	backend := &flakyStore{Store: &memstore.Store{}}
	s := hostShop(t, func(c *settings) { c.sessions.Store = backend })
	guest := s.browser(sessionctx.Patch{CartID: sessionctx.Set("cart-1")})
	first := guest.with("X-Login", "anna").do("GET", "/me/context", "")
	other := s.browser(sessionctx.Patch{CartID: sessionctx.Set("cart-2")})
	backend.down.Store(true)
	cases := []struct {
		desc   string
		client *client
		get    int
	}{
		{"the cookie of a guest", other.with("X-Login", "bob"), 200},
		{"the cookie of a customer", guest.following(first).with("X-Login", "anna"), 200},
		{"the cookie of a guest, and nobody is logged in", other, 200},
		{"no cookie: there is no session, whatever the store has", s.client("X-Login", "bob"), 404},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			a := tc.client.do("GET", "/me/context", "").must(tc.get)
			assert.Empty(t, a.Cookies())
			tc.client.do("PATCH", "/me/context", `{"currency":"CHF","language":"fr"}`).must(503)
		})
	}
}
