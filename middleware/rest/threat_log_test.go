package rest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// paper is a log that many may write at once.
type paper struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (p *paper) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.Write(b)
}

func (p *paper) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.String()
}

// gossip is a store and a directory whose errors and panics say what they were asked for, as those
// of databases and HTTP clients do.
type gossip struct {
	*memstore.Store
	sessionctx.Static
	store, directory atomic.Value // "", "error" or "panic"
}

func (g *gossip) tell(v *atomic.Value, what string) error {
	switch v.Load() {
	case "error":
		return &url.Error{Op: "Get", URL: "https://backend.internal/" + url.PathEscape(what), Err: errors.New("refused: " + what)}
	case "panic":
		panic("no connection for " + what)
	}
	return nil
}

func (g *gossip) Load(ctx context.Context, key store.Key) (store.Record, error) {
	if err := g.tell(&g.store, key.ID); err != nil {
		return store.Record{}, err
	}
	return g.Store.Load(ctx, key)
}

func (g *gossip) Save(ctx context.Context, key store.Key, rec store.Record, base sessionctx.Revision) (store.Record, error) {
	if err := g.tell(&g.store, key.ID+" of "+rec.CustomerID+" with "+fmt.Sprint(rec.Carts)); err != nil {
		return store.Record{}, err
	}
	return g.Store.Save(ctx, key, rec, base)
}

func (g *gossip) Sites(ctx context.Context, tenant string) ([]defaults.Site, error) {
	return g.Static.Sites(ctx, tenant)
}

func (g *gossip) Customer(ctx context.Context, tenant, id string) (defaults.Customer, error) {
	if err := g.tell(&g.directory, id); err != nil {
		return defaults.Customer{}, err
	}
	return g.Static.Customer(ctx, tenant, id)
}

// Whoever reads logs or error texts learns no session id, token, cookie, customer or cart, whatever
// fails and whatever was sent.
func TestThreat_LogLeak(t *testing.T) {
	handlers := map[string]func(io.Writer, *slog.HandlerOptions) slog.Handler{
		"text": func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewTextHandler(w, o) },
		"JSON": func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewJSONHandler(w, o) },
	}
	for desc, handler := range handlers {
		t.Run(desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testLogLeak(t, handler) })
		})
	}
}

