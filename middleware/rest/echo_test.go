package rest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
)

var wireFields = []string{"siteCode", "currency", "targetLocation", "language"}

// echoShops are demoshop with a site whose currency and home base its lists forget.
func echoShops() sessionctx.Static {
	shops := demoshop()
	demo := shops["demoshop"]
	demo.Sites = append(demo.Sites,
		defaults.Site{Code: "ch", Currency: "CHF", Currencies: []string{"EUR"}, Country: "DE", ShipTo: []string{"CH", "LI"}, Language: "de", Languages: []string{"fr"}})
	shops["demoshop"] = demo
	return shops
}

// sendBack reads a context as a client does, changes members of it, and sends all of it back.
func sendBack(t testing.TB, shown *answer, change map[string]any) string {
	t.Helper()
	var body map[string]any
	d := json.NewDecoder(strings.NewReader(shown.must(200).body))
	d.UseNumber()
	require.NoError(t, d.Decode(&body))
	maps.Copy(body, change)
	b, err := json.Marshal(body)
	require.NoError(t, err)
	return string(b)
}

func TestEcho_TellsAChoiceFromWhatTheClientWasShown(t *testing.T) {
	type m = map[string]any
	const guest = "site.default site.currency site.homeBase site.defaultLanguage"
	cases := []struct {
		desc            string
		before          []string // bodies of PATCHes
		change          m        // of what was read
		only            string   // the body, if not what was read
		values, sources string
	}{
		{"everything as it was read", nil, nil, "", "main EUR DE de", guest},
		{"everything as it was read, with choices", []string{`{"currency":"CHF"}`, `{"language":"fr"}`}, nil, "", "main CHF DE fr", "site.default choice site.homeBase choice"},
		{"another currency", nil, m{"currency": "CHF"}, "", "main CHF DE de", "site.default choice site.homeBase site.defaultLanguage"},
		{"another country", nil, m{"targetLocation": "AT"}, "", "main EUR AT de", "site.default site.currency choice site.defaultLanguage"},
		{"another language, the rest in other spellings", nil, m{"language": "FR", "currency": "eur", "targetLocation": "de"}, "", "main EUR DE fr", "site.default site.currency site.homeBase choice"},
		{"a language that the site spells otherwise", []string{`{"language":"en-GB"}`}, m{"currency": "GBP"}, "", "main GBP DE en", "site.default choice site.homeBase choice"},
		{"another site with its values, the language as it was read", nil, m{"siteCode": "us", "currency": "USD", "targetLocation": "US"}, "", "us USD US en", "choice site.currency site.homeBase site.defaultLanguage"},
		{"another site alone", nil, m{"siteCode": "us"}, "", "us USD US en", "choice site.currency site.homeBase site.defaultLanguage"},
		{"another site and a language that it offers", nil, m{"siteCode": "ch", "language": "fr"}, "", "ch CHF DE fr", "choice site.currency site.homeBase choice"},
		{"another site with its own values", nil, nil, `{"siteCode":"ch","currency":"CHF","targetLocation":"DE"}`, "ch CHF DE de", "choice site.currency site.homeBase site.defaultLanguage"},
		{"another site with its own values, over choices", []string{`{"currency":"GBP"}`, `{"targetLocation":"AT"}`}, nil, `{"siteCode":"ch","currency":"CHF","targetLocation":"DE"}`, "ch CHF DE de", "choice site.currency site.homeBase site.defaultLanguage"},
		{"another site with values of its offer", nil, nil, `{"siteCode":"ch","currency":"CHF","targetLocation":"LI"}`, "ch CHF LI de", "choice site.currency choice site.defaultLanguage"},
		{"a choice back to the default, among what was read", []string{`{"currency":"CHF"}`}, m{"currency": "EUR"}, "", "main EUR DE de", "site.default choice site.homeBase site.defaultLanguage"},
		{"country and currency back to the defaults", []string{`{"currency":"CHF"}`, `{"targetLocation":"AT"}`}, m{"currency": "EUR", "targetLocation": "DE"}, "", "main EUR DE de", "site.default site.currency choice site.defaultLanguage"},
		{"one value alone that is the default", nil, nil, `{"currency":"EUR"}`, "main EUR DE de", "site.default choice site.homeBase site.defaultLanguage"},
		{"one value alone, with the site that it has", nil, nil, `{"siteCode":"main","currency":"EUR"}`, "main EUR DE de", "site.default choice site.homeBase site.defaultLanguage"},
		{"one value beside a new site", nil, nil, `{"siteCode":"us","language":"en"}`, "us USD US en", "choice site.currency site.homeBase site.defaultLanguage"},
		{"the site that it has", nil, nil, `{"siteCode":"main"}`, "main EUR DE de", guest},
		{"one cleared among what was read", []string{`{"currency":"CHF"}`, `{"language":"fr"}`}, m{"currency": nil}, "", "main EUR DE fr", "site.default site.currency site.homeBase choice"},
		{"one cleared by the empty text", []string{`{"currency":"CHF"}`, `{"language":"fr"}`}, m{"language": ""}, "", "main CHF DE de", "site.default choice site.homeBase site.defaultLanguage"},
		{"the site cleared, the rest as it was read", []string{`{"siteCode":"us"}`}, m{"siteCode": nil}, "", "main EUR DE de", guest},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			for _, stated := range []bool{true, false} {
				s := newShop(t, func(c *settings) { c.sessions.Directory = echoShops() })
				for _, c := range []*client{s.shopper("s1"), s.browser(sessionctx.Patch{Attributes: map[string]json.RawMessage{"a": []byte("1")}})} {
					for _, body := range tc.before {
						c.do("PATCH", "/me/context", body).must(204)
					}
					body := tc.only
					if body == "" {
						change := maps.Clone(tc.change)
						if !stated {
							change = maps.Clone(m{"metadata": nil})
							maps.Copy(change, tc.change)
						}
						body = sendBack(t, c.do("GET", "/me/context", ""), change)
					}
					c.do("PATCH", "/me/context", body).must(204)
					c.do("PATCH", "/me/context", `{"context":{"a":2}}`).must(204) // so that there is a record to explain
					b := c.do("GET", "/me/context?explain=true", "").context()
					assert.Equal(t, tc.values, b.values())
					for name, source := range b.Sources {
						i := slices.Index(wireFields, name)
						assert.Equal(t, strings.Fields(tc.sources)[i], source, name)
					}
				}
			}
		})
	}
}

