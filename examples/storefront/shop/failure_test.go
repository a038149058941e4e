package shop_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/examples/storefront/shop"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// faultyStore is a store that can be down, and that nobody may cache. While it is mute, Save does
// not say what it did. before is called once, before the next Save.
type faultyStore struct {
	memory           memstore.Store
	down, full, mute atomic.Bool
	before           atomic.Pointer[func()]
}

var errDown = errors.New("down")

func (p *faultyStore) Load(ctx context.Context, key store.Key) (store.Record, error) {
	if p.down.Load() {
		return store.Record{}, errDown
	}
	return p.memory.Load(ctx, key)
}

func (p *faultyStore) Save(ctx context.Context, key store.Key, rec store.Record, base sessionctx.Revision) (store.Record, error) {
	if p.down.Load() || p.mute.Load() {
		return store.Record{}, errDown
	}
	if before := p.before.Swap(nil); before != nil {
		(*before)()
	}
	if p.full.Load() {
		return store.Record{}, sessionctx.ErrFull
	}
	return p.memory.Save(ctx, key, rec, base)
}

func TestFailure_OfTheStoreShowsDefaultsAndSaysSo(t *testing.T) {
	backend := &faultyStore{}
	s := open(t, setup{store: backend}).visit(t, "/")
	before := s.choose(s.get(""), "currency", "CHF")
	s.post("cart", url.Values{"add": {"mug"}})

	backend.down.Store(true)
	p := s.get("")
	assert.Equal(t, http.StatusOK, p.code)
	assert.Equal(t, [4]string{"main", "EUR", "DE", "en"}, p.context())
	assert.Contains(t, p.id("degraded").String(), "nothing is lost")
	_, disabled := p.id("currency").attr["disabled"]
	assert.True(t, disabled, "what cannot be saved cannot be chosen")
	assert.Equal(t, "Cart", p.id("cart").String())

	for desc, answer := range map[string]page{
		"choice":  s.send(before, "currency", "USD"),
		"cart":    s.post("cart", url.Values{"add": {"mug"}}),
		"sign-in": s.post("sign-in", url.Values{"email": {"anna@demo.example"}, "password": {"correct-horse-1"}}),
	} {
		assert.Equal(t, http.StatusServiceUnavailable, answer.code, desc)
		assert.Equal(t, "5", answer.header.Get("Retry-After"), desc)
		assert.Equal(t, "Not at the moment", answer.tags("h1")[0].String(), desc)
		assert.Contains(t, answer.id("failure").String(), "Nothing was saved.", desc)
	}

	backend.down.Store(false)
	p = s.get("")
	assert.Nil(t, p.id("degraded"))
	assert.Equal(t, "CHF", p.context()[1], "nothing was lost")
	assert.Contains(t, p.id("cart").String(), "Items in the cart: 1")
}

func TestSignOut_HoldsInThisBrowserWhileTheStoreIsDown(t *testing.T) {
	backend := &faultyStore{}
	s := open(t, setup{store: backend}).visit(t, "/")
	s.signIn("anna@demo.example")
	backend.down.Store(true)
	p := s.post("sign-out", nil)
	assert.Equal(t, http.StatusServiceUnavailable, p.code)
	assert.Equal(t, "5", p.header.Get("Retry-After"))

	backend.down.Store(false)
	assert.NotContains(t, s.get("").body, "anna@demo.example")
}

func TestFailure_FullStoreSaysThatNothingWasSaved(t *testing.T) {
	backend := &faultyStore{}
	s := open(t, setup{store: backend}).visit(t, "/")
	backend.full.Store(true)
	p := s.send(s.get(""), "currency", "CHF")
	assert.Equal(t, http.StatusServiceUnavailable, p.code)
	assert.Contains(t, p.id("failure").String(), "Nothing was saved.")
}

func TestFailure_OfUnknownOutcomeIsNotCalledLost(t *testing.T) {
	backend := &faultyStore{}
	s := open(t, setup{store: backend}).visit(t, "/")
	p := s.choose(s.get(""), "currency", "CHF")
	backend.mute.Store(true)
	p = s.send(p, "currency", "USD")
	assert.Equal(t, http.StatusServiceUnavailable, p.code)
	assert.Contains(t, p.id("failure").String(), "It is not certain that this was saved")
	assert.NotContains(t, p.id("failure").String(), "Nothing was saved")
	assert.NotContains(t, p.id("failure").String(), "try again")
	assert.Empty(t, p.header.Get("Retry-After"))
}

