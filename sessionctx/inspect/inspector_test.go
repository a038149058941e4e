package inspect_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/inspect"
	"github.com/sessionctx/storefront/sessionctx/sessiontest"
)

func TestNew_NamesEachMistake(t *testing.T) {
	_, err := inspect.New(inspect.Config{})
	require.Error(t, err)
	assert.Equal(t, "inspect.Config.Resolver: is required\ninspect.Config.Authorize: is required", err.Error())
	var mistake *sessionctx.ConfigError
	require.ErrorAs(t, err, &mistake)
	assert.Equal(t, "inspect.Config.Resolver", mistake.Field)
}

func TestThreat_OpenInspector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		w := newWorld(t, func(w *world, _ *sessionctx.Config, cfg *inspect.Config) {
			cfg.Authorize = func(r *http.Request) bool {
				asked = append(asked, r.Method+" "+r.URL.RequestURI())
				return r.Header.Get("Authorization") == "operator"
			}
			cfg.Request = func(*http.Request) (sessionctx.Request, error) {
				t.Error("the host's Request was asked")
				return sessionctx.Request{}, nil
			}
		})
		defer w.close()
		requests := []*http.Request{
			httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRequest(http.MethodHead, "/", nil), httptest.NewRequest(http.MethodGet, "/?format=json", nil),
			httptest.NewRequest(http.MethodGet, "/?asset=inspect.css", nil), httptest.NewRequest(http.MethodDelete, "/", nil),
			formRequest("/", url.Values{"tenant": {"demoshop"}, "sessionId": {sessionID}}),
		}
		for _, r := range requests {
			answer := w.serve(r)
			assert.Equal(t, http.StatusForbidden, answer.Code)
			assert.Equal(t, "not authorized\n", answer.Body.String())
		}
		assert.Len(t, asked, len(requests))
		assert.Zero(t, w.backend.Loads.Calls(), "the store was asked for a stranger")
		assert.Zero(t, w.directory.SiteCalls.Calls(), "the directory was asked for a stranger")
	})
}

func TestServe_AnswersEachRequestByItsRules(t *testing.T) {
	request := func(method, target string, headers ...string) *http.Request {
		r := httptest.NewRequest(method, target, nil)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		return r
	}
	form := func(body string, headers ...string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/inspect", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		return r
	}
	const html, jsonType, text = "text/html; charset=utf-8", "application/json", "text/plain; charset=utf-8"
	for _, tc := range []struct {
		desc    string
		request *http.Request
		status  int
		kind    string
	}{
		{"the page", request("GET", "/"), 200, html},
		{"the page below a path", request("GET", "/ops/inspect/"), 200, html},
		{"its head", request("HEAD", "/"), 200, html},
		{"a browser asks", request("GET", "/", "Accept", "text/html,application/xhtml+xml,application/json;q=0.9"), 200, html},
		{"Accept asks for JSON", request("GET", "/", "Accept", "Application/JSON"), 200, jsonType},
		{"the query asks for JSON", request("GET", "/?format=json", "Accept", "text/html"), 200, jsonType},
		{"the query asks for HTML", request("GET", "/?format=html", "Accept", "application/json"), 200, html},
		{"another format", request("GET", "/?format=xml"), 400, text},
		{"the style", request("GET", "/x?asset=inspect.css"), 200, "text/css; charset=utf-8"},
		{"the script", request("HEAD", "/?asset=inspect.js"), 200, "text/javascript; charset=utf-8"},
		{"the icon", request("GET", "/?asset=icon.svg"), 200, "image/svg+xml"},
		{"the template is no asset", request("GET", "/?asset=page.html"), 404, text},
		{"an asset outside of its folder", request("GET", "/?asset=../doc.go"), 404, text},
		{"an asset is only read", request("POST", "/?asset=inspect.css"), 405, text},
		{"another method", request("PUT", "/"), 405, text},
		{"a form", form("tenant=demoshop"), 200, html},
		{"an empty form", form(""), 200, html},
		{"a form that asks for JSON", form("tenant=demoshop", "Accept", "application/json"), 200, jsonType},
		{"no form", form(`{"tenant":"demoshop"}`, "Content-Type", "application/json"), 415, text},
		{"a form without a type", form("tenant=demoshop", "Content-Type", ""), 415, text},
		{"a form that is too large", form("tenant=" + strings.Repeat("a", 17<<10)), 413, text},
		{"a form that is compressed", form("tenant=demoshop", "Content-Encoding", "gzip"), 415, text},
		{"a form with a field twice", form("tenant=demoshop&tenant=othershop"), 400, text},
		{"a form that is none", form("tenant=%zz"), 400, text},
		{"a form of another site", form("tenant=demoshop", "Sec-Fetch-Site", "cross-site"), 403, text},
		{"a form of another origin", form("tenant=demoshop", "Origin", "https://evil.example"), 403, text},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			var answer *httptest.ResponseRecorder
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.close()
				answer = w.serve(tc.request)
			})
			assert.Equal(t, tc.status, answer.Code)
			h := answer.Header()
			assert.Equal(t, tc.kind, h.Get("Content-Type"))
			assert.Equal(t, tc.desc == "a form that is compressed", h.Get("Accept-Encoding") == "identity")
			assert.Equal(t, "private, no-store", h.Get("Cache-Control"))
			assert.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
			assert.Equal(t, "same-origin", h.Get("Referrer-Policy"))
			assert.Contains(t, h.Get("Content-Security-Policy"), "default-src 'none'")
			assert.NotContains(t, h.Get("Content-Security-Policy"), "unsafe")
			assert.Empty(t, h.Values("Set-Cookie"))
			assert.Equal(t, tc.status == http.StatusMethodNotAllowed, h.Get("Allow") != "")
		})
	}
}

