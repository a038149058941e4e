package rest_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware/rest"
)

// FuzzMergePatch: a body that is accepted can be written out again, says the same then, and is one
// that any reader of JSON understands in the same way.
func FuzzMergePatch(f *testing.F) {
	for _, tc := range hostileBodies {
		f.Add([]byte(tc.body))
	}
	for _, body := range []string{
		`{}`, `{"siteCode":"main","currency":null,"targetLocation":"DE","language":"de","context":{"a":[1,{"b":null}],"c":null},"metadata":{"version":7}}`, `{"metadata":{"version":0}}`,
		`{"context":null,"metadata":null}`, `{"context":{"\ud83d\ude00":"\\ud800"},"metadata":{"version":9223372036854775807,"createdAt":"x"}}`,
		"{ \"context\" : { \"a\" : [ 1 ,\n\t2 ] } }", `{"Currency":"EUR","x":{"y":[[[[1e308]]]]}}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		const depth = 8
		p, err := rest.ParseMergePatch(body, depth)
		if err != nil {
			answer, status := rest.ProblemFor(err)
			require.Equal(t, http.StatusBadRequest, status)
			require.True(t, utf8.Valid(answer) && json.Valid(answer))
			require.Less(t, len(answer), 1000+200*len(body), "hostile input is cut")
			return
		}
		require.True(t, utf8.Valid(body))
		var plain map[string]any
		require.NoError(t, json.Unmarshal(body, &plain))
		for name, value := range p.Attributes {
			require.True(t, json.Valid(value), "%q", name)
			require.Equal(t, compacted(t, value), string(value), "white space decides nothing")
			context, _ := plain["context"].(map[string]any)
			require.Contains(t, context, name)
		}
		if p.Base != nil {
			require.GreaterOrEqual(t, p.Base.Version, int64(0))
			require.Zero(t, p.Base.Incarnation)
		}

		again, err := rest.EncodeMergePatch(p)
		require.NoError(t, err)
		q, err := rest.ParseMergePatch(again, depth)
		require.NoError(t, err, "%s", again)
		twice, err := rest.EncodeMergePatch(q)
		require.NoError(t, err)
		require.Equal(t, string(again), string(twice))
		for name := range p.Attributes {
			require.JSONEq(t, string(p.Attributes[name]), string(q.Attributes[name]))
		}
		p.Attributes, q.Attributes = nil, nil
		require.Equal(t, p, q)
	})
}

func compacted(t *testing.T, value json.RawMessage) string {
	var b bytes.Buffer
	require.NoError(t, json.Compact(&b, value))
	return b.String()
}

var tenantRule = regexp.MustCompile(`^[a-z][a-z0-9]{2,15}\z`)

// FuzzTarget: a path that is accepted can be built again from its parts, and says the same then.
func FuzzTarget(f *testing.F) {
	for _, path := range []string{
		"/session-context/demoshop/me/context", "/session-context/demoshop/me/context/attributes", "/session-context/demoshop/me/context/attributes/a%2Fb/c",
		"/session-context/demoshop/context/s%201/attributes/%2e%2E", "/session-context/demoshop/context/s1", "/session-context/demoshop/openapi.json",
		"/session-context/%64emoshop/me/context", "/session-context//me/context", "/session-context/demoshop/context//", "/session-context/a\n/openapi.json",
		"/session-context/demoshop/context/%FF", "/session-context/demoshop/context/%", "/session-context/demoshop/../x",
	} {
		f.Add(path)
	}
	s := newShop(f)
	f.Fuzz(func(t *testing.T, path string) {
		got, err := rest.ParseTarget(path)
		if err != nil {
			_, status := rest.ProblemFor(err)
			require.Contains(t, []int{http.StatusBadRequest, http.StatusNotFound}, status)
			require.Zero(t, got.Tenant+got.SessionID+got.Name)
		} else {
			require.Regexp(t, tenantRule, got.Tenant)
			require.True(t, utf8.ValidString(got.SessionID) && utf8.ValidString(got.Name))
			base := rest.Prefix + got.Tenant
			built := map[uint8]string{
				1: base + "/me/context",
				2: base + "/me/context/attributes",
				3: base + "/me/context/attributes/" + url.PathEscape(got.Name),
				4: base + "/context/" + url.PathEscape(got.SessionID),
				5: base + "/context/" + url.PathEscape(got.SessionID) + "/attributes",
				6: base + "/context/" + url.PathEscape(got.SessionID) + "/attributes/" + url.PathEscape(got.Name),
				7: base + "/openapi.json",
			}[got.Resource]
			again, err := rest.ParseTarget(built)
			require.NoError(t, err, "%q", built)
			require.Equal(t, got, again)
		}
		// Whatever a server makes of it, nobody without credentials gets anything but the document.
		u, err := url.ParseRequestURI(path)
		if err != nil || u.Host != "" {
			return
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL = u
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		if got.Resource == 7 {
			return
		}
		require.Contains(t, []int{400, 401, 404, 405}, w.Code)
		require.True(t, json.Valid(w.Body.Bytes()))
	})
}
