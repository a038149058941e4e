package nginx_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/nginx"
)

func TestStart_ServersAreSeparate(t *testing.T) {
	a := nginx.Start(t, `map $uri $who { default a; }`, `location / { return 200 $who; }`)
	b := nginx.Start(t, ``, `location / { return 200 b; }`)
	for addr, want := range map[string]string{a: "a", b: "b"} {
		res, err := http.Get("http://" + addr)
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		assert.Equal(t, want, string(body))
	}
}