func TestEcho_LeavesAProfileItsPlace(t *testing.T) {
	type m = map[string]any
	for _, tc := range []struct {
		desc            string
		change          m // of what the guest read
		values, choices string
	}{
		{"another currency", m{"currency": "CHF"}, "main CHF AT en", "currency"},
		{"another country", m{"targetLocation": "CH"}, "main GBP CH en", "targetLocation"},
		{"another language", m{"language": "fr"}, "main GBP AT fr", "language"},
		{"another currency, the rest in other spellings", m{"currency": "chf", "targetLocation": "de", "language": "DE"}, "main CHF AT en", "currency"},
		{"another currency, and members that nobody knows", m{"currency": "CHF", "country": "CH", "site": "us"}, "main CHF AT en", "currency"},
		{"nothing", nil, "main GBP AT en", ""},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			s := newShop(t)
			c := s.shopper("s1")
			c.do("PATCH", "/me/context", sendBack(t, c.do("GET", "/me/context", ""), tc.change)).must(204)
			_, err := s.resolver.Login(t.Context(), sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: "s1", Proof: sessionctx.Asserted}}, "anna")
			require.NoError(t, err)
			b := s.bearer(claims{Session: "s1", Customer: "anna"}).do("GET", "/me/context?explain=true", "").context()
			assert.Equal(t, tc.values, b.values(), "what the guest did not choose is the profile's")
			for name, source := range b.Sources {
				assert.Equal(t, strings.Contains(tc.choices, name), source == "choice", "%s: %s", name, source)
			}
		})
	}
}

func TestEcho_ComparesWithTheStatedVersion(t *testing.T) {
	type m = map[string]any
	cases := []struct {
		desc    string
		between string // another device's PATCH after the read
		change  m
		want    int
		values  string
	}{
		{"nothing came between", ``, m{"language": "fr"}, 204, "main EUR DE fr"},
		{"the field that is sent back has moved", `{"currency":"CHF"}`, m{"language": "fr"}, 409, "main CHF DE de"},
		{"it has moved to what is sent", `{"currency":"CHF"}`, m{"currency": "CHF"}, 409, "main CHF DE de"},
		{"it has moved away and back", `{"currency":"EUR"}`, m{"language": "fr"}, 409, "main EUR DE de"},
		{"the site has moved", `{"siteCode":"us"}`, m{"language": "en"}, 409, "us USD US en"},
		{"an attribute has moved", `{"context":{"x":1}}`, m{"language": "fr", "context": m{}}, 204, "main EUR DE fr"},
		{"everything was read, and something moved", `{"targetLocation":"AT"}`, nil, 409, "main EUR AT de"},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			s := newShop(t)
			c := s.shopper("s1")
			c.do("PATCH", "/me/context", `{"context":{"a":1}}`).must(204)
			shown := c.do("GET", "/me/context", "")
			if tc.between != "" {
				c.do("PATCH", "/me/context", tc.between).must(204)
			}
			before := c.do("GET", "/me/context", "").body
			c.do("PATCH", "/me/context", sendBack(t, shown, tc.change)).must(tc.want)
			after := c.do("GET", "/me/context", "")
			assert.Equal(t, tc.values, after.context().values())
			if tc.want == 409 {
				assert.Equal(t, before, after.body)
			}
		})
	}
	// A field that is not sent, but that decides what was shown.
	s := newShop(t)
	c := s.shopper("s1")
	c.do("PATCH", "/me/context", `{"context":{"a":1}}`).must(204)
	version := s.version("s1")
	c.do("PATCH", "/me/context", `{"siteCode":"us"}`).must(204)
	c.do("PATCH", "/me/context", fmt.Sprintf(`{"currency":"EUR","language":"de","metadata":{"version":%d}}`, version)).must(409)
	c.do("PATCH", "/me/context", fmt.Sprintf(`{"currency":"USD","language":"en","metadata":{"version":%d}}`, version)).must(204)
}