func TestFailure_SessionThatWasEndedElsewhereGoesOnAsANewOne(t *testing.T) {
	m := open(t, setup{})
	s := m.visit(t, "/")
	s.signIn("anna@demo.example")
	before := s.get("")
	require.NoError(t, m.resolver.EndAll(t.Context(), "demoshop", "C100"))

	p := s.get("")
	assert.Equal(t, http.StatusOK, p.code, "a shopper who comes back late sees the shop")
	assert.NotContains(t, p.body, "anna@demo.example")
	p = s.send(before, "currency", "CHF")
	require.Equal(t, http.StatusGone, p.code)
	assert.Contains(t, p.id("failure").String(), "It was ended elsewhere")
	s.post("sign-out", nil) // the button on it
	p = s.choose(s.get(""), "currency", "CHF")
	assert.Equal(t, "CHF", p.context()[1])
}

func TestFailure_BadTokenOnAPageIsRefused(t *testing.T) {
	s := open(t, setup{}).visit(t, "/")
	req, err := http.NewRequest(http.MethodGet, s.base, nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer nonsense")
	p := s.do(req)
	assert.Equal(t, http.StatusUnauthorized, p.code)
	assert.NotEmpty(t, p.header.Get("WWW-Authenticate"))
}

func TestFailure_OfAWriteIsTheClientsOwn(t *testing.T) {
	m := open(t, setup{})
	// write writes attributes as a script of the shopper's can, through the interface.
	write := func(s *shopper, attributes map[string]json.RawMessage) error {
		base, err := url.Parse(m.URL)
		require.NoError(t, err)
		jar := s.client.Jar.Cookies(base)
		require.Len(t, jar, 1)
		id := sessionctx.Identity{Tenant: "demoshop", SessionID: jar[0].Value, Proof: sessionctx.BySecret}
		_, err = m.resolver.Update(t.Context(), sessionctx.Request{Identity: id}, sessionctx.Patch{Attributes: attributes})
		return err
	}
	for _, tc := range []struct {
		desc       string
		before     func(s *shopper)
		token      string
		path, form string
		want       int
	}{
		{"no room for another attribute", func(s *shopper) {
			full := map[string]json.RawMessage{}
			for i := range 64 {
				full[fmt.Sprint("a", i)] = json.RawMessage("1")
			}
			require.NoError(t, write(s, full))
		}, "", "cart", "add=mug", http.StatusRequestEntityTooLarge},
		{"no room for another choice", func(s *shopper) {
			long := func(size int) json.RawMessage { return json.RawMessage(`"` + strings.Repeat("x", size) + `"`) }
			for n := 0; write(s, map[string]json.RawMessage{fmt.Sprint("a", n): long(1000)}) == nil; n++ {
			}
			room := sort.Search(1000, func(size int) bool { return write(s, map[string]json.RawMessage{"last": long(size)}) != nil })
			require.NoError(t, write(s, map[string]json.RawMessage{"last": long(room - 1)}))
		}, "", "choices", "country=AT&language=en", http.StatusRequestEntityTooLarge},
		{"a token that names no session", nil, serviceToken(t), "cart", "add=mug", http.StatusUnauthorized},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			s := m.visit(t, "/")
			if tc.before != nil {
				s.choose(s.get(""), "currency", "CHF")
				tc.before(s)
			}
			req, err := http.NewRequest(http.MethodPost, s.base+tc.path, strings.NewReader(tc.form))
			require.NoError(t, err)
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if tc.token != "" {
				req.Header.Set("Authorization", "Bearer "+tc.token)
			}
			p := s.do(req)
			assert.Equal(t, tc.want, p.code)
			assert.Equal(t, tc.want == http.StatusUnauthorized, p.header.Get("WWW-Authenticate") != "")
			assert.NotContains(t, m.log.String(), `"ERROR"`)
		})
	}
}

// serviceToken is an access token without a session.
func serviceToken(t *testing.T) string {
	t.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": "storefront-example", "aud": "storefront", "exp": time.Now().Add(time.Hour).Unix(), "tenant": "demoshop", "sub": "backoffice",
	}).SignedString(make([]byte, 32))
	require.NoError(t, err)
	return token
}

func TestNew_NeedsItsParts(t *testing.T) {
	_, err := shop.New(shop.Config{})
	assert.ErrorContains(t, err, "shop: ")
}
