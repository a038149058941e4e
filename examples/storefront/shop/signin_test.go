package shop_test

import (
	"net/http"
	"net/url"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/examples/storefront/data"
	"github.com/sessionctx/storefront/examples/storefront/shop"
	"github.com/sessionctx/storefront/examples/storefront/tokens"
)

func TestSignIn_TakesTheProfileAndKeepsTheChoices(t *testing.T) {
	s := open(t, setup{}).visit(t, "/")
	p := s.choose(s.get(""), "currency", "CHF")
	s.choose(p, "language", "en")
	s.post("cart", url.Values{"add": {"mug"}})
	p = s.signIn("anna@demo.example")
	assert.Equal(t, "You are signed in.", p.id("notice").String())
	assert.Contains(t, p.body, "Signed in as anna@demo.example")
	assert.Equal(t, [4]string{"main", "CHF", "AT", "en"}, p.context())
	assert.Contains(t, p.id("cart").String(), "Items in the cart: 1")

	p = s.post("sign-out", nil)
	assert.Equal(t, "You are signed out. Your choices stay.", p.id("notice").String())
	assert.Equal(t, [4]string{"main", "CHF", "DE", "en"}, p.context())
	assert.NotContains(t, p.body, "anna@demo.example")
	assert.Equal(t, "Cart", p.id("cart").String(), "the cart is the customer's")
}

func TestSignOut_WithoutAnyChoiceLeavesNothing(t *testing.T) {
	s := open(t, setup{}).visit(t, "/")
	s.signIn("chen@demo.example")
	p := s.post("sign-out", nil)
	assert.Equal(t, "You are signed out. Your choices stay.", p.id("notice").String())
	u, err := url.Parse(s.base)
	require.NoError(t, err)
	assert.Empty(t, s.client.Jar.Cookies(u))
}

func TestSignIn_WrongPasswordAndUnknownCustomerLookAlike(t *testing.T) {
	s := open(t, setup{}).visit(t, "/")
	wrong := s.post("sign-in", url.Values{"email": {"anna@demo.example"}, "password": {"wrong"}})
	unknown := s.post("sign-in", url.Values{"email": {"anna@demo.examplf"}, "password": {"wrong"}})
	for _, p := range []page{wrong, unknown} {
		assert.Equal(t, http.StatusUnauthorized, p.code)
		assert.Equal(t, "E-mail address or password is wrong.", p.id("mistaken").String())
		assert.Empty(t, p.id("password").attr["value"])
		assert.Empty(t, p.header.Values("Set-Cookie"))
	}
	assert.Equal(t, "anna@demo.example", wrong.id("email").attr["value"], "nobody types it twice")
	assert.Equal(t, len(wrong.body), len(unknown.body))
}

func TestSignIn_TellsTooManyFailuresToWait(t *testing.T) {
	s := open(t, setup{}).visit(t, "/")
	form := url.Values{"email": {"anna@demo.example"}, "password": {"wrong"}}
	for range tokens.AccountFailures {
		require.Equal(t, http.StatusUnauthorized, s.post("sign-in", form).code)
	}
	p := s.post("sign-in", form)
	assert.Equal(t, http.StatusTooManyRequests, p.code)
	seconds, err := strconv.Atoi(p.header.Get("Retry-After"))
	require.NoError(t, err)
	assert.Positive(t, seconds)
	assert.Equal(t, "Too many attempts. Please try again in "+strconv.Itoa(seconds)+" seconds.", p.id("mistaken").String())
}

func TestSignIn_FormIsFilledOnlyWithSampleCustomers(t *testing.T) {
	samples := func(tenant string) []shop.Sample {
		return []shop.Sample{{ID: "C1", Email: tenant + "@sample.example", Password: data.Password, About: "ships to AT"}}
	}
	s := open(t, setup{samples: samples}).visit(t, "/")
	p := s.get("sign-in")
	assert.Contains(t, p.id("sample-C1").String(), "ships to AT")
	assert.Empty(t, p.id("email").attr["value"])
	p = s.get("sign-in?sample=C1")
	assert.Equal(t, "demoshop@sample.example", p.id("email").attr["value"])
	assert.Equal(t, data.Password, p.id("password").attr["value"])

	p = open(t, setup{}).visit(t, "/").get("sign-in?sample=C100")
	assert.NotContains(t, p.body, "Sample customers")
	assert.NotContains(t, p.body, data.Password)
	assert.Empty(t, p.id("email").attr["value"])
}

func TestSignIn_LogsNothingOfAPerson(t *testing.T) {
	m := open(t, setup{})
	s := m.visit(t, "/")
	s.choose(s.get(""), "currency", "CHF")
	s.signIn("anna@demo.example")
	s.post("sign-in", url.Values{"email": {"anna@demo.example"}, "password": {"hunter2"}})
	s.post("choices", url.Values{"return": {"anna@demo.example"}})
	u, err := url.Parse(s.base)
	require.NoError(t, err)
	logged := m.log.String()
	require.NotEmpty(t, logged, "there is a log")
	for _, secret := range []string{"anna@demo.example", "hunter2", data.Password, "C100", s.client.Jar.Cookies(u)[0].Value} {
		assert.NotContains(t, logged, secret)
	}
}
