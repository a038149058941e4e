package bearer_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/middleware/bearer"
	"github.com/sessionctx/storefront/sessionctx"
)

const opaqueToken = "mF_9.B5f-4.1JqM"

// answered is an issuer's answer about anna's token, with some members changed; a nil removes one.
func answered(changed map[string]any) map[string]any {
	a := map[string]any{"active": true, "tenant": "demoshop", "sid": "session-1", "sub": "anna", "scope": "a b"}
	maps.Copy(a, changed)
	maps.DeleteFunc(a, func(_ string, v any) bool { return v == nil })
	return a
}

// endpoint is the issuer of opaque tokens, as the host asks it.
type endpoint struct {
	asked  atomic.Int64
	mu     sync.Mutex // guards answer against calls that were abandoned
	answer func(ctx context.Context, token string) (map[string]any, error)
}

func (e *endpoint) introspect(ctx context.Context, token string) (map[string]any, error) {
	e.mu.Lock()
	answer := e.answer
	e.mu.Unlock()
	e.asked.Add(1)
	return answer(ctx, token)
}

// answers changes what the endpoint answers from now on.
func (e *endpoint) answers(f func(ctx context.Context, token string) (map[string]any, error)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answer = f
}

func introspecting(t testing.TB, e *endpoint, edit func(*bearer.Config)) *bearer.Verifier {
	t.Helper()
	cfg := bearer.Config{Introspect: e.introspect}
	if edit != nil {
		edit(&cfg)
	}
	v, err := bearer.New(cfg)
	require.NoError(t, err)
	return v
}

