package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// toServer sends every request to one server, whatever host it is for.
type toServer struct {
	http.RoundTripper
	host string
}

func (t toServer) RoundTrip(r *http.Request) (*http.Response, error) {
	to := r.Clone(r.Context())
	to.URL.Host, to.Host = t.host, r.URL.Host
	res, err := t.RoundTripper.RoundTrip(to)
	if err == nil {
		res.Request = r
	}
	return res, err
}

func visitor(t *testing.T) *http.Client {
	t.Helper()
	resolver, err := sessionctx.New(sessionctx.Config{Store: &memstore.Store{}, Directory: sites})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, resolver.Close()) })
	mw, err := middleware.New(middleware.Config{
		Resolver: resolver, Tenant: middleware.Tenant("myshop"), Sites: urls, AcceptLanguage: true,
	})
	require.NoError(t, err)
	server := httptest.NewTLSServer(shop(resolver, mw))
	t.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &http.Client{Transport: toServer{server.Client().Transport, server.Listener.Addr().String()}, Jar: jar}
}

// body returns a page and the URL at which the visitor has ended.
func body(t *testing.T, res *http.Response, err error) (text, at string) {
	t.Helper()
	require.NoError(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, res.StatusCode, "%s", b)
	return string(b), res.Request.URL.String()
}

func TestPage_LinksEachLanguageAndOffersWhatTheSiteOffers(t *testing.T) {
	client := visitor(t)
	res, err := client.Get("https://shop.example/de/mug")
	text, _ := body(t, res, err)
	for _, want := range []string{
		`<link rel="alternate" hreflang="de" href="https://shop.example/de/mug">`,
		`<link rel="alternate" hreflang="fr" href="https://shop.example/fr/mug">`,
		`<link rel="alternate" hreflang="en-US" href="https://us.shop.example/mug">`,
		`<link rel="alternate" hreflang="x-default" href="https://shop.example/mug">`,
		"<bdi>18,50\u00a0€</bdi>", `<option value="main" selected>Shop Europe</option>`, `<option value="CHF" lang="de">Schweizer Franken</option>`,
		`<option value="EG" lang="de">Ägypten</option>`, `<option value="ar" lang="ar">` + "\u2068العربية\u2069</option>",
	} {
		assert.Contains(t, text, want)
	}
}

// The visitor's form is sent as a browser without scripts sends it: with all of its selects.
func TestPage_FormChoosesAndLeadsToTheURLOfTheLanguage(t *testing.T) {
	client := visitor(t)
	res, err := client.Get("https://shop.example/de/mug?size=big")
	text, _ := body(t, res, err)
	form := url.Values{}
	for _, input := range regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]*)">`).FindAllStringSubmatch(text, -1) {
		form.Set(input[1], input[2])
	}
	for _, sel := range regexp.MustCompile(`(?s)<select name="(\w+)".*?value="(\w+)"[^>]* selected`).FindAllStringSubmatch(text, -1) {
		form.Set(sel[1], sel[2])
	}
	require.Equal(t, url.Values{
		"return": {"/de/mug?size=big"}, "revision": {"0000000000000000.0"}, "site": {"main"}, "currency": {"EUR"}, "country": {"DE"}, "language": {"de"},
	}, form)
	form.Set("currency", "CHF")
	form.Set("language", "fr")
	res, err = client.PostForm("https://shop.example/switch", form)
	text, at := body(t, res, err)
	assert.Equal(t, "https://shop.example/fr/mug?size=big", at)
	assert.Contains(t, text, "18,50\u00a0CHF")

	res, err = client.PostForm("https://shop.example/switch", url.Values{"currency": {"PTS"}, "return": {"/en/mug"}})
	text, _ = body(t, res, err)
	assert.Contains(t, text, "PTS\u00a01,850", "points have no decimals")
	res, err = client.PostForm("https://shop.example/switch", url.Values{"site": {"us"}, "return": {"/en/mug"}})
	text, at = body(t, res, err)
	assert.Equal(t, "https://us.shop.example/mug", at)
	assert.Contains(t, text, "$18.50")
	res, err = client.PostForm("https://shop.example/switch", url.Values{"currency": {"CHF"}, "return": {"//evil.example"}})
	require.NoError(t, err)
	res.Body.Close()
	assert.Equal(t, http.StatusBadRequest, res.StatusCode)
}

var block = regexp.MustCompile("(?s)```(?:go|html)\n(.*?)```")

func TestDocs_LinesAreThoseOfTheProgram(t *testing.T) {
	text, err := os.ReadFile(filepath.FromSlash("../../docs/picker.md"))
	require.NoError(t, err)
	code := "\n"
	for _, name := range []string{"main.go", "page.html"} {
		program, err := os.ReadFile(name)
		require.NoError(t, err)
		code += unindented(string(program))
	}
	blocks := block.FindAllStringSubmatch(string(text), -1)
	require.GreaterOrEqual(t, len(blocks), 5)
	for _, b := range blocks {
		assert.Contains(t, code, "\n"+unindented(b[1]))
	}
}

// unindented returns text without the blanks at the begin of its lines.
func unindented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimLeft(line, "\t "))
	}
	return b.String()
}
