package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/nginx"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// caching is nginx as people set it up: it keeps each page for a minute, unless the page forbids
// it.
const caching = `
proxy_cache pages;
proxy_cache_valid any 1m;
add_header X-Cache $upstream_cache_status always;
location / { proxy_pass ORIGIN; proxy_set_header Host $host; }
`

// behindNginx returns the address of an nginx that caches the program's pages. The responses come
// to nginx without the headers in dropped: the variant of the library that does not set them.
func behindNginx(t *testing.T, dropped ...string) string {
	t.Helper()
	resolver, err := sessionctx.New(sessionctx.Config{
		Store: &memstore.Store{},
		Directory: sessionctx.Static{"myshop": {Sites: []defaults.Site{{
			Code: "main", Default: true, Country: "DE", Currency: "EUR", Currencies: []string{"CHF"},
			Language: "de", Languages: []string{"en", "fr"},
		}}}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, resolver.Close()) })
	mw, err := middleware.New(middleware.Config{Resolver: resolver, Tenant: middleware.Tenant("myshop"), AcceptLanguage: true})
	require.NoError(t, err)
	program := shop(mw)
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		program.ServeHTTP(&dropper{w, dropped}, r)
	}))
	t.Cleanup(origin.Close)
	return "http://" + nginx.Start(t, `proxy_cache_path DIR/pages keys_zone=pages:1m;`, strings.ReplaceAll(caching, "ORIGIN", origin.URL))
}

// dropper is a ResponseWriter that drops headers.
type dropper struct {
	http.ResponseWriter
	names []string
}

func (d *dropper) WriteHeader(code int) {
	for _, name := range d.names {
		d.Header().Del(name)
	}
	d.ResponseWriter.WriteHeader(code)
}

func (d *dropper) Write(b []byte) (int, error) {
	d.WriteHeader(http.StatusOK) // the pages of the program come in one piece
	return d.ResponseWriter.Write(b)
}

// someone has a browser with this cookie and this language.
type someone struct{ cookie, language string }

// chosen returns somebody who has chosen francs.
func chosen(t *testing.T, shop string) someone {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.PostForm(shop+"/currency", url.Values{"currency": {"CHF"}})
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	require.Len(t, res.Cookies(), 1)
	return someone{cookie: res.Cookies()[0].Name + "=" + res.Cookies()[0].Value}
}

func (s someone) sees(t *testing.T, page string) string {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, page, nil)
	require.NoError(t, err)
	for name, value := range map[string]string{"Cookie": s.cookie, "Accept-Language": s.language} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	res, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return string(b)
}

func TestNginx_NobodySeesThePageOfAnother(t *testing.T) {
	guest := func(*testing.T, string) someone { return someone{} }
	speaks := func(language string) func(*testing.T, string) someone {
		return func(*testing.T, string) someone { return someone{language: language} }
	}
	const francs, euros = "currency CHF (choice), country DE, language de", "currency EUR (site.currency), country DE, language de"
	english := strings.Replace(euros, "language de", "language en", 1)
	french := strings.Replace(euros, "language de", "language fr", 1)
	pairs := []struct {
		desc          string
		first, second func(*testing.T, string) someone
		pages         [2]string
	}{
		{"a guest after a shopper with a choice", chosen, guest, [2]string{francs, euros}},
		{"a shopper with a choice after a guest", guest, chosen, [2]string{euros, francs}},
		{"a guest of another language", speaks("en"), speaks("fr"), [2]string{english, french}},
		{"a guest without a language", speaks("fr"), guest, [2]string{french, euros}},
	}
	variants := []struct {
		desc    string
		dropped []string
		leaks   bool
	}{
		{"as it is", nil, false},
		{"by Vary alone", []string{"Cache-Control"}, false},
		{"by Cache-Control alone", []string{"Vary"}, false},
		{"BROKEN, with neither", []string{"Cache-Control", "Vary"}, true},
	}
	for _, v := range variants {
		for _, p := range pairs {
			t.Run(v.desc+", "+p.desc, func(t *testing.T) {
				t.Parallel()
				shop := behindNginx(t, v.dropped...)
				first, second := p.first(t, shop), p.second(t, shop)
				want := p.pages[1]
				if v.leaks {
					want = p.pages[0]
				}
				assert.Equal(t, "site main, "+p.pages[0]+"\n", first.sees(t, shop))
				assert.Equal(t, "site main, "+want+"\n", second.sees(t, shop))
			})
		}
	}
}
