package middleware_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware"
)

var longest = strings.Repeat("a234567890123456789012345678901234567890123456789.", 5) + "abc" // 253 bytes

var listed = map[string]middleware.SiteLanguage{
	"shop.example":             {Site: "main"},
	longest:                    {Site: "main"},
	"shop.example/at":          {Site: "at"},
	"shop.example/at/b2b/":     {Site: "trade"},
	"SHOP.ch.":                 {Site: "ch"},
	"m.shop.example/at":        {Site: "at"},
	"xn--mnchen-3ya.example":   {Site: "main"},
	"127.0.0.1":                {Site: "main"},
	"[2001:db8::1]":            {Site: "main"},
	"under_score.shop.example": {Site: "main"},
}

func TestSites_ComeFromListedHostsAlone(t *testing.T) {
	mw := newShop(t).middleware(func(cfg *middleware.Config) { cfg.Sites = listed })
	cases := []struct {
		desc, host, path, want string
	}{
		{"a listed host", "shop.example", "/", "main"},
		{"in capitals", "Shop.EXAMPLE", "/", "main"},
		{"with a port", "shop.example:8443", "/", "main"},
		{"with an empty port", "shop.example:", "/", "main"},
		{"with the dot of the root", "shop.example.", "/", "main"},
		{"with all of them", "SHOP.example.:443", "/", "main"},
		{"listed with capitals and a dot", "shop.ch", "/", "ch"},
		{"in ASCII form", "XN--mnchen-3ya.example", "/", "main"},
		{"an IPv4 address", "127.0.0.1:8080", "/", "main"},
		{"an IPv6 address", "[2001:DB8::1]:8080", "/", "main"},
		{"an IPv6 address without port", "[2001:db8::1]", "/", "main"},
		{"with an underscore", "under_score.shop.example", "/", "main"},

		{"a path prefix", "shop.example", "/at/shoes", "at"},
		{"a path prefix alone", "shop.example", "/at", "at"},
		{"a path prefix with a slash", "shop.example", "/at/", "at"},
		{"a path prefix, host not in normal form", "Shop.Example.:80", "/at/shoes", "at"},
		{"a path that only begins alike", "shop.example", "/atlas", "main"},
		{"a path in other letter case", "shop.example", "/AT/shoes", "main"},
		{"the prefix further down", "shop.example", "/x/at", "main"},
		{"the longest prefix", "shop.example", "/at/b2b/x", "trade"},
		{"the longest prefix, its name going on", "shop.example", "/at/b2bx", "at"},
		{"only prefixes listed, none matches", "m.shop.example", "/", ""},
		{"only prefixes listed, one matches", "m.shop.example", "/at", "at"},

		{"an unlisted host", "evil.example", "/", ""},
		{"an unlisted host with a listed path", "evil.example", "/at", ""},
		{"no host", "", "/", ""},
		{"a subdomain", "www.shop.example", "/", ""},
		{"a listed name as a prefix", "shop.example.evil.example", "/", ""},
		{"a listed name as a suffix", "evilshop.example", "/", ""},
		{"two dots at the end", "shop.example..", "/", ""},
		{"a port that is none", "shop.example:evil", "/", ""},
		{"two ports", "shop.example:80:80", "/", ""},
		{"user information", "shop.example@evil.example", "/", ""},
		{"user information before", "evil@shop.example", "/", ""},
		{"a path in the host", "shop.example/at", "/", ""},
		{"a list", "shop.example, evil.example", "/", ""},
		{"a space", "shop.example ", "/", ""},
		{"a line break", "shop.example\r\nX: y", "/", ""},
		{"not ASCII", "münchen.example", "/", ""},
		{"a letter that lower-cases to ASCII", "ſhop.example", "/", ""},
		{"the Kelvin sign", "\u212a.example", "/", ""},
		{"an address without brackets", "2001:db8::1", "/", ""},
		{"a bracket and digits", "[2001:db8::1]8080", "/", ""},
		{"half a bracket", "2001:db8::1]", "/", ""},
		{"something behind the bracket", "[2001:db8::1]evil", "/", ""},
		{"as long as a name may be", strings.ToUpper(longest) + ":443", "/", "main"},
		{"very long", strings.Repeat("a.", 5000) + "shop.example", "/", ""},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			r := get("/")
			r.Host, r.URL.Path = tc.host, tc.path
			req, err := mw.Request(r)
			require.NoError(t, err)
			assert.Equal(t, tc.want, req.Site)
		})
	}
}

func TestSites_NoHeaderMovesARequestToAnotherSite(t *testing.T) {
	mw := newShop(t).middleware(func(cfg *middleware.Config) { cfg.Sites = listed })
	for _, name := range []string{
		"X-Forwarded-Host", "Forwarded", "X-Host", "X-Original-Host", "X-HTTP-Host-Override", "X-Forwarded-Server",
		"X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix",
	} {
		t.Run(name, func(t *testing.T) {
			r := get("/at")
			r.Host = "shop.example"
			for _, v := range []string{"shop.ch", "host=shop.ch", "/"} {
				r.Header.Add(name, v)
			}
			req, err := mw.Request(r)
			require.NoError(t, err)
			assert.Equal(t, "at", req.Site)
		})
	}
}

func FuzzSites_ARequestSiteMeansAListedHost(f *testing.F) {
	sites := map[string]middleware.SiteLanguage{"shop.example": {Site: "main"}, "[2001:db8::1]": {Site: "v6"}}
	mw := newShop(f).middleware(func(cfg *middleware.Config) { cfg.Sites = sites })
	for _, host := range []string{"shop.example", "SHOP.example.:80", "[2001:db8::1]:1", "shop.example:x", "a@shop.example"} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		r := get("/")
		r.Host = host
		req, err := mw.Request(r)
		require.NoError(t, err)
		if req.Site == "" {
			return
		}
		u, err := url.Parse("http://" + host)
		require.NoError(t, err, "whatever has a site is a host")
		name := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
		if strings.Contains(name, ":") {
			name = "[" + name + "]"
		}
		require.Equal(t, sites[name].Site, req.Site)
	})
}

func TestSites_SessionOfAnotherTenantSaysNothing(t *testing.T) {
	s := newShop(t)
	outer := s.middleware(func(cfg *middleware.Config) {
		cfg.Tenant, cfg.Sites = middleware.Tenant("othershop"), listed
	})
	inner := s.middleware(nil)
	called := false
	r := get("/")
	r.Host = "shop.example"
	serve(outer.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		called = true
		req, err := outer.Request(r)
		assert.NoError(t, err)
		assert.Equal(t, "main", req.Site)
		req, err = inner.Request(r)
		assert.NoError(t, err)
		assert.Empty(t, req.Site)
	})), r)
	assert.True(t, called)
}

func TestSites_BelowStripPrefixAWriteGoesToTheResolvedSite(t *testing.T) {
	mw := newShop(t).middleware(func(cfg *middleware.Config) { cfg.Sites = listed })
	called := false
	h := mw.Wrap(http.StripPrefix("/at", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		called = true
		assert.Equal(t, "/cart", r.URL.Path)
		req, err := mw.Request(r)
		assert.NoError(t, err)
		assert.Equal(t, "at", req.Site)
	})))
	r := get("/at/cart")
	r.Host = "shop.example"
	serve(h, r)
	assert.True(t, called)
}
