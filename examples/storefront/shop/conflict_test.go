package shop_test

import (
	"net/http"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestConflict_OfTwoTabsThatChangeOneField(t *testing.T) {
	for _, tc := range []struct {
		desc   string
		before func(*shopper) // what was chosen before the tabs were opened
	}{
		{"in a session that is there", func(s *shopper) { s.choose(s.get(""), "currency", "CHF") }},
		{"in a session that the first tab begins", func(*shopper) {}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			s := open(t, setup{}).visit(t, "/")
			tc.before(s)
			one, two := s.get(""), s.get("")
			s.choose(one, "currency", "USD")

			p := s.send(two, "currency", "GBP")
			require.Equal(t, http.StatusConflict, p.code)
			assert.Equal(t, "Changed in the meantime", p.tags("h1")[0].String())
			assert.Equal(t, "USD ($)", p.id("newest").String())
			assert.Equal(t, "GBP (£)", p.id("wanted").String())
			assert.Equal(t, "USD", s.get("").context()[1], "the newest value stays until the shopper decides")

			p = s.post("choices", hidden(p.id("conflict")))
			assert.Equal(t, "GBP", p.context()[1], "one's own again")
		})
	}
}

func TestConflict_NoneOfTwoTabsThatChangeDifferentFields(t *testing.T) {
	s := open(t, setup{}).visit(t, "/")
	s.choose(s.get(""), "currency", "CHF")
	one, two := s.get(""), s.get("")
	s.choose(one, "currency", "USD")
	p := s.choose(two, "country", "AT")
	assert.Equal(t, [4]string{"main", "USD", "AT", "en"}, p.context())
}

func TestConflict_OfAResetOfWhatAnotherTabChanged(t *testing.T) {
	s := open(t, setup{}).visit(t, "/")
	s.choose(s.get(""), "currency", "CHF")
	one, two := s.get(""), s.get("")
	s.choose(one, "currency", "USD")
	p := s.reset(two, "currency")
	require.Equal(t, http.StatusConflict, p.code)
	assert.Equal(t, "USD ($)", p.id("newest").String())
	assert.Equal(t, "EUR (€)", p.id("wanted").String(), "what the reset gives")
	p = s.post("choices", hidden(p.id("conflict")))
	assert.Equal(t, "EUR", p.context()[1])
	assert.Nil(t, p.id("reset-currency"))
}

func TestConflict_OfAChoiceOnTopOfAnotherTabsReset(t *testing.T) {
	s := open(t, setup{}).visit(t, "/")
	s.choose(s.get(""), "currency", "CHF")
	one, two := s.get(""), s.get("")
	s.reset(one, "currency")
	p := s.send(two, "currency", "GBP")
	require.Equal(t, http.StatusConflict, p.code)
	assert.Equal(t, "EUR (€)", p.id("newest").String())
}

// After a sign-in the versions go on.
func TestConflict_TabFromBeforeASignInDoesNotOverwriteUnseen(t *testing.T) {
	s := open(t, setup{}).visit(t, "/")
	s.choose(s.get(""), "currency", "CHF")
	old := s.get("")
	s.signIn("anna@demo.example")
	s.choose(s.get(""), "currency", "USD")
	p := s.send(old, "currency", "GBP")
	require.Equal(t, http.StatusConflict, p.code)
	assert.Equal(t, "USD ($)", p.id("newest").String())

	p = s.choose(old, "country", "IT")
	assert.Equal(t, "IT", p.context()[2], "nobody chose a country meanwhile")
}

// A sign-out begins another record, with the choices of the old one. Its versions say nothing of
// those that an old tab has seen.
func TestConflict_TabFromBeforeASignOutOverwritesNoChoiceUnseen(t *testing.T) {
	s := open(t, setup{}).visit(t, "/")
	s.choose(s.get(""), "country", "AT")
	p := s.choose(s.get(""), "country", "NL")
	old := s.choose(p, "country", "FR")
	s.signIn("chen@demo.example")
	s.post("sign-out", nil)
	p = s.send(old, "country", "IT")
	require.Equal(t, http.StatusConflict, p.code)
	assert.Equal(t, "France", p.id("newest").String())

	p = s.choose(old, "currency", "CHF")
	assert.Equal(t, [4]string{"main", "CHF", "FR", "en"}, p.context(), "nobody chose a currency meanwhile")
}

func TestConflict_OneOfManyEqualFormsWins(t *testing.T) {
	s := open(t, setup{}).visit(t, "/")
	p := s.choose(s.get(""), "currency", "CHF")
	form := hidden(p.id("picker-currency"))
	form.Set("currency", "USD")
	const tabs = 20
	codes := make([]int, tabs)
	var group sync.WaitGroup
	for i := range codes {
		group.Go(func() {
			res, err := s.client.PostForm(s.base+"choices", form)
			if assert.NoError(t, err) {
				codes[i] = res.StatusCode
				res.Body.Close()
			}
		})
	}
	group.Wait()
	counts := map[int]int{}
	for _, code := range codes {
		counts[code]++
	}
	assert.Equal(t, map[int]int{http.StatusOK: 1, http.StatusConflict: tabs - 1}, counts)
}

func TestConflict_IsOverWhatIsOfferedNow(t *testing.T) {
	s := open(t, setup{}).visit(t, "/")
	one := s.choose(s.get(""), "currency", "CHF")
	two := s.get("")
	p := s.choose(one, "currency", "USD")
	s.choose(p, "site", "us") // which has no GBP
	p = s.send(two, "currency", "GBP")
	require.Equal(t, http.StatusUnprocessableEntity, p.code, "there is nothing to offer again")
	assert.Contains(t, p.id("content").String(), "GBP (£): not offered here")
}

func TestConflict_LeadsBackToTheSameShop(t *testing.T) {
	s := open(t, setup{}).visit(t, "/shop/othershop/")
	one, two := s.get(""), s.get("")
	s.choose(one, "currency", "JPY")
	p := s.send(two, "currency", "KWD")
	require.Equal(t, http.StatusConflict, p.code)
	assert.Equal(t, "/shop/othershop/", p.id("keep").attr["href"])
	assert.Equal(t, url.Values{
		"currency": {"KWD"}, "return": {"/shop/othershop/?done=currency"}, "revision": {p.tags("body")[0].attr["data-revision"]},
	}, hidden(p.id("conflict")))
}
