package redact_test

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redact"
)

func TestText_NoSpellingOfASecretStays(t *testing.T) {
	const secret = `an "id"/ü`
	for _, tc := range []struct{ desc, text string }{
		{"plain", "load " + secret + ": refused"},
		{"quoted", fmt.Sprintf("load %q: refused", secret)},
		{"in a path", "GET /customers/" + url.PathEscape(secret)},
		{"in a query", "GET /customers?key=" + url.QueryEscape(secret)},
		{"in base64", "key YW4gImlkIi_DvA is bad"},
		{"in padded base64", "key YW4gImlkIi/DvA== is bad"},
		{"twice", secret + secret},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			got := redact.Text(tc.text, "", secret)
			assert.NotEqual(t, tc.text, got)
			assert.NotContains(t, got, "id")
			assert.NotContains(t, got, "YW4gI")
			assert.Contains(t, got, "[redacted]")
		})
	}
}

func TestText_SecretInsideOfAnotherHidesNeither(t *testing.T) {
	assert.Equal(t, "a [redacted] b [redacted] c", redact.Text("a C100-longer b C100 c", "C100", "C100-longer"))
}

func TestText_LeavesEverythingElse(t *testing.T) {
	assert.Equal(t, "connection refused", redact.Text("connection refused", "", "C100"))
	assert.Same(t, io.EOF, redact.Error(io.EOF, "C100"))
	assert.NoError(t, redact.Error(nil, "C100"))
}

func TestError_KeepsItsKind(t *testing.T) {
	cause := &url.Error{Op: "Get", URL: "https://crm.example/customers/C100", Err: io.ErrUnexpectedEOF}
	err := redact.Error(fmt.Errorf("directory: %w", cause), "C100")
	assert.Equal(t, `directory: Get "https://crm.example/customers/[redacted]": unexpected EOF`, err.Error())
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	var as *url.Error
	assert.True(t, errors.As(err, &as))
}