func testLogLeak(t *testing.T, handler func(io.Writer, *slog.HandlerOptions) slog.Handler) {
	const sid, customer, cart, guess = "sid-7f3a9c/é", "cust-4b1d&é", "cart-99aa", "guess-0123456789-0123456789-0123456789-0123"
	log := &paper{}
	logger := slog.New(handler(log, &slog.HandlerOptions{Level: slog.Level(-100), AddSource: false}))
	g := &gossip{Store: &memstore.Store{}, Static: demoshop()}
	g.store.Store("")
	g.directory.Store("")
	tokens := newVerifier(t)
	var hook atomic.Value
	hook.Store("")
	s := newShop(t, func(c *settings) {
		c.sessions.Store, c.sessions.Directory, c.sessions.Logger, c.rest.Logger = g, g, logger, logger
		c.sessions.OnChange = func(_ context.Context, before, after sessionctx.Session) {
			switch hook.Load() {
			case "text":
				panic(fmt.Sprintf("%+v %+v %s %q %s", before, after, after.ID, after.CustomerID, after.CartID))
			case "value":
				panic([]sessionctx.Session{before, after})
			}
		}
		c.middleware.Identify = func(r *http.Request) (sessionctx.Identity, error) {
			if r.Header.Get("X-Broken") != "" { // the host's own mistake
				return sessionctx.Identity{}, fmt.Errorf("cannot parse %q, cookies %v", r.Header.Get("Authorization"), r.Header["Cookie"])
			}
			return tokens.Identify(r)
		}
	})
	token := s.bearer(claims{Session: sid, Customer: customer})
	browser := s.client("Cookie", cookieName+"="+s.loginBySecret(customer))
	_, err := s.resolver.Update(t.Context(), s.identity(sid, customer), sessionctx.Patch{CartID: sessionctx.Set(cart)})
	require.NoError(t, err)
	require.Equal(t, cart, token.do("GET", "/me/context", "").context().CartID, "who may see it does")
	jwt := strings.TrimPrefix(token.header.Get("Authorization"), "Bearer ")
	secrets := []string{sid, "sid-7f3a9c", customer, "cust-4b1d", cart, guess, browser.secretOf(), jwt, strings.Split(jwt, ".")[1], strings.Split(jwt, ".")[2]}
	texts := func(where, text string) {
		t.Helper()
		for _, secret := range secrets {
			assert.NotContains(t, text, secret, where)
		}
	}

	op := s.operator().with("saas-token", s.token(customer))
	path := "/context/" + url.PathEscape(sid)
	storm := func(where string) {
		for _, c := range []*client{token, browser, token.with("X-Broken", "1"), browser.with("X-Broken", "1")} {
			for _, r := range append(ownRequests, []struct{ method, path, body string }{
				{"PATCH", "/me/context", `{"currency":"XYZ","context":{"` + "\\u0000" + `":1}}`}, {"PATCH", "/me/context", "{"}, {"PUT", "/me/context", ""},
			}...) {
				if a := c.do(r.method, r.path, r.body); a.StatusCode >= 400 {
					p := a.problem()
					texts(where, p.Message+p.Detail+p.Title+fmt.Sprint(p.Details))
					if c.header.Get("Cookie") != "" {
						texts(where, a.body)
					}
				}
			}
		}
		for _, c := range []*client{op, op.with("X-Broken", "1"), s.client("Authorization", "Bearer "+jwt+"x"), s.client("Cookie", cookieName+"="+guess)} {
			c.do("GET", path, "")
			c.do("PUT", path, `{"metadata":{"version":1}}`)
			c.do("POST", path+"/attributes", `{"key":"k","value":1}`)
			c.do("GET", "/me/context", "")
		}
		secret := sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: browser.secretOf(), Proof: sessionctx.BySecret}}
		for _, req := range []sessionctx.Request{s.identity(sid, customer), s.identity(sid), secret, s.identity(sid, customer+"x"), s.identity(strings.Repeat(sid, 40))} {
			_, errs := s.resolver.Resolve(t.Context(), req)
			req.Fresh = true
			_, err := s.resolver.Resolve(t.Context(), req)
			errs = errors.Join(errs, err)
			_, err = s.resolver.Update(t.Context(), req, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			errs = errors.Join(errs, err)
			_, err = s.resolver.Preview(t.Context(), req, sessionctx.Patch{})
			errs = errors.Join(errs, err)
			_, err = s.resolver.Login(t.Context(), req, strings.Repeat(customer, 40))
			errs = errors.Join(errs, err)
			if errs = errors.Join(errs, s.resolver.EndAll(t.Context(), "demoshop", "nobody")); errs != nil {
				texts(where, errs.Error())
				texts(where, fmt.Sprintf("%v %+v %q", errs, errs, errs))
			}
		}
	}
	for _, way := range []string{"", "error", "panic"} {
		g.directory.Store(way)
		<-time.After(2 * time.Minute) // what is known of customers is old
		storm("directory: " + way)
		synctest.Wait() // questions about customers run beside the requests
		g.directory.Store("")
		<-time.After(2 * time.Minute)
		g.store.Store(way)
		storm("store: " + way)
		g.store.Store("")
		<-time.After(2 * time.Minute)
	}
	for _, way := range []string{"text", "value"} {
		hook.Store(way)
		_, err := s.resolver.Update(t.Context(), s.identity(sid, customer), sessionctx.Patch{CartID: sessionctx.Set(cart), Attributes: nil})
		require.NoError(t, err)
		browser.do("PATCH", "/me/context", `{"currency":"CHF"}`).must(204)
	}
	written := log.String()
	texts("log", written)
	for _, line := range []string{"directory failed", "degraded", "panic in Config.OnChange", "answered 500", "panic in Store.Load", "panic in Directory.Customer", "cannot parse"} {
		assert.Contains(t, written, line, "what an operator should know is in the log")
	}
	require.Equal(t, cart, token.do("GET", "/me/context", "").context().CartID)
}

