package rest_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
)

// values returns site, currency, country and language.
func (b contextBody) values() string {
	return strings.Join([]string{b.SiteCode, b.Currency, b.TargetLocation, b.Language}, " ")
}

func TestPatch_ChangesWhatItNamesAlone(t *testing.T) {
	before := `{"siteCode":"main","currency":"CHF","targetLocation":"AT","language":"fr","context":{"a":1,"b":{"x":1}}}`
	cases := []struct {
		desc, body, values, context string
		writes                      int64
	}{
		{"nothing", `{}`, "main CHF AT fr", `{"a":1,"b":{"x":1}}`, 0},
		{"a currency", `{"currency":"GBP"}`, "main GBP AT fr", `{"a":1,"b":{"x":1}}`, 1},
		{"a currency in small letters", `{"currency":"gbp"}`, "main GBP AT fr", `{"a":1,"b":{"x":1}}`, 1},
		{"a currency, cleared by the empty text", `{"currency":""}`, "main EUR AT fr", `{"a":1,"b":{"x":1}}`, 1},
		{"all, cleared by empty texts", `{"siteCode":"","currency":"","targetLocation":"","language":""}`, "main EUR DE de", `{"a":1,"b":{"x":1}}`, 1},
		{"one cleared by the empty text, one set", `{"targetLocation":"","currency":"GBP"}`, "main GBP DE fr", `{"a":1,"b":{"x":1}}`, 1},
		{"a country, cleared by the empty text", `{"targetLocation":""}`, "main CHF DE fr", `{"a":1,"b":{"x":1}}`, 1},
		{"a language, cleared by the empty text", `{"language":""}`, "main CHF AT de", `{"a":1,"b":{"x":1}}`, 1},
		{"an attribute that is an empty text", `{"context":{"a":""}}`, "main CHF AT fr", `{"a":"","b":{"x":1}}`, 1},
		{"a currency, cleared", `{"currency":null}`, "main EUR AT fr", `{"a":1,"b":{"x":1}}`, 1},
		{"a country, cleared", `{"targetLocation":null}`, "main CHF DE fr", `{"a":1,"b":{"x":1}}`, 1},
		{"a language, spelled by the site", `{"language":"en_GB"}`, "main CHF AT en", `{"a":1,"b":{"x":1}}`, 1},
		{"a site, and values that it offers", `{"siteCode":"us","currency":"USD","targetLocation":"US","language":"en"}`, "us USD US en", `{"a":1,"b":{"x":1}}`, 1},
		{"a site whose offer excludes the choices", `{"siteCode":"us"}`, "us USD US en", `{"a":1,"b":{"x":1}}`, 1},
		{"the value that it has", `{"currency":"CHF"}`, "main CHF AT fr", `{"a":1,"b":{"x":1}}`, 1},
		{"attributes, by name", `{"context":{"b":{"y":2},"c":[null]}}`, "main CHF AT fr", `{"a":1,"b":{"y":2},"c":[null]}`, 1},
		{"attributes, removed", `{"context":{"a":null,"none":null}}`, "main CHF AT fr", `{"b":{"x":1}}`, 1},
		{"no attribute", `{"context":{}}`, "main CHF AT fr", `{"a":1,"b":{"x":1}}`, 0},
		{"all attributes, removed", `{"context":null}`, "main CHF AT fr", `{}`, 1},
		{"names in other cases", `{"Currency":"GBP","SITECODE":"us","Context":{"a":null}}`, "main CHF AT fr", `{"a":1,"b":{"x":1}}`, 0},
		{"what is not a shopper's to change", `{"cartId":"c","customerId":"anna","sessionId":"s2","version":7,"tenant":"othershop","createdAt":"x","country":"CH","site":"us","cart":1}`, "main CHF AT fr", `{"a":1,"b":{"x":1}}`, 0},
		{"what is not a shopper's to change, of any type", `{"cartId":{"x":[]},"customerId":null,"sessionId":9}`, "main CHF AT fr", `{"a":1,"b":{"x":1}}`, 0},
		{"white space around everything", " \t\r\n{ \"currency\" : \"GBP\" , \"context\" : { \"w\" : [ 1 , 2 ] } } \n", "main GBP AT fr", `{"a":1,"b":{"x":1},"w":[1,2]}`, 1},
		{"escapes in names", `{"\u0063urrency":"\u0047BP"}`, "main GBP AT fr", `{"a":1,"b":{"x":1}}`, 1},
		{"a surrogate pair", `{"context":{"\ud83d\ude00":"\uD83D\uDE00"}}`, "main CHF AT fr", `{"a":1,"b":{"x":1},"😀":"😀"}`, 1},
		{"an escaped escape", `{"context":{"k":"\\ud800"}}`, "main CHF AT fr", `{"a":1,"b":{"x":1},"k":"\\ud800"}`, 1},
		{"eight levels", `{"context":{"k":[[[[[[1]]]]]]}}`, "main CHF AT fr", `{"a":1,"b":{"x":1},"k":[[[[[[1]]]]]]}`, 1},
		{"a version", `{"currency":"GBP","metadata":{"version":1}}`, "main GBP AT fr", `{"a":1,"b":{"x":1}}`, 1},
		{"version null", `{"currency":"GBP","metadata":{"version":null}}`, "main GBP AT fr", `{"a":1,"b":{"x":1}}`, 1},
		{"version 0, and nothing that was set since", `{"context":{"c":3},"metadata":{"version":0}}`, "main CHF AT fr", `{"a":1,"b":{"x":1},"c":3}`, 1},
		{"metadata null", `{"currency":"GBP","metadata":null}`, "main GBP AT fr", `{"a":1,"b":{"x":1}}`, 1},
		{"metadata empty", `{"currency":"GBP","metadata":{}}`, "main GBP AT fr", `{"a":1,"b":{"x":1}}`, 1},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			s := newShop(t)
			for _, c := range []*client{s.shopper("s1"), s.browser(sessionctx.Patch{Site: sessionctx.Set("us")})} {
				c.do("PATCH", "/me/context", before).must(204)
				was := c.do("GET", "/me/context", "")
				base := was.context().Metadata.Version
				body := strings.ReplaceAll(tc.body, `"version":1`, fmt.Sprintf(`"version":%d`, base))
				a := c.do("PATCH", "/me/context", body).must(204)
				assert.Empty(t, a.body)
				now := c.do("GET", "/me/context", "")
				assert.Equal(t, now.Header.Get("ETag"), a.Header.Get("ETag"))
				b := now.context()
				assert.Equal(t, tc.values, b.values())
				assert.Empty(t, b.CartID)
				assert.Empty(t, b.CustomerID)
				assert.Equal(t, tc.writes, b.Metadata.Version-base)
				assert.JSONEq(t, `{"context":`+tc.context+`}`, `{"context":`+attributesOf(t, now)+`}`)
			}
		})
	}
}

