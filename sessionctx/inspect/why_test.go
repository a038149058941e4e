package inspect_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/inspect"
	"github.com/sessionctx/storefront/sessionctx/sessiontest"
)

func TestWhy_HasEveryCandidateInOrder(t *testing.T) {
	set := sessionctx.Set
	for _, tc := range []struct {
		desc  string
		patch sessionctx.Patch // made before, by the session of the operator
		ask   url.Values       // nil: the request of the browser
		field string
		want  []string
	}{
		{
			"a guest's site", sessionctx.Patch{}, url.Values{"tenant": {"demoshop"}}, "site",
			[]string{"request.site none", "choice none", "customer.preferredSite none", "site.default main taken"},
		},
		{
			"a site that the request names", sessionctx.Patch{}, url.Values{"tenant": {"demoshop"}, "site": {"us"}}, "site",
			[]string{"request.site us taken", "choice none", "customer.preferredSite none", "site.default notNeeded"},
		},
		{
			"a choice that the request overrules", sessionctx.Patch{Site: set("us")}, url.Values{"tenant": {"demoshop"}, "sessionId": {sessionID}, "site": {"main"}}, "site",
			[]string{"request.site main taken", "choice us rejected overruled", "customer.preferredSite old notNeeded", "site.default notNeeded"},
		},
		{
			"sites that there are not", sessionctx.Patch{}, url.Values{"tenant": {"demoshop"}, "customerId": {customerID}, "site": {"nowhere"}}, "site",
			[]string{"request.site nowhere rejected unknownSite", "choice none", "customer.preferredSite old rejected inactiveSite", "site.default main taken"},
		},
		{
			"a profile that is not offered", sessionctx.Patch{}, url.Values{"tenant": {"demoshop"}, "customerId": {customerID}}, "currency",
			[]string{"choice none", "customer.preferredCurrency SEK rejected notOffered", "site.currency EUR taken"},
		},
		{
			"a choice", sessionctx.Patch{Currency: set("CHF")}, nil, "currency",
			[]string{"choice CHF taken", "customer.preferredCurrency SEK notNeeded", "site.currency notNeeded"},
		},
		{
			"addresses, and a street that is not shown", sessionctx.Patch{}, nil, "country",
			[]string{
				"choice none", "customer.shippingAddress [redacted] rejected malformed", "customer.shippingAddress LI rejected notOffered",
				"customer.billingAddress CH taken", "request.geo AT notNeeded", "site.homeBase notNeeded",
			},
		},
		{
			"a country that is not shipped to", sessionctx.Patch{}, url.Values{"tenant": {"demoshop"}, "country": {"FR"}}, "country",
			[]string{
				"choice none", "customer.shippingAddress none", "customer.billingAddress none", "request.geo FR rejected notOffered",
				"site.homeBase DE taken",
			},
		},
		{
			"languages of a browser", sessionctx.Patch{}, url.Values{"tenant": {"demoshop"}, "acceptLanguage": {"ja,fr-CA;q=0.9,en;q=0.1"}}, "language",
			[]string{
				"request.language none", "choice none", "customer.preferredLanguage none", "request.acceptLanguage ja rejected notOffered",
				"request.acceptLanguage fr taken", "site.defaultLanguage notNeeded",
			},
		},
		{
			"a language of the path", sessionctx.Patch{Language: set("fr")}, url.Values{"tenant": {"demoshop"}, "sessionId": {sessionID}, "language": {"en"}}, "language",
			[]string{
				"request.language en taken", "choice fr rejected overruled", "customer.preferredLanguage fr-CH notNeeded",
				"request.acceptLanguage none", "site.defaultLanguage notNeeded",
			},
		},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.close()
				w.update(tc.patch)
				saves := w.backend.Saves.Calls()
				x := w.json().Why
				if tc.ask != nil {
					x = w.ask(tc.ask)
				}
				require.Empty(t, x.Error)
				assert.Equal(t, tc.want, x.of(tc.field))
				assert.Equal(t, saves, w.backend.Saves.Calls(), "nothing is written")
			})
		})
	}
}