// The page may not need what its policy forbids: code and style of its own text, and what others
// serve.
func TestPage_NeedsNothingThatItsPolicyForbids(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		page := w.get("/").Body.String()
		for part := range strings.SplitSeq(page, "<") {
			tag, _, _ := strings.Cut(part, ">")
			assert.NotRegexp(t, `(?i)^style|\sstyle=|\son[a-z]+=|javascript:|//`, tag)
		}
		assert.Equal(t, 1, strings.Count(page, "<script"))
		assert.Contains(t, page, `<script src="?asset=inspect.js" defer></script>`)
	})
}

func TestThreat_InspectedPerson(t *testing.T) {
	broken := errors.New("refused: session " + sessionID + ", customer " + customerID + " of 12 Main Street")
	for _, tc := range []struct {
		desc  string
		state func(w *world)
	}{
		{"all is well", func(*world) {}},
		{"the store fails", func(w *world) {
			w.backend.Loads.Always(sessiontest.Fail(broken))
			w.resolver.Invalidate("", "")
		}},
		{"the directory fails", func(w *world) {
			w.directory.SiteCalls.Always(sessiontest.Fail(broken))
			w.directory.CustomerCalls.Always(sessiontest.Fail(broken))
			w.resolver.Invalidate("", "")
		}},
		{"the host refuses the request", func(w *world) { w.ownErr = broken }},
		{"the resolver is closed", func(w *world) { assert.NoError(w.t, w.resolver.Close()) }},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.close()
				base := w.update(sessionctx.Patch{
					Currency: sessionctx.Set("CHF"), CartID: sessionctx.Set(cartID), Attributes: map[string]json.RawMessage{"attribute-of-ann": json.RawMessage(`"x"`)},
				}).Revision()
				w.update(sessionctx.Patch{CartID: sessionctx.Set(cartID + "-2")})
				_, err := w.resolver.Update(t.Context(), w.own, sessionctx.Patch{Base: &base, CartID: sessionctx.Set("other")})
				require.ErrorIs(t, err, sessionctx.ErrConflict)
				w.resolve(w.own)
				tc.state(w)
				time.Sleep(time.Minute)
				for _, target := range []string{"/", "/?format=json"} {
					isSecret(t, w.get(target).Body.String())
					for _, form := range []url.Values{
						{"tenant": {"demoshop"}, "sessionId": {sessionID}},
						{"tenant": {"demoshop"}, "customerId": {customerID}},
						{"tenant": {"demoshop"}, "sessionId": {sessionID}, "customerId": {customerID}},
						{"tenant": {"nowhere"}, "sessionId": {sessionID}},
						{"tenant": {"demoshop"}, "sessionId": {sessionID + strings.Repeat("x", 300)}},
					} {
						answer := w.serve(formRequest(target, form))
						assert.Equal(t, http.StatusOK, answer.Code)
						isSecret(t, answer.Body.String())
						for name, values := range answer.Header() {
							isSecret(t, name+fmt.Sprint(values))
						}
					}
				}
			})
		})
	}
}

