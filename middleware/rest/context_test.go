package rest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

func TestContext_ExistsAsSoonAsItsTokenIsValid(t *testing.T) {
	s := newShop(t)
	anonymous := s.shopper("s1").do("GET", "/me/context", "")
	assert.JSONEq(t, `{"sessionId":"s1","siteCode":"main","currency":"EUR","targetLocation":"DE","language":"de","context":{},"metadata":{"version":0}}`,
		anonymous.must(200).body)
	assert.Regexp(t, `^"0{16}\.0\.[\w-]{22}"$`, anonymous.Header.Get("ETag"))

	anna := s.bearer(claims{Session: "s2", Customer: "anna"}).do("GET", "/me/context", "")
	assert.JSONEq(t, `{"sessionId":"s2","customerId":"anna","siteCode":"main","currency":"GBP","targetLocation":"AT","language":"en","context":{},"metadata":{"version":0}}`,
		anna.must(200).body)
	assert.Zero(t, s.resolver.Stats().Writes)
}

func TestContext_ShowsAllThatTheSessionHolds(t *testing.T) {
	s := newShop(t)
	cart := sessionctx.Patch{
		Currency: sessionctx.Set("CHF"), CartID: sessionctx.Set("cart-1"),
		Attributes: map[string]json.RawMessage{"a b/c": []byte(`{"<tag>":[1.50,null,"\u2028&"]}`), "b": []byte(`0`)},
	}
	id := sessionctx.Identity{Tenant: "demoshop", SessionID: "s1", Proof: sessionctx.Asserted}
	_, err := s.resolver.Update(t.Context(), sessionctx.Request{Identity: id}, cart)
	require.NoError(t, err)
	a := s.shopper("s1").do("GET", "/me/context", "")
	b := a.context()
	assert.Equal(t, "s1", b.SessionID)
	assert.Equal(t, "cart-1", b.CartID)
	assert.Equal(t, "CHF", b.Currency)
	assert.Equal(t, `{"<tag>":[1.50,null,"\u2028&"]}`, string(b.Context["a b/c"]), "as it was sent, to the byte")
	assert.Positive(t, b.Metadata.Version)
	assert.Less(t, b.Metadata.Version, int64(1<<30))
	assert.WithinDuration(t, time.Now(), *b.Metadata.CreatedAt, time.Minute)
	assert.Equal(t, b.Metadata.CreatedAt, b.Metadata.ModifiedAt)
	assert.NotContains(t, a.body, "sources")
	assert.NotContains(t, a.body, "rejected")
	assert.Regexp(t, fmt.Sprintf(`^"[0-9a-f]{16}\.%d\.[\w-]{22}"$`, b.Metadata.Version), a.Header.Get("ETag"))
}

