package middleware_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// The attacker knows or plants the id under which the victim will log in, and waits.
func TestThreat_SessionFixation(t *testing.T) {
	victims := func(b *browser) { // what the victim does
		b.update("/", sessionctx.Patch{CartID: sessionctx.Set("victims-cart")})
		b.login("anna")
		require.Equal(t, "anna", b.get("/").CustomerID)
	}
	cases := []struct {
		desc  string
		plant func(attacker *browser) string // returns the id that the victim's browser will have
		cart  string                         // the victim's after the login
	}{
		{"a session of the attacker's", func(attacker *browser) string {
			return attacker.update("/", sessionctx.Patch{Currency: sessionctx.Set("CHF")}).ID
		}, "victims-cart"},
		{"a customer's session of the attacker's", func(attacker *browser) string { return attacker.login("bert").ID }, ""}, // bert's cart stays bert's
		{"a session that the attacker has logged out of", func(attacker *browser) string {
			id := attacker.login("bert").ID
			attacker.logout()
			return id
		}, "victims-cart"},
		{"an id that the attacker made up", func(*browser) string { return secretA }, "victims-cart"},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			mw := newShop(t).middleware(nil)
			attacker, victim := newBrowser(t, mw), newBrowser(t, mw)
			planted := tc.plant(attacker)
			attacker.jar[cookieName], victim.jar[cookieName] = planted, planted
			if tc.desc == cases[2].desc { // an ended session takes no write: the shopper begins again
				victim.logout()
			}
			victims(victim)
			assert.NotEqual(t, planted, victim.jar[cookieName])

			s := attacker.get("/")
			assert.Empty(t, s.ID+s.CustomerID+s.CartID, "the planted id is worth nothing")
			w := httptest.NewRecorder()
			if after, err := mw.Update(w, attacker.request("/"), sessionctx.Patch{CartID: sessionctx.Set("evil")}); err == nil {
				assert.NotEqual(t, victim.jar[cookieName], after.ID)
				assert.Empty(t, after.CustomerID)
			}
			s = victim.get("/")
			assert.Equal(t, "anna", s.CustomerID)
			assert.Equal(t, tc.cart, s.CartID)
		})
	}
	t.Run("an id that the attacker made up, and no login", func(t *testing.T) {
		mw := newShop(t).middleware(nil)
		attacker, victim := newBrowser(t, mw), newBrowser(t, mw)
		attacker.jar[cookieName], victim.jar[cookieName] = secretA, secretA
		victim.update("/", sessionctx.Patch{CartID: sessionctx.Set("victims-cart")})
		assert.NotEqual(t, secretA, victim.jar[cookieName])
		assert.Empty(t, attacker.get("/").CartID)
		assert.Equal(t, "victims-cart", victim.get("/").CartID)
	})
	t.Run("a second cookie beside the victim's own", func(t *testing.T) {
		mw := newShop(t).middleware(nil)
		attacker, victim := newBrowser(t, mw), newBrowser(t, mw)
		planted := attacker.update("/", sessionctx.Patch{Currency: sessionctx.Set("CHF")}).ID
		victims(victim)
		for _, order := range []string{"%s; %s", "%[2]s; %[1]s"} {
			r := get("/")
			r.Header.Set("Cookie", fmt.Sprintf(order, cookieName+"="+planted, cookieName+"="+victim.jar[cookieName]))
			req, err := mw.Request(r)
			require.NoError(t, err)
			assert.Empty(t, req.SessionID, "nobody says which of them is the victim's")
		}
		assert.Equal(t, "anna", victim.get("/").CustomerID)
	})
	t.Run("the anonymous token from before the login", func(t *testing.T) {
		s := newShop(t)
		mw := s.middleware(func(cfg *middleware.Config) { cfg.Identify = newVerifier(t).Identify })
		before, after := bearing(signed(t, jwt.MapClaims{"sub": nil})), bearing(signed(t, nil))
		_, err := mw.Login(httptest.NewRecorder(), before, "anna")
		require.NoError(t, err)
		_, err = mw.Update(httptest.NewRecorder(), after, sessionctx.Patch{CartID: sessionctx.Set("annas-cart")})
		require.NoError(t, err)
		_, err = mw.Update(httptest.NewRecorder(), before, sessionctx.Patch{CartID: sessionctx.Set("evil")})
		require.ErrorIs(t, err, sessionctx.ErrNotFound)
		assert.Empty(t, seen(t, mw, before).ID)
		assert.Equal(t, "annas-cart", seen(t, mw, after).CartID)
	})
}

