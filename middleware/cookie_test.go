package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

const (
	cookieName = "__Host-session-demoshop"
	secretA    = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	secretB    = "234567ABCDEFGHIJKLMNOPQRST"
)

func TestCookie_NamesASessionOnlyIfItExistsOnceAndCouldBeOurs(t *testing.T) {
	mw := newShop(t).middleware(nil)
	cases := []struct {
		desc  string
		lines []string
		want  string
	}{
		{"no header", nil, ""},
		{"alone", []string{cookieName + "=" + secretA}, secretA},
		{"among others", []string{"a=1; " + cookieName + "=" + secretA + "; b=2"}, secretA},
		{"on the second header line", []string{"a=1", cookieName + "=" + secretA}, secretA},
		{"without a space after the semicolon", []string{"a=1;" + cookieName + "=" + secretA + ";b=2"}, secretA},
		{"with spaces around the name", []string{"a=1;  " + cookieName + " =" + secretA}, secretA},
		{"quoted", []string{cookieName + `="` + secretA + `"`}, secretA},
		{"with a trailing semicolon", []string{cookieName + "=" + secretA + ";"}, secretA},
		{"base64url of 48 bytes", []string{cookieName + "=" + strings.Repeat("aZ0_-x9Q", 8)}, strings.Repeat("aZ0_-x9Q", 8)},
		{"beside one that no browser may send", []string{cookieName + "=\x01; " + cookieName + "=" + secretA}, secretA},

		{"twice, in one line", []string{cookieName + "=" + secretA + "; " + cookieName + "=" + secretB}, ""},
		{"twice, in two lines", []string{cookieName + "=" + secretA, cookieName + "=" + secretB}, ""},
		{"twice, the same", []string{cookieName + "=" + secretA + "; " + cookieName + "=" + secretA}, secretA},
		{"twice, the same, in two lines", []string{cookieName + "=" + secretA, cookieName + "=" + secretA}, secretA},
		{"twice, the same, once quoted", []string{cookieName + "=" + secretA + `; ` + cookieName + `="` + secretA + `"`}, secretA},
		{"three times, the last one another", []string{cookieName + "=" + secretA + "; " + cookieName + "=" + secretA, cookieName + "=" + secretB}, ""},
		{"twice, one of them not ours", []string{cookieName + "=x; " + cookieName + "=" + secretA}, ""},
		{"twice, one of them without value", []string{cookieName + "; " + cookieName + "=" + secretA}, ""},
		{"without value", []string{cookieName}, ""},
		{"with an empty value", []string{cookieName + "="}, ""},
		{"too short", []string{cookieName + "=" + secretA[:25]}, ""},
		{"too long", []string{cookieName + "=" + strings.Repeat("A", 65)}, ""},
		{"with a space", []string{cookieName + "=" + secretA[:13] + " " + secretA[13:]}, ""},
		{"with a dot", []string{cookieName + "=" + secretA[:25] + "."}, ""},
		{"with a half quote", []string{cookieName + `="` + secretA}, ""},
		{"in other letter case", []string{strings.ToLower(cookieName) + "=" + secretA}, ""},
		{"of another tenant", []string{"__Host-session-othershop=" + secretA}, ""},
		{"of a tenant whose name goes on", []string{"__Host-session-demoshop2=" + secretA}, ""},
		{"of a tenant whose name is a part", []string{"__Host-session-demo=" + secretA}, ""},
		{"without the prefix", []string{"session-demoshop=" + secretA}, ""},
		{"as the value of another", []string{"a=" + cookieName + "=" + secretA}, ""},
		{"after more cookies than net/http reads", []string{strings.Repeat("a=1;", 3000) + cookieName + "=" + secretA}, ""},
		{"after as many as it reads", []string{strings.Repeat("a=1;", 2999) + cookieName + "=" + secretA}, secretA},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			r := get("/")
			r.Header["Cookie"] = tc.lines
			req, err := mw.Request(r)
			require.NoError(t, err)
			assert.Equal(t, sessionctx.Identity{Tenant: "demoshop", SessionID: tc.want, Proof: sessionctx.BySecret}, req.Identity)
			assert.Equal(t, tc.want, asNetHTTPReads(r), "net/http")
		})
	}
}

