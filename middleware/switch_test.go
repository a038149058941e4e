package middleware_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

// post sends a picker's form, given as pairs, from a page of the same origin.
func (b *browser) post(target string, pairs ...string) (*httptest.ResponseRecorder, error) {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	r := b.request(target)
	sent := httptest.NewRequest(http.MethodPost, target, strings.NewReader(form.Encode()))
	sent.Header = r.Header
	sent.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sent.Header.Set("Sec-Fetch-Site", "same-origin")
	w := httptest.NewRecorder()
	err := b.mw.Switch(w, sent)
	b.receive(w)
	return w, err
}

// change sends a form that must be accepted, and returns where the answer leads.
func (b *browser) change(target string, pairs ...string) (location string) {
	b.t.Helper()
	w, err := b.post(target, pairs...)
	require.NoError(b.t, err)
	require.Equal(b.t, http.StatusSeeOther, w.Code)
	require.Equal(b.t, "private, no-store", w.Header().Get("Cache-Control"))
	return w.Header().Get("Location")
}

func values(s sessionctx.Session) [4]string {
	return [4]string{s.Site, s.Currency, s.Country, s.Language}
}

func TestSwitch_PageOfAnotherTenantIsRefused(t *testing.T) {
	mw := newShop(t).middleware(func(cfg *middleware.Config) {
		cfg.Tenant = func(r *http.Request) string {
			if strings.HasPrefix(r.URL.Path, "/other/") {
				return "othershop"
			}
			return "demoshop"
		}
	})
	_, err := newBrowser(t, mw).post("/switch", "currency", "CHF", "return", "/other/shoes")
	require.ErrorContains(t, err, `return "/other/shoes": must be a path of the same tenant`)
}

func TestSwitch_ChoosesAndLeadsBackToThePage(t *testing.T) {
	for _, tc := range []struct {
		desc string
		form []string
		to   string
		want [4]string
	}{
		{"a currency", []string{"currency", "CHF", "return", "/shoes?page=2"}, "/shoes?page=2", [4]string{"main", "CHF", "DE", "de"}},
		{"a country", []string{"country", "AT"}, "/", [4]string{"main", "EUR", "AT", "de"}},
		{"a language", []string{"language", "en", "return", "/a#b"}, "/a#b", [4]string{"main", "EUR", "DE", "en"}},
		{"a site", []string{"site", "ch", "return", "/"}, "/", [4]string{"ch", "CHF", "CH", "fr"}},
		{"several at once", []string{"country", "FR", "currency", "CHF", "language", "fr"}, "/", [4]string{"main", "CHF", "FR", "fr"}},
		{"a site, and a value of it", []string{"site", "ch", "country", "LI", "currency", "EUR"}, "/", [4]string{"ch", "CHF", "LI", "fr"}}, // EUR was shown
		{"other letter case", []string{"currency", "chf"}, "/", [4]string{"main", "CHF", "DE", "de"}},
		{"fields of somebody else", []string{"currency", "CHF", "csrf", "x", "csrf", "y"}, "/", [4]string{"main", "CHF", "DE", "de"}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			b := newBrowser(t, newShop(t).middleware(nil))
			assert.Equal(t, tc.to, b.change("/switch", tc.form...))
			assert.Equal(t, tc.want, values(b.get("/")))
		})
	}
}

// A form with four selects sends all of them, whichever the shopper has changed.
func TestSwitch_ValuesThatThePageShowsAreNoChoices(t *testing.T) {
	s := newShop(t)
	b := newBrowser(t, s.middleware(nil))
	b.change("/switch", "site", "main", "currency", "EUR", "country", "DE", "language", "de")
	assert.Empty(t, b.jar, "nothing was chosen: there is no record and no cookie")
	assert.Zero(t, s.resolver.Stats().Writes)

	b.change("/switch", "site", "main", "currency", "CHF", "country", "DE", "language", "de")
	now := b.get("/")
	for f, want := range map[defaults.Field]defaults.Source{
		defaults.FieldSite: defaults.SourceDefaultSite, defaults.FieldCurrency: defaults.SourceChoice,
		defaults.FieldCountry: defaults.SourceHomeBase, defaults.FieldLanguage: defaults.SourceSiteLanguage,
	} {
		assert.Equal(t, want, now.Source(f), "%v", f)
	}

	b.change("/switch", "site", "ch", "currency", "CHF", "country", "DE", "language", "de")
	assert.Equal(t, [4]string{"ch", "CHF", "CH", "fr"}, values(b.get("/")), "the new site's own values show")
}