// seen returns the session that a page sees for r.
func seen(t *testing.T, mw *middleware.Middleware, r *http.Request) (s sessionctx.Session) {
	t.Helper()
	serve(mw.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var ok bool
		s, ok = sessionctx.FromContext(r.Context())
		assert.True(t, ok)
	})), r)
	return s
}

// Whoever tries ids finds nothing, neither by chance nor near an id that he knows nor with an id of
// another kind.
func TestThreat_IDGuessing(t *testing.T) {
	store := new(memstore.Store)
	s := newShopOn(t, store, directory)
	mw := s.middleware(func(cfg *middleware.Config) { cfg.Identify = newVerifier(t).Identify })
	ids := make(map[string]bool)
	var letters [43]map[byte]bool
	var victim *browser
	for range 200 {
		victim = newBrowser(t, mw)
		id := victim.update("/", sessionctx.Patch{CartID: sessionctx.Set("cart")}).ID
		require.Len(t, id, 43, "256 bits in base64url")
		require.False(t, ids[id])
		ids[id] = true
		for i := range id {
			if letters[i] == nil {
				letters[i] = make(map[byte]bool)
			}
			letters[i][id[i]] = true
		}
	}
	for i, seen := range letters[:42] {
		assert.Greater(t, len(seen), 30, "place %d of an id is hardly random", i)
	}
	const asserted = "62528895-b561-4518-bfdc-000000000001" // the id in somebody's token, which is in logs and links
	_, err := s.resolver.Update(t.Context(), sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: asserted, Proof: sessionctx.Asserted}},
		sessionctx.Patch{CartID: sessionctx.Set("cart")})
	require.NoError(t, err)

	known := victim.jar[cookieName]
	guesses := []string{asserted, strings.ToUpper(known), strings.ToLower(known), known[:42], known + "A", known[1:] + known[:1], strings.Repeat("A", 43)}
	for i := range known[:42] {
		guesses = append(guesses, known[:i]+string("AB"[btoi(known[i] == 'A')])+known[i+1:])
	}
	records := store.Stats().Records
	for _, guess := range guesses {
		if guess == known {
			continue
		}
		b := newBrowser(t, mw)
		b.jar[cookieName] = guess
		got := b.get("/")
		assert.Empty(t, got.ID+got.CartID, "%q", guess)
		assert.Equal(t, defaults.SourceSiteCurrency, got.Source(defaults.FieldCurrency))
	}
	assert.Equal(t, records, store.Stats().Records, "guesses leave nothing")
	token := bearing(signed(t, jwt.MapClaims{"sid": known, "sub": nil}))
	assert.Empty(t, seen(t, mw, token).CartID, "a token cannot name a secret")
	assert.Equal(t, "cart", victim.get("/").CartID)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Bots without cookies, with cookies of their own make, and such that write: they cost the shop no
