package middleware_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

// urls are three shops in one: languages by path on every host, by path of one host, and by host.
var urls = map[string]middleware.SiteLanguage{
	"/en":                  {Language: "en"},
	"/fr-CH":               {Site: "ch", Language: "fr_ch"},
	"shop.example":         {Site: "main"},
	"shop.example/ch":      {Site: "ch"},
	"shop.example/ch/fr":   {Language: "fr"},
	"shop.example/ch/fr/x": {Site: "at"},
	"de.shop.example":      {Language: "de"},
	"b2b.example":          {Site: "trade", Language: "de"},
}

func TestSites_SiteAndLanguageComeFromHostAndPath(t *testing.T) {
	mw := newShop(t).middleware(func(cfg *middleware.Config) { cfg.Sites = urls })
	cases := []struct {
		desc, url      string
		site, language string
	}{
		{"a host of a site", "http://shop.example/shoes", "main", ""},
		{"a path of a site", "http://shop.example/ch/shoes", "ch", ""},
		{"a path of a language below a site's", "http://shop.example/ch/fr/shoes", "ch", "fr"},
		{"its site is another one, its language from above", "http://shop.example/ch/fr/x", "at", "fr"},
		{"a host of a language", "http://de.shop.example/shoes", "", "de"},
		{"a host of both", "http://b2b.example:8443/", "trade", "de"},
		{"the language of any path, on a host of a site", "http://shop.example/en/shoes", "main", "en"},
		{"the language of the host before that of any path", "http://de.shop.example/en/shoes", "", "de"},
		{"the site of any path, on a host of a language", "http://de.shop.example/fr-CH", "ch", "de"},
		{"the path of any host", "http://localhost:8080/en", "", "en"},
		{"the path of any host, both", "http://unlisted.example/fr-CH/shoes", "ch", "fr-CH"},
		{"a host that is none", "http://un_listed!.example/en/", "", "en"},

		{"a path that begins alike", "http://shop.example/english", "main", ""},
		{"the language further down", "http://shop.example/shoes/en", "main", ""},
		{"other letter case", "http://unlisted.example/FR-ch", "", ""},
		{"nothing listed", "http://unlisted.example/", "", ""},
		{"a path that goes up", "http://unlisted.example/x/../en", "", ""},
		{"a query", "http://unlisted.example/?/en", "", ""},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			req, err := mw.Request(get(tc.url))
			require.NoError(t, err)
			assert.Equal(t, []string{tc.site, tc.language}, []string{req.Site, req.Language})
		})
	}
}

func TestSiteOf_IsAskedForHostsThatNoKeyNames(t *testing.T) {
	shops := map[string]middleware.SiteLanguage{
		"anna.market.example":   {Site: "at"},
		"bert.example":          {Site: "ch", Language: "fr"},
		"[2001:db8::7]":         {Site: "at"},
		"xn--mnchen-3ya.market": {Language: "de"},
	}
	mw := newShop(t).middleware(func(cfg *middleware.Config) {
		cfg.Sites = urls
		cfg.SiteOf = func(_ *http.Request, host string) (middleware.SiteLanguage, error) {
			shop, ok := shops[host]
			if !ok {
				return shop, fmt.Errorf("host %q: %w", host, sessionctx.ErrUnknownTenant)
			}
			return shop, nil
		}
	})
	cases := []struct {
		desc, host, path string
		site, language   string
		refused          string // the host as it was asked for, in quotes
	}{
		{"a host of the database", "anna.market.example", "/", "at", "", ""},
		{"not in normal form", "Anna.Market.EXAMPLE.:8443", "/", "at", "", ""},
		{"an IPv6 address", "[2001:DB8::7]:80", "/", "at", "", ""},
		{"in ASCII form", "XN--mnchen-3ya.market", "/", "", "de", ""},
		{"site and language", "bert.example", "/", "ch", "fr", ""},
		{"the language of any path", "anna.market.example", "/en/shoes", "at", "en", ""},
		{"its own language before that of any path", "bert.example", "/en/shoes", "ch", "fr", ""},
		{"a listed host: not asked", "shop.example", "/", "main", "", ""},

		{"nobody's host", "carl.example", "/", "", "", `"carl.example"`},
		{"nobody's host, with a listed path", "carl.example", "/en", "", "", `"carl.example"`},
		{"no host", "", "/", "", "", `""`},
		{"a port that is none", "bert.example:x", "/", "", "", `""`},
		{"user information", "bert.example@evil.example", "/", "", "", `""`},
		{"two dots", "bert.example..", "/", "", "", `""`},
		{"not ASCII", "bért.example", "/", "", "", `""`},
		{"a line break", "bert.example\r\nX: y", "/", "", "", `""`},
		{"too long", longest + "d", "/", "", "", `""`},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			r := get("/")
			r.Host, r.URL.Path = tc.host, tc.path
			req, err := mw.Request(r)
			if tc.refused != "" {
				require.ErrorIs(t, err, sessionctx.ErrUnknownTenant)
				assert.ErrorContains(t, err, "host "+tc.refused)
				assert.Zero(t, req)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, []string{tc.site, tc.language}, []string{req.Site, req.Language})
		})
	}
}