// What the form means is decided for the session that is written to, also where this very response
// makes it the customer's.
func TestSwitch_FormMeansTheSessionThatIsWrittenTo(t *testing.T) {
	for _, tc := range []struct {
		desc  string
		host  string // who is logged in at the host
		serve func(mw *middleware.Middleware, choose http.HandlerFunc) http.Handler
	}{
		{"a login of the host's own, with Wrap", "bert", func(mw *middleware.Middleware, choose http.HandlerFunc) http.Handler {
			return mw.Wrap(choose)
		}},
		{"a login of the host's own, without Wrap", "bert", func(_ *middleware.Middleware, choose http.HandlerFunc) http.Handler {
			return choose
		}},
		{"a call of Login before", "", func(mw *middleware.Middleware, choose http.HandlerFunc) http.Handler {
			return mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, err := mw.Login(w, r, "bert")
				require.NoError(t, err)
				choose(w, r)
			}))
		}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			b := newBrowser(t, newShop(t).middleware(hostLogin))
			b.update("/", sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			if tc.host != "" {
				b.jar["host"] = tc.host
			}
			r := httptest.NewRequest(http.MethodPost, "/switch", strings.NewReader("currency=EUR&country=DE"))
			r.Header = b.request("/").Header
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			tc.serve(b.mw, func(w http.ResponseWriter, r *http.Request) {
				require.NoError(t, b.mw.Switch(w, r))
			}).ServeHTTP(w, r)
			b.receive(w)
			b.jar["host"] = "bert"
			now := b.get("/")
			assert.Equal(t, "bert", now.CustomerID)
			assert.Equal(t, "EUR", now.Currency, "chosen in place of CHF")
		})
	}
}

func TestSwitch_FormWithOneFieldAlwaysChooses(t *testing.T) {
	b := newBrowser(t, newShop(t).middleware(nil))
	b.change("/switch", "currency", "EUR")
	assert.Equal(t, defaults.SourceChoice, b.get("/").Source(defaults.FieldCurrency))
}

func TestSwitch_EmptyFieldRemovesTheChoice(t *testing.T) {
	b := newBrowser(t, newShop(t).middleware(nil))
	b.change("/switch", "currency", "CHF", "language", "en")
	b.change("/switch", "currency", "", "language", "en")
	now := b.get("/")
	assert.Equal(t, [4]string{"main", "EUR", "DE", "en"}, values(now))
	assert.Equal(t, defaults.SourceSiteCurrency, now.Source(defaults.FieldCurrency))
	assert.Equal(t, defaults.SourceChoice, now.Source(defaults.FieldLanguage))
}

func TestSwitch_ValueThatCannotBeChosenIsRefused(t *testing.T) {
	for _, tc := range []struct {
		desc string
		form []string
		want []defaults.Rejection
	}{
		{"a currency that is not offered", []string{"currency", "USD"}, []defaults.Rejection{{Field: defaults.FieldCurrency, Value: "USD", Reason: defaults.ReasonNotOffered}}},
		{"no currency", []string{"currency", `"><script>`}, []defaults.Rejection{{Field: defaults.FieldCurrency, Value: `"><script>`, Reason: defaults.ReasonMalformed}}},
		{"no such site", []string{"site", "nope"}, []defaults.Rejection{{Field: defaults.FieldSite, Value: "nope", Reason: defaults.ReasonUnknownSite}}},
		{"two of them", []string{"currency", "USD", "language", "sv"}, []defaults.Rejection{
			{Field: defaults.FieldCurrency, Value: "USD", Reason: defaults.ReasonNotOffered}, {Field: defaults.FieldLanguage, Value: "sv", Reason: defaults.ReasonNotOffered},
		}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			s := newShop(t)
			b := newBrowser(t, s.middleware(nil))
			w, err := b.post("/switch", tc.form...)
			var got []defaults.Rejection
			for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
				got = append(got, *e.(*defaults.Rejection))
			}
			assert.Equal(t, tc.want, got)
			assert.Empty(t, w.Header(), "an error is no answer")
			assert.Zero(t, s.resolver.Stats().Writes)
			middleware.Fail(w, b.request("/switch"), err, nil)
			assert.Equal(t, http.StatusBadRequest, w.Code)
		})
	}
}