// customer and no cart.
func TestThreat_BotSessions(t *testing.T) {
	const bots = 3000
	store := &memstore.Store{MaxBytes: 1 << 20}
	s := newShopOn(t, store, directory)
	mw := s.middleware(func(cfg *middleware.Config) { cfg.AcceptLanguage = true })
	customer, shopper := newBrowser(t, mw), newBrowser(t, mw)
	customer.login("anna")
	shopper.update("/", sessionctx.Patch{CartID: sessionctx.Set("cart")})
	before := store.Stats().Records

	page := mw.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for i := range bots {
		r := get("/")
		switch i % 3 {
		case 1:
			r.Header.Set("Cookie", fmt.Sprintf("%s=%043d", cookieName, i))
		case 2:
			r.Header.Set("Accept-Language", fmt.Sprintf("fr;q=0.%03d", i))
		}
		newDiscard().read(t, page, r)
	}
	assert.Equal(t, before, store.Stats().Records, "a read leaves no record")

	for range bots { // these choose something, each time as somebody new
		newBrowser(t, mw).update("/", sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	}
	assert.Positive(t, store.Stats().Evicted)
	assert.LessOrEqual(t, store.Stats().Bytes, int64(1<<20))
	assert.Equal(t, "anna", customer.get("/").CustomerID, "customers do not give way to bots")
	assert.Equal(t, "cart", shopper.get("/").CartID, "nor do carts")
	assert.Equal(t, "CHF", customer.update("/", sessionctx.Patch{Currency: sessionctx.Set("CHF")}).Currency)
	newcomer := newBrowser(t, mw)
	newcomer.update("/", sessionctx.Patch{CartID: sessionctx.Set("new-cart")})
	assert.Equal(t, "new-cart", newcomer.get("/").CartID)
}

// A host that the client made up, in whatever header, decides neither site nor prices.
func TestThreat_PoisonedHost(t *testing.T) {
	mw := newShop(t).middleware(func(cfg *middleware.Config) {
		cfg.Sites = map[string]middleware.SiteLanguage{"shop.example": {Site: "main"}, "shop.example/at": {Site: "at"}, "shop.ch": {Site: "ch"}}
	})
	server := httptest.NewServer(mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, _ := sessionctx.FromContext(r.Context())
		fmt.Fprint(w, s.Site, " ", s.Currency, " ", s.Source(defaults.FieldSite))
	})))
	defer server.Close()
	const byDefault, main, at, ch = "main EUR site.default", "main EUR request.site", "at EUR request.site", "ch CHF request.site"
	cases := []struct {
		desc, host, path string
		headers          []string
		want             string
	}{
		{"the shop's own host", "shop.example", "/", nil, main},
		{"its other site", "shop.ch", "/", nil, ch},
		{"its path", "shop.example", "/at/cart", nil, at},
		{"as browsers may send it", "SHOP.ch.:8443", "/", nil, ch},
		{"another host", "evil.example", "/", nil, byDefault},
		{"a host that ends alike", "evil-shop.ch", "/", nil, byDefault},
		{"a host that begins alike", "shop.ch.evil.example", "/", nil, byDefault},
		{"a host below", "evil.shop.ch", "/", nil, byDefault},
		{"a path that begins alike", "shop.example", "/attack", nil, main},
		{"an escaped path", "shop.example", "/%61t/cart", nil, at},
		{"a path that goes back", "shop.example", "/x/../at", nil, main},
		{"X-Forwarded-Host", "shop.example", "/", []string{"X-Forwarded-Host", "shop.ch"}, main},
		{"Forwarded", "shop.example", "/", []string{"Forwarded", "host=shop.ch;proto=https"}, main},
		{"X-Original-Host", "shop.example", "/", []string{"X-Original-Host", "shop.ch"}, main},
		{"X-HTTP-Host-Override", "shop.example", "/", []string{"X-HTTP-Host-Override", "shop.ch"}, main},
		{"X-Original-URL", "shop.example", "/", []string{"X-Original-URL", "/at"}, main},
		{"X-Rewrite-URL", "shop.example", "/", []string{"X-Rewrite-URL", "/at"}, main},
		{"X-Forwarded-Prefix", "shop.example", "/", []string{"X-Forwarded-Prefix", "/at"}, main},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			r, err := http.NewRequest(http.MethodGet, server.URL+tc.path, nil)
			require.NoError(t, err)
			r.Host = tc.host
			for i := 0; i < len(tc.headers); i += 2 {
				r.Header.Set(tc.headers[i], tc.headers[i+1])
			}
			res, err := server.Client().Do(r)
			require.NoError(t, err)
			defer res.Body.Close()
			var body [64]byte
			n, _ := res.Body.Read(body[:])
			assert.Equal(t, tc.want, string(body[:n]))
		})
	}
}

