package contract_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// contract is the document, and what was seen of it.
type contract struct {
	doc    *openapi3.T
	routes map[string]*routers.Route // by operation id
	seen   map[string]bool           // "operation status"
}

// load reads the document from the handler itself.
func load(t *testing.T, h http.Handler) *contract {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/session-context/demoshop/openapi.json", nil))
	require.Equal(t, http.StatusOK, w.Code)
	doc, err := openapi3.NewLoader().LoadFromData(w.Body.Bytes())
	require.NoError(t, err)
	require.NoError(t, doc.Validate(t.Context()))
	require.True(t, strings.HasPrefix(doc.OpenAPI, "3.1."), doc.OpenAPI)
	c := &contract{doc, make(map[string]*routers.Route), make(map[string]bool)}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			require.NotContains(t, c.routes, op.OperationID)
			c.routes[op.OperationID] = &routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: op}
		}
	}
	return c
}

// Generated clients name their methods and arguments by these.
func TestContract_NamesAreThoseOfTheService(t *testing.T) {
	c := load(t, newShop(t).Handler)
	for _, tc := range []struct{ desc, operation, method, path string }{
		{"the own context", "GET-session-context-retrieve-session-context-by-sessionId", "GET", "/session-context/{tenant}/me/context"},
		{"a change of it", "PATCH-session-context-update-attribute-sessionId-storefront", "PATCH", "/session-context/{tenant}/me/context"},
		{"an own attribute", "POST-session-context-add-attribute-own-sessionId", "POST", "/session-context/{tenant}/me/context/attributes"},
		{"an own attribute, removed", "DELETE-session-context-remove-attribute-sessionId", "DELETE", "/session-context/{tenant}/me/context/attributes/{attributeName}"},
		{"any context", "GET-session-context-retrieve-session-context", "GET", "/session-context/{tenant}/context/{sessionId}"},
		{"any context, replaced", "PUT-session-context-update-session-context", "PUT", "/session-context/{tenant}/context/{sessionId}"},
		{"an attribute of any context", "POST-session-context-add-attribute-sessionId", "POST", "/session-context/{tenant}/context/{sessionId}/attributes"},
		{"an attribute of any context, removed", "DELETE-session-context-remove-attribute", "DELETE", "/session-context/{tenant}/context/{sessionId}/attributes/{attributeName}"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			r := c.routes[tc.operation]
			require.NotNil(t, r)
			assert.Equal(t, tc.method+" "+tc.path, r.Method+" "+r.Path)
			var inPath []string
			for _, p := range append(r.PathItem.Parameters, r.Operation.Parameters...) {
				if p.Value.In == "path" {
					inPath = append(inPath, "{"+p.Value.Name+"}")
				}
			}
			for _, name := range inPath {
				assert.Contains(t, r.Path, name)
			}
			assert.Len(t, inPath, strings.Count(r.Path, "{"))
		})
	}
	assert.Len(t, c.routes, 9, "those, and the document itself")
}

// exchange is one request, and the status that the document has for it.
type exchange struct {
	desc, operation string
	status          int
	tenant          string // default: demoshop
	sessionID, name string
	query, body     string
	header          http.Header
	shop            func(*settings) // what is different about the shop
}

// path returns the request's path and the values of its parameters.
func (e *exchange) path(template string) (string, map[string]string) {
	params := map[string]string{"tenant": cmp.Or(e.tenant, "demoshop"), "sessionId": cmp.Or(e.sessionID, "s1"), "attributeName": cmp.Or(e.name, "gift wrap/ü")}
	for name, value := range params {
		hole := "{" + name + "}"
		if !strings.Contains(template, hole) {
			delete(params, name)
		}
		template = strings.ReplaceAll(template, hole, url.PathEscape(value))
	}
	return template, params
}

