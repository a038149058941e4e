package server_test

import (
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/examples/storefront/data"
	"github.com/sessionctx/storefront/examples/storefront/server"
)

// buffer is a log that several goroutines write.
type buffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// start returns a browser with a cookie jar, the address of a server and its log.
func start(t *testing.T, cfg server.Config) (*http.Client, string, *buffer) {
	t.Helper()
	log := &buffer{}
	cfg.Logger = slog.New(slog.NewJSONHandler(log, nil))
	s, err := server.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	ts := httptest.NewTLSServer(s.Handler()) // the cookie is Secure
	t.Cleanup(ts.Close)
	client := ts.Client()
	client.Jar, err = cookiejar.New(nil)
	require.NoError(t, err)
	return client, ts.URL, log
}

func answer(t *testing.T, res *http.Response, err error) (int, string) {
	t.Helper()
	require.NoError(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(b)
}

func get(t *testing.T, client *http.Client, url string) (int, string) {
	t.Helper()
	res, err := client.Get(url)
	return answer(t, res, err)
}

func send(t *testing.T, client *http.Client, method, url, token, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := client.Do(req)
	return answer(t, res, err)
}

func TestServer_ServesTheSampleShop(t *testing.T) {
	client, url, _ := start(t, server.Config{})
	for path, want := range map[string]string{"/": "Demo Shop Europe", "/shop/demoshop/": "Demo Shop Europe", "/shop/othershop/": "Other Shop"} {
		code, body := get(t, client, url+path)
		assert.Equal(t, http.StatusOK, code, path)
		assert.Contains(t, body, want, path)
	}
	_, body := get(t, client, url+"/sign-in?sample=C100")
	assert.Contains(t, body, `value="anna@demo.example"`)
	assert.Contains(t, body, "eve@demo.example")
}

// otherData is a shop that has nothing in common with the sample.
func otherData(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"zeta/sites.json": `[{"code": "z", "name": "Zeta", "default": true, "currency": "USD", "homeBase": {"address": {"country": "US"}}, "defaultLanguage": "en"}]`,
		"kuwait1/sites.json": `[{"code": "kw", "name": "Souk", "default": true, "currency": "KWD", "availableCurrencies": ["KWD", "BHD"],
			"homeBase": {"address": {"country": "KW"}}, "shipToCountries": ["KW", "BH"], "defaultLanguage": "ar", "languages": ["ar", "en"]}]`,
		"kuwait1/customers.json": `[{"id": "1", "contactEmail": "noor@souk.example", "preferredCurrency": "BHD",
			"passwordHash": "$2a$10$u4v305fOLswKwhyrMPrjLOM6CYU35ETSxZEKECCMQRpZRMqXvdpZq"}]`,
		"kuwait1/clients.json": `[{"clientId": "till", "public": true}]`,
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	return dir
}

func TestServer_ServesOtherDataAndNothingOfTheSample(t *testing.T) {
	client, shop, _ := start(t, server.Config{DataDir: otherData(t), Store: "memory"})
	code, body := get(t, client, shop+"/")
	assert.Equal(t, http.StatusOK, code)
	assert.Contains(t, body, `<html lang="ar" dir="rtl">`, "the first tenant by name")
	assert.Contains(t, body, "Souk")
	assert.Contains(t, body, `<data value="6.426">`, "three digits")
	code, _ = get(t, client, shop+"/shop/demoshop/")
	assert.Equal(t, http.StatusNotFound, code)
	_, body = get(t, client, shop+"/sign-in?sample=1")
	assert.NotContains(t, body, "noor@souk.example", "its customers are no samples")

	res, err := client.PostForm(shop+"/sign-in", url.Values{"email": {"noor@souk.example"}, "password": {data.Password}})
	code, body = answer(t, res, err)
	assert.Equal(t, http.StatusOK, code)
	assert.Contains(t, body, "noor@souk.example")
	assert.Contains(t, body, `<option value="BHD" selected>`)
}

func TestNew_ReportsAllMistakesAtOnce(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	short := strings.Repeat("ab", 31)
	require.NoError(t, os.WriteFile(key, []byte(short), 0o600))
	_, err := server.New(server.Config{DataDir: filepath.Join(t.TempDir(), "nowhere"), Store: "disk", KeyFile: key})
	require.Error(t, err)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, `-store disk:...: must be memory`)
	assert.ErrorContains(t, err, key+`": must hold 32 bytes in hexadecimal`)
	assert.NotContains(t, err.Error(), short, "a key is a secret, a wrong one too")
}