func TestPatch_NamesAValueThatTheSessionCannotHave(t *testing.T) {
	cases := []struct {
		desc, body string
		want       int
		details    []string // field, value, reason
	}{
		{"a currency that the site does not offer", `{"currency":"JPY"}`, 400, []string{"currency JPY notOffered"}},
		{"a currency of the past", `{"currency":"DEM"}`, 400, []string{"currency DEM unknownCode"}},
		{"no currency", `{"currency":"euros"}`, 400, []string{"currency euros malformed"}},
		{"a country as a name", `{"targetLocation":"Germany"}`, 400, []string{"targetLocation Germany malformed"}},
		{"a union", `{"targetLocation":"EU"}`, 400, []string{"targetLocation EU unknownCode"}},
		{"a country that the site does not ship to", `{"targetLocation":"JP"}`, 400, []string{"targetLocation JP notOffered"}},
		{"a language that the site does not have", `{"language":"ja"}`, 400, []string{"language ja notOffered"}},
		{"Luxembourgish, which is near to German", `{"language":"lb"}`, 400, []string{"language lb notOffered"}},
		{"Breton, which is near to French", `{"language":"br"}`, 400, []string{"language br notOffered"}},
		{"Scots, which is near to English", `{"language":"sco"}`, 400, []string{"language sco notOffered"}},
		{"English in another script", `{"language":"en-Shaw"}`, 400, []string{"language en-Shaw notOffered"}},
		{"a list of languages", `{"language":"de,en;q=0.8"}`, 400, []string{"language de,en;q=0.8 malformed"}},
		{"a blank", `{"currency":" "}`, 400, []string{"currency   malformed"}},
		{"full-width letters", `{"currency":"ＥＵＲ","targetLocation":"ＤＥ"}`, 400, []string{"currency ＥＵＲ malformed", "targetLocation ＤＥ malformed"}},
		{"letters that look alike", `{"targetLocation":"\u0414E","currency":"\u0415UR"}`, 400, []string{"currency \u0415UR malformed", "targetLocation \u0414E malformed"}},
		{"a code that only stored data may have", `{"targetLocation":"UK"}`, 400, []string{"targetLocation UK unknownCode"}},
		{"a country of three letters", `{"targetLocation":"DEU"}`, 400, []string{"targetLocation DEU malformed"}},
		{"a site that is not there", `{"siteCode":"nosuch"}`, 400, []string{"siteCode nosuch unknownSite"}},
		{"a site that is closed", `{"siteCode":"closed"}`, 400, []string{"siteCode closed inactiveSite"}},
		{"a currency that the site of the same patch does not offer", `{"siteCode":"us","currency":"EUR"}`, 400, []string{"currency EUR notOffered"}},
		{"one good, the rest bad", `{"siteCode":"main","currency":"DEM","targetLocation":"DE","language":"x"}`, 400, []string{"currency DEM unknownCode", "language x malformed"}},
		{"numbers", `{"siteCode":1,"currency":2.5e3}`, 400, []string{"siteCode 1 wrongType", "currency 2.5e3 wrongType"}},
		{"a list", `{"currency":["EUR"]}`, 400, []string{`currency ["EUR"] wrongType`}},
		{"an object", `{"targetLocation":{"code":"DE"}}`, 400, []string{`targetLocation {"code":"DE"} wrongType`}},
		{"true", `{"language":true}`, 400, []string{"language true wrongType"}},
		{"attributes as a list", `{"context":[1]}`, 400, []string{"context [1] wrongType"}},
		{"attributes as a text", `{"context":"a"}`, 400, []string{`context "a" wrongType`}},
		{"metadata as a number", `{"metadata":3}`, 400, []string{"metadata 3 wrongType"}},
		{"metadata as a list", `{"metadata":[]}`, 400, []string{"metadata [] wrongType"}},
		{"a version as a text", `{"metadata":{"version":"1"}}`, 400, []string{`metadata.version "1" wrongType`}},
		{"a version with a fraction", `{"metadata":{"version":1.5}}`, 400, []string{"metadata.version 1.5 wrongType"}},
		{"a version with an exponent", `{"metadata":{"version":1e0}}`, 400, []string{"metadata.version 1e0 wrongType"}},
		{"a version below 0", `{"metadata":{"version":-1}}`, 400, []string{"metadata.version -1 wrongType"}},
		{"a version over int64", `{"metadata":{"version":9223372036854775808}}`, 400, []string{"metadata.version 9223372036854775808 wrongType"}},
		{"a version as true", `{"metadata":{"version":true}}`, 400, []string{"metadata.version true wrongType"}},
		{"all at once", `{"currency":1,"metadata":{"version":[]},"context":0}`, 400, []string{"currency 1 wrongType", "context 0 wrongType", "metadata.version [] wrongType"}},
		{"a long text", `{"currency":"` + strings.Repeat("ü", 200) + `"}`, 400, []string{"currency " + strings.Repeat("ü", 32) + " malformed"}},
		{"a name without length", `{"context":{"":1}}`, 400, []string{"context  malformed"}},
		{"a name with a line break", `{"context":{"a\nb":1}}`, 400, []string{`context["a\nb"]  malformed`}},
		{"a name with a null byte", `{"context":{"a\u0000":1}}`, 400, []string{`context["a\x00"]  malformed`}},
		{"a name of 65 bytes", `{"context":{"` + strings.Repeat("n", 65) + `":1}}`, 413, []string{`context["` + strings.Repeat("n", 64) + `"]  tooLarge`}},
		{"a value of 1025 bytes", `{"context":{"v":"` + strings.Repeat("v", 1023) + `"}}`, 413, []string{`context["v"]  tooLarge`}},
		{"65 attributes", `{"context":{` + attributes(0, 65, 1) + `}}`, 413, []string{"context  tooLarge"}},
		{"17 KiB", `{"context":{` + attributes(0, 18, 1000) + `}}`, 413, []string{"context  tooLarge"}},
		{"too long a name and an empty one", `{"context":{"":1,"` + strings.Repeat("n", 65) + `":1}}`, 400, []string{"context  malformed", `context["` + strings.Repeat("n", 64) + `"]  tooLarge`}},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			s := newShop(t)
			c := s.shopper("s1")
			c.do("PATCH", "/me/context", `{"currency":"CHF","context":{"a":1}}`).must(204)
			before := c.do("GET", "/me/context", "").must(200)
			p := c.do("PATCH", "/me/context", tc.body).must(tc.want).problem()
			var details []string
			for _, d := range p.Details {
				details = append(details, d["field"]+" "+d["value"]+" "+d["reason"])
			}
			assert.Equal(t, tc.details, details)
			assert.Equal(t, "s1", p.SessionID)
			after := c.do("GET", "/me/context", "")
			assert.Equal(t, before.body, after.body, "nothing changed")
			assert.Equal(t, before.Header.Get("ETag"), after.Header.Get("ETag"))
		})
	}
}