// run sends a request and holds the answer to the document: status, headers, content type and body.
// What a request may look like is held to the document too, where the server took it.
func (c *contract) run(ctx context.Context, h http.Handler, e exchange) (status int, err error) {
	route := c.routes[e.operation]
	if route == nil {
		return 0, fmt.Errorf("no operation %q", e.operation)
	}
	path, params := e.path(route.Path)
	r := httptest.NewRequest(route.Method, "https://shop.example"+path+e.query, strings.NewReader(e.body))
	if e.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, values := range e.header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)

	input := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{
			MultiError: true, IncludeResponseStatus: true,
			AuthenticationFunc: func(context.Context, *openapi3filter.AuthenticationInput) error { return nil },
		},
	}
	if w.Code < 400 {
		r.Body = io.NopCloser(strings.NewReader(e.body))
		if err := openapi3filter.ValidateRequest(ctx, input); err != nil {
			return w.Code, fmt.Errorf("the server took a request that the document does not know: %w", err)
		}
	}
	output := &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: w.Code, Header: w.Header(), Options: input.Options}
	output.SetBodyBytes(w.Body.Bytes())
	err = errors.Join(openapi3filter.ValidateResponse(ctx, output), exact(route, w))
	if err != nil {
		return w.Code, fmt.Errorf("%s %s: %d %s: %w", route.Method, path, w.Code, w.Body, err)
	}
	c.seen[fmt.Sprintf("%s %d", e.operation, w.Code)] = true
	return w.Code, nil
}

// exact closes the gaps of the validator: it lets bodies pass where the document has none, and
// headers that the document does not name, and it cannot read when Retry-After is left out.
func exact(route *routers.Route, w *httptest.ResponseRecorder) error {
	response := route.Operation.Responses.Status(w.Code)
	if response == nil {
		return errors.New("the status is not documented")
	}
	contentType := w.Header().Get("Content-Type")
	if content := response.Value.Content; len(content) == 0 && (w.Body.Len() > 0 || contentType != "") {
		return errors.New("the document knows no body")
	} else if len(content) > 0 && (content[contentType] == nil || !json.Valid(w.Body.Bytes())) {
		return fmt.Errorf("the body is no %s", contentType)
	}
	for name := range w.Header() {
		switch name {
		case "Content-Type", "Content-Length", "Set-Cookie":
			continue
		}
		if !slices.ContainsFunc(headerNames(response.Value.Headers), func(known string) bool { return http.CanonicalHeaderKey(known) == name }) {
			return fmt.Errorf("the header %s is not documented", name)
		}
	}
	unknownOutcome := strings.Contains(w.Body.String(), "/session-context/problems/unknown-outcome")
	if w.Code == http.StatusServiceUnavailable && unknownOutcome == (w.Header().Get("Retry-After") != "") {
		return errors.New("Retry-After must be there, except where the outcome is unknown")
	}
	return nil
}

func headerNames(h openapi3.Headers) (names []string) {
	for name := range h {
		names = append(names, name)
	}
	return names
}

// missing returns what the document promises and nothing has shown.
func (c *contract) missing() (missing []string) {
	for id, route := range c.routes {
		for status := range route.Operation.Responses.Map() {
			if key := id + " " + status; !c.seen[key] {
				missing = append(missing, key)
			}
		}
	}
	slices.Sort(missing)
	return missing
}

func TestContract_EveryDocumentedStatusOccursAndNoOther(t *testing.T) {
	c := load(t, newShop(t))
	for _, e := range exchanges(t) {
		t.Run(fmt.Sprintf("%s %d %s", e.operation, e.status, e.desc), func(t *testing.T) {
			s := newShop(t, e.shop)
			e.body = s.state(e.sessionID, e.body)
			status, err := c.run(t.Context(), s, e)
			require.NoError(t, err)
			require.Equal(t, e.status, status)
		})
	}
	assert.Empty(t, c.missing(), "documented, and never seen")
	t.Logf("%d operations, %d statuses", len(c.routes), len(c.seen))
}