// While nobody knows whose host it is, no other site is shown under it, whatever the policy.
func TestSiteOf_ErrorShowsNoOtherSite(t *testing.T) {
	for _, policy := range []middleware.ErrorPolicy{nil, middleware.RenderEnded, middleware.RenderDefaults, middleware.Fail} {
		for code, err := range map[int]error{
			404: sessionctx.ErrNotFound, 503: sessionctx.ErrUnavailable, 500: errors.New("connection refused"), 403: middleware.ErrWrongTenant,
		} {
			t.Run(err.Error(), func(t *testing.T) {
				mw := newShop(t).middleware(func(cfg *middleware.Config) {
					cfg.OnError = policy
					cfg.SiteOf = func(*http.Request, string) (middleware.SiteLanguage, error) {
						return middleware.SiteLanguage{Site: "ch"}, err
					}
				})
				res := serve(mw.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a page was shown") })), get("/"))
				assert.Equal(t, code, res.StatusCode)
				_, updateErr := mw.Update(httptest.NewRecorder(), get("/"), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
				assert.ErrorIs(t, updateErr, err)
			})
		}
	}
}

func TestSites_BelowStripPrefixAWriteIsInTheLanguageOfThePage(t *testing.T) {
	mw := newShop(t).middleware(func(cfg *middleware.Config) {
		cfg.Sites = map[string]middleware.SiteLanguage{"/en": {Language: "en"}, "/cart": {Language: "fr"}}
	})
	for path, want := range map[string]string{"/en/cart": "en", "/en/shoes": "en", "/en/en": "en"} {
		called := false
		serve(mw.Wrap(http.StripPrefix("/en", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			called = true
			s, err := mw.Update(w, r, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			assert.NoError(t, err)
			assert.Equal(t, want, s.Language)
		}))), get(path))
		assert.True(t, called)
	}
}

// A shopper writes under one URL and looks at another: what the first URL said has not stayed.
func TestUpdate_ValuesOfTheURLAreNotPersisted(t *testing.T) {
	byTable := func(cfg *middleware.Config) { cfg.Sites = urls }
	byFunction := func(cfg *middleware.Config) {
		cfg.SiteOf = func(_ *http.Request, host string) (middleware.SiteLanguage, error) {
			return map[string]middleware.SiteLanguage{"bert.example": {Site: "ch", Language: "fr"}}[host], nil
		}
	}
	cases := []struct {
		desc, url string
		edit      func(*middleware.Config)
		there     string
	}{
		{"a path of any host", "http://unlisted.example/fr-CH/", byTable, "ch fr"},
		{"a path of a listed host", "http://shop.example/ch/fr", byTable, "ch fr"},
		{"a host", "http://b2b.example/", byTable, "trade de"},
		{"a host of the database", "http://bert.example/", byFunction, "ch fr"},
		{"a language alone", "http://unlisted.example/en", byTable, "main en"},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			b := newBrowser(t, newShop(t).middleware(tc.edit))
			place := func(s sessionctx.Session) string { return s.Site + " " + s.Language }
			const elsewhere = "http://elsewhere.example/"
			assert.Equal(t, tc.there, place(b.get(tc.url)))
			assert.Equal(t, tc.there, place(b.update(tc.url, sessionctx.Patch{CartID: sessionctx.Set("cart-1")})))
			assert.Equal(t, "main de", place(b.get(elsewhere)))
			assert.Equal(t, tc.there, place(b.update(tc.url, sessionctx.Patch{Country: sessionctx.Set("AT")})))
			assert.Equal(t, "main de", place(b.get(elsewhere)))
			w := httptest.NewRecorder()
			_, err := b.mw.Login(w, b.request(tc.url), "bert")
			require.NoError(t, err)
			b.receive(w)
			assert.Equal(t, tc.there, place(b.get(tc.url)))
			assert.Equal(t, "main de", place(b.get(elsewhere)))
			w = httptest.NewRecorder()
			_, err = b.mw.Logout(w, b.request(tc.url))
			require.NoError(t, err)
			b.receive(w)
			assert.Equal(t, "main de", place(b.get(elsewhere)))
		})
	}
}
