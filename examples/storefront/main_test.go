package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRun_PrintsTheAddressInOneLineAndEndsAtASignal(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, stdout := io.Pipe()
	done := make(chan int, 1)
	var stderr bytes.Buffer
	go func() {
		done <- run(ctx, []string{"-addr", "127.0.0.1:0", "-drain", "0s"}, stdout, &stderr)
		stdout.Close()
	}()
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan())
	found := regexp.MustCompile(`^listening on (http://127\.0\.0\.1:[1-9][0-9]*)$`).FindStringSubmatch(lines.Text())
	require.NotNil(t, found, lines.Text())
	res, err := http.Get(found[1] + "/healthz")
	require.NoError(t, err)
	assert.NoError(t, res.Body.Close())
	assert.Equal(t, http.StatusOK, res.StatusCode)
	stop()
	assert.Zero(t, <-done)
	assert.False(t, lines.Scan(), "nothing else is on stdout")
	assert.Contains(t, stderr.String(), `"msg":"request"`, "the log is on stderr")
}

func TestAdmin_HasAnAddressOfItsOwnAndEndsWithTheShop(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, stdout := io.Pipe()
	done := make(chan int, 1)
	var stderr bytes.Buffer
	go func() {
		done <- run(ctx, []string{"-addr", "127.0.0.1:0", "-admin", "localhost:0", "-drain", "0s"}, stdout, &stderr)
		stdout.Close()
	}()
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan())
	found := regexp.MustCompile(`^operators on (http://\S+)$`).FindStringSubmatch(lines.Text())
	require.NotNil(t, found, lines.Text())
	require.True(t, lines.Scan(), "the address of the shop")
	for _, path := range []string{"/", "/metrics", "/healthz", "/readyz"} {
		res, err := http.Get(found[1] + path)
		require.NoError(t, err)
		assert.NoError(t, res.Body.Close())
		assert.Equal(t, http.StatusOK, res.StatusCode, path)
	}
	stop()
	assert.Zero(t, <-done)
	assert.False(t, lines.Scan(), "nothing else is on stdout")
	_, err := http.Get(found[1] + "/healthz")
	assert.Error(t, err, "it has ended")
}

func TestAddr_OthersThanLoopbackNeedAProxyOrConsent(t *testing.T) {
	for _, args := range [][]string{
		{"-addr", "127.0.0.2:0"},
		{"-addr", "localhost:0"},
		{"-addr", "0.0.0.0:0", "-insecure-cookie"},
		{"-addr", "0.0.0.0:0", "-trusted-proxy", "10.0.0.0/8"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			stop()
			var stdout, stderr bytes.Buffer
			assert.Zero(t, run(ctx, append(args, "-drain", "0s"), &stdout, &stderr), stderr.String())
			assert.Contains(t, stdout.String(), "listening on http://")
		})
	}
}

func TestRun_NamesWrongFlags(t *testing.T) {
	for _, tc := range []struct {
		desc string
		args []string
		code int
		says string
	}{
		{"help", []string{"-h"}, 0, "-store"},
		{"no such flag", []string{"-port", "1"}, 2, "-port"},
		{"no flag", []string{"serve"}, 2, `storefront: unexpected argument "serve"`},
		{"no such store", []string{"-store", "valkey://:secret@127.0.0.1"}, 1, "storefront: -store valkey:...: must be memory, bolt:PATH or redis://HOST:PORT/DB"},
		{"a file without a name", []string{"-store", "bolt:"}, 1, "storefront: -store bolt:...: must be memory"},
		{"a file that cannot be", []string{"-store", "bolt:/nowhere/sessions"}, 1, "/nowhere/sessions"},
		{"a server that does not answer", []string{"-store", "redis://:secret@127.0.0.1:1/0"}, 1, "storefront: -store redis://127.0.0.1:1: redisstore: "},
		{"no address of a server", []string{"-store", "redis://:secret@[/0"}, 1, "storefront: -store redis://...: must be memory"},
		{"no such key", []string{"-key", "/nowhere/key"}, 1, `storefront: -key "/nowhere/key"`},
		{"no such data", []string{"-data", "/nowhere/data"}, 1, "/nowhere/data"},
		{"an address that others can reach", []string{"-addr", "0.0.0.0:0"}, 2, `storefront: -addr "0.0.0.0:0": must be a loopback address`},
		{"all addresses", []string{"-addr", ":0"}, 2, "over HTTPS only"},
		{"all addresses, IPv6", []string{"-addr", "[::]:0"}, 2, "-insecure-cookie"},
		{"a name", []string{"-addr", "shop.example:80"}, 2, "-trusted-proxy"},
		{"no proxy", []string{"-trusted-proxy", "proxy.example"}, 1, `storefront: -trusted-proxy "proxy.example": must be an IP address`},
		{"no origin", []string{"-cors", "*"}, 1, `storefront: -cors: rest.Config.AllowedOrigins "*": must be an origin`},
		{"a time that is none", []string{"-drain", "-2s"}, 2, `storefront: -drain "-2s": must be between 0s and 1h`},
		{"a time that is too long", []string{"-drain", "2h"}, 1, `storefront: -drain "2h0m0s": must be between 0s and 1h`},
		{"operators elsewhere", []string{"-admin", "0.0.0.0:9090"}, 2, `storefront: -admin "0.0.0.0:9090": must be a loopback address and a port`},
		{"operators everywhere", []string{"-admin", ":9090"}, 2, "ssh -L"},
		{"operators by a name", []string{"-admin", "ops.example:9090", "-insecure-cookie"}, 2, "it serves has no login"},
		{"operators without a port", []string{"-admin", "127.0.0.1"}, 2, `storefront: -admin "127.0.0.1"`},
		{"operators at a port that is none", []string{"-admin", "127.0.0.1:nope", "-addr", "127.0.0.1:0"}, 1, `storefront: -admin "127.0.0.1:nope"`},
		{"no address", []string{"-addr", "nonsense"}, 1, `storefront: -addr "nonsense"`},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			assert.Equal(t, tc.code, run(t.Context(), tc.args, &stdout, &stderr))
			assert.Contains(t, stderr.String(), tc.says)
			assert.Empty(t, stdout.String())
			assert.NotContains(t, stderr.String(), "secret")
		})
	}
}
