package varnish_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/varnish"
)

func TestStart_ServersAreSeparate(t *testing.T) {
	answers := func(code string) string {
		return "vcl 4.1;\nbackend default none;\nsub vcl_recv { return (synth(" + code + ")); }\n"
	}
	a, b := varnish.Start(t, answers("410")), varnish.Start(t, answers("418"))
	for addr, want := range map[string]int{a: 410, b: 418} {
		res, err := http.Get("http://" + addr)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		assert.Equal(t, want, res.StatusCode)
	}
}
