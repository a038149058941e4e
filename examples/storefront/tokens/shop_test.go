package tokens_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/sessionctx/storefront/defaults/sitefile"
	"github.com/sessionctx/storefront/examples/storefront/data"
	"github.com/sessionctx/storefront/examples/storefront/tokens"
	"github.com/sessionctx/storefront/internal/problemtype"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

const (
	annasEmail = "anna@demo.example"
	password   = "correct-horse-1"
	secret     = "service-secret-3"
)

var key = []byte("0123456789abcdef0123456789abcdef")

// cheapHashes are the sample shops with hashes of the least cost, so that tests need not wait for
// bcrypt.
var cheapHashes = sync.OnceValue(func() fs.FS {
	cheap := fstest.MapFS{}
	anyHash := regexp.MustCompile(`\$2a\$10\$[./0-9A-Za-z]{53}`)
	err := fs.WalkDir(data.Shops(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(data.Shops(), path)
		if err != nil {
			return err
		}
		plain := password
		if strings.HasSuffix(path, "clients.json") {
			plain = secret
		}
		hash, err := bcrypt.GenerateFromPassword([]byte(plain), bcrypt.MinCost)
		cheap[path] = &fstest.MapFile{Data: anyHash.ReplaceAllLiteral(text, hash)}
		return err
	})
	if err != nil {
		panic(err)
	}
	return cheap
})

// shop is an issuer over a memory store, for one test.
type shop struct {
	testing.TB
	store    *memstore.Store
	resolver *sessionctx.Resolver
	issuer   *tokens.Issuer
	handler  http.Handler
	log      *bytes.Buffer
}

func newShop(t testing.TB) *shop {
	t.Helper()
	files, err := sitefile.FromFS(cheapHashes())
	require.NoError(t, err)
	backend := &memstore.Store{}
	s := newShopOf(t, files, backend)
	s.store = backend
	return s
}

func newShopOf(t testing.TB, files *sitefile.Files, backend store.Store) *shop {
	t.Helper()
	s := &shop{TB: t, log: &bytes.Buffer{}}
	var err error
	logger := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s.resolver, err = sessionctx.New(sessionctx.Config{Store: backend, Directory: files, Logger: logger, CacheBytes: 1 << 20})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.resolver.Close()) })
	s.issuer, err = tokens.New(tokens.Config{Files: files, Resolver: s.resolver, Key: key, Logger: logger})
	require.NoError(t, err)
	s.handler = s.issuer.Handler()
	return s
}

// in returns the shop for a test within the one that it was made for.
func (s *shop) in(t testing.TB) *shop {
	within := *s
	within.TB = t
	return &within
}

// answer is a response, read.
type answer struct {
	*http.Response
	body string
	json map[string]any
}

func (a answer) text(name string) string { s, _ := a.json[name].(string); return s }

// details are the mistakes of a problem, as "field reason".
func (a answer) details() (out []string) {
	list, _ := a.json["details"].([]any)
	for _, d := range list {
		m := d.(map[string]any)
		out = append(out, m["field"].(string)+" "+m["reason"].(string))
	}
	return out
}

func (a answer) names() []string { return slices.Sorted(maps.Keys(a.json)) }

// do sends a request and checks what holds for every answer.
func (s *shop) do(r *http.Request) answer {
	s.Helper()
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	a := answer{Response: w.Result(), body: w.Body.String()}
	assert.Equal(s, "no-store", a.Header.Get("Cache-Control"))
	assert.Equal(s, "no-referrer", a.Header.Get("Referrer-Policy"))
	assert.Equal(s, "nosniff", a.Header.Get("X-Content-Type-Options"))
	if a.StatusCode == http.StatusNoContent {
		assert.Empty(s, a.body)
		return a
	}
	require.NoError(s, json.Unmarshal([]byte(a.body), &a.json), a.body)
	_, oauth := a.json["error"]
	assert.Equal(s, a.StatusCode == http.StatusUnauthorized, a.Header.Get("WWW-Authenticate") != "", "RFC 9110, section 15.5.2")
	if a.StatusCode < 400 || oauth {
		assert.Equal(s, "application/json", a.Header.Get("Content-Type"))
		return a
	}
	assert.Equal(s, "application/json", a.Header.Get("Content-Type"))
	unknown := a.json["type"] == unknownOutcome
	assert.True(s, unknown || a.json["type"] == "about:blank", a.json["type"])
	assert.False(s, unknown && (a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") != ""))
	assert.Equal(s, problemtype.Title(a.StatusCode), a.json["title"])
	assert.EqualValues(s, a.StatusCode, a.json["status"])
	assert.EqualValues(s, a.StatusCode, a.json["code"])
	assert.NotEmpty(s, a.json["detail"])
	assert.Equal(s, a.json["detail"], a.json["message"])
	return a
}

// get asks for a path, with a bearer token unless it is empty.
func (s *shop) get(target, bearer string) answer {
	s.Helper()
	return s.do(withBearer(httptest.NewRequest(http.MethodGet, target, nil), bearer))
}

func withBearer(r *http.Request, bearer string) *http.Request {
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	return r
}

// ok fails the test unless the answer is 200.
func (s *shop) ok(a answer) answer {
	s.Helper()
	require.Equal(s, http.StatusOK, a.StatusCode, a.body)
	return a
}

const anonymousPath = "/customerlogin/auth/anonymous/login?tenant=demoshop&client_id=storefront"

// visit gives a visitor of the demo shop a session, with choices such as "&currency=CHF".
func (s *shop) visit(choices string) answer {
	s.Helper()
	return s.ok(s.get(anonymousPath+choices, ""))
}

// renew refreshes an anonymous session of the demo shop.
func (s *shop) renew(refreshToken string) answer {
	s.Helper()
	return s.get("/customerlogin/auth/anonymous/refresh?tenant=demoshop&client_id=storefront&refresh_token="+url.QueryEscape(refreshToken), "")
}

func loginRequest(tenant, body, bearer string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/customer/"+tenant+"/login", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return withBearer(r, bearer)
}

func loginBody(email, password string) string {
	b, _ := json.Marshal(map[string]string{"email": email, "password": password})
	return string(b)
}

// login tries to log in to the demo shop.
func (s *shop) login(email, password, bearer string) answer {
	s.Helper()
	return s.do(loginRequest("demoshop", loginBody(email, password), bearer))
}

// anna logs Anna in under the session of an anonymous token.
func (s *shop) anna(bearer string) answer {
	s.Helper()
	return s.ok(s.login(annasEmail, password, bearer))
}

// token asks for a service's token with a form; a name without a value is left out.
func (s *shop) token(pairs ...string) answer {
	s.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			form.Set(pairs[i], pairs[i+1])
		}
	}
	return s.do(formRequest(form.Encode()))
}

func formRequest(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/oauth/token", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// session resolves the session that an access token names, as the middleware would.
func (s *shop) session(accessToken string) (sessionctx.Session, error) {
	s.Helper()
	id, err := s.issuer.Verifier().Identify(withBearer(httptest.NewRequest(http.MethodGet, "/", nil), accessToken))
	require.NoError(s, err)
	return s.resolver.Resolve(s.Context(), sessionctx.Request{Identity: id})
}

func (s *shop) records() int { return s.store.Stats().Records }

// pass lets time pass, in a synctest bubble.
func pass(d time.Duration) { <-time.After(d) }
