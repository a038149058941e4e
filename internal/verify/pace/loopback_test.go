package pace_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/pace"
	"github.com/sessionctx/storefront/internal/verify/tables"
)

// TestAWarmResolveBesideARequestOnLoopback compares it with what calling a context service costs at the very least: one GET
// on a connection that stays open, to a server on the same machine that knows its answer by heart. The answer is read, and not parsed.
func TestAWarmResolveBesideARequestOnLoopback(t *testing.T) {
	body, err := json.Marshal(map[string]any{
		"sessionId": "62528895-b561-4518-bfdc-000000000000", "siteCode": "main", "currency": "CHF", "targetLocation": "DE", "language": "en",
		"context": map[string]any{}, "metadata": map[string]any{"version": 3}, "note": strings.Repeat("x", 100),
	})
	require.NoError(t, err)
	body = append(body, strings.Repeat(" ", 300-len(body))...)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(body)
	}))
	t.Cleanup(server.Close)
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport}

	all := newShoppers(pace.Sessions(t))
	r := newResolver(t)
	t.Cleanup(warm(t, r, len(all.keys), all.request))
	asking := walk("GET on loopback", len(all.keys), func(int) func(int) bool {
		return func(i int) bool {
			answer, err := client.Get(server.URL + "/session-context/demoshop/context/" + all.sessions[i])
			if err != nil {
				return false
			}
			n, err := io.Copy(io.Discard, answer.Body)
			return answer.Body.Close() == nil && err == nil && n == 300
		}
	})
	var rows [][]string
	for _, n := range goroutines() {
		rows = append(rows, pace.Compare(t, n, resolving("Resolve", r, len(all.keys), all.request), asking).Row("warm Resolve, "+on(n), 1, pace.Goal{}))
	}
	tables.Write(t, "pace-loopback", pace.Header, rows...)
}
