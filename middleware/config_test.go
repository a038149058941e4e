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

// mistakes returns the joined ConfigErrors of err, and fails for anything else among them.
func mistakes(t *testing.T, err error) []middleware.ConfigError {
	t.Helper()
	var found []middleware.ConfigError
	var walk func(error)
	walk = func(err error) {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range joined.Unwrap() {
				walk(e)
			}
			return
		}
		var mistake *middleware.ConfigError
		require.ErrorAs(t, err, &mistake)
		assert.True(t, strings.HasPrefix(mistake.Error(), "middleware: "+mistake.Field), mistake.Error())
		switch mistake.Reason {
		case middleware.ReasonMalformed, middleware.ReasonRange, middleware.ReasonExcluded, middleware.ReasonNoEffect:
			assert.NotEmpty(t, mistake.Rule, mistake.Error())
		}
		assert.True(t, strings.HasSuffix(mistake.Error(), mistake.Rule), mistake.Error())
		mistake.Rule = "" // it is for people
		found = append(found, *mistake)
	}
	walk(err)
	return found
}

func TestNewRefusesEachMistake(t *testing.T) {
	proxies := prefixes("192.0.2.0/24")
	cases := []struct {
		desc string
		edit func(*middleware.Config)
		want middleware.ConfigError
	}{
		{"no resolver", func(c *middleware.Config) { c.Resolver = nil }, middleware.ConfigError{Field: "Config.Resolver", Reason: middleware.ReasonMissing}},
		{"no tenant", func(c *middleware.Config) { c.Tenant = nil }, middleware.ConfigError{Field: "Config.Tenant", Reason: middleware.ReasonMissing}},
		{"cookie name with a separator", func(c *middleware.Config) { c.CookieName = "a;b" }, middleware.ConfigError{Field: "Config.CookieName", Value: "a;b", Reason: middleware.ReasonMalformed}},
		{"cookie name that is not ASCII", func(c *middleware.Config) { c.CookieName = "š" }, middleware.ConfigError{Field: "Config.CookieName", Value: "š", Reason: middleware.ReasonMalformed}},
		{"cookie name too long", func(c *middleware.Config) { c.CookieName = strings.Repeat("a", 65) }, middleware.ConfigError{Field: "Config.CookieName", Value: strings.Repeat("a", 65), Reason: middleware.ReasonMalformed}},
		{"cookie age negative", func(c *middleware.Config) { c.CookieMaxAge = -1 }, middleware.ConfigError{Field: "Config.CookieMaxAge", Value: "-1ns", Reason: middleware.ReasonRange}},
		{"cookie age in parts of seconds", func(c *middleware.Config) { c.CookieMaxAge = 1500 * time.Millisecond }, middleware.ConfigError{Field: "Config.CookieMaxAge", Value: "1.5s", Reason: middleware.ReasonRange}},
		{"cookie age over 400 days", func(c *middleware.Config) { c.CookieMaxAge = 401 * 24 * time.Hour }, middleware.ConfigError{Field: "Config.CookieMaxAge", Value: "9624h0m0s", Reason: middleware.ReasonRange}},
		{"cookie name without cookie", func(c *middleware.Config) { c.NoCookie, c.CookieName = true, "x" }, middleware.ConfigError{Field: "Config.CookieName", Value: "x", Reason: middleware.ReasonExcluded}},
		{"cookie age without cookie", func(c *middleware.Config) { c.NoCookie, c.CookieMaxAge = true, time.Hour }, middleware.ConfigError{Field: "Config.CookieMaxAge", Value: "1h0m0s", Reason: middleware.ReasonExcluded}},
		{"insecure cookie without cookie", func(c *middleware.Config) { c.NoCookie, c.InsecureCookie = true, true }, middleware.ConfigError{Field: "Config.InsecureCookie", Value: "true", Reason: middleware.ReasonExcluded}},
		{"country without proxies", func(c *middleware.Config) { c.CountryHeader = "CF-IPCountry" }, middleware.ConfigError{Field: "Config.CountryHeader", Value: "CF-IPCountry", Reason: middleware.ReasonNoEffect}},
		{"proxies without country", func(c *middleware.Config) { c.TrustedProxies = proxies }, middleware.ConfigError{Field: "Config.TrustedProxies", Reason: middleware.ReasonNoEffect}},
		{"country header malformed", func(c *middleware.Config) { c.CountryHeader, c.TrustedProxies = "CF IPCountry", proxies }, middleware.ConfigError{Field: "Config.CountryHeader", Value: "CF IPCountry", Reason: middleware.ReasonMalformed}},
		{"zero proxy prefix", func(c *middleware.Config) { c.CountryHeader, c.TrustedProxies = "X", []netip.Prefix{{}} }, middleware.ConfigError{Field: "Config.TrustedProxies", Value: "invalid Prefix", Reason: middleware.ReasonMalformed}},
		{"IPv4 as IPv6", func(c *middleware.Config) { c.CountryHeader, c.TrustedProxies = "X", prefixes("::ffff:192.0.2.0/120") }, middleware.ConfigError{Field: "Config.TrustedProxies", Value: "::ffff:192.0.2.0/120", Reason: middleware.ReasonMalformed}},
		{"everyone is a proxy", func(c *middleware.Config) { c.CountryHeader, c.TrustedProxies = "X", prefixes("0.0.0.0/0") }, middleware.ConfigError{Field: "Config.TrustedProxies", Value: "0.0.0.0/0", Reason: middleware.ReasonEveryone}},
		{"everyone is a proxy, over IPv6", func(c *middleware.Config) { c.CountryHeader, c.TrustedProxies = "X", prefixes("::/0") }, middleware.ConfigError{Field: "Config.TrustedProxies", Value: "::/0", Reason: middleware.ReasonEveryone}},
	}
	for _, host := range []string{
		"", "/de", "https://shop.example", "shop.example:443", "*.shop.example", ".shop.example", "shop..example", "münchen.example",
		"user@shop.example", "[::1", "[::1]:80", "[fe80::1%25eth0]", "[127.0.0.1]", "::1", strings.Repeat("a", 254),
		"shop.example//de", "shop.example/de//", "shop.example/../de", "shop.example/de/.", "shop.example/d%65", "shop.example/de?x", "shop.example/de#x",
	} {
		cases = append(cases, struct {
			desc string
			edit func(*middleware.Config)
			want middleware.ConfigError
		}{
			"site key " + host, func(c *middleware.Config) { c.Sites = map[string]string{host: "main"} },
			middleware.ConfigError{Field: "Config.Sites", Value: host, Reason: middleware.ReasonMalformed},
		})
	}
	s := newShop(t)
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			cfg := middleware.Config{Resolver: s.resolver, Tenant: middleware.Tenant("demoshop")}
			tc.edit(&cfg)
			mw, err := middleware.New(cfg)
			assert.Nil(t, mw)
			assert.Equal(t, []middleware.ConfigError{tc.want}, mistakes(t, err))
		})
	}
}

