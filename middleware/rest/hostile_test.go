package rest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// hostileBodies are documents that are refused wherever a body is read. Each would change something
// if it were taken.
var hostileBodies = []struct{ desc, body string }{
	{"nothing", ""},
	{"white space", " \n"},
	{"null", "null"},
	{"a list", `[{"currency":"GBP"}]`},
	{"a text", `"currency"`},
	{"a number", `1`},
	{"true", `true`},
	{"an open object", `{"currency":"GBP"`},
	{"an open text", `{"currency":"GBP`},
	{"a comma at the end", `{"currency":"GBP",}`},
	{"no comma", `{"currency":"GBP" "key":"k"}`},
	{"no colon", `{"currency" "GBP"}`},
	{"single quotes", `{'currency':'GBP'}`},
	{"a comment", `{"currency":"GBP"/* */}`},
	{"a trailing document", `{"currency":"GBP","key":"k","value":1}{}`},
	{"the same document again", `{"currency":"GBP","key":"k","value":1}` + "\n" + `{"currency":"GBP","key":"k","value":1}`},
	{"a trailing letter", `{"currency":"GBP","key":"k","value":1}x`},
	{"a trailing null byte", `{"currency":"GBP","key":"k","value":1}` + "\x00"},
	{"a byte order mark", "\uFEFF" + `{"currency":"GBP","key":"k","value":1}`},
	{"UTF-16", "\xff\xfe{\x00}\x00"},
	{"a name twice", `{"currency":"GBP","currency":"GBP","key":"k","value":1}`},
	{"a name twice, once escaped", `{"currency":"GBP","\u0063urrency":"GBP","key":"k","value":1}`},
	{"a name twice that nobody knows", `{"x":1,"x":1,"currency":"GBP","key":"k","value":1}`},
	{"an attribute twice", `{"context":{"a":1,"a":2},"key":"k","value":1}`},
	{"a version twice", `{"currency":"GBP","metadata":{"version":1,"version":1},"key":"k","value":1}`},
	{"a name twice inside of a value", `{"context":{"a":[{"b":{"c":1,"c":1}}]},"key":"k","value":[{"b":{"c":1,"c":1}}]}`},
	{"bytes that are no UTF-8 in a text", `{"context":{"a":"` + "\xff" + `"},"key":"k","value":"` + "\xff" + `"}`},
	{"bytes that are no UTF-8 in a name", `{"context":{"` + "\xc3\x28" + `":1},"key":"` + "\xc3\x28" + `","value":1}`},
	{"an overlong encoding", `{"context":{"a":"` + "\xc0\xaf" + `"},"key":"k","value":1}`},
	{"a surrogate in UTF-8", `{"context":{"a":"` + "\xed\xa0\x80" + `"},"key":"k","value":1}`},
	{"the first half of a pair", `{"context":{"a":"\ud800"},"key":"k","value":"\ud800"}`},
	{"the second half of a pair", `{"context":{"a":"\uDC00"},"key":"k","value":"\uDC00"}`},
	{"a pair the wrong way around", `{"context":{"a":"\udc00\ud800"},"key":"k","value":1}`},
	{"half a pair and a letter", `{"context":{"a":"\ud800x"},"key":"k","value":1}`},
	{"half a pair and another escape", `{"context":{"a":"\ud800\n"},"key":"k","value":1}`},
	{"half a pair in a name", `{"context":{"\udfff":1},"key":"\udfff","value":1}`},
	{"half a pair after an escaped escape", `{"context":{"a":"\\\ud800"},"key":"k","value":1}`},
	{"a line break in a text", `{"context":{"a":"` + "\n" + `"},"key":"k","value":1}`},
	{"an escape that is none", `{"context":{"a":"\x41"},"key":"k","value":1}`},
	{"nine levels", `{"context":{"a":[[[[[[[1]]]]]]]},"key":"k","value":[[[[[[[[1]]]]]]]]}`},
	{"nine levels of objects", `{"context":{"a":` + strings.Repeat(`{"a":`, 7) + `1` + strings.Repeat(`}`, 7) + `},"key":"k","value":1}`},
	{"nine levels in what nobody knows", `{"x":` + strings.Repeat(`[`, 8) + strings.Repeat(`]`, 8) + `,"currency":"GBP","key":"k","value":1}`},
	{"ten thousand levels", strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000)},
	{"ten thousand levels, open", strings.Repeat(`[`, 10000)},
	{"a number over all", `{"context":{"a":1e999},"key":"k","value":1e999}`},
	{"a number under all", `{"context":{"a":-1e999},"key":"k","value":[-1E+999]}`},
	{"a version over all", `{"currency":"GBP","metadata":{"version":1e999},"key":"k","value":1}`},
	{"an infinite number", `{"context":{"a":Infinity},"key":"k","value":1}`},
	{"no number", `{"context":{"a":NaN},"key":"k","value":1}`},
	{"a leading zero", `{"context":{"a":01},"key":"k","value":1}`},
	{"a form", `currency=GBP&key=k&value=1`},
}

