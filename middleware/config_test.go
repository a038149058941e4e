package middleware_test

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

// mistakes returns the ConfigErrors that are joined in err, and fails for any other error in it.
func mistakes(t *testing.T, err error) []sessionctx.ConfigError {
	t.Helper()
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var found []sessionctx.ConfigError
		for _, err := range joined.Unwrap() {
			found = append(found, mistakes(t, err)...)
		}
		return found
	}
	var mistake *sessionctx.ConfigError
	require.ErrorAs(t, err, &mistake)
	return []sessionctx.ConfigError{*mistake}
}

func TestNew_RefusesEachMistake(t *testing.T) {
	const (
		cookieName = "must have 1 to 64 ASCII letters, digits, '-' or '_'"
		cookieAge  = "must be whole seconds, 1s to 9600h0m0s, or -1 for until the browser closes"
		noCookie   = "cannot be set together with NoCookie"
		prefix     = "must be a prefix of IPv4 or IPv6 addresses, such as 192.0.2.0/24"
		everyone   = "must not trust every address"
		siteKey    = "must be a host, a path, or both, such as shop.example/de: ASCII, no scheme, no port"
	)
	proxies := prefixes("192.0.2.0/24")
	trusting := func(proxies ...netip.Prefix) func(*middleware.Config) {
		return func(c *middleware.Config) { c.CountryHeader, c.TrustedProxies = "X", proxies }
	}
	type testCase struct {
		desc               string
		edit               func(*middleware.Config)
		field, value, rule string
	}
	cases := []testCase{
		{"no resolver", func(c *middleware.Config) { c.Resolver = nil }, "Resolver", "", "is required"},
		{"no tenant", func(c *middleware.Config) { c.Tenant = nil }, "Tenant", "", "is required"},
		{"cookie name with a separator", func(c *middleware.Config) { c.CookieName = "a;b" },
			"CookieName", "a;b", cookieName},
		{"cookie name that is not ASCII", func(c *middleware.Config) { c.CookieName = "š" },
			"CookieName", "š", cookieName},
		{"cookie name too long", func(c *middleware.Config) { c.CookieName = strings.Repeat("a", 65) },
			"CookieName", strings.Repeat("a", 65), cookieName},
		{"cookie age negative", func(c *middleware.Config) { c.CookieMaxAge = -time.Second },
			"CookieMaxAge", "-1s", cookieAge},
		{"partitioned over plain HTTP", func(c *middleware.Config) { c.Partitioned, c.InsecureCookie = true, true },
			"Partitioned", "true", "cannot be set together with InsecureCookie or NoCookie"},
		{"variants without cookie", func(c *middleware.Config) { c.Variant, c.NoCookie = true, true },
			"Variant", "true", "cannot be set together with NoCookie or Partitioned"},
		{"variants inside of another page", func(c *middleware.Config) { c.Variant, c.Partitioned = true, true },
			"Variant", "true", "cannot be set together with NoCookie or Partitioned"},
		{"cookie age in parts of seconds", func(c *middleware.Config) { c.CookieMaxAge = 1500 * time.Millisecond },
			"CookieMaxAge", "1.5s", cookieAge},
		{"cookie age over 400 days", func(c *middleware.Config) { c.CookieMaxAge = 401 * 24 * time.Hour },
			"CookieMaxAge", "9624h0m0s", cookieAge},
		{"cookie name without cookie", func(c *middleware.Config) { c.NoCookie, c.CookieName = true, "x" },
			"CookieName", "x", noCookie},
		{"cookie age without cookie", func(c *middleware.Config) { c.NoCookie, c.CookieMaxAge = true, time.Hour },
			"CookieMaxAge", "1h0m0s", noCookie},
		{"insecure cookie without cookie", func(c *middleware.Config) { c.NoCookie, c.InsecureCookie = true, true },
			"InsecureCookie", "true", noCookie},
		{"country without proxies", func(c *middleware.Config) { c.CountryHeader = "CF-IPCountry" },
			"CountryHeader", "CF-IPCountry", "has no effect without TrustedProxies or TrustUnixSocket"},
		{"proxies without country", func(c *middleware.Config) { c.TrustedProxies = proxies },
			"TrustedProxies", "[192.0.2.0/24]", "has no effect without CountryHeader"},
		{"country header malformed",
			func(c *middleware.Config) { c.CountryHeader, c.TrustedProxies = "CF IPCountry", proxies },
			"CountryHeader", "CF IPCountry", "must be the name of a header field: letters, digits, '-'"},
		{"zero proxy prefix", trusting(netip.Prefix{}), "TrustedProxies", "invalid Prefix", prefix},
		{"IPv4 as IPv6", trusting(prefixes("::ffff:192.0.2.0/120")...), "TrustedProxies", "::ffff:192.0.2.0/120", prefix},
		{"everyone is a proxy", trusting(prefixes("0.0.0.0/0")...), "TrustedProxies", "0.0.0.0/0", everyone},
		{"everyone is a proxy, over IPv6", trusting(prefixes("::/0")...), "TrustedProxies", "::/0", everyone},
		{"a host that stands for nothing", func(c *middleware.Config) { c.Sites = map[string]middleware.SiteLanguage{"shop.example": {}} },
			"Sites", "shop.example", "must have a site or a language"},
		{"a language that is none", func(c *middleware.Config) {
			c.Sites = map[string]middleware.SiteLanguage{"/english": {Language: "english"}}
		},
			"Sites", "/english", `must have a language of BCP 47, not "english"`},
		{"a Unix socket without country", func(c *middleware.Config) { c.TrustUnixSocket = true },
			"TrustUnixSocket", "true", "has no effect without CountryHeader"},
	}
	for _, host := range []string{
		"", "/", "//", "/de//x", "/../de", "/de?x", "https://shop.example", "shop.example:443", "*.shop.example", ".shop.example", "shop..example",
		"münchen.example", "user@shop.example", "[::1", "[::1]:80", "[fe80::1%25eth0]", "[127.0.0.1]", "::1",
		strings.Repeat("a", 254), "shop.example//", "shop.example//de", "shop.example/de//", "shop.example/../de", "shop.example/de/.",
		"shop.example/d%65", "shop.example/de?x", "shop.example/de#x",
	} {
		edit := func(c *middleware.Config) { c.Sites = map[string]middleware.SiteLanguage{host: {Site: "main"}} }
		cases = append(cases, testCase{"site key " + host, edit, "Sites", host, siteKey})
	}
	s := newShop(t)
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			cfg := middleware.Config{Resolver: s.resolver, Tenant: middleware.Tenant("demoshop")}
			tc.edit(&cfg)
			mw, err := middleware.New(cfg)
			assert.Nil(t, mw)
			want := sessionctx.ConfigError{Field: "middleware.Config." + tc.field, Value: tc.value, Rule: tc.rule}
			assert.Equal(t, []sessionctx.ConfigError{want}, mistakes(t, err))
		})
	}
}