func TestSwitch_FormThatNoPickerSendsIsRefused(t *testing.T) {
	long := strings.Repeat("x", 100)
	for _, tc := range []struct {
		desc string
		form []string
		want string
		code int
	}{
		{"no field", []string{"return", "/"}, "sessionctx: form: must have one of the fields site, currency, country and language", 400},
		{"nothing at all", nil, "sessionctx: form: must have one of the fields site, currency, country and language", 400},
		{"a field twice", []string{"currency", "CHF", "currency", "EUR"}, `sessionctx: currency "EUR": must not be given twice`, 400},
		{"two pages to return to", []string{"currency", "CHF", "return", "/", "return", "//evil.example"}, `sessionctx: return "//evil.example": must not be given twice`, 400},
		{"another server", []string{"currency", "CHF", "return", "https://evil.example"}, `sessionctx: return "https://evil.example": must be a path of this server`, 400},
		{"a long path of another server", []string{"currency", "CHF", "return", "//" + long}, `sessionctx: return "//` + long[:62] + `": must be a path of this server`, 400},
		{"no revision", []string{"currency", "CHF", "revision", "7"}, `sessionctx: revision "7": must be the text of a Session.Revision`, 400},
		{"an empty revision", []string{"currency", "CHF", "revision", ""}, `sessionctx: revision: must be the text of a Session.Revision`, 400},
		{"too long", []string{"currency", "CHF", "more", strings.Repeat("x", 17<<10)}, "sessionctx: form: has at most 16384 bytes", 413},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			s := newShop(t)
			b := newBrowser(t, s.middleware(nil))
			w, err := b.post("/switch", tc.form...)
			var form *sessionctx.InputError
			require.ErrorAs(t, err, &form)
			assert.Equal(t, tc.want, err.Error())
			assert.Empty(t, w.Header().Get("Location"))
			assert.Zero(t, s.resolver.Stats().Writes)
			middleware.Fail(w, b.request("/switch"), err, nil)
			assert.Equal(t, tc.code, w.Code)
		})
	}
}

func TestSwitch_QueryChoosesNothing(t *testing.T) {
	s := newShop(t)
	b := newBrowser(t, s.middleware(nil))
	_, err := b.post("/switch?currency=CHF")
	require.ErrorContains(t, err, "must have one of the fields")
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(method, "/switch?currency=CHF", strings.NewReader("currency=CHF"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		require.ErrorContains(t, b.mw.Switch(w, r), "must have one of the fields")
	}
	assert.Zero(t, s.resolver.Stats().Writes)
}

func TestSwitch_BodyIsOneThatABrowserSends(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	for _, tc := range []struct {
		desc, mediaType, coding, body string
		want                          int
	}{
		{"a browser's", form, "", "currency=CHF", http.StatusSeeOther},
		{"with a charset, in capitals", strings.ToUpper(form) + "; charset=UTF-8", "", "currency=CHF", http.StatusSeeOther},
		{"not compressed, and it says so", form, "identity", "currency=CHF", http.StatusSeeOther},
		{"in gzip", form, "gzip", "currency=CHF", http.StatusUnsupportedMediaType},
		{"in two codings", form, "identity, br", "currency=CHF", http.StatusUnsupportedMediaType},
		{"in parts", "multipart/form-data; boundary=x", "", "--x--", http.StatusUnsupportedMediaType},
		{"JSON", "application/json", "", `{"currency":"CHF"}`, http.StatusUnsupportedMediaType},
		{"of no type", "", "", "currency=CHF", http.StatusUnsupportedMediaType},
		{"of two types", form + "\ntext/plain", "", "currency=CHF", http.StatusUnsupportedMediaType},
		{"twice of its type", form + "\n" + form, "", "currency=CHF", http.StatusUnsupportedMediaType},
		{"with semicolons", form, "", "currency=CHF;return=/", http.StatusBadRequest},
		{"with a bad escape", form, "", "currency=CHF&x=%zz", http.StatusBadRequest},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			s := newShop(t)
			mw := s.middleware(nil)
			r, w := httptest.NewRequest(http.MethodPost, "/switch", strings.NewReader(tc.body)), httptest.NewRecorder()
			r.Header["Content-Type"] = strings.Split(tc.mediaType, "\n")
			if tc.coding != "" {
				r.Header.Set("Content-Encoding", tc.coding)
			}
			if err := mw.Switch(w, r); err != nil {
				middleware.Fail(w, r, err, nil)
				assert.Zero(t, s.resolver.Stats().Writes)
			}
			assert.Equal(t, tc.want, w.Code)
		})
	}
}