// TestContract_WhateverIsSentTheAnswerIsDocumented sends everything everywhere.
func TestContract_WhateverIsSentTheAnswerIsDocumented(t *testing.T) {
	s := newShop(t)
	c := load(t, s)
	bodies := []string{
		``, `{}`, `null`, `[]`, `{`, `{"currency":"CHF"}`, `{"currency":"JPY","language":"xx","siteCode":"nosuch","targetLocation":"Germany"}`, `{"currency":1,"context":2,"metadata":3}`,
		`{"currency":"CHF","metadata":{"version":NOW}}`, `{"currency":"CHF","metadata":{"version":0}}`, `{"metadata":{"version":BEFORE}}`, `{"context":{"a":{"b":null}}}`, `{"context":{"":1,"a\nb":2}}`, `{"key":"k","value":[1]}`, `{"key":"","value":null}`,
		`{"key":"` + strings.Repeat("k", 99) + `","value":"` + strings.Repeat("v", 2000) + `"}`, `{"x":"` + strings.Repeat("x", 40000) + `"}`, "\xff", `{"a":1,"a":2}`, `{"cartId":"c","context":null}`,
	}
	headers := []http.Header{
		{}, shopper("s1", ""), shopper("s2", "anna"), shopper("", "anna"), operator("demoshop"), operator("othershop"), s.cookie(), {"Authorization": {"Bearer x"}},
		with(shopper("s1", ""), "If-Match", `"x"`), with(operator("demoshop"), "If-Match", "*"), with(s.cookie(), "Sec-Fetch-Site", "cross-site"), with(shopper("s1", ""), "If-None-Match", "*"),
		with(operator("demoshop"), "Content-Type", "text/plain"), with(shopper("s1", ""), "Content-Type", "text/plain"),
	}
	queries := []string{"", "?explain=true&upsert=true", "?explain=x&upsert=y"}
	sent := 0
	send := func(e exchange) {
		sent++
		_, err := c.run(t.Context(), s, e)
		require.NoError(t, err)
	}
	for id, route := range c.routes {
		for _, header := range headers {
			for _, query := range queries {
				send(exchange{operation: id, header: header, query: query, body: `{}`})
			}
			if route.Operation.RequestBody != nil {
				for _, body := range bodies {
					body = s.state("s1", body)
					send(exchange{operation: id, header: header, body: body})
				}
			} else {
				for _, name := range []string{strings.Repeat("n", 99), "a\nb", ".."} {
					send(exchange{operation: id, header: header, name: name})
				}
			}
		}
	}
	t.Logf("%d requests, %d statuses", sent, len(c.seen))
}

// TestContract_SeesUndocumentedAnswers proves that an answer that is not documented would be found.
func TestContract_SeesUndocumentedAnswers(t *testing.T) {
	s := newShop(t)
	c := load(t, s)
	answer := func(change func(*httptest.ResponseRecorder)) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			s.ServeHTTP(rec, r)
			change(rec)
			for name, values := range rec.Header() {
				w.Header()[name] = values
			}
			w.WriteHeader(rec.Code)
			_, _ = rec.Body.WriteTo(w)
		})
	}
	replace := func(old, by string) func(*httptest.ResponseRecorder) {
		return func(rec *httptest.ResponseRecorder) {
			rec.Body = bytes.NewBufferString(strings.ReplaceAll(rec.Body.String(), old, by))
		}
	}
	cases := []struct {
		desc   string
		change func(*httptest.ResponseRecorder)
	}{
		{"another status", func(rec *httptest.ResponseRecorder) { rec.Code = 202 }},
		{"a status of another operation", func(rec *httptest.ResponseRecorder) { rec.Code = 409 }},
		{"a member of another type", replace(`"version":0`, `"version":"0"`)},
		{"a mark that is false", replace(`"siteCode"`, `"profileMissing":false,"siteCode"`)},
		{"a member too few", replace(`"siteCode":"main",`, ``)},
		{"a member too many", replace(`"siteCode"`, `"site":"main","siteCode"`)},
		{"a currency in small letters", replace(`"EUR"`, `"eur"`)},
		{"an attribute that is null", replace(`"context":{}`, `"context":{"a":null}`)},
		{"another content type", func(rec *httptest.ResponseRecorder) { rec.Header().Set("Content-Type", "text/html") }},
		{"a header that stores", func(rec *httptest.ResponseRecorder) { rec.Header().Set("Cache-Control", "max-age=60") }},
		{"a header too few", func(rec *httptest.ResponseRecorder) { rec.Header().Del("X-Content-Type-Options") }},
		{"a header too many", func(rec *httptest.ResponseRecorder) { rec.Header().Set("X-Powered-By", "us") }},
		{"a weak tag", func(rec *httptest.ResponseRecorder) { rec.Header().Set("ETag", "W/"+rec.Header().Get("ETag")) }},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			e := exchange{operation: "GET-session-context-retrieve-session-context-by-sessionId", header: shopper("fresh", "")}
			_, err := c.run(t.Context(), s, e)
			require.NoError(t, err)
			_, err = c.run(t.Context(), answer(tc.change), e)
			assert.Error(t, err)
		})
	}
}
