package shop

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/sessionctx/storefront/examples/storefront/catalogue"
	"github.com/sessionctx/storefront/examples/storefront/prices"
	"github.com/sessionctx/storefront/sessionctx"
)

// cart says how many of each product are in the cart. It is an attribute of the session, and a
// shopper may write attributes. So the cart has no prices, and its numbers are bounded.
type cart map[string]int

const (
	cartAttribute = "cart"
	maxOfOne      = 99
)

// readCart returns the cart of a session, without what cannot be bought.
func readCart(s sessionctx.Session) cart {
	found := map[string]json.RawMessage{}
	value, ok := s.Attribute(cartAttribute)
	if !ok || json.Unmarshal(value, &found) != nil {
		return nil
	}
	c := cart{}
	for id, value := range found {
		var n int
		if _, known := catalogue.Find(id); known && json.Unmarshal(value, &n) == nil && n > 0 && n <= maxOfOne {
			c[id] = n
		}
	}
	return c
}

// items returns how many things are in the cart.
func (c cart) items() (n int) {
	for _, k := range c {
		n += k
	}
	return n
}

// patch returns the write that leaves c as the cart of the session. It conflicts with any other
// write to the cart since. Of a degraded session nothing is known, so any cart conflicts.
func (c cart) patch(s sessionctx.Session) (p sessionctx.Patch, err error) {
	p = sessionctx.Patch{Base: new(s.Revision()), Attributes: map[string]json.RawMessage{cartAttribute: nil}}
	if len(c) == 0 {
		p.CartID = sessionctx.Clear()
		return p, nil
	}
	if s.CartID == "" {
		p.CartID = sessionctx.Set(rand.Text())
	}
	p.Attributes[cartAttribute], err = json.Marshal(c)
	return p, err
}

// cartPage shows what is in the cart.
type cartPage struct {
	view
	Lines []line
	Total string
}

type line struct {
	product
	Sum string
}

func (s *Shop) showCart(w http.ResponseWriter, r *http.Request) {
	v := s.view(r)
	v.Title = v.Text("cart.title")
	v.Notice = v.noticeOf(r)
	page := cartPage{view: v}
	var total prices.Amount
	cart := readCart(v.Session)
	for _, p := range catalogue.Products() {
		n := cart[p.ID]
		if n == 0 {
			continue
		}
		sum := prices.FromEuro(p.Cents, v.Session.Currency).Times(n)
		total = total.Plus(sum)
		page.Lines = append(page.Lines, line{v.product(p, n), sum.Format(v.Session.Language)})
	}
	page.Total = total.Format(v.Session.Language)
	s.show(w, r, http.StatusOK, "page-cart.html", page)
}

// changeCart adds a product, sets how many there are of it, removes it, or empties the cart. The
// answer leads back to where the button is.
func (s *Shop) changeCart(w http.ResponseWriter, r *http.Request) {
	form, err := parseForm(r)
	if err != nil {
		s.failForm(w, r, err)
		return
	}
	n, quantity := 1, form.Get("quantity")
	if form.Has("quantity") {
		n, err = strconv.Atoi(quantity)
	}
	var change func(cart)
	done := "cart?done=cart"
	if p, ok := catalogue.Find(form.Get("add")); ok && err == nil && n >= 1 && n <= maxOfOne {
		change, done = func(c cart) { c[p.ID] = min(c[p.ID]+n, maxOfOne) }, "?done=added&at="+p.ID+"#"+p.ID
	} else if p, ok := catalogue.Find(form.Get("set")); ok && quantity != "" && err == nil && n >= 0 && n <= maxOfOne {
		change = func(c cart) {
			if c[p.ID] = n; n == 0 {
				delete(c, p.ID)
			}
		}
		if n > 0 {
			done += "&at=" + p.ID + "#line-" + p.ID
		}
	} else if p, ok := catalogue.Find(form.Get("remove")); ok {
		change = func(c cart) { delete(c, p.ID) }
	} else if form.Has("clear") {
		change = func(c cart) { clear(c) }
	} else {
		s.fail(w, r, http.StatusBadRequest, "rejected-request")
		return
	}
	if err := s.updateCart(w, r, change); err != nil {
		s.failed(w, r, err)
		return
	}
	redirect(w, r, done)
}

// cartTries bounds how often a change of the cart is tried against others of the same shopper.
const cartTries = 8

// updateCart applies a change to the newest cart: two clicks at once count twice.
func (s *Shop) updateCart(w http.ResponseWriter, r *http.Request, change func(cart)) error {
	for try := 1; ; try++ {
		now := s.explain(r).Session
		c := readCart(now)
		if c == nil {
			c = cart{}
		}
		change(c)
		p, err := c.patch(now)
		if err != nil {
			return err
		}
		if _, err = s.cfg.Middleware.Update(w, r, p); !errors.Is(err, sessionctx.ErrConflict) || try == cartTries {
			return err
		}
	}
}