// An open redirect: a link to the shop that leads to the attacker's page, which looks like the
// shop.
func TestThreat_OpenRedirect(t *testing.T) {
	s := newShop(t)
	b := newBrowser(t, s.middleware(func(cfg *middleware.Config) { cfg.Sites = urls }))
	for _, path := range []string{
		"https://evil.example/", "//evil.example", `/\evil.example`, "/%5Cevil.example", "/\t/evil.example", "/%2Fevil.example", "/.//evil.example",
		"evil.example", "javascript:alert(1)", "",
	} {
		w, err := b.post("http://shop.example/switch", "currency", "CHF", "return", path)
		var form *sessionctx.InputError
		require.ErrorAs(t, err, &form, path)
		assert.Empty(t, w.Header().Get("Location"), path)
	}
	assert.Zero(t, s.resolver.Stats().Writes)

	for _, host := range []string{"evil.example", "shop.example.evil.example", "evil.example:80", "shop.example@evil.example"} {
		r := b.request("/")
		r.Method, r.Host = http.MethodPost, host
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.PostForm = url.Values{"language": {"fr"}, "return": {"/en/shoes"}}
		w := httptest.NewRecorder()
		require.NoError(t, b.mw.Switch(w, r))
		to, err := url.Parse(w.Header().Get("Location"))
		require.NoError(t, err)
		assert.NotContains(t, to.Host, "evil", "a Host header becomes no link")
	}
}

