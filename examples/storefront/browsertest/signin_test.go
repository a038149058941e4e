package browsertest_test

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
)

func TestSignIn_AndOut(t *testing.T) {
	b := visit(t, open(t), desktop)
	b.follow("#mug .add")
	assert.Equal(t, "1", b.text("#cart .badge"))
	b.follow("#sign-in")
	b.shoot("sign-in")
	b.do(chromedp.SendKeys(chromedp.CSS("#email"), "eve@demo.example"), chromedp.SendKeys(chromedp.CSS("#password"), "wrong"))
	assert.EqualValues(t, http.StatusUnauthorized, b.follow("#submit"))
	assert.Equal(t, "E-mail address or password is wrong.", b.text("#mistaken"))
	b.shoot("sign-in-wrong")

	b.do(chromedp.Click(chromedp.CSS("#sample-C104")))
	assert.Equal(t, "eve@demo.example", eval[string](b, "document.getElementById('email').value"))
	assert.Equal(t, "submit", eval[string](b, "document.activeElement.id"))
	assert.EqualValues(t, http.StatusOK, b.follow("#submit"))
	assert.Equal(t, "You are signed in.", b.text("#notice"))
	assert.Equal(t, "Signed in as eve@demo.example", b.text(".who"))
	assert.Equal(t, "1", b.text("#cart .badge"), "the cart comes along")
	assert.Equal(t, [4]string{"main", "EUR", "CH", "en"}, b.context())
	b.why()
	assert.Contains(t, b.text("#why-country"), "Germany your shipping address: not a valid code")
	b.shoot("customer")

	assert.EqualValues(t, http.StatusOK, b.follow("#sign-out"))
	assert.Equal(t, "You are signed out. Your choices stay.", b.text("#notice"))
	assert.Equal(t, [4]string{"main", "EUR", "DE", "en"}, b.context())
	assert.False(t, b.exists("#cart .badge"))
	assert.True(t, b.exists("#sign-in"))
}

func TestCart_ShowsWhatItHolds(t *testing.T) {
	b := visit(t, open(t), desktop)
	b.follow("#mug .add")
	b.follow("#mug .add")
	b.follow("#blanket .add")
	assert.Equal(t, "3", b.text("#cart .badge"))
	assert.Equal(t, "In the cart: 2", b.text("#mug .in-cart"))
	b.shoot("in-cart")
	b.follow("#cart")
	assert.Equal(t, "€110.50", b.text("#total"))
	b.shoot("cart")
	b.follow("#line-mug .remove button")
	assert.Equal(t, "€74.50", b.text("#total"))
}
