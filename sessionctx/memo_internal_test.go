package sessionctx

import (
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/defaults"
)

func TestSessionsOfOneSiteShareTheirMemo(t *testing.T) {
	assert.EqualValues(t, 64, unsafe.Sizeof(memo{}), "one cache line")
	of := func(site string) *entry {
		req := Request{Hints: defaults.Hints{AcceptLanguage: strings.Clone("de-CH,de;q=0.9")}} // as each request brings its own
		return newEntry(Key{}, &Record{}).remember(&req, true, "", defaults.Values{Site: site, Currency: "CHF"}, &surroundings{})
	}
	one, other := of("one").memo, of("two").memo
	assert.Same(t, one, of("one").memo)
	assert.NotSame(t, one, other)
	assert.Same(t, one.hints, other.hints)
	assert.Same(t, one.answer, other.answer)
}