func TestWhy_WeakChoiceHasItsPlaceBehindTheProfile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, preferProfile)
		defer w.close()
		guest := sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: sessionID, Proof: sessionctx.Asserted}}
		_, err := w.resolver.Update(t.Context(), guest, sessionctx.Patch{Currency: sessionctx.Set("CHF"), Language: sessionctx.Set("en")})
		require.NoError(t, err)
		_, err = w.resolver.Login(t.Context(), guest, customerID)
		require.NoError(t, err)
		x := w.json().Why
		assert.Equal(t, []string{"customer.preferredCurrency SEK rejected notOffered", "choice CHF taken", "site.currency notNeeded"}, x.of("currency"))
		assert.Equal(t, []string{
			"request.language none", "customer.preferredLanguage fr taken", "choice en notNeeded", "request.acceptLanguage de-AT,de;q=0.9 notNeeded",
			"site.defaultLanguage notNeeded",
		}, x.of("language"))
	})
}

func TestWhy_CartKeepsTheCountryOfTheVisitAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.own = sessionctx.Request{
			Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: sessionID, Proof: sessionctx.Asserted}, GeoCountry: "AT",
		}
		assert.Contains(t, w.json().Why.of("country"), "request.geo AT taken")
		w.update(sessionctx.Patch{CartID: sessionctx.Set(cartID)})
		x := w.json().Why
		assert.Contains(t, x.of("country"), "request.geo AT ignored")
		assert.Contains(t, x.of("country"), "site.homeBase DE taken")
		assert.True(t, x.Session.Cart)
		assert.Contains(t, w.get("/").Body.String(), "not asked: there is a cart")
	})
}

func TestWhy_ProfileThatIsMissingIsNoProfileWithoutValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.directory.CustomerCalls.Always(sessiontest.Fail(errors.New("down")))
		x := w.json().Why
		assert.True(t, x.Session.ProfileMissing)
		assert.Equal(t, []string{"choice none", "customer.preferredCurrency missing", "site.currency EUR taken"}, x.of("currency"))
	})
}

