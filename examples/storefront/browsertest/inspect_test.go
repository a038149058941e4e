package browsertest_test

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/examples/storefront/server"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/inspect"
	"github.com/sessionctx/storefront/sessionctx/sessiontest"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// leased is a store with a lease that the test extends.
type leased struct {
	*sessiontest.Store
	sink *atomic.Pointer[store.Sink]
}

func (l leased) Watch(sink store.Sink) (stop func()) {
	l.sink.Store(&sink)
	return l.Store.Watch(shared{sink})
}

// shared is a sink that is not told that nobody else writes.
type shared struct{ store.Sink }

func (shared) Exclusive() {}

// sampleSites are of a shop whose data has aged.
var sampleSites = []defaults.Site{
	{
		Code: "main", Name: "Europe", Default: true, Currency: "EUR", Currencies: []string{"EUR", "CHF", "BGN"}, Country: "DE", ShipTo: []string{"DE", "AT", "CH"},
		Language: "de", Languages: []string{"de", "fr", "en"},
	},
	{Code: "us", Name: "USA", Currency: "USD", Country: "US", ShipTo: []string{"US", "Kanada"}, Language: "en"},
	{Code: "old", Inactive: true, Currency: "EUR", Country: "DE", Language: "de"},
}

// aDay answers with pages of the inspector from a shop with traffic and troubles, by name.
func aDay(t *testing.T) map[string]*httptest.ResponseRecorder {
	pages := map[string]*httptest.ResponseRecorder{}
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		backend := leased{&sessiontest.Store{}, new(atomic.Pointer[store.Sink])}
		directory := &sessiontest.Directory{Static: sessionctx.Static{"demoshop": {
			Sites: sampleSites,
			Customers: map[string]defaults.Customer{"customer-7": {
				Site: "old", Currency: "SEK", Language: "fr-CH",
				Addresses: []defaults.Address{{Country: "LI", Tags: []string{"shipping"}}, {Country: "CH", Tags: []string{"shipping"}}, {Country: "AT", Tags: []string{"billing"}}},
			}},
		}}}
		cfg := sessionctx.Config{
			Store: backend, Directory: directory, Logger: slog.New(slog.DiscardHandler), Timeout: 100 * time.Millisecond, DirectoryMaxAge: 10 * time.Second,
		}
		r, err := sessionctx.New(cfg)
		require.NoError(t, err)
		defer r.Close()
		cfg.Store = backend.Store
		elsewhere, err := sessionctx.New(cfg)
		require.NoError(t, err)
		defer elsewhere.Close()
		own := sessionctx.Request{
			Identity:   sessionctx.Identity{Tenant: "demoshop", SessionID: "session-of-the-operator", CustomerID: "customer-7", Proof: sessionctx.Asserted},
			GeoCountry: "AT", AcceptLanguage: "de-AT,de;q=0.9,en;q=0.8",
		}
		page, err := inspect.New(inspect.Config{
			Resolver: r, Authorize: func(*http.Request) bool { return true },
			Request: func(*http.Request) (sessionctx.Request, error) { return own, nil },
		})
		require.NoError(t, err)
		defer page.Close()
		take := func(name, method, target string, form url.Values) {
			req := httptest.NewRequestWithContext(ctx, method, target, strings.NewReader(form.Encode()))
			if method == http.MethodPost {
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			pages[name] = httptest.NewRecorder()
			page.ServeHTTP(pages[name], req)
			require.Equal(t, http.StatusOK, pages[name].Code, name)
		}
		for _, asset := range []string{"inspect.css", "inspect.js", "icon.svg"} {
			take(asset, http.MethodGet, "/?asset="+asset, nil)
		}
		take("start", http.MethodGet, "/", nil)

		shopper := func(n int) sessionctx.Request {
			return sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: fmt.Sprint("session-", n), Proof: sessionctx.Asserted}}
		}
		base, err := r.Update(ctx, own, sessionctx.Patch{Currency: sessionctx.Set("CHF"), CartID: sessionctx.Set("cart-1")})
		require.NoError(t, err)
		_, err = r.Update(ctx, own, sessionctx.Patch{Language: sessionctx.Set("en")})
		require.NoError(t, err)
		choose := func(r *sessionctx.Resolver, n int) {
			_, _ = r.Update(ctx, shopper(n), sessionctx.Patch{Currency: sessionctx.Set([]string{"EUR", "CHF"}[n%2])})
		}
		stale := base.Revision()
		for second := range 640 {
			switch second {
			case 190:
				backend.Loads.Always(sessiontest.Stall)
				backend.Saves.Always(sessiontest.Stall)
			case 228:
				take("hangs", http.MethodGet, "/", nil)
				backend.Loads.Always(nil)
				backend.Saves.Always(nil)
			case 380:
				directory.SiteCalls.Always(sessiontest.Fail(errors.New("the service of sites is down")))
			case 437:
				directory.SiteCalls.Always(nil)
			case 540:
				take("cache off", http.MethodGet, "/", nil)
			}
			off := second > 520 && second < 545
			for quarter := range 4 {
				if sink := backend.sink.Load(); !off {
					(*sink).ExtendLease(time.Now().Add(time.Second))
				}
				visits := 30 + int(20*math.Sin(float64(second)/60)) + second*7%11
				for v := range visits {
					_, _ = r.Resolve(ctx, shopper((v*v+second*quarter)%400))
				}
				time.Sleep(250 * time.Millisecond)
			}
			if second%3 == 0 {
				choose(r, second%400)
			}
			if second%4 == 0 {
				choose(elsewhere, second%400)
			}
			if second%97 == 50 {
				for _, p := range []sessionctx.Patch{{Language: sessionctx.Set("fr")}, {Language: sessionctx.Set("de"), Currency: sessionctx.Set("EUR")}} {
					p.Base = &stale
					_, _ = r.Update(ctx, own, p)
				}
			}
		}
		take("well", http.MethodGet, "/", nil)
		take("json", http.MethodGet, "/?format=json", nil)
		take("asked", http.MethodPost, "/", url.Values{"tenant": {"demoshop"}, "sessionId": {"session-of-the-operator"}, "country": {"CH"}, "site": {"nowhere"}, "acceptLanguage": {"ja,fr;q=0.5"}})
		take("refused", http.MethodPost, "/", url.Values{"tenant": {"demoshop"}, "sessionId": {"nobody-has-this"}})
		for name, answer := range pages {
			for _, id := range []string{"session-of-the-operator", "customer-7", "cart-1", "nobody-has-this", "session-1"} {
				require.NotContains(t, answer.Body.String(), id, name)
			}
		}
	})
	return pages
}