// A form on the attacker's page that changes what the shopper sees, or begins sessions.
func TestThreat_ForgedForm(t *testing.T) {
	s := newShop(t)
	mw := s.middleware(nil)
	for _, tc := range []struct{ desc, name, value string }{
		{"another site", "Sec-Fetch-Site", "cross-site"},
		{"a neighbouring subdomain", "Sec-Fetch-Site", "same-site"},
		{"an old browser", "Origin", "https://evil.example"},
		{"a page without an origin", "Origin", "null"},
	} {
		r := httptest.NewRequest(http.MethodPost, "https://shop.example/switch", strings.NewReader("currency=CHF"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set(tc.name, tc.value)
		w := httptest.NewRecorder()
		err := mw.Switch(w, r)
		require.ErrorIs(t, err, middleware.ErrCrossSite, tc.desc)
		middleware.Fail(w, r, err, nil)
		assert.Equal(t, http.StatusForbidden, w.Code)
		assert.Empty(t, w.Header()["Set-Cookie"], tc.desc)
	}
	assert.Zero(t, s.resolver.Stats().Writes)
}

func TestSwitch_RevisionKeepsWhatAnotherTabHasChosen(t *testing.T) {
	b := newBrowser(t, newShop(t).middleware(nil))
	empty := b.get("/").Revision().String()
	b.change("/switch", "currency", "CHF", "revision", empty)
	old := b.get("/").Revision().String()

	b.change("/switch", "currency", "EUR", "revision", old) // the other tab
	w, err := b.post("/switch", "currency", "CHF", "revision", old)
	require.ErrorIs(t, err, sessionctx.ErrConflict)
	middleware.Fail(w, b.request("/switch"), err, nil)
	assert.Equal(t, http.StatusConflict, w.Code)
	assert.Equal(t, "EUR", b.get("/").Currency)

	b.change("/switch", "language", "en", "revision", old)
	assert.Equal(t, "en", b.get("/").Language, "another field is no conflict")
	_, err = b.post("/switch", "currency", "CHF", "revision", empty)
	require.ErrorIs(t, err, sessionctx.ErrConflict, "seen before there was a record")
	b.change("/switch", "currency", "CHF")
	assert.Equal(t, "CHF", b.get("/").Currency, "without a revision the last write wins")
}

func TestSwitch_RevisionOfASessionThatIsGone(t *testing.T) {
	b := newBrowser(t, newShop(t).middleware(nil))
	b.login("anna")
	b.change("/switch", "currency", "EUR")
	old := b.get("/").Revision().String()
	b.logout() // the choice stays, in another record
	_, err := b.post("/switch", "currency", "CHF", "revision", old)
	require.ErrorIs(t, err, sessionctx.ErrConflict, "the currency is chosen in the new record")
	b.change("/switch", "language", "en", "revision", old)
	assert.Equal(t, [4]string{"main", "EUR", "DE", "en"}, values(b.get("/")), "nobody has chosen a language")
}

func TestSwitch_LeadsToTheURLOfTheChoice(t *testing.T) {
	tables := map[string]map[string]middleware.SiteLanguage{
		"languages by path":   {"/de": {Language: "de"}, "/en": {Language: "en"}, "/fr": {Language: "fr"}},
		"sites by host":       {"shop.example": {Site: "main"}, "shop.ch": {Site: "ch"}, "shop.ch/de": {Language: "de"}},
		"both":                {"shop.example": {Site: "main"}, "shop.ch": {Site: "ch"}, "/de": {Language: "de"}, "/en": {Language: "en"}, "/fr": {Language: "fr"}},
		"sites by path":       {"shop.example": {Site: "main"}, "shop.example/ch": {Site: "ch"}, "shop.example/ch/de": {Language: "de"}},
		"one site by host":    {"shop.example/de": {Language: "de"}, "shop.example/fr": {Language: "fr"}, "main.example": {Site: "main"}, "main.example/fr": {Language: "fr"}, "shop.ch": {Site: "ch"}, "shop.ch/fr": {Language: "fr"}},
		"a first site's path": {"/main": {Site: "main", Language: "de"}},
		"a country's host":    {"shop.example/de": {Language: "de"}, "shop.example/fr": {Language: "fr"}, "ch.example": {Site: "ch", Language: "fr"}, "at.example": {Site: "at", Language: "de"}},
		"a host of nothing":   {"shop.example": {Site: "main", Language: "de"}, "old.example/ja": {Language: "ja"}},
		"a language apart":    {"shop.example": {Language: "de"}, "shop.example/fr": {Language: "fr"}, "x.example/en": {Site: "main", Language: "en"}, "x.example/at": {Site: "at"}},
	}
	for _, tc := range []struct {
		desc, table, host, page string
		form                    []string
		to                      string
	}{
		{"another language", "languages by path", "x.example", "/de/shoes?page=2", []string{"language", "fr"}, "/fr/shoes?page=2"},
		{"the language of the URL", "languages by path", "x.example", "/de/shoes", []string{"language", "de"}, "/de/shoes"},
		{"a regional form that the site spells as the URL does", "languages by path", "x.example", "/de/shoes", []string{"language", "de-AT"}, "/de/shoes"},
		{"an escaped prefix", "languages by path", "x.example", "/%64e/shoes", []string{"language", "fr"}, "/fr/shoes"},
		{"an escaped prefix of a site", "sites by path", "shop.example", "/%63h/shoes", []string{"site", "main"}, "/shoes"},
		{"an escaped slash after a prefix", "sites by host", "shop.ch", "/de%2Fshoes", []string{"language", "fr"}, "/de%2Fshoes"},
		{"a page that says no language", "languages by path", "x.example", "/shoes", []string{"language", "fr"}, "/shoes"},
		{"no language of a URL", "languages by path", "x.example", "/de/shoes", []string{"currency", "CHF"}, "/de/shoes"},
		{"another language, with a fragment", "languages by path", "x.example", "/de/shoes?page=2#sizes", []string{"language", "fr"}, "/fr/shoes?page=2#sizes"},
		{"a fragment is the page's", "languages by path", "x.example", "/de/shoes#sizes", []string{"currency", "CHF"}, "/de/shoes#sizes"},
		{"another site", "sites by host", "shop.example", "/shoes?a=b", []string{"site", "ch"}, "https://shop.ch/de/shoes?a=b"},
		{"another site, in a language", "sites by host", "shop.example", "/shoes", []string{"site", "ch", "language", "fr"}, "https://shop.ch/shoes"},
		{"the site of the URL", "sites by host", "shop.example", "/shoes", []string{"site", "main"}, "/shoes"},
		{"back to the first site", "sites by host", "shop.ch", "/de/shoes", []string{"site", "main"}, "https://shop.example/shoes"},
		{"another site, and the language stays", "both", "shop.example", "/fr/shoes", []string{"site", "ch"}, "https://shop.ch/fr/shoes"},
		{"another site, which has not the language", "both", "shop.example", "/en/shoes", []string{"site", "ch"}, "https://shop.ch/fr/shoes"},
		{"another site and language", "both", "shop.example", "/en/shoes", []string{"site", "ch", "language", "de"}, "https://shop.ch/de/shoes"},
		{"another language on the host", "both", "shop.ch", "/fr/shoes", []string{"language", "de"}, "/de/shoes"},
		{"another language, on a host that is not in the table", "both", "x.example", "/de/shoes?page=2", []string{"language", "fr"}, "/fr/shoes?page=2"},
		{"another language, on a host that says no site", "one site by host", "shop.example", "/de/shoes", []string{"language", "fr"}, "/fr/shoes"},
		{"another site and language, on a host that says no site", "one site by host", "shop.example", "/de/shoes", []string{"site", "ch", "language", "fr"}, "/fr/shoes"},
		{"another site, on a host that says no site", "one site by host", "shop.example", "/de/shoes", []string{"site", "ch"}, "/de/shoes"},
		{"a site by path", "sites by path", "shop.example", "/shoes", []string{"site", "ch"}, "/ch/de/shoes"},
		{"from a site by path", "sites by path", "shop.example", "/ch/de/shoes", []string{"site", "main"}, "/shoes"},
		{"a language of the first site, which URLs without a site show", "a first site's path", "shop.example", "/main/shoes", []string{"language", "en"}, "/shoes"},
		{"a site, and URLs without a site", "a first site's path", "shop.example", "/main/shoes", []string{"site", "ch"}, "/shoes"},
		{"a language that only another site's host says", "a country's host", "ch.example", "/shoes", []string{"language", "de"}, "/shoes"},
		{"a language that another host says for the site", "a language apart", "shop.example", "/fr/shoes", []string{"language", "en"}, "https://x.example/en/shoes"},
		{"a language that no host says, and one says nothing", "a host of nothing", "shop.example", "/shoes", []string{"language", "fr"}, "/shoes"},
		{"a language that no URL of the host says", "a language apart", "shop.example", "/at/shoes", []string{"language", "fr"}, "/fr/at/shoes"},
		{"a site and a language that no URL has together", "a country's host", "ch.example", "/shoes", []string{"site", "at", "language", "de"}, "https://at.example/shoes"},
		{"the first site, which another host shows by default", "a country's host", "ch.example", "/shoes", []string{"site", "main"}, "https://shop.example/fr/shoes"},
		{"a full form of an unchanged page", "both", "shop.ch", "/fr/x", []string{"site", "ch", "currency", "CHF", "country", "CH", "language", "fr"}, "/fr/x"},
		{"a full form with another currency", "both", "shop.ch", "/fr/x", []string{"site", "ch", "currency", "EUR", "country", "CH", "language", "fr"}, "/fr/x"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			b := newBrowser(t, newShop(t).middleware(func(cfg *middleware.Config) { cfg.Sites = tables[tc.table] }))
			got := b.change("http://"+tc.host+"/switch", append(tc.form, "return", tc.page)...)
			assert.Equal(t, tc.to, got)
		})
	}
}

// On another host the shopper has neither the choice nor the cart.
func TestSwitch_NeverLeadsToAURLThatShowsAnotherSiteOrLanguage(t *testing.T) {
	for desc, tc := range map[string]struct {
		table     map[string]middleware.SiteLanguage
		from      string
		form      []string
		overruled bool
		to        string
	}{
		"a site that no URL says, and a host that says none": {
			map[string]middleware.SiteLanguage{"shop.example": {Site: "main"}, "x.example/fr": {Language: "fr"}},
			"shop.example", []string{"site", "ch"}, true, "",
		},
		"a site that no URL says, with a language": {
			map[string]middleware.SiteLanguage{"shop.example": {Site: "main"}, "x.example/fr": {Language: "fr"}},
			"shop.example", []string{"site", "ch", "language", "fr"}, true, "",
		},
		"a language of this site, on a host of another": {
			map[string]middleware.SiteLanguage{"shop.example": {Site: "ch", Language: "fr"}, "x.example/de": {Language: "de"}},
			"shop.example", []string{"language", "de"}, false, "/fr/shoes",
		},
		"a language of the URL's site, beside URLs that say no site": {
			map[string]middleware.SiteLanguage{"shop.example/fr": {Site: "ch", Language: "fr"}},
			"shop.example", []string{"language", "de"}, false, "/fr/shoes",
		},
		"the same in a form with all fields": {
			map[string]middleware.SiteLanguage{"shop.example/fr": {Site: "ch", Language: "fr"}},
			"shop.example", []string{"site", "ch", "currency", "CHF", "country", "CH", "language", "de"}, false, "/fr/shoes",
		},
		"a language of the URL's site, beside a URL of another site that says the language": {
			map[string]middleware.SiteLanguage{"/fr": {Site: "ch", Language: "fr"}, "/de": {Language: "de"}},
			"shop.example", []string{"language", "de"}, false, "/fr/shoes",
		},
		"a language that no URL says, where two say another": {
			map[string]middleware.SiteLanguage{"shop.example": {Language: "de"}, "shop.example/fr": {Language: "fr"}},
			"shop.example", []string{"language", "en"}, false, "/fr/shoes",
		},
	} {
		t.Run(desc, func(t *testing.T) {
			b := newBrowser(t, newShop(t).middleware(func(cfg *middleware.Config) { cfg.Sites = tc.table }))
			w, err := b.post("http://"+tc.from+"/switch", append(tc.form, "return", "/fr/shoes")...)
			assert.Equal(t, tc.to, w.Header().Get("Location"))
			var invalid *defaults.Rejection
			if assert.Equal(t, tc.overruled, errors.As(err, &invalid), "%v", err) && tc.overruled {
				assert.Equal(t, defaults.ReasonOverruled, invalid.Reason)
			}
		})
	}
}

// Whatever the table of URLs says, the page to which Switch leads shows what was chosen, and keeps
// the site. A language that no URL says leaves the shopper where the shopper is.
func TestSwitch_ShowsTheChoiceWhateverTheTableSays(t *testing.T) {
	s := newShop(t)
	pick := func(rnd *rand.Rand, all ...string) string { return all[rnd.IntN(len(all))] }
	chosen := 0
	for seed := range uint64(400) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		table := map[string]middleware.SiteLanguage{}
		for range 1 + rnd.IntN(6) {
			says := middleware.SiteLanguage{Site: pick(rnd, "", "main", "at", "ch"), Language: pick(rnd, "", "de", "fr", "en")}
			key := pick(rnd, "", "a.example", "b.example", "www.a.example") + pick(rnd, "", "/de", "/fr", "/de/shop", "/shop")
			if key != "" && says != (middleware.SiteLanguage{}) {
				table[key] = says
			}
		}
		mw := s.middleware(func(cfg *middleware.Config) { cfg.Sites = table })
		jars := map[string]*browser{} // by host
		at := func(host string) *browser {
			if jars[host] == nil {
				jars[host] = newBrowser(t, mw)
			}
			return jars[host]
		}
		host := pick(rnd, "a.example", "b.example", "other.example")
		page := pick(rnd, "", "/de", "/fr", "/de/shop", "/shop") + pick(rnd, "/", "/x", "/de/y")
		for range 4 {
			before := at(host).get("http://" + host + page)
			shown := map[string]string{"site": before.Site, "language": before.Language, "currency": before.Currency, "country": before.Country}
			form := []string{"return", page}
			field := pick(rnd, "site", "language", "currency", "country")
			value := map[string]string{
				"site": pick(rnd, "main", "at", "ch"), "language": pick(rnd, "de", "fr", "en"), "currency": pick(rnd, "EUR", "CHF"), "country": pick(rnd, "DE", "AT"),
			}[field]
			if rnd.IntN(2) == 0 { // the form has all fields
				for name, v := range shown {
					if name != field {
						form = append(form, name, v)
					}
				}
			}
			w, err := at(host).post("http://"+host+"/switch", append(form, field, value)...)
			if err != nil {
				var invalid *defaults.Rejection
				require.ErrorAs(t, err, &invalid)
				require.Equal(t, value, invalid.Value)
				continue
			}
			chosen++
			to, err := url.Parse(w.Header().Get("Location"))
			require.NoError(t, err)
			stays := to.Host == "" && to.Path == page
			if to.Host != "" {
				host = to.Host
			}
			page = to.Path
			after := at(host).get("http://" + host + page)
			desc := fmt.Sprintf("seed %d: %v: %s %q leads to %s", seed, table, field, value, to)
			if field != "site" {
				require.Equal(t, before.Site, after.Site, desc)
			}
			if now := map[string]string{"site": after.Site, "language": after.Language, "currency": after.Currency, "country": after.Country}[field]; field != "language" || !stays {
				require.Equal(t, value, now, desc)
			}
		}
	}
	require.Greater(t, chosen, 500)
}