func TestContext_NeverShowsTheIDOfASessionByCookie(t *testing.T) {
	s := newShop(t)
	c := s.browser(sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	secret := c.header.Get("Cookie")[len(cookieName)+1:]
	for _, a := range []*answer{
		c.do("GET", "/me/context", "").must(200),
		c.do("GET", "/me/context?explain=true", "").must(200),
		c.do("PATCH", "/me/context", `{"currency":"JPY"}`).must(400),
		c.do("PATCH", "/me/context", `{"currency":"EUR","metadata":{"version":9}}`).must(409),
		c.with("If-Match", `"x"`).do("PATCH", "/me/context", `{}`).must(412),
		c.do("PATCH", "/me/context", `{"currency":"EUR"}`).must(204),
	} {
		assert.NotContains(t, a.body, secret)
		assert.NotContains(t, a.body, "sessionId")
		assert.Empty(t, a.Header["Set-Cookie"], "the id stays")
		assert.NotContains(t, a.Header.Get("ETag"), secret)
	}
}

func TestExplain_SaysWhyTheValuesAreWhatTheyAre(t *testing.T) {
	s := newShop(t)
	c := s.bearer(claims{Session: "s1", Customer: "bob"})
	c.do("PATCH", "/me/context", `{"siteCode":"us","language":"en"}`).must(204)
	c.do("PATCH", "/me/context", `{"siteCode":"main","currency":"CHF","targetLocation":"AT"}`).must(204)
	c.do("PATCH", "/me/context", `{"siteCode":"us"}`).must(204)
	for _, body := range []string{`{"language":"en"}`, `{"currency":"USD"}`, `{"targetLocation":"US"}`} {
		c.do("PATCH", "/me/context", body).must(204) // one alone is a choice, also where it is the default
	}
	b := c.do("GET", "/me/context?explain=true", "").context()
	assert.Equal(t, map[string]string{"siteCode": "choice", "currency": "choice", "targetLocation": "choice", "language": "choice"}, b.Sources)
	assert.Empty(t, b.Rejected)

	c.do("PATCH", "/me/context", `{"currency":null,"targetLocation":null,"language":null,"siteCode":null}`).must(204)
	a := c.do("GET", "/me/context?explain=true", "")
	b = a.context()
	assert.Equal(t, map[string]string{"siteCode": "site.default", "currency": "site.currency", "targetLocation": "site.homeBase", "language": "site.defaultLanguage"}, b.Sources)
	assert.Equal(t, map[string][]map[string]string{
		"currency": {{"value": "XXX", "source": "customer.preferredCurrency", "reason": "unknownCode"}},
	}, b.Rejected)
	assert.Empty(t, a.Header.Get("ETag"), "it would not move with what is rejected")

	assert.Empty(t, c.do("GET", "/me/context?explain=false", "").context().Sources)
	for _, bad := range []string{"yes", "1", "TRUE", "%00"} {
		d := c.do("GET", "/me/context?explain="+bad, "").must(400).problem().Details
		require.Len(t, d, 1)
		assert.Equal(t, "explain", d[0]["field"])
	}
}

func TestIfNoneMatch_ComparesTheWholeTagWeakly(t *testing.T) {
	s := newShop(t)
	c := s.shopper("s1")
	c.do("PATCH", "/me/context", `{"currency":"CHF"}`).must(204)
	etag := c.do("GET", "/me/context", "").Header.Get("ETag")
	otherHash := etag[:len(etag)-3] + `--"`
	cases := []struct {
		desc, header string
		want         int
	}{
		{"the tag", etag, 304},
		{"the tag, weak", "W/" + etag, 304},
		{"a list with the tag", `"a", "b,c" ,` + etag, 304},
		{"any", "*", 304},
		{"any, with space", " * ", 304},
		{"another tag", `"a"`, 200},
		{"the revision with another hash", otherHash, 200},
		{"without quotes", etag[1 : len(etag)-1], 200},
		{"without an end", etag[:len(etag)-1], 200},
		{"nothing", "", 200},
		{"any, quoted", `"*"`, 200},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			d := &client{c.shop, c.header.Clone()}
			d.header["If-None-Match"] = []string{tc.header}
			for _, x := range []*client{d, s.operator().with("If-None-Match", tc.header)} {
				path := "/me/context"
				if x != d {
					path = "/context/s1"
				}
				a := x.do("GET", path, "").must(tc.want)
				assert.Equal(t, etag, a.Header.Get("ETag"))
				assert.Equal(t, tc.want == 304, a.body == "")
			}
		})
	}
	two := &client{c.shop, c.header.Clone()}
	two.header["If-None-Match"] = []string{`"a"`, etag}
	two.do("GET", "/me/context", "").must(304)
	c.do("PATCH", "/me/context", `{"language":"fr"}`).must(204)
	c.with("If-None-Match", etag).do("GET", "/me/context", "").must(200)
}

func TestHead_IsAGetWithoutItsBody(t *testing.T) {
	s := newShop(t)
	server := serve(t, s.handler)
	c := s.shopper("s1")
	for _, path := range []string{"/session-context/demoshop/me/context", "/session-context/demoshop/openapi.json"} {
		get := send(t, server, "GET", path, c.header).must(200)
		head := send(t, server, "HEAD", path, c.header).must(200)
		assert.Empty(t, head.body)
		for _, name := range []string{"Content-Type", "Content-Length", "ETag"} {
			assert.Equal(t, get.Header.Get(name), head.Header.Get(name), name)
		}
	}
}