// day is what aDay has answered with once.
var day map[string]*httptest.ResponseRecorder

// serveDay serves the pages of aDay: each under its name, and the assets as the pages ask for them.
func serveDay(t *testing.T) string {
	if missing != "" {
		t.Skip(missing)
	}
	if day == nil {
		day = aDay(t)
	}
	pages := day
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Query().Get("asset")
		if name == "" {
			name = strings.Trim(r.URL.Path, "/")
		}
		page := pages[name]
		if page == nil {
			page = pages["well"]
		}
		for key, values := range page.Header() {
			w.Header()[key] = values
		}
		w.Write(page.Body.Bytes())
	}))
	t.Cleanup(ts.Close)
	return ts.URL
}

func TestInspector_FitsEveryScreenAndEveryEye(t *testing.T) {
	shop := serveDay(t)
	for _, d := range []device{
		{width: 320, height: 640}, {width: 390, height: 844, dark: true}, {width: 768, height: 1024, noScript: true},
		{width: 1024, height: 768, dark: true}, {width: 1280, height: 900},
	} {
		t.Run(fmt.Sprint(d.width), func(t *testing.T) {
			t.Parallel()
			b := visit(t, shop, d)
			pages := []string{"well", "hangs", "asked"}
			if d.width == 320 || d.width == 1280 {
				pages = append(pages, "cache%20off", "refused", "start")
			}
			for _, page := range pages {
				b.open("/" + page)
				b.look(fmt.Sprintf("inspect-%d-%s", d.width, strings.ReplaceAll(page, "%20", "-")))
			}
			b.open("/well")
			b.do(chromedp.Click(chromedp.CSS(".counters summary")))
			b.look(fmt.Sprintf("inspect-%d-counters", d.width))
		})
	}
}