func TestWhy_SaysWhoseRequestItIs(t *testing.T) {
	for _, tc := range []struct {
		desc                  string
		options               []option
		state                 func(*world)
		ask                   url.Values // nil: GET
		about, error, shopper string
	}{
		{"the browser's", nil, nil, nil, "browser", "", "customer"},
		{"the browser's, as a guest", nil, func(w *world) { w.own = sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop"}} }, nil, "browser", "", "anonymous"},
		{"the host refuses the browser's", nil, func(w *world) { w.ownErr = errors.New("bad credentials") }, nil, "browser", "refused", ""},
		{"the browser's host is nobody's", nil, func(w *world) { w.ownErr = sessionctx.ErrUnknownTenant }, nil, "browser", "unknownTenant", ""},
		{"the host cannot say in time", nil, func(w *world) { w.ownErr = fmt.Errorf("login: %w", context.DeadlineExceeded) }, nil, "browser", "unavailable", ""},
		{"the host cannot say", nil, func(w *world) { w.ownErr = sessionctx.ErrUnavailable }, nil, "browser", "unavailable", ""},
		{"nobody's, while no tenant is known", []option{withoutRequest}, nil, nil, "guest", "noTenant", ""},
		{"a guest's of the first tenant", []option{withoutRequest}, func(w *world) { w.resolve(w.own) }, nil, "guest", "", "anonymous"},
		{"a guest's of the first tenant, by form", nil, func(w *world) { w.resolve(w.own) }, url.Values{}, "guest", "", "anonymous"},
		{"an unknown tenant's", nil, nil, url.Values{"tenant": {"nowhere"}}, "guest", "unknownTenant", ""},
		{"a malformed tenant's", nil, nil, url.Values{"tenant": {"<b>"}}, "guest", "unknownTenant", ""},
		{"a session's", nil, func(w *world) { w.update(sessionctx.Patch{Upsert: true}) }, url.Values{"tenant": {"demoshop"}, "sessionId": {" " + sessionID + " "}}, "session", "", "customer"},
		{"a session's that is none", nil, nil, url.Values{"tenant": {"demoshop"}, "sessionId": {"nothing"}}, "session", "notFound", ""},
		{"a session's that has ended", nil, func(w *world) {
			w.update(sessionctx.Patch{Upsert: true})
			assert.NoError(w.t, w.resolver.End(w.t.Context(), w.own))
		}, url.Values{"tenant": {"demoshop"}, "sessionId": {sessionID}}, "session", "notFound", ""},
		{"a customer's", nil, nil, url.Values{"tenant": {"demoshop"}, "customerId": {customerID}}, "customer", "", "customer"},
		{"two at once", nil, nil, url.Values{"tenant": {"demoshop"}, "customerId": {customerID}, "sessionId": {sessionID}}, "guest", "twoSubjects", ""},
		{"the directory is down", nil, func(w *world) { w.directory.SiteCalls.Always(sessiontest.Fail(errors.New("down"))) }, nil, "browser", "unavailable", ""},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, tc.options...)
				defer w.close()
				if tc.state != nil {
					tc.state(w)
				}
				x := w.json().Why
				if tc.ask != nil {
					x = w.ask(tc.ask)
				}
				assert.Equal(t, tc.about, x.About)
				assert.Equal(t, tc.error, x.Error)
				if tc.error != "" {
					assert.Nil(t, x.Session)
					assert.Empty(t, x.Fields)
					page := w.get("/")
					if tc.ask != nil {
						page = w.post(tc.ask)
					}
					assert.Contains(t, page.Body.String(), `id="refusal"`)
					return
				}
				assert.Equal(t, tc.shopper, x.Session.Shopper)
				assert.Len(t, x.Fields, 4)
			})
		})
	}
}

func TestWhy_WithoutTheStoreIsAGuestsAndComesInTwoSeconds(t *testing.T) {
	for _, tc := range []struct {
		desc    string
		loads   func(*world)
		atLeast time.Duration
	}{
		{"the store fails", func(w *world) { w.backend.Loads.Always(sessiontest.Fail(errors.New("down"))) }, 0},
		{"the store hangs", func(w *world) { w.backend.Loads.Always(sessiontest.Stall) }, 100 * time.Millisecond},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(_ *world, cfg *sessionctx.Config, _ *inspect.Config) { cfg.Timeout = time.Minute })
				defer w.close()
				w.resolve(sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop"}})
				tc.loads(w)
				start := time.Now()
				x := w.json().Why
				assert.LessOrEqual(t, time.Since(start), 2*time.Second)
				assert.GreaterOrEqual(t, time.Since(start), tc.atLeast)
				assert.Empty(t, x.Error)
				assert.True(t, x.Degraded)
				assert.Equal(t, "anonymous", x.Session.Shopper)
				assert.Contains(t, x.of("country"), "request.geo AT taken")
				assert.Contains(t, w.get("/").Body.String(), "The store could not be asked")
				time.Sleep(time.Minute) // the abandoned loads end
			})
		})
	}
}

func TestForm_KeepsWhatIsNoID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		form := url.Values{
			"tenant": {"demoshop"}, "site": {"us"}, "language": {"en-GB"}, "country": {"FR"}, "acceptLanguage": {`fr"><script>`}, "sessionId": {sessionID},
		}
		page := w.post(form).Body.String()
		for name, values := range form {
			field := `name="` + name + `" value="`
			if name == "sessionId" {
				assert.NotContains(t, page, field)
				continue
			}
			_, after, found := strings.Cut(page, field)
			require.True(t, found, name)
			value, _, _ := strings.Cut(after, `" `)
			assert.Equal(t, strings.NewReplacer(`"`, "&#34;", "<", "&lt;", ">", "&gt;").Replace(values[0]), value)
		}
	})
}
