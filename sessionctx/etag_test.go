package sessionctx_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/sessionctx"
)

func TestETag_NamesRevisionAndAllThatIsShown(t *testing.T) {
	s := sessionFrom(t, fullSession)
	assert.Regexp(t, regexp.MustCompile(`^"00000000007d0917\.7\.[A-Za-z0-9_-]{22}"$`), s.ETag())
	assert.Equal(t, sessionctx.Revision{Incarnation: 8194327, Version: 7}, s.Revision())
	assert.Equal(t, s.ETag(), sessionFrom(t, fullSession).ETag(), "a function of the session alone")

	tags := map[string]string{s.ETag(): "nothing"}
	one := func(name, value string) any { return map[string]any{"name": name, "value": value} }
	for _, change := range []struct {
		member string
		value  any
	}{
		{"tenant", "bcme"}, {"id", "other"}, {"customerId", nil},
		{"site", "de"}, {"currency", "USD"}, {"country", "FR"}, {"language", "fr"}, {"cartId", nil},
		{"version", 8}, {"createdAt", "2026-01-02T03:04:05.007Z"}, {"modifiedAt", nil}, {"incarnation", "0000000000000100"},
		{"sources", nil}, {"sources", map[string]any{"site": "choice"}},
		{"attributes", nil}, {"attributes", []any{one("attr-a", "1")}}, {"attributes", []any{one("attr-b", "1")}},
		{"attributes", []any{one("attr-a", "2")}}, {"attributes", []any{one("attr-a", "1"), one("attr-b", "1")}},
	} {
		tag := sessionFrom(t, changed(t, change.member, change.value)).ETag()
		if other, ok := tags[tag]; ok {
			assert.Fail(t, "one tag for two sessions", "changed %v, and %s", change, other)
		}
		tags[tag] = fmt.Sprint(change)
	}
	a := sessionFrom(t, `{"v":1,"tenant":"acme","id":"ab","customerId":"c"}`).ETag()
	b := sessionFrom(t, `{"v":1,"tenant":"acme","id":"a","customerId":"bc"}`).ETag()
	assert.NotEqual(t, a, b, "texts do not run into each other")
}

func TestETag_IgnoresWhoAsks(t *testing.T) {
	s := sessionFrom(t, fullSession)
	assert.Equal(t, s.ETag(), sessionFrom(t, changed(t, "proof", "management")).ETag())
}

func TestETag_IsEmptyForWhatCannotBeNamed(t *testing.T) {
	assert.Empty(t, sessionFrom(t, changed(t, "id", nil)).ETag(), "no id")
	assert.Empty(t, sessionFrom(t, changed(t, "degraded", true)).ETag(), "degraded")
	missing := sessionFrom(t, changed(t, "profileMissing", true))
	assert.True(t, missing.ProfileMissing)
	assert.Empty(t, missing.ETag(), "the profile may come back without a write")
	assert.Equal(t, sessionctx.Revision{Incarnation: 8194327, Version: 7}, missing.Revision(), "a write can still be based on it")

	unwritten := sessionctx.Session{Tenant: "acme", ID: "x", Site: "main"}
	assert.Regexp(t, `^"0{16}\.0\..{22}"$`, unwritten.ETag(), "a session without a record has a tag")
	assert.Zero(t, unwritten.Revision())
	degraded := sessionctx.Session{Version: -1, Degraded: true}
	assert.Zero(t, degraded.Revision())
}

func BenchmarkSession_ETag(b *testing.B) {
	s := sessionFrom(b, fullSession)
	b.ReportAllocs()
	for b.Loop() {
		_ = s.ETag()
	}
}