// Text that a client sends ends up in no header, and in the log as one value and not as a line of
// its own.
func TestThreat_HeaderAndLogInjection(t *testing.T) {
	log := &paper{}
	s := newShop(t, func(c *settings) {
		c.rest.Logger = slog.New(slog.NewTextHandler(log, nil))
		tokens := newVerifier(t)
		c.middleware.Identify = func(r *http.Request) (sessionctx.Identity, error) {
			if x := r.Header.Get("X-Broken"); x != "" {
				return sessionctx.Identity{}, errors.New(strings.ReplaceAll(x, "|", "\r\n"))
			}
			return tokens.Identify(r)
		}
	})
	server := httptest.NewServer(s.handler)
	defer server.Close()
	const evil = "x\r\nSet-Cookie: evil=1\r\n\r\n<script>"
	send := func(method, path, body string, headers ...string) *http.Response {
		r, err := http.NewRequest(method, server.URL+"/session-context/demoshop"+path, strings.NewReader(body))
		require.NoError(t, err)
		r.Header.Set("Authorization", s.shopper("s1").header.Get("Authorization"))
		r.Header.Set("Content-Type", "application/json")
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		res, err := server.Client().Do(r)
		require.NoError(t, err)
		t.Cleanup(func() { res.Body.Close() })
		return res
	}
	attacks := []struct {
		desc string
		res  *http.Response
		want int
	}{
		{"in the name of an attribute", send("POST", "/me/context/attributes", `{"key":`+quote(evil)+`,"value":1}`), 400},
		{"in the path of an attribute", send("DELETE", "/me/context/attributes/"+url.PathEscape(evil), ""), 400},
		{"in a session id", send("GET", "/context/"+url.PathEscape(evil), "", "Authorization", s.operator().header.Get("Authorization")), 404},
		{"in the session id of a token", send("PATCH", "/me/context", `{"currency":"CHF"}`, "Authorization", s.shopper(evil).header.Get("Authorization")), 204},
		{"in a currency", send("PATCH", "/me/context", `{"currency":`+quote(evil)+`}`), 400},
		{"in a tenant", send("GET", "/../"+url.PathEscape(evil)+"/me/context", ""), 404},
		{"in a query", send("GET", "/me/context?explain="+url.QueryEscape(evil), ""), 400},
		{"in an entity tag", send("PATCH", "/me/context", `{}`, "If-Match", `"x%0d%0aSet-Cookie: evil=1"`), 412},
		{"in a cookie", send("GET", "/me/context", "", "Authorization", "Basic x", "Cookie", cookieName+"=x%0d%0aSet-Cookie: evil=1"), 401},
		{"in an error of the host's", send("GET", "/me/context", "", "X-Broken", "x|time=now level=ERROR msg=forged|"), 500},
		{"an attribute of HTML", send("POST", "/me/context/attributes", `{"key":"<script>alert(1)</script>","value":"<img>"}`), 201},
	}
	for _, tc := range attacks {
		t.Run(tc.desc, func(t *testing.T) {
			assert.Equal(t, tc.want, tc.res.StatusCode)
			assert.Empty(t, tc.res.Cookies())
			for name, values := range tc.res.Header {
				assert.NotContains(t, strings.Join(values, ""), "evil", name)
			}
			assert.Equal(t, "nosniff", tc.res.Header.Get("X-Content-Type-Options"), "a browser runs nothing of it")
			if tc.want != 204 {
				assert.Contains(t, tc.res.Header.Get("Content-Type"), "json")
			}
		})
	}
	assert.Equal(t, 1, strings.Count(log.String(), "\n"), "one line for the one error:\n%s", log)
	assert.Contains(t, log.String(), "forged")
	send("POST", "/me/context/attributes", `{"key":"k","value":1}`)
	assert.Equal(t, "1", string(s.shopper("s1").do("GET", "/me/context", "").context().Context["k"]))
}