// A shop with sites by path posts its forms to one address, which is of no site.
func TestSwitch_ValuesAreJudgedAsOnThePage(t *testing.T) {
	b := newBrowser(t, newShop(t).middleware(func(cfg *middleware.Config) {
		cfg.Sites = map[string]middleware.SiteLanguage{"/ch": {Site: "ch"}, "/at": {Site: "at"}, "/en": {Language: "en"}}
	}))
	b.change("/switch", "country", "CH", "currency", "EUR", "return", "/ch/shoes")
	assert.Equal(t, [4]string{"ch", "EUR", "CH", "fr"}, values(b.get("/ch/shoes")))
	_, err := b.post("/switch", "language", "en", "return", "/ch/shoes")
	var invalid *defaults.Rejection
	require.ErrorAs(t, err, &invalid)
	assert.Equal(t, defaults.ReasonNotOffered, invalid.Reason, "the Swiss site has no English")

	b.change("/ch/switch", "language", "en", "return", "/shoes")
	assert.Equal(t, "en", b.get("/shoes").Language, "where the form was posted to does not count")
	assert.Equal(t, "/at/shoes", b.change("/switch", "site", "at", "currency", "EUR", "return", "/ch/shoes"))
	_, err = b.post("/switch", "site", "nope", "return", "/ch/shoes")
	require.ErrorAs(t, err, &invalid)
	assert.Equal(t, defaults.ReasonUnknownSite, invalid.Reason)
}