func TestInspector_ReadsValuesOffAPlotAndStopsOnDemand(t *testing.T) {
	b := visit(t, serveDay(t), desktop)
	b.open("/well")
	assert.Equal(t, "", eval[string](b, `document.querySelector("#plot-ratio .legend b").textContent`))
	at := eval[[]float64](b, `(() => { const box = document.querySelector("#plot-ratio svg").getBoundingClientRect(); scrollTo(0, box.top - 100);
		const now = document.querySelector("#plot-ratio svg").getBoundingClientRect(); return [now.left + now.width / 2, now.top + now.height / 2]; })()`)
	b.do(chromedp.MouseEvent(chromedp.MouseMoved, at[0], at[1]))
	b.see("#plot-ratio .cursor")
	assert.Regexp(t, `^(99|100|9\d\.\d) at 00:05:\d\d$`, eval[string](b, `document.querySelector("#plot-ratio .legend b").textContent`))
	b.shoot("inspect-readout")
	b.do(chromedp.MouseEvent(chromedp.MouseMoved, 5, 5))
	b.do(chromedp.WaitNotPresent(chromedp.CSS(".cursor")))
	assert.Equal(t, "", eval[string](b, `document.querySelector("#plot-ratio .legend b").textContent`))

	b.do(chromedp.Click(chromedp.CSS("#pause")))
	assert.Equal(t, "true", eval[string](b, `document.getElementById("pause").getAttribute("aria-pressed")`))
}

// A page that has been answered for one question keeps the explanation and the form while the rest
// is renewed.
func TestInspector_RenewsWhatLives(t *testing.T) {
	b := visit(t, serveDay(t), desktop)
	b.open("/asked")
	assert.Equal(t, "The session that the form names", b.text(".about h3"))
	b.do(chromedp.SetValue(chromedp.CSS("#country"), "FR"))
	eval[any](b, `document.getElementById("plots").append(Object.assign(document.createElement("p"), {id: "outdated"}))`)
	eval[any](b, `renew()`)
	b.do(chromedp.WaitNotPresent(chromedp.CSS("#outdated")))
	assert.Equal(t, "The session that the form names", b.text(".about h3"))
	assert.Equal(t, "FR", eval[string](b, `document.getElementById("country").value`))
	assert.False(t, eval[bool](b, `document.documentElement.classList.contains("stale")`))
}

func TestInspector_OfTheStorefrontExplainsThisBrowserAndWhatTheFormNames(t *testing.T) {
	if missing != "" {
		t.Skip(missing)
	}
	s, err := server.New(server.Config{Admin: true, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	shop, operators := httptest.NewServer(s.Handler()), httptest.NewServer(s.AdminHandler())
	t.Cleanup(shop.Close)
	t.Cleanup(operators.Close)
	b := visit(t, shop.URL, device{width: 1280, height: 900, language: "fr"})
	b.pick("currency", "CHF")
	ctx, cancel := b.limited()
	defer cancel()
	cookies, err := chromedp.Call(ctx, network.GetCookies, network.GetCookiesParams{})
	require.NoError(t, err)
	require.Len(t, cookies.Cookies, 1)
	id := cookies.Cookies[0].Value // a secret, which scripts cannot see

	b.do(chromedp.Navigate(operators.URL + "/"))
	assert.Equal(t, "The request of this browser", b.text(".about h3"))
	values := func() []string {
		return eval[[]string](b, `[...document.querySelectorAll(".field .value")].map(v => v.textContent)`)
	}
	assert.Equal(t, []string{"main", "DE", "CHF", "fr"}, values())
	assert.Equal(t, "✓ The shopper’s choice CHF taken", b.text(".field:nth-child(3) li.taken"))
	assert.Equal(t, "demoshop", eval[string](b, `document.getElementById("tenant").value`))
	b.look("inspect-storefront")

	b.do(chromedp.SetValue(chromedp.CSS("#customer-id"), "C104"))
	b.do(chromedp.SetValue(chromedp.CSS("#country"), "GB"))
	require.EqualValues(t, http.StatusOK, b.follow("#explain"))
	assert.Equal(t, "The customer whom the form names, without a session", b.text(".about h3"))
	assert.Contains(t, b.text(".facts"), "customer")
	assert.Equal(t, "GB", eval[string](b, `document.getElementById("country").value`))
	assert.Equal(t, "", eval[string](b, `document.getElementById("customer-id").value`))
	assert.NotContains(t, eval[string](b, "location.href"), "C104")
	assert.NotContains(t, eval[string](b, "document.documentElement.outerHTML"), "C104")

	b.do(chromedp.SetValue(chromedp.CSS("#session-id"), id))
	require.EqualValues(t, http.StatusOK, b.follow("#explain"))
	assert.Equal(t, "The session that the form names", b.text(".about h3"))
	assert.Equal(t, "CHF", values()[2])
	assert.NotContains(t, eval[string](b, "document.documentElement.outerHTML"), id)
	b.look("inspect-storefront-session")
}
