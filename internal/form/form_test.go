package form_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/form"
)

const mediaType = "application/x-www-form-urlencoded"

func TestRead_TakesWhatABrowserSends(t *testing.T) {
	for _, tc := range []struct {
		desc, target, body string
		want               map[string]string
	}{
		{"a field", "/", "site=main", map[string]string{"site": "main"}},
		{"an empty field is there", "/", "site=", map[string]string{"site": ""}},
		{"fields of other names are left out, also where they are there twice", "/", "site=main&x=1&x=2", map[string]string{"site": "main"}},
		{"nothing comes from the query", "/?language=de", "site=main", map[string]string{"site": "main"}},
		{"no field", "/", "", map[string]string{}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, tc.target, strings.NewReader(tc.body))
			r.Header.Set("Content-Type", mediaType+"; charset=UTF-8")
			got, refused := form.Read(httptest.NewRecorder(), r, 100, "site", "language")
			require.Nil(t, refused)
			assert.Equal(t, tc.want, got)
		})
	}
}

func TestRead_SaysWhichRuleABodyBreaks(t *testing.T) {
	long := strings.Repeat("x", 200)
	for _, tc := range []struct {
		desc, mediaType, coding, target, body string
		want                                  form.Refusal
	}{
		{"another media type", "text/plain", "", "/", "site=main", form.Refusal{Status: 415, Field: "Content-Type", Value: "text/plain", Rule: "must be " + mediaType}},
		{"no media type", "", "", "/", "site=main", form.Refusal{Status: 415, Field: "Content-Type", Rule: "must be " + mediaType}},
		{"a compressed body", mediaType, "gzip", "/", "site=main", form.Refusal{Status: 415, Field: "Content-Encoding", Value: "gzip", Rule: "must not be compressed"}},
		{"a body that is too large", mediaType, "", "/", "site=" + long, form.Refusal{Status: 413, Rule: "has at most 100 bytes", Limit: 100}},
		{"a bad escape", mediaType, "", "/", "site=%zz", form.Refusal{Status: 400, Rule: "cannot be read"}},
		{"a bad escape in the query", mediaType, "", "/?x=%zz", "site=main", form.Refusal{Status: 400, Rule: "cannot be read"}},
		{"a field twice", mediaType, "", "/", "site=a&site=" + long[:70], form.Refusal{Status: 400, Field: "site", Value: long[:64], Rule: "must not be given twice"}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, tc.target, strings.NewReader(tc.body))
			r.Header.Set("Content-Type", tc.mediaType)
			if tc.coding != "" {
				r.Header.Set("Content-Encoding", tc.coding)
			}
			got, refused := form.Read(httptest.NewRecorder(), r, 100, "site")
			require.NotNil(t, refused)
			assert.Equal(t, tc.want, *refused)
			assert.Nil(t, got)
		})
	}
}

func TestRefusal_StringLeavesTheValueOut(t *testing.T) {
	assert.Equal(t, "sessionId must not be given twice", (&form.Refusal{Field: "sessionId", Value: "secret", Rule: "must not be given twice"}).String())
	assert.Equal(t, "the form cannot be read", (&form.Refusal{Rule: "cannot be read"}).String())
}

// A client that waits for 100 (RFC 9110, section 10.1.1) must not be asked for a body that is
// refused.
func TestRead_RefusesABodyThatSaysItIsTooLargeUnread(t *testing.T) {
	body := strings.NewReader(strings.Repeat("x", 101))
	r := httptest.NewRequest(http.MethodPost, "/", body)
	r.Header.Set("Content-Type", mediaType)
	_, refused := form.Read(httptest.NewRecorder(), r, 100, "site")
	require.NotNil(t, refused)
	assert.Equal(t, http.StatusRequestEntityTooLarge, refused.Status)
	assert.Equal(t, 101, body.Len())
}
