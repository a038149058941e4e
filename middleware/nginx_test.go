package middleware_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/nginx"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

// recipe returns the server block of that name of docs/behind-a-proxy.md, and the http block before
// it, with other addresses and folders.
func recipe(t *testing.T, name, origin string) (httpBlock, serverBlock string) {
	t.Helper()
	doc, err := os.ReadFile("../docs/behind-a-proxy.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)<!-- recipe: (\\w+) -->\n```nginx\n(.*?)```").FindAllStringSubmatch(string(doc), -1)
	others := strings.NewReplacer(
		"http://127.0.0.1:8080", origin, "http://unix:/run/shop/http.sock", origin,
		"/var/cache/nginx", "DIR", "192.0.2.0/24", "127.0.0.2", "198.51.100.0/24", "127.0.0.3")
	for _, b := range blocks {
		switch b[1] {
		case "http":
			httpBlock = b[2]
		case name:
			return others.Replace(httpBlock), "add_header X-Cache $upstream_cache_status always;\n" + others.Replace(b[2])
		}
	}
	t.Fatalf("there is no recipe %q", name)
	return "", ""
}

// catalogue is a shop whose product pages are for everybody.
func catalogue(t *testing.T, edit func(*middleware.Config)) http.Handler {
	t.Helper()
	mw := newShop(t).middleware(func(cfg *middleware.Config) {
		cfg.AcceptLanguage = true
		cfg.CountryHeader, cfg.TrustedProxies = "X-Country", prefixes("127.0.0.1/32")
		cfg.Sites = map[string]middleware.SiteLanguage{"/en": {Language: "en"}}
		if edit != nil {
			edit(cfg)
		}
	})
	mux := http.NewServeMux()
	page := func(w http.ResponseWriter, r *http.Request) {
		s, _ := sessionctx.FromContext(r.Context())
		fmt.Fprint(w, s.Currency, " ", s.Country, " ", s.Language)
	}
	mux.HandleFunc("/account", page)
	mux.HandleFunc("/public-by-hand", func(w http.ResponseWriter, r *http.Request) { // what the docs warn of
		w.Header().Set("Cache-Control", "public, max-age=60")
		w.Header().Del("Vary")
		page(w, r)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		_ = mw.Shareable(w, r, time.Minute)
		page(w, r)
	})
	mux.HandleFunc("POST /choose", func(w http.ResponseWriter, r *http.Request) {
		if _, err := mw.Update(w, r, sessionctx.Patch{Currency: sessionctx.Set("CHF")}); err != nil {
			middleware.Fail(w, r, err, nil)
		}
	})
	return mw.Wrap(mux)
}

// visit is one request through nginx. A cookie "chosen" is that of a shopper with a choice.
type visit struct {
	path, from       string // from: the address of the visitor
	cookie, language string
	want, cache      string
}

func (v visit) do(t *testing.T, addr, chosen string) {
	t.Helper()
	from := v.from
	if from == "" {
		from = "127.0.0.9"
	}
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	transport := &http.Transport{DialContext: dialer.DialContext}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequest(http.MethodGet, "http://"+addr+v.path, nil)
	require.NoError(t, err)
	r.Header.Set("X-Country", "CH") // what a client says does not count
	if v.cookie != "" {
		r.Header.Set("Cookie", strings.ReplaceAll(v.cookie, "chosen", chosen))
	}
	if v.language != "" {
		r.Header.Set("Accept-Language", v.language)
	}
	res, err := transport.RoundTrip(r)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	assert.Equal(t, v.want, string(body), "%+v", v)
	assert.Equal(t, v.cache, res.Header.Get("X-Cache"), "%+v", v)
}