func TestSwitch_SiteWithoutAURLIsRefusedWhereTheURLSaysTheSite(t *testing.T) {
	b := newBrowser(t, newShop(t).middleware(func(cfg *middleware.Config) {
		cfg.Sites = map[string]middleware.SiteLanguage{"shop.example": {Site: "main"}, "shop.ch": {Site: "ch"}}
	}))
	_, err := b.post("http://shop.example/switch", "site", "at")
	var invalid *defaults.Rejection
	require.ErrorAs(t, err, &invalid)
	assert.Equal(t, defaults.ReasonOverruled, invalid.Reason)
}

func TestSwitch_ErrorsOfTheSessionAreReturned(t *testing.T) {
	s := newShop(t)
	mw := s.middleware(func(cfg *middleware.Config) { cfg.NoCookie = true })
	_, err := newBrowser(t, mw).post("/switch", "currency", "CHF")
	require.ErrorIs(t, err, middleware.ErrUnauthenticated)
	mw = s.middleware(func(cfg *middleware.Config) { cfg.Tenant = func(*http.Request) string { return "nobody" } })
	_, err = newBrowser(t, mw).post("/switch", "currency", "CHF")
	require.ErrorIs(t, err, sessionctx.ErrUnknownTenant)
	mw = s.middleware(func(cfg *middleware.Config) {
		cfg.SiteOf = func(*http.Request, string) (middleware.SiteLanguage, error) {
			return middleware.SiteLanguage{}, sessionctx.ErrUnavailable
		}
	})
	_, err = newBrowser(t, mw).post("/switch", "currency", "CHF")
	require.ErrorIs(t, err, sessionctx.ErrUnavailable)
}
