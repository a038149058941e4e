package sessionctx

import (
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/defaults"
)

// TestMemosShareTheirTexts makes memos of several sites before and after garbage collections.
func TestMemosShareTheirTexts(t *testing.T) {
	assert.EqualValues(t, 128, unsafe.Sizeof(memo{}), "two cache lines")
	of := func(site string) *memo {
		language := strings.Clone("de-CH,de;q=0.9") // as each request brings its own
		return memos.Pointer(lines{requestSite: site, hints: defaults.Hints{AcceptLanguage: language}, currency: "CHF"}, newMemo)
	}
	one := of("one")
	for range 3 {
		runtime.GC()
	}
	two := of("two")
	assert.NotSame(t, one, two)
	assert.Same(t, unsafe.StringData(one.hints.AcceptLanguage), unsafe.StringData(two.hints.AcceptLanguage))
	assert.Same(t, two, of("two"))
	runtime.KeepAlive(one)
}
