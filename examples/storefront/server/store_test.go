package server_test

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/examples/storefront/server"
	"github.com/sessionctx/storefront/internal/redisserver"
)

// keyFile returns the name of a file with a new key.
func keyFile(t *testing.T) string {
	t.Helper()
	var key [32]byte
	_, _ = rand.Read(key[:])
	name := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(name, []byte(hex.EncodeToString(key[:])), 0o600))
	return name
}

// visit begins a session and returns its token.
func visit(t *testing.T, client *http.Client, url string) string {
	t.Helper()
	code, body := get(t, client, url+"/customerlogin/auth/anonymous/login?tenant=demoshop&client_id=storefront")
	require.Equal(t, http.StatusOK, code, body)
	var login struct {
		Token string `json:"access_token"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &login))
	return login.Token
}

const ownContext = "/session-context/demoshop/me/context"

func choose(t *testing.T, client *http.Client, url, token, currency string) {
	t.Helper()
	code, body := send(t, client, http.MethodPatch, url+ownContext, token, `{"currency": "`+currency+`"}`)
	require.Equal(t, http.StatusNoContent, code, body)
}

func chosen(t *testing.T, client *http.Client, url, token string) string {
	t.Helper()
	code, body := send(t, client, http.MethodGet, url+ownContext, token, "")
	require.Equal(t, http.StatusOK, code, body)
	var context struct{ Currency string }
	require.NoError(t, json.Unmarshal([]byte(body), &context))
	return context.Currency
}

func TestStore_FileKeepsChoicesAndLogoutsBeyondARestart(t *testing.T) {
	cfg := server.Config{Store: "bolt:" + filepath.Join(t.TempDir(), "sessions"), KeyFile: keyFile(t)}
	var stays, ends string
	t.Run("before", func(t *testing.T) {
		client, url, log := start(t, cfg)
		stays, ends = visit(t, client, url), visit(t, client, url)
		choose(t, client, url, stays, "CHF")
		choose(t, client, url, ends, "CHF")
		code, body := get(t, client, url+"/customer/demoshop/logout?accessToken="+ends)
		require.Equal(t, http.StatusNoContent, code, body)
		assert.NotContains(t, log.String(), "forgotten at a restart")
	})
	client, url, _ := start(t, cfg)
	assert.Equal(t, "CHF", chosen(t, client, url, stays))
	code, body := send(t, client, http.MethodGet, url+ownContext, ends, "")
	assert.Equal(t, http.StatusNotFound, code, body)
}

func TestStore_TwoStorefrontsOnOneRedisAreOneShop(t *testing.T) {
	redis := redisserver.Start(t)
	cfg := server.Config{Store: "redis://" + redis.Addr() + "/3", KeyFile: keyFile(t)}
	client, one, _ := start(t, cfg)
	_, other, _ := start(t, cfg)
	client.Transport.(*http.Transport).TLSClientConfig.InsecureSkipVerify = true // the other one has a certificate of its own
	token := visit(t, client, one)
	for i, at := range [][2]string{{one, other}, {other, one}} {
		want := []string{"CHF", "GBP"}[i]
		choose(t, client, at[0], token, want)
		assert.Equal(t, want, chosen(t, client, at[0], token), "at once where it was chosen")
		require.Eventually(t, func() bool { return chosen(t, client, at[1], token) == want }, 10*time.Second, 5*time.Millisecond, "within the lease at the other one")
	}
	assert.NotEqual(t, "0", redis.Do(t, "-n", "3", "DBSIZE"), "it is the database of the flag")
	assert.Equal(t, "0", redis.Do(t, "DBSIZE"))

	code, body := get(t, client, one+"/customer/demoshop/logout?accessToken="+token)
	require.Equal(t, http.StatusNoContent, code, body)
	require.Eventually(t, func() bool {
		code, _ := send(t, client, http.MethodGet, other+ownContext, token, "")
		return code == http.StatusNotFound
	}, 10*time.Second, 5*time.Millisecond)
}
