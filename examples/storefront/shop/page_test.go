package shop_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// shops returns data with one tenant, whose sites.json is given.
func shops(sites string) fstest.MapFS {
	return fstest.MapFS{"alpha/sites.json": &fstest.MapFile{Data: []byte(sites)}}
}

func TestPage_PricesAreInTheShoppersCurrencyAndLanguage(t *testing.T) {
	for _, tc := range []struct {
		desc    string
		choices [][2]string
		want    string // of the mug
		decimal string
		text    string
	}{
		{"euros for readers of English", nil, "€18.00", "18.00", "Prices in EUR (€), delivered to Germany."},
		{"for readers of German", [][2]string{{"language", "de"}}, "18,00\u00a0€", "18.00", "Preise in EUR (€), Lieferung nach: Deutschland."},
		{"francs for readers of French", [][2]string{{"currency", "CHF"}, {"language", "fr"}}, "16,83\u00a0CHF", "16.83", "Prix en CHF, livraison : Allemagne."},
		{"yen have no minor unit", [][2]string{{"site", "jp"}}, "¥3,204", "3204", "Prices in JPY (¥), delivered to Japan."},
		{"ouguiyas", [][2]string{{"site", "mr"}}, "833,40\u00a0MRU", "833.40", "Prix en MRU, livraison : Mauritanie."},
		{"for readers of Arabic", [][2]string{{"site", "mr"}, {"language", "ar"}, {"currency", "EUR"}}, "\u200f18.00\u00a0€", "18.00", ""},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			s := open(t, setup{}).visit(t, "/")
			p := s.get("")
			for _, choice := range tc.choices {
				p = s.choose(p, choice[0], choice[1])
			}
			price := p.id("mug").tags("data")[0]
			assert.Equal(t, tc.want, price.String())
			assert.Equal(t, tc.decimal, price.attr["value"])
			assert.Contains(t, p.id("content").String(), tc.text)
		})
	}
	t.Run("dinars have three digits", func(t *testing.T) {
		s := open(t, setup{}).visit(t, "/shop/othershop/")
		p := s.choose(s.get(""), "currency", "KWD")
		assert.Equal(t, "KWD\u00a06.426", p.id("mug").tags("data")[0].String())
	})
}

func TestPage_SaysItsLanguageAndDirection(t *testing.T) {
	any := shops(`[{"code": "main", "default": true, "currency": "EUR", "homeBase": {"address": {"country": "DE"}},
		"defaultLanguage": "en", "languages": []}]`)
	for _, tc := range []struct {
		desc, language             string
		page, dir, labels, textDir string
	}{
		{"its own texts", "de-AT", "de-AT", "ltr", "de", "ltr"},
		{"its own texts, from right to left", "ar", "ar", "rtl", "ar", "rtl"},
		{"no texts", "pl", "pl", "ltr", "en", "ltr"},
		{"no texts, from right to left", "he", "he", "rtl", "en", "ltr"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			s := open(t, setup{shops: any}).visit(t, "/")
			s.language = tc.language
			p := s.get("")
			html, body := p.tags("html")[0], p.tags("body")[0]
			assert.Equal(t, []string{tc.page, tc.dir}, []string{html.attr["lang"], html.attr["dir"]})
			assert.Equal(t, []string{tc.labels, tc.textDir}, []string{body.attr["lang"], body.attr["dir"]})
			_, selected := p.id("language").values()
			assert.Equal(t, tc.page, selected, "the list has the language, whatever it is")
		})
	}
}

func TestPage_OtherTenantsHavePagesOfTheirOwn(t *testing.T) {
	m := open(t, setup{})
	s := m.visit(t, "/")
	s.choose(s.get(""), "currency", "CHF")
	other := s.get("shop/othershop/")
	assert.Equal(t, [4]string{"main", "SEK", "SE", "en"}, other.context(), "a session is one tenant's")
	assert.Equal(t, "Other Shop", other.all(func(n *node) bool { return n.attr["class"] == "brand" })[0].String())
	for _, form := range other.tags("form") {
		assert.True(t, strings.HasPrefix(form.attr["action"], "/shop/othershop/"), form.attr["action"])
	}
	assert.Equal(t, "CHF", s.get("shop/demoshop/").context()[1], "/ is the first tenant by name")
}

func TestPage_SaysSoWhereThereIsNothing(t *testing.T) {
	s := open(t, setup{}).visit(t, "/")
	for _, path := range []string{"nothing", "shop/demoshop/nothing", "shop/nowhere/", "shop/Bad!/", "shop/"} {
		p := s.get(path)
		assert.Equal(t, http.StatusNotFound, p.code, path)
		assert.Equal(t, "Nothing here", p.tags("h1")[0].String(), path)
	}
	p := s.get("shop/demoshop")
	assert.Equal(t, "/shop/demoshop/", p.url.Path, "the slash is not a shopper's business")
	assert.Equal(t, http.StatusOK, p.code)
}

func TestPage_GuardsItself(t *testing.T) {
	s := open(t, setup{}).visit(t, "/")
	pages := map[string]page{
		"index": s.get(""), "preview": s.get("preview?currency=CHF"), "sign-in": s.get("sign-in"), "cart": s.get("cart"),
		"nothing": s.get("nothing"), "no tenant": s.get("shop/nowhere/"), "refused": s.post("choices", nil),
		"wrong password": s.post("sign-in", url.Values{"email": {"a@b.example"}, "password": {"x"}}),
	}
	for name, p := range pages {
		assert.Equal(t, "private, no-store", p.header.Get("Cache-Control"), name)
		assert.Equal(t, "nosniff", p.header.Get("X-Content-Type-Options"), name)
		csp := p.header.Get("Content-Security-Policy")
		assert.Contains(t, csp, "default-src 'none'", name)
		assert.Contains(t, csp, "frame-ancestors 'none'", name)
		assert.NotContains(t, csp, "unsafe", name)
		assert.Empty(t, p.tags("style"), "%s: a style that the policy forbids", name)
		for _, n := range p.all(func(*node) bool { return true }) {
			for attr := range n.attr {
				assert.False(t, attr == "style" || strings.HasPrefix(attr, "on"), "%s: <%s %s> is forbidden by the policy", name, n.name, attr)
			}
			if n.name == "script" {
				assert.NotEmpty(t, n.attr["src"], "%s: a script that the policy forbids", name)
			}
		}
	}
}