func TestKeyFile_Is32BytesInHex(t *testing.T) {
	good := strings.Repeat("0f", 32)
	for _, tc := range []struct {
		desc, content string
		ok            bool
	}{
		{"as it should be", good, true},
		{"with a line's end", good + "\n", true},
		{"in capitals", strings.ToUpper(good), true},
		{"empty", "", false},
		{"too short", good[2:], false},
		{"too long", good + "00", false},
		{"half a byte", good + "0", false},
		{"no hex", strings.Repeat("xy", 32), false},
		{"in two parts", good[:32] + " " + good[32:], false},
		{"a large file", strings.Repeat(good, 1000), false},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "key")
			require.NoError(t, os.WriteFile(name, []byte(tc.content), 0o600))
			s, err := server.New(server.Config{KeyFile: name, Logger: slog.New(slog.DiscardHandler)})
			if tc.ok {
				require.NoError(t, err)
				assert.NoError(t, s.Close())
				return
			}
			assert.ErrorContains(t, err, "-key "+`"`+name+`"`)
		})
	}
	_, err := server.New(server.Config{KeyFile: filepath.Join(t.TempDir(), "nowhere")})
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestKeyFile_MakesTokensOutliveTheProcess(t *testing.T) {
	name := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(name, []byte(strings.Repeat("0f", 32)), 0o600))
	for _, tc := range []struct {
		desc, key string
		want      int
		warning   string
	}{
		{"with a key", name, http.StatusOK, "logouts are forgotten at a restart"},
		{"without", "", http.StatusUnauthorized, "random key"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			client, url, log := start(t, server.Config{KeyFile: tc.key})
			token := anonymous(t, client, url)
			assert.Contains(t, log.String(), tc.warning)
			client, url, _ = start(t, server.Config{KeyFile: tc.key})
			code, _ := send(t, client, http.MethodGet, url+"/session-context/demoshop/me/context", token, "")
			assert.Equal(t, tc.want, code)
		})
	}
}

func anonymous(t *testing.T, client *http.Client, url string) string {
	t.Helper()
	code, body := get(t, client, url+"/customerlogin/auth/anonymous/login?tenant=demoshop&client_id=storefront")
	require.Equal(t, http.StatusOK, code, body)
	var token struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &token))
	return token.AccessToken
}

func TestInterface_TakesTheIssuersTokens(t *testing.T) {
	client, url, _ := start(t, server.Config{})
	me := url + "/session-context/demoshop/me/context"
	code, _ := send(t, client, http.MethodGet, me, "", "")
	assert.Equal(t, http.StatusUnauthorized, code, "nobody")
	token := anonymous(t, client, url)
	code, _ = send(t, client, http.MethodPatch, me, token, `{"currency": "CHF", "context": {"a//b": 1}}`)
	assert.Equal(t, http.StatusNoContent, code)
	code, body := send(t, client, http.MethodGet, me, token, "")
	assert.Equal(t, http.StatusOK, code)
	assert.Contains(t, body, `"currency":"CHF"`)
	code, _ = send(t, client, http.MethodGet, url+"/session-context/othershop/me/context", token, "")
	assert.Equal(t, http.StatusForbidden, code, "another tenant's")
	code, _ = send(t, client, http.MethodDelete, me+"/attributes/a//b", token, "")
	assert.Equal(t, http.StatusNoContent, code, "no mux cleans the path")
	_, body = send(t, client, http.MethodGet, me, token, "")
	assert.NotContains(t, body, "a//b")
	code, _ = get(t, client, url+"/session-context/demoshop/openapi.json")
	assert.Equal(t, http.StatusOK, code)
}