// attributes returns members number from to below to, each with a text of the length.
func attributes(from, to, length int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		if i > from {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"k%d":%q`, i, strings.Repeat("v", length))
	}
	return b.String()
}

// attributesOf returns the member context of a body.
func attributesOf(t testing.TB, a *answer) string {
	t.Helper()
	names := make([]string, 0)
	for name, value := range a.context().Context {
		names = append(names, fmt.Sprintf("%q:%s", name, value))
	}
	return "{" + strings.Join(names, ",") + "}"
}

func TestPatch_LimitsHoldForTheMergedResult(t *testing.T) {
	s := newShop(t)
	c := s.shopper("s1")
	c.do("PATCH", "/me/context", `{"context":{`+attributes(0, 40, 1)+`}}`).must(204)
	c.do("PATCH", "/me/context", `{"context":{`+attributes(40, 64, 1)+`}}`).must(204)
	c.do("PATCH", "/me/context", `{"context":{"one more":1}}`).must(413)
	c.do("POST", "/me/context/attributes", `{"key":"one more","value":1}`).must(413)
	c.do("PATCH", "/me/context", `{"context":{"one more":1,"k0":null}}`).must(204)
	c.do("POST", "/me/context/attributes", `{"key":"k1","value":2}`).must(201)
	assert.Len(t, c.do("GET", "/me/context", "").context().Context, 64)

	// White space counts for the body, and for nothing else.
	c.do("POST", "/me/context/attributes", `{"key":"k1","value":[`+strings.Repeat(" ", 2000)+`1 , 2]}`).must(201)
	c.do("PATCH", "/me/context", `{"context":{"k1":[`+strings.Repeat("\n", 2000)+`]}}`).must(204)

	tight := newShop(t, func(c *settings) {
		c.sessions.MaxAttributes, c.sessions.MaxAttributeName, c.sessions.MaxAttributeValue = 2, 3, 5
		c.rest.MaxBody, c.rest.MaxDepth = 64, 3
	}).shopper("s1")
	tight.do("PATCH", "/me/context", `{"context":{"abc":[1,2]}}`).must(204)
	tight.do("PATCH", "/me/context", `{"context":{"abcd":1}}`).must(413)
	tight.do("PATCH", "/me/context", `{"context":{"abc":"1234"}}`).must(413)
	tight.do("PATCH", "/me/context", `{"context":{"b":1,"c":1}}`).must(413)
	tight.do("PATCH", "/me/context", `{"context":{"b":[[1]]}}`).must(400)
	tight.do("PATCH", "/me/context", `{}`+strings.Repeat(" ", 62)).must(204)
	tight.do("PATCH", "/me/context", `{}`+strings.Repeat(" ", 63)).must(413)
}

func TestPatch_BodyOver32KiBIsNotRead(t *testing.T) {
	s := newShop(t)
	c := s.shopper("s1")
	c.do("PATCH", "/me/context", `{"x":"`+strings.Repeat("x", 32<<10-8)+`"}`).must(204)
	c.do("PATCH", "/me/context", `{"x":"`+strings.Repeat("x", 32<<10-7)+`"}`).must(413)
	c.do("POST", "/me/context/attributes", strings.Repeat(" ", 32<<10+1)).must(413)
	s.operator().do("PUT", "/context/s1?upsert=true", strings.Repeat(" ", 32<<10+1)).must(413)

	endless := httptest.NewRequest("PATCH", "/session-context/demoshop/me/context", endlessReader{})
	endless.Header.Set("Authorization", c.header.Get("Authorization"))
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, endless)
	read(t, w.Result()).must(413)

	broken := httptest.NewRequest("PATCH", "/session-context/demoshop/me/context", brokenReader{})
	broken.Header = endless.Header
	w = httptest.NewRecorder()
	s.handler.ServeHTTP(w, broken)
	read(t, w.Result()).must(400)
}

type endlessReader struct{}

func (endlessReader) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errDown }

func TestPatch_SessionThatEndsMeanwhileIsNotFound(t *testing.T) {
	s := newShop(t)
	c := s.shopper("s1")
	c.do("PATCH", "/me/context", `{"currency":"CHF"}`).must(204)
	require.NoError(t, s.resolver.End(t.Context(), sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: "s1", Proof: sessionctx.Asserted}}))
	for _, a := range []*answer{
		c.do("GET", "/me/context", ""),
		c.do("GET", "/me/context?explain=true", ""),
		c.do("PATCH", "/me/context", `{"currency":"EUR"}`),
		c.do("PATCH", "/me/context?upsert=true", `{"currency":"EUR"}`),
		c.do("POST", "/me/context/attributes", `{"key":"k","value":1}`),
		c.do("DELETE", "/me/context/attributes/k", ""),
		s.operator().do("GET", "/context/s1", ""),
		s.operator().do("PUT", "/context/s1?upsert=true", `{"metadata":{"version":1}}`),
		s.operator().do("POST", "/context/s1/attributes", `{"key":"k","value":1}`),
		s.operator().do("DELETE", "/context/s1/attributes/k", ""),
	} {
		p := a.must(404).problem()
		assert.Contains(t, p.Message, "ession not found")
		assert.Equal(t, "s1", p.SessionID)
	}
}

func TestPatch_ClientThatHasGoneWritesNothing(t *testing.T) {
	s := newShop(t)
	c := s.shopper("s1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequestWithContext(ctx, "PATCH", "/session-context/demoshop/me/context", strings.NewReader(`{"currency":"CHF"}`))
	r.Header.Set("Authorization", c.header.Get("Authorization"))
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	read(t, w.Result()).must(503)
	assert.Equal(t, int64(0), c.do("GET", "/me/context", "").context().Metadata.Version)
}

func TestContext_UnknownTenantIsNotFound(t *testing.T) {
	s := newShop(t)
	c := s.bearer(claims{Tenant: "nosuchshop", Session: "s1"})
	for _, method := range []string{"GET", "PATCH"} {
		p := c.do(method, "/session-context/nosuchshop/me/context", `{"currency":"EUR"}`).must(404).problem()
		assert.Contains(t, p.Message, "Session not found")
	}
	op := s.bearer(claims{Tenant: "nosuchshop", Customer: "backoffice", Scope: manage})
	op.do("PUT", "/session-context/nosuchshop/context/s1?upsert=true", `{}`).must(404)
	s.client().do("GET", "/session-context/nosuchshop/me/context", "").must(401)
}