func TestNew_ReportsEveryMistakeAtOnce(t *testing.T) {
	mw, err := middleware.New(middleware.Config{
		CookieName:     "a b",
		CookieMaxAge:   -2,
		CountryHeader:  "x y",
		TrustedProxies: prefixes("0.0.0.0/0", "::/0"),
		Sites: map[string]middleware.SiteLanguage{
			"shop.example": {Site: "main"}, "SHOP.example.": {Site: "main"}, "shop.example/de": {Site: "de"}, "shop.example/de/": {Site: "de"},
			"/en": {Language: "en"}, "/en/": {Language: "en"}, "empty.example": {}, "bad host": {Site: "main"}, "/xx": {Language: "x"},
		},
	})
	assert.Nil(t, mw)
	var got []string
	for _, m := range mistakes(t, err) {
		got = append(got, strings.TrimPrefix(m.Field, "middleware.Config.")+" "+m.Value)
	}
	assert.ElementsMatch(t, []string{
		"Resolver ", "Tenant ", "CookieName a b", "CookieMaxAge -2ns", "CountryHeader x y",
		"TrustedProxies 0.0.0.0/0", "TrustedProxies ::/0",
		"Sites /en/", "Sites /xx", "Sites bad host", "Sites empty.example", "Sites shop.example", "Sites shop.example/de/",
	}, got)
	assert.ErrorContains(t, err, "middleware.Config.Resolver: is required\n")
	assert.ErrorContains(t, err, `middleware.Config.Sites "shop.example/de/": must not stand for the same host and path as another key`)
}

func TestNew_NeitherWritesTheConfigNorReadsItLater(t *testing.T) {
	s := newShop(t)
	sites := map[string]middleware.SiteLanguage{"Shop.Example.": {Site: "at"}}
	proxies := prefixes("192.0.2.7/24")
	cfg := middleware.Config{
		Resolver: s.resolver, Tenant: middleware.Tenant("demoshop"), Sites: sites,
		CountryHeader: "cf-ipcountry", TrustedProxies: proxies,
	}
	mw, err := middleware.New(cfg)
	require.NoError(t, err)
	assert.Equal(t, []string{"Shop.Example."}, slices.Collect(maps.Keys(sites)))
	assert.Equal(t, prefixes("192.0.2.7/24"), proxies)
	assert.Nil(t, cfg.OnError)
	assert.Empty(t, cfg.CookieName)

	clear(sites)
	sites["evil.example"] = middleware.SiteLanguage{Site: "ch"}
	proxies[0] = netip.MustParsePrefix("198.51.100.0/24")
	for host, want := range map[string]sessionctx.Request{
		"shop.example": {Site: "at"}, "evil.example": {},
	} {
		r := get("/")
		r.Host, r.RemoteAddr = host, "198.51.100.1:1"
		r.Header.Set("CF-IPCountry", "AT")
		req, err := mw.Request(r)
		require.NoError(t, err)
		req.Identity = sessionctx.Identity{}
		assert.Equal(t, want, req)
	}
}

func TestTenant_PanicsForWhatIsNoTenant(t *testing.T) {
	assert.Equal(t, "demoshop", middleware.Tenant("demoshop")(nil))
	for _, name := range []string{"", "ab", "Demoshop", "1shop", "demo-shop", "abcdefghijklmnopq"} {
		want := sessionctx.ConfigError{
			Field: "middleware.Tenant", Value: name, Rule: "must match ^[a-z][a-z0-9]+$ and have 3 to 16 characters",
		}
		assert.PanicsWithValue(t, want.Error(), func() { middleware.Tenant(name) })
	}
}