func TestIntrospect_AnswerSaysWhoIsAsking(t *testing.T) {
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // when a bubble begins
	soon := now.Add(30 * time.Second)
	inAMinute := now.Add(time.Minute)
	with := func(name string, value any) map[string]any { return answered(map[string]any{name: value}) }
	cases := []struct {
		desc    string
		edit    func(*bearer.Config)
		answer  map[string]any
		expires time.Time
		reason  string // why it is refused; empty: it is not
		down    bool   // the answer is no answer
	}{
		{"without an end", nil, answered(nil), inAMinute, "", false},
		{"exp as a float", nil, with("exp", float64(soon.Unix())), soon, "", false},
		{"exp as a json.Number", nil, with("exp", json.Number(fmt.Sprint(soon.Unix()))), soon, "", false},
		{"exp as an int", nil, with("exp", int(soon.Unix())), soon, "", false},
		{"exp as an int64", nil, with("exp", soon.Unix()), soon, "", false},
		{"exp far away", nil, with("exp", 1e300), time.Unix(1<<33, 0), "", false},
		{"exp null", nil, map[string]any{"active": true, "tenant": "demoshop", "sub": "anna", "sid": "session-1", "scope": "a b", "exp": nil}, inAMinute, "", false},
		{"expires_in", nil, with("expires_in", 30), soon, "", false},
		{"expires_in as a float", nil, with("expires_in", 30.0), soon, "", false},
		{"both, exp earlier", nil, answered(map[string]any{"exp": soon.Unix(), "expires_in": 3600}), soon, "", false},
		{"both, expires_in earlier", nil, answered(map[string]any{"exp": now.Add(time.Hour).Unix(), "expires_in": 30}), soon, "", false},
		{"scopes as a list of texts", nil, with("scope", []string{"a", "b"}), inAMinute, "", false},
		{"scopes as a decoded list", nil, with("scope", []any{"a", "b"}), inAMinute, "", false},
		{"an iss that nobody asks for", nil, with("iss", "https://id.example"), inAMinute, "", false},
		{"the iss", func(c *bearer.Config) { c.Issuer = "https://id.example" }, with("iss", "https://id.example"), inAMinute, "", false},
		{"the aud", func(c *bearer.Config) { c.Audience = "shop" }, with("aud", []string{"x", "shop"}), inAMinute, "", false},
		{"an issuer of one tenant", func(c *bearer.Config) { c.Tenant = "demoshop" }, with("tenant", nil), inAMinute, "", false},

		{"not active", nil, with("active", false), now, "not active", false},
		{"not active, and nothing else", nil, map[string]any{"active": false}, now, "not active", false},
		{"ended", nil, with("exp", now.Add(-time.Hour).Unix()), now, "has expired", false},
		{"ended at once", nil, with("expires_in", 0), now, "has expired", false},
		{"ended long ago", nil, with("expires_in", -7), now, "has expired", false},
		{"another iss", func(c *bearer.Config) { c.Issuer = "https://id.example" }, with("iss", "https://evil.example"), now, "another issuer", false},
		{"no iss", func(c *bearer.Config) { c.Issuer = "https://id.example" }, answered(nil), now, "another issuer", false},
		{"another aud", func(c *bearer.Config) { c.Audience = "shop" }, with("aud", "other"), now, "another audience", false},
		{"no aud", func(c *bearer.Config) { c.Audience = "shop" }, answered(nil), now, "another audience", false},
		{"no tenant", nil, with("tenant", nil), now, "missing or malformed", false},
		{"a session that is the customer", nil, with("sid", "anna"), now, "session id is its customer id", false},
		{"a refresh token, by Check", func(c *bearer.Config) {
			c.Check = func(claims map[string]any) error {
				if claims["token_use"] == "refresh_token" {
					return errors.New("it is a refresh token")
				}
				return nil
			}
		}, with("token_use", "refresh_token"), now, "it is a refresh token", false},

		{"nothing", nil, nil, now, "has no active", true},
		{"no active", nil, with("active", nil), now, "has no active", true},
		{"active as a text", nil, with("active", "true"), now, "has no active", true},
		{"active as a number", nil, with("active", 1), now, "has no active", true},
		{"exp as a text", nil, with("exp", "1792000000"), now, "exp is no number", true},
		{"expires_in as a text", nil, with("expires_in", "30"), now, "expires_in is no number", true},
		{"exp as a list", nil, with("exp", []any{}), now, "exp is no number", true},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &endpoint{answer: func(_ context.Context, token string) (map[string]any, error) {
					assert.Equal(t, opaqueToken, token)
					return maps.Clone(tc.answer), nil
				}}
				v := introspecting(t, e, tc.edit)
				c, err := v.Verify(bearing(opaqueToken))
				if tc.reason != "" {
					want := middleware.ErrUnauthenticated
					if tc.down {
						want = sessionctx.ErrUnavailable
					}
					require.ErrorIs(t, err, want)
					assert.Equal(t, tc.down, !errors.Is(err, middleware.ErrUnauthenticated))
					assert.ErrorContains(t, err, tc.reason)
					assert.Zero(t, c)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, sessionctx.Identity{
					Tenant: "demoshop", SessionID: "session-1", CustomerID: "anna", Proof: sessionctx.Asserted,
				}, c.Identity)
				assert.Equal(t, "a b", c.Scopes)
				assert.WithinDuration(t, tc.expires, c.Expires, 0)
				again, err := v.Verify(bearing(opaqueToken))
				require.NoError(t, err)
				assert.Equal(t, c, again)
				assert.EqualValues(t, 1, e.asked.Load())
			})
		})
	}
}

