package middleware_test

import (
	"context"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware"
)

func TestHints_CountryIsBelievedFromATrustedProxyAlone(t *testing.T) {
	mw := newShop(t).middleware(func(cfg *middleware.Config) {
		cfg.CountryHeader = "cf-ipcountry"
		cfg.TrustedProxies = prefixes("192.0.2.7/24", "2001:db8::/32", "203.0.113.9/32")
	})
	cases := []struct {
		desc, remote string
		header       http.Header
		want         string
	}{
		{"a proxy", "192.0.2.99:1234", http.Header{"Cf-Ipcountry": {"AT"}}, "AT"},
		{"a proxy, another prefix", "203.0.113.9:1234", http.Header{"Cf-Ipcountry": {"AT"}}, "AT"},
		{"a proxy over IPv6", "[2001:db8::5]:1234", http.Header{"Cf-Ipcountry": {"AT"}}, "AT"},
		{"a proxy over IPv6 with a zone", "[2001:db8::5%eth0]:1234", http.Header{"Cf-Ipcountry": {"AT"}}, "AT"},
		{"a proxy over IPv4, on a listener for both", "[::ffff:192.0.2.99]:1234", http.Header{"Cf-Ipcountry": {"AT"}}, "AT"},
		{"spaces around", "192.0.2.99:1234", http.Header{"Cf-Ipcountry": {" AT "}}, "AT"},

		{"nothing sent", "192.0.2.99:1234", nil, ""},
		{"two values: the proxy added its own", "192.0.2.99:1234", http.Header{"Cf-Ipcountry": {"CH", "AT"}}, ""},
		{"the client itself", "198.51.100.1:1234", http.Header{"Cf-Ipcountry": {"AT"}}, ""},
		{"the client, naming a proxy", "198.51.100.1:1234", http.Header{
			"Cf-Ipcountry": {"AT"}, "X-Forwarded-For": {"192.0.2.99"}, "X-Real-Ip": {"192.0.2.99"}, "Forwarded": {"for=192.0.2.99"},
		}, ""},
		{"a neighbour of the proxy", "203.0.113.8:1234", http.Header{"Cf-Ipcountry": {"AT"}}, ""},
		{"a Unix socket", "@", http.Header{"Cf-Ipcountry": {"AT"}}, ""},
		{"no address", "", http.Header{"Cf-Ipcountry": {"AT"}}, ""},
		{"an address without port", "192.0.2.99", http.Header{"Cf-Ipcountry": {"AT"}}, ""},
		{"another header", "192.0.2.99:1234", http.Header{"Cloudfront-Viewer-Country": {"AT"}}, ""},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			r := get("/")
			r.RemoteAddr, r.Header = tc.remote, tc.header
			req, err := mw.Request(r)
			require.NoError(t, err)
			assert.Equal(t, tc.want, req.GeoCountry)
			assert.Empty(t, req.AcceptLanguage)
		})
	}
}

func TestHints_AreOptIn(t *testing.T) {
	r := get("/")
	r.RemoteAddr = "127.0.0.1:1"
	r.Header = http.Header{"Cf-Ipcountry": {"AT"}, "Accept-Language": {"fr"}, "X-Country": {"AT"}}
	req, err := newShop(t).middleware(nil).Request(r)
	require.NoError(t, err)
	assert.Empty(t, req.GeoCountry)
	assert.Empty(t, req.AcceptLanguage)
}

func TestHints_AcceptLanguageCountsWhoeverSendsIt(t *testing.T) {
	mw := newShop(t).middleware(func(cfg *middleware.Config) { cfg.AcceptLanguage = true })
	cases := []struct {
		desc  string
		lines []string
		want  string
	}{
		{"none", nil, ""},
		{"one line", []string{"de-AT, de;q=0.8"}, "de-AT, de;q=0.8"},
		{"two lines are one list", []string{"de", "en;q=0.5"}, "de,en;q=0.5"},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			r := get("/")
			r.Header["Accept-Language"] = tc.lines
			req, err := mw.Request(r)
			require.NoError(t, err)
			assert.Equal(t, tc.want, req.AcceptLanguage)
			assert.Empty(t, req.GeoCountry)
		})
	}
}

func TestHints_UnixSocketIsATrustedProxyIfTheHostSaysSo(t *testing.T) {
	unix, tcp := &net.UnixAddr{Name: "/run/shop.sock", Net: "unix"}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}
	cases := []struct {
		desc, remote string
		local        net.Addr // nil: not known
		trust        bool
		want         string
	}{
		{"as net/http has it", "@", unix, true, "AT"},
		{"without a name", "", unix, true, "AT"},
		{"a peer with a name", "/run/proxy.sock", unix, true, "AT"},
		{"the listener is not known", "@", nil, true, "AT"},
		{"neither is known", "", nil, true, "AT"},
		{"a listed address beside it", "192.0.2.1:1", tcp, true, "AT"},

		{"not trusted", "@", unix, false, ""},
		{"not trusted, a peer with a name", "/run/proxy.sock", unix, false, ""},
		{"not trusted, the listener is not known", "", nil, false, ""},
		{"an address that is not listed", "198.51.100.1:1", tcp, true, ""},
		{"TCP, its address rewritten", "@", tcp, true, ""},
		{"TCP, its address removed", "", tcp, true, ""},
		{"a name, the listener is not known", "/run/proxy.sock", nil, true, ""},
		{"rubbish", "192.0.2.1", nil, true, ""},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			mw := newShop(t).middleware(func(cfg *middleware.Config) {
				cfg.CountryHeader, cfg.TrustedProxies, cfg.TrustUnixSocket = "X-Country", prefixes("192.0.2.0/24"), tc.trust
			})
			r := get("/")
			if tc.local != nil {
				r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, tc.local))
			}
			r.RemoteAddr = tc.remote
			r.Header.Set("X-Country", "AT")
			req, err := mw.Request(r)
			require.NoError(t, err)
			assert.Equal(t, tc.want, req.GeoCountry)
		})
	}
}

func TestHints_HostFindsTheCountryByItself(t *testing.T) {
	geoIP := func(r *http.Request) string {
		return map[string]string{"203.0.113.1:1": "CH", "203.0.113.2:1": "no country"}[r.RemoteAddr]
	}
	cases := []struct {
		desc, remote, header string
		withHeader           bool
		want                 string
	}{
		{"alone", "203.0.113.1:1", "", false, "CH"},
		{"alone, the header is nobody's", "203.0.113.1:1", "AT", false, "CH"},
		{"an address that it does not know", "203.0.113.9:1", "", false, "DE"},
		{"what is no country", "203.0.113.2:1", "", false, "DE"},
		{"beside a header of a trusted proxy", "192.0.2.1:1", "AT", true, "AT"},
		{"beside a header of anybody", "203.0.113.1:1", "AT", true, "CH"},
		{"beside a header that is missing", "203.0.113.1:1", "", true, "CH"},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			mw := newShop(t).middleware(func(cfg *middleware.Config) {
				cfg.Country = geoIP
				if tc.withHeader {
					cfg.CountryHeader, cfg.TrustedProxies = "X-Country", prefixes("192.0.2.0/24")
				}
			})
			r := get("/")
			r.RemoteAddr = tc.remote
			if tc.header != "" {
				r.Header.Set("X-Country", tc.header)
			}
			assert.Equal(t, tc.want, seen(t, mw, r).Country)
		})
	}
}
