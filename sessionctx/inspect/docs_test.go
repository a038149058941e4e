package inspect_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
)

func readDocs(t *testing.T, language string) (blocks []string) {
	t.Helper()
	page, err := os.ReadFile(filepath.FromSlash("../../docs/inspect.md"))
	require.NoError(t, err)
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		blocks = append(blocks, m[1])
	}
	require.NotEmpty(t, blocks)
	return blocks
}

// The lines of Go are those of programs that are compiled and tested.
func TestDocs_LinesAreThoseOfThePrograms(t *testing.T) {
	unindented := func(text string) string {
		var b strings.Builder
		for line := range strings.Lines(text) {
			b.WriteString(strings.TrimLeft(line, "\t "))
		}
		return b.String()
	}
	var programs string
	for _, name := range []string{"example_test.go", "../../examples/storefront/server/admin.go"} {
		text, err := os.ReadFile(filepath.FromSlash(name))
		require.NoError(t, err)
		programs += "\n" + unindented(string(text))
	}
	for _, block := range readDocs(t, "go") {
		assert.Contains(t, programs, "\n"+unindented(block))
	}
}

// What the docs show is what is answered, member by member; the fields of why are too long for the
// page, and are here.
func TestJSON_IsAsTheDocsShow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, withLease)
		defer w.close()
		w.extendLease(65 * time.Second)
		base := w.update(sessionctx.Patch{Upsert: true}).Revision()
		w.update(sessionctx.Patch{Currency: sessionctx.Set("CHF")})
		_, err := w.resolver.Update(t.Context(), w.own, sessionctx.Patch{Base: &base, Currency: sessionctx.Set("EUR")})
		require.ErrorIs(t, err, sessionctx.ErrConflict)
		w.resolve(w.own)
		time.Sleep(5 * time.Second)
		synctest.Wait()

		var answered, shown map[string]any
		answer := w.get("/?format=json").Body.Bytes()
		require.NoError(t, json.Unmarshal(answer, &answered))
		require.NoError(t, json.Unmarshal([]byte(readDocs(t, "json")[0]), &shown))
		fields, err := json.Marshal(answered["why"].(map[string]any)["fields"].([]any)[2])
		require.NoError(t, err)
		assert.JSONEq(t, `{
			"field": "currency", "value": "CHF", "source": "choice",
			"candidates": [
				{"source": "choice", "value": "CHF", "verdict": "taken"},
				{"source": "customer.preferredCurrency", "value": "SEK", "verdict": "notNeeded"},
				{"source": "site.currency", "verdict": "notNeeded"}
			]
		}`, string(fields))
		answered["why"].(map[string]any)["fields"] = []any{}
		got, err := json.MarshalIndent(answered, "", "  ")
		require.NoError(t, err)
		want, err := json.MarshalIndent(shown, "", "  ")
		require.NoError(t, err)
		assert.Equal(t, string(want), string(got))
	})
}