func TestIntrospect_AnswerCountsForAWhile(t *testing.T) {
	cases := []struct {
		desc    string
		changed map[string]any
		cached  int
		counts  time.Duration
	}{
		{"an active token without an end", nil, 0, time.Minute},
		{"an active token with a late end", map[string]any{"expires_in": 3600}, 0, time.Minute},
		{"an active token with an early end", map[string]any{"expires_in": 20}, 0, 20 * time.Second},
		{"an active token with an early exp", map[string]any{"exp": float64(946684800 + 20)}, 0, 20 * time.Second}, // 20 s after a bubble begins
		{"a token that is not active", map[string]any{"active": false}, 0, 10 * time.Second},
		{"a token of no tenant", map[string]any{"tenant": nil}, 0, 10 * time.Second},
		{"the cache turned off", nil, -1, 0},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &endpoint{answer: func(context.Context, string) (map[string]any, error) { return answered(tc.changed), nil }}
				v := introspecting(t, e, func(c *bearer.Config) { c.CachedTokens = tc.cached })
				_, first := v.VerifyToken(opaqueToken)
				if tc.counts > 0 {
					<-time.After(tc.counts - 1)
					_, again := v.VerifyToken(opaqueToken)
					assert.Equal(t, first, again)
					assert.EqualValues(t, 1, e.asked.Load())
					<-time.After(1)
				}
				_, _ = v.VerifyToken(opaqueToken)
				assert.EqualValues(t, 2, e.asked.Load())
			})
		})
	}
}

func TestIntrospect_FailureIsUnavailableAndNotCached(t *testing.T) {
	cases := []struct {
		desc string
		fail func(ctx context.Context, token string) (map[string]any, error)
	}{
		{"an error", func(context.Context, string) (map[string]any, error) { return nil, errors.New("502") }},
		{"an error that quotes the token", func(_ context.Context, token string) (map[string]any, error) {
			return nil, &url.Error{Op: "Get", URL: "https://id.example/?token=" + url.QueryEscape(token), Err: io.EOF}
		}},
		{"an error beside an answer", func(context.Context, string) (map[string]any, error) { return answered(nil), io.ErrUnexpectedEOF }},
		{"a panic", func(_ context.Context, token string) (map[string]any, error) { panic("no map for " + token) }},
		{"no answer in time", func(ctx context.Context, _ string) (map[string]any, error) { <-ctx.Done(); return nil, ctx.Err() }},
		{"no answer in time, whatever the context says", func(context.Context, string) (map[string]any, error) {
			<-time.After(time.Minute)
			return answered(nil), nil
		}},
		{"the host's own sentinel", func(context.Context, string) (map[string]any, error) { return nil, sessionctx.ErrUnavailable }},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &endpoint{answer: tc.fail}
				v := introspecting(t, e, nil)
				const token = opaqueToken + "+/="
				for n := range 3 {
					began := time.Now()
					_, err := v.Verify(bearing(token))
					require.ErrorIs(t, err, sessionctx.ErrUnavailable)
					assert.NotErrorIs(t, err, middleware.ErrUnauthenticated)
					assert.NotContains(t, err.Error(), opaqueToken)
					assert.LessOrEqual(t, time.Since(began), 2*time.Second)
					assert.EqualValues(t, n+1, e.asked.Load())
				}
				e.answers(func(context.Context, string) (map[string]any, error) { return answered(nil), nil })
				_, err := v.Verify(bearing(token))
				require.NoError(t, err, "the endpoint is back")
				<-time.After(2 * time.Minute) // the calls that ignored their context end
			})
		})
	}
}

func TestIntrospect_KnownTokensOutliveAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: func(context.Context, string) (map[string]any, error) { return answered(nil), nil }}
		v := introspecting(t, e, nil)
		_, err := v.VerifyToken(opaqueToken)
		require.NoError(t, err)
		e.answers(func(context.Context, string) (map[string]any, error) { return nil, errors.New("down") })
		<-time.After(59 * time.Second)
		_, err = v.VerifyToken(opaqueToken)
		require.NoError(t, err)
		<-time.After(time.Second)
		_, err = v.VerifyToken(opaqueToken)
		require.ErrorIs(t, err, sessionctx.ErrUnavailable)
	})
}

