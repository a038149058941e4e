package shop_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
)

// session returns the id of the shopper's session.
func (s *shopper) session() sessionctx.Request {
	s.t.Helper()
	u, err := url.Parse(s.base)
	require.NoError(s.t, err)
	cookies := s.client.Jar.Cookies(u)
	require.Len(s.t, cookies, 1)
	return sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: cookies[0].Value, Proof: sessionctx.BySecret}}
}

func TestCart_CountsAndAddsUp(t *testing.T) {
	m := open(t, setup{})
	s := m.visit(t, "/")
	assert.Contains(t, s.get("cart").String(), "There is nothing in it yet.")
	s.post("cart", url.Values{"add": {"mug"}})
	s.post("cart", url.Values{"add": {"notebook"}})
	p := s.post("cart", url.Values{"add": {"mug"}})
	assert.Equal(t, "In the cart: Mug", p.id("notice").String())
	assert.Contains(t, p.id("cart").String(), "Items in the cart: 3")
	assert.Contains(t, p.id("mug").String(), "In the cart: 2")

	p = s.get("cart")
	assert.Contains(t, p.id("line-mug").String(), "€18.00 each €36.00")
	assert.Equal(t, "2", p.id("quantity-mug").attr["value"])
	assert.Contains(t, p.id("line-notebook").String(), "€12.50 each €12.50")
	assert.Equal(t, "1", p.id("quantity-notebook").attr["value"])
	assert.Equal(t, "€48.50", p.id("total").String())

	s.choose(s.get(""), "currency", "USD")
	assert.Equal(t, "$56.40", s.get("cart").id("total").String(), "20.93 twice and 14.54: rounded prices add up")

	p = s.post("cart", url.Values{"remove": {"mug"}})
	assert.Nil(t, p.id("line-mug"))
	session, err := m.resolver.Resolve(t.Context(), s.session())
	require.NoError(t, err)
	assert.NotEmpty(t, session.CartID)
	p = s.post("cart", url.Values{"clear": {"1"}})
	assert.Contains(t, p.String(), "There is nothing in it yet.")
	session, err = m.resolver.Resolve(t.Context(), s.session())
	require.NoError(t, err)
	assert.Empty(t, session.CartID, "an empty cart is none")
	_, ok := session.Attribute("cart")
	assert.False(t, ok)
}

func TestCart_AClickWithinAnotherCountsTwice(t *testing.T) {
	backend := &faultyStore{}
	s := open(t, setup{store: backend}).visit(t, "/")
	s.post("cart", url.Values{"add": {"mug"}})
	backend.before.Store(new(func() { // the first click has read the cart, and has not saved it
		res, err := s.client.PostForm(s.base+"cart", url.Values{"add": {"mug"}})
		if assert.NoError(t, err) {
			res.Body.Close()
			assert.Equal(t, http.StatusOK, res.StatusCode)
		}
	}))
	s.post("cart", url.Values{"add": {"mug"}})
	assert.Nil(t, backend.before.Load())
	assert.Contains(t, s.get("").id("mug").String(), "In the cart: 3")
}

func TestCart_CountsAllClicksAtOnce(t *testing.T) {
	s := open(t, setup{}).visit(t, "/")
	s.post("cart", url.Values{"add": {"mug"}})
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() {
			res, err := s.client.PostForm(s.base+"cart", url.Values{"add": {"mug"}})
			if assert.NoError(t, err) {
				res.Body.Close()
				assert.Equal(t, http.StatusOK, res.StatusCode)
			}
		})
	}
	group.Wait()
	assert.Contains(t, s.get("").id("mug").String(), "In the cart: 7")
}

func TestCart_IsBelievedWithinBounds(t *testing.T) {
	for _, tc := range []struct {
		desc, attribute string
		items           string
	}{
		{"as the shop writes it", `{"mug": 2, "pot": 1}`, "Items in the cart: 3"},
		{"what is not sold", `{"mug": 2, "yacht": 1}`, "Items in the cart: 2"},
		{"less than one, more than many, and halves", `{"mug": -1, "pot": 0, "lamp": 100, "candle": 1.5, "teapot": 1}`, "Items in the cart: 1"},
		{"no numbers", `{"mug": "2", "pot": null, "lamp": {}}`, ""},
		{"no object", `[1, 2]`, ""},
		{"a number that is none of this world", `{"mug": 1e400, "pot": 1}`, "Items in the cart: 1"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			m := open(t, setup{})
			s := m.visit(t, "/")
			s.choose(s.get(""), "currency", "CHF")
			_, err := m.resolver.Update(t.Context(), s.session(), sessionctx.Patch{
				Attributes: map[string]json.RawMessage{"cart": json.RawMessage(tc.attribute)},
			})
			require.NoError(t, err)
			badge := s.get("").id("cart").String()
			if tc.items == "" {
				assert.Equal(t, "Cart", badge)
			} else {
				assert.Contains(t, badge, tc.items)
			}
			p := s.post("cart", url.Values{"add": {"blanket"}})
			assert.Equal(t, http.StatusOK, p.code, "it can be mended")
		})
	}
}

