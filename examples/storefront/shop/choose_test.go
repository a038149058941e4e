package shop_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
)

func TestIndex_AnonymousShopperSeesDefaultsAndLeavesNothing(t *testing.T) {
	m := open(t, setup{})
	s := m.visit(t, "/")
	p := s.get("")
	assert.Equal(t, http.StatusOK, p.code)
	assert.Equal(t, [4]string{"main", "EUR", "DE", "en"}, p.context())
	assert.Empty(t, p.header.Values("Set-Cookie"), "a read sets no cookie")
	assert.Zero(t, m.resolver.Stats().Writes)
}

func TestPicker_OffersWhatTheSiteOffers(t *testing.T) {
	p := open(t, setup{}).visit(t, "/").get("")
	for field, want := range map[string][]string{
		"site":     {"main", "us", "ch", "jp", "mr", "sl"}, // closed is not
		"currency": {"EUR", "GBP", "CHF", "USD"},
		"country":  {"AT", "BE", "FR", "DE", "IT", "NL", "CH", "GB"}, // by their English names
		"language": {"de", "en", "fr"},
	} {
		values, _ := p.id(field).values()
		assert.Equal(t, want, values, field)
	}
}

func TestPicker_EmptyListOffersEverything(t *testing.T) {
	p := open(t, setup{}).visit(t, "/shop/othershop/").get("")
	currencies, _ := p.id("currency").values()
	assert.Greater(t, len(currencies), 150)
	assert.Subset(t, currencies, []string{"SEK", "MRU", "XCG", "SLE"})
	assert.NotContains(t, currencies, "DEM")
	countries, _ := p.id("country").values()
	assert.Len(t, countries, 250)
	languages, _ := p.id("language").values()
	assert.Equal(t, []string{"sv", "en"}, languages)
}

func TestChoose_TakesEachChoiceAndSaysItBack(t *testing.T) {
	for _, tc := range []struct {
		field, value string
		want         [4]string
		notice       string
	}{
		{"site", "ch", [4]string{"ch", "CHF", "CH", "de"}, "Shop: Demo Shop Schweiz. Das haben Sie gewählt."},
		{"currency", "GBP", [4]string{"main", "GBP", "DE", "en"}, "Currency: GBP (£). You chose it."},
		{"country", "NL", [4]string{"main", "EUR", "NL", "en"}, "Deliver to: Netherlands. You chose it."},
		{"language", "fr", [4]string{"main", "EUR", "DE", "fr"}, "Langue : français. C’est votre choix."},
	} {
		t.Run(tc.field, func(t *testing.T) {
			s := open(t, setup{}).visit(t, "/shop/demoshop/")
			p := s.choose(s.get(""), tc.field, tc.value)
			assert.Equal(t, tc.want, p.context())
			assert.Equal(t, tc.notice, p.id("notice").String())
			assert.Equal(t, "/shop/demoshop/", p.url.Path, "back on the page")
			assert.Equal(t, tc.want, s.get("").context(), "it stays")
		})
	}
}

func TestChoose_ResetBringsTheDefaultBack(t *testing.T) {
	s := open(t, setup{}).visit(t, "/")
	p := s.get("")
	require.Nil(t, p.id("reset-currency"), "without a choice there is nothing to reset")
	p = s.choose(p, "currency", "CHF")
	assert.Contains(t, p.id("why-currency").String(), "Without your choice: EUR (€)")
	p = s.reset(p, "currency")
	assert.Equal(t, [4]string{"main", "EUR", "DE", "en"}, p.context())
	assert.Equal(t, "Currency: EUR (€). It is this shop’s own currency.", p.id("notice").String())
	assert.Nil(t, p.id("reset-currency"))
}

func TestChoose_ChoiceThatTheNextSiteDoesNotOfferWaits(t *testing.T) {
	s := open(t, setup{}).visit(t, "/")
	p := s.choose(s.get(""), "currency", "GBP")
	p = s.choose(p, "site", "us")
	assert.Equal(t, [4]string{"us", "USD", "US", "en"}, p.context())
	row := p.id("why-currency").String()
	assert.Contains(t, row, "Passed over GBP your choice: not offered here")
	assert.Contains(t, row, "Forget this choice")

	p = s.choose(p, "site", "main")
	assert.Equal(t, [4]string{"main", "GBP", "DE", "en"}, p.context(), "it is back with the site that offers it")

	p = s.choose(p, "site", "us")
	p = s.reset(p, "currency")
	p = s.choose(p, "site", "main")
	assert.Equal(t, [4]string{"main", "EUR", "DE", "en"}, p.context(), "forgotten is forgotten")
}

func TestChoose_RefusesFormsThatNoPageHas(t *testing.T) {
	good := url.Values{"currency": {"GBP"}, "revision": {sessionctx.Revision{}.String()}}
	for _, tc := range []struct {
		desc      string
		set, to   string
		want      int
		wantTitle string
	}{
		{"a currency that is not offered", "currency", "JPY", 422, "That cannot be chosen"},
		{"a currency that is none", "currency", "DEM", 422, "That cannot be chosen"},
		{"no code at all", "currency", "euro", 422, "That cannot be chosen"},
		{"hostile text", "currency", `"><script>alert(1)</script>`, 422, "That cannot be chosen"},
		{"a value that is very long", "currency", strings.Repeat("E", 1000), 422, "That cannot be chosen"},
		{"a page of another server", "return", "//evil.example", 400, "That did not work"},
		{"no revision", "revision", "", 400, "That did not work"},
		{"a revision of words", "revision", "one.two", 400, "That did not work"},
		{"a form that is too long", "more", strings.Repeat("x", 17<<10), 413, "That did not work"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			m := open(t, setup{})
			s := m.visit(t, "/")
			form := url.Values{}
			for k, v := range good {
				form[k] = v
			}
			form.Set(tc.set, tc.to)
			p := s.post("choices", form)
			assert.Equal(t, tc.want, p.code)
			assert.Equal(t, tc.wantTitle, p.tags("h1")[0].String())
			assert.NotContains(t, p.body, "<script>alert")
			assert.Zero(t, m.resolver.Stats().Writes)
		})
	}
	t.Run("no field", func(t *testing.T) {
		assert.Equal(t, http.StatusBadRequest, open(t, setup{}).visit(t, "/").post("choices", url.Values{"cartId": {"x"}}).code)
	})
	t.Run("the good one", func(t *testing.T) {
		assert.Equal(t, http.StatusOK, open(t, setup{}).visit(t, "/").post("choices", good).code)
	})
}

func TestChoose_RefusedValueSaysWhy(t *testing.T) {
	s := open(t, setup{}).visit(t, "/")
	p := s.post("choices", url.Values{"currency": {"JPY"}})
	assert.Contains(t, p.id("content").String(), "JPY (¥): not offered here.")
}

func TestChoose_ShopperWhoseBrowserKeepsNoCookieIsTold(t *testing.T) {
	s := open(t, setup{}).visit(t, "/")
	p := s.get("")
	s.client.Jar = nil
	p = s.choose(p, "currency", "GBP")
	assert.Contains(t, p.id("notice").String(), "did not keep our cookie")
	assert.Equal(t, "alert", p.id("notice").attr["role"])
}

func TestForm_AddressLeadsBackToTheShop(t *testing.T) {
	s := open(t, setup{}).visit(t, "/shop/othershop/")
	for _, path := range []string{"choices", "sign-out"} {
		p := s.get(path)
		assert.Equal(t, http.StatusOK, p.code, path)
		assert.Equal(t, "/shop/othershop/", p.url.Path, path)
	}
}
