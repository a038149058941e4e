package shop_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestForm_IsOneThatABrowserSends(t *testing.T) {
	const form, query = "application/x-www-form-urlencoded", "currency=CHF&return=%2F"
	for _, tc := range []struct {
		desc, mediaType, coding, body string
		want                          int
	}{
		{"a browser's", form, "", query, http.StatusSeeOther},
		{"with a charset", form + "; charset=UTF-8", "", query, http.StatusSeeOther},
		{"in capitals", strings.ToUpper(form), "", query, http.StatusSeeOther},
		{"not compressed, and it says so", form, "identity", query, http.StatusSeeOther},
		{"in gzip", form, "gzip", query, http.StatusUnsupportedMediaType},
		{"in two codings", form, "identity, br", query, http.StatusUnsupportedMediaType},
		{"in parts", "multipart/form-data; boundary=x", "", "--x\r\nContent-Disposition: form-data; name=\"currency\"\r\n\r\nCHF\r\n--x--\r\n", http.StatusUnsupportedMediaType},
		{"JSON", "application/json", "", `{"currency":"CHF"}`, http.StatusUnsupportedMediaType},
		{"plain text", "text/plain", "", query, http.StatusUnsupportedMediaType},
		{"of no type", "", "", query, http.StatusUnsupportedMediaType},
		{"with semicolons", form, "", strings.ReplaceAll(query, "&", ";"), http.StatusBadRequest},
		{"with a bad escape", form, "", query + "&x=%zz", http.StatusBadRequest},
		{"with a name twice", form, "", query + "&currency=EUR", http.StatusBadRequest},
		{"with a value twice", form, "", query + "&return=%2F", http.StatusBadRequest},
		{"in the query alone", form, "", "", http.StatusBadRequest},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			m := open(t, setup{})
			s := m.visit(t, "/")
			for _, path := range []string{"choices", "cart"} {
				body := tc.body
				if path == "cart" {
					body = strings.NewReplacer("currency=CHF", "add=mug", "return=%2F", "quantity=1", "currency=EUR", "add=pot").Replace(body)
				}
				r, err := http.NewRequest(http.MethodPost, s.base+path+"?"+query+"&add=mug", strings.NewReader(body))
				require.NoError(t, err)
				r.Header.Set("Content-Type", tc.mediaType)
				if tc.coding != "" {
					r.Header.Set("Content-Encoding", tc.coding)
				}
				res, err := s.client.Transport.RoundTrip(r)
				require.NoError(t, err)
				require.NoError(t, res.Body.Close())
				assert.Equal(t, tc.want, res.StatusCode, path)
				if res.StatusCode != http.StatusSeeOther {
					assert.Zero(t, m.resolver.Stats().Writes, path)
					assert.Equal(t, tc.coding != "", res.Header.Get("Accept-Encoding") == "identity")
				}
			}
		})
	}
}
