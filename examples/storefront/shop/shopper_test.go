package shop_test

import (
	"context"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/sessionctx/storefront/defaults/sitefile"
	"github.com/sessionctx/storefront/examples/storefront/data"
	"github.com/sessionctx/storefront/examples/storefront/shop"
	"github.com/sessionctx/storefront/examples/storefront/tokens"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// market is a server of shops.
type market struct {
	*httptest.Server
	resolver *sessionctx.Resolver
	log      *syncBuffer
}

// setup changes what a market is made of.
type setup struct {
	shops   fs.FS // default: the sample shops
	store   store.Store
	samples func(string) []shop.Sample
}

func open(t *testing.T, with setup) *market {
	t.Helper()
	if with.shops == nil {
		with.shops = cheap()
	}
	if with.store == nil {
		with.store = &memstore.Store{}
	}
	m := &market{log: &syncBuffer{}}
	logger := slog.New(slog.NewJSONHandler(m.log, nil))
	files, err := sitefile.FromFS(with.shops)
	require.NoError(t, err)
	m.resolver, err = sessionctx.New(sessionctx.Config{Store: with.store, Directory: files, Logger: logger, CacheBytes: 1 << 20})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, m.resolver.Close()) })
	issuer, err := tokens.New(tokens.Config{Files: files, Resolver: m.resolver, Key: make([]byte, 32), Logger: logger})
	require.NoError(t, err)
	mw, err := middleware.New(middleware.Config{
		Resolver: m.resolver, Identify: issuer.Verifier().Identify, AcceptLanguage: true, OnError: shop.Failed,
		Tenant: func(r *http.Request) string {
			if rest, ok := strings.CutPrefix(r.URL.Path, "/shop/"); ok {
				tenant, _, _ := strings.Cut(rest, "/")
				return tenant
			}
			return files.Tenants()[0]
		},
	})
	require.NoError(t, err)
	pages, err := shop.New(shop.Config{
		Resolver: m.resolver, Middleware: mw, Files: files, Tokens: issuer, Samples: with.samples, Logger: logger,
	})
	require.NoError(t, err)
	mux := http.NewServeMux()
	pages.Register(mux)
	m.Server = httptest.NewTLSServer(mux) // the cookie is Secure
	t.Cleanup(m.Close)
	return m
}

// cheap returns the sample shops with hashes of the same password that cost little.
var cheap = sync.OnceValue(func() fs.FS {
	hash, err := bcrypt.GenerateFromPassword([]byte(data.Password), bcrypt.MinCost)
	if err != nil {
		panic(err)
	}
	shops := fstest.MapFS{}
	err = fs.WalkDir(data.Shops(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(data.Shops(), name)
		shops[name] = &fstest.MapFile{Data: bcryptHash.ReplaceAllLiteral(content, hash)}
		return err
	})
	if err != nil {
		panic(err)
	}
	return shops
})

var bcryptHash = regexp.MustCompile(`\$2a\$10\$[./A-Za-z0-9]{53}`)

// syncBuffer is a log that several goroutines write.
type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// shopper is a browser without scripts that reads one language.
type shopper struct {
	t        *testing.T
	client   *http.Client
	base     string
	language string
}

// visit returns a shopper of the market's shop at path, who reads English.
func (m *market) visit(t *testing.T, path string) *shopper {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	client := *m.Client()
	client.Jar = jar
	return &shopper{t, &client, m.URL + path, "en"}
}

// page is what a shopper is shown.
type page struct {
	*node
	code   int
	header http.Header
	body   string
	url    *url.URL
}

func (s *shopper) do(req *http.Request) page {
	s.t.Helper()
	req.Header.Set("Accept-Language", s.language)
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8") // as browsers do
	}
	res, err := s.client.Do(req)
	require.NoError(s.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(s.t, err)
	p := page{code: res.StatusCode, header: res.Header, body: string(b), url: res.Request.URL}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
		p.node = parse(s.t, p.body)
	}
	return p
}

func (s *shopper) get(path string) page {
	s.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, s.base+path, nil)
	require.NoError(s.t, err)
	return s.do(req)
}

func (s *shopper) post(path string, form url.Values) page {
	s.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.base+path, strings.NewReader(form.Encode()))
	require.NoError(s.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return s.do(req)
}

// choose sends a picker of a page with another value, and must get a page with the shop.
func (s *shopper) choose(from page, field, value string) page {
	s.t.Helper()
	p := s.send(from, field, value)
	require.Equal(s.t, http.StatusOK, p.code, "%s", p)
	return p
}

// send sends a picker of a page with another value.
func (s *shopper) send(from page, field, value string) page {
	s.t.Helper()
	form := from.id("picker-" + field)
	require.NotNil(s.t, form, "no picker for the %s", field)
	fields := hidden(form)
	fields.Set(field, value)
	return s.post("choices", fields)
}

// reset sends the reset of a field on a page.
func (s *shopper) reset(from page, field string) page {
	s.t.Helper()
	row := from.id("why-" + field)
	require.NotNil(s.t, from.id("reset-"+field), "no reset for the %s", field)
	fields := hidden(row.tags("form")[0])
	fields.Set(field, "")
	return s.post("choices", fields)
}

// hidden returns the hidden fields of a form.
func hidden(form *node) url.Values {
	fields := url.Values{}
	for _, input := range form.tags("input") {
		if input.attr["type"] == "hidden" {
			fields.Set(input.attr["name"], input.attr["value"])
		}
	}
	return fields
}

func (s *shopper) signIn(email string) page {
	s.t.Helper()
	p := s.post("sign-in", url.Values{"email": {email}, "password": {data.Password}})
	require.Equal(s.t, http.StatusOK, p.code, "%s", p)
	return p
}

// context returns what the pickers of a page have selected.
func (p page) context() [4]string {
	var c [4]string
	for i, field := range []string{"site", "currency", "country", "language"} {
		_, c[i] = p.id(field).values()
	}
	return c
}