// TestEcho_SentBackNothingChanges reads a session in a random state and sends back what was read,
// with nothing changed, and with one field changed.
func TestEcho_SentBackNothingChanges(t *testing.T) {
	offered := map[string][]string{
		"siteCode": {"main", "us", "ch"}, "currency": {"EUR", "CHF", "GBP", "USD"},
		"targetLocation": {"DE", "AT", "CH", "LI", "US"}, "language": {"de", "en", "fr", "en-GB"},
	}
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(name string) string { return offered[name][random.IntN(len(offered[name]))] }
	s := newShop(t, func(c *settings) { c.sessions.Directory = echoShops() })
	op := s.operator()
	// choices shows all choices of a session, also those that the present site does not offer.
	choices := func(id string, customer string) string {
		req := sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: id, CustomerID: customer, Proof: sessionctx.Asserted}}
		var all []string
		for _, site := range append(offered["siteCode"], "") {
			req.Site = site
			e, err := s.resolver.Preview(t.Context(), req, sessionctx.Patch{})
			require.NoError(t, err)
			for f := range defaults.NumFields {
				all = append(all, fmt.Sprint(e.Session.Source(defaults.Field(f))))
			}
			all = append(all, e.Session.Site, e.Session.Currency, e.Session.Country, e.Session.Language, fmt.Sprint(e.Rejected))
		}
		return strings.Join(all, " ")
	}
	changed, refused := 0, 0
	for i := range 300 {
		id, customer := fmt.Sprintf("s%d", i), []string{"", "anna"}[i%2]
		c := s.bearer(claims{Session: id, Customer: customer})
		managed := op.with("saas-token", s.token(customer))
		c.do("PATCH", "/me/context", `{"context":{"a":{"b":[1,2.50]}}}`).must(204)
		for range random.IntN(5) {
			name := wireFields[random.IntN(4)]
			c.do("PATCH", "/me/context", fmt.Sprintf(`{%q:%q}`, name, pick(name))) // may be refused
		}
		shown, before := c.do("GET", "/me/context", ""), choices(id, customer)
		fields := sendBack(t, shown, map[string]any{"context": map[string]any{}})
		c.do("PATCH", "/me/context", fields).must(204)
		again := c.do("GET", "/me/context", "")
		require.Equal(t, shown.body, again.body, "a PATCH of what was read writes nothing")
		require.Equal(t, shown.Header.Get("ETag"), again.Header.Get("ETag"))
		managed.do("PUT", "/context/"+id, shown.body).must(204)
		again = c.do("GET", "/me/context", "")
		require.Equal(t, before, choices(id, customer), "a PUT of what was read changes no choice, not even a hidden one")
		require.Equal(t, shown.context().Context, again.context().Context)

		name := wireFields[random.IntN(4)]
		value := pick(name)
		was := c.do("GET", "/me/context?explain=true", "").context()
		a := c.do("PATCH", "/me/context", sendBack(t, again, map[string]any{name: value}))
		now := c.do("GET", "/me/context?explain=true", "").context()
		if a.StatusCode != 204 {
			require.Equal(t, 400, a.StatusCode, a.body)
			require.Equal(t, was, now)
			refused++
			continue
		}
		changed++
		for _, other := range wireFields {
			stored := was.Sources[other] == "choice" ||
				slices.ContainsFunc(was.Rejected[other], func(r map[string]string) bool { return r["source"] == "choice" })
			switch is := now.Sources[other] == "choice"; {
			case other == name:
			case is && !stored:
				require.Fail(t, "a default has become a choice", "%s, after %s %s", other, name, value)
			case !is && was.Sources[other] == "choice" && name != "siteCode":
				require.Fail(t, "a choice is gone", "%s, after %s %s", other, name, value)
			}
		}
	}
	assert.Greater(t, changed, 100)
	assert.Greater(t, refused, 10)
}

func TestEcho_KnowsTheCurrenciesOfATenant(t *testing.T) {
	s := newShop(t, func(c *settings) {
		c.sessions.Directory = sessionctx.Static{"demoshop": {Sites: []defaults.Site{
			{Code: "main", Default: true, Currency: "EUR", Currencies: []string{"TMN"}, ExtraCurrencies: map[string]int{"TMN": 0}, Country: "IR", Language: "fa"},
			{Code: "two", Currency: "TMN", Country: "IR", Language: "fa"},
		}}}
	})
	c := s.shopper("s1")
	c.do("PATCH", "/me/context", `{"siteCode":"two"}`).must(204)
	before := s.version("s1")
	c.do("PATCH", "/me/context", `{"siteCode":"two","currency":"tmn","targetLocation":"IR"}`).must(204)
	assert.Equal(t, before, s.version("s1"), "what is shown, in another spelling, changes nothing")
	c.do("PATCH", "/me/context", `{"siteCode":"main"}`).must(204)
	c.do("PATCH", "/me/context", `{"currency":"tmn"}`).must(204)
	assert.Equal(t, "TMN", c.do("GET", "/me/context", "").context().Currency)
}