func TestIntrospect_AllWhoWaitShareOneCall(t *testing.T) {
	outcomes := []struct {
		desc   string
		answer map[string]any
		err    error
	}{
		{"active", answered(nil), nil},
		{"not active", map[string]any{"active": false}, nil},
		{"a failure", nil, errors.New("down")},
	}
	for _, tc := range outcomes {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				e := &endpoint{answer: func(context.Context, string) (map[string]any, error) { <-release; return tc.answer, tc.err }}
				v := introspecting(t, e, nil)
				var wg sync.WaitGroup
				errs := make([]error, 100)
				for i := range errs {
					wg.Go(func() { _, errs[i] = v.VerifyToken(opaqueToken) })
				}
				synctest.Wait()
				assert.EqualValues(t, 1, e.asked.Load())
				close(release)
				wg.Wait()
				assert.EqualValues(t, 1, e.asked.Load())
				for _, err := range errs {
					assert.Equal(t, errs[0], err)
				}
			})
		})
	}
}

func TestIntrospect_CallerWhoLeavesFailsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		e := &endpoint{answer: func(ctx context.Context, _ string) (map[string]any, error) {
			select {
			case <-release:
				return answered(nil), nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}}
		v := introspecting(t, e, nil)
		ctx, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		var left, stayed error
		wg.Go(func() { _, left = v.Verify(bearing(opaqueToken).WithContext(ctx)) })
		synctest.Wait()
		wg.Go(func() { _, stayed = v.Verify(bearing(opaqueToken)) })
		synctest.Wait()
		leave()
		synctest.Wait()
		require.ErrorIs(t, left, sessionctx.ErrUnavailable)
		require.ErrorIs(t, left, context.Canceled)
		close(release)
		wg.Wait()
		require.NoError(t, stayed)
		assert.EqualValues(t, 1, e.asked.Load())
	})
}

func TestIntrospect_ErrUnauthenticatedIsARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // a busy machine is no issuer that hangs
		e := &endpoint{answer: func(_ context.Context, token string) (map[string]any, error) {
			return nil, fmt.Errorf("%w: 401 for %s", middleware.ErrUnauthenticated, token)
		}}
		v := introspecting(t, e, nil)
		for range 3 {
			_, err := v.VerifyToken(opaqueToken)
			require.ErrorIs(t, err, middleware.ErrUnauthenticated)
			assert.NotContains(t, err.Error(), opaqueToken)
		}
		assert.EqualValues(t, 1, e.asked.Load())
	})
}

func TestIntrospect_IsNotAskedForWhatIsNoToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // a busy machine is no issuer that hangs
		e := &endpoint{answer: func(context.Context, string) (map[string]any, error) { return answered(nil), nil }}
		v := introspecting(t, e, nil)
		for _, token := range []string{
			"", "=", "==", "a b", "a,b", "a\tb", "a\nb", "a\x00", "ü", "a=b", "\"a\"", "a;b", "a?b=c", "a&b", "a%20", strings.Repeat("a", 8<<10+1),
		} {
			_, err := v.VerifyToken(token)
			assert.ErrorIs(t, err, middleware.ErrUnauthenticated, "%.20q", token)
		}
		assert.Zero(t, e.asked.Load())
		for n, token := range []string{"a", "a=", "a==", "-._~+/", "0", strings.Repeat("a", 8<<10)} {
			_, err := v.VerifyToken(token)
			assert.NoError(t, err, "%.20q", token)
			assert.EqualValues(t, n+1, e.asked.Load())
		}
	})
}

// Made-up tokens push no token out that counts.
func TestIntrospect_RefusalsHaveACacheOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // a busy machine is no issuer that hangs
		e := &endpoint{answer: func(_ context.Context, token string) (map[string]any, error) {
			return answered(map[string]any{"active": token == opaqueToken}), nil
		}}
		v := introspecting(t, e, func(c *bearer.Config) { c.CachedTokens = 2 })
		_, err := v.VerifyToken(opaqueToken)
		require.NoError(t, err)
		for i := range 10000 {
			_, err := v.VerifyToken(fmt.Sprint("made-up-", i))
			require.ErrorIs(t, err, middleware.ErrUnauthenticated)
		}
		before := e.asked.Load()
		_, err = v.VerifyToken(opaqueToken)
		require.NoError(t, err)
		assert.Equal(t, before, e.asked.Load())
	})
}