func TestShareable_BehindNginxEachVisitorSeesTheRightPage(t *testing.T) {
	const at, fr = "127.0.0.2", "127.0.0.3"
	cases := []struct {
		desc, recipe string
		visits       []visit
	}{
		{"guests share, the shopper with a choice does not", "vary", []visit{
			{path: "/shoes", want: "EUR DE de", cache: "MISS"},
			{path: "/shoes", want: "EUR DE de", cache: "HIT"},
			{path: "/shoes", cookie: "chosen", want: "CHF DE de", cache: "MISS"},
			{path: "/shoes", cookie: "chosen", want: "CHF DE de", cache: "MISS"},
			{path: "/shoes", want: "EUR DE de", cache: "HIT"},
		}},
		{"the shopper with a choice comes first", "vary", []visit{
			{path: "/shoes", cookie: "chosen", want: "CHF DE de", cache: "MISS"},
			{path: "/shoes", want: "EUR DE de", cache: "MISS"},
			{path: "/shoes", want: "EUR DE de", cache: "HIT"},
		}},
		{"each language has its page, also the one of the default", "vary", []visit{
			{path: "/shoes", language: "ja", want: "EUR DE de", cache: "MISS"},
			{path: "/shoes", language: "fr", want: "EUR DE fr", cache: "MISS"},
			{path: "/shoes", want: "EUR DE de", cache: "MISS"},
			{path: "/shoes", language: "fr", want: "EUR DE fr", cache: "HIT"},
		}},
		{"where the URL says the language, all share", "vary", []visit{
			{path: "/en/shoes", language: "ja", want: "EUR DE en", cache: "MISS"},
			{path: "/en/shoes", language: "fr", want: "EUR DE en", cache: "HIT"},
			{path: "/en/shoes", want: "EUR DE en", cache: "HIT"},
		}},
		{"each country has its page", "vary", []visit{
			{path: "/shoes", from: at, want: "EUR AT de", cache: "MISS"},
			{path: "/shoes", from: fr, want: "EUR FR de", cache: "MISS"},
			{path: "/shoes", want: "EUR DE de", cache: "MISS"},
			{path: "/shoes", from: at, want: "EUR AT de", cache: "HIT"},
			{path: "/shoes", from: fr, want: "EUR FR de", cache: "HIT"},
		}},
		{"a page that is not shared", "vary", []visit{
			{path: "/account", want: "EUR DE de", cache: "MISS"},
			{path: "/account", want: "EUR DE de", cache: "MISS"},
			{path: "/account", cookie: "chosen", want: "CHF DE de", cache: "MISS"},
		}},
		{"the mistake that the docs name: public by hand", "vary", []visit{
			{path: "/public-by-hand", cookie: "chosen", want: "CHF DE de", cache: "MISS"},
			{path: "/public-by-hand", want: "CHF DE de", cache: "HIT"}, // the wrong page: so this test can see one
		}},
		{"guests share in spite of other cookies", "key", []visit{
			{path: "/shoes", cookie: "stats=1", want: "EUR DE de", cache: "MISS"},
			{path: "/shoes", cookie: "stats=2", want: "EUR DE de", cache: "HIT"},
			{path: "/shoes", cookie: "stats=2; chosen", want: "CHF DE de", cache: "BYPASS"},
			{path: "/shoes", cookie: "chosen; stats=2", want: "CHF DE de", cache: "BYPASS"},
			{path: "/shoes", want: "EUR DE de", cache: "HIT"},
			{path: "/account", cookie: "chosen", want: "CHF DE de", cache: "BYPASS"},
			{path: "/account", want: "EUR DE de", cache: "MISS"},
		}},
		{"the languages of the shop alone", "key", []visit{
			{path: "/shoes", language: "fr-CH, en;q=0.5", want: "EUR DE fr", cache: "MISS"},
			{path: "/shoes", language: "fr;q=0.9", want: "EUR DE fr", cache: "HIT"},
			{path: "/shoes", language: "ja", want: "EUR DE de", cache: "MISS"},
			{path: "/shoes", want: "EUR DE de", cache: "HIT"},
			{path: "/shoes", from: at, language: "fr", want: "EUR AT fr", cache: "MISS"},
		}},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			t.Parallel()
			origin := httptest.NewServer(catalogue(t, nil))
			defer origin.Close()
			httpBlock, serverBlock := recipe(t, tc.recipe, origin.URL)
			addr := nginx.Start(t, httpBlock, serverBlock)
			res, err := http.Post("http://"+addr+"/choose", "", nil)
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			require.Len(t, res.Cookies(), 1)
			for _, v := range tc.visits {
				v.do(t, addr, res.Cookies()[0].Name+"="+res.Cookies()[0].Value)
			}
		})
	}
}

func TestHints_BehindNginxOnAUnixSocket(t *testing.T) {
	for trust, want := range map[bool]string{true: "EUR AT de", false: "EUR DE de"} {
		t.Run(fmt.Sprint(trust), func(t *testing.T) {
			dir, err := os.MkdirTemp("", "shop-") // the path of a socket has 107 bytes at most
			require.NoError(t, err)
			defer os.RemoveAll(dir)
			socket := filepath.Join(dir, "http.sock")
			l, err := net.Listen("unix", socket)
			require.NoError(t, err)
			server := httptest.NewUnstartedServer(catalogue(t, func(cfg *middleware.Config) { cfg.TrustUnixSocket = trust }))
			server.Listener.Close()
			server.Listener = l
			server.Start()
			defer server.Close()
			httpBlock, serverBlock := recipe(t, "socket", "http://unix:"+socket)
			addr := nginx.Start(t, httpBlock, serverBlock)
			visit{path: "/account", from: "127.0.0.2", want: want}.do(t, addr, "")
			visit{path: "/account", want: "EUR DE de"}.do(t, addr, "")
		})
	}
}

// The recipe of docs/behind-a-proxy.md. The jar withholds nothing by itself, so the POST of the
// provider's page is made without it, as browsers do.
func TestPayment_ReturnByPostLosesNoCart(t *testing.T) {
	mw := newShop(t).middleware(nil)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /payment/return", func(w http.ResponseWriter, r *http.Request) {
		s, _ := sessionctx.FromContext(r.Context())
		assert.Empty(t, s.ID, "a guest")
		http.Redirect(w, r, "/orders/7", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /orders/7", func(w http.ResponseWriter, r *http.Request) {
		s, _ := sessionctx.FromContext(r.Context())
		fmt.Fprint(w, s.CartID)
	})
	mux.HandleFunc("POST /cart", func(w http.ResponseWriter, r *http.Request) {
		_, err := mw.Update(w, r, sessionctx.Patch{CartID: sessionctx.Set("cart-1")})
		assert.NoError(t, err)
	})
	protection := http.NewCrossOriginProtection()
	protection.AddInsecureBypassPattern("POST /payment/return")
	server := httptest.NewTLSServer(protection.Handler(mw.Wrap(mux)))
	defer server.Close()
	browser := server.Client()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	browser.Jar = jar
	res, err := browser.Post(server.URL+"/cart", "", nil)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())

	back, err := http.NewRequest(http.MethodPost, server.URL+"/payment/return", nil)
	require.NoError(t, err)
	back.Header.Set("Sec-Fetch-Site", "cross-site")
	back.Header.Set("Origin", "https://provider.example")
	res, err = server.Client().Transport.RoundTrip(back)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	require.Empty(t, res.Cookies())
	res, err = browser.Get(server.URL + res.Header.Get("Location"))
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	assert.Equal(t, "cart-1", string(body))
}
