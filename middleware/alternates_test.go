package middleware_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

// links returns the alternates of a page as lines "hreflang URL site language".
func links(t testing.TB, mw *middleware.Middleware, url string) []string {
	t.Helper()
	all, err := mw.Alternates(get(url))
	require.NoError(t, err)
	lines := make([]string, len(all))
	for i, a := range all {
		lines[i] = fmt.Sprintf("%s %s %s %s", a.Hreflang, a.URL, a.Site, a.Language)
	}
	return lines
}

func TestAlternates_AreTheURLsOfTheTable(t *testing.T) {
	s := newShop(t)
	for _, tc := range []struct {
		desc  string
		sites map[string]middleware.SiteLanguage
		url   string
		want  []string
	}{
		{
			desc: "languages by path on every host: links of an unlisted host are paths", url: "http://unlisted.example/de/shoes",
			sites: map[string]middleware.SiteLanguage{"/de": {Language: "de"}, "/en": {Language: "en"}},
			want:  []string{"de /de/shoes main de", "en /en/shoes main en", "x-default /shoes main de"},
		},
		{
			desc: "languages by path of one host, the language's own page from the page without one", url: "http://shop.example:8080/shoes?page=2",
			sites: map[string]middleware.SiteLanguage{"shop.example": {Site: "main"}, "shop.example/de": {Language: "de"}, "shop.example/fr": {Language: "fr"}},
			want: []string{
				"de https://shop.example/de/shoes main de", "fr https://shop.example/fr/shoes main fr", "x-default https://shop.example/shoes main de",
			},
		},
		{
			desc: "sites by host, with a language that two of them have", url: "http://SHOP.ch./shoes",
			sites: map[string]middleware.SiteLanguage{"shop.example": {Site: "main"}, "shop.ch": {Site: "ch"}, "shop.ch/de": {Language: "de"}, "shop.at": {Site: "at"}},
			want: []string{
				"de https://shop.example/shoes main de", "de-AT https://shop.at/shoes at de",
				"de-CH https://shop.ch/de/shoes ch de", "fr https://shop.ch/shoes ch fr", "x-default https://shop.example/shoes main de",
			},
		},
		{
			desc: "sites by host and languages by path of every host", url: "http://shop.example/en/shoes",
			sites: map[string]middleware.SiteLanguage{"shop.example": {Site: "main"}, "shop.ch": {Site: "ch"}, "/de": {Language: "de"}, "/en": {Language: "en"}},
			want: []string{
				"de https://shop.example/de/shoes main de", "en https://shop.example/en/shoes main en",
				"de-CH https://shop.ch/de/shoes ch de", "fr https://shop.ch/shoes ch fr", "x-default https://shop.example/shoes main de",
			}, // the Swiss site offers no English
		},
		{
			desc: "sites that neither language nor country tells apart", url: "http://shop.at/",
			sites: map[string]middleware.SiteLanguage{"shop.at": {Site: "at"}, "trade.at": {Site: "trade"}},
			want:  []string{"de https://shop.at/ at de", "de-AT https://trade.at/ trade de"},
		},
		{
			desc: "every URL has a language: the default site's own is the default", url: "http://de.shop.example/",
			sites: map[string]middleware.SiteLanguage{"de.shop.example": {Language: "de"}, "en.shop.example": {Language: "en"}},
			want:  []string{"de https://de.shop.example/ main de", "en https://en.shop.example/ main en", "x-default https://de.shop.example/ main de"},
		},
		{
			desc: "the first page", url: "http://shop.example/",
			sites: map[string]middleware.SiteLanguage{"shop.example": {Site: "main"}, "shop.example/en": {Language: "en"}},
			want:  []string{"de https://shop.example/ main de", "en https://shop.example/en/ main en", "x-default https://shop.example/ main de"},
		},
		{
			desc: "the first page of a language, without a slash", url: "http://shop.example/en",
			sites: map[string]middleware.SiteLanguage{"shop.example": {Site: "main"}, "shop.example/en": {Language: "en"}},
			want:  []string{"de https://shop.example/ main de", "en https://shop.example/en/ main en", "x-default https://shop.example/ main de"},
		},
		{
			desc: "the escapes of a path stay", url: "http://shop.example/en/a%2Fb/gr%C3%B6%C3%9Fe",
			sites: map[string]middleware.SiteLanguage{"shop.example": {Site: "main"}, "shop.example/en": {Language: "en"}},
			want: []string{
				"de https://shop.example/a%2Fb/gr%C3%B6%C3%9Fe main de", "en https://shop.example/en/a%2Fb/gr%C3%B6%C3%9Fe main en",
				"x-default https://shop.example/a%2Fb/gr%C3%B6%C3%9Fe main de",
			},
		},
		{
			desc: "an escaped prefix", url: "http://shop.example/%65n/a%2Fb",
			sites: map[string]middleware.SiteLanguage{"shop.example": {Site: "main"}, "shop.example/en": {Language: "en"}},
			want:  []string{"de https://shop.example/a%2Fb main de", "en https://shop.example/en/a%2Fb main en", "x-default https://shop.example/a%2Fb main de"},
		},
		{
			desc: "a prefix that is the whole of an escaped path", url: "http://shop.example/e%6E",
			sites: map[string]middleware.SiteLanguage{"shop.example": {Site: "main"}, "shop.example/en": {Language: "en"}},
			want:  []string{"de https://shop.example/ main de", "en https://shop.example/en/ main en", "x-default https://shop.example/ main de"},
		},
		{
			desc: "a prefix of other letters than ASCII, escaped in small letters", url: "http://shop.example/%c3%b6/shoes",
			sites: map[string]middleware.SiteLanguage{"shop.example": {Site: "main"}, "shop.example/ö": {Language: "en"}},
			want:  []string{"de https://shop.example/shoes main de", "en https://shop.example/%C3%B6/shoes main en", "x-default https://shop.example/shoes main de"},
		},
		{
			desc: "an escaped slash after a prefix: no URL whose host it would be a part of", url: "http://shop.example/en%2Fshoes",
			sites: map[string]middleware.SiteLanguage{"shop.example": {Site: "main"}, "shop.example/en": {Language: "en"}},
			want:  []string{},
		},
		{
			desc: "a prefix that takes over: the page has no URL below it", url: "http://shop.example/ch/shoes",
			sites: map[string]middleware.SiteLanguage{"shop.example": {Site: "main"}, "shop.example/ch": {Site: "ch"}, "shop.example/ch/shoes": {Site: "at"}},
			want: []string{
				"de https://shop.example/ main de", "de-AT https://shop.example/ch/shoes/ at de", "fr https://shop.example/ch/ ch fr",
				"x-default https://shop.example/ main de",
			},
		},
		{
			desc: "a language and a site that do not serve", url: "http://shop.example/en/shoes",
			sites: map[string]middleware.SiteLanguage{"shop.example": {Site: "main"}, "shop.example/en": {Language: "en"}, "shop.example/sv": {Language: "sv"}, "nope.example": {Site: "nope"}},
			want:  []string{"de https://shop.example/shoes main de", "en https://shop.example/en/shoes main en", "x-default https://shop.example/shoes main de"},
		},
		{
			desc: "a path that would be a host", url: "http://unlisted.example/en//evil.example/x",
			sites: map[string]middleware.SiteLanguage{"/en": {Language: "en"}, "/de": {Language: "de"}},
			want:  []string{"de /de//evil.example/x main de", "en /en//evil.example/x main en", "x-default /de//evil.example/x main de"},
		},
		{desc: "no table", url: "http://shop.example/", want: []string{}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			mw := s.middleware(func(cfg *middleware.Config) { cfg.Sites = tc.sites })
			assert.Equal(t, tc.want, links(t, mw, tc.url))
		})
	}
}