func TestPage_HasOneHeadingAndALabelForEveryField(t *testing.T) {
	s := open(t, setup{}).visit(t, "/")
	for _, path := range []string{"", "sign-in", "cart", "nothing", "preview?currency=CHF"} {
		p := s.get(path)
		assert.Len(t, p.tags("h1"), 1, path)
		assert.Len(t, p.tags("main"), 1, path)
		labelled := map[string]bool{}
		for _, label := range p.tags("label") {
			labelled[label.attr["for"]] = true
		}
		for _, n := range append(p.tags("select"), p.tags("input")...) {
			if n.attr["type"] != "hidden" {
				assert.True(t, labelled[n.attr["id"]], "%s: %s %s has no label", path, n.name, n.attr["id"])
			}
		}
		ids := map[string]bool{}
		for _, n := range p.all(func(n *node) bool { return n.attr["id"] != "" }) {
			assert.False(t, ids[n.attr["id"]], "%s: id %s twice", path, n.attr["id"])
			ids[n.attr["id"]] = true
		}
		for _, img := range p.tags("img") {
			_, ok := img.attr["alt"]
			assert.True(t, ok, "%s: picture without alt", path)
		}
	}
}

func TestPage_FormOfAnotherOriginIsRefused(t *testing.T) {
	m := open(t, setup{})
	s := m.visit(t, "/")
	for _, path := range []string{"choices", "sign-in", "sign-out", "cart", "shop/othershop/choices"} {
		for header, value := range map[string]string{"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"} {
			req, err := http.NewRequest(http.MethodPost, s.base+path, strings.NewReader("currency=CHF&add=mug"))
			require.NoError(t, err)
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set(header, value)
			assert.Equal(t, http.StatusForbidden, s.do(req).code, "%s with %s", path, header)
		}
	}
	assert.Zero(t, m.resolver.Stats().Writes)
}

func TestAssets_AreKeptForEverUnderTheirVersion(t *testing.T) {
	s := open(t, setup{}).visit(t, "/")
	p := s.get("")
	links := []string{p.tags("script")[0].attr["src"]}
	for _, link := range p.tags("link") {
		links = append(links, link.attr["href"])
	}
	for _, img := range p.tags("img") {
		links = append(links, img.attr["src"])
	}
	require.Greater(t, len(links), 10)
	for _, link := range links {
		asset := s.get(strings.TrimPrefix(link, "/"))
		assert.Equal(t, http.StatusOK, asset.code, link)
		assert.Equal(t, "public, max-age=31536000, immutable", asset.header.Get("Cache-Control"), link)
		assert.NotEqual(t, "text/plain; charset=utf-8", asset.header.Get("Content-Type"), link)
	}
	old := s.get("assets/000000000000/shop.css")
	assert.Equal(t, http.StatusOK, old.code)
	assert.Equal(t, "no-cache", old.header.Get("Cache-Control"), "what is under another version may change")
	assert.Equal(t, http.StatusNotFound, s.get("assets/0/passwd").code)
}

func TestNames_FromDataCannotTurnThePageAbout(t *testing.T) {
	for _, tc := range []struct{ desc, name, want string }{
		{"an override", "Evil\u202e pohS", "Evil pohS"},
		{"an isolate that is never closed", "Evil\u2067 Shop", "Evil Shop"},
		{"an end too many", "Evil\u2069 Shop", "Evil Shop"},
		{"embeddings and their ends", "\u202aEvil\u202c \u202bShop", "Evil Shop"},
		{"an isolate within an override", "\u202eEvil\u2068 Shop", "Evil Shop"},
		{"a paragraph", "Evil\u2029Shop", "Evil Shop"},
		{"a soft mark of direction", "Evil\u200f Shop", "\u2068Evil\u200f Shop\u2069"},
		{"markup", "<bdo dir=rtl>Evil", "<bdo dir=rtl>Evil"},
		{"Hebrew", "חנות 24/7", "\u2068חנות 24/7\u2069"},
		{"Arabic", "متجر (1)!", "\u2068متجر (1)!\u2069"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			shops := fstest.MapFS{"demoshop/sites.json": &fstest.MapFile{Data: []byte(`[{"code": "main", "name": "` + tc.name + `", "active": true,
				"default": true, "currency": "EUR", "homeBase": {"address": {"country": "DE"}}, "defaultLanguage": "en"}]`)}}
			p := open(t, setup{shops: shops}).visit(t, "/").get("")
			brand := p.all(func(n *node) bool { return n.attr["class"] == "brand" })[0]
			require.Len(t, brand.tags("bdi"), 1)
			assert.Equal(t, tc.want, brand.String())
			assert.Contains(t, p.id("site").String(), tc.want)
			assert.Contains(t, p.tags("title")[0].String(), " · "+tc.want)
			for _, mark := range "\u202a\u202b\u202c\u202d\u202e\u2066\u2067" {
				assert.NotContains(t, p.body, string(mark))
			}
			assert.Equal(t, strings.Count(p.body, "\u2068"), strings.Count(p.body, "\u2069"), "what is opened is closed")
		})
	}
}