func TestThreat_JSONTricks(t *testing.T) {
	s := newShop(t)
	token, browser, op := s.shopper("s1"), s.browser(sessionPatch("CHF")), s.operator()
	token.do("PATCH", "/me/context", `{"currency":"CHF","context":{"a":0}}`).must(204)
	before := token.do("GET", "/me/context", "").must(200).Header.Get("ETag")
	beforeBrowser := browser.do("GET", "/me/context", "").must(200).Header.Get("ETag")
	for _, tc := range hostileBodies {
		t.Run(tc.desc, func(t *testing.T) {
			for _, c := range []*client{token, browser} {
				c = c.with("Content-Type", "application/json")
				c.do("PATCH", "/me/context", tc.body).must(400)
				c.do("POST", "/me/context/attributes", tc.body).must(400)
			}
			op := op.with("Content-Type", "application/json")
			op.do("PUT", "/context/s1", tc.body).must(400)
			op.do("PUT", "/context/s2?upsert=true", tc.body).must(400)
			op.do("POST", "/context/s1/attributes", tc.body).must(400)
			assert.Equal(t, before, token.do("GET", "/me/context", "").Header.Get("ETag"))
			assert.Equal(t, beforeBrowser, browser.do("GET", "/me/context", "").Header.Get("ETag"))
			op.do("GET", "/context/s2", "").must(404)
		})
	}
	t.Run("names in other letter case are other names", func(t *testing.T) {
		for _, body := range []string{`{"Currency":"GBP"}`, `{"CURRENCY":"GBP","Context":{"a":1}}`, `{"metaData":{"version":99},"sitecode":"us"}`, `{"currenc\u0079 ":"GBP"}`} {
			token.do("PATCH", "/me/context", body).must(204)
			assert.Equal(t, before, token.do("GET", "/me/context", "").Header.Get("ETag"))
		}
	})
	t.Run("what two readers agree on is taken", func(t *testing.T) {
		token.do("PATCH", "/me/context", ` {"\u0063urrency":"gbp","context":{"a":[[[[[1e-3]]]]],"\ud83d\ude00":{"A":1,"a":2}}}`+"\n").must(204)
		now := token.do("GET", "/me/context", "").context()
		assert.Equal(t, "GBP", now.Currency)
		assert.Equal(t, `[[[[[1e-3]]]]]`, string(now.Context["a"]))
		assert.Equal(t, `{"A":1,"a":2}`, string(now.Context["😀"]))
	})
}

func TestAttributes_NeedKeyAndValue(t *testing.T) {
	s := newShop(t)
	cases := []struct {
		desc, body string
		details    []map[string]string
	}{
		{"nothing", `{}`, []map[string]string{{"field": "key", "reason": "required"}, {"field": "value", "reason": "required"}}},
		{"no value", `{"key":"k"}`, []map[string]string{{"field": "value", "reason": "required"}}},
		{"value null", `{"key":"k","value":null}`, []map[string]string{{"field": "value", "reason": "required"}}},
		{"no key", `{"value":1}`, []map[string]string{{"field": "key", "reason": "required"}}},
		{"key null", `{"key":null,"value":1}`, []map[string]string{{"field": "key", "reason": "required"}}},
		{"key empty", `{"key":"","value":1}`, []map[string]string{{"field": "key", "reason": "required"}}},
		{"key a number", `{"key":1,"value":1}`, []map[string]string{{"field": "key", "value": "1", "reason": "wrongType"}}},
		{"names in other cases", `{"Key":"k","VALUE":1}`, []map[string]string{{"field": "key", "reason": "required"}, {"field": "value", "reason": "required"}}},
		{"a key with a line break", `{"key":"k\n","value":1}`, []map[string]string{{"field": `context["k\n"]`, "reason": "malformed"}}},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			assert.Equal(t, tc.details, s.shopper("s1").do("POST", "/me/context/attributes", tc.body).must(400).problem().Details)
			assert.Zero(t, s.resolver.Stats().Writes)
		})
	}
}