func TestSeveralIssuers_OpaqueTokensBesideJWTs(t *testing.T) {
	e := &endpoint{answer: func(_ context.Context, token string) (map[string]any, error) {
		return answered(map[string]any{"active": !strings.HasPrefix(token, "bad")}), nil
	}}
	v, err := bearer.New(config(), bearer.Config{Introspect: e.introspect, CustomerPrefix: "opaque:"})
	require.NoError(t, err)
	foreign, own := signed(t, jwt.MapClaims{"iss": "https://other.example"}), signed(t, nil)
	header := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	cases := []struct {
		desc, token, want string
		asked             int64
	}{
		{"a JWT", signed(t, nil), "anna", 0},
		{"an expired JWT", signed(t, jwt.MapClaims{"exp": 1}), "", 0},
		{"a JWT with another key", sign(t, jwt.SigningMethodHS256, map[string]any{"kid": "hmac"}, make([]byte, 32), claims(nil)), "", 0},
		{"an opaque token", "abc", "opaque:anna", 1},
		{"an opaque token with dots", opaqueToken, "opaque:anna", 1},
		{"an opaque token that is not active", "bad", "", 1},
		{"a JWT of an issuer that must be asked", foreign, "opaque:anna", 1},
		{"one with an algorithm that no key here can have", header(`{"alg":"ES256K"}`) + foreign[strings.IndexByte(foreign, '.'):], "opaque:anna", 1},
		{"one without a signature", header(`{"alg":"none"}`) + strings.TrimRightFunc(foreign[strings.IndexByte(foreign, '.'):], func(r rune) bool { return r != '.' }), "opaque:anna", 1},
		{"a JWT with an algorithm that no key here can have", header(`{"alg":"ES256K"}`) + own[strings.IndexByte(own, '.'):], "", 0},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			before := e.asked.Load()
			for range 2 {
				c, err := v.VerifyToken(tc.token)
				assert.Equal(t, tc.want, c.Identity.CustomerID)
				if tc.want == "" {
					assert.ErrorIs(t, err, middleware.ErrUnauthenticated)
				} else {
					assert.NoError(t, err)
				}
			}
			assert.Equal(t, tc.asked, e.asked.Load()-before)
		})
	}
}

func TestNew_RefusesMistakesWithIntrospect(t *testing.T) {
	introspect := func(context.Context, string) (map[string]any, error) { return nil, nil }
	const together = "cannot be set together with Introspect"
	cases := []struct {
		desc               string
		edit               func(*bearer.Config)
		field, value, rule string
	}{
		{"keys", func(c *bearer.Config) { c.Keys = issuer().keys() }, "Keys", "", together},
		{"Keyfunc", func(c *bearer.Config) { c.Keyfunc = func(*jwt.Token) (any, error) { return nil, nil } }, "Keyfunc", "", together},
		{"algorithms", func(c *bearer.Config) { c.Algorithms = []string{"RS256"} }, "Algorithms", "RS256", together},
		{"a type", func(c *bearer.Config) { c.Type = "at+jwt" }, "Type", "at+jwt", together},
		{"a leeway", func(c *bearer.Config) { c.Leeway = time.Second }, "Leeway", "1s", together},
		{"aliases of no issuer", func(c *bearer.Config) { c.IssuerAliases = []string{"a", "b"} },
			"IssuerAliases", "a, b", "cannot be set without Issuer"},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			cfg := bearer.Config{Introspect: introspect}
			tc.edit(&cfg)
			_, err := bearer.New(cfg)
			want := sessionctx.ConfigError{Field: "bearer.Config." + tc.field, Value: tc.value, Rule: tc.rule}
			assert.Equal(t, []sessionctx.ConfigError{want}, mistakes(t, err))
		})
	}
	_, err := bearer.New(bearer.Config{Introspect: introspect}, bearer.Config{Introspect: introspect, CustomerPrefix: "b:"})
	assert.Equal(t, []sessionctx.ConfigError{{
		Field: "bearer.Config[1].Introspect", Rule: "cannot be set in two Configs: nothing says which one an opaque token is for",
	}}, mistakes(t, err))
}