// roundTrip demands of the alternates of a page that each URL resolves to its site and language,
// and has the same alternates.
func roundTrip(t testing.TB, mw *middleware.Middleware, url string) {
	t.Helper()
	all, err := mw.Alternates(get(url))
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, a := range all {
		to := a.URL
		if to[0] == '/' {
			to = "http://" + get(url).Host + to
		}
		var s sessionctx.Session
		serve(mw.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			s, _ = sessionctx.FromContext(r.Context())
		})), get(to))
		require.Equal(t, []string{a.Site, a.Language}, []string{s.Site, s.Language}, "%s of %s", a.URL, url)
		again, err := mw.Alternates(get(to))
		require.NoError(t, err)
		if here := "https://" + get(url).Host + "/"; slices.ContainsFunc(all, func(a middleware.Alternate) bool { return strings.HasPrefix(a.URL, here) }) {
			require.Equal(t, all, again, "%s of %s", a.URL, url)
		}
		if a.Hreflang != "" {
			require.False(t, seen[a.Hreflang], "%s twice for %s", a.Hreflang, url)
			seen[a.Hreflang] = true
		}
	}
}

func TestAlternates_URLsResolveToTheirSiteAndLanguage(t *testing.T) {
	s := newShop(t)
	tables := []map[string]middleware.SiteLanguage{
		urls,
		{"/de": {Language: "de"}, "/en": {Language: "en"}, "/fr": {Language: "fr"}},
		{"shop.example": {Site: "main"}, "shop.ch": {Site: "ch"}, "/de": {Language: "de"}, "/fr": {Language: "fr"}},
		{"shop.example": {Site: "main", Language: "de"}, "shop.example/en": {Language: "en"}, "shop.example/ch": {Site: "ch", Language: "fr"}, "shop.example/ch/de": {Language: "de"}},
		{"a.example/x": {Site: "ch"}, "a.example/x/fr": {Language: "fr"}, "b.example/fr": {Language: "fr", Site: "ch"}, "b.example": {Site: "main"}},
		{"[2001:db8::7]": {Site: "ch"}, "[2001:db8::7]/de": {Language: "de"}},
		{"shop.example/größe": {Language: "en"}},
	}
	for i, table := range tables {
		mw, err := middleware.New(middleware.Config{Resolver: s.resolver, Tenant: middleware.Tenant("demoshop"), Sites: table})
		if err != nil {
			t.Logf("table %d is refused: %v", i, err)
			continue
		}
		for _, host := range []string{"shop.example", "de.shop.example", "b2b.example", "shop.ch", "a.example", "b.example", "unlisted.example", "[2001:db8::7]", "shop.example:8443"} {
			for _, path := range []string{"/", "/shoes", "/shoes/", "/de", "/de/", "/en/shoes", "/fr/x", "/ch", "/ch/fr/y", "/ch/fr/x", "/x/fr/z", "/a%2Fb", "/de/a%2Fb", "/%64e/shoes", "/de//x", "/de%2Fx", "/%64%65%2fx/y", "/d%65"} {
				roundTrip(t, mw, "http://"+host+path)
			}
		}
	}
}

