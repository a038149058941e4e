package browsertest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// What a browser withholds from a request that another site makes it send, and what it has again
// for the GET after a 303. To the browser localhost is another site than 127.0.0.1.

// returns is a shop that another site sends the browser back to. The shop has a login of its own.
func returns(t *testing.T) (shop string, outside func(path, form string) string) {
	t.Helper()
	if missing != "" {
		t.Skip(missing)
	}
	resolver, err := sessionctx.New(sessionctx.Config{
		Store: &memstore.Store{},
		Directory: sessionctx.Static{"demoshop": {Sites: []defaults.Site{{
			Code: "main", Default: true, Currency: "EUR", Country: "DE", Language: "de", Languages: []string{"de", "en"},
		}}, Customers: map[string]defaults.Customer{"anna": {}}}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, resolver.Close()) })
	mw, err := middleware.New(middleware.Config{Resolver: resolver, Tenant: middleware.Tenant("demoshop")})
	require.NoError(t, err)
	write := func(w http.ResponseWriter, r *http.Request, p sessionctx.Patch) string {
		switch _, err := mw.Update(w, r, p); err {
		case nil:
			return "written"
		case middleware.ErrCrossSite:
			return "cross-site"
		default:
			return err.Error()
		}
	}
	mux := http.NewServeMux()
	page := func(w http.ResponseWriter, r *http.Request, text string) {
		s, _ := sessionctx.FromContext(r.Context())
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<link rel=icon href="data:,"><p id=seen>%s: %s %s</p>`, text, s.CustomerID, s.CartID)
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { page(w, r, "home") })
	mux.HandleFunc("GET /add", func(w http.ResponseWriter, r *http.Request) {
		page(w, r, write(w, r, sessionctx.Patch{CartID: sessionctx.Set("cart-1")}))
	})
	mux.HandleFunc("POST /paid", func(w http.ResponseWriter, r *http.Request) { // without the recipe
		page(w, r, write(w, r, sessionctx.Patch{CartID: sessionctx.Clear()}))
	})
	mux.HandleFunc("POST /return", func(w http.ResponseWriter, r *http.Request) { // the recipe
		http.Redirect(w, r, "/done?"+r.PostFormValue("q"), http.StatusSeeOther)
	})
	mux.HandleFunc("/done", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "login" {
			if _, err := mw.Login(w, r, "anna"); err != nil {
				page(w, r, err.Error())
				return
			}
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		page(w, r, write(w, r, sessionctx.Patch{CartID: sessionctx.Set("cart-2")}))
	})
	mux.HandleFunc("POST /callback", func(w http.ResponseWriter, r *http.Request) {
		_, err := mw.Login(w, r, "anna")
		page(w, r, fmt.Sprint(err))
	})
	server := httptest.NewServer(mw.Wrap(mux))
	t.Cleanup(server.Close)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if r.URL.Path == "/chain" { // a login chain of redirects
			http.Redirect(w, r, server.URL+"/done?login", http.StatusFound)
			return
		}
		io.WriteString(w, `<link rel=icon href="data:,"><form method=post action="`+server.URL+r.URL.Path+`"><input name=q value="`+r.URL.RawQuery+`"><button id=go>go</button></form>
			<a id=chain href=/chain>log in</a>`)
	}))
	t.Cleanup(other.Close)
	return server.URL, func(path, query string) string {
		return strings.Replace(other.URL, "127.0.0.1", "localhost", 1) + path + "?" + query
	}
}

func TestCrossSite_ReturnsFromAnotherSite(t *testing.T) {
	cases := []struct {
		desc        string
		had         bool // a session with a cart to begin with
		path, query string
		click       string
		want, then  string
	}{
		{"payment return, and a write in the POST", true, "/paid", "", "#go", "cross-site: ", "home: cart-1"},
		{"payment return, 303 to a GET", true, "/return", "", "#go", "written: cart-1", "home: cart-2"},
		{"payment return without a session, 303 to a GET that begins one", false, "/return", "", "#go", "written:", "home: cart-2"},
		{"form_post of an identity provider, and a login in the POST", true, "/callback", "", "#go", middleware.ErrCrossSite.Error() + ":", "home: cart-1"},
		{"form_post of an identity provider, 303 to a GET", true, "/return", "login", "#go", "home: anna cart-1", "home: anna cart-1"},
		{"a login chain from another site", true, "/", "", "#chain", "home: anna cart-1", "home: anna cart-1"},
		{"a login chain without a session", false, "/", "", "#chain", "home: anna", "home: anna"},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			shop, outside := returns(t)
			b := visit(t, shop, desktop)
			if tc.had {
				b.open("/add")
			}
			b.do(chromedp.Navigate(outside(tc.path, tc.query)))
			b.follow(tc.click)
			assert.Equal(t, strings.TrimSpace(tc.want), b.text("#seen"))
			b.open("/")
			assert.Equal(t, tc.then, b.text("#seen"))
		})
	}
}

// A shop inside of another site's page keeps a choice only with a partitioned cookie.
func TestCrossSite_EmbeddedShop(t *testing.T) {
	for _, tc := range []struct {
		desc        string
		partitioned bool
		want        string
	}{
		{"a SameSite=Lax cookie: the write is refused or lost", false, "cart: "},
		{"a partitioned cookie", true, "cart: cart-1"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			if missing != "" {
				t.Skip(missing)
			}
			resolver, err := sessionctx.New(sessionctx.Config{
				Store: &memstore.Store{},
				Directory: sessionctx.Static{"demoshop": {Sites: []defaults.Site{{
					Code: "main", Default: true, Currency: "EUR", Country: "DE", Language: "de",
				}}}},
			})
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, resolver.Close()) })
			mw, err := middleware.New(middleware.Config{Resolver: resolver, Tenant: middleware.Tenant("demoshop"), Partitioned: tc.partitioned})
			require.NoError(t, err)
			shop := httptest.NewServer(mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				if r.Method == http.MethodPost {
					if _, err := mw.Update(w, r, sessionctx.Patch{CartID: sessionctx.Set("cart-1")}); err != nil {
						middleware.Fail(w, r, err, nil)
						return
					}
					http.Redirect(w, r, "/?told", http.StatusSeeOther)
					return
				}
				s, _ := sessionctx.FromContext(r.Context())
				fmt.Fprintf(w, `<link rel=icon href="data:,"><form method=post><button>add</button></form><script>
					const told = location.search === "?told";
					if (told) parent.postMessage("cart: %s", "*"); else document.forms[0].submit();
				</script>`, s.CartID)
			})))
			t.Cleanup(shop.Close)
			cms := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				frame := ""
				if r.URL.Path == "/preview" {
					frame = `<iframe src="` + shop.URL + `"></iframe>`
				}
				io.WriteString(w, `<link rel=icon href="data:,"><script>
					addEventListener("message", e => { const p = document.createElement("p"); p.id = "seen"; p.textContent = e.data; document.body.append(p); });
				</script><body>`+frame)
			}))
			t.Cleanup(cms.Close)
			b := visit(t, strings.Replace(cms.URL, "127.0.0.1", "localhost", 1), desktop)
			b.open("/preview")
			b.see("#seen")
			assert.Equal(t, strings.TrimSpace(tc.want), b.text("#seen"))
		})
	}
}