// What a site has is no secret, and may be anything.
func TestMistakes_AreTextAndBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		all := sites()
		all[0].Currencies = []string{"<b>&\"'", "\u202eevil", strings.Repeat("é", 500), "bad\xff"}
		for n := range 300 {
			all[0].Languages = append(all[0].Languages, fmt.Sprint("no language ", n))
		}
		w.directory.Static["demoshop"] = sessionctx.StaticTenant{Sites: all}
		w.resolve(sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop"}})
		r := w.json()
		require.Len(t, r.Mistakes, 100)
		assert.Equal(t, `<b>&"'`, r.Mistakes[0].Value)
		assert.Equal(t, "demoshop main currencies[0] not offered", strings.Join([]string{r.Mistakes[0].Tenant, r.Mistakes[0].Site, r.Mistakes[0].Field, r.Mistakes[0].Effect}, " "))
		assert.LessOrEqual(t, len(r.Mistakes[2].Value), 130)
		assert.True(t, strings.HasSuffix(r.Mistakes[2].Value, "é…"), r.Mistakes[2].Value)
		assert.Equal(t, "bad\uFFFD", r.Mistakes[3].Value)
		page := w.get("/").Body.String()
		assert.NotContains(t, page, "<b>&")
		assert.Contains(t, page, "&lt;b&gt;&amp;&#34;&#39;")
	})
}

func TestState_SaysHowThingsAre(t *testing.T) {
	down := sessiontest.Fail(errors.New("down"))
	for _, tc := range []struct {
		desc                           string
		lease                          bool
		state                          func(w *world)
		store, cache, directory, title string
	}{
		{"all is well", false, func(*world) {}, "answers", "valid", "answers", "Everything answers"},
		{"the lease is extended", true, func(w *world) { w.extendLease(time.Minute) }, "answers", "valid", "answers", "Everything answers"},
		{"the lease has ended", true, func(w *world) { w.extendLease(time.Second); time.Sleep(2 * time.Second) }, "answers", "off", "answers", "The cache is off"},
		{"the store fails", false, func(w *world) { w.backend.Loads.Always(down) }, "fails", "valid", "answers", "The store does not answer"},
		{"the store hangs", false, func(w *world) {
			w.backend.Loads.Always(sessiontest.Stall)
			for n := range 4 {
				w.own.SessionID = fmt.Sprint("another-", n)
				w.resolve(w.own)
			}
		}, "hangs", "valid", "answers", "The store hangs"},
		{"the directory fails", false, func(w *world) {
			w.directory.SiteCalls.Always(down)
			assert.Error(w.t, w.resolver.Refresh(w.t.Context(), "demoshop", ""))
		}, "answers", "valid", "fails", "The directory does not answer"},
		{"the resolver is closed", false, func(w *world) { assert.NoError(w.t, w.resolver.Close()) }, "closed", "off", "answers", "The resolver is closed"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var options []option
				if tc.lease {
					options = append(options, withLease)
				}
				w := newWorld(t, options...)
				defer w.close()
				w.resolve(w.own)
				tc.state(w)
				s := w.json().State
				assert.Equal(t, []string{tc.store, tc.cache, tc.directory}, []string{s.Store, s.Cache, s.Directory})
				assert.Equal(t, tc.lease || tc.cache == "off", s.LeaseSeconds != nil, "null is a lease without end")
				assert.Contains(t, w.get("/").Body.String(), `">`+tc.title+"</h1>")
				w.backend.Loads.Always(nil)
			})
		})
	}
}

func TestConflicts_AreTheLastOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		assert.Contains(t, w.get("/").Body.String(), "None since this process began.")
		base := w.update(sessionctx.Patch{Currency: sessionctx.Set("CHF")}).Revision()
		w.update(sessionctx.Patch{Currency: sessionctx.Set("EUR"), Language: sessionctx.Set("fr")})
		for range 20 {
			time.Sleep(time.Second)
			_, err := w.resolver.Update(t.Context(), w.own, sessionctx.Patch{Base: &base, Currency: sessionctx.Set("CHF"), Language: sessionctx.Set("de")})
			require.ErrorIs(t, err, sessionctx.ErrConflict)
		}
		r := w.json()
		require.Len(t, r.Conflicts, 20)
		assert.Equal(t, []string{"currency", "language"}, r.Conflicts[0].Fields)
		assert.Equal(t, "demoshop", r.Conflicts[0].Tenant)
		assert.True(t, r.Conflicts[0].At.Equal(time.Now()))
		assert.Contains(t, w.get("/").Body.String(), "and 12 earlier, in the JSON")
	})
}

func TestServe_ManyMayLookAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		var wg sync.WaitGroup
		for n := range 8 {
			wg.Go(func() {
				for range 10 {
					w.resolve(sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: fmt.Sprint("s", n), Proof: sessionctx.Asserted}})
					assert.Equal(t, http.StatusOK, w.get("/").Code)
					assert.Equal(t, http.StatusOK, w.post(url.Values{"tenant": {"demoshop"}, "customerId": {customerID}}).Code)
				}
			})
		}
		wg.Wait()
	})
}