func TestInterface_SharesTheCookiesSessionWithThePages(t *testing.T) {
	client, shop, _ := start(t, server.Config{})
	res, err := client.PostForm(shop+"/choices", url.Values{"currency": {"GBP"}})
	code, _ := answer(t, res, err)
	require.Equal(t, http.StatusOK, code)
	me := shop + "/session-context/demoshop/me/context"
	code, body := send(t, client, http.MethodGet, me, "", "")
	assert.Equal(t, http.StatusOK, code)
	assert.Contains(t, body, `"currency":"GBP"`)
	code, _ = send(t, client, http.MethodPatch, me, "", `{"targetLocation": "AT"}`)
	assert.Equal(t, http.StatusNoContent, code)
	_, body = get(t, client, shop+"/")
	assert.Contains(t, body, `<option value="AT" selected>`)
}

func TestRequestLog_NamesNobody(t *testing.T) {
	client, shop, log := start(t, server.Config{})
	token := anonymous(t, client, shop)
	res, err := client.PostForm(shop+"/sign-in?email=anna@demo.example", url.Values{"email": {"anna@demo.example"}, "password": {data.Password}})
	answer(t, res, err)
	send(t, client, http.MethodGet, shop+"/session-context/demoshop/context/secret-session", token, "")
	send(t, client, http.MethodPost, shop+"/customer/demoshop/login", token, `{"email": "anna@demo.example", "password": "hunter2"}`)
	get(t, client, shop+"/customer/demoshop/logout?accessToken="+token)
	get(t, client, shop+"/nowhere/secret-path?token=secret-query")
	send(t, client, "SECRETMETHOD", shop+"/", "", "")

	logged := log.String()
	u, err := url.Parse(shop)
	require.NoError(t, err)
	for _, secret := range []string{"secret", "SECRET", "anna@", "hunter2", data.Password, token, client.Jar.Cookies(u)[0].Value} {
		assert.NotContains(t, logged, secret)
	}
	var routes []string
	for line := range strings.Lines(logged) {
		var record struct {
			Msg, Method, Route string
			Status             int
			Duration           int64
		}
		require.NoError(t, json.Unmarshal([]byte(line), &record))
		if record.Msg == "request" {
			routes = append(routes, record.Method+" | "+record.Route)
			assert.NotZero(t, record.Status)
			assert.NotZero(t, record.Duration)
		}
	}
	assert.Contains(t, routes, "POST | /sign-in")
	assert.Contains(t, routes, "GET | /session-context/")
	assert.Contains(t, routes, "other | /{$}")
}

func TestHealth_AnswersAreNotCached(t *testing.T) {
	client, url, _ := start(t, server.Config{})
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n"} {
		res, err := client.Get(url + path)
		code, body := answer(t, res, err)
		assert.Equal(t, http.StatusOK, code)
		assert.Equal(t, want, body)
		assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	}
}

func TestServe_AnswersWhatItHasBegunBeforeItStops(t *testing.T) {
	s, err := server.New(server.Config{Drain: -1, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	defer s.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, listener) }()
	shop := "http://" + listener.Addr().String()

	// A form whose end has not arrived yet.
	body, rest := io.Pipe()
	answered := make(chan int, 1)
	go func() {
		defer close(answered)
		req, err := http.NewRequest(http.MethodPost, shop+"/choices", body)
		if assert.NoError(t, err) {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			res, err := http.DefaultTransport.RoundTrip(req)
			code, _ := answer(t, res, err)
			answered <- code
		}
	}()
	_, err = io.WriteString(rest, "currency=CHF")
	require.NoError(t, err)
	code, _ := get(t, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, shop+"/readyz")
	require.Equal(t, http.StatusOK, code)

	stop()
	for {
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			break // nobody new comes in
		}
		conn.Close()
	}
	select {
	case err := <-served:
		t.Fatal("the server did not wait", err)
	default:
	}
	_, err = io.WriteString(rest, "&language=en")
	require.NoError(t, err)
	require.NoError(t, rest.Close())
	assert.Equal(t, http.StatusSeeOther, <-answered)
	assert.NoError(t, <-served)

	recorded := httptest.NewRecorder()
	s.Handler().ServeHTTP(recorded, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	assert.Equal(t, http.StatusServiceUnavailable, recorded.Code)
}