// What a request suggests is believed from the shop's own proxy alone, and never more than anything
// that somebody decided.
func TestThreat_HintSpoofing(t *testing.T) {
	store := new(memstore.Store)
	s := newShopOn(t, store, directory)
	mw := s.middleware(func(cfg *middleware.Config) {
		cfg.AcceptLanguage = true
		cfg.CountryHeader, cfg.TrustedProxies = "CF-IPCountry", prefixes("192.0.2.0/24")
	})
	const proxy, client = "192.0.2.7:443", "198.51.100.9:5000"
	request := func(remote string, headers ...string) *http.Request {
		r := get("/")
		r.RemoteAddr = remote
		for i := 0; i < len(headers); i += 2 {
			r.Header.Add(headers[i], headers[i+1])
		}
		return r
	}
	cases := []struct {
		desc string
		r    *http.Request
		want string // country and language
	}{
		{"the proxy's country", request(proxy, "CF-IPCountry", "CH"), "CH de"},
		{"the browser's language", request(client, "Accept-Language", "fr-CH, en;q=0.5"), "DE fr"},
		{"a client's country", request(client, "CF-IPCountry", "CH"), "DE de"},
		{"a client that names a proxy", request(client, "CF-IPCountry", "CH", "X-Forwarded-For", "192.0.2.7", "X-Real-IP", "192.0.2.7"), "DE de"},
		{"a proxy that adds to what the client sent", request(proxy, "CF-IPCountry", "CH", "CF-IPCountry", "AT"), "DE de"},
		{"a list", request(proxy, "CF-IPCountry", "CH, AT"), "DE de"},
		{"a country that is none", request(proxy, "CF-IPCountry", "XX"), "DE de"},
		{"rubbish", request(proxy, "CF-IPCountry", strings.Repeat("CH", 5000), "Accept-Language", strings.Repeat("fr", 50_000)), "DE de"},
		{"a language after much rubbish", request(client, "Accept-Language", strings.Repeat("xx,", 1000)+"fr"), "DE de"},
		{"a quality that is none", request(client, "Accept-Language", "fr;q=9e9"), "DE de"},
		{"a socket without an address", request("@", "CF-IPCountry", "CH"), "DE de"},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			got := seen(t, mw, tc.r)
			assert.Equal(t, tc.want, got.Country+" "+got.Language)
			assert.Equal(t, "main EUR", got.Site+" "+got.Currency, "hints move neither site nor currency")
		})
	}
	b := newBrowser(t, mw)
	b.update("/", sessionctx.Patch{Country: sessionctx.Set("AT"), Language: sessionctx.Set("en")})
	r := b.request("/")
	r.RemoteAddr = proxy
	r.Header.Set("CF-IPCountry", "CH")
	r.Header.Set("Accept-Language", "fr")
	got := seen(t, mw, r)
	assert.Equal(t, "AT en", got.Country+" "+got.Language, "a choice is stronger")
	_, err := mw.Update(httptest.NewRecorder(), r, sessionctx.Patch{Country: sessionctx.Clear(), Language: sessionctx.Clear()})
	require.NoError(t, err)
	got = b.get("/")
	assert.Equal(t, "DE de", got.Country+" "+got.Language, "nothing of a hint was kept")
}

// A panic in what the host has plugged in is that request's alone.
func TestThreat_PanickingPolicies(t *testing.T) {
	boom := func(r *http.Request, where string) {
		if r.Header.Get("X-Boom") == where {
			panic("boom in " + where)
		}
	}
	s := newShop(t)
	mw := s.middleware(func(cfg *middleware.Config) {
		cfg.Tenant = func(r *http.Request) string { boom(r, "Tenant"); return "demoshop" }
		cfg.Skip = func(r *http.Request) bool { boom(r, "Skip"); return false }
		cfg.Identify = func(r *http.Request) (sessionctx.Identity, error) {
			boom(r, "Identify")
			if r.Header.Get("X-Boom") != "" {
				return sessionctx.Identity{}, errors.New("no")
			}
			return sessionctx.Identity{}, nil
		}
		cfg.OnError = func(w http.ResponseWriter, r *http.Request, err error, next http.Handler) {
			boom(r, "OnError")
			middleware.Fail(w, r, err, next)
		}
	})
	page := mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { boom(r, "handler") }))
	for _, where := range []string{"Tenant", "Skip", "Identify", "OnError"} {
		t.Run(where, func(t *testing.T) {
			b := newBrowser(t, mw)
			b.update("/", sessionctx.Patch{CartID: sessionctx.Set("cart")})
			for range 3 {
				r := b.request("/")
				r.Header.Set("X-Boom", where)
				w := httptest.NewRecorder()
				assert.PanicsWithValue(t, "boom in "+where, func() { page.ServeHTTP(w, r) }, "it is the server's to catch, as any handler's")
				assert.Empty(t, w.Header()["Set-Cookie"])
				assert.Equal(t, "cart", b.get("/").CartID)
			}
		})
	}
}