func TestNewReportsEveryMistakeAtOnce(t *testing.T) {
	mw, err := middleware.New(middleware.Config{
		CookieName:     "a b",
		CookieMaxAge:   -1,
		CountryHeader:  "x y",
		TrustedProxies: prefixes("0.0.0.0/0", "::/0"),
		Sites: map[string]string{
			"shop.example": "main", "SHOP.example.": "main", "shop.example/de": "de", "shop.example/de/": "de", "empty.example": "", "bad host": "main",
		},
	})
	assert.Nil(t, mw)
	got := make(map[string][]string)
	for _, m := range mistakes(t, err) {
		got[m.Field] = append(got[m.Field], m.Value+" "+string(m.Reason))
	}
	assert.Equal(t, map[string][]string{
		"Config.Resolver":       {" is required"},
		"Config.Tenant":         {" is required"},
		"Config.CookieName":     {"a b is malformed"},
		"Config.CookieMaxAge":   {"-1ns is out of range"},
		"Config.CountryHeader":  {"x y is malformed"},
		"Config.TrustedProxies": {"0.0.0.0/0 would trust everyone", "::/0 would trust everyone"},
		"Config.Sites": {
			"bad host is malformed", "empty.example has no site code", "shop.example is there more than once", "shop.example/de/ is there more than once",
		},
	}, got)
	assert.Contains(t, err.Error(), `middleware: Config.Sites: "bad host" is malformed`)
}

func TestTheCallersConfigIsNeitherWrittenToNorReadLater(t *testing.T) {
	s := newShop(t)
	sites := map[string]string{"Shop.Example.": "at"}
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
	sites["evil.example"] = "ch"
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

func TestTenantPanicsForWhatIsNoTenant(t *testing.T) {
	assert.Equal(t, "demoshop", middleware.Tenant("demoshop")(nil))
	for _, name := range []string{"", "ab", "Demoshop", "1shop", "demo-shop", "abcdefghijklmnopq"} {
		assert.PanicsWithValue(t, (&middleware.ConfigError{
			Field: "Tenant", Value: name, Reason: middleware.ReasonMalformed, Rule: "must match ^[a-z][a-z0-9]+$ and have 3 to 16 characters",
		}).Error(),
			func() { middleware.Tenant(name) })
	}
}