func TestAttributes_AnyJSONValueUnderAnyPrintableName(t *testing.T) {
	s := newShop(t)
	c := s.shopper("s1")
	for i, value := range []string{`{"a":{"b":[]}}`, `[]`, `""`, `"x"`, `0`, `-1.50e-3`, `true`, `false`, `12345678901234567890123`, `{"nested":null}`} {
		for _, name := range []string{"k", "gift wrap", "a/b", "%2F", "ü", "日本", "a?b#c", `q"uo\te`, "..", "a;b=c", "x&y", strings.Repeat("n", 64)} {
			body := `{"key":` + quote(name) + `,"value":` + value + `}`
			a := c.do("POST", "/me/context/attributes", body).must(201)
			assert.JSONEq(t, quote(name), a.body)
			assert.Equal(t, "application/json", a.Header.Get("Content-Type"))
			now := c.do("GET", "/me/context", "")
			assert.Equal(t, value, string(now.context().Context[name]))
			assert.Equal(t, now.Header.Get("ETag"), a.Header.Get("ETag"))
			if i%2 == 0 {
				c.do("DELETE", "/me/context/attributes/"+escape(name), "").must(204)
				assert.NotContains(t, c.do("GET", "/me/context", "").context().Context, name)
			} else {
				s.operator().do("DELETE", "/context/s1/attributes/"+escape(name), "").must(204)
				assert.NotContains(t, s.operator().do("GET", "/context/s1", "").context().Context, name)
			}
		}
	}
}

func TestAttributes_RemovingAnAbsentOneIsNoError(t *testing.T) {
	s := newShop(t)
	c := s.shopper("s1")
	c.do("DELETE", "/me/context/attributes/a", "").must(204)
	assert.Zero(t, s.resolver.Stats().Writes)
	c.do("PATCH", "/me/context", `{"context":{"a":1}}`).must(204)
	first := s.version("s1")
	for range 2 {
		a := c.do("DELETE", "/me/context/attributes/a", "").must(204)
		assert.Empty(t, a.body)
		assert.Equal(t, c.do("GET", "/me/context", "").Header.Get("ETag"), a.Header.Get("ETag"))
	}
	s.operator().do("DELETE", "/context/s1/attributes/a", "").must(204)
	assert.Equal(t, first+1, s.version("s1"))
	c.do("DELETE", "/me/context/attributes/", "").must(400)
	c.do("DELETE", "/me/context/attributes/"+strings.Repeat("n", 65), "").must(413)
	s.operator().do("DELETE", "/context/nosuch/attributes/a", "").must(404)
	s.operator().do("POST", "/context/nosuch/attributes", `{"key":"k","value":1}`).must(404)
	s.operator().do("POST", "/context/s1/attributes", `{"key":"k","value":1}`).must(204)
}

func TestBody_RefusalSaysWhatToMend(t *testing.T) {
	const json = "application/json"
	for _, tc := range []struct {
		desc, body string
		types      []string
		want       int
		detail     string
	}{
		{"nothing", "", []string{json}, 400, "The body is empty: it must be a JSON object."},
		{"white space", " \r\n", []string{json}, 400, "The body is empty: it must be a JSON object."},
		{"a byte order mark", "\uFEFF{}", []string{json}, 400, "The body begins with a byte order mark: it must be UTF-8 without one."},
		{"the mark of UTF-16", "\xff\xfe{\x00}\x00", []string{json}, 400, "The body begins with a byte order mark: it must be UTF-8 without one."},
		{"the mark of UTF-16, the other way round", "\xfe\xff\x00{\x00}", []string{json}, 400, "The body begins with a byte order mark: it must be UTF-8 without one."},
		{"two types", "{}", []string{json, "text/plain"}, 415, "The body must be application/json or application/merge-patch+json."},
		{"a type and nothing", "{}", []string{json, ""}, 415, "The body must be application/json or application/merge-patch+json."},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			s := newShop(t)
			r := httptest.NewRequest(http.MethodPatch, "/session-context/demoshop/me/context", strings.NewReader(tc.body))
			r.Header.Set("Authorization", "Bearer "+claims{Tenant: "demoshop", Session: "s1"}.sign(t))
			r.Header["Content-Type"] = tc.types
			w := httptest.NewRecorder()
			s.handler.ServeHTTP(w, r)
			assert.Equal(t, tc.want, w.Code)
			assert.Contains(t, w.Body.String(), `"detail":"`+tc.detail+`"`)
		})
	}
}

// A client that waits for 100 (RFC 9110, section 10.1.1) must not be asked for a body that is
// refused.
func TestBody_ThatSaysItIsTooLargeIsNotRead(t *testing.T) {
	s := newShop(t)
	body := strings.NewReader(strings.Repeat(" ", 32<<10+1))
	r := httptest.NewRequest(http.MethodPatch, "/session-context/demoshop/me/context", body)
	r.Header.Set("Authorization", "Bearer "+claims{Tenant: "demoshop", Session: "s1"}.sign(t))
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	assert.Equal(t, http.StatusRequestEntityTooLarge, w.Code)
	assert.Equal(t, 32<<10+1, body.Len())
}