func FuzzAlternates(f *testing.F) {
	s := newShop(f)
	mw := s.middleware(func(cfg *middleware.Config) { cfg.Sites = urls })
	for _, seed := range []string{"/", "/en/shoes", "/ch/fr//x", "/%65n/a%2Fb", "/fr-CH/", "/ch/fr/x/../y", "/en%2Fx"} {
		f.Add("shop.example", seed)
		f.Add("unlisted.example", seed)
	}
	f.Fuzz(func(t *testing.T, host, path string) {
		r, err := http.NewRequest(http.MethodGet, "http://"+host+path, nil)
		if err != nil || r.URL.Host == "" || r.URL.User != nil {
			t.Skip()
		}
		all, err := mw.Alternates(r)
		require.NoError(t, err)
		for _, a := range all {
			if a.URL[0] == '/' {
				require.NotRegexp(t, `^/[/\\]`, a.URL, "no path is another host")
				continue
			}
			require.Regexp(t, `^https://(shop|de\.shop|b2b)\.example/`, a.URL)
		}
	})
}

func TestAlternates_HostsOfSiteOfAreAbsolute(t *testing.T) {
	mw := newShop(t).middleware(func(cfg *middleware.Config) {
		cfg.Sites = map[string]middleware.SiteLanguage{"/de": {Language: "de"}, "/fr": {Language: "fr"}}
		cfg.SiteOf = func(_ *http.Request, host string) (middleware.SiteLanguage, error) {
			switch host {
			case "ch.market.example":
				return middleware.SiteLanguage{Site: "ch"}, nil
			case "gone.market.example":
				return middleware.SiteLanguage{}, sessionctx.ErrUnknownTenant
			}
			return middleware.SiteLanguage{}, nil
		}
	})
	assert.Equal(t, []string{
		"de https://ch.market.example/de/x ch de", "fr https://ch.market.example/fr/x ch fr",
	}, links(t, mw, "http://ch.market.example/fr/x"))
	assert.Empty(t, links(t, mw, "http://gone.market.example/fr/x"))
	assert.Equal(t, "fr /fr/x main fr", links(t, mw, "http://evil.example/fr/x")[1], "a host that nobody knows becomes no link")
	roundTrip(t, mw, "http://ch.market.example/fr/x")
}