// flakyStore is a store that everybody can write, and that can be down.
type flakyStore struct {
	store.Store
	down atomic.Bool
	// silent, where it is not nil, is what a Save does before it returns an error that says
	// nothing.
	silent func() (applies, goesDown bool)
}

func (f *flakyStore) Load(ctx context.Context, key store.Key) (store.Record, error) {
	if f.down.Load() {
		return store.Record{}, errDown
	}
	return f.Store.Load(ctx, key)
}

func (f *flakyStore) Save(ctx context.Context, key store.Key, rec store.Record, base sessionctx.Revision) (store.Record, error) {
	if f.down.Load() {
		return store.Record{}, errDown
	}
	if f.silent != nil {
		applies, goesDown := f.silent()
		if applies {
			_, _ = f.Store.Save(ctx, key, rec, base)
		}
		f.down.Store(goesDown)
		return store.Record{}, errDown
	}
	return f.Store.Save(ctx, key, rec, base)
}

func TestThreat_StoreDown(t *testing.T) {
	backend := &flakyStore{Store: &memstore.Store{}}
	s := newShop(t, func(c *settings) { c.sessions.Store = backend })
	token, browser := s.bearer(claims{Session: "s1", Customer: "anna"}), s.browser(sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	token.do("PATCH", "/me/context", `{"currency":"CHF","context":{"a":1}}`).must(204)
	version := s.version("s1")
	backend.down.Store(true)

	a := token.do("GET", "/me/context", "")
	assert.JSONEq(t, `{"sessionId":"s1","customerId":"anna","siteCode":"main","currency":"GBP","targetLocation":"AT","language":"en","degraded":true}`, a.must(200).body)
	assert.Empty(t, a.Header.Get("ETag"))
	token.with("If-None-Match", "*").do("GET", "/me/context", "").must(200)
	assert.JSONEq(t, `{"siteCode":"main","currency":"EUR","targetLocation":"DE","language":"de","degraded":true}`, browser.do("GET", "/me/context", "").must(200).body)

	for _, c := range []*client{token, browser} {
		c.do("GET", "/me/context?explain=true", "").must(503)
		c.do("PATCH", "/me/context", `{"currency":"EUR"}`).must(503)
		c.do("POST", "/me/context/attributes", `{"key":"k","value":1}`).must(503)
		c.do("DELETE", "/me/context/attributes/a", "").must(503)
	}
	op := s.operator()
	op.do("GET", "/context/s1", "").must(503)
	op.do("PUT", "/context/s1?upsert=true", `{"metadata":{"version":1}}`).must(503)
	op.do("POST", "/context/s1/attributes", `{"key":"k","value":1}`).must(503)
	op.do("DELETE", "/context/s1/attributes/a", "").must(503)

	backend.down.Store(false)
	b := token.do("GET", "/me/context", "").context()
	assert.Equal(t, "CHF", b.Currency, "nothing was lost")
	assert.Equal(t, version, b.Metadata.Version, "and nothing invented")
	assert.False(t, b.Degraded)
}

func TestWrite_UnknownOutcomeIsNotToBeSentAgain(t *testing.T) {
	cases := []struct {
		desc              string
		applies, goesDown bool
		want              bool // it becomes known that the write was applied
	}{
		{"not applied, and the record can be read", false, false, false},
		{"not applied, and the record cannot be read", false, true, false},
		{"applied, and the record cannot be read", true, true, false},
		{"applied, and the record can be read", true, false, true},
	}
	for _, tc := range cases {
		for _, w := range []struct {
			method, path, body string
			applied            int
		}{
			{"PATCH", "/me/context", `{"currency":"GBP"}`, 204},
			{"POST", "/me/context/attributes", `{"key":"k","value":1}`, 201},
			{"DELETE", "/me/context/attributes/a", "", 204},
			{"PUT", "/context/s1", `{"currency":"GBP"}`, 204},
			{"POST", "/context/s1/attributes", `{"key":"k","value":1}`, 204},
			{"DELETE", "/context/s1/attributes/a", "", 204},
		} {
			t.Run(tc.desc+", "+w.method+" "+w.path, func(t *testing.T) {
				backend := &flakyStore{Store: &memstore.Store{}}
				s := newShop(t, func(c *settings) { c.sessions.Store = backend })
				c := s.shopper("s1")
				c.do("PATCH", "/me/context", `{"currency":"CHF","context":{"a":1}}`).must(204)
				if strings.HasPrefix(w.path, "/context") {
					c = s.operator()
				}
				if w.method == "PUT" {
					w.body = s.stating("s1", 0, w.body)
				}
				backend.silent = func() (applies, goesDown bool) { return tc.applies, tc.goesDown }
				a := c.do(w.method, w.path, w.body)
				if tc.want {
					a.must(w.applied)
					return
				}
				p := a.must(503).problem()
				assert.Equal(t, unknownOutcome, p.Type)
				assert.Equal(t, "s1", p.SessionID)
				assert.Contains(t, p.Message, "may have been applied")
				assert.Empty(t, a.Header.Get("Retry-After"))
			})
		}
	}
}

// forgetfulDirectory has no profiles while it is down.
type forgetfulDirectory struct {
	sessionctx.Static
	down atomic.Bool
}

func (d *forgetfulDirectory) Customer(ctx context.Context, tenant, customerID string) (defaults.Customer, error) {
	if d.down.Load() {
		return defaults.Customer{}, errDown
	}
	return d.Static.Customer(ctx, tenant, customerID)
}

func TestContext_WithoutTheProfileIsTheSessionAllTheSame(t *testing.T) {
	dir := &forgetfulDirectory{Static: demoshop()}
	dir.down.Store(true)
	s := newShop(t, func(c *settings) { c.sessions.Directory = dir })
	anna, op := s.bearer(claims{Session: "s1", Customer: "anna"}), s.operator()
	a := anna.do("PATCH", "/me/context", `{"language":"fr","context":{"a":1}}`).must(204)
	assert.Empty(t, a.Header.Get("ETag"))

	version := s.version("s1")
	var rev sessionctx.Revision
	for path, c := range map[string]*client{"/me/context": anna, "/context/s1": op} {
		a := c.do("GET", path, "")
		b := a.context()
		assert.True(t, b.ProfileMissing, path)
		assert.False(t, b.Degraded, path)
		assert.Equal(t, "main EUR DE fr", b.values(), "the profile says GBP and AT")
		assert.Equal(t, "1", string(b.Context["a"]), path)
		assert.Equal(t, "anna", b.CustomerID, path)
		assert.Equal(t, version, b.Metadata.Version, path)
		assert.Empty(t, a.Header.Get("ETag"), path)
		c.with("If-None-Match", "*").do("GET", path, "").must(200)
		assert.True(t, c.do("GET", path+"?explain=true", "").context().ProfileMissing, path)
	}
	now, err := s.resolver.Resolve(t.Context(), s.identity("s1", "anna"))
	require.NoError(t, err)
	rev = now.Revision()
	tag := func() string { return fmt.Sprintf(`"%016x.%d.x"`, rev.Incarnation, rev.Version) }
	for _, ifMatch := range []func() string{tag, func() string { return "*" }} {
		anna.with("If-Match", ifMatch()).do("PATCH", "/me/context", `{"currency":"CHF"}`).must(204)
		rev.Version++
		op.with("If-Match", ifMatch()).do("POST", "/context/s1/attributes", `{"key":"b","value":2}`).must(204)
		rev.Version++
	}
	anna.with("If-Match", `"x"`).do("PATCH", "/me/context", `{"currency":"CHF"}`).must(412)
	anna.with("If-None-Match", "*").do("PATCH", "/me/context", `{"currency":"CHF"}`).must(412)
	op.with("saas-token", s.token("anna")).do("PUT", "/context/s1", s.stating("s1", 0, `{"language":"fr"}`)).must(204)

	dir.down.Store(false)
	require.NoError(t, s.resolver.Refresh(t.Context(), "demoshop", "anna"))
	a = anna.do("GET", "/me/context", "")
	assert.False(t, a.context().ProfileMissing)
	assert.Equal(t, "main GBP AT fr", a.context().values())
	assert.Contains(t, a.Header.Get("ETag"), fmt.Sprintf("%016x.%d.", rev.Incarnation, rev.Version+1))
}

// brokenDirectory has no answer.
type brokenDirectory struct{ sessionctx.Static }

func (brokenDirectory) Sites(context.Context, string) ([]siteList, error) { return nil, errDown }

func TestContext_UnavailableWithoutSites(t *testing.T) {
	s := newShop(t, func(c *settings) { c.sessions.Directory = brokenDirectory{} })
	s.shopper("s1").do("GET", "/me/context", "").must(503)
	s.shopper("s1").do("PATCH", "/me/context", `{"currency":"EUR"}`).must(503)
	assert.Empty(t, s.log.String(), "an outage is the resolver's to tell, not once a request")
}

func TestContext_UnavailableWhenClosed(t *testing.T) {
	s := newShop(t)
	require.NoError(t, s.resolver.Close())
	s.shopper("s1").do("GET", "/me/context", "").must(503)
	s.operator().do("PUT", "/context/s1", `{"metadata":{"version":1}}`).must(503)
}

func TestContext_HintsCountForTheShopperAlone(t *testing.T) {
	s := newShop(t, func(c *settings) {
		c.middleware.AcceptLanguage = true
		c.middleware.CountryHeader, c.middleware.TrustedProxies = "CF-IPCountry", []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	})
	hints := []string{"Accept-Language", "fr", "CF-IPCountry", "CH"}
	c := s.shopper("s1").with(hints...)
	c.do("PATCH", "/me/context", `{"context":{"a":1}}`).must(204)
	b := c.do("GET", "/me/context?explain=true", "").context()
	assert.Equal(t, []string{"fr", "CH"}, []string{b.Language, b.TargetLocation})
	assert.Equal(t, []string{"request.acceptLanguage", "request.geo"}, []string{b.Sources["language"], b.Sources["targetLocation"]})
	b = s.operator().with(hints...).do("GET", "/context/s1", "").context()
	assert.Equal(t, []string{"de", "DE"}, []string{b.Language, b.TargetLocation})
}

func TestContext_RequestSiteOverrulesTheChoice(t *testing.T) {
	s := newShop(t, func(c *settings) {
		c.middleware.Sites = map[string]middleware.SiteLanguage{"shop.example": {Site: "main"}}
	})
	c := s.shopper("s1")
	d := c.do("PATCH", "/me/context", `{"siteCode":"us"}`).must(400).problem().Details
	assert.Equal(t, []map[string]string{{"field": "siteCode", "value": "us", "reason": "overruled"}}, d)
	c.do("PATCH", "/me/context", `{"siteCode":"main","context":{"a":1}}`).must(204)
	s.operator().do("PUT", "/context/s1", s.stating("s1", 0, `{"siteCode":"us"}`)).must(204)
	b := c.do("GET", "/me/context?explain=true", "").context()
	assert.Equal(t, "main", b.SiteCode)
	assert.Equal(t, []map[string]string{{"value": "us", "source": "choice", "reason": "overruled"}}, b.Rejected["siteCode"])
	assert.Equal(t, "us", s.operator().do("GET", "/context/s1", "").context().SiteCode)
}

func TestProblem_ExplainsNoServerError(t *testing.T) {
	s := newShop(t, func(c *settings) {
		c.middleware.Identify = func(*http.Request) (sessionctx.Identity, error) { return sessionctx.Identity{}, errDown }
	})
	p := s.client().do("GET", "/me/context", "").must(500).problem()
	assert.NotContains(t, p.Message, "db-7")
	assert.Contains(t, s.log.String(), "db-7", "but to the operator")
}
