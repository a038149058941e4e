package otelctx_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

func TestOperatingPage_NamesEveryMetricAndNoOther(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "operating.md"))
	if os.IsNotExist(err) {
		t.Skip("NOT TESTED: the page is not part of this module")
	}
	require.NoError(t, err)
	w := newWorld(t)
	r := newResolver(t, sessionctx.Config{Store: leased{&memstore.Store{}}, Directory: directory, Observe: w.telemetry.Observe})
	_, err = w.telemetry.Register(r, attribute.String("lease", "ends"))
	require.NoError(t, err)
	resolve(t, r, request("session-1", "customer-7"))
	known := make(map[string]bool) // metrics and attributes; those of metrics only have to be on the page
	for name := range w.collect(t) {
		metric, attributes, _ := strings.Cut(name, "{")
		known[metric] = true
		assert.Contains(t, string(text), "`"+metric+"`")
		for _, a := range regexp.MustCompile(`session_context[\w.]+`).FindAllString(attributes, -1) {
			known[a] = true
		}
	}
	known["session_context.tenant"] = true
	for _, name := range regexp.MustCompile("`(session_context\\.[\\w.]+)`").FindAllStringSubmatch(string(text), -1) {
		assert.True(t, known[name[1]], "the page names %s, which is not reported", name[1])
	}
}