func TestCart_TakesQuantities(t *testing.T) {
	s := open(t, setup{}).visit(t, "/")
	for _, tc := range []struct {
		desc string
		form url.Values
		code int
		want string // the mugs in the cart; empty: none
		at   string // where the answer leads
	}{
		{"several at once", url.Values{"add": {"mug"}, "quantity": {"3"}}, http.StatusOK, "3", "mug"},
		{"one more", url.Values{"add": {"mug"}}, http.StatusOK, "4", "mug"},
		{"as many as that", url.Values{"set": {"mug"}, "quantity": {"12"}}, http.StatusOK, "12", "line-mug"},
		{"the most", url.Values{"set": {"mug"}, "quantity": {"99"}}, http.StatusOK, "99", "line-mug"},
		{"more than many", url.Values{"set": {"mug"}, "quantity": {"100"}}, http.StatusBadRequest, "99", ""},
		{"less than none", url.Values{"set": {"mug"}, "quantity": {"-1"}}, http.StatusBadRequest, "99", ""},
		{"a half", url.Values{"set": {"mug"}, "quantity": {"1.5"}}, http.StatusBadRequest, "99", ""},
		{"no number", url.Values{"set": {"mug"}, "quantity": {"many"}}, http.StatusBadRequest, "99", ""},
		{"an empty number", url.Values{"set": {"mug"}, "quantity": {""}}, http.StatusBadRequest, "99", ""},
		{"nothing said", url.Values{"set": {"mug"}}, http.StatusBadRequest, "99", ""},
		{"none added", url.Values{"add": {"mug"}, "quantity": {"0"}}, http.StatusBadRequest, "99", ""},
		{"a number with a blank", url.Values{"set": {"mug"}, "quantity": {" 3"}}, http.StatusBadRequest, "99", ""},
		{"a number beyond all", url.Values{"set": {"mug"}, "quantity": {"99999999999999999999"}}, http.StatusBadRequest, "99", ""},
		{"a number in other digits", url.Values{"set": {"mug"}, "quantity": {"٣"}}, http.StatusBadRequest, "99", ""},
		{"more than many together", url.Values{"add": {"mug"}, "quantity": {"99"}}, http.StatusOK, "99", "mug"},
		{"what is not sold", url.Values{"set": {"yacht"}, "quantity": {"1"}}, http.StatusBadRequest, "99", ""},
		{"none is removed", url.Values{"set": {"mug"}, "quantity": {"0"}}, http.StatusOK, "", ""},
	} {
		p := s.post("cart", tc.form)
		require.Equal(t, tc.code, p.code, tc.desc)
		assert.Equal(t, tc.at, p.url.Fragment, tc.desc)
		if tc.at != "" {
			assert.Contains(t, p.id(tc.at).tags("p")[len(p.id(tc.at).tags("p"))-1].attr["id"], "notice", "%s: it says so where the click was", tc.desc)
		}
		if input := s.get("cart").id("quantity-mug"); tc.want == "" {
			assert.Nil(t, input, tc.desc)
		} else {
			assert.Equal(t, tc.want, input.attr["value"], tc.desc)
		}
	}
}

func TestCart_TakesOnlyWhatIsSold(t *testing.T) {
	m := open(t, setup{})
	s := m.visit(t, "/")
	for _, form := range []url.Values{nil, {"add": {"yacht"}}, {"remove": {"yacht"}}} {
		assert.Equal(t, http.StatusBadRequest, s.post("cart", form).code, form)
	}
	assert.Zero(t, m.resolver.Stats().Writes)
}

func TestCart_BoundsTheQuantityOfOneProduct(t *testing.T) {
	m := open(t, setup{})
	s := m.visit(t, "/")
	s.post("cart", url.Values{"add": {"mug"}})
	_, err := m.resolver.Update(t.Context(), s.session(), sessionctx.Patch{
		Attributes: map[string]json.RawMessage{"cart": json.RawMessage(`{"mug": 99}`)},
	})
	require.NoError(t, err)
	s.post("cart", url.Values{"add": {"mug"}})
	assert.Contains(t, s.get("").id("mug").String(), "In the cart: 99")
}