// service answers as the Emporix API does: validateauthtoken says whether a customer's token counts
// and which session it is for, me says who the customer is. It is down while down is set.
type service struct {
	down  atomic.Bool
	asked atomic.Int64
}

// ServeHTTP implements http.Handler.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked.Add(1)
	switch token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); {
	case s.down.Load():
		http.Error(w, "bad gateway", http.StatusBadGateway)
	case token != "vkFuTXJ0bGp4" && token != "YW5vbnltb3Vz":
		w.WriteHeader(http.StatusUnauthorized)
	case r.URL.Path == "/customer/demoshop/validateauthtoken":
		fmt.Fprint(w, `{"token_type":"Bearer","expires_in":2591999,"scope":"tenant=demoshop","sessionId":"62528895-b561-4518-bfdc-000000000001","email":"anna@shop.example"}`)
	case r.URL.Path == "/customer/demoshop/me" && token == "YW5vbnltb3Vz":
		fmt.Fprint(w, `{"customerNumber":"00000000","firstName":"Anonymous"}`)
	case r.URL.Path == "/customer/demoshop/me":
		fmt.Fprint(w, `{"customerNumber":"13869000","firstName":"Anna"}`)
	default:
		http.NotFound(w, r)
	}
}

// validate is a bearer.Config.Introspect for a service that has no introspection endpoint.
func validate(client *http.Client, customers string) func(context.Context, string) (map[string]any, error) {
	get := func(ctx context.Context, path, token string, into *map[string]any) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, customers+path, nil)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := client.Do(r)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		switch answer.StatusCode {
		case http.StatusOK:
			return json.NewDecoder(answer.Body).Decode(into)
		case http.StatusUnauthorized: // the token is the only credential that was sent
			return middleware.ErrUnauthenticated
		default:
			return errors.New(answer.Status)
		}
	}
	return func(ctx context.Context, token string) (map[string]any, error) {
		var claims, me map[string]any
		if err := get(ctx, "/validateauthtoken", token, &claims); err != nil {
			return nil, err
		}
		if err := get(ctx, "/me", token, &me); err != nil {
			return nil, err
		}
		claims["active"] = true
		if me["customerNumber"] != "00000000" { // an anonymous token's
			claims["customerNumber"] = me["customerNumber"]
		}
		return claims, nil
	}
}

func TestIntrospect_TokensOfTheService(t *testing.T) {
	s := new(service)
	server := httptest.NewServer(s)
	defer server.Close()
	v, err := bearer.New(bearer.Config{
		Introspect: validate(server.Client(), server.URL+"/customer/demoshop"),
		Tenant:     "demoshop", SessionClaim: "sessionId", CustomerClaim: "customerNumber",
	})
	require.NoError(t, err)
	id, err := v.Identify(bearing("vkFuTXJ0bGp4"))
	require.NoError(t, err)
	assert.Equal(t, sessionctx.Identity{
		Tenant: "demoshop", SessionID: "62528895-b561-4518-bfdc-000000000001", CustomerID: "13869000", Proof: sessionctx.Asserted,
	}, id)
	id, err = v.Identify(bearing("YW5vbnltb3Vz"))
	require.NoError(t, err)
	assert.Empty(t, id.CustomerID)
	_, err = v.Identify(bearing("bm9ib2R5"))
	require.ErrorIs(t, err, middleware.ErrUnauthenticated)
	s.down.Store(true)
	_, err = v.Identify(bearing("dW5rbm93bg"))
	require.ErrorIs(t, err, sessionctx.ErrUnavailable)
	_, err = v.Identify(bearing("vkFuTXJ0bGp4"))
	require.NoError(t, err, "a token that was asked about before")
	assert.EqualValues(t, 2+2+1+1, s.asked.Load())
}