// A cache in front keeps one shopper's page, or a response with the session cookie, and gives it to
// the next visitor. Every page may try to be shared: the handler calls Shareable on all of them.
func TestThreat_CachedPage(t *testing.T) {
	mw := newShop(t).middleware(func(cfg *middleware.Config) { cfg.AcceptLanguage = true })
	shareable := func(w http.ResponseWriter, r *http.Request) { _ = mw.Shareable(w, r, time.Minute) }
	choose := func(w http.ResponseWriter, r *http.Request) {
		_, err := mw.Update(w, r, sessionctx.Patch{CartID: sessionctx.Set("cart-1")})
		assert.NoError(t, err)
	}
	logIn := func(w http.ResponseWriter, r *http.Request) {
		_, err := mw.Login(w, r, "anna")
		assert.NoError(t, err)
	}
	chooser, shopper, customer := newBrowser(t, mw), newBrowser(t, mw), newBrowser(t, mw)
	chooser.update("/", sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	shopper.update("/", sessionctx.Patch{CartID: sessionctx.Set("cart-2")})
	customer.login("bert")
	cases := []struct {
		desc   string
		r      *http.Request
		do     []http.HandlerFunc
		shared bool
	}{
		{"a guest's page, said to be shareable", get("/"), []http.HandlerFunc{shareable}, true},
		{"a guest's page, nothing said", get("/"), nil, false},
		{"a page with a choice", chooser.request("/"), []http.HandlerFunc{shareable}, false},
		{"a page with a cart", shopper.request("/"), []http.HandlerFunc{shareable}, false},
		{"a customer's page", customer.request("/"), []http.HandlerFunc{shareable}, false},
		{"a first choice, and then", get("/"), []http.HandlerFunc{choose, shareable}, false},
		{"a first choice after it", get("/"), []http.HandlerFunc{shareable, choose}, false},
		{"a login, and then", get("/"), []http.HandlerFunc{logIn, shareable}, false},
		{"a login after it", get("/"), []http.HandlerFunc{shareable, logIn}, false},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			res := serve(mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for _, do := range tc.do {
					do(w, r)
				}
			})), tc.r)
			control := res.Header.Get("Cache-Control")
			assert.Equal(t, tc.shared, !strings.Contains(control, "private"), "Cache-Control %q", control)
			assert.Equal(t, tc.shared, strings.Contains(control, "public"), "Cache-Control %q", control)
			assert.Equal(t, "Cookie, Accept-Language", res.Header.Get("Vary"))
		})
	}
}

// A client names another variant than its own, to have its page kept for the visitors of that
// variant, or sends the name of a person's variant to see the person's page.
func TestThreat_ForgedVariant(t *testing.T) {
	mw := newShop(t).middleware(func(cfg *middleware.Config) { cfg.Variant, cfg.AcceptLanguage = true, true })
	shop := mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, _ := sessionctx.FromContext(r.Context())
		if err := mw.Shareable(w, r, time.Minute); err != nil {
			fmt.Fprintf(w, "%s, cart %q of %q", s.Variant(), s.CartID, s.CustomerID)
			return
		}
		fmt.Fprint(w, s.Variant())
	}))
	// A shared cache that honours Vary, behind which the proxy copies the cookie, or does not.
	kept := map[string]string{}
	visit := func(r *http.Request) string {
		key := r.URL.Path + " " + strings.Join(r.Header[variantHeader], ", ")
		if page, ok := kept[key]; ok {
			return page
		}
		w := httptest.NewRecorder()
		shop.ServeHTTP(w, r)
		if storable(w.Result().Header) {
			assert.Equal(t, []string{variantHeader}, w.Header()["Vary"])
			kept[key] = w.Body.String()
		}
		return w.Body.String()
	}
	const chf, fr = "1-demoshop:main:CHF:DE:de", "1-demoshop:main:EUR:DE:fr"
	attacks := map[string]map[string]string{
		"nothing more":     nil,
		"as a service":     {"Authorization": "Bearer x"},
		"from other sites": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
		"by a link":        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
		"as a prefetch":    {"Sec-Purpose": "prefetch"},
		"in Japanese":      {"Accept-Language": "ja"},
	}
	attack := func() {
		for _, more := range attacks {
			for _, forged := range []string{chf, fr, "", "1-demoshop", guestVariant + ":x", "1-othershop:main:EUR:DE:de"} {
				for _, copied := range []bool{true, false} {
					r := get("/shoes")
					r.AddCookie(&http.Cookie{Name: variantCookie, Value: forged})
					if copied {
						r.Header.Set(variantHeader, forged)
					}
					for name, value := range more {
						r.Header.Set(name, value)
					}
					assert.NotContains(t, visit(r), "anna")
				}
			}
		}
	}
	attack()
	assert.Empty(t, kept, "nothing was kept that an attacker has named")
	guest, chooser, reader, customer := newBrowser(t, mw), newBrowser(t, mw), newBrowser(t, mw), newBrowser(t, mw)
	chooser.update("/", sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	reader.update("/", sessionctx.Patch{Language: sessionctx.Set("fr")})
	customer.update("/", sessionctx.Patch{CartID: sessionctx.Set("cart-1")})
	customer.login("anna")
	for range 3 {
		for _, v := range []struct {
			b    *browser
			want string
		}{{guest, guestVariant}, {chooser, chf}, {reader, fr}, {customer, "1-demoshop:main:CHF:CH:fr"}} {
			visitPage(v.b, "/account", blank) // the first answer has the cookie
			assert.Equal(t, v.want, visit(proxied(v.b, "/shoes")))
		}
		attack()
	}
	assert.Len(t, kept, 4)
}