func TestAlternates_OfAnotherTenantAreNotListed(t *testing.T) {
	mw := newShop(t).middleware(func(cfg *middleware.Config) {
		cfg.Sites = map[string]middleware.SiteLanguage{"shop.example": {Site: "main"}, "shop.ch": {Site: "ch"}, "other.example": {Site: "main"}}
		cfg.Tenant = func(r *http.Request) string {
			if r.Host == "other.example" {
				return "othershop"
			}
			return "demoshop"
		}
	})
	assert.Equal(t, []string{"de https://shop.example/x main de", "fr https://shop.ch/x ch fr", "x-default https://shop.example/x main de"}, links(t, mw, "http://shop.ch/x"))
	assert.Equal(t, []string{"en https://other.example/x main en", "x-default https://other.example/x main en"}, links(t, mw, "http://other.example/x"))
}

func TestAlternates_InsecureCookieIsForHTTPAndKeepsThePort(t *testing.T) {
	mw := newShop(t).middleware(func(cfg *middleware.Config) {
		cfg.InsecureCookie = true
		cfg.Sites = map[string]middleware.SiteLanguage{"localhost": {Site: "main"}, "localhost/en": {Language: "en"}}
	})
	assert.Equal(t, "en http://localhost:8080/en/x main en", links(t, mw, "http://localhost:8080/x")[1])
}

func TestAlternates_ErrorIsThatOfTheSites(t *testing.T) {
	s := newShop(t)
	mw := s.middleware(func(cfg *middleware.Config) {
		cfg.Sites = map[string]middleware.SiteLanguage{"/de": {Language: "de"}}
		cfg.Tenant = func(*http.Request) string { return "nobody" }
	})
	_, err := mw.Alternates(get("/de/x"))
	require.ErrorIs(t, err, sessionctx.ErrUnknownTenant)
}

func BenchmarkAlternates(b *testing.B) {
	s := newShop(b)
	mw := s.middleware(func(cfg *middleware.Config) { cfg.Sites = urls })
	r := httptest.NewRequest(http.MethodGet, "http://shop.example/ch/fr/shoes", nil)
	_, err := s.resolver.Sites(b.Context(), "demoshop")
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if all, err := mw.Alternates(r); err != nil || len(all) == 0 {
			b.Fatal(all, err)
		}
	}
}