// asNetHTTPReads is the same decision on top of net/http's own parser.
func asNetHTTPReads(r *http.Request) string {
	cookies := r.CookiesNamed(cookieName)
	if len(cookies) == 0 || slices.ContainsFunc(cookies, func(c *http.Cookie) bool { return c.Value != cookies[0].Value }) {
		return ""
	}
	if len(cookies[0].Value) < 26 || len(cookies[0].Value) > 64 {
		return ""
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	if strings.Trim(cookies[0].Value, alphabet) != "" {
		return ""
	}
	return cookies[0].Value
}

func FuzzCookie_IsReadAsNetHTTPReadsIt(f *testing.F) {
	mw := newShop(f).middleware(nil)
	f.Add(cookieName+"="+secretA, "")
	f.Add("a=1; "+cookieName+"="+secretA+"; b=2", cookieName+"="+secretB)
	f.Add(cookieName+` ="`+secretA+`" `, ";;")
	f.Add("\t"+cookieName+"\r\n=\v"+secretA, cookieName)
	f.Add(cookieName+"="+secretA+"\x7f", cookieName+"="+secretA)
	f.Add(strings.Repeat(";", 2990)+cookieName+"="+secretA, strings.Repeat(";", 8))
	f.Fuzz(func(t *testing.T, first, second string) {
		r := get("/")
		r.Header["Cookie"] = []string{first}
		if second != "" {
			r.Header["Cookie"] = append(r.Header["Cookie"], second)
		}
		req, err := mw.Request(r)
		require.NoError(t, err)
		require.Equal(t, asNetHTTPReads(r), req.SessionID)
	})
}

func TestCookie_EveryByteOfAnIdCounts(t *testing.T) {
	mw := newShop(t).middleware(nil)
	idOf := func(value string) string {
		r := get("/")
		r.Header.Set("Cookie", cookieName+"="+value)
		req, err := mw.Request(r)
		require.NoError(t, err)
		return req.SessionID
	}
	for _, n := range []int{25, 26, 43, 63, 64, 65} {
		id := strings.Repeat("a", n)
		if n < 26 || n > 64 {
			assert.Empty(t, idOf(id), "%d bytes", n)
			continue
		}
		assert.Equal(t, id, idOf(id), "%d bytes", n)
		for i := range n {
			assert.Empty(t, idOf(id[:i]+"."+id[i+1:]), "byte %d of %d", i, n)
		}
	}
}

func TestRequest_AllocatesNothing(t *testing.T) {
	mw := newShop(t).middleware(func(cfg *middleware.Config) {
		cfg.Sites = map[string]middleware.SiteLanguage{"shop.example": {Site: "main"}, "shop.example/at": {Site: "at"}, "/at": {Language: "de"}}
		cfg.CountryHeader = "CF-IPCountry"
		cfg.TrustedProxies = prefixes("192.0.2.0/24")
		cfg.AcceptLanguage = true
	})
	r := get("/at/shoes")
	r.Host = "Shop.Example.:8443"
	r.Header.Set("Cookie", "a=1; "+cookieName+"="+secretA)
	r.Header.Set("Accept-Language", "de-AT, de;q=0.8")
	r.Header.Set("CF-IPCountry", "AT")
	req, err := mw.Request(r)
	require.NoError(t, err)
	require.Equal(t, "at", req.Site)
	require.Equal(t, "AT", req.GeoCountry)
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = mw.Request(r) }))
}

func TestCookie_OnlyThisHostAndNoScriptReadsIt(t *testing.T) {
	cases := []struct {
		desc string
		edit func(*middleware.Config)
		want http.Cookie
	}{
		{
			"default", nil,
			http.Cookie{Name: cookieName, Path: "/", MaxAge: 4 * 3600, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode},
		},
		{
			"name and age", func(c *middleware.Config) { c.CookieName, c.CookieMaxAge = "basket_1", 3*time.Hour },
			http.Cookie{Name: "__Host-basket_1-demoshop", Path: "/", MaxAge: 3 * 3600, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode},
		},
		{
			"an age shorter than the session's", func(c *middleware.Config) { c.CookieMaxAge = 3 * time.Second },
			http.Cookie{Name: cookieName, Path: "/", MaxAge: 2 * 3600, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode},
		},
		{
			"until the browser closes", func(c *middleware.Config) { c.CookieMaxAge = -1 },
			http.Cookie{Name: cookieName, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode},
		},
		{
			"inside of another site's page", func(c *middleware.Config) { c.Partitioned = true },
			http.Cookie{Name: "__Host-session-embedded-demoshop", Path: "/", MaxAge: 4 * 3600, Secure: true, HttpOnly: true, SameSite: http.SameSiteNoneMode, Partitioned: true},
		},
		{
			"plain HTTP, in development", func(c *middleware.Config) { c.InsecureCookie = true },
			http.Cookie{Name: "session-demoshop", Path: "/", MaxAge: 4 * 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode},
		},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			mw := newShop(t).middleware(tc.edit)
			w := httptest.NewRecorder()
			s, err := mw.Update(w, get("/"), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			require.NoError(t, err)
			require.Len(t, w.Result().Cookies(), 1)
			got := *w.Result().Cookies()[0]
			assert.Equal(t, s.ID, got.Value)
			assert.Regexp(t, "^[A-Za-z0-9_-]{43}$", got.Value, "256 bits of base64url")
			got.Raw, got.Value = "", ""
			assert.Equal(t, tc.want, got)
			assert.Equal(t, "private, no-store", w.Header().Get("Cache-Control"))

			// What was set is read again.
			r := get("/")
			r.AddCookie(&http.Cookie{Name: tc.want.Name, Value: s.ID})
			req, err := mw.Request(r)
			require.NoError(t, err)
			assert.Equal(t, s.ID, req.SessionID)
		})
	}
}

func TestCookie_TwoTenantsOnOneHostKeepTheirOwn(t *testing.T) {
	mw := newShop(t).middleware(func(cfg *middleware.Config) {
		cfg.Tenant = func(r *http.Request) string {
			if strings.HasPrefix(r.URL.Path, "/other/") {
				return "othershop"
			}
			return "demoshop"
		}
	})
	b := newBrowser(t, mw)
	demo := b.update("/", sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	other := b.update("/other/", sessionctx.Patch{Currency: sessionctx.Set("USD")})
	assert.Len(t, b.jar, 2)
	assert.NotEqual(t, demo.ID, other.ID)
	assert.Equal(t, "CHF", b.get("/").Currency)
	assert.Equal(t, "USD", b.get("/other/").Currency)

	// The id of one tenant's session is nothing under the other's name.
	b.jar["__Host-session-othershop"] = demo.ID
	assert.Empty(t, b.get("/other/").ID)
}
